"""Packs read from front to back and every hash checked, two threads beside the one that reads headers."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import zstandard

from mlm_jupyter.errors import CorruptError
from mlm_jupyter.store.records import Kind, Record, digest_as, scan, unpack

if TYPE_CHECKING:
    from concurrent.futures import Future

_THREADS: Final = 2  # blake3 and zstd let go of the interpreter; more would wait for the disk
_BATCH_BYTES: Final = 4 << 20
_BATCH_RECORDS: Final = 512
_BATCHES_AHEAD: Final = 4


class Checked(NamedTuple):
    """A record and what was found of it."""

    pack: str
    record: Record
    reason: str | None
    """What is wrong with it; None: it is sound."""
    raw: bytes
    """Its bytes; empty for a chunk, and where it is not sound."""


def check_packs(
    paths: Iterable[Path],
    *,
    is_wanted: Callable[[str, Record], bool] = lambda pack, record: True,
    on_progress: Callable[[int], None] = lambda done_bytes: None,
) -> Iterator[Checked]:
    """Yield every wanted record of these packs, in order, its bytes compared with its digest.

    Parameters
    ----------
    is_wanted : asked for each record, before its bytes are read, with the name of its pack.
    on_progress : told how many bytes of the packs have been gone through.
    """
    from concurrent.futures import ThreadPoolExecutor

    done_bytes = 0
    pending: deque[tuple[Future[list[Checked]], int]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="mlm-verify") as pool:
        for path in paths:
            try:
                for batch in _batches(scan(path), path.name, is_wanted):
                    end = batch[-1].offset + batch[-1].stored_bytes
                    pending.append((pool.submit(_check, path, batch), done_bytes + end))
                    if len(pending) > _BATCHES_AHEAD:
                        yield from _next(pending, on_progress)
                done_bytes += path.stat().st_size
            except OSError:  # pruned meanwhile; or the disk fails, and then what is not seen is missed
                continue
        while pending:
            yield from _next(pending, on_progress)
    on_progress(done_bytes)


def size_of(path: Path) -> int:
    """Return the size of a pack in bytes; 0 where it was pruned meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _next(pending: deque[tuple[Future[list[Checked]], int]], on_progress: Callable[[int], None]) -> list[Checked]:
    future, done_bytes = pending.popleft()
    checked = future.result()
    on_progress(done_bytes)
    return checked


def _batches(records: Iterator[Record], pack: str, is_wanted: Callable[[str, Record], bool]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        if not is_wanted(pack, record):
            continue
        if batch and (len(batch) == _BATCH_RECORDS or record.offset - batch[0].offset > _BATCH_BYTES):
            yield batch
            batch = []
        batch.append(record)
    if batch:
        yield batch


def _check(path: Path, batch: list[Record]) -> list[Checked]:
    """Read records that lie close together at once, and check each."""
    start = batch[0].offset
    end = batch[-1].offset + batch[-1].stored_bytes
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # pruned
        return []
    try:
        data = memoryview(os.pread(fd, end - start, start))
    except OSError as error:
        return [Checked(path.name, record, f"the disk failed: {error}", b"") for record in batch]
    finally:
        os.close(fd)
    decompressor = zstandard.ZstdDecompressor()
    checked = []
    for record in batch:
        payload = data[record.offset - start : record.offset - start + record.stored_bytes]
        checked.append(_check_one(path.name, record, bytes(payload), decompressor))
    return checked


def _check_one(pack: str, record: Record, payload: bytes, decompressor: zstandard.ZstdDecompressor) -> Checked:
    try:
        raw = unpack(payload, record.raw_bytes, decompressor)
    except CorruptError as error:
        return Checked(pack, record, str(error), b"")
    if digest_as(record.kind, raw) != record.digest.hex():
        return Checked(pack, record, "its bytes are not those its digest names", b"")
    return Checked(pack, record, None, b"" if record.kind is Kind.CHUNK else raw)
