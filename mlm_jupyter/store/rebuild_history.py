"""The rows of checkpoints, made anew from manifests, the journal and what is left of the old rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET

from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Checkpoint, Manifest, Signature, Variable
from mlm_jupyter.errors import MlmError, StorageError
from mlm_jupyter.store.journal import IN_ORDER, Change, deleted_ids, records
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.prune import Pruning
from mlm_jupyter.store.records import Kind
from mlm_jupyter.store.rows import (
    decode_manifest,
    from_row,
    insert_checkpoint,
    insert_signature,
    to_checkpoint,
)
from mlm_jupyter.store.salvage import Row, Salvage

_REASON: Final = "retention"


class _OldRow(msgspec.Struct):
    """What a row of the old database knows that its manifest does not."""

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-z]{14}$")]
    digest: Annotated[Digest, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    name: str | None
    note: str | None
    parent_id: str | None
    notebook: str | None
    is_dropped: bool


def rebuild_history(packs: Packs, old: Salvage) -> int:
    """Add the rows of all checkpoints that were not deleted, with their signatures; return how many they are."""
    return _History(packs, old).run()


class _History:
    def __init__(self, packs: Packs, old: Salvage) -> None:
        self._packs = packs
        self._database = packs.database
        self._old = old
        self._rows = {row["id"]: found for row in old.rows("checkpoints") if (found := _old_row(row)) is not None}
        self._parents: dict[str, str | None] = {}
        self._gone: dict[str, str | None] = {}

    def run(self) -> int:
        with self._database.transaction() as connection:
            deleted = deleted_ids(self._packs).difference(self._rows)
            for _, change in records(self._packs, Kind.CHANGE, Change):
                if change.is_deleted:
                    self._gone.update(dict.fromkeys(change.ids, change.parent_id))
            for digest, manifest in self._manifests():
                row = self._rows.get(manifest.id)
                is_other = row is not None and row.digest != digest  # written twice, or the row is scribbled over
                if manifest.id not in deleted and not (is_other and manifest.id in self._parents):
                    _insert(connection, self._checkpoint(digest, manifest, row))
                self._parents[manifest.id] = manifest.parent_id
            self._insert_lost(connection)
            self._find_parents(connection)
            self._replay(connection)
            self._copy_late_outputs(connection)
            self._sign(connection)
            (count,) = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
        return int(count)

    def _manifests(self) -> Iterator[tuple[Digest, Manifest]]:
        for (key,) in self._database.connection().execute(IN_ORDER, (Kind.MANIFEST,)):
            try:
                yield key.hex(), decode_manifest(self._packs.get(key.hex()))
            except (MlmError, msgspec.DecodeError, KeyError):
                continue

    def _checkpoint(self, digest: Digest, manifest: Manifest, row: _OldRow | None) -> Checkpoint:
        made = to_checkpoint(digest, manifest)
        if row is None:
            return made
        return msgspec.structs.replace(made, name=row.name, note=row.note, notebook=row.notebook, is_dropped=row.is_dropped)

    def _insert_lost(self, connection: sqlite3.Connection) -> None:
        """Add what is left of checkpoints whose manifest is damaged: their old rows."""
        for row in self._old.rows("checkpoints"):
            if row.get("id") in self._rows and row["id"] not in self._parents:
                try:
                    checkpoint = from_row([row[field] for field in Checkpoint.__struct_fields__])
                    insert_checkpoint(connection, checkpoint)
                except (ValueError, TypeError, KeyError, sqlite3.IntegrityError):  # scribbled over
                    continue
                self._parents[checkpoint.id] = checkpoint.parent_id

    def _find_parents(self, connection: sqlite3.Connection) -> None:
        """Let every checkpoint go on from the nearest ancestor that is there."""
        there = {id for (id,) in connection.execute("SELECT id FROM checkpoints")}
        for id in there:
            row = self._rows.get(id)
            parent = self._parents[id]
            while parent is not None and parent not in there:
                parent = self._parents.get(parent, self._gone.get(parent))
            if row is not None and row.parent_id in there:  # else the packs know better
                parent = row.parent_id
            connection.execute("UPDATE checkpoints SET parent_id = ? WHERE id = ?", (parent, id))

    def _replay(self, connection: sqlite3.Connection) -> None:
        """Make the changes that the journal tells of to checkpoints that the old database does not know."""
        changes = [change for _, change in records(self._packs, Kind.CHANGE, Change)]
        for change in sorted(changes, key=lambda change: change.at):
            for id in change.ids:
                if id in self._rows:
                    continue
                for column in ("name", "note"):
                    value = getattr(change, column)
                    if value is not UNSET:  # a name that was taken then is taken now
                        _try(connection, f"UPDATE checkpoints SET {column} = ? WHERE id = ?", [value, id])
                if change.is_dropped:
                    connection.execute("UPDATE checkpoints SET is_dropped = 1 WHERE id = ?", (id,))

    def _copy_late_outputs(self, connection: sqlite3.Connection) -> None:
        for row in self._old.rows("late_outputs"):
            insert_left(connection, "late_outputs", row)

    def _sign(self, connection: sqlite3.Connection) -> None:
        there = {digest for (digest,) in connection.execute("SELECT digest FROM checkpoints")}
        for _, signature in records(self._packs, Kind.SIGNATURE, Signature):
            if signature.manifest in there:
                insert_signature(connection, signature)


def bury(packs: Packs, old: Salvage, *, now: int) -> None:
    """Take what nothing refers to out of the index, values that were freed with it, and tell when these were."""
    Pruning(packs, lambda checkpoints: [checkpoint.id for checkpoint in checkpoints]).apply(reason=_REASON, now=now)
    changes = (change for _, change in records(packs, Kind.CHANGE, Change) if change.is_dropped)
    dropped_at = {id: change.at for change in changes for id in change.ids}
    with packs.database.transaction() as connection:
        for id, digest in connection.execute("SELECT id, digest FROM checkpoints WHERE is_dropped"):
            for group in _groups(packs, digest):
                if not packs.has(group):
                    row = {"digest": bytes.fromhex(group), "raw_bytes": 0, "reason": _REASON}
                    insert_left(connection, "tombstones", {**row, "dropped_at": dropped_at.get(id, now)})
        for row in old.rows("tombstones"):
            connection.execute("DELETE FROM tombstones WHERE digest = ?", (row.get("digest"),))
            insert_left(connection, "tombstones", row)
        connection.execute("DELETE FROM tombstones WHERE digest IN (SELECT digest FROM objects)")


def _groups(packs: Packs, manifest: Digest) -> Iterator[Digest]:
    try:
        root = decode_manifest(packs.get(manifest)).variables
        for _, digest in tree.walk(root, packs.get):
            group = msgspec.json.decode(packs.get(digest), type=Variable).group
            if group is not None:
                yield group
    except (MlmError, msgspec.DecodeError):
        return


def insert_left(connection: sqlite3.Connection, table: str, row: Row) -> None:
    """Add a row of the old database if the constraints allow it."""
    names = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    _try(connection, f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", list(row.values()))


def _old_row(row: Row) -> _OldRow | None:
    try:
        return msgspec.convert({**row, "is_dropped": bool(row.get("is_dropped"))}, _OldRow)
    except msgspec.ValidationError:
        return None


def _insert(connection: sqlite3.Connection, checkpoint: Checkpoint) -> None:
    connection.execute("DELETE FROM checkpoints WHERE id = ?", (checkpoint.id,))  # written twice: the later one counts
    try:
        insert_checkpoint(connection, checkpoint)
    except sqlite3.IntegrityError:  # two rows of the old database cannot have had one name, but damage can say so
        insert_checkpoint(connection, msgspec.structs.replace(checkpoint, name=None))


def _try(connection: sqlite3.Connection, sql: str, values: list[Any]) -> None:
    """Change what the constraints allow, and what the table has columns for."""
    try:
        connection.execute(sql, values)
    except (sqlite3.Error, StorageError):
        return
