"""Logging from real programs: what is on disk after they ended, failed, were killed, forked or ran side by side."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.core.digest import EPOCH_MS, make_id, time_of_id
from mlm_jupyter.core.entities import Run
from mlm_jupyter.errors import ConflictError, InvalidInputError, MlmError, NotFoundError, StorageError
from mlm_jupyter.process import find_process_start, is_alive, start_session
from mlm_jupyter.recorder import Recorder
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.runs import Runs

HEADER = """
import os, sys, threading, time
from pathlib import Path
from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.ending import end_with_program
from mlm_jupyter.process import start_session
from mlm_jupyter.recorder import Recorder
from mlm_jupyter.store.database import Database
database = Database.open(Path(sys.argv[1]), create=True)
mlm = Recorder(database, start_session(new_id(), author="ada", started_at=now_ms()))
end_with_program(mlm)
"""


class Project:
    """A project's folder, and programs that record into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database.open(folder / ".mlm", create=True)
        self.runs = Runs(self.database)

    def start(self, program: str) -> subprocess.Popen[str]:
        script = self.folder / f"train-{new_id()}.py"
        script.write_text(HEADER + textwrap.dedent(program))
        command = [sys.executable, str(script), str(self.folder / ".mlm")]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, program: str) -> tuple[int, str]:
        process = self.start(program)
        _, errors = process.communicate(timeout=60)
        return process.returncode, errors

    def statuses(self) -> dict[str, str]:
        return {run.name: run.status for run in self.runs.list()}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    project.database.close()


@pytest.fixture
def mlm(project: Project) -> Iterator[Recorder]:
    session = start_session(new_id(), author="ada", started_at=now_ms(), notebook="work/tour.ipynb")
    recorder = Recorder(project.database, session)
    yield recorder
    recorder.close()


ENDINGS = {
    "pass": (0, "finished"),
    "sys.exit()": (0, "finished"),
    "sys.exit(0)": (0, "finished"),
    "sys.exit(3)": (3, "failed"),
    "sys.exit('no data')": (1, "failed"),
    "1 / 0": (1, "failed"),
    "raise KeyboardInterrupt": (-signal.SIGINT, "failed"),
    "try:\n    sys.exit(3)\nexcept SystemExit:\n    mlm.log_metric('a', 2)": (0, "finished"),
    "threading.Thread(target=lambda: mlm.log_metric('a', 3)).start()": (0, "finished"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_logged_outside_a_run_is_in_one_that_ends_as_the_program_does(project: Project, ending: str) -> None:
    status, errors = project.run(f"mlm.log_metric('a', 1)\n{ending}")
    (run,) = project.runs.list()
    assert (status, run.status) == ENDINGS[ending], errors
    assert run.metrics["a"] >= 1 and run.ended_at is not None
    assert run.experiment.startswith("train-")
    (session,) = project.runs.sessions()
    assert session.ended_at is not None


def test_the_hook_that_was_there_before_is_still_called(project: Project) -> None:
    program = HEADER.replace("import os", "import sys\nsys.excepthook = lambda *_: print('mine', file=sys.stderr)\nimport os")
    (project.folder / "own.py").write_text(program + "\nmlm.start_run('a')\n1 / 0")
    done = subprocess.run(
        [sys.executable, str(project.folder / "own.py"), str(project.folder / ".mlm")], capture_output=True, text=True
    )
    assert done.stderr == "mine\n"
    assert project.statuses() == {"a": "failed"}


def test_killed_programs_lose_nothing_they_were_told_is_kept(project: Project) -> None:
    process = project.start("""
        with mlm.start_run("doomed"):
            for step in range(10**9):
                mlm.log_metric("loss", step, step=step)
                sys.stdout.write(f"{step}\\n"); sys.stdout.flush()
    """)
    assert process.stdout is not None
    for _ in range(500):
        process.stdout.readline()
    process.kill()
    told = 499 + len(process.stdout.read().splitlines())
    process.communicate()
    (run,) = project.runs.list()
    assert run.status == "running"
    assert len(project.runs.metrics(run.id, "loss")) in (told + 1, told + 2)
    assert project.runs.mark_killed(lambda session: is_alive(session, now_ms()), now_ms()) == [run.id]
    killed = project.runs.get(run.id)
    assert killed.status == "killed"
    last = project.runs.metrics(run.id, "loss")[-1]
    assert killed.ended_at is not None and killed.ended_at == max(killed.started_at, last.logged_at)


def test_a_program_at_work_is_not_taken_for_dead(project: Project) -> None:
    process = project.start("mlm.start_run('busy'); print('ready', flush=True); sys.stdin.readline(); time.sleep(60)")
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    assert project.runs.mark_killed(lambda session: is_alive(session, now_ms()), now_ms()) == []
    process.kill()
    process.communicate()
    assert len(project.runs.mark_killed(lambda session: is_alive(session, now_ms()), now_ms())) == 1


def test_two_programs_record_side_by_side(project: Project) -> None:
    program = """
        with mlm.start_run(f"run {os.getpid()}"):
            for step in range(300):
                mlm.log_metric("loss", step, step=step)
                mlm.log_param("seed", step)
    """
    processes = [project.start(program) for _ in range(2)]
    assert [process.communicate()[1] for process in processes] == ["", ""]
    runs = project.runs.list()
    assert sorted(run.name for run in runs) == sorted(f"run {process.pid}" for process in processes)
    for run in runs:
        assert (run.status, run.metrics, run.params) == ("finished", {"loss": 299.0}, {"seed": "299"})
        assert len(project.runs.metrics(run.id)) == 300


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("leave", ["", "os._exit(0)", "1 / 0", "sys.exit(5)"])
def test_a_forked_child_logs_to_its_parents_run_and_never_ends_it(project: Project, leave: str) -> None:
    status, errors = project.run(f"""
        import warnings
        warnings.simplefilter("ignore")
        with mlm.start_run("parent"):
            mlm.log_metric("before", 1)
            child = os.fork()
            if child == 0:
                mlm.log_metric("from child", 2)
                mlm.log_artifact(b"bytes", "child.bin")
                {leave or "pass"}
            else:
                os.waitpid(child, 0)
                mlm.log_metric("from parent", 3)
                (run,) = mlm.runs.list()
                assert run.status == "running", run.status
    """)
    assert status == 0, errors
    (run,) = project.runs.list()
    assert (run.status, run.metrics) == ("finished", {"before": 1.0, "from child": 2.0, "from parent": 3.0})
    assert [artifact.name for artifact in project.runs.artifacts(run.id)] == ["child.bin"]
    (session,) = project.runs.sessions()
    assert session.ended_at is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_runs_of_multiprocessing_children_end_with_them(project: Project) -> None:
    status, errors = project.run("""
        import multiprocessing, warnings
        warnings.simplefilter("ignore")
        context = multiprocessing.get_context("fork")

        def work(name):
            mlm.start_run(name)
            mlm.log_metric("pid", os.getpid())
            if name == "bad":
                raise ValueError(name)

        with mlm.start_run("parent") as parent:
            children = [context.Process(target=work, args=(name,)) for name in ("good", "bad")]
            for child in children: child.start()
            for child in children: child.join()
            assert {run.name: run.status for run in mlm.runs.list()}["parent"] == "running"
    """)
    assert status == 0, errors
    assert project.statuses() == {"parent": "finished", "good": "finished", "bad": "failed"}
    parent = project.runs.find_by_name("parent")
    assert parent is not None
    assert {run.parent_id for run in project.runs.list()} == {None, parent.id}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_may_not_end_its_parents_run(mlm: Recorder) -> None:
    active = mlm.start_run("parent")
    active.pid += 1  # as a child sees it
    with pytest.raises(ConflictError, match="belongs to the process that started it"):
        mlm.end_run()
    active.pid -= 1


def test_runs_nest_and_the_innermost_is_logged_to(project: Project, mlm: Recorder) -> None:
    with mlm.start_run("outer", experiment="trees", tags={"kind": "x"}) as outer:
        mlm.log_metric("a", 1)
        with mlm.start_run("inner", params={"model": {"depth": 3}}) as inner:
            mlm.log_metric("a", 2)
        assert mlm.current == outer.run
    assert mlm.current is None
    stored = {run.name: run for run in project.runs.list()}
    assert stored["inner"].parent_id == outer.id and stored["inner"].experiment == "trees"
    assert stored["inner"].params == {"model.depth": "3"}
    assert (stored["outer"].metrics, stored["inner"].metrics) == ({"a": 1.0}, {"a": 2.0})
    assert {run.status for run in stored.values()} == {"finished"}
    assert stored["outer"].notebook == "work/tour.ipynb" and inner.name == "inner"


def test_a_run_whose_block_raises_has_failed_and_so_has_what_it_left_open(project: Project, mlm: Recorder) -> None:
    with pytest.raises(ZeroDivisionError), mlm.start_run("outer"):
        mlm.start_run("left open")
        print(1 / 0)
    assert mlm.current is None
    with mlm.start_run("next"):
        pass
    assert project.statuses() == {"outer": "failed", "left open": "failed", "next": "finished"}
    last = project.runs.find_by_name("next")
    assert last is not None and last.parent_id is None


def test_runs_that_a_cell_left_open_can_be_unwound(project: Project, mlm: Recorder) -> None:
    mlm.start_run("session")
    depth = mlm.depth
    mlm.start_run("a")
    mlm.start_run("b")
    mlm.unwind(depth)
    assert mlm.current is not None and mlm.current.name == "session"
    assert project.statuses() == {"session": "running", "a": "failed", "b": "failed"}


def test_a_run_ends_with_the_status_it_is_given(project: Project, mlm: Recorder) -> None:
    mlm.start_run("a")
    with pytest.raises(InvalidInputError, match="finished, failed or killed"):
        mlm.end_run("done")  # type: ignore[arg-type]
    mlm.end_run("killed")
    mlm.end_run()
    assert project.statuses() == {"a": "killed"}


def test_a_run_that_was_deleted_meanwhile_is_no_obstacle(project: Project, mlm: Recorder) -> None:
    with mlm.start_run("a") as active:
        project.runs.delete(active.id)
    mlm.log_metric("b", 1)
    (run,) = project.runs.list()
    assert run.experiment == "tour" and run.name.count("-") == 2


def test_each_thread_may_have_runs_of_its_own_inside_the_main_threads(project: Project, mlm: Recorder) -> None:
    barrier = threading.Barrier(3)

    def trial(number: int) -> None:
        mlm.log_metric(f"shared {number}", number)
        with mlm.start_run(f"trial {number}"):
            barrier.wait()
            mlm.log_metric("own", number)
            barrier.wait()

    with mlm.start_run("search") as search:
        threads = [threading.Thread(target=trial, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stored = {run.name: run for run in project.runs.list()}
    assert stored.pop("search").metrics == {"shared 0": 0.0, "shared 1": 1.0, "shared 2": 2.0}
    assert {name: (run.metrics, run.parent_id, run.status) for name, run in stored.items()} == {
        f"trial {number}": ({"own": float(number)}, search.id, "finished") for number in range(3)
    }


def test_threads_that_log_at_once_outside_a_run_share_the_one_that_is_opened(project: Project, mlm: Recorder) -> None:
    threads = [threading.Thread(target=mlm.log_metric, args=(f"m{number}", number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (run,) = project.runs.list()
    assert len(run.metrics) == 8
    assert mlm.current is not None and mlm.current.id == run.id


def test_a_script_whose_threads_log_first_at_once_is_one_session(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, threading\nimport mlm_jupyter as mlm\nsys.setswitchinterval(1e-6)\nstart = threading.Barrier(8)\n"
        "def log(number):\n    start.wait()\n    mlm.log_metric(f'm{number}', number)\n"
        "threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]\n"
        "for thread in threads: thread.start()\nfor thread in threads: thread.join()\n"
    )
    database = Database.open(tmp_path / ".mlm", create=True)
    subprocess.run([sys.executable, str(script)], cwd=tmp_path, check=True)
    assert len(Runs(database).sessions()) == 1
    (run,) = Runs(database).list()
    assert (len(run.metrics), run.status) == (8, "finished")
    database.close()


def test_the_heart_beats_and_stops_with_the_session(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlm_jupyter.recorder.HEARTBEAT_S", 0.02)
    session = start_session(new_id(), author="ada", started_at=now_ms())
    ticks = iter(range(session.started_at + 1, session.started_at + 10**9, 1000))
    others = set(threading.enumerate())  # that of a recorder which another test let die ends at its next beat
    mlm = Recorder(project.database, session, clock=lambda: next(ticks))
    deadline = time.monotonic() + 60
    while project.runs.get_session(session.id).heartbeat_at == session.heartbeat_at and time.monotonic() < deadline:
        time.sleep(0.01)
    mlm.close()
    mlm.close()
    ended = project.runs.get_session(session.id)
    assert ended.heartbeat_at is not None and ended.heartbeat_at > session.started_at
    assert ended.ended_at is not None
    assert not any(thread.name == "mlm-heartbeat" for thread in set(threading.enumerate()) - others)


class Colour:
    def __str__(self) -> str:
        return "teal"


PARAMS: list[tuple[object, str]] = [
    ("0.10", "0.10"),
    (0.1, "0.1"),
    (1e-7, "1e-07"),
    (True, "True"),
    (None, "None"),
    (3, "3"),
    (np.float32(0.5), "0.5"),
    (np.int64(7), "7"),
    (np.bool_(False), "False"),
    (np.array(2.5), "2.5"),
    ([1, np.float64(0.5), "a"], "[1, 0.5, 'a']"),
    ((np.int8(1),), "(1,)"),
    ({"b", "a"}, "{'a', 'b'}"),
    (Path("a/b"), "a/b"),
    (int, "int"),
    (json.dumps, "json.dumps"),
    (Colour(), "teal"),
    ({}, "{}"),
]


@pytest.mark.parametrize(("value", "text"), PARAMS)
def test_a_param_is_kept_as_text(project: Project, mlm: Recorder, value: object, text: str) -> None:
    mlm.log_params({"p": value})
    (run,) = project.runs.list()
    assert run.params == {"p": text}


METRICS: list[tuple[object, float]] = [
    (1, 1.0),
    (True, 1.0),
    (np.float32(0.5), 0.5),
    (np.array([2.5]), 2.5),
    (np.array(3), 3.0),
    (math.inf, math.inf),
    (pd.Series([4]).sum(), 4.0),
]


@pytest.mark.parametrize(("value", "number"), METRICS)
def test_a_metric_is_kept_as_a_number(project: Project, mlm: Recorder, value: object, number: float) -> None:
    mlm.log_metrics({"m": value, "nested": {"m": value}}, step=np.int64(3))  # type: ignore[arg-type]
    (run,) = project.runs.list()
    assert run.metrics == {"m": number, "nested.m": number}


REFUSED: list[tuple[Callable[[Recorder], object], str]] = [
    (lambda mlm: mlm.log_metric("m", "0.9"), "Metric 'm' must be a number, not str"),
    (lambda mlm: mlm.log_metric("m", None), "not NoneType"),
    (lambda mlm: mlm.log_metric("m", 1j), "not complex"),
    (lambda mlm: mlm.log_metric("m", np.zeros(3)), r"of shape \(3,\)|one number"),
    (lambda mlm: mlm.log_metric("m", 10**400), "one number"),
    (lambda mlm: mlm.log_metric("", 1), "1 to 250 characters"),
    (lambda mlm: mlm.log_metric(3, 1), "a text, not int"),  # type: ignore[arg-type]
    (lambda mlm: mlm.log_metric("m", 1, step=0.5), "whole number, not float"),  # type: ignore[arg-type]
    (lambda mlm: mlm.log_metric("m", 1, step=2**70), "64 bits"),
    (lambda mlm: mlm.log_metrics([1]), "given as a dict"),  # type: ignore[arg-type]
    (lambda mlm: mlm.log_metrics({None: 1}), "key is text"),  # type: ignore[dict-item]
    (lambda mlm: mlm.log_param("k" * 251, 1), "1 to 250 characters"),
    (lambda mlm: mlm.log_param("p", object()), "cannot be object"),
    (lambda mlm: mlm.log_param("p", np.zeros((2, 2))), r"numpy.ndarray of shape \(2, 2\)"),
    (lambda mlm: mlm.log_param("p", b"x"), "cannot be bytes"),
    (lambda mlm: mlm.log_param("p", "x" * 10_001), "10,001 characters"),
    (lambda mlm: mlm.set_tag("", "x"), "1 to 250 characters"),
    (lambda mlm: mlm.set_tag("", None), "1 to 250 characters"),
    (lambda mlm: mlm.set_tag("t", object()), "Tag 't' cannot be object"),
    (lambda mlm: mlm.start_run("r", tags={"": 1}), "1 to 250 characters"),
    (lambda mlm: mlm.start_run("r", experiment=3), "experiment is a text, not int"),  # type: ignore[arg-type]
    (lambda mlm: mlm.log_artifact(object()), "type object cannot be an artifact"),
    (lambda mlm: mlm.log_artifact("no/such/file.txt"), "There is no file or folder"),
    (lambda mlm: mlm.log_artifact("a text of one line " * 20), "There is no file or folder .*give it encoded, as bytes"),
    (lambda mlm: mlm.log_artifact("a\0b"), "There is no file or folder"),
    (lambda mlm: mlm.log_artifact("~nobody of that name/x"), "There is no file or folder"),
    (lambda mlm: mlm.log_artifact(b"x", "../up.txt"), "relative path"),
    (lambda mlm: mlm.log_artifact(b"x", "/abs.txt"), "relative path"),
    (lambda mlm: mlm.log_artifact({"a": object()}), "cannot be written as JSON"),
    (lambda mlm: mlm.log_artifact(pd.DataFrame({"a": [1]}), "table.xlsx"), "not '.xlsx'"),
]


@pytest.mark.parametrize(("act", "message"), REFUSED)
def test_what_cannot_be_kept_is_one_line_that_says_why_and_leaves_nothing_behind(
    project: Project, mlm: Recorder, act: Callable[[Recorder], object], message: str
) -> None:
    with pytest.raises(MlmError, match=message) as caught:
        act(mlm)
    assert isinstance(caught.value, InvalidInputError | NotFoundError)
    assert "\n" not in str(caught.value)
    assert project.runs.list() == [], "not even the run that is opened for what is logged outside any"
    assert mlm.current is None


@pytest.mark.parametrize("path", ["closed.csv", "", "inner"])
def test_a_file_or_folder_that_cannot_be_read_is_said_and_leaves_no_run(
    project: Project, mlm: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    folder = tmp_path / "data"
    (folder / "inner").mkdir(parents=True)
    (folder / "closed.csv").write_text("1")
    (folder / "inner" / "open.csv").write_text("2")
    closed = folder / ("closed.csv" if path == "closed.csv" else "inner")

    def refuse(function: Callable[..., Any]) -> Callable[..., Any]:  # a mode would not keep root out
        def refused(at: Any, *arguments: Any, **options: Any) -> Any:
            if Path(at) == closed:
                raise PermissionError(errno.EACCES, "Permission denied", str(at))
            return function(at, *arguments, **options)

        return refused

    monkeypatch.setattr(io, "open", refuse(io.open))
    monkeypatch.setattr(os, "scandir", refuse(os.scandir))
    with pytest.raises(StorageError, match=f"Cannot read '.*{closed.name}': Permission denied"):
        mlm.log_artifact(folder / path)
    assert (project.runs.list(), mlm.current) == ([], None)


def test_half_a_character_in_the_name_or_experiment_of_a_run_is_replaced(project: Project, mlm: Recorder) -> None:
    mlm.start_run("cut \ud83d", experiment="\ud83d")
    (run,) = project.runs.list()
    assert (run.name, run.experiment) == ("cut \ufffd", "\ufffd")


def test_a_wrong_value_among_many_keeps_none_of_them(project: Project, mlm: Recorder) -> None:
    mlm.start_run("a")
    with pytest.raises(InvalidInputError):
        mlm.log_metrics({"good": 1, "bad": "x"})
    with pytest.raises(InvalidInputError):
        mlm.log_params({"good": 1, "bad": object()})
    (run,) = project.runs.list()
    assert (run.metrics, run.params) == ({}, {})


def test_a_metric_names_the_checkpoint_it_belongs_to(project: Project) -> None:
    session = start_session(new_id(), author="ada", started_at=now_ms())
    mlm = Recorder(project.database, session, checkpoint_id=lambda: "c7", experiment="mine")
    mlm.log_metric("m", 1)
    mlm.close()
    (run,) = project.runs.list()
    assert run.experiment == "mine"
    assert [metric.checkpoint_id for metric in project.runs.metrics(run.id)] == ["c7"]


def test_a_tag_is_text_and_none_deletes_it(project: Project, mlm: Recorder) -> None:
    mlm.set_tag("n", 3)
    mlm.set_tag("kind", "x")
    mlm.set_tag("n", None)
    (run,) = project.runs.list()
    assert run.tags == {"kind": "x"}


def kept(project: Project, run: Run) -> dict[str, tuple[str, bytes]]:
    packs = Packs(project.database)
    found = {}
    for artifact in project.runs.artifacts(run.id):
        content = bytes(packs.get_blob(artifact.blob))
        assert len(content) == artifact.size_bytes
        found[artifact.name] = (artifact.media_type, content)
    return found


def test_files_and_folders_are_kept_byte_for_byte(project: Project, mlm: Recorder, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "deep" / ".mlm").mkdir(parents=True)
    (folder / "deep" / ".mlm" / "not.txt").write_text("the store itself")
    big = os.urandom(3 << 20) + b"end"
    (folder / "big.npy").write_bytes(big)
    (folder / "deep" / "empty.csv").write_bytes(b"")
    mlm.log_artifact(folder)
    mlm.log_artifact(str(folder / "big.npy"), "weights/w.npy")
    mlm.log_artifact("several\nlines")
    assert mlm.current is not None
    files = kept(project, mlm.current)
    assert files["out/big.npy"] == files["weights/w.npy"] == ("application/octet-stream", big)
    assert files["out/deep/empty.csv"] == ("text/csv", b"")
    assert files["text.txt"] == ("text/plain", b"several\nlines")
    assert len(files) == 4


def test_objects_are_written_as_files_people_can_open(project: Project, mlm: Recorder) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([1, 2])
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    mlm.log_artifact(figure)
    mlm.log_artifact(axes, "plots/line.svg")
    mlm.log_artifact(frame)
    mlm.log_artifact(frame, "frame.csv")
    mlm.log_artifact(frame["a"], "series")
    mlm.log_artifact({"auc": np.float64(0.5), "curve": np.array([0, 1])})
    mlm.log_artifact([1, 2])
    mlm.log_artifact(bytearray(b"raw"))
    assert mlm.current is not None
    files = kept(project, mlm.current)
    assert files["figure.png"][0] == "image/png" and files["figure.png"][1].startswith(b"\x89PNG")
    assert files["plots/line.svg"][0] == "image/svg+xml" and b"<svg" in files["plots/line.svg"][1]
    assert files["table.parquet"][0] == "application/vnd.apache.parquet"
    assert files["series.parquet"][1].startswith(b"PAR1")
    assert files["frame.csv"] == ("text/csv", b",a,b\n0,1,x\n1,2,y\n")
    assert json.loads(files["data.json"][1]) == {"auc": 0.5, "curve": [0, 1]}
    assert json.loads(files["data-2.json"][1]) == [1, 2]
    assert files["data.bin"] == ("application/octet-stream", b"raw")


def test_a_process_is_known_by_its_start_as_well_as_its_number() -> None:
    session = start_session("s", author="ada", started_at=now_ms())
    assert abs(session.process_started_at - now_ms()) < 3_600_000
    assert is_alive(session, now_ms())
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = find_process_start(child.pid)
    assert started is not None and abs(started - now_ms()) < 30_000
    child.kill()
    while find_process_start(child.pid) is not None:  # a zombie until it is waited for, and not alive
        time.sleep(0.01)
    child.communicate()


@pytest.mark.parametrize(
    ("changes", "silent_s", "alive"),
    [
        ({}, 10_000, True),
        ({"process_started_at": 5}, 10_000, False),
        ({"process_started_at": 5}, 5, True),
        ({"host": "elsewhere"}, 60, True),
        ({"host": "elsewhere"}, 600, False),
        ({"host": "elsewhere", "pid": 1}, 60, True),
    ],
)
def test_another_process_of_the_same_number_and_a_silent_host_are_dead(
    changes: dict[str, object], silent_s: int, alive: bool
) -> None:
    session = start_session("s", author="ada", started_at=now_ms())
    assert is_alive(msgspec.structs.replace(session, **changes), now_ms() + silent_s * 1000) is alive


def test_ids_are_in_order_and_never_the_same_in_threads_and_forks(tmp_path: Path) -> None:
    made: list[list[str]] = [[] for _ in range(3)]
    threads = [threading.Thread(target=lambda ids: ids.extend(new_id() for _ in range(3000)), args=(ids,)) for ids in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ids == sorted(ids) for ids in made)
    assert len(set().union(*made)) == 9000
    program = """
        import os, sys, warnings
        warnings.simplefilter("ignore")
        from mlm_jupyter.clock import new_id
        new_id()
        child = os.fork()
        ids = [new_id() for _ in range(2000)]
        if child: os.waitpid(child, 0)  # two that write at once would mix their lines
        print(*ids, sep="\\n", flush=True)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    ids = done.stdout.split()
    assert len(ids) == len(set(ids)) == 4000


def test_what_is_recorded_after_the_clock_was_set_back_comes_after_what_was_before(project: Project) -> None:
    """The project was written to by a clock that was hours ahead; programs of today go on from there, each other's too."""
    ahead = make_id(now_ms() + 7_200_000, 5)
    session = msgspec.structs.replace(start_session(ahead, author="ada", started_at=now_ms()), ended_at=now_ms())
    project.runs.add_session(session)
    project.runs.start(Run(make_id(now_ms() + 7_200_001, 5), "before", "train", ahead, "finished", now_ms()))
    for name in ("one", "two"):
        program = f"""
            mlm.start_run({name!r})
            child = os.fork()
            if not child:
                mlm.start_run({name + " inside"!r})
                mlm.end_run()
                os._exit(0)
            os.waitpid(child, 0)
        """
        assert project.run(program) == (0, "")
    names = [run.name for run in project.runs.list()]
    assert names == ["two inside", "two", "one inside", "one", "before"]


@given(st.integers(EPOCH_MS, EPOCH_MS + 2**40 - 1), st.integers(0, 2**30 - 1))
def test_an_id_tells_the_time_by_which_it_sorts(at: int, bits: int) -> None:
    assert time_of_id(make_id(at, bits)) == at
