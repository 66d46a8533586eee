"""Bytes on their way to the store: pickles without their frames, memory cut into chunks, chunks known by a fast hash.

Change is detected with XXH3 (33 GB/s here), identity is BLAKE3 (4.6 GB/s) and belongs to the store: a chunk whose XXH3 was
seen before in this process is not hashed, compressed or written again.
"""

from __future__ import annotations

import pickle
import sys
from typing import Final

from xxhash import xxh3_128_digest

CHUNK_BYTES: Final = 1 << 20
CUT_BY_CONTENT_ABOVE: Final = 1 << 18

_FRAME: Final = pickle.FRAME[0]
_SIZED: Final = {  # opcodes whose payload may be written outside a frame: bytes of the length that follows the opcode
    pickle.BINBYTES[0]: 4,
    pickle.BINBYTES8[0]: 8,
    pickle.BINUNICODE[0]: 4,
    pickle.BINUNICODE8[0]: 8,
    pickle.BYTEARRAY8[0]: 8,
}
_COUNTED: Final = frozenset({pickle.SHORT_BINUNICODE[0], pickle.SHORT_BINBYTES[0], pickle.LONG1[0]})
_SHORT: Final = {pickle.BININT1[0]: 2, pickle.BINGET[0]: 2, pickle.BININT2[0]: 3}


def without_frames(stream: bytes | memoryview) -> bytes:
    """Return a protocol 5 pickle without its FRAME opcodes; it loads to the same.

    Frames are cut every 64 KiB counted from the start, so that one number of another width moves every cut behind it
    and no chunk behind it is ever met again.
    """
    return b"".join(_unframed(stream))


def _unframed(stream: bytes | memoryview) -> list[memoryview]:
    """Return the parts of a pickle that are not FRAME opcodes; the first is PROTO 5, the last ends with STOP."""
    view = memoryview(stream)
    end = len(view)
    parts: list[memoryview] = [view[:2]]
    position = 2
    while position < end:
        opcode = view[position]
        if opcode == _FRAME:
            length = int.from_bytes(view[position + 1 : position + 9], "little")
            parts.append(view[position + 9 : position + 9 + length])
            position += 9 + length
        elif opcode in _SIZED:
            width = _SIZED[opcode]
            length = int.from_bytes(view[position + 1 : position + 1 + width], "little")
            parts.append(view[position : position + 1 + width + length])
            position += 1 + width + length
        else:  # the pickler leaves out the header of a frame shorter than four bytes
            width = _unframed_width(view, position)
            parts.append(view[position : position + width])
            position += width
    return parts


def _unframed_width(view: memoryview, position: int) -> int:
    opcode = view[position]
    if opcode in _COUNTED:
        return 2 + view[position + 1]
    return _SHORT.get(opcode, 1)


def tuple_of(stream: bytes | memoryview, places: list[int]) -> bytes:
    """Return the pickle of a tuple, without frames: of what ``stream`` is the pickle of, and of some objects in its memo."""
    gets = b"".join(
        pickle.BINGET + bytes([place]) if place < 256 else pickle.LONG_BINGET + place.to_bytes(4, "little") for place in places
    )
    protocol, *parts = _unframed(stream)
    return b"".join((protocol, pickle.MARK, *parts[:-1], parts[-1][:-1], gets, pickle.TUPLE, pickle.STOP))


def fixed_cuts(length: int, period: int = 0) -> list[int]:
    """Return the ends of the chunks of a buffer of ``length`` bytes, one every mebibyte.

    With a ``period``, the bytes of one column of a table or one row of a matrix, a cut falls behind each too when it is long
    enough to be worth it: then a column is the same chunks in whatever table it stands.
    """
    step = period if period >= CUT_BY_CONTENT_ABOVE else length
    cuts: list[int] = []
    for start in range(0, length, max(step, 1)):
        end = min(start + step, length)
        cuts += range(start + CHUNK_BYTES, end, CHUNK_BYTES)
        cuts.append(end)
    return cuts


_CUT_BITS: Final = 0x5EED  # not zero, or every run of zeros would be cut
_WINDOWS: Final = 1 << 15  # at a time: what a core's cache holds


def content_cuts(stream: bytes | memoryview) -> list[int]:
    """Return the ends of the chunks of ``stream``, cut where its content says so: about every 64 KiB.

    A cut falls behind eight bytes whose product with an odd constant begins with sixteen given bits, at least 16 KiB behind the
    last and at most 1 MiB, so that what is inserted or removed moves the cuts around it only.
    """
    length = len(stream)
    if length <= CUT_BY_CONTENT_ABOVE:
        return [length] if length else []
    import numpy as np

    mixed, is_cut = np.empty(_WINDOWS, np.uint64), np.empty(_WINDOWS, np.bool_)
    ends: list[int] = []
    for offset in range(8):
        windows = np.frombuffer(stream, dtype="<u8", offset=offset, count=(length - offset) // 8)
        for start in range(0, len(windows), _WINDOWS):
            some = windows[start : start + _WINDOWS]
            product, found = mixed[: len(some)], is_cut[: len(some)]
            np.multiply(some, np.uint64(0x9E3779B97F4A7C15), out=product)
            np.subtract(product, np.uint64(_CUT_BITS << 48), out=product)
            np.less(product, np.uint64(1 << 48), out=found)
            ends += ((found.nonzero()[0] + start) * 8 + offset + 8).tolist()
    cuts: list[int] = []
    last = 0
    for end in sorted(ends):
        if end - last < 1 << 14:
            continue
        while end - last > CHUNK_BYTES:
            last += CHUNK_BYTES
            cuts.append(last)
        cuts.append(end)
        last = end
    while length - last > CHUNK_BYTES:
        last += CHUNK_BYTES
        cuts.append(last)
    if last < length:
        cuts.append(length)
    return cuts


def hash_chunks(data: bytes | memoryview, cuts: list[int]) -> list[bytes]:
    """Return the XXH3 hash of each chunk of ``data``."""
    view = memoryview(data)
    start = 0
    hashes = []
    for end in cuts:
        hashes.append(xxh3_128_digest(view[start:end]))
        start = end
    return hashes


PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version that bytecode of this process is good for."""
