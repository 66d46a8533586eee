"""``mlm execute``: real notebooks in real kernels, without anybody in front of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mlm_jupyter.commands import main
from mlm_jupyter.project import Project, open_project

Execute = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project in it, for a user of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLM_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MLM_PROJECT", raising=False)
    Project.open(tmp_path, create=True).close()
    return tmp_path


@pytest.fixture
def execute(home: Path) -> Execute:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mlm_jupyter", "execute", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.fixture
def project(home: Path) -> Iterator[Project]:
    with open_project(home) as opened:
        yield opened


def write(path: Path, *cells: Any) -> bytes:
    made = [new_code_cell(cell, id=f"cell-{i}") if isinstance(cell, str) else cell for i, cell in enumerate(cells)]
    nbformat.write(new_notebook(cells=made), path)
    return path.read_bytes()


def tagged(source: str, *tags: str) -> nbformat.NotebookNode:
    return new_code_cell(source, id="-".join(tags), metadata={"tags": list(tags)})


def texts(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_a_notebook_runs_tracked_with_parameters_and_is_not_changed(home: Path, execute: Execute, project: Project) -> None:
    before = write(
        home / "train.ipynb",
        new_markdown_cell("# Train", id="title"),
        tagged("lr = 1\nname = 'x'", "parameters"),
        "rows = [lr] * 3",
        "print(rows, name)",
        tagged("raise RuntimeError('left out')", "skip-execution"),
        tagged("1 / 0", "raises-exception"),
        "import mlm_jupyter as mlm\nmlm.log_metric('acc', 0.9)",
    )
    done = execute("train.ipynb", "-p", "lr=0.5", "-p", "name=true", "--output", "out/done.ipynb", "--tag", "kind=test")
    assert (done.returncode, done.stdout.split(",")[0]) == (0, "Wrote out/done.ipynb"), done.stderr
    assert (home / "train.ipynb").read_bytes() == before
    assert done.stderr.split()[:5] == ["cell", "1", "of", "7", "ok"]

    result = nbformat.read(home / "out" / "done.ipynb", as_version=4)
    nbformat.validate(result)
    assert result.cells[2].source == '# Parameters\nlr = 0.5\nname = "true"'
    assert [len(cell.outputs) for cell in result.cells if cell.cell_type == "code"] == [0, 0, 0, 1, 0, 1, 0]
    assert texts(result.cells[4]) == "[0.5, 0.5, 0.5] true\n"
    assert "mlm_track" not in nbformat.writes(result), "tracking leaves no trace in the notebook"

    run = project.get_run("done")
    assert (run.status, run.experiment, run.tags) == ("finished", "train", {"kind": "test"})
    assert run.params == {"lr": "0.5", "name": "true"}
    assert run.metrics == {"acc": 0.9}
    made = [(c.kind, c.cell_id, c.status, c.notebook) for c in reversed(list(project.checkpoints(run=run)))]
    assert made[0][0] == "baseline"
    assert [entry[1:] for entry in made[1:]] == [
        ("parameters", "ok", "train.ipynb"),
        (result.cells[2].id, "ok", "train.ipynb"),
        ("cell-2", "ok", "train.ipynb"),
        ("cell-3", "ok", "train.ipynb"),
        ("raises-exception", "error", "train.ipynb"),
        ("cell-6", "ok", "train.ipynb"),
    ]
    assert project.load_variables("done", ["rows"]) == {"rows": [0.5] * 3}
    kept = project.notebook("done")
    assert [cell.source for cell in kept.cells] == [cell.source for cell in result.cells]
    assert texts(kept.cells[4]) == "[0.5, 0.5, 0.5] true\n"


def test_a_parameter_that_is_not_there_is_said_and_the_notebook_runs(home: Path, execute: Execute, project: Project) -> None:
    write(home / "a.ipynb", tagged("rate = 1", "parameters"), "print(rate)")
    done = execute("a.ipynb", "-p", "rat=2", "--output", "done.ipynb")
    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == "mlm: a.ipynb has no parameter rat (did you mean rate?). It has: rate."
    assert project.get_run("done").params == {"rat": "2"}


def test_a_failing_cell_ends_the_run_and_what_was_reached_is_kept(home: Path, execute: Execute, project: Project) -> None:
    write(home / "bad.ipynb", "x = 1", "x.nothing", "print('never')")
    done = execute("bad.ipynb")
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("mlm: cell 2 of 3, AttributeError: ")
    (target,) = home.glob("bad-*.ipynb")
    assert target.name in last
    cells = nbformat.read(target, as_version=4).cells
    assert cells[1].outputs[0].ename == "AttributeError"
    assert cells[2].outputs == []
    assert project.get_run(target.stem).status == "failed"
    assert [c.status for c in project.checkpoints(run=target.stem)][:2] == ["error", "ok"]


def test_a_kernel_that_dies_is_said(home: Path, execute: Execute, project: Project) -> None:
    stored = "import mlm_jupyter; mlm_jupyter.flush()"  # what has not been stored is lost
    write(home / "dies.ipynb", "x = 1", f"{stored}\nimport os; os._exit(3)")
    done = execute("dies.ipynb", "--name", "doomed")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("mlm: cell 2 of 2, The kernel died. Up to there it is in dies-"), (
        "what a kernel warns of when it starts is not why it died"
    )
    with open_project(home) as later:
        assert later.get_run("doomed").status == "killed"
        assert later.load_variables("doomed", ["x"]) == {"x": 1}


@pytest.mark.parametrize(("last", "status"), [("open('done', 'w').close()", 0), ("1 / 0", 1)])
def test_a_notebook_runs_on_where_nobody_reads_its_progress_any_more(
    home: Path, project: Project, last: str, status: int
) -> None:
    write(home / "a.ipynb", "x = 1", "import time; time.sleep(1)", "y = 2", last)
    command = f"{sys.executable} -m mlm_jupyter execute a.ipynb --name piped 2>&1 | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.splitlines()[1:] == [str(status)] and done.stderr == ""
    assert project.get_run("piped").status == ("failed" if status else "finished")
    assert (home / "done").exists() == (status == 0)


def test_a_cell_that_takes_too_long_is_said(home: Path, execute: Execute) -> None:
    write(home / "slow.ipynb", "import time; time.sleep(60)")
    done = execute("slow.ipynb", "--timeout", "1")
    assert done.returncode == 1
    assert "longer than 1 s" in done.stderr.splitlines()[-1]


def test_an_interrupt_ends_it_and_its_kernel(home: Path) -> None:
    write(home / "long.ipynb", "import os, time", "open('pid', 'w').write(str(os.getpid())); time.sleep(60)")
    running = subprocess.Popen(
        [sys.executable, "-m", "mlm_jupyter", "execute", "long.ipynb"], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not (home / "pid").exists() or not (home / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 1
    assert errors.splitlines()[-1].startswith("mlm: cell 2 of 2, Interrupted.")
    (target,) = home.glob("long-*.ipynb")
    assert nbformat.read(target, as_version=4).cells[1].outputs[0].ename == "KeyboardInterrupt"
    with open_project(home) as project:
        assert project.get_run(target.stem).status == "failed"
        assert project.get_checkpoint(target.stem).status == "interrupted"
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(int((home / "pid").read_text()), 0)
            time.sleep(0.1)


def test_what_cannot_be_meant_is_refused_before_anything_runs(
    home: Path, execute: Execute, capsys: pytest.CaptureFixture[str]
) -> None:
    write(home / "a.ipynb", "1")
    (home / "b.ipynb").symlink_to("a.ipynb")
    before = sorted(home.iterdir())
    for arguments, words in (
        (["a.ipynb", "--output", "a.ipynb"], "overwrite"),
        (["a.ipynb", "--output", "b.ipynb"], "overwrite"),
        (["gone.ipynb"], "Cannot read"),
        (["a.ipynb", "-p", "lr"], "K=V"),
        (["a.ipynb", "-p", "a b=1"], "parameter"),
        (["a.ipynb", "-p", "a=\udcff"], "half a character"),
        (["key"], "Cannot read"),
        (["a.ipynb", "--cwd", "nowhere"], f"There is no folder {home / 'nowhere'}."),
        (["a.ipynb", "--project", "nowhere"], "mlm init"),
        (["a.ipynb", "--timeout", "0"], "1 or more"),
        (["a.ipynb", "--timeout", "soon"], "1 or more"),
    ):
        status = main(["execute", *arguments])
        out, err = capsys.readouterr()
        assert (status, out, err.count("\n")) == (2, "", 1), err
        assert words in err
        assert sorted(home.iterdir()) == before


def test_where_nothing_was_run_what_is_at_the_place_of_the_result_stays(home: Path, execute: Execute) -> None:
    write(home / "a.ipynb", "1")
    (home / "result.ipynb").write_text("yesterday's")
    done = execute("a.ipynb", "--kernel", "no-such-kernel", "--output", "result.ipynb")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no-such-kernel" in done.stderr
    assert (home / "result.ipynb").read_text() == "yesterday's"
    assert sorted(path.name for path in home.iterdir() if "ipynb" in path.name) == ["a.ipynb", "result.ipynb"]


def test_the_tour_runs_from_top_to_bottom(home: Path, execute: Execute, project: Project) -> None:
    tour = Path(__file__).parents[2] / "examples" / "tour.ipynb"
    (home / "tour.ipynb").write_bytes(tour.read_bytes())
    done = execute("tour.ipynb", "--output", "toured.ipynb")
    assert done.returncode == 0, done.stderr
    cells = {cell.id: cell for cell in nbformat.read(home / "toured.ipynb", as_version=4).cells}
    failed = [id for id, cell in cells.items() for o in cell.get("outputs", []) if o.output_type == "error"]
    assert failed == ["mistake"]
    assert texts(cells["history"]).startswith("(441, 10)\n"), "the mistake is undone"
    assert "features" in texts(cells["diff"])
    runs = {run.name: run for run in project.runs()}
    assert set(runs) == {"toured", "ridge", "forest", "boosting"}
    assert {run.parent_id for name, run in runs.items() if name != "toured"} == {runs["toured"].id}
    assert runs["ridge"].metrics["r2"] == pytest.approx(0.526, abs=0.01)
    assert len(project.metrics("boosting", "r2")) == 10
    assert project.to_dataframe("metrics.r2 > 0 order by metrics.r2 desc")["name"].iloc[0] == "ridge"
