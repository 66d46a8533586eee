"""The format of a pack: records one after the other, each of which says by itself what it is.

A record is a header of 52 bytes (``FORMAT.md`` draws it) and the payload it announces. The header carries a checksum
of its own, so that where a pack was cut short or damaged the next whole record can be found.
"""

from __future__ import annotations

import enum
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import zstandard
from blake3 import blake3

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.errors import CorruptError

MAGIC: Final = b"\x8dMLM"
FORMAT: Final = 1
RAW: Final = 0
ZSTD: Final = 1

_HEADER: Final = struct.Struct(">4sBBBx32sII")
_CHECKSUM: Final = struct.Struct(">I")
HEADER_BYTES: Final = _HEADER.size + _CHECKSUM.size
MAX_RECORD_BYTES: Final = 0xFFFF_FFFF

_SEARCH_BYTES: Final = 1 << 20
_LIST_CONTEXT: Final = "mlm_jupyter 2026-11 list of chunks"


class Kind(enum.IntEnum):
    """What a record is; readers that know only its digest do not need it."""

    CHUNK = 1
    LIST = 2
    NODE = 3
    VARIABLE = 4
    GROUP = 5
    CELL = 6
    STATE = 7
    MANIFEST = 8
    SIGNATURE = 9
    ENVIRONMENT = 10
    RUN = 11
    CHANGE = 12


class Record(msgspec.Struct, frozen=True):
    """A record found in a pack; ``offset`` is where its payload begins."""

    kind: Kind
    codec: int
    digest: bytes
    raw_bytes: int
    stored_bytes: int
    offset: int


def digest_as(kind: Kind, data: bytes | bytearray | memoryview) -> Digest:
    """Return the digest that names ``data`` as a ``kind``.

    A LIST is hashed in a domain of its own: a chunk whose bytes happen to spell a list must never be taken for one.
    """
    if kind is Kind.LIST:
        return blake3(data, derive_key_context=_LIST_CONTEXT).hexdigest()
    return blake3(data).hexdigest()


def make_header(kind: Kind, codec: int, digest: bytes, raw_bytes: int, stored_bytes: int) -> bytes:
    """Return the header to write before a payload of ``stored_bytes``."""
    header = _HEADER.pack(MAGIC, FORMAT, kind, codec, digest, raw_bytes, stored_bytes)
    return header + _CHECKSUM.pack(zlib.crc32(header))


def parse_header(header: bytes, offset: int) -> Record | None:
    """Return what the header at ``offset`` announces, or None where it is not the header of a record we know."""
    if len(header) < HEADER_BYTES or header[:4] != MAGIC:
        return None
    (checksum,) = _CHECKSUM.unpack_from(header, _HEADER.size)
    if zlib.crc32(header[: _HEADER.size]) != checksum:
        return None
    _, version, kind, codec, digest, raw_bytes, stored_bytes = _HEADER.unpack_from(header)
    if version != FORMAT or codec not in (RAW, ZSTD) or kind not in KINDS:
        return None
    return Record(Kind(kind), codec, digest, raw_bytes, stored_bytes, offset + HEADER_BYTES)


KINDS: Final = frozenset(Kind)


def scan(path: Path) -> Iterator[Record]:
    """Yield every whole record of a pack in order; what is torn or damaged is passed over.

    Only headers are read and checked. Whether a payload is what its digest says is seen when it is read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        end = os.fstat(fd).st_size
        position = 0
        while position + HEADER_BYTES <= end:
            record = parse_header(os.pread(fd, HEADER_BYTES, position), position)
            if record is None or record.offset + record.stored_bytes > end:
                position = _find_magic(fd, position + 1, end)
                continue
            yield record
            position = record.offset + record.stored_bytes
    finally:
        os.close(fd)


def _find_magic(fd: int, position: int, end: int) -> int:
    while position < end:
        found = os.pread(fd, _SEARCH_BYTES + len(MAGIC) - 1, position).find(MAGIC)
        if found >= 0:
            return position + found
        position += _SEARCH_BYTES
    return end


def unpack(payload: bytes, raw_bytes: int, decompressor: zstandard.ZstdDecompressor) -> bytes:
    """Return the raw bytes of a stored payload; one that is shorter than its raw bytes is a zstd frame.

    Raises
    ------
    CorruptError : it is no frame of that many bytes. A frame that claims more is refused before memory is taken for it.
    """
    if len(payload) == raw_bytes:
        return payload
    try:
        if zstandard.frame_content_size(payload) == raw_bytes:
            return decompressor.decompress(payload)
    except zstandard.ZstdError as error:
        raise CorruptError(f"A stored record cannot be decompressed: {error}") from error
    raise CorruptError(f"A stored record does not hold the {raw_bytes} bytes its entry promises")
