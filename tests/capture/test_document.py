"""The notebook as it was when a cell ran, from the frontend, the file or the executions, and back to a valid notebook."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4.rwbase import rejoin_lines

from mlm_jupyter.capture.document import DocumentSource
from mlm_jupyter.capture.notebook import NotebookFile, find_notebook
from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import Digest, canonical_json, digest_of
from mlm_jupyter.core.document import to_notebook
from mlm_jupyter.core.entities import CellExecution, Document, DocumentCell
from mlm_jupyter.core.outputs import Output
from mlm_jupyter.errors import InvalidInputError


class MemoryShelf:
    """A store in memory that counts what is put and can lose what was put last."""

    def __init__(self) -> None:
        self.kept: dict[Digest, bytes] = {}
        self.puts = {"json": 0, "cell": 0, "node": 0}

    def _put(self, kind: str, data: bytes) -> Digest:
        self.puts[kind] += 1
        self.kept[digest_of(data)] = data
        return digest_of(data)

    def put_json(self, value: dict[str, Any] | list[dict[str, Any]]) -> Digest:
        return self._put("json", canonical_json(value))

    def put_cell(self, cell: DocumentCell) -> Digest:
        return self._put("cell", canonical_json(cell))

    def put_node(self, node: bytes) -> Digest:
        return self._put("node", node)

    def has(self, digest: Digest) -> bool:
        return digest in self.kept

    def notebook(self, document: Document) -> dict[str, Any]:
        """Return the stored document as a notebook, checked against nbformat's schema."""
        shown = to_notebook(document, self.kept.__getitem__, self._load_json, self._load_outputs)
        nbformat.validate(nbformat.from_dict(copy.deepcopy(shown)), relax_add_props=False)
        return shown

    def _load_json(self, digest: Digest) -> Any:
        return json.loads(self.kept[digest])

    def _load_outputs(self, cell: DocumentCell) -> list[Output]:
        return [] if cell.outputs is None else list(self._load_json(cell.outputs))

    def sources(self, document: Document) -> list[str]:
        return [cell["source"] for cell in self.notebook(document)["cells"]]


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def code(id: str, source: str, *, count: int | None = None, outputs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "id": id, "cell_type": "code", "source": source, "metadata": {}, "execution_count": count, "outputs": outputs or [],
    }  # fmt: skip


def markdown(id: str, source: str) -> dict[str, Any]:
    return {"id": id, "cell_type": "markdown", "source": source, "metadata": {}}


def write(path: Path, *cells: dict[str, Any], minor: int = 5, at_ms: int | None = None, **metadata: Any) -> Path:
    notebook = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
    path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    if at_ms is not None:
        os.utime(path, ns=(at_ms * 1_000_000, at_ms * 1_000_000))
    return path


_clock = iter(range(2_000_000_000_000, 3_000_000_000_000))


def ran(shelf: MemoryShelf, source: str, id: str | None = None, *, printed: str = "", count: int = 1) -> CellExecution:
    outputs = shelf.put_json([stream(printed)]) if printed else None
    return CellExecution(
        source, "ok", next(_clock), 1.0, cell_id=id, execution_count=count, outputs=outputs
    )  # later than any file


# The document is what somebody knew ----------------------------------------------------------------------------------

IDS = st.from_regex(r"\A[a-zA-Z0-9_-]{1,12}\Z")
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
JSON_METADATA = st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | TEXT | st.lists(st.booleans(), max_size=2))


@st.composite
def notebooks(draw: st.DrawFn) -> dict[str, Any]:
    """A valid notebook of version 4.5, with its texts in one piece or in lines."""

    def lines(text: str) -> str | list[str]:
        return text.splitlines(keepends=True) if draw(st.booleans()) else text

    def output() -> dict[str, Any]:
        text = draw(TEXT)
        if draw(st.booleans()):
            return stream(text) | {"text": lines(text)}
        data = {"text/plain": lines(text), "application/json": draw(st.lists(st.integers(), max_size=2))}
        return {"output_type": "display_data", "data": data, "metadata": draw(JSON_METADATA)}

    cells = []
    for id in draw(st.lists(IDS, unique=True, max_size=6)):
        source, metadata = draw(TEXT), draw(JSON_METADATA)
        if draw(st.booleans()):
            count = draw(st.none() | st.integers(0, 9))
            made = code(id, source, count=count, outputs=[output() for _ in range(draw(st.integers(0, 2)))])
        else:
            made = markdown(id, source) | ({"attachments": {"a.png": {"image/png": "AA=="}}} if draw(st.booleans()) else {})
        cells.append(made | {"source": lines(source), "metadata": metadata})
    return {"cells": cells, "metadata": draw(JSON_METADATA), "nbformat": 4, "nbformat_minor": 5}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(notebooks())
def test_a_file_comes_back_as_the_notebook_it_is(tmp_path: Path, notebook: dict[str, Any]) -> None:
    path = tmp_path / "any.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    before = path.read_bytes(), path.stat().st_mtime_ns
    shelf, source = MemoryShelf(), DocumentSource(path)
    found = shelf.notebook(source.document(source.picture(), shelf))
    expected = rejoin_lines(nbformat.from_dict(notebook))
    assert nbformat.from_dict(found) == expected
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@settings(deadline=None)
@given(notebooks(), notebooks())
def test_what_the_frontend_tells_in_changes_is_what_it_shows(first: dict[str, Any], second: dict[str, Any]) -> None:
    def told(notebook: dict[str, Any]) -> dict[str, dict[str, Any]]:
        joined = rejoin_lines(nbformat.from_dict(copy.deepcopy(notebook)))
        kept = ("id", "cell_type", "source", "metadata", "attachments")
        return {cell["id"]: {key: cell[key] for key in kept if key in cell} for cell in joined["cells"]}

    shelf, source = MemoryShelf(), DocumentSource()
    cells: dict[str, dict[str, Any]] = {}
    for notebook in (first, second):
        now = told(notebook)
        changed = [cell for id, cell in now.items() if cells.get(id) != cell]
        assert source.tell(changed, order=list(now), metadata=notebook["metadata"]) == ()
        cells = now
        shown = shelf.notebook(source.document(source.picture(), shelf))
        for cell, told_cell in zip(shown["cells"], now.values(), strict=True):
            assert {key: cell[key] for key in told_cell} == told_cell
        assert shown["metadata"] == notebook["metadata"]


def test_outputs_come_from_executions_and_else_from_the_file(tmp_path: Path) -> None:
    path = write(
        tmp_path / "n.ipynb",
        code("a", "1", count=7, outputs=[stream("old a")]),
        code("b", "2", outputs=[stream("old b")]),
    )
    shelf, source = MemoryShelf(), DocumentSource(path)
    source.tell([code_told("a", "1 # edited"), code_told("b", "2"), code_told("c", "3")])
    document = source.document(source.picture(), shelf, ran(shelf, "1", "a", printed="new a", count=8))
    a, b, c = shelf.notebook(document)["cells"]
    assert (a["source"], a["outputs"], a["execution_count"]) == ("1 # edited", [stream("new a")], 8)
    assert (b["source"], b["outputs"]) == ("2", [stream("old b")])
    assert (c["source"], c["outputs"], c["execution_count"]) == ("3", [], None)


def code_told(id: str, source: str) -> dict[str, Any]:
    return {"id": id, "cell_type": "code", "source": source}


def test_a_picture_is_of_its_moment_whatever_is_told_later() -> None:
    shelf, source = MemoryShelf(), DocumentSource()
    source.tell([code_told("a", "1")])
    first = source.picture()
    source.tell([code_told("a", "changed"), code_told("b", "2")])
    assert shelf.sources(source.document(first, shelf)) == ["1"]
    assert shelf.sources(source.document(source.picture(), shelf)) == ["changed", "2"]


def test_a_frontend_is_asked_for_cells_it_never_told_of() -> None:
    source = DocumentSource()
    assert source.tell([code_told("a", "1")], order=["x", "a", "y"]) == ("x", "y")
    assert source.tell([code_told("x", "2"), code_told("y", "3")], order=["x", "a", "y"]) == ()
    shelf = MemoryShelf()
    assert shelf.sources(source.document(source.picture(), shelf)) == ["2", "1", "3"]


STRANGE = {"id": "a", "cell_type": "graph", "source": ""}


@pytest.mark.parametrize("cells", [[3], [{"id": 1}], [{"id": "a", "cell_type": "code", "source": ["x"]}], [STRANGE], [{}]])
def test_a_message_in_another_form_is_refused_and_changes_nothing(cells: list[Any]) -> None:
    source = DocumentSource()
    source.tell([code_told("a", "1")])
    with pytest.raises(InvalidInputError):
        source.tell(cells, order=[])
    assert list(source.picture().cells or {}) == ["a"]


def test_who_told_of_everything_but_the_cells_has_not_told_that_there_are_none(tmp_path: Path) -> None:
    shelf, source = MemoryShelf(), DocumentSource(write(tmp_path / "n.ipynb", code("a", "of the file")))
    source.tell([])
    source.tell([], metadata={"title": "told"})
    document = source.document(source.picture(), shelf)
    assert (shelf.sources(document), shelf.notebook(document)["metadata"]) == (["of the file"], {"title": "told"})
    source.tell([], order=[])
    assert shelf.sources(source.document(source.picture(), shelf)) == []


# Without a frontend --------------------------------------------------------------------------------------------------


def test_what_ran_after_the_file_was_saved_counts_before_it_and_what_was_saved_later_does_not(tmp_path: Path) -> None:
    path = write(tmp_path / "n.ipynb", code("a", "1"), markdown("m", "# Title"), code("b", "2"))
    shelf, source = MemoryShelf(), DocumentSource(path)
    source.document(source.picture(), shelf, ran(shelf, "1 # unsaved edit", "a"))
    document = source.document(source.picture(), shelf, ran(shelf, "a new cell", "new"))
    assert shelf.sources(document) == ["1 # unsaved edit", "# Title", "2", "a new cell"]
    write(path, code("a", "1 # saved"), code("b", "2"), at_ms=next(_clock))
    assert shelf.sources(source.document(source.picture(), shelf)) == ["1 # saved", "2"]


def test_executions_without_ids_find_their_cells_by_source(tmp_path: Path) -> None:
    cells = [code("a", "x"), code("b", "y"), code("c", "x")]
    shelf, source = MemoryShelf(), DocumentSource(write(tmp_path / "n.ipynb", *cells))
    for number, text in enumerate(["x", "y", "x"]):
        document = source.document(source.picture(), shelf, ran(shelf, text, printed=f"{number}"))
    shown = shelf.notebook(document)["cells"]
    assert [(cell["id"], cell["outputs"][0]["text"]) for cell in shown] == [("a", "0"), ("b", "1"), ("c", "2")]


def test_ids_of_another_kind_are_matched_once_and_then_followed(tmp_path: Path) -> None:
    uri = "vscode-notebook-cell:/work/n.ipynb#W3sZmlsZQ%3D%3D"
    shelf, source = MemoryShelf(), DocumentSource(write(tmp_path / "n.ipynb", code("a", "x"), code("b", "y")))
    source.document(source.picture(), shelf, ran(shelf, "y", uri))
    document = source.document(source.picture(), shelf, ran(shelf, "y # edited", uri, printed="2"))
    assert shelf.sources(document) == ["x", "y # edited"]


def test_without_a_file_the_executed_cells_are_the_document() -> None:
    shelf, source = MemoryShelf(), DocumentSource()
    for text, id in [("1", "a"), ("2", None), ("3", "no valid/id"), ("1 again", "a"), ("2", None)]:
        document = source.document(source.picture(), shelf, ran(shelf, text, id))
    assert shelf.sources(document) == ["1 again", "2", "3", "2"]


def test_without_anything_the_document_is_empty() -> None:
    shelf, source = MemoryShelf(), DocumentSource()
    assert shelf.sources(source.document(source.picture(), shelf)) == []


# The file ------------------------------------------------------------------------------------------------------------


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path, file = write(tmp_path / "n.ipynb", code("a", "1"), code("b", "2")), NotebookFile()
    first = file.read(path)
    assert first is not None
    assert file.read(path) is first
    other = write(tmp_path / "other.ipynb", code("a", "1"), code("b", "3"))
    os.utime(other, ns=(path.stat().st_mtime_ns,) * 2)  # as large, as old: only the inode tells
    other.replace(path)
    second = file.read(path)
    assert second is not None
    assert second.cells["a"] is first.cells["a"]
    assert second.cells["b"].source == "3"


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", '{"nbformat": 3, "worksheets": []}', '{"nbformat": 4}', '{"nbformat": 4, "cells": {}}'),
        *('{"nbformat": 4, "cells": [], "metadata": {}} and more', "[" * 100_000),
    ],
)
def test_a_file_that_is_no_notebook_is_nothing_and_half_a_file_leaves_what_was_there(tmp_path: Path, content: str) -> None:
    path, file = tmp_path / "n.ipynb", NotebookFile()
    path.write_text(content)
    assert file.read(path) is None
    assert "cannot be read" in (file.note or "")
    good = file.read(write(path, code("a", "1")))
    assert good is not None
    assert file.note is None
    path.write_text(content)
    assert file.read(path) is good


def test_bytes_that_are_no_text_are_nothing_too(tmp_path: Path) -> None:
    file = NotebookFile()
    (tmp_path / "n.ipynb").write_bytes(b'{"nbformat": 4, "cells": [], "x": "\xff"}')
    assert file.read(tmp_path / "n.ipynb") is None


def test_a_renamed_file_leaves_what_was_there_and_a_note(tmp_path: Path) -> None:
    path = write(tmp_path / "n.ipynb", code("a", "1"))
    shelf, source = MemoryShelf(), DocumentSource(path)
    source.document(source.picture(), shelf)
    assert source.note is None
    path.rename(tmp_path / "renamed.ipynb")
    assert shelf.sources(source.document(source.picture(), shelf)) == ["1"]
    assert "no longer there" in (source.note or "")
    source.path = tmp_path / "renamed.ipynb"
    assert shelf.sources(source.document(source.picture(), shelf)) == ["1"]
    assert source.note is None


def test_cells_without_ids_or_with_the_same_get_some_that_stay_when_others_are_put_before(tmp_path: Path) -> None:
    def plain(*sources: str) -> list[dict[str, Any]]:
        return [{key: value for key, value in code("", text).items() if key != "id"} for text in sources]

    shelf, source = MemoryShelf(), DocumentSource(write(tmp_path / "n.ipynb", *plain("x", "y", "x"), minor=4))
    first = [cell["id"] for cell in shelf.notebook(source.document(source.picture(), shelf))["cells"]]
    assert len(set(first)) == 3
    write(tmp_path / "n.ipynb", *plain("new", "x", "y", "x"), minor=4)
    again = [cell["id"] for cell in shelf.notebook(source.document(source.picture(), shelf))["cells"]]
    assert again[1:] == first
    write(tmp_path / "n.ipynb", code("same", "1"), code("same", "2"), code("ö/#", "3"), code("x" * 99, "4"))
    ids = [cell["id"] for cell in shelf.notebook(source.document(source.picture(), shelf))["cells"]]
    assert len(set(ids)) == 4
    assert ids[0] == "same"


# Cheapness and safety ------------------------------------------------------------------------------------------------


def test_only_what_changed_is_put_on_the_shelf(tmp_path: Path) -> None:
    cells = [code(f"c{n}", f"source {n}", outputs=[stream(str(n))]) for n in range(300)]
    shelf, source = MemoryShelf(), DocumentSource(write(tmp_path / "n.ipynb", *cells))
    source.document(source.picture(), shelf)
    assert shelf.puts["cell"] == shelf.puts["json"] == 300
    nodes = shelf.puts["node"]
    source.document(source.picture(), shelf)
    assert shelf.puts == {"cell": 300, "json": 300, "node": nodes}
    kept = len(shelf.kept)
    source.document(source.picture(), shelf, ran(shelf, "source 7", "c7", printed="new"))
    assert (shelf.puts["cell"], shelf.puts["json"]) == (301, 301)
    assert len(shelf.kept) - kept <= 2 + 3  # the outputs, the cell, and a node a level
    cells[0]["source"] = "saved by the frontend"
    write(tmp_path / "n.ipynb", *cells)
    source.document(source.picture(), shelf)
    assert (shelf.puts["cell"], shelf.puts["json"]) == (302, 302)


@pytest.mark.parametrize("lost", ["all", "in the middle"])
def test_what_a_failed_write_lost_is_put_again(tmp_path: Path, lost: str) -> None:
    class Full(MemoryShelf):
        def put_cell(self, cell: DocumentCell) -> Digest:
            if cell.id == "b":
                raise OSError(28, "No space left on device")
            return super().put_cell(cell)

    source = DocumentSource(write(tmp_path / "n.ipynb", code("a", "1", outputs=[stream("x")]), code("b", "2")))
    shelf = MemoryShelf()
    source.document(source.picture(), shelf)
    source.tell([code_told("a", "1 edited"), code_told("b", "2 edited")])
    broken = Full() if lost == "in the middle" else MemoryShelf()
    broken.kept |= shelf.kept
    execution = ran(broken, "1", "a", printed="lost")
    if lost == "in the middle":
        with pytest.raises(OSError, match="No space"):
            source.document(source.picture(), broken, execution)
    else:
        source.document(source.picture(), broken, execution)
    a, b = shelf.notebook(source.document(source.picture(), shelf))["cells"]
    assert (a["source"], b["source"]) == ("1 edited", "2 edited")
    assert a["outputs"] == []  # they were lost with the write, and are not said to be anything else


# Where the notebook is -----------------------------------------------------------------------------------------------


def test_a_notebook_is_where_its_frontend_says(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    path = write(tmp_path / "deep" / "n.ipynb")
    here = tmp_path / "deep"
    assert find_notebook({"JPY_SESSION_NAME": str(path)}, {}, folder=tmp_path) == path
    assert find_notebook({"JPY_SESSION_NAME": "n.ipynb"}, {}, folder=here) == path
    assert find_notebook({"JPY_SESSION_NAME": "deep/n.ipynb"}, {}, folder=here) == path
    assert find_notebook({"JPY_SESSION_NAME": "gone.ipynb"}, {}, folder=here) == here / "gone.ipynb"
    assert find_notebook({}, {"__vsc_ipynb_file__": str(path)}) == path
    assert find_notebook({"JPY_SESSION_NAME": "x.ipynb"}, {"__vsc_ipynb_file__": str(path)}) == path


@pytest.mark.parametrize("environ", [{}, {"JPY_SESSION_NAME": ""}, {"JPY_SESSION_NAME": "console-1"}])
def test_where_nobody_says_there_is_no_notebook(environ: dict[str, str]) -> None:
    assert find_notebook(environ, {"__vsc_ipynb_file__": 3}) is None


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_a_kernel_started_from_a_notebook_does_not_take_that_for_its_own(tmp_path: Path) -> None:
    program = """if True:
        import os, subprocess, sys
        child = "import os; from mlm_jupyter.capture.notebook import find_notebook; print(find_notebook(os.environ, {}))"
        name = {"JPY_SESSION_NAME": sys.argv[1]} if len(sys.argv) > 1 else {}
        environ = os.environ | name | {"JPY_PARENT_PID": str(os.getpid())}
        print(subprocess.run([sys.executable, "-c", child], env=environ, check=True, capture_output=True, text=True).stdout)
    """
    path = str(tmp_path / "outer.ipynb")
    environ = {key: value for key, value in os.environ.items() if key != "JPY_SESSION_NAME"}

    def started_by(environ: dict[str, str], *arguments: str) -> str:
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout.strip()

    assert started_by(environ, path) == path  # a server gives the name to its kernel, and does not have it itself
    assert started_by(environ | {"JPY_SESSION_NAME": path}) == "None"  # a kernel hands down its own


def test_every_cell_is_in_the_tree_under_its_own_id() -> None:
    shelf, source = MemoryShelf(), DocumentSource()
    source.tell([code_told(f"c{n}", str(n)) for n in range(100)])
    document = source.document(source.picture(), shelf)
    for id, digest in tree.walk(document.cells, shelf.kept.__getitem__):
        assert msgspec.json.decode(shelf.kept[digest], type=DocumentCell).id == id
