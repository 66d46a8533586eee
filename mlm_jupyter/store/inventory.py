"""Every object of a project in 38 bytes of memory each, to mark while one goes along what refers to what."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.store.connection import damaged_database
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.index import is_sound
from mlm_jupyter.store.records import HEADER_BYTES

_PAGE: Final = 5_000
_MOST_PACKS: Final = 1 << 32
_KEY_DIGITS: Final = 16  # of a digest; two of ten million objects share them once in 400,000 projects


class Inventory:
    """The objects that were in the index at one moment, by number, in order of digest.

    Two whose digests begin with the same 64 bits share one number, so that what is found out of one holds for both.

    Attributes
    ----------
    kinds : their kinds.
    packs, offsets : where they lie, a pack by its id.
    raw_bytes, stored_bytes : how long each is, and what it takes on the disk, its header included.
    marks : for the user of the inventory; all 0 at first.
    """

    def __init__(self, database: Database) -> None:
        self._keys = array("Q")
        self.kinds = bytearray()
        self.packs = array("I")
        self.offsets = array("Q")
        self.raw_bytes = array("Q")
        self.stored_bytes = array("Q")
        for digest, kind, pack, offset, stored_bytes, raw_bytes in _rows(database):
            self._keys.append(int.from_bytes(digest[: _KEY_DIGITS // 2]))
            self.kinds.append(kind)
            self.packs.append(pack)
            self.offsets.append(offset)
            self.raw_bytes.append(raw_bytes)
            self.stored_bytes.append(stored_bytes + HEADER_BYTES)
        self.marks = bytearray(len(self._keys))

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, digest: Digest) -> int | None:
        """Return the number of an object, or None where it was not there."""
        try:
            return self._find(int(digest[:_KEY_DIGITS], 16))
        except (ValueError, TypeError):  # no digest, by a row that is damaged
            return None

    def find_key(self, key: bytes) -> int | None:
        """Return the number of the object with these 32 bytes as digest."""
        return self._find(int.from_bytes(key[: _KEY_DIGITS // 2]))

    def _find(self, key: int) -> int | None:
        number = bisect_left(self._keys, key)
        return number if number < len(self._keys) and self._keys[number] == key else None


def object_keys(database: Database) -> Iterator[tuple[bytes, int]]:
    """Yield the digest, as 32 bytes, and the kind of every object, in order of digest."""
    return ((digest, kind) for digest, kind, *_ in _rows(database))


def _rows(database: Database) -> Iterator[tuple[bytes, int, int, int, int, int]]:
    """Yield the rows of the index in order of digest; what is added meanwhile may be among them."""
    query = (
        "SELECT digest, kind, pack_id, offset, stored_bytes, raw_bytes FROM objects WHERE digest > ? ORDER BY digest LIMIT ?"
    )
    last = b""
    while page := database.connection().execute(query, (last, _PAGE)).fetchall():
        for row in page:
            digest, kind, pack, *place = row
            if type(digest) is not bytes or not (is_sound(kind, *place) and 0 <= pack < _MOST_PACKS):
                raise damaged_database(database.folder, f"where object {digest!r} lies cannot be")
            yield row
        last = page[-1][0]
