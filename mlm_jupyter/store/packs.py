"""Content-addressed objects in append-only packs: what is put under a digest is there, once, and is checked when read."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, overload

import msgspec
import zstandard

from mlm_jupyter.core.digest import Digest, canonical_json
from mlm_jupyter.errors import ConflictError, CorruptError, InvalidInputError, MlmError, NotFoundError, StorageError
from mlm_jupyter.store.database import PACKS_NAME, Database, storage_error, sync_folder
from mlm_jupyter.store.records import MAX_RECORD_BYTES, RAW, ZSTD, Kind, make_header, name_of, unpack

__all__ = ["CHUNK_BYTES", "Batch", "Kind", "Packs", "Parts"]

CHUNK_BYTES: Final = 1 << 20
PACK_BYTES: Final = 512 << 20
FAN_OUT: Final = 64

_ZSTD_LEVEL: Final = 1
_SMALLEST_COMPRESSED: Final = 64
_SAMPLE_BYTES: Final = 16 << 10
_SAMPLE_PAYS: Final = 0.95
_KNOWN_DIGESTS: Final = 50_000
_OPEN_PACKS: Final = 64
_LEAVES_WORTH_A_THREAD: Final = 8

Bytes = bytes | bytearray | memoryview
T = TypeVar("T")


class Parts(msgspec.Struct, frozen=True):
    """A LIST: the bytes of its parts, in order, are ``size`` bytes of a blob; a part is a CHUNK or another LIST."""

    size: int
    parts: tuple[Digest, ...]


_decode_parts: Final = msgspec.json.Decoder(Parts).decode


class _Entry(NamedTuple):
    """Where an object lies: a row of the index."""

    digest: bytes
    kind: int
    pack: str
    offset: int
    stored_bytes: int
    raw_bytes: int


class _Leaf(NamedTuple):
    """A chunk of a blob and where its bytes begin in the blob."""

    entry: _Entry
    start: int


class Packs:
    """The objects of a project; usable from many threads."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.folder = database.folder / PACKS_NAME
        self._readers: dict[str, _PackReader] = {}
        self._writers: list[_PackWriter] = []
        self._known: set[bytes] = set()
        self._deletions = -1
        self._lock = threading.Lock()
        self._local = threading.local()

    def get(self, digest: Digest) -> bytes:
        """Return the bytes that ``digest`` names.

        Raises
        ------
        NotFoundError : they are not in this project, or retention dropped them.
        CorruptError : what is stored is not what the digest names.
        """
        return self._read(self._entry(digest))

    def has(self, digest: Digest) -> bool:
        """Tell whether the project has the bytes that ``digest`` names."""
        return self.find_kind(digest) is not None

    def find_kind(self, digest: Digest) -> Kind | None:
        """Return what ``digest`` names, or None where the project has nothing of that name."""
        entry = self._find(digest)
        return None if entry is None else Kind(entry.kind)

    def get_blob(self, digest: Digest) -> bytearray:
        """Return the bytes of a blob, however many chunks it was cut into."""
        leaves, size = self._leaves(digest)
        blob = bytearray(size)
        self._read_leaves(leaves, memoryview(blob))
        return blob

    def read_blob_into(self, digest: Digest, target: memoryview) -> None:
        """Write the bytes of a blob to ``target``, which must be exactly as long; no copy of it is made."""
        leaves, size = self._leaves(digest)
        if target.nbytes != size:
            raise InvalidInputError(f"Blob {digest[:12]} has {size} bytes, the target has {target.nbytes}")
        if size:
            self._read_leaves(leaves, target.cast("B"))

    def batch(self) -> Batch:
        """Begin to write; use the batch in one thread."""
        if self.database.is_readonly:
            raise StorageError(f"The project at {self.database.folder.parent} was opened for reading only")
        return Batch(self)

    def _find(self, digest: Digest) -> _Entry | None:
        try:
            key = bytes.fromhex(digest)
        except ValueError:
            return None
        row = (
            self.database.connection()
            .execute(
                "SELECT digest, kind, name, offset, stored_bytes, raw_bytes"
                " FROM objects JOIN packs ON packs.id = pack_id WHERE digest = ?",
                (key,),
            )
            .fetchone()
        )
        return None if row is None else _Entry(*row)

    def _entry(self, digest: Digest) -> _Entry:
        entry = self._find(digest)
        if entry is None:
            raise self._missing(digest)
        return entry

    def _missing(self, digest: Digest) -> MlmError:
        try:
            key = bytes.fromhex(digest)
        except ValueError:
            return NotFoundError(f"{digest!r} is not a digest: 64 hexadecimal digits")
        query = "SELECT reason, dropped_at FROM tombstones WHERE digest = ?"
        tombstone = self.database.connection().execute(query, (key,)).fetchone()
        if tombstone is None:
            return NotFoundError(f"Object {digest[:12]} is not in this project. Look for damage with: mlm verify")
        reason, dropped_at = tombstone
        day = time.strftime("%Y-%m-%d", time.gmtime(dropped_at / 1000))
        return NotFoundError(f"Object {digest[:12]} was dropped on {day} ({reason}); its value cannot be brought back")

    def _read(self, entry: _Entry) -> bytes:
        decompressor: zstandard.ZstdDecompressor | None = getattr(self._local, "decompressor", None)
        if decompressor is None:
            decompressor = self._local.decompressor = zstandard.ZstdDecompressor()
        try:
            payload = self._reader(entry).read(entry)
            raw = unpack(payload, entry.raw_bytes, decompressor)
        except CorruptError as error:
            raise _damaged(entry, str(error)) from error
        if name_of(Kind(entry.kind), raw) != entry.digest.hex():
            raise _damaged(entry, "its bytes are not those its digest names")
        return raw

    def _reader(self, entry: _Entry) -> _PackReader:
        reader = self._readers.get(entry.pack)
        if reader is not None:
            return reader
        try:
            reader = _PackReader(self.folder / entry.pack)
        except FileNotFoundError:
            raise CorruptError(f"the file {entry.pack} is missing from {self.folder}") from None
        except OSError as error:
            raise storage_error(error, self.folder / entry.pack) from error
        with self._lock:
            if len(self._readers) >= _OPEN_PACKS:
                del self._readers[next(iter(self._readers))]  # a thread at work keeps it open by its reference
            self._readers[entry.pack] = reader
        return reader

    def _leaves(self, digest: Digest) -> tuple[list[_Leaf], int]:
        """Return the chunks of a blob and its size."""
        leaves: list[_Leaf] = []
        size = 0
        declared: int | None = None
        pending = [digest]
        while pending:
            entry = self._entry(pending.pop())
            if entry.kind != Kind.LIST:
                leaves.append(_Leaf(entry, size))
                size += entry.raw_bytes
                continue
            parts = _decode_parts(self._read(entry))
            pending += reversed(parts.parts)
            declared = parts.size if declared is None else declared
        if declared not in (None, size):
            raise CorruptError(f"The parts of blob {digest[:12]} do not add up to its {declared} bytes")
        return leaves, size

    def _read_leaves(self, leaves: list[_Leaf], target: memoryview) -> None:
        if len(leaves) < _LEAVES_WORTH_A_THREAD:
            return self._read_some_leaves(leaves, target)
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=2) as pool:
            middle = len(leaves) // 2
            halves = (leaves[:middle], leaves[middle:])
            for _ in pool.map(lambda half: self._read_some_leaves(half, target), halves):
                pass
        return None

    def _read_some_leaves(self, leaves: list[_Leaf], target: memoryview) -> None:
        for entry, start in leaves:
            part = target[start : start + entry.raw_bytes]
            if entry.stored_bytes < entry.raw_bytes:
                part[:] = self._read(entry)
                continue
            try:
                self._reader(entry).read_into(entry, part)
            except CorruptError as error:
                raise _damaged(entry, str(error)) from error
            if name_of(Kind(entry.kind), part) != entry.digest.hex():
                raise _damaged(entry, "its bytes are not those its digest names")

    def _remember(self, keys: Iterable[bytes]) -> None:
        """Keep in mind that the index has ``keys``; who relies on it asks ``deletions`` whether that is still so."""
        if len(self._known) > _KNOWN_DIGESTS:
            self._known = set()
        self._known.update(keys)

    def _watch_deletions(self) -> int:
        """Return how often objects have been deleted; what was known before a deletion is forgotten."""
        count = _count_deletions(self.database.connection())
        if count != self._deletions:
            self._known = set()
            self._deletions = count
        return count

    def _take_writer(self) -> _PackWriter:
        with self._lock:
            self._writers = [writer for writer in self._writers if writer.pid == os.getpid()]
            if self._writers:
                return self._writers.pop()
        return _PackWriter(self.folder)

    def _give_back(self, writer: _PackWriter) -> None:
        if writer.size < PACK_BYTES and not writer.is_broken:
            with self._lock:
                self._writers.append(writer)


def _damaged(entry: _Entry, reason: str) -> CorruptError:
    return CorruptError(
        f"Object {entry.digest.hex()[:12]} in {entry.pack} is damaged: {reason}. See what else is with: mlm verify"
    )


class Batch:
    """Objects on their way in, and the one transaction that makes them count.

    What is put is written at once and is not kept in memory. A batch that is neither committed nor abandoned leaves
    bytes that nothing refers to. After either it is empty, and can be used again.
    """

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._database = packs.database
        self._pid = os.getpid()
        self._new: dict[bytes, _Entry] = {}
        self._relied_on: set[bytes] = set()
        self._deletions: int | None = None
        self._writers: list[_PackWriter] = []
        self._starts: list[int] = []
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
            raise InvalidInputError(
                f"{view.nbytes} bytes are too many for one {kind.name}; use put_blob, which cuts them"
            )
        name = digest or name_of(kind, view)
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
        with self._database.transaction() as connection:
            self._check_relied_on(connection)
            for writer in self._writers:
                connection.execute("INSERT OR IGNORE INTO packs (name) VALUES (?)", (writer.name,))
            connection.executemany(
                "INSERT OR IGNORE INTO objects SELECT ?, ?, id, ?, ?, ? FROM packs WHERE name = ?",
                [(e.digest, e.kind, e.offset, e.stored_bytes, e.raw_bytes, e.pack) for e in self._new.values()],
            )
            connection.executemany("DELETE FROM tombstones WHERE digest = ?", [(digest,) for digest in self._new])
            result = rows(connection) if rows is not None else None
        self._packs._remember(self._new)
        self._clear()
        return result

    def abandon(self) -> None:
        """Forget what was put since the last commit."""
        if self._pid == os.getpid():
            for writer, start in zip(self._writers, self._starts, strict=True):
                writer.cut(start)
        self._clear()

    def _clear(self) -> None:
        if self._pid == os.getpid():
            for writer in self._writers:
                self._packs._give_back(writer)
        self._writers, self._starts = [], []
        self._new = {}
        self._relied_on = set()
        self._deletions = None
        self._failure = None

    def _check_usable(self) -> None:
        if self._pid != os.getpid():
            raise ConflictError(
                f"This batch was begun by process {self._pid}, before a fork. Begin one here: packs.batch()"
            )
        if self._failure is not None:
            raise self._failure

    def _writer(self) -> _PackWriter:
        self._check_usable()
        if not self._writers or self._writers[-1].size >= PACK_BYTES:
            writer = self._packs._take_writer()
            self._writers.append(writer)
            self._starts.append(writer.size)
        return self._writers[-1]

    def _is_there(self, key: bytes) -> bool:
        if key in self._new:
            return True
        if self._deletions is None:
            self._deletions = self._packs._watch_deletions()
        known = self._packs._known
        if key not in known:
            query = "SELECT 1 FROM objects WHERE digest = ?"
            if self._database.connection().execute(query, (key,)).fetchone() is None:
                return False
            self._packs._remember((key,))
        self._relied_on.add(key)
        return True

    def _check_relied_on(self, connection: sqlite3.Connection) -> None:
        """Look again at what was there already, if anything was deleted since; inside the transaction, so it stays."""
        if self._deletions is None or self._deletions == _count_deletions(connection):
            return
        for key in self._relied_on:
            if connection.execute("SELECT 1 FROM objects WHERE digest = ?", (key,)).fetchone() is None:
                raise ConflictError(
                    f"Object {key.hex()[:12]} was pruned while it was about to be used again; try again"
                )

    def _sync(self) -> None:
        """Bring the bytes to the disk. From here on they are never cut off: an interrupt cannot tell whether they count."""
        try:
            for writer in self._writers:
                writer.sync()
        except OSError as error:  # the kernel may have dropped what it could not write, and says so only once
            self._failure = StorageError(f"{storage_error(error, self._packs.folder)} (what was not committed is lost)")
            for writer in self._writers:
                writer.is_broken = True
            raise self._failure from error
        self._starts = [writer.size for writer in self._writers]


class _PackReader:
    """An open pack to read from; closed when nobody refers to it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def read(self, entry: _Entry) -> bytes:
        payload = os.pread(self._fd, entry.stored_bytes, entry.offset)
        if len(payload) != entry.stored_bytes:
            raise CorruptError("the file ends before it")
        return payload

    def read_into(self, entry: _Entry, target: memoryview) -> None:
        if os.preadv(self._fd, [target], entry.offset) != entry.stored_bytes:
            raise CorruptError("the file ends before it")


class _PackWriter:
    """A pack of this process to append to; used by one batch at a time."""

    def __init__(self, folder: Path) -> None:
        self.pid = os.getpid()
        self.name = f"{time.time_ns() // 1_000_000:013d}-{self.pid}-{os.urandom(4).hex()}.pack"
        self.size = 0
        self.is_broken = False
        self._path = folder / self.name
        self._is_named = False
        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
        try:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            _lock(self._fd)
        except OSError as error:
            raise storage_error(error, folder) from error

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def append(self, kind: Kind, digest: bytes, data: memoryview) -> _Entry:
        payload = self._compress(data)
        codec = RAW if payload is data else ZSTD
        header = make_header(kind, codec, digest, data.nbytes, len(payload))
        try:
            self._write(header, payload)
        except OSError as error:
            self.cut(self.size)
            raise storage_error(error, self._path.parent) from error
        entry = _Entry(digest, kind, self.name, self.size + len(header), len(payload), data.nbytes)
        self.size = entry.offset + entry.stored_bytes
        return entry

    def _write(self, header: bytes, payload: Bytes) -> None:
        written = os.writev(self._fd, [header, payload])
        rest = memoryview(header + payload if written < len(header) else payload)
        rest = rest[written if written < len(header) else written - len(header) :]
        while rest:  # a signal or an almost full disk cut the write short
            rest = rest[os.write(self._fd, rest) :]

    def _compress(self, data: memoryview) -> Bytes:
        """Return the zstd frame of ``data``, or ``data`` itself where that is not smaller, or a sample says it won't be."""
        if data.nbytes < _SMALLEST_COMPRESSED:
            return data
        if data.nbytes > 4 * _SAMPLE_BYTES:
            quarter = data.nbytes // 4
            samples = (data[start : start + _SAMPLE_BYTES] for start in (quarter, 3 * quarter - _SAMPLE_BYTES))
            if sum(len(self._compressor.compress(sample)) for sample in samples) > 2 * _SAMPLE_BYTES * _SAMPLE_PAYS:
                return data
        compressed: bytes = self._compressor.compress(data)
        return compressed if len(compressed) < data.nbytes else data

    def cut(self, size: int) -> None:
        """Drop what lies behind ``size``. Where even that fails the file is not written to again."""
        try:
            os.ftruncate(self._fd, size)
            self.size = size
        except OSError:
            self.is_broken = True

    def sync(self) -> None:
        os.fsync(self._fd)
        if not self._is_named:
            sync_folder(self._path.parent)
            self._is_named = True


def _lock(fd: int) -> None:
    """Mark a pack as in use for as long as this process lives, so that pruning leaves it alone."""
    with contextlib.suppress(OSError):  # some network file systems have no locks
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _as_bytes(data: Bytes) -> memoryview:
    view = memoryview(data)
    return view.cast("B") if view.nbytes else memoryview(b"")


def _count_deletions(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count FROM deletions").fetchone()
    return int(count)
