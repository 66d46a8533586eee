"""The notebook as it is when a cell runs, put together from whoever knows: the frontend, the file, the executed cells.

The frontend knows the cells that are shown, unsaved edits included, but not their outputs; those of cells run in this session
come from their executions, the others' from the file. Without a frontend the file says what the cells are, and without a
file the executed cells are all there is.

A picture is taken in the kernel's thread when the cell runs; its document is made later, in the thread that writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from mlm_jupyter.capture.notebook import Cell, NotebookFile, Saved, valid_id
from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import CellExecution, Document, DocumentCell
from mlm_jupyter.errors import InvalidInputError

MOST_EXECUTIONS: Final = 1_000
"""Where there is no notebook, this many executions make the document: a terminal session can last for weeks."""


class Shelf(Protocol):
    """Where the parts of a document are put. What was put may be lost again with all else that was put since, or none is."""

    def put_json(self, value: dict[str, Any] | list[dict[str, Any]]) -> Digest: ...
    def put_cell(self, cell: DocumentCell) -> Digest: ...
    def put_node(self, node: bytes) -> Digest: ...
    def has(self, digest: Digest) -> bool: ...


class Picture(msgspec.Struct, frozen=True):
    """What the frontend shows at one moment."""

    path: Path | None = None
    cells: dict[str, Cell] | None = None
    """By id, in order; None where no frontend told."""
    metadata: dict[str, Any] | None = None


class _Ran(msgspec.Struct, frozen=True):
    """The last execution of a cell."""

    cell: Cell
    outputs: Digest | None
    widgets: Digest | None
    started_at: int


class _Made(msgspec.Struct, frozen=True):
    """A cell's record and the objects it was made of."""

    shown: Cell
    saved: Cell | None
    ran: _Ran | None
    digest: Digest


class DocumentSource:
    """Knows the notebook of one kernel.

    Parameters
    ----------
    path : of the notebook's file, if it has one; may be set again when the notebook was renamed.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._told = Picture()
        self._file = NotebookFile()
        self._ran: dict[str, _Ran] = {}
        self._ids: dict[str, str] = {}  # of executions, where the frontend has others than the document (VS Code)
        self._made: dict[str, _Made] = {}
        self._items: list[tree.Item] = []
        self._root: Digest | None = None

    @property
    def note(self) -> str | None:
        """Why the file is not what it should be, in one line; None when all is well."""
        return self._file.note

    def tell(
        self,
        cells: Iterable[Mapping[str, Any]],
        *,
        order: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> tuple[str, ...]:
        """Take in what a frontend shows; return the ids in ``order`` it has to tell of, for they were never told.

        Parameters
        ----------
        cells : the cells that are new or have changed, each ``{id, cell_type, source, metadata?, attachments?}``.
        order : the ids of all cells there are; None: as before, new ones last.
        metadata : the notebook's; None: as before.
        """
        try:
            new = {cell.id: cell for cell in msgspec.convert(list(cells), list[Cell])}
        except (msgspec.ValidationError, TypeError) as error:
            raise InvalidInputError(f"A frontend told of its cells in a form that is not known: {error}") from error
        if strange := {cell.cell_type for cell in new.values()} - {"code", "markdown", "raw"}:
            raise InvalidInputError(f"A frontend told of a kind of cell that is not known: {', '.join(sorted(strange))}")
        if self._told.cells is None and order is None and not new:  # of its cells it has not told yet
            self._told = msgspec.structs.replace(self._told, metadata=metadata and dict(metadata))
            return ()
        known = (self._told.cells or {}) | new
        ids = known if order is None else dict.fromkeys(order)
        kept = {id: known[id] for id in ids if id in known}
        self._told = Picture(None, kept, self._told.metadata if metadata is None else dict(metadata))
        return tuple(id for id in ids if id not in known)

    def picture(self) -> Picture:
        """Return what the document is to be made of, as it is now."""
        return msgspec.structs.replace(self._told, path=self.path)

    def document(self, picture: Picture, shelf: Shelf, execution: CellExecution | None = None) -> Document:
        """Return the notebook as it was at ``picture``, of which the parts are on ``shelf``.

        To be called in the order of the executions; ``execution`` is the one that ended, its outputs are on the shelf.
        """
        saved = self._file.read(picture.path)
        if execution is not None:
            self._remember(execution, picture.cells if picture.cells is not None else saved.cells if saved else {})
        if self._root is None or not shelf.has(self._root):
            self._made, self._items, self._root = {}, [], None
        made: dict[str, _Made] = {}
        for id, shown in self._shown(picture, saved).items():
            old, ran = self._made.get(id), self._ran.get(id)
            kept = saved.cells.get(id) if saved else None
            if old is None or old.shown is not shown or old.ran is not ran or old.saved is not kept:
                old = _Made(shown, kept, ran, shelf.put_cell(_record(id, shown, kept, ran, shelf)))
            made[id] = old
        items = [(id, one.digest) for id, one in made.items()]
        root = self._root if items == self._items else None
        root = root or tree.build(items, shelf.put_node)
        self._made, self._items, self._root = made, items, root
        metadata = _metadata(picture, saved)
        return Document(root, shelf.put_json(metadata) if metadata else None)

    def _remember(self, execution: CellExecution, cells: Mapping[str, Cell]) -> None:
        """Keep an execution under the id that its cell has in the document."""
        own_id = execution.cell_id or ""
        id = self._ids.get(own_id, own_id)
        if id not in cells:
            text = own_id or f"{len(self._ran)} {execution.started_at}"
            id = self._find_by_source(execution.source, cells) or valid_id(own_id, text)
            if own_id:
                self._ids[own_id] = id
        shown = Cell(id, "code", execution.source, execution_count=execution.execution_count)
        self._ran[id] = _Ran(shown, execution.outputs, execution.widgets, execution.started_at)
        if not cells and len(self._ran) > MOST_EXECUTIONS:  # many at once: each time the first goes, so do its tree's nodes
            for oldest in list(self._ran)[: MOST_EXECUTIONS // 4]:
                del self._ran[oldest]

    def _find_by_source(self, source: str, cells: Mapping[str, Cell]) -> str | None:
        """Return the code cell with this source: the first that has not run, for nbclient runs a notebook from the top."""
        same = [id for id, cell in cells.items() if cell.cell_type == "code" and cell.source == source]
        return next((id for id in same if id not in self._ran), same[-1] if same else None)

    def _shown(self, picture: Picture, saved: Saved | None) -> dict[str, Cell]:
        if picture.cells is not None:
            return picture.cells
        if saved is None:
            return {id: ran.cell for id, ran in self._ran.items()}
        shown = dict(saved.cells)
        for id, ran in self._ran.items():
            if ran.started_at > saved.saved_at and (id not in shown or shown[id].source != ran.cell.source):
                shown[id] = ran.cell  # edited or made since the file was saved
        return shown


def _metadata(picture: Picture, saved: Saved | None) -> dict[str, Any]:
    if picture.metadata is not None:
        return picture.metadata
    return saved.metadata if saved is not None else {}


def _record(id: str, shown: Cell, saved: Cell | None, ran: _Ran | None, shelf: Shelf) -> DocumentCell:
    described = saved if saved is not None and ran is not None and shown is ran.cell else shown
    outputs, widgets, count = None, None, None
    if shown.cell_type != "code":
        pass
    elif ran is not None:
        count = ran.cell.execution_count
        outputs = ran.outputs if ran.outputs is not None and shelf.has(ran.outputs) else None
        widgets = ran.widgets if ran.widgets is not None and shelf.has(ran.widgets) else None
    elif saved is not None and saved.cell_type == "code":
        count = saved.execution_count
        outputs = shelf.put_json(saved.outputs) if saved.outputs else None
    return DocumentCell(
        id=valid_id(id),
        cell_type=shown.cell_type,
        source=shown.source,
        metadata=described.metadata,
        attachments=described.attachments,
        execution_count=count,
        outputs=outputs,
        widgets=widgets,
    )
