"""Tracking wherever notebooks run: what names the notebook, the cells and the document differs from one to the next."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from tracked import START, environment, open_kernel

from mlm_jupyter.core.entities import Checkpoint
from mlm_jupyter.project import Project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning")

SPEC = {"name": "python3", "display_name": "Python", "language": "python"}
SOURCES = (START, "x = [1]\nprint('one')", "x.append(2)\nx", "1 / 0")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, which is where this process works too: kernels started by nbclient inherit that."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    for name, value in environment(folder, None, {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(folder)
    return folder


def history(folder: Path) -> tuple[list[Checkpoint], list[nbformat.NotebookNode]]:
    """Return the checkpoints and their documents, the oldest first; each document is a valid notebook."""
    with Project.open(folder) as project:
        checkpoints = list(project.checkpoints())[::-1]
        documents = [project.notebook(checkpoint) for checkpoint in checkpoints]
    for document in documents:
        nbformat.validate(document)
    return checkpoints, documents


def code_of(document: Mapping[str, list[nbformat.NotebookNode]]) -> list[str]:
    return [cell["source"] for cell in document["cells"] if cell["cell_type"] == "code"]


def shown_in(document: Mapping[str, list[nbformat.NotebookNode]]) -> list[str]:
    outputs = [output for cell in document["cells"] for output in cell.get("outputs", [])]
    return [
        output.get("ename") or output.get("text") or output["data"]["text/plain"]
        for output in outputs
        if output.get("name") != "stderr"
    ]


def test_jupyterlab_names_the_file_and_the_cells(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    cells = [
        new_markdown_cell("# Title"),
        *(new_code_cell(source) for source in SOURCES),
        new_code_cell("never = 'run'"),
    ]
    nbformat.write(new_notebook(cells=cells, metadata={"title": "mine"}), folder / "work.ipynb")
    with open_kernel(folder) as kernel:
        for cell in cells[1:-1]:
            kernel.track(cell.source, cell_id=cell.id)
    checkpoints, documents = history(folder)
    assert [checkpoint.cell_id for checkpoint in checkpoints] == [cell.id for cell in cells[1:-1]]
    assert {checkpoint.notebook for checkpoint in checkpoints} == {"work.ipynb"}
    for document in documents:
        assert [(cell.id, cell.source) for cell in document.cells] == [(cell.id, cell.source) for cell in cells]
        assert document.metadata.title == "mine"
    assert [len(shown_in(document)) for document in documents] == [1, 2, 3, 4]
    assert shown_in(documents[-1])[1:] == ["one\n", "[1, 2]", "ZeroDivisionError"]


def test_vs_code_names_the_file_in_a_variable_and_the_cells_by_uri(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    cells = [new_code_cell(source) for source in SOURCES]
    nbformat.write(new_notebook(cells=cells), folder / "code.ipynb")
    with open_kernel(folder, notebook=None) as kernel:
        kernel.run(f"__vsc_ipynb_file__ = {str(folder / 'code.ipynb')!r}", silent=True)
        for number, cell in enumerate(cells):
            kernel.track(cell.source, cell_id=f"vscode-notebook-cell:{folder}/code.ipynb#W{number}sZmlsZQ%3D%3D")
        kernel.track("x = 'again'", cell_id=f"vscode-notebook-cell:{folder}/code.ipynb#W1sZmlsZQ%3D%3D")
        variables = kernel.ask("[name for name in globals() if name.startswith('__vsc')]")
    checkpoints, documents = history(folder)
    assert variables == ["__vsc_ipynb_file__"]
    assert {checkpoint.notebook for checkpoint in checkpoints} == {"code.ipynb"}
    assert [cell.id for cell in documents[-1].cells] == [cell.id for cell in cells]
    assert code_of(documents[-1]) == [START, "x = 'again'", *SOURCES[2:]]
    assert checkpoints[0].changes.added == ()


def test_nbclient_names_nothing_and_the_document_is_what_ran(folder: Path) -> None:
    from nbclient import NotebookClient

    notebook = new_notebook(cells=[new_code_cell(source) for source in SOURCES])
    NotebookClient(notebook, allow_errors=True, timeout=60).execute()
    checkpoints, documents = history(folder)
    assert [checkpoint.status for checkpoint in checkpoints] == ["ok", "ok", "ok", "error"]
    assert code_of(documents[-1]) == list(SOURCES)
    assert shown_in(documents[-1])[1:] == ["one\n", "[1, 2]", "ZeroDivisionError"]


def test_papermill_is_recorded_with_its_parameters(folder: Path) -> None:
    import papermill

    cells = [
        new_code_cell("%load_ext mlm_jupyter\n%mlm_track --params alpha"),
        new_code_cell("alpha = 1", metadata={"tags": ["parameters"]}),
        new_code_cell("beta = alpha * 2\nprint(beta)"),
    ]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": SPEC}), "in.ipynb")
    papermill.execute_notebook("in.ipynb", "out.ipynb", {"alpha": 21}, progress_bar=False)
    checkpoints, documents = history(folder)
    assert code_of(documents[-1])[2] == "# Parameters\nalpha = 21\n"
    assert shown_in(documents[-1])[-1] == "42\n"
    with Project.open(folder) as project:
        run = project.get_run("latest")
        assert (run.status, run.params) == ("finished", {"alpha": "21"})
        assert project.load_variables(checkpoints[-1], ["beta"]) == {"beta": 42}


def test_a_terminal_s_session_is_there_after_it_ended(folder: Path) -> None:
    typed = "\n".join(
        ["%load_ext mlm_jupyter", "%mlm_track", *SOURCES[1].splitlines(), "x.append(2); x", "1 / 0", "y = 3", "exit"]
    )
    command = [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit"]
    done = subprocess.run(command, input=typed + "\n", capture_output=True, text=True, timeout=60, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "mlm:" not in done.stderr
    with Project.open(folder) as project:
        checkpoints = list(project.checkpoints())[::-1]
        assert [checkpoint.source for checkpoint in checkpoints if checkpoint.kind == "cell"] == [
            *("x = [1]", "print('one')", "x.append(2); x", "1 / 0", "y = 3", "exit")
        ]
        outputs = [project.outputs(checkpoint) for checkpoint in checkpoints]
        assert checkpoints[-2].changes.added == ("y",)
        assert project.load_variables("latest") == {"x": [1, 2], "y": 3}
        assert project.get_run("latest").status == "finished"
    assert outputs[2][0]["text"] == "one\n"
    assert outputs[3][0]["data"]["text/plain"] == "[1, 2]"
    assert outputs[4][0]["ename"] == "ZeroDivisionError"


def test_a_script_of_ipython_is_recorded(folder: Path) -> None:
    (folder / "script.ipy").write_text("%load_ext mlm_jupyter\n%mlm_track\nx = 1\nprint('from the script')\ny = x + 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "script.ipy"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=os.environ,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "from the script" in done.stdout
    with Project.open(folder) as project:
        assert project.load_variables("latest") == {"x": 1, "y": 2}
        assert project.get_run("latest").status == "finished"
