"""Content-addressed objects in append-only packs: what is put under a digest is there, once, and is checked when read."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import zstandard

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Chunk
from mlm_jupyter.errors import CorruptError, InvalidInputError, StorageError
from mlm_jupyter.store.batch import CHUNK_BYTES, Batch, Parts
from mlm_jupyter.store.connection import storage_error
from mlm_jupyter.store.database import PACKS_NAME, Database
from mlm_jupyter.store.index import Index
from mlm_jupyter.store.packfile import Bytes, Entry, PackReader, PackWriters, damaged
from mlm_jupyter.store.records import Kind, digest_as, unpack

__all__ = ["CHUNK_BYTES", "Batch", "Kind", "Packs", "Parts"]

_OPEN_PACKS: Final = 64
_LEAVES_WORTH_A_THREAD: Final = 8

_decode_parts: Final = msgspec.json.Decoder(Parts).decode


class _Leaf(NamedTuple):
    """A chunk of a blob and where its bytes begin in the blob."""

    entry: Entry
    start: int


class Packs:
    """The objects of a project; usable from many threads."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.folder = database.folder / PACKS_NAME
        self._index = Index(database)
        self._readers: dict[str, PackReader] = {}
        self._writers = PackWriters(self.folder)
        self._local = threading.local()

    def get(self, digest: Digest) -> bytes:
        """Return the bytes that ``digest`` names.

        Raises
        ------
        NotFoundError : they are not in this project, or retention dropped them.
        CorruptError : what is stored is not what the digest names.
        """
        return self._read(self._index.get(digest))

    def has(self, digest: Digest) -> bool:
        """Tell whether the project has the bytes that ``digest`` names."""
        return self.find_kind(digest) is not None

    def find_kind(self, digest: Digest) -> Kind | None:
        """Return what ``digest`` names, or None where the project has nothing of that name."""
        entry = self._index.find(digest)
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

    def differing_chunks(self, digest: Digest, other: Digest) -> list[Chunk] | None:
        """Return the chunks of a blob that another has not at the same place; None when they are not cut alike.

        Raises NotFoundError or CorruptError where one of them is not there as it was stored.
        """
        leaves, others = self._leaves(digest)[0], self._leaves(other)[0]
        places, other_places = ([(leaf.start, leaf.entry.raw_bytes) for leaf in some] for some in (leaves, others))
        if places != other_places:
            return None
        pairs = zip(leaves, others, strict=True)
        differing = (leaf for leaf, one in pairs if leaf.entry.digest != one.entry.digest)
        return [Chunk(leaf.entry.digest.hex(), leaf.start, leaf.entry.raw_bytes) for leaf in differing]

    def blob_chunks(self, digest: Digest) -> tuple[list[Digest], int]:
        """Return the digests of the chunks that a blob was cut into, in order, and its size in bytes."""
        leaves, size = self._leaves(digest)
        return [leaf.entry.digest.hex() for leaf in leaves], size

    def batch(self) -> Batch:
        """Begin to write; use the batch in one thread."""
        if self.database.is_readonly:
            raise StorageError(
                f"The project at {self.database.folder.parent} was opened for reading only: check whether its folder can be"
                " written to, then open it again"
            )
        return Batch(self.database, self._index, self._writers)

    def forget_files(self) -> None:
        """Close the packs that no batch is writing to; they are opened again, or others, when they are needed."""
        self._readers = {}
        self._writers.close()

    def _read(self, entry: Entry) -> bytes:
        decompressor: zstandard.ZstdDecompressor | None = getattr(self._local, "decompressor", None)
        if decompressor is None:
            decompressor = self._local.decompressor = zstandard.ZstdDecompressor()
        try:
            payload = self._reader(entry.pack).read(entry)
            raw = unpack(payload, entry.raw_bytes, decompressor)
        except (FileNotFoundError, CorruptError) as error:
            return self._read(self._moved(entry, error))
        except OSError as error:
            raise storage_error(error, self.database.folder) from error
        _check(entry, raw)
        return raw

    def _read_into(self, entry: Entry, target: memoryview) -> None:
        if entry.stored_bytes < entry.raw_bytes:
            target[:] = self._read(entry)
            return
        try:
            self._reader(entry.pack).read_into(entry, target)
        except (FileNotFoundError, CorruptError) as error:
            self._read_into(self._moved(entry, error), target)
            return
        except OSError as error:
            raise storage_error(error, self.database.folder) from error
        _check(entry, target)

    def _moved(self, entry: Entry, error: Exception) -> Entry:
        """Return where the object lies now, for its pack may have been rewritten since; else raise that it is damaged."""
        now = self._index.get(entry.digest.hex())
        if now.pack == entry.pack:
            raise damaged(entry, "the file is missing" if isinstance(error, OSError) else str(error)) from error
        return now

    def _reader(self, name: str) -> PackReader:
        """Return a pack to read from; raises FileNotFoundError where it was rewritten, or is lost."""
        reader = self._readers.get(name)
        if reader is not None:
            return reader
        reader = PackReader(self.folder / name)
        if len(self._readers) >= _OPEN_PACKS:
            self._readers = {}  # a pack that is being read from stays open until that is done
        self._readers[name] = reader
        return reader

    def _leaves(self, digest: Digest) -> tuple[list[_Leaf], int]:
        """Return the chunks of a blob and its size."""
        leaves: list[_Leaf] = []
        size = 0
        declared: int | None = None
        pending = [digest]
        while pending:
            entry = self._index.get(pending.pop())
            if entry.kind != Kind.LIST:
                leaves.append(_Leaf(entry, size))
                size += entry.raw_bytes
                continue
            parts = _parse_parts(entry, self._read(entry))
            pending += reversed(parts.parts)
            declared = parts.size if declared is None else declared
        if declared not in (None, size):
            raise CorruptError(
                f"The parts of blob {digest[:12]} do not add up to its {declared} bytes. See what else is with: mlm verify"
            )
        return leaves, size

    def _read_leaves(self, leaves: list[_Leaf], target: memoryview) -> None:
        def read(some: Sequence[_Leaf]) -> None:
            for entry, start in some:
                self._read_into(entry, target[start : start + entry.raw_bytes])

        if len(leaves) < _LEAVES_WORTH_A_THREAD:
            read(leaves)
            return
        from concurrent.futures import ThreadPoolExecutor

        middle = len(leaves) // 2
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(read, (leaves[:middle], leaves[middle:])))


def _parse_parts(entry: Entry, raw: bytes) -> Parts:
    try:
        return _decode_parts(raw)
    except msgspec.DecodeError as error:
        raise damaged(entry, f"it is not a list of parts: {error}") from error


def _check(entry: Entry, raw: Bytes) -> None:
    if digest_as(Kind(entry.kind), raw) != entry.digest.hex():
        raise damaged(entry, "its bytes are not those its digest names")
