"""The index of objects: which digest lies where in which pack."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection
from typing import Final

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.errors import ConflictError, InvalidInputError, NotFoundError
from mlm_jupyter.store.connection import damaged_database
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packfile import Entry
from mlm_jupyter.store.records import KINDS, MAX_RECORD_BYTES

_KNOWN_DIGESTS: Final = 50_000
_MOST_OFFSET: Final = 1 << 62
_FIND: Final = (
    "SELECT digest, kind, name, offset, stored_bytes, raw_bytes FROM objects JOIN packs ON packs.id = pack_id WHERE digest = ?"
)
_HAS: Final = "SELECT 1 FROM objects WHERE digest = ?"
_ADD: Final = "INSERT OR IGNORE INTO objects SELECT ?, ?, id, ?, ?, ? FROM packs WHERE name = ?"


class Index:
    """The rows of ``packs``, ``objects`` and ``tombstones``, with a memory of digests that were seen lately.

    Any process may delete objects; a trigger counts that. Who builds on what ``has`` said takes ``count_deletions``
    before, and calls ``check`` in the transaction that writes the reference.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[bytes] = set()
        self._deletions = -1

    def find(self, digest: Digest) -> Entry | None:
        """Return where the object lies, or None."""
        row = self._database.connection().execute(_FIND, (_key(digest),)).fetchone()
        if row is None:
            return None
        if not is_sound(*row[1:2], *row[3:]):
            raise damaged_database(self._database.folder, f"where object {digest[:12]} lies cannot be")
        return Entry(*row)

    def get(self, digest: Digest) -> Entry:
        """Return where the object lies; the error says if retention dropped it."""
        entry = self.find(digest)
        if entry is not None:
            return entry
        query = "SELECT reason, dropped_at FROM tombstones WHERE digest = ?"
        tombstone = self._database.connection().execute(query, (_key(digest),)).fetchone()
        if tombstone is None:
            raise NotFoundError(f"Object {digest[:12]} is not in this project. Look for damage with: mlm verify")
        reason, dropped_at = tombstone
        day = time.strftime("%Y-%m-%d", time.gmtime(dropped_at / 1000))
        raise NotFoundError(f"its value was freed by {reason} on {day} and cannot be brought back (object {digest[:12]})")

    def has(self, key: bytes) -> bool:
        """Tell whether the object with these 32 bytes as digest is there, or was when it was last looked up."""
        known = self.known()
        if key in known:
            return True
        if self._database.connection().execute(_HAS, (key,)).fetchone() is None:
            return False
        known.add(key)
        return True

    def known(self) -> set[bytes]:
        """Return the memory of what is there, to add to what is found from now on.

        It is given up for a new one when something was deleted: what another thread finds out too late goes with it.
        """
        if len(self._known) > _KNOWN_DIGESTS:
            self._known = set()
        return self._known

    def count_deletions(self) -> int:
        """Return how many objects have ever been deleted, and forget what was known if there are more than last time."""
        count = _count_deletions(self._database.connection())
        if count != self._deletions:
            self._known = set()
            self._deletions = count
        return count

    def add(self, connection: sqlite3.Connection, entries: Collection[Entry]) -> None:
        """Add objects; one that is there already stays where it is."""
        names = {entry.pack for entry in entries}
        connection.executemany("INSERT OR IGNORE INTO packs (name) VALUES (?)", [(name,) for name in names])
        connection.executemany(_ADD, [(e.digest, e.kind, e.offset, e.stored_bytes, e.raw_bytes, e.pack) for e in entries])
        connection.executemany("DELETE FROM tombstones WHERE digest = ?", [(entry.digest,) for entry in entries])

    def check(self, connection: sqlite3.Connection, keys: Collection[bytes], *, deletions: int) -> None:
        """Raise ConflictError where one of ``keys`` was deleted since ``count_deletions`` returned ``deletions``."""
        if _count_deletions(connection) == deletions:
            return
        for key in keys:
            if connection.execute(_HAS, (key,)).fetchone() is None:
                raise ConflictError(f"Object {key.hex()[:12]} was pruned while it was about to be used again; try again")


def is_sound(kind: object, offset: object, stored_bytes: object, raw_bytes: object) -> bool:
    """Tell whether an object can be where its row says that it is, and what."""
    if not (type(offset) is type(stored_bytes) is type(raw_bytes) is int and kind in KINDS):
        return False
    return 0 <= offset < _MOST_OFFSET and 0 <= stored_bytes <= raw_bytes <= MAX_RECORD_BYTES


def _key(digest: Digest) -> bytes:
    try:
        return bytes.fromhex(digest)
    except (ValueError, TypeError):
        raise InvalidInputError(f"{digest!r} is not a digest, which is 64 hexadecimal digits") from None


def _count_deletions(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count FROM deletions").fetchone()
    return int(count)
