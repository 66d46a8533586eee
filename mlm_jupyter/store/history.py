"""The history, sifted: which checkpoints somebody asks for, a page of them and how many there are."""

from __future__ import annotations

import re
import sqlite3
from typing import Final

import msgspec

from mlm_jupyter.core.digest import canonical_json
from mlm_jupyter.core.entities import Checkpoint, CheckpointKind, ExecutionStatus
from mlm_jupyter.store.rows import COLUMNS, from_row

_FIRST: Final = "coalesce(runs.from_id, runs.id)"
_LAST: Final = "coalesce(runs.until_id, '~')"  # which comes after every id

OF_RUN: Final = f"""
    session_id = (SELECT session_id FROM runs WHERE id = {{0}})
    AND id BETWEEN (SELECT {_FIRST} FROM runs WHERE id = {{0}}) AND (SELECT {_LAST} FROM runs WHERE id = {{0}})
"""
"""The condition that a row of ``checkpoints`` was made while a run was open; what is put in stands for the run's id."""

LAST_OF_RUN: Final = f"""
    coalesce((SELECT c.id FROM checkpoints c WHERE c.id = runs.ended_on_id),
             (SELECT max(c.id) FROM checkpoints c WHERE c.session_id = runs.session_id AND c.id BETWEEN {_FIRST} AND {_LAST}))
"""
"""The id of the last checkpoint of a row of ``runs``: the one whose state it ended with, or else the last made in it."""

_CONDITIONS: Final = {
    "notebook": "notebook = :notebook",
    "run_id": OF_RUN.format(":run_id"),
    "cell_id": "cell_id = :cell_id",
    "status": "status = :status",
    "kind": "kind = :kind",
    # the first term passes over nearly all rows without reading their JSON
    "variable": "instr(changes, :quoted) AND EXISTS (SELECT 1 FROM json_each(changes) part, json_each(part.value) change"
    " WHERE part.key != 'between' AND change.value = :variable)",
}

_PLACES: Final = ("source", "name", "note")
_LONGEST_PATTERN: Final = 1000  # SQLite allows 50,000 bytes


class CheckpointFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What checkpoints have to be like; None: anything."""

    notebook: str | None = None
    run_id: str | None = None
    cell_id: str | None = None
    status: ExecutionStatus | None = None
    kind: CheckpointKind | None = None
    text: str | None = None
    """Some of the source, the name or the note, in capitals or not."""
    variable: str | None = None
    """The name of a variable that was added, changed or removed."""


def select_page(
    connection: sqlite3.Connection, wanted: CheckpointFilter, *, before: str | None, limit: int
) -> tuple[list[Checkpoint], int]:
    """Return at most ``limit`` of the checkpoints wanted, newest first, older than ``before``; and how many there are."""
    values = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    conditions = [_CONDITIONS[name] for name in values if name != "text"]
    if wanted.text is not None:
        condition, values["text"] = _holding(wanted.text)
        conditions.append(condition)
    if "variable" in values:
        values["quoted"] = canonical_json(values["variable"]).decode()
    where = " AND ".join(conditions) or "1"
    (total,) = connection.execute(f"SELECT count(*) FROM checkpoints WHERE {where}", values).fetchone()
    older = " AND id < :before" if before is not None else ""
    page = connection.execute(
        f"SELECT {COLUMNS} FROM checkpoints WHERE {where}{older} ORDER BY id DESC LIMIT :limit",
        {**values, "before": before, "limit": limit},
    )
    return [from_row(row) for row in page], int(total)


def _holding(text: str) -> tuple[str, str]:
    """Return the condition that a checkpoint holds ``text``, and what is bound in it.

    SQLite's ``LIKE`` is ten times as fast as a function of ours, but of capitals it knows ASCII's alone.
    """
    if text.isascii() and len(text) <= _LONGEST_PATTERN:
        pattern = re.sub(r"([\\%_])", r"\\\1", text)
        return "(" + " OR ".join(rf"{place} LIKE :text ESCAPE '\'" for place in _PLACES) + ")", f"%{pattern}%"
    return f"mlm_holds(:text, {', '.join(_PLACES)})", text.lower()
