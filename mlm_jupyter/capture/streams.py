"""Bytes on their way to the store: pickles without their frames, memory cut into chunks, chunks known by a fast hash.

Change is detected with XXH3 (33 GB/s here), identity is BLAKE3 (4.6 GB/s) and belongs to the store: a chunk whose XXH3 was
seen before in this process is not hashed, compressed or written again.
"""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any, Final, NamedTuple

from xxhash import xxh3_128_digest

CHUNK_BYTES: Final = 1 << 20
CUT_BY_CONTENT_ABOVE: Final = 1 << 18

_FRAME: Final = pickle.FRAME[0]
_FRAME_HEADER: Final = 9
_PROTOCOL: Final = 2


class Chunks(NamedTuple):
    """A buffer in pieces: where each ends, and its XXH3 hash."""

    cuts: list[int]
    hashes: list[bytes]


NO_CHUNKS: Final = Chunks([], [])


class UnframedFile(io.BytesIO):
    """Where a C pickler of protocol 5 leaves a pickle without FRAME opcodes, which loads to the same; for one dump.

    Frames are cut every 64 KiB counted from the start, so that one number of another width moves every cut behind it
    and no chunk behind it is ever met again.

    Notes
    -----
    The pickler writes a frame at a time. Bytes or text of 64 KiB and more follow as they are, in a write of their own: what
    tells how long they are is behind the frame, or stands alone where a frame would have been shorter than four bytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_raw = False  # whether the next write is bytes or text as they are

    def write(self, part: Any, /) -> int:
        """Append ``part`` of a pickle, without what makes it a frame."""
        if self._is_raw:
            self._is_raw = False
            return super().write(part)
        view = memoryview(part)
        start = 0 if self.tell() else _PROTOCOL
        if len(view) <= start or view[start] != _FRAME:
            self._is_raw = True
            return super().write(view)
        frame = start + _FRAME_HEADER
        end = frame + int.from_bytes(view[start + 1 : frame], "little")
        self._is_raw = end < len(view)
        return super().write(view[:start]) + super().write(view[frame:])


def dump_plainly(value: Any) -> bytes:
    """Return the standard library's own pickle of ``value``, without FRAME opcodes."""
    file = UnframedFile()
    pickle.Pickler(file, 5).dump(value)
    return file.getvalue()


def tuple_of(stream: memoryview, places: list[int]) -> bytes:
    """Return the pickle of a tuple: of what ``stream``, without frames, is the pickle of, and of some objects in its memo."""
    gets = b"".join(
        pickle.BINGET + bytes([place]) if place < 256 else pickle.LONG_BINGET + place.to_bytes(4, "little") for place in places
    )
    return b"".join((stream[:_PROTOCOL], pickle.MARK, stream[_PROTOCOL:-1], gets, pickle.TUPLE, pickle.STOP))


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


_CUT_FROM: Final = (1 << 64) - (1 << 50)  # at the upper end, or every run of zeros would be cut
_WINDOWS: Final = 1 << 15  # at a time: what a core's cache holds


def content_cuts(stream: bytes | memoryview, last: int = 0) -> list[int]:
    """Return the ends of the chunks of ``stream`` behind ``last``, cut where its content says so: every 32 KiB of noise.

    A cut falls behind eight bytes whose product with an odd constant begins with fourteen ones, at least 16 KiB behind the
    last and at most 1 MiB, so that what is inserted or removed moves the cuts around it only.
    """
    length = len(stream)
    if length <= CUT_BY_CONTENT_ABOVE:
        return [length] if length else []
    import numpy as np

    mixed, is_cut = np.empty(_WINDOWS, np.uint64), np.empty(_WINDOWS, np.bool_)
    ends: list[int] = []
    for offset in range(last, min(last + 8, length)):
        windows = np.frombuffer(stream, dtype="<u8", offset=offset, count=(length - offset) // 8)
        for start in range(0, len(windows), _WINDOWS):
            some = windows[start : start + _WINDOWS]
            product, found = mixed[: len(some)], is_cut[: len(some)]
            np.multiply(some, np.uint64(0x9E3779B97F4A7C15), out=product)
            np.greater_equal(product, np.uint64(_CUT_FROM), out=found)
            ends += ((found.nonzero()[0] + start) * 8 + offset + 8).tolist()
    cuts: list[int] = []
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


def hash_chunks(data: bytes | memoryview, cuts: list[int], start: int = 0) -> list[bytes]:
    """Return the XXH3 hash of each chunk of ``data`` from ``start`` on."""
    view = memoryview(data)
    hashes = []
    for end in cuts:
        hashes.append(xxh3_128_digest(view[start:end]))
        start = end
    return hashes


def cut_by_content(stream: memoryview, before: Chunks) -> Chunks:
    """Return the chunks of ``stream``; what it begins with as ``before`` did, cut the same way, is not searched for cuts."""
    start = same = 0
    for end, digest in zip(before.cuts[:-1], before.hashes, strict=False):
        if not CUT_BY_CONTENT_ABOVE < len(stream) >= end or xxh3_128_digest(stream[start:end]) != digest:
            break
        start = end
        same += 1
    cuts = content_cuts(stream, start)
    return Chunks(before.cuts[:same] + cuts, before.hashes[:same] + hash_chunks(stream, cuts, start))


PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version that bytecode of this process is good for."""
