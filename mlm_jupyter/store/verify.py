"""Whether everything that was stored is still what it was, and who would miss what is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from mlm_jupyter.core.digest import Digest, is_digest
from mlm_jupyter.core.entities import Checkpoint
from mlm_jupyter.errors import CorruptError, MlmError, NotFoundError
from mlm_jupyter.store.damage import DamageMap, TouchedArtifact, TouchedCheckpoint
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.forgotten import forgotten_checkpoints
from mlm_jupyter.store.inventory import Inventory, object_keys
from mlm_jupyter.store.packfile import take_unused
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.records import HEADER_BYTES, Kind, Record
from mlm_jupyter.store.references import ROLES, Edge, Role, references
from mlm_jupyter.store.rows import COLUMNS, as_made, decode_manifest, from_row, to_checkpoint
from mlm_jupyter.store.scan import Checked, check_packs, size_of

_SEEN = 1
_PAGE = 1_000
_ADVICE = " See what else is with: mlm verify"


class Damage(msgspec.Struct, frozen=True):
    """An object that is not what it was, or is not there."""

    digest: Digest
    kind: str
    """What it was, in lower case; ``object`` where that is not known."""
    reason: str
    is_readable: bool = False
    """Its bytes are sound; only what is written before them, by which a rebuild would find it, is not."""


class Verification(msgspec.Struct, kw_only=True):
    """What was found."""

    objects: int = 0
    """So many were read and compared with their digests."""
    bytes: int = 0
    """Of the packs."""
    damaged: list[Damage] = []
    checkpoints: list[TouchedCheckpoint] = []
    """Those that have lost something by it."""
    artifacts: list[TouchedArtifact] = []
    database: list[str] = []
    """What SQLite says of its own file, where not all is well."""
    missing_parents: list[str] = []
    """The ids of checkpoints whose parent is gone without having been deleted."""
    forgotten: list[str] = []
    """The ids of checkpoints that the database has lost and the packs still have: a rebuild brings them back."""
    torn_bytes: int = 0
    """At the ends of packs, left by processes that were killed while writing: harmless."""
    unused_bytes: int = 0
    """Of objects that nothing refers to any more: pruning frees them."""

    @property
    def is_sound(self) -> bool:
        lost = (self.damaged, self.checkpoints, self.artifacts, self.database, self.missing_parents, self.forgotten)
        return not any(lost)


def verify(packs: Packs, *, on_progress: Callable[[int, int], None] = lambda done, total: None) -> Verification:
    """Read everything that is stored and compare it with its digests, whoever may be writing meanwhile.

    Parameters
    ----------
    on_progress : told how many bytes of how many are done.
    """
    return _Verifier(packs, on_progress).run()


class _Verifier:
    def __init__(self, packs: Packs, on_progress: Callable[[int, int], None]) -> None:
        self._packs = packs
        self._database = packs.database
        self._on_progress = on_progress
        self._inventory = Inventory(self._database)
        self._suspects: set[Digest] = set()
        self._loose: set[Digest] = set()
        self._rows: dict[Digest, int] = {}
        """What hash of what the row of each checkpoint says."""

    def run(self) -> Verification:
        found = Verification(objects=len(self._inventory), database=_check_database(self._database))
        found.database += self._read_rows()
        self._read_packs(found)
        self._suspects.update(self._unseen())
        for digest in _roots(self._database):
            if not is_digest(digest):
                found.database.append(f"a row refers to {digest!r}, which is no digest")
            elif self._inventory.find(digest) is None:
                self._loose.add(digest)
        if found.database:
            return found
        damaged, missing = list(self._damaged()), list(self._missing())
        if damaged or missing:
            bad = {damage.digest for damage in (*damaged, *missing) if not damage.is_readable}
            touched = DamageMap(self._packs, self._inventory, bad)
            found.checkpoints = touched.checkpoints()
            found.artifacts = touched.artifacts()
            missing = [damage for damage in missing if damage.digest in touched.met]  # what is pruned may miss something
        found.damaged = damaged + missing
        found.missing_parents = _missing_parents(self._database)
        found.forgotten = forgotten_checkpoints(self._packs, self._inventory)
        return found

    def _read_packs(self, found: Verification) -> None:
        names = self._database.connection().execute("SELECT name, id FROM packs").fetchall()
        ids: dict[str, int] = dict(names)
        inventory = self._inventory

        def is_indexed(pack: str, record: Record) -> bool:
            number = inventory.find_key(record.digest)
            return (
                number is not None and inventory.offsets[number] == record.offset and inventory.packs[number] == ids.get(pack)
            )

        paths = sorted(self._packs.folder.glob("*.pack"))
        found.bytes = sum(map(size_of, paths))
        for checked in check_packs(paths, is_wanted=is_indexed, on_progress=lambda done: self._on_progress(done, found.bytes)):
            self._take(checked, found)
        self._measure(found, paths, ids)

    def _read_rows(self) -> Iterator[str]:
        """Take note of what the rows of checkpoints say, and yield what is wrong with those that cannot be read."""
        last = ""
        query = f"SELECT {COLUMNS} FROM checkpoints WHERE id > ? ORDER BY id LIMIT {_PAGE}"
        while page := self._database.connection().execute(query, (last,)).fetchall():
            for row in page:
                try:
                    checkpoint = from_row(row)
                    self._rows[checkpoint.digest] = hash(repr(as_made(checkpoint)))
                except CorruptError as error:
                    yield str(error).partition(";")[0]
            last = page[-1][0]

    def _take(self, checked: Checked, found: Verification) -> None:
        digest = checked.record.digest
        if checked.reason is not None:
            self._suspects.add(digest.hex())
            return
        number = self._inventory.find_key(digest)
        if number is not None:
            self._inventory.marks[number] = _SEEN
        if checked.record.kind is Kind.MANIFEST and digest.hex() in self._rows:
            made = to_checkpoint(digest.hex(), decode_manifest(checked.raw))
            if hash(repr(as_made(made))) != self._rows[digest.hex()]:
                found.database.append(f"the row of checkpoint {made.id} says something else than its manifest")
        role = ROLES.get(checked.record.kind)
        if role is None:
            return
        try:
            edges = references(role, checked.raw)
        except CorruptError:  # it is what was put there, whatever that is
            return
        self._loose.update(edge.digest for edge in edges if self._inventory.find(edge.digest) is None)

    def _measure(self, found: Verification, paths: list[Path], ids: dict[str, int]) -> None:
        """Find how much of the packs belongs to nothing in the index, but for those that are being written to.

        Where nothing can be written nothing can be freed, nor can a pack be taken to see whether anybody writes to it.
        """
        if self._database.is_readonly:
            return
        inventory = self._inventory
        live: dict[int, int] = {}
        ends: dict[int, int] = {}
        for pack, offset, stored_bytes in zip(inventory.packs, inventory.offsets, inventory.stored_bytes, strict=True):
            live[pack] = live.get(pack, 0) + stored_bytes
            ends[pack] = max(ends.get(pack, 0), offset + stored_bytes - HEADER_BYTES)
        for path in paths:
            fd = take_unused(path)
            if fd is None:
                continue
            size = os.fstat(fd).st_size
            os.close(fd)
            pack = ids.get(path.name, -1)
            torn = max(0, size - ends.get(pack, 0))
            found.torn_bytes += torn
            found.unused_bytes += max(0, size - torn - live.get(pack, 0))

    def _unseen(self) -> Iterator[Digest]:
        if all(self._inventory.marks):
            return
        for key, _ in object_keys(self._database):
            number = self._inventory.find_key(key)
            if number is not None and not self._inventory.marks[number]:
                yield key.hex()

    def _damaged(self) -> Iterator[Damage]:
        """Yield what of the index cannot be read, looked at once more: it may have been moved or deleted meanwhile."""
        for digest in sorted(self._suspects):
            kind = self._packs.find_kind(digest)
            name = kind.name.lower() if kind else "object"
            try:
                self._packs.get(digest)
                if self._lies_where_it_did(digest):
                    yield Damage(digest, name, f"Object {digest[:12]} can be read, but its header is damaged", True)
            except NotFoundError:
                continue
            except (MlmError, OSError) as error:
                yield Damage(digest, name, str(error).removesuffix(_ADVICE))

    def _lies_where_it_did(self, digest: Digest) -> bool:
        number = self._inventory.find(digest)
        query = "SELECT pack_id, offset FROM objects WHERE digest = ?"
        place = self._database.connection().execute(query, (bytes.fromhex(digest),)).fetchone()
        return number is not None and place == (self._inventory.packs[number], self._inventory.offsets[number])

    def _missing(self) -> Iterator[Damage]:
        """Yield what is referred to and was neither stored nor freed."""
        for digest in sorted(self._loose):
            if not self._packs.has(digest) and not _is_freed(self._database, digest):
                yield Damage(digest, "object", f"Object {digest[:12]} is not there")


def verify_checkpoints(packs: Packs, checkpoints: Iterable[Checkpoint]) -> None:
    """Read all that these checkpoints refer to and compare it with its digests.

    Raises
    ------
    CorruptError, NotFoundError : something is damaged or missing, other than values that retention has freed.
    """
    seen: set[Edge] = set()
    pending = [Edge(Role.MANIFEST, checkpoint.digest) for checkpoint in checkpoints]
    while pending:
        edge = pending.pop()
        if edge in seen:
            continue
        seen.add(edge)
        try:
            data = packs.get(edge.digest)
        except NotFoundError:
            if edge.role is Role.GROUP and _is_freed(packs.database, edge.digest):
                continue
            raise
        if edge.role is not Role.BLOB or packs.find_kind(edge.digest) is Kind.LIST:
            pending += references(edge.role, data)


def _is_freed(database: Database, digest: Digest) -> bool:
    query = "SELECT 1 FROM tombstones WHERE digest = ?"
    return database.connection().execute(query, (bytes.fromhex(digest),)).fetchone() is not None


def _check_database(database: Database) -> list[str]:
    try:
        found = [line for (line,) in database.connection().execute("PRAGMA quick_check(10)")]
    except MlmError as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def _roots(database: Database) -> Iterator[Digest]:
    connection = database.connection()
    for query in (
        "SELECT digest FROM checkpoints",
        "SELECT blob FROM artifacts",
        "SELECT environment FROM sessions WHERE environment IS NOT NULL",
    ):
        for (digest,) in connection.execute(query):
            yield str(digest)


def _missing_parents(database: Database) -> list[str]:
    query = (
        "SELECT id FROM checkpoints c WHERE parent_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM checkpoints p WHERE p.id = c.parent_id) ORDER BY id"
    )
    return [id for (id,) in database.connection().execute(query)]
