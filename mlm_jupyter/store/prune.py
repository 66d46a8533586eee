"""Dropping values nobody keeps, and objects nobody refers to, while others may be writing.

What is needed is marked, beginning at the rows; what has no mark goes. The objects are those of an inventory taken first,
so what others add later is never touched; what they refer to anew is marked in the transaction that deletes. A writer
that was about to use an object again notices by the count of deletions (``Index.check``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from mlm_jupyter.core.digest import Digest, canonical_json, digest_of
from mlm_jupyter.core.retention import Candidate
from mlm_jupyter.errors import CorruptError, NotFoundError
from mlm_jupyter.store.connection import damaged_database
from mlm_jupyter.store.forgotten import forgotten_checkpoints
from mlm_jupyter.store.history import LAST_OF_RUN
from mlm_jupyter.store.inventory import Inventory, object_keys
from mlm_jupyter.store.journal import Change, FinishedRun
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.records import Kind
from mlm_jupyter.store.references import Edge, Role, references
from mlm_jupyter.store.rows import select_signatures

_CANDIDATES: Final = f"""
    WITH ends (id) AS MATERIALIZED (SELECT {LAST_OF_RUN} FROM runs)
    SELECT checkpoints.*, id IN (SELECT id FROM ends WHERE id IS NOT NULL) AS is_end,
           id IN (SELECT restored_id FROM sessions WHERE restored_id IS NOT NULL AND ended_at IS NULL) AS is_restored
    FROM checkpoints
"""
_SELECT: Final = f"SELECT {', '.join(Candidate.__struct_fields__)} FROM ({_CANDIDATES}) ORDER BY id"
_BURY: Final = (
    "INSERT OR REPLACE INTO tombstones (digest, raw_bytes, reason, dropped_at)"
    " SELECT digest, raw_bytes, ?, ? FROM objects WHERE digest = ?"
)


# Marks of an object: what it is needed as. Plain numbers, for enum's are ten times slower.
_BYTES: Final = 1
_WITHOUT_VALUES: Final = 2  # all it refers to, but for the values of variables
_WITH_VALUES: Final = 4
_TOMB: Final = 8  # not needed, but a checkpoint that has lost its values refers to it


class Pruning:
    """What of a project is needed, found by marking, and the deletion of the rest. Used by one thread.

    Parameters
    ----------
    keeps : says, given all checkpoints, which keep their values: their ids. Asked again before anything is deleted.

    Raises
    ------
    CorruptError : something is damaged, or the database has lost checkpoints, so that what else is needed cannot be known.
    """

    def __init__(self, packs: Packs, keeps: Callable[[list[Candidate]], Iterable[str]]) -> None:
        self.needed_bytes = 0
        """What all that is needed takes on the disk."""
        self.dropped: list[Candidate] = []
        """The checkpoints whose values go."""
        self._packs = packs
        self._database = packs.database
        self._keeps = keeps
        self._inventory = Inventory(self._database)
        self._require_all_known()
        self._outside: dict[Digest, int] = {}
        self._undo: list[tuple[int, int]] | None = None
        self._seen: set[Digest] = set()
        self._whole: set[Digest] = set()
        self._state = (-1, -1)
        self._decide(is_first=True)
        for edge in self._steady_roots():
            self._mark(edge, _WITHOUT_VALUES)

    @property
    def freed_bytes(self) -> int:
        """What all that is not needed takes on the disk."""
        return sum(self._inventory.stored_bytes) - self.needed_bytes

    @property
    def freed_objects(self) -> int:
        """How many objects are not needed."""
        return sum(map(_is_unneeded, self._inventory.marks))

    def keep_newest(self, most_bytes: int) -> None:
        """Keep of those to be dropped the newest, as long as what is needed takes no more than ``most_bytes``."""
        while self.dropped and self._keep(self.dropped[-1], most_bytes):
            self.dropped.pop()

    def _keep(self, checkpoint: Candidate, most_bytes: int | None = None) -> bool:
        """Mark what ``checkpoint`` needs, values included; take it back and return False if that is too much."""
        before = self.needed_bytes
        self._undo = None if most_bytes is None else []
        self._mark(Edge(Role.MANIFEST, checkpoint.digest), _WITH_VALUES)
        marked, self._undo = self._undo, None
        if marked is not None and most_bytes is not None and self.needed_bytes > most_bytes:
            for number, marks in reversed(marked):
                self._inventory.marks[number] = marks
            self.needed_bytes = before
            return False
        self._whole.add(checkpoint.digest)
        return True

    def apply(self, *, reason: str, now: int) -> int:
        """Delete what is not needed and return how many objects that were.

        First, at once, all that refers to something: who finds an object can rely on what it refers to.

        Parameters
        ----------
        reason : by what the values were freed; kept with the tombstones.
        """
        parents, chunks = self._unmarked()
        with self._database.transaction() as connection:
            self._decide(is_first=False)
            ids = [checkpoint.id for checkpoint in self.dropped]
            connection.executemany("UPDATE checkpoints SET is_dropped = 1 WHERE id = ?", [(id,) for id in ids])
            connection.executemany(_BURY, [(reason, now, key) for key in parents if self._mark_of(key) == _TOMB])
            deleted = self._delete(connection, parents)

        def delete_chunks(connection: sqlite3.Connection, some: Sequence[bytes]) -> None:
            nonlocal deleted
            self._follow()
            deleted += self._delete(connection, some)

        self._database.in_parts(chunks, delete_chunks)
        if ids:
            with self._packs.batch() as batch:
                batch.put_json(Kind.CHANGE, Change(tuple(ids), is_dropped=True))
                batch.commit()
        return deleted

    def _delete(self, connection: sqlite3.Connection, keys: Iterable[bytes]) -> int:
        dead = [(key,) for key in keys if _is_unneeded(self._mark_of(key))]
        connection.executemany("DELETE FROM objects WHERE digest = ?", dead)
        self._state = self._state_now()
        return len(dead)

    def _mark_of(self, key: bytes) -> int:
        number = self._inventory.find_key(key)
        return _BYTES if number is None else self._inventory.marks[number]

    def _unmarked(self) -> tuple[list[bytes], list[bytes]]:
        """Return the objects that are not needed: those that may refer to something, and chunks."""
        parents: list[bytes] = []
        chunks: list[bytes] = []
        for key, kind in object_keys(self._database):
            if _is_unneeded(self._mark_of(key)):
                (chunks if kind == Kind.CHUNK else parents).append(key)
        return parents, chunks

    def _require_all_known(self) -> None:
        forgotten = forgotten_checkpoints(self._packs, self._inventory)
        if forgotten:
            raise CorruptError(
                f"The database of the project at {self._database.folder.parent} has lost checkpoints that the packs still have"
                f" ({forgotten[0]} to {forgotten[-1]}); before anything is freed bring them back with: mlm verify --rebuild"
            )

    # What is needed ---------------------------------------------------------------------------------------------------

    def _decide(self, *, is_first: bool) -> None:
        """Mark what every row refers to; what came after the first time is kept with its values."""
        if not self._has_changed():
            return
        rows = self._database.connection().execute(_SELECT).fetchall()
        columns = Candidate.__struct_fields__
        try:
            candidates = [msgspec.convert(dict(zip(columns, row, strict=True)), Candidate, strict=False) for row in rows]
        except msgspec.ValidationError as error:
            raise damaged_database(self._database.folder, error) from error
        keeps = set(self._keeps(candidates))
        going = {checkpoint.id for checkpoint in self.dropped}
        self.dropped = []
        for candidate in candidates:
            if candidate.digest in self._whole or (candidate.is_dropped and not candidate.is_in_use):
                continue
            if candidate.is_dropped or candidate.id in keeps or not (is_first or candidate.id in going):
                self._keep(candidate)
            else:
                self.dropped.append(candidate)
        for candidate in candidates:
            self._seen.add(candidate.digest)
            if candidate.digest not in self._whole:
                self._mark(Edge(Role.MANIFEST, candidate.digest), _WITHOUT_VALUES)
        self._mark_other_roots()

    def _follow(self) -> None:
        """Mark what rows refer to that came since the decision."""
        if not self._has_changed():
            return
        for (digest,) in self._database.connection().execute("SELECT digest FROM checkpoints"):
            if digest not in self._seen:
                self._seen.add(digest)
                self._mark(Edge(Role.MANIFEST, digest), _WITH_VALUES)
        self._mark_other_roots()

    def _mark_other_roots(self) -> None:
        connection = self._database.connection()
        for (blob,) in connection.execute("SELECT blob FROM artifacts"):
            if blob not in self._seen:
                self._seen.add(blob)
                self._mark(Edge(Role.BLOB, blob), _WITHOUT_VALUES)
        for (environment,) in connection.execute("SELECT environment FROM sessions WHERE environment IS NOT NULL"):
            self._mark(Edge(Role.LEAF, environment), _WITHOUT_VALUES)

    def _steady_roots(self) -> Iterator[Edge]:
        """Yield those of which a later one never refers to an object that was there before."""
        connection = self._database.connection()
        for signature in select_signatures(connection):
            yield Edge(Role.LEAF, digest_of(canonical_json(signature)))
        runs = {id for (id,) in connection.execute("SELECT id FROM runs")}
        kinds = (Kind.RUN, Kind.CHANGE)
        for key, kind in connection.execute("SELECT digest, kind FROM objects WHERE kind IN (?, ?)", kinds):
            if kind == Kind.CHANGE:
                yield Edge(Role.LEAF, key.hex())
            elif msgspec.json.decode(self._packs.get(key.hex()), type=FinishedRun).run.id in runs:
                yield Edge(Role.RUN, key.hex())

    def _has_changed(self) -> bool:
        state = self._state_now()
        is_same = state == self._state
        self._state = state
        return not is_same

    def _state_now(self) -> tuple[int, int]:
        """Return what is another when anybody has changed a row: others, or this connection."""
        return self._database.data_version(), self._database.connection().total_changes

    def _mark(self, root: Edge, need: int) -> None:
        """Mark an object and all that it refers to as needed."""
        pending = [root]
        while pending:
            edge = pending.pop()
            if edge.role is Role.GROUP and need == _WITHOUT_VALUES:
                self._add_marks(edge.digest, _TOMB)
            elif self._is_leaf(edge):
                self._add_marks(edge.digest, _BYTES)
            elif not self._add_marks(edge.digest, need | _BYTES) & (need | _WITH_VALUES):
                try:
                    pending += references(edge.role, self._packs.get(edge.digest))
                except NotFoundError:  # dropped before; or damage, which is for verify to find
                    continue

    def _is_leaf(self, edge: Edge) -> bool:
        if edge.role is not Role.BLOB:
            return edge.role is Role.LEAF
        number = self._inventory.find(edge.digest)
        kind = self._packs.find_kind(edge.digest) if number is None else self._inventory.kinds[number]
        return kind != Kind.LIST

    def _add_marks(self, digest: Digest, marks: int) -> int:
        """Add marks to those of an object and return those that it had."""
        number = self._inventory.find(digest)
        if number is None:  # it came since; what it refers to may have been there
            had = self._outside.get(digest, 0)
            self._outside[digest] = had | marks
            return had
        had = self._inventory.marks[number]
        self._inventory.marks[number] = had | marks
        if self._undo is not None:
            self._undo.append((number, had))
        if _is_unneeded(had) and not _is_unneeded(marks):
            self.needed_bytes += self._inventory.stored_bytes[number]
        return had


def _is_unneeded(marks: int) -> bool:
    return not marks & ~_TOMB
