"""The notebook file of a kernel: where it is, and its cells as they were last saved. It is only ever read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from mlm_jupyter.core.digest import digest_of
from mlm_jupyter.core.outputs import in_one_piece, joined
from mlm_jupyter.files import is_there

MOST_BYTES: Final = 256 << 20
"""A larger file is not read: its JSON would be several times that in the kernel's memory."""

_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Cell(msgspec.Struct, frozen=True):
    """A cell as a file or a frontend has it, texts in one piece."""

    id: str
    cell_type: str
    source: str
    metadata: dict[str, Any] = {}
    attachments: dict[str, Any] | None = None
    execution_count: int | None = None
    outputs: list[dict[str, Any]] = []


class Saved(msgspec.Struct, frozen=True):
    """What a notebook file says."""

    metadata: dict[str, Any]
    cells: dict[str, Cell]
    """By id, in order."""
    saved_at: int


def find_notebook(environ: Mapping[str, str], namespace: Mapping[str, object], *, folder: Path | None = None) -> Path | None:
    """Return the file of the notebook this kernel belongs to, there or not; None where nobody said (nbclient, papermill).

    Parameters
    ----------
    environ : of the kernel: Jupyter's server gives ``JPY_SESSION_NAME``.
    namespace : of the user: VS Code puts ``__vsc_ipynb_file__`` there.
    folder : the working directory when the kernel started, which a relative name starts from.
    """
    told = namespace.get("__vsc_ipynb_file__")
    name = told if isinstance(told, str) else environ.get("JPY_SESSION_NAME", "")
    if not name.endswith(".ipynb") or (name is not told and _is_inherited(environ, name)):
        return None
    start = folder or Path.cwd()
    for base in (start, *start.parents):  # some servers say it as from their root, which is above
        if is_there(base / name):
            return Path(os.path.normpath(base / name))
    return Path(os.path.normpath(start / name))


def _is_inherited(environ: Mapping[str, str], name: str) -> bool:
    """Tell whether the name is that of the notebook which started this kernel: ``nbclient`` or papermill run in a cell."""
    parent = environ.get("JPY_PARENT_PID", "")
    if not parent.isdecimal():
        return False
    try:
        before = Path(f"/proc/{parent}/environ").read_bytes()
    except OSError:  # not Linux, or another user's
        return False
    return os.fsencode(f"JPY_SESSION_NAME={name}") in before.split(b"\0")


class NotebookFile:
    """Reads a notebook's file, again only when it has changed."""

    def __init__(self) -> None:
        self.note: str | None = None
        """Why what is known may not be what is there, in one line."""
        self._path: Path | None = None
        self._seen: tuple[int, int, int] | None = None
        self._saved: Saved | None = None

    def read(self, path: Path | None) -> Saved | None:
        """Return the notebook as last saved; as last read when the file is gone or half written; None if never read.

        Cells that are as they were are the same objects as before.
        """
        if path != self._path:
            self._path, self._seen, self._saved, self.note = path, None, None, None
        if path is None:
            return None
        try:
            about = path.stat()
            seen = (about.st_mtime_ns, about.st_size, about.st_ino)
            if seen == self._seen:
                return self._saved
            self._seen, self.note = seen, None
            if about.st_size > MOST_BYTES:
                raise ValueError(f"it is larger than {MOST_BYTES >> 20} MiB")
            self._saved = _saved(json.loads(path.read_bytes()), about.st_mtime_ns // 1_000_000, self._saved)
        except FileNotFoundError:
            self._seen = None
            self.note = f"The notebook {path} is no longer there: it was renamed, moved or deleted."
        except (OSError, ValueError, RecursionError) as error:
            self.note = f"The notebook {path} cannot be read: {error}"
        return self._saved


def _saved(found: object, saved_at: int, before: Saved | None) -> Saved:
    if not isinstance(found, dict) or found.get("nbformat") != 4 or not isinstance(found.get("cells"), list):
        raise ValueError("it is not a notebook in version 4 of the format")
    metadata = found.get("metadata")
    cells = unique([_cell(cell) for cell in found["cells"] if isinstance(cell, dict)])
    if before is not None:
        cells = {id: old if (old := before.cells.get(id)) == cell else cell for id, cell in cells.items()}
    return Saved(metadata if isinstance(metadata, dict) else {}, cells, saved_at)


def unique(cells: Iterable[Cell]) -> dict[str, Cell]:
    """Return cells by an id that is valid in nbformat 4.5 and is no other's: their own if it is, else one of their text."""
    found: dict[str, Cell] = {}
    for cell in cells:
        id = base = valid_id(cell.id, cell.source)
        number = 1
        while id in found:
            number += 1
            id = f"{base[:58]}-{number}"
        found[id] = cell if id == cell.id else msgspec.structs.replace(cell, id=id)
    return found


def valid_id(id: str, source: str = "") -> str:
    """Return ``id`` if nbformat allows it; else one made of it, or of the cell's source if there is none."""
    return id if _ID.fullmatch(id) else f"cell-{digest_of((id or source).encode('utf-8', 'replace'))[:12]}"


def _cell(found: dict[str, Any]) -> Cell:
    metadata, attachments, count = found.get("metadata"), found.get("attachments"), found.get("execution_count")
    outputs, own_id = found.get("outputs"), found.get("id")
    return Cell(
        id=own_id if isinstance(own_id, str) else "",
        cell_type=str(found.get("cell_type")) if found.get("cell_type") in ("code", "markdown", "raw") else "raw",
        source=str(joined(found.get("source", ""))),
        metadata=metadata if isinstance(metadata, dict) else {},
        attachments=attachments if isinstance(attachments, dict) else None,
        execution_count=count if isinstance(count, int) else None,
        outputs=[in_one_piece(output) for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else [],
    )
