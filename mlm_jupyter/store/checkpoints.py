"""The history: checkpoints as rows to list and name, and the references by which people mean one."""

from __future__ import annotations

import builtins
import difflib
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import Digest, canonical_json
from mlm_jupyter.core.entities import Checkpoint, Manifest, Signature, Variable
from mlm_jupyter.errors import AmbiguousError, ConflictError, InvalidInputError, NotFoundError
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.history import LAST_OF_RUN, OF_RUN, CheckpointFilter, select_page
from mlm_jupyter.store.journal import Change
from mlm_jupyter.store.packs import Batch, Kind, Packs
from mlm_jupyter.store.rows import (
    COLUMNS,
    decode_manifest,
    from_row,
    insert_checkpoint,
    insert_signature,
    select_signatures,
    to_checkpoint,
)

_STEPS_BACK: Final = re.compile(r"(.+)~(\d+)", re.DOTALL)
_ID_PREFIX: Final = re.compile(r"[0-9a-z]+")
_STARTS: Final = 20  # in so many empty kernels tracking may have begun since the latest
_CANDIDATES: Final = 6
"""How many things that an ambiguous reference fits are listed."""
_RESERVED_NAMES: Final = ("latest", "current", "now")
_LIKE_A_NAME: Final = re.compile(r"(?!\d+\Z)[^-#~\s][^~\s]*")

_WISHES: Final = {
    "notebook": "notebook = :notebook",
    "run_id": OF_RUN.format(":run_id"),
    "session_id": "session_id = :session_id",
    "before": "id < :before",
}

_decode_variable: Final = msgspec.json.Decoder(Variable).decode


class Checkpoints:
    """The checkpoints of a project."""

    def __init__(self, database: Database, packs: Packs) -> None:
        self._database = database
        self._packs = packs

    def add(
        self,
        batch: Batch,
        manifest: Manifest,
        *,
        sign: Callable[[Digest], Signature | None] = lambda digest: None,
        name: str | None = None,
        note: str | None = None,
    ) -> Callable[[sqlite3.Connection], Checkpoint]:
        """Put ``manifest`` and its signature in ``batch`` and return the function that adds the row.

        Hand the function to the commit: ``checkpoint = batch.commit(checkpoints.add(batch, manifest))``.

        Parameters
        ----------
        sign : returns the signature of a manifest's digest.
        """
        if name is not None:
            self.check_name(name)
        checkpoint = to_checkpoint(batch.put_json(Kind.MANIFEST, manifest), manifest, name, note)
        signature = sign(checkpoint.digest)
        if signature is not None:
            batch.put_json(Kind.SIGNATURE, signature)
        if name is not None or note is not None:
            batch.put_json(Kind.CHANGE, Change((manifest.id,), name=name, note=note))

        def insert(connection: sqlite3.Connection) -> Checkpoint:
            try:
                insert_checkpoint(connection, checkpoint)
            except sqlite3.IntegrityError as error:
                raise _conflict(error, checkpoint.id, name) from error
            if signature is not None:
                insert_signature(connection, signature)
            return checkpoint

        return insert

    def get(self, id: str) -> Checkpoint:
        """Return the checkpoint with this very id."""
        found = self.find(id)
        if found is None:
            raise NotFoundError(f"No checkpoint {id!r} in this project.", listed_by="history")
        return found

    def find(self, id: str) -> Checkpoint | None:
        """Return the checkpoint with this very id, or None."""
        return self._find("WHERE id = ?", id)

    def list(
        self,
        *,
        notebook: str | None = None,
        run_id: str | None = None,
        session_id: str | None = None,
        before: str | None = None,
        limit: int = 100,
        include_saves: bool = True,
    ) -> builtins.list[Checkpoint]:
        """Return checkpoints, the newest first; for the next page, ``before`` is the id of the last one of this.

        Those of a run are all that were made while it was open.
        """
        wishes = {"notebook": notebook, "run_id": run_id, "session_id": session_id, "before": before}
        conditions = [_WISHES[wish] for wish, value in wishes.items() if value is not None]
        if not include_saves:
            conditions.append("kind != 'save'")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return self._select(f"{where} ORDER BY id DESC LIMIT :limit", {**wishes, "limit": limit})

    def page(
        self, wanted: CheckpointFilter, *, before: str | None = None, limit: int = 100
    ) -> tuple[builtins.list[Checkpoint], int]:
        """Return a page of the checkpoints wanted, newest first, and how many there are in all pages."""
        return select_page(self._database.connection(), wanted, before=before, limit=limit)

    def resolve(self, ref: str, *, notebook: str | None = None, current: str | None = None) -> Checkpoint:
        """Return the checkpoint that ``ref`` means.

        Parameters
        ----------
        ref : a checkpoint's name; a run's name, for its last checkpoint; an id of either or the beginning of one;
            ``latest``; ``current``; each may be followed by ``~N``, N parents back.
        notebook : the notebook whose newest checkpoint is ``latest``; None: the project's newest. Saves never are.
        current : the id of the checkpoint where the kernel stands, if there is one.

        Raises
        ------
        NotFoundError, AmbiguousError : the message lists what may have been meant.
        """
        found = self._find_named(ref)  # first, because a run's name may hold a ~
        if found is not None:
            return found
        if steps := _STEPS_BACK.fullmatch(ref):
            base = self._resolve_base(steps[1], notebook=notebook, current=current)
            return self._ancestor(base, int(steps[2]), ref)
        return self._resolve_base(ref, notebook=notebook, current=current)

    def _resolve_base(self, ref: str, *, notebook: str | None, current: str | None) -> Checkpoint:
        found = self._find_named(ref) or self._find_by_prefix(ref)
        if found is not None:
            return found
        if ref == "latest":
            return self._latest(notebook)
        if ref == "current":
            if current is None:
                raise NotFoundError("Nothing is tracked here, so there is no current checkpoint. Did you mean latest?")
            return self.get(current)
        raise self._unknown(ref, notebook)

    def find_run_id(self, ref: str) -> str | None:
        """Return the id of the run whose last checkpoint ``ref`` means, as ``resolve`` reads it; None: it says no run."""
        if self._find("WHERE name = ?", ref) is not None:
            return None
        id = self._find_run_named(ref) or self._find_id(ref)
        return None if id is None or self.find(id) is not None else id

    def _find_named(self, name: str) -> Checkpoint | None:
        found = self._find("WHERE name = ?", name)
        if found is not None:
            return found
        run_id = self._find_run_named(name)
        return None if run_id is None else self.last_of_run(run_id, name)

    def _find_run_named(self, name: str) -> str | None:
        query = "SELECT max(id) FROM runs WHERE name = ?"
        (id,) = self._database.connection().execute(query, (name,)).fetchone()
        return id  # type: ignore[no-any-return]

    def last_of_run(self, run_id: str, ref: str) -> Checkpoint:
        """Return the last checkpoint of the run that was asked for as ``ref``, or raise NotFoundError."""
        found = self._find(f"WHERE id = (SELECT {LAST_OF_RUN} FROM runs WHERE runs.id = ?)", run_id)
        if found is None:
            raise NotFoundError(f"Run {ref!r} has no checkpoint. Look at what it logged with: mlm metrics {run_id}")
        return found

    def _find_by_prefix(self, ref: str) -> Checkpoint | None:
        id = self._find_id(ref)
        return None if id is None else self.find(id) or self.last_of_run(id, ref)

    def _find_id(self, ref: str) -> str | None:
        """Return the one id, of a checkpoint or of a run, that begins with ``ref``, or None."""
        prefix = ref.lower()
        fitting = self._fitting(prefix)
        if len(fitting) > 1 and prefix not in fitting:
            more = ", ..." if len(fitting) > _CANDIDATES else ""
            listed = ", ".join(list(fitting.values())[:_CANDIDATES])
            raise AmbiguousError(f"{ref!r} fits several: {listed}{more}. Type more of the id.")
        return prefix if prefix in fitting else next(iter(fitting), None)

    def _fitting(self, prefix: str) -> dict[str, str]:
        """Return the ids that begin with ``prefix``, some of very many, each with what it is the id of."""
        if not _ID_PREFIX.fullmatch(prefix):
            return {}
        condition = "WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        span = (prefix, prefix + "{", _CANDIDATES + 1)  # { comes after z
        checkpoints = self._select(condition, span)
        runs = self._database.connection().execute(f"SELECT id, name FROM runs {condition}", span).fetchall()
        fitting = {checkpoint.id: _described(checkpoint) for checkpoint in checkpoints}
        return fitting | {id: f"run {id} ({name})" for id, name in runs}

    def _latest(self, notebook: str | None) -> Checkpoint:
        found = self.list(notebook=notebook, limit=_STARTS, include_saves=False)
        if found:
            return next((checkpoint for checkpoint in found if not _is_empty_start(checkpoint)), found[0])
        whose = "This project" if notebook is None else f"The notebook {notebook}"
        raise NotFoundError(f"{whose} has no checkpoint yet. Run a cell after %mlm_track, or make one with %mlm_checkpoint")

    def _ancestor(self, checkpoint: Checkpoint, steps: int, ref: str) -> Checkpoint:
        for step in range(steps):
            if checkpoint.parent_id is None:
                first = _described(checkpoint)
                said = f"{first}, {step} back, is the first" if step else f"nothing comes before {first}"
                raise NotFoundError(f"{ref!r} goes back too far: {said}. Give a smaller number, or none.")
            checkpoint = self.get(checkpoint.parent_id)
        return checkpoint

    def _unknown(self, ref: str, notebook: str | None) -> NotFoundError:
        if ref.removeprefix("#").isdecimal():
            numbered = self._numbered(int(ref.removeprefix("#")), notebook)
            if numbered:
                listed = ", ".join(f"{one.id} of {one.notebook}" if one.notebook else one.id for one in numbered)
                return NotFoundError(f"{ref} is a number; a reference is a name or an id. Number {ref} has the id {listed}")
        if "~" in ref:
            return NotFoundError(f"No checkpoint {ref!r} in this project. To go N parents back, write ~N, as in latest~1")
        connection = self._database.connection()
        names = connection.execute(
            "SELECT name FROM checkpoints WHERE name IS NOT NULL"
            " UNION SELECT name FROM (SELECT name FROM runs ORDER BY id DESC LIMIT 1000)"
        )
        close = difflib.get_close_matches(ref, ["latest", "current", *(name for (name,) in names)])
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        return NotFoundError(f"No checkpoint {ref!r} in this project.{hint}", listed_by="history")

    def _numbered(self, ordinal: int, notebook: str | None) -> builtins.list[Checkpoint]:
        """Return the checkpoints with this number: of ``notebook``, or the newest of several notebooks."""
        is_wanted, values = ("AND notebook = ?", (notebook,)) if notebook is not None else ("", ())
        query = f"WHERE ordinal = ? {is_wanted} ORDER BY id DESC LIMIT {_CANDIDATES}"
        return self._select(query, (min(ordinal, 2**62), *values))

    def manifest(self, checkpoint: Checkpoint) -> Manifest:
        """Return what never changes of ``checkpoint``."""
        return decode_manifest(self._packs.get(checkpoint.digest))

    def variables(self, checkpoint: Checkpoint) -> dict[str, Variable]:
        """Return what is known of every variable at ``checkpoint``, by name, in order."""
        root = self.manifest(checkpoint).variables
        return {name: _decode_variable(self._packs.get(digest)) for name, digest in tree.walk(root, self._packs.get)}

    def signatures(self, checkpoint: Checkpoint) -> builtins.list[Signature]:
        """Return who vouches for ``checkpoint``; whether they do is for ``trust`` to find out."""
        return select_signatures(self._database.connection(), checkpoint.digest)

    def add_signatures(self, signatures: Iterable[Signature]) -> None:
        """Store more signatures, all or none; a second one by the same key takes the place of the first."""
        added = list(signatures)

        def add(connection: sqlite3.Connection) -> None:
            for signature in added:
                insert_signature(connection, signature)

        with self._packs.batch() as batch:
            for signature in added:
                batch.put_json(Kind.SIGNATURE, signature)
            batch.commit(add)

    def set_name(self, id: str, name: str | None) -> None:
        """Name a checkpoint, or with None take its name away."""
        if name is not None and name != self.get(id).name:  # one from before there was such a rule may stay
            self.check_name(name)
        self._update(id, "name", name, Change((id,), name=name))

    def check_name(self, name: str) -> None:
        """Raise InvalidInputError where ``name``, which is looked up first, would hide what else a reference can mean."""
        if _LIKE_A_NAME.fullmatch(name) is None or name.lower() in _RESERVED_NAMES or not name.isprintable():
            raise InvalidInputError(
                f"{name!r} cannot name a checkpoint: a name has no spaces and no ~, does not begin with - or #, is no number,"
                f" and is not {', '.join(_RESERVED_NAMES[:-1])} or {_RESERVED_NAMES[-1]}"
            )
        hidden = next(iter(self._fitting(name.lower()).values()), None)
        if hidden is not None:
            raise InvalidInputError(
                f"{name!r} cannot name a checkpoint: it would hide {hidden}, whose id begins so. Write for example: my-{name}"
            )

    def require_free(self, name: str) -> None:
        """Raise ConflictError when another checkpoint has the name."""
        if self._find("WHERE name = ?", name) is not None:
            raise _taken(name)

    def set_note(self, id: str, note: str | None) -> None:
        """Write a note on a checkpoint, or with None remove it."""
        self._update(id, "note", note, Change((id,), note=note))

    def _update(self, id: str, column: str, value: str | None, change: Change) -> None:
        def update(connection: sqlite3.Connection) -> None:
            self.get(id)
            try:
                connection.execute(f"UPDATE checkpoints SET {column} = ? WHERE id = ?", (value, id))
            except sqlite3.IntegrityError as error:
                raise _conflict(error, id, value) from error

        self._commit(change, update)

    def _commit(self, change: Change, rows: Callable[[sqlite3.Connection], None]) -> None:
        """Change rows, and note in the packs that they changed, for whoever makes the database anew."""
        with self._packs.batch() as batch:
            batch.put_json(Kind.CHANGE, change)
            batch.commit(rows)

    def delete(self, id: str) -> None:
        """Take a checkpoint out of the history; its children go on from its parent.

        The bytes that only it needed are freed by ``mlm prune``. Manifests of children keep its digest.
        """

        def delete(connection: sqlite3.Connection) -> None:
            checkpoint = self.get(id)
            connection.execute("UPDATE checkpoints SET parent_id = ? WHERE parent_id = ?", (checkpoint.parent_id, id))
            connection.execute("DELETE FROM checkpoints WHERE id = ?", (id,))
            connection.execute("DELETE FROM signatures WHERE manifest = ?", (bytes.fromhex(checkpoint.digest),))
            connection.execute("DELETE FROM late_outputs WHERE checkpoint_id = ?", (id,))

        self._commit(Change((id,), is_deleted=True, parent_id=self.get(id).parent_id), delete)

    def next_ordinal(self, notebook: str | None) -> int:
        """Return the number that the next checkpoint of ``notebook`` gets; numbers of deleted ones at its end come again."""
        query = "SELECT coalesce(max(ordinal), 0) + 1 FROM checkpoints WHERE notebook IS ?"
        (ordinal,) = self._database.connection().execute(query, (notebook,)).fetchone()
        return int(ordinal)

    def add_late_output(self, checkpoint_id: str, output: dict[str, Any], received_at: int) -> None:
        """Keep an output that came after the cell had ended; it is no part of what is signed."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO late_outputs (checkpoint_id, output, received_at) VALUES (?, ?, ?)",
                (checkpoint_id, canonical_json(output).decode(), received_at),
            )

    def late_outputs(self, checkpoint_id: str) -> builtins.list[dict[str, Any]]:
        """Return the outputs that came after the cell had ended, in order of arrival."""
        query = "SELECT output FROM late_outputs WHERE checkpoint_id = ? ORDER BY id"
        return [json.loads(output) for (output,) in self._database.connection().execute(query, (checkpoint_id,))]

    def late_output_count(self, checkpoint_id: str) -> int:
        """Return how many outputs came after the cell had ended: they are only ever added to."""
        query = "SELECT count(*) FROM late_outputs WHERE checkpoint_id = ?"
        return int(self._database.connection().execute(query, (checkpoint_id,)).fetchone()[0])

    def late_output_bytes(self, checkpoint_id: str) -> int:
        """Return the size of the outputs that came after the cell had ended."""
        query = "SELECT coalesce(sum(length(output)), 0) FROM late_outputs WHERE checkpoint_id = ?"
        return int(self._database.connection().execute(query, (checkpoint_id,)).fetchone()[0])

    def _find(self, condition: str, *values: object) -> Checkpoint | None:
        found = self._select(condition, values)
        return found[0] if found else None

    def _select(self, condition: str, values: Sequence[object] | Mapping[str, object]) -> builtins.list[Checkpoint]:
        rows = self._database.connection().execute(f"SELECT {COLUMNS} FROM checkpoints {condition}", values)
        return [from_row(row) for row in rows]


def _conflict(error: sqlite3.IntegrityError, id: str, name: str | None) -> ConflictError:
    if "checkpoints.name" in str(error):
        return _taken(name or "")
    return ConflictError(f"Checkpoint {id!r} exists already; a written checkpoint is never changed")


def _taken(name: str) -> ConflictError:
    return ConflictError(f"Another checkpoint is called {name!r} already. Choose another name, or rename that one first")


def _is_empty_start(checkpoint: Checkpoint) -> bool:
    """Tell whether tracking began with it in a kernel that had no variables: nobody means that by the latest."""
    return checkpoint.kind == "baseline" and not checkpoint.changes


def _described(checkpoint: Checkpoint) -> str:
    return f"checkpoint {checkpoint.id}" + (f" ({checkpoint.name})" if checkpoint.name else "")
