"""A stored project with its values, from outside any kernel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from livenotebook import LiveNotebook
from past import Past, stream

from mlm_jupyter.errors import NotFoundError, UntrustedError
from mlm_jupyter.project import Project, open_project
from mlm_jupyter.restoration import RestoreError
from mlm_jupyter.trust import load_or_create_key


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys" / "mine"
    monkeypatch.setenv("MLM_KEY_FILE", str(path))
    return path


@pytest.fixture
def notebook(tmp_path: Path, key_file: Path) -> Iterator[LiveNotebook]:
    """A kernel whose checkpoints are signed by this user's key."""
    made = LiveNotebook(tmp_path, key=load_or_create_key({"MLM_KEY_FILE": str(key_file)}))
    yield made
    made.close()


@pytest.fixture
def project(tmp_path: Path, notebook: LiveNotebook) -> Iterator[Project]:
    with open_project(tmp_path) as opened:
        yield opened


def test_values_come_back_outside_the_kernel(notebook: LiveNotebook, project: Project) -> None:
    notebook.cell("import numpy as np, pandas as pd\ndf = pd.DataFrame({'a': [1, 2], 'b': ['x', None]})\nm = np.eye(3)")
    before = notebook.cell("inner = [1]\nouter = {'inner': inner}")
    notebook.cell("df['a'] = 0\ninner.append(2)\nm[:] = 0")
    values = project.load_variables(before)
    assert values["df"].equals(pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
    assert np.array_equal(values["m"], np.eye(3))
    assert values["outer"]["inner"] is values["inner"]
    assert values["inner"] == [1]
    assert values["np"] is np


def test_only_the_asked_for_variables_are_returned(notebook: LiveNotebook, project: Project) -> None:
    notebook.cell("a = [1]\nb = [a]\nc = 3")
    assert project.load_variables("latest", ["c"]) == {"c": 3}
    assert project.load_variables("latest", "b") == {"b": [[1]]}
    assert project.load_variables("latest", []) == {}
    with pytest.raises(NotFoundError, match="'d'"):
        project.load_variables("latest", ["d"])


def test_functions_of_the_notebook_run_and_find_each_other(notebook: LiveNotebook, project: Project) -> None:
    notebook.cell("factor = 3\ndef scale(x):\n    return x * factor\ndef twice(x):\n    return scale(scale(x))")
    assert project.load_variables("latest")["twice"](2) == 18


def test_what_cannot_be_loaded_is_said(notebook: LiveNotebook, project: Project) -> None:
    notebook.cell("import threading\nlock = threading.Lock()\nx = 1")
    with pytest.warns(UserWarning, match="lock: ") as warned:
        values = project.load_variables("latest")
    assert warned[0].filename == __file__, "it is of the line that asked"
    assert "lock" not in values
    assert values["x"] == 1
    with pytest.raises(RestoreError, match="lock: "):
        project.load_variables("latest", ["lock", "x"])
    assert project.load_variables("latest", ["x"]) == {"x": 1}


def test_what_another_key_signed_is_not_unpickled(
    notebook: LiveNotebook, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    notebook.cell(f"class Trap:\n    def __reduce__(self):\n        return open, ({str(marker)!r}, 'w')\ntrap = Trap()\nx = 1")
    marker.unlink(missing_ok=True)
    monkeypatch.setenv("MLM_KEY_FILE", str(tmp_path / "keys" / "another"))
    with pytest.raises(UntrustedError, match="mlm trust"):
        project.load_variables("latest")
    assert not project.is_trusted("latest")
    assert project.variables("latest")["x"].preview.text == "1", "looking is free"
    assert not marker.exists()
    project.trust("latest")
    assert project.is_trusted("latest")
    assert project.load_variables("latest", ["x"]) == {"x": 1}


def test_a_comparison_tells_how_values_differ(notebook: LiveNotebook, project: Project) -> None:
    notebook.cell("import pandas as pd\ndf = pd.DataFrame({'a': [1.0, 2.0], 'b': [3, 4]})\nn = 1")
    notebook.cell("df.loc[0, 'a'] = 9.0\nn = 2")
    comparison = project.compare("latest~1", "latest")
    assert set(comparison.values) == {"df", "n"}
    text = "\n".join(comparison.lines())
    assert "1 → 2" in text
    assert "9" in text
    assert project.compare("latest", "latest").values == {}


def test_a_comparison_of_what_is_not_trusted_goes_without_values(
    notebook: LiveNotebook, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook.cell("n = 1")
    notebook.cell("n = 2")
    monkeypatch.setenv("MLM_KEY_FILE", str(tmp_path / "keys" / "another"))
    comparison = project.compare("latest~1", "latest")
    assert comparison.values == {}
    assert [change.name for change in comparison.diff.variables] == ["n"]


def test_a_notebook_comes_back_valid(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.execute("print(1)", outputs=[stream("1\n")])
    with open_project(tmp_path) as project:
        notebook = project.notebook("latest")
    past.close()
    assert isinstance(notebook, nbformat.NotebookNode)
    nbformat.validate(notebook)
    assert notebook.cells[0].outputs[0].text == "1\n"


def test_runs_become_a_table(tmp_path: Path) -> None:
    past = Past(tmp_path)
    for i in range(3):
        past.start_run(f"run-{i}", lr=str(i / 10))
        past.log(acc=i / 4, step=0)
        past.log(acc=i / 2, step=1)
        if i != 1:
            past.end_run()
    past.runs.set_tags(past.runs.list()[0].id, {"kind": "last"})
    with open_project(tmp_path) as project:
        frame = project.to_dataframe()
        best = project.to_dataframe("metrics.acc > 0.4 order by metrics.acc desc")
    past.close()
    assert list(frame["name"]) == ["run-2", "run-1", "run-0"]
    assert list(frame["metrics.acc"]) == [1.0, 0.5, 0.0]
    assert list(frame["params.lr"]) == ["0.2", "0.1", "0.0"]
    assert list(frame["tags.kind"].isna()) == [False, True, True]
    assert list(frame["status"]) == ["finished", "running", "finished"]
    assert list(frame["ended_at"].isna()) == [False, True, False]
    assert frame["started_at"].dt.tz is not None
    assert abs(frame["started_at"].iloc[0].timestamp() - time.time()) < 60
    assert list(best["name"]) == ["run-2", "run-1"]


def test_no_runs_are_an_empty_table_with_the_same_columns(tmp_path: Path) -> None:
    with Project.open(tmp_path, create=True) as project:
        frame = project.to_dataframe()
    assert len(frame) == 0
    assert {"id", "name", "status", "started_at"} <= set(frame.columns)


def test_two_hundred_runs_are_a_table_at_once(tmp_path: Path) -> None:
    past = Past(tmp_path)
    for i in range(200):
        past.start_run(f"run-{i}", **{f"p{j}": str(i * j) for j in range(10)})
        past.log(**{f"m{j}": i * j for j in range(5)})
    with open_project(tmp_path) as project:
        project.to_dataframe()
        times = []
        for _ in range(5):
            started = time.thread_time()
            frame = project.to_dataframe()
            times.append(time.thread_time() - started)
    past.close()
    assert frame.shape[0] == 200
    assert min(times) < 0.1, "30 ms are meant; a slow machine gets three times that"


def test_a_project_is_found_from_anything_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Project.open(tmp_path, create=True).close()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "n.ipynb").write_text("{}")
    for path in (tmp_path, str(tmp_path / ".mlm"), deep, deep / "n.ipynb"):
        with open_project(path) as project:
            assert project.folder == tmp_path
    monkeypatch.chdir(deep)
    with open_project() as project:
        assert project.folder == tmp_path


def test_where_there_is_no_project_the_way_to_one_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="mlm init"):
        open_project(tmp_path)
    monkeypatch.setenv("MLM_PROJECT", str(tmp_path / "elsewhere"))
    with pytest.raises(NotFoundError, match="MLM_PROJECT"):
        open_project()
