"""Pack files on the disk: one reader a file, and writers that no two batches and no two processes ever share."""

from __future__ import annotations

import collections
import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import zstandard

from mlm_jupyter.errors import CorruptError
from mlm_jupyter.store.connection import storage_error
from mlm_jupyter.store.records import RAW, ZSTD, Kind, make_header

PACK_BYTES: Final = 512 << 20

_ZSTD_LEVEL: Final = 1
_SMALLEST_COMPRESSED: Final = 64
_SAMPLE_BYTES: Final = 16 << 10
_SAMPLE_PAYS: Final = 0.85  # floating point noise shrinks by a tenth, at ten times the time to read it back

Bytes = bytes | bytearray | memoryview


class Entry(NamedTuple):
    """Where an object lies: a row of the index."""

    digest: bytes
    kind: int
    pack: str
    offset: int
    stored_bytes: int
    raw_bytes: int


def damaged(entry: Entry, reason: str) -> CorruptError:
    return CorruptError(
        f"Object {entry.digest.hex()[:12]} in {entry.pack} is damaged: {reason}. See what else is with: mlm verify"
    )


class PackReader:
    """An open pack to read from; closed when nobody refers to it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:  # at exit, os may be empty already
        if hasattr(self, "_fd"):
            close(self._fd)

    def read(self, entry: Entry) -> bytes:
        payload = os.pread(self._fd, entry.stored_bytes, entry.offset)
        if len(payload) != entry.stored_bytes:
            raise CorruptError("the file ends before it does")
        return payload

    def read_into(self, entry: Entry, target: memoryview) -> None:
        if os.preadv(self._fd, [target], entry.offset) != entry.stored_bytes:
            raise CorruptError("the file ends before it does")


class PackWriter:
    """A pack of this process to append to; used by one batch at a time.

    Only ``size`` says where the next record begins: what an error or an interrupt left behind it is written over.
    """

    def __init__(self, folder: Path) -> None:
        self.pid = os.getpid()
        self.size = 0
        self.is_broken = False
        """The disk has lost some of it; not to be appended to."""
        self._folder = folder
        self._is_named = False
        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
        while True:
            self.name = f"{time.time_ns() // 1_000_000:013d}-{self.pid}-{os.urandom(4).hex()}.pack"
            try:
                fd = os.open(folder / self.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise storage_error(error, folder.parent) from error
            if _mark_in_use(fd):
                self._fd = fd
                break
            os.close(fd)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:  # at exit, os may be empty already
        if hasattr(self, "_fd"):
            close(self._fd)

    @property
    def is_full(self) -> bool:
        return self.size >= PACK_BYTES

    def append(self, kind: Kind, digest: bytes, data: memoryview) -> Entry:
        payload = self._compress(data)
        return self.append_packed(kind, digest, data.nbytes, payload, codec=RAW if payload is data else ZSTD)

    def append_packed(self, kind: Kind, digest: bytes, raw_bytes: int, payload: Bytes, *, codec: int) -> Entry:
        """Append what is compressed already, or is not worth it: a record of another pack."""
        header = make_header(kind, codec, digest, raw_bytes, len(payload))
        try:
            self._write(header, payload)
        except OSError as error:
            self.cut(self.size)
            raise storage_error(error, self._folder.parent) from error
        entry = Entry(digest, kind, self.name, self.size + len(header), len(payload), raw_bytes)
        self.size = entry.offset + entry.stored_bytes
        return entry

    def _write(self, header: bytes, payload: Bytes) -> None:
        end = self.size + len(header) + len(payload)
        position = self.size + os.pwritev(self._fd, [header, payload], self.size)
        while position < end:  # an almost full disk or a signal cut the write short
            rest = memoryview(payload)[max(0, len(payload) - (end - position)) :]
            head = header[position - self.size :]
            position += os.pwritev(self._fd, [head, rest], position)

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
        """Take back what lies behind ``size``."""
        self.size = size
        with contextlib.suppress(OSError):  # then it is only not freed
            os.ftruncate(self._fd, size)

    def sync(self) -> None:
        os.fsync(self._fd)
        if not self._is_named:
            sync_folder(self._folder)
            self._is_named = True


def _mark_in_use(fd: int) -> bool:
    """Lock a pack for as long as this process has it open, so that pruning leaves it alone; False: it came first."""
    with contextlib.suppress(OSError):  # some network file systems have no locks
        fcntl.flock(fd, fcntl.LOCK_EX)
    return os.fstat(fd).st_nlink > 0


def take_unused(path: Path) -> int | None:
    """Return a descriptor of a pack that no process appends to, nor will before it is closed; None where one may."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink:
            return fd
    except OSError:  # somebody has it, or locks are not known here: then nobody can tell
        pass
    os.close(fd)
    return None


class PackWriters:
    """The packs of this process that no batch is writing to at the moment. Without a lock, for a fork would copy it held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._idle: collections.deque[PackWriter] = collections.deque()

    def take(self) -> PackWriter:
        """Return a pack to append to: an idle one of this very process (a fork has copies of its parent's), or a new one."""
        with contextlib.suppress(IndexError):
            while True:
                writer = self._idle.pop()
                if writer.pid == os.getpid():
                    return writer
        return PackWriter(self._folder)

    def close(self) -> None:
        """Close the idle packs."""
        self._idle.clear()

    def give_back(self, writer: PackWriter) -> None:
        """Let the next batch append to ``writer``, unless it is full or broken: then it is closed."""
        if not writer.is_full and not writer.is_broken:
            self._idle.append(writer)


def sync_folder(folder: Path) -> None:
    """Make the names of the files in ``folder`` survive a loss of power."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
