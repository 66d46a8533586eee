"""Writing objects: everything put in a batch counts after one commit, or not at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar, overload

import msgspec

from mlm_jupyter.core.digest import Digest, canonical_json
from mlm_jupyter.errors import ConflictError, InvalidInputError, StorageError
from mlm_jupyter.store.connection import storage_error
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.index import Index
from mlm_jupyter.store.packfile import Bytes, Entry, PackWriter, PackWriters
from mlm_jupyter.store.records import MAX_RECORD_BYTES, Kind, digest_as

CHUNK_BYTES: Final = 1 << 20
FAN_OUT: Final = 64

T = TypeVar("T")


class Parts(msgspec.Struct, frozen=True):
    """A LIST: the bytes of its parts, in order, are ``size`` bytes of a blob; a part is a CHUNK or another LIST."""

    size: int
    parts: tuple[Digest, ...]


class Batch:
    """Objects on their way in, and the one transaction that makes them count.

    What is put is written at once and is not kept in memory. A batch that is neither committed nor abandoned leaves
    bytes that nothing refers to. After either it is empty, and can be used again.
    """

    def __init__(self, database: Database, index: Index, writers: PackWriters) -> None:
        self._database = database
        self._index = index
        self._pool = writers
        self._pid = os.getpid()
        self._new: dict[bytes, Entry] = {}
        self._relied_on: set[bytes] = set()
        self._deletions: int | None = None
        self._writers: list[tuple[PackWriter, int]] = []
        """The packs this batch has written to, the last one to go on with, and the sizes to cut them back to."""
        self._failure: StorageError | None = None

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def put(self, kind: Kind, data: Bytes, *, digest: Digest | None = None) -> Digest:
        """Store ``data`` unless the project has it already, and return the digest that names it.

        Parameters
        ----------
        data : C-contiguous; not copied, and must not change meanwhile. A CHUNK has at most ``CHUNK_BYTES``.
        digest : the digest of ``data`` where it is known already; it is believed.

        Raises
        ------
        StorageError : it could not be written; what was put before is not affected.
        """
        view = _as_bytes(data)
        if view.nbytes > (CHUNK_BYTES if kind is Kind.CHUNK else MAX_RECORD_BYTES):
            raise InvalidInputError(f"{view.nbytes} bytes are too many for one {kind.name}; use put_blob, which cuts them")
        name = digest or digest_as(kind, view)
        key = bytes.fromhex(name)
        if not self._is_there(key):
            self._new[key] = self._writer().append(kind, key, view)
        return name

    def put_json(self, kind: Kind, value: msgspec.Struct | dict[str, Any] | list[Any]) -> Digest:
        """Store ``value`` as canonical JSON."""
        return self.put(kind, canonical_json(value))

    def put_parts(self, parts: Sequence[tuple[Digest, int]]) -> Digest:
        """Return the digest of the blob whose chunks, stored already, are ``parts``: ``(digest, bytes)`` in order."""
        if not parts:
            return self.put(Kind.CHUNK, b"")
        while len(parts) > 1:
            groups = [parts[start : start + FAN_OUT] for start in range(0, len(parts), FAN_OUT)]
            parts = [group[0] if len(group) == 1 else self._put_list(group) for group in groups]
        return parts[0][0]

    def _put_list(self, parts: Sequence[tuple[Digest, int]]) -> tuple[Digest, int]:
        size = sum(size for _, size in parts)
        return self.put_json(Kind.LIST, Parts(size, tuple(digest for digest, _ in parts))), size

    def put_blob(self, data: Bytes) -> Digest:
        """Store ``data`` of any size, cut into chunks at fixed offsets, and return the digest of the blob."""
        view = _as_bytes(data)
        chunks = (view[start : start + CHUNK_BYTES] for start in range(0, view.nbytes, CHUNK_BYTES))
        return self.put_parts([(self.put(Kind.CHUNK, chunk), chunk.nbytes) for chunk in chunks])

    def has(self, digest: Digest) -> bool:
        """Tell whether ``digest`` is in the project or this batch; if so, the commit makes sure that it still is."""
        return self._is_there(bytes.fromhex(digest))

    @property
    def deletions(self) -> int:
        """How many objects had ever been deleted when this batch first looked whether one is there."""
        if self._deletions is None:
            self._deletions = self._index.count_deletions()
        return self._deletions

    def relies_on(self, keys: Collection[bytes], *, deletions: int) -> bool:
        """Use objects that were all there when so many had been deleted; False: some may be gone, so ask for each."""
        if deletions != self.deletions:
            return False
        self._relied_on.update(keys)
        return True

    @overload
    def commit(self) -> None: ...
    @overload
    def commit(self, rows: Callable[[sqlite3.Connection], T]) -> T: ...
    def commit(self, rows: Callable[[sqlite3.Connection], T] | None = None) -> T | None:
        """Make everything put, and the rows that ``rows`` adds, durable in one transaction; return what ``rows`` does.

        Raises
        ------
        StorageError : nothing was changed; commit again, or abandon. ``rows`` may raise too, with the same effect.
        ConflictError : objects that were there when this batch met them were deleted meanwhile; abandon and put again.
        """
        self._check_usable()
        self._sync()
        known = self._index.known()
        with self._database.transaction() as connection:
            if self._deletions is not None:
                self._index.check(connection, self._relied_on, deletions=self._deletions)
            self._index.add(connection, self._new.values())
            result = rows(connection) if rows is not None else None
        known.update(self._new)
        self._clear()
        return result

    def abandon(self) -> None:
        """Forget what was put since the last commit."""
        if self._pid == os.getpid():
            for writer, start in self._writers:
                writer.cut(start)
        self._clear()

    def _clear(self) -> None:
        writers, self._writers = self._writers, []  # first: an interrupt must not leave a pack here and in the pool
        self._new = {}
        self._relied_on = set()
        self._deletions = None
        self._failure = None
        if self._pid == os.getpid():
            for writer, _ in writers:
                self._pool.give_back(writer)

    def _check_usable(self) -> None:
        if self._pid != os.getpid():
            raise ConflictError(f"This batch was begun by process {self._pid}, before a fork. Begin one here: packs.batch()")
        if self._failure is not None:
            raise self._failure

    def _writer(self) -> PackWriter:
        self._check_usable()
        if self._writers and not self._writers[-1][0].is_full:
            return self._writers[-1][0]
        writer = self._pool.take()
        self._writers.append((writer, writer.size))
        return writer

    def _is_there(self, key: bytes) -> bool:
        if key in self._new:
            return True
        if self._deletions is None:  # before it is asked for
            self._deletions = self._index.count_deletions()
        if not self._index.has(key):
            return False
        self._relied_on.add(key)
        return True

    def _sync(self) -> None:
        """Bring the bytes to the disk. From here on they are never cut off: an interrupt cannot tell whether they count."""
        try:
            for writer, _ in self._writers:
                writer.sync()
        except OSError as error:  # the kernel may have dropped what it could not write, and says so only once
            self._failure = StorageError(f"{storage_error(error, self._database.folder)}. Nothing of it was recorded.")
            for writer, _ in self._writers:
                writer.is_broken = True
            raise self._failure from error
        self._writers = [(writer, writer.size) for writer, _ in self._writers]


def _as_bytes(data: Bytes) -> memoryview:
    view = memoryview(data)
    return view.cast("B") if view.nbytes else memoryview(b"")
