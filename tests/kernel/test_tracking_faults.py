"""What goes wrong around a tracked kernel: the user's cells go on, and nothing that is stored is wrong."""

from __future__ import annotations

import random
import resource
import shutil
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from livenotebook import LiveNotebook
from tracked import PATIENCE_S, START, Kernel, open_kernel

from mlm_jupyter.project import Project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with open_kernel(tmp_path_factory.mktemp("faults") / "project") as kernel:
        kernel.track(START)
        yield kernel


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process read what the kernels of the test signed."""
    monkeypatch.setenv("MLM_KEY_FILE", str(tmp_path / "project" / "key"))


def read_everything(project: Project) -> None:
    """Read all that a project holds, values too; what is damaged or missing raises."""
    for checkpoint in project.checkpoints():
        project.document(checkpoint)
        project.outputs(checkpoint)
        project.environment(checkpoint)
        project.modules(checkpoint)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # names what is not restorable by its nature
            loaded = project.load_variables(checkpoint)
        stored = {name for name, found in project.variables(checkpoint).items() if found.group is not None}
        assert loaded.keys() == stored
    for run in project.runs():
        project.metrics(run)


# Deaths


@pytest.mark.usefixtures("key")
def test_a_kernel_killed_at_any_moment_leaves_all_that_was_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(7)
    setup = (
        "import numpy as np, mlm_jupyter as mlm\nacknowledged = open('acknowledged', 'a', buffering=1)\n"
        "table = {}; values = np.zeros(500_000); said = acknowledged.write"
    )
    cell = (
        "for step in range({n}, {n} + 5):\n"
        "    table[step] = str(step); values[step::1000] = step\n"
        "    mlm.log_metric('m', step, step=step); said(f'm {{step}}\\n')\n"
        "if {n} % 3 == 0: made = mlm.checkpoint(); said(f'c {{made.id}}\\n')\n"
        "if {n} % 4 == 0: mlm.flush(); said(f'f {{len(In) - 2}}\\n')"
    )
    with open_kernel(tmp_path / "project") as kernel:
        for life in range(10):
            if life:
                kernel.start()
            (kernel.folder / "acknowledged").unlink(missing_ok=True)
            kernel.run(START)
            kernel.run(setup)
            death = threading.Timer(chance.uniform(0.05, 0.6), kernel.signal_kill)
            death.start()
            number = 0
            while death.is_alive():
                kernel.send(cell.format(n=5 * number))
                number += 1
                time.sleep(0.01)
            kernel.close(now=True)
            with kernel.project() as project:
                read_everything(project)
                run = project.get_run("latest")
                assert run.status == "killed"
                points = {f"m {point.step}" for point in project.metrics(run)}
                checkpoints = list(project.checkpoints(run=run))
                mine = {f"c {checkpoint.id}" for checkpoint in checkpoints}
                flushed = {f"f {checkpoint.execution_count}" for checkpoint in checkpoints}
                lines = (kernel.folder / "acknowledged").read_text().splitlines()
                assert set(lines) <= points | mine | flushed


def test_an_orderly_end_loses_nothing(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        kernel.run(START)
        kernel.run("import os\nbig = os.urandom(80 << 20)\nsmall = [1]")
        kernel.close(patience_s=PATIENCE_S)
        newest = kernel.newest()
        assert newest is not None
        assert set(newest.changes.added) == {"os", "big", "small"}
        with kernel.project() as project:
            assert project.get_run("latest").status == "finished"


# Disks


@pytest.mark.usefixtures("key")
def test_a_full_disk_stops_no_cell_and_what_changed_meanwhile_is_stored_when_it_can_be(tmp_path: Path) -> None:
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, ({}, -1))"
    with open_kernel(tmp_path / "project") as kernel:
        kernel.run(START)
        kernel.track("import os, resource\nx = [0]; gone = 1; y = ['old']")
        kernel.run(limit.format(10 << 20))
        kernel.flush()
        kernel.send("big = os.urandom(20 << 20)\ny.append('new')\ndel gone")
        assert kernel.run("x.append(1)\nprint('goes on')").printed == "goes on\n"
        for source in ("x.append(2)", "x.append(3)", "del big", limit.format(-1), "pass"):
            kernel.flush()
            kernel.run(source)
        assert kernel.told.count("Tracking cannot store") == 1
        assert "limit" in kernel.told
        assert kernel.told.count("Tracking works again") == 1
        last = kernel.track("x.append(4)")
        with kernel.project() as project:
            read_everything(project)
            for checkpoint in list(project.checkpoints())[:-3]:
                variables = project.variables(checkpoint)
                assert variables["y"].status != "stored" or project.load_variables(checkpoint, ["y"])["y"] == [
                    "old",
                    "new",
                ]
            assert project.load_variables(last, ["x", "y"]) == {"x": [0, 1, 2, 3, 4], "y": ["old", "new"]}
            assert "gone" not in project.variables(last)
            blamed = [checkpoint.changes for checkpoint in project.checkpoints() if "y" in checkpoint.changes.changed]
            assert all("y" in changes.between for changes in blamed)


def test_a_checkpoint_made_while_a_change_could_not_be_stored_does_not_show_the_old_value(tmp_path: Path) -> None:
    """The writer is held back until both are queued; the first wants more space than there is."""
    notebook = LiveNotebook(tmp_path)
    queued = threading.Event()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        notebook.cell("import os\ny = ['old']; z = 0")
        notebook.session.writer.later(queued.wait)
        drafts = [notebook.submit("big = os.urandom(20 << 20)\ny.append('new')"), notebook.submit("z = 1")]
        resource.setrlimit(resource.RLIMIT_FSIZE, (10 << 20, limit[1]))
        queued.set()
        notebook.session.flush()
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        first, second = [draft.checkpoint for draft in drafts]
        assert first is None and second is not None
        assert second.changes.between == ("big", "y")
        found = notebook.session.checkpoints.variables(second)
        assert (found["y"].status, found["z"].status) == ("not_captured", "stored")
        after = notebook.cell("del big")
        assert (after.changes.changed, after.changes.between) == (("y",), ("big", "y"))
        assert notebook.session.checkpoints.variables(after)["y"].status == "stored"
        notebook.cell("y = None")
        notebook.restore(after)
        assert notebook.value("y") == ["old", "new"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        notebook.close()


def test_a_project_that_was_removed_is_not_written_to_in_vain(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        kernel.run(START)
        kernel.track("x = 1")
        shutil.rmtree(kernel.folder / ".mlm")
        kernel.run("y = 1")
        kernel.flush()
        kernel.run("z = 1")
        assert "moved or removed" in kernel.told
        assert kernel.run("%mlm_track stop\n%mlm_track").status == "ok"
        kernel.flush()
        again = kernel.newest()
        assert again is not None
        assert set(again.changes.added) == {"x", "y", "z"}


def test_where_no_project_can_be_made_tracking_says_so_in_one_line(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project", MLM_PROJECT="/proc/nowhere") as kernel:
        reply = kernel.run(START)
        assert reply.status == "error"
        (line,) = reply.outputs[-1]["traceback"]
        assert line.count("\n") == 0 and "/proc/nowhere" in line
        assert kernel.run("x = 1\nprint(x)").text == "1\n"


def test_a_project_of_a_newer_version_is_refused_in_one_line(tmp_path: Path) -> None:
    import sqlite3

    with open_kernel(tmp_path / "project") as kernel:
        kernel.track(START)
        kernel.run("%mlm_track stop")
        with sqlite3.connect(kernel.folder / ".mlm" / "mlm.db") as connection:
            connection.execute("PRAGMA user_version = 999")
        connection.close()
        reply = kernel.run("%mlm_track")
        assert reply.status == "error"
        (line,) = reply.outputs[-1]["traceback"]
        assert "newer" in line
        assert kernel.run("print('on')").text == "on\n"


@pytest.mark.usefixtures("key")
def test_a_project_that_vanishes_and_comes_back_is_written_again(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        kernel.run(START)
        kernel.track("x = [1]")
        store = kernel.folder / ".mlm"
        store.rename(kernel.folder / "away")
        replies = []
        for number in range(3):
            replies.append(kernel.run(f"x.append({number})\nprint(len(x))"))
            kernel.flush()
        assert [reply.printed for reply in replies] == ["2\n", "3\n", "4\n"]
        assert kernel.told.count("Tracking cannot store") == 1
        assert "moved or removed" in kernel.told
        (kernel.folder / "away").rename(store)
        kernel.run("y = 1")
        kernel.flush()
        kernel.run("z = 1")
        kernel.flush()
        with kernel.project() as project:
            read_everything(project)
            assert project.load_variables("latest", ["x", "y", "z"]) == {"x": [1, 0, 1, 2], "y": 1, "z": 1}


# Interrupts


SLOW = "class Slow:\n    def __getstate__(self):\n        import time; {signal}; time.sleep(0.4); return {{}}\n"


def test_stop_pressed_while_the_kernel_looks_at_variables_leaves_out_the_slow_one(kernel: Kernel) -> None:
    kernel.track("import os, signal, threading\nsent = []")
    press = "sent or (sent.append(1), threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start())"
    source = SLOW.format(signal=press) + "slow = Slow()\nresult = 42\nresult"
    reply = kernel.run(source)
    assert (reply.status, reply.outputs[0]["data"]["text/plain"]) == ("ok", "42")
    assert reply.stderr == "mlm: Interrupted while looking at slow; the next checkpoint tries again.\n"
    assert kernel.ask("result") == 42
    after = kernel.track("del result")
    with kernel.project() as project:
        during = project.get_checkpoint(after.parent_id or "")
        assert during.source == source
        assert {"slow", "result"} <= set(during.changes.added)
        assert project.variables(during)["result"].status == "stored"
        assert "interrupted" in (project.variables(during)["slow"].reason or "")
        assert project.variables(after)["slow"].status == "stored"
    kernel.run("del slow")


def test_stop_pressed_during_a_restore_changes_nothing(kernel: Kernel) -> None:
    target = kernel.track(
        "class Sleeper:\n    def __init__(self): self.x = 1\n"
        "    def __setstate__(self, state):\n        import time; print('loading', flush=True); time.sleep(5)\n"
        "sleeper = Sleeper(); other = [1]"
    )
    kernel.track("sleeper.x = 2; other.append(2)")
    reply = kernel.interrupt_after("loading", f"%mlm_restore {target.id}")
    assert reply.status == "error"
    assert kernel.ask("[sleeper.x, other]") == [2, [1, 2]]
    after = kernel.track("other.append(3)")
    assert after.changes.changed == ("other",)
    kernel.run("del sleeper")


HELD = """import numpy as np
from mlm_jupyter.kernel.extension import find_tracker
live = find_tracker().live
def hold(draft, append=live.head.append):
    import os, time
    while draft.look.groups and not os.path.exists('go on'): time.sleep(0.01)
    append(draft)
def wait(wait=live._wait_for_pending):
    print('waiting', flush=True); wait()
live.head.append, live._wait_for_pending = hold, wait
del live, hold, wait, find_tracker"""


@pytest.mark.parametrize("code", ["big[0] = 1; reached = 1", "from __future__ import annotations\nbig[0] = 1; reached = 1"])
def test_stop_pressed_while_a_cell_waits_for_the_last_to_be_stored_stops_it(tmp_path: Path, code: str) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        kernel.run(START)
        kernel.run(HELD)
        kernel.run("big = np.zeros(40 << 20, np.uint8)")  # too much to copy, so who changes it waits
        reply = kernel.interrupt_after("waiting", code)
        assert (reply.status, reply.content["ename"]) == ("error", "KeyboardInterrupt")
        assert reply.stderr == ""
        assert kernel.ask("['reached' in globals(), int(big[0])]") == [False, 0]
        (kernel.folder / "go on").touch()
        kernel.run("big[0] = 2; reached = 2")
        stopped, after = kernel.checkpoints()[-2:]
        assert (stopped.source, stopped.status, bool(stopped.changes)) == (code, "interrupted", False)
        assert (after.status, after.changes.changed, after.changes.added) == ("ok", ("big",), ("reached",))


# What the first try could not store


def test_the_environment_is_taken_again_where_it_could_not_be_stored(tmp_path: Path) -> None:
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, ({}, -1))"
    with open_kernel(tmp_path / "project") as kernel:
        kernel.run(f"import resource\n{START}\n{limit.format(1)}")
        kernel.flush()
        kernel.run("pass")
        assert kernel.told.count("The environment was not recorded") == 1
        kernel.run(limit.format(-1))
        kernel.flush()
        kernel.run("x = 1")
        with kernel.project() as project:
            (session,) = project.sessions()
            assert session.environment is not None
            assert project.environment(kernel.checkpoints()[-1]) is not None


def test_no_thread_of_tracking_outlives_it(kernel: Kernel) -> None:
    threads = "sorted(t.name for t in __import__('threading').enumerate() if t.name.startswith('mlm'))"
    kernel.run("import mlm_jupyter.capture.timebox\nmlm_jupyter.capture.timebox.IDLE_S = 0.1\ndel mlm_jupyter")
    with_tracking = kernel.ask(threads)
    assert {"mlm-writer", "mlm-heartbeat"} <= set(with_tracking)
    for _ in range(3):
        kernel.run("%mlm_track stop")
        kernel.run("%mlm_track")
        kernel.run("x = 1")
    kernel.run("%mlm_track stop")
    deadline = time.monotonic() + PATIENCE_S
    while kernel.ask(threads) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert kernel.ask(threads) == []
    kernel.track(START)


# Forks


FORKS = {
    "a pool": "with mp.get_context('fork').Pool(2) as pool: got = pool.map(work, range(4))",
    "a process": (
        "child = mp.get_context('fork').Process(target=work, args=(1,))\nchild.start(); child.join()\ngot = [child.exitcode]"
    ),
    "joblib with loky": "got = joblib.Parallel(2)(joblib.delayed(work)(i) for i in range(4))",
    "joblib with multiprocessing": (
        "mp.set_start_method('fork', force=True)\n"
        "with joblib.parallel_backend('multiprocessing', 2):\n    got = joblib.Parallel()(map(joblib.delayed(work), range(4)))"
    ),
    "os.fork": "pid = os.fork()\nif not pid:\n    work(0); os._exit(0)\ngot = [os.waitpid(pid, 0)[1]]",
    "a subprocess": "import subprocess\ngot = [subprocess.run(['true']).returncode]",
}


@pytest.mark.parametrize("kind", FORKS)
def test_children_do_not_track_and_their_parent_goes_on(kernel: Kernel, kind: str) -> None:
    """What they log goes to the parent's run; those of loky and of a subprocess are programs of their own."""
    logged = {"a pool": range(4), "a process": [1], "joblib with multiprocessing": range(4), "os.fork": [0]}.get(kind, ())
    kernel.track(
        "import os, joblib, multiprocessing as mp, mlm_jupyter as mlm\nshared = [1]\n"
        "def work(i):\n    import mlm_jupyter as mlm\n    shared.append(i)\n    mlm.log_metric('child', i, step=i)\n"
        "    return 'Not tracking' in str(mlm.status())"
    )
    kernel.flush()
    before = kernel.checkpoints()
    during = kernel.track(FORKS[kind])
    after = kernel.track("shared.append(2)")
    assert kernel.checkpoints() == [*before, during, after]
    assert during.status == "ok"
    assert "shared" not in during.changes.changed
    assert after.changes.changed == ("shared",)
    assert kernel.ask("all(got) or got == [0]")
    with kernel.project() as project:
        points = project.metrics(during.run_id or "", "child")
    assert {point.step for point in points if point.checkpoint_id in (None, during.id)} >= set(logged)


# Company


@pytest.mark.usefixtures("key")
def test_two_kernels_and_a_command_line_write_to_one_project(tmp_path: Path) -> None:
    cell = "import mlm_jupyter as mlm\nstate = {{'n': {n}}}\nmlm.log_metric('n', {n}, step={n})"
    with open_kernel(tmp_path / "project") as one, open_kernel(tmp_path / "project", notebook="other.ipynb") as other:
        kernels = (one, other)
        for each in kernels:
            each.run(START)
        for number in range(1, 61):
            messages = [each.send(cell.format(n=number)) for each in kernels]
            if number % 20 == 0:
                command = [sys.executable, "-m", "mlm_jupyter", "name", "latest", f"point-{number}"]
                done = subprocess.run(
                    command, cwd=one.folder, env=one.environ, capture_output=True, text=True, timeout=PATIENCE_S
                )
                assert done.returncode == 0, done.stderr
            for each, message in zip(kernels, messages, strict=True):
                assert each.wait_for(message) == "ok"
        for each in kernels:
            each.flush()
        with one.project() as project:
            read_everything(project)
            for notebook in ("work.ipynb", "other.ipynb"):
                checkpoints = list(project.checkpoints(notebook=notebook))[::-1]
                assert [checkpoint.ordinal for checkpoint in checkpoints] == list(range(1, number + 2))
                assert project.variables(checkpoints[-1])["state"].preview.text == str({"n": number})
                points = project.metrics(checkpoints[-1].run_id or "", "n")
                assert [point.step for point in points] == list(range(1, number + 1))
            named = [checkpoint.name for checkpoint in project.checkpoints() if checkpoint.name]
            assert len(named) == number // 20


def test_a_notebook_renamed_while_it_runs_keeps_its_history(tmp_path: Path) -> None:
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    folder = tmp_path / "project"
    folder.mkdir()
    cells = [new_code_cell(START), new_code_cell("x = 1"), new_code_cell("y = 2")]
    nbformat.write(new_notebook(cells=cells), folder / "work.ipynb")
    with open_kernel(folder) as kernel:
        kernel.track(START, cell_id=cells[0].id)
        (folder / "sub").mkdir()
        (folder / "work.ipynb").rename(folder / "sub" / "renamed.ipynb")
        for cell in cells[1:]:
            checkpoint = kernel.track(cell.source, cell_id=cell.id)
        assert checkpoint.notebook == "work.ipynb"
        with kernel.project() as project:
            assert [cell.source for cell in project.notebook(checkpoint).cells] == [cell.source for cell in cells]


# Much


def test_many_quick_cells_do_not_get_slower(kernel: Kernel) -> None:
    def spent() -> float:
        """Return the seconds in which the kernel computed: those that it waited are the machine's."""
        return float(kernel.ask("__import__('time').process_time()"))

    def cost(count: int) -> float:
        before = spent()
        for number in range(count):
            kernel.run(f"quick = {number}")
        return (spent() - before) / count

    kernel.run("%reset -f")
    first = cost(50)
    for _ in range(5):
        messages = [kernel.send(f"quick = {number}") for number in range(100)]
        kernel.wait_for(messages[-1])
    last = cost(50)
    print(f"{first * 1e3:.1f} ms a cell at first, {last * 1e3:.1f} ms after 600")
    assert last < 2 * first + 0.005


def test_a_cell_that_prints_fifty_megabytes_is_kept_in_part(kernel: Kernel) -> None:
    start = time.perf_counter()
    checkpoint = kernel.track("for _ in range(500): print('x' * 100_000)")
    with kernel.project() as project:
        kept = sum(len(output["text"]) for output in project.outputs(checkpoint))
    print(f"{time.perf_counter() - start:.1f} s, kept {kept} characters")
    assert 0 < kept < 20_000_000
    assert kernel.track("after = 1").status == "ok"


def test_five_thousand_variables_are_recorded_and_brought_back(kernel: Kernel) -> None:
    made = kernel.track("for i in range(5000): globals()[f'v{i}'] = [i]")
    assert len(made.changes.added) >= 5000
    start = time.perf_counter()
    changed = kernel.track("v77.append('more')")
    print(f"a cell among 5,000 variables: {(time.perf_counter() - start) * 1e3:.0f} ms")
    assert changed.changes.changed == ("v77",)
    kernel.run(f"%mlm_restore {made.id}")
    assert kernel.ask("v77 == [77] and v4999 == [4999]")
    kernel.run("%reset -f")
