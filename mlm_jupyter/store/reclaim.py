"""Giving the disk back what pruning left in the packs: whole files, torn ends, and by writing what lives anew.

Packs that a process still appends to are left alone. At any moment every object of the index is in a file that is on the
disk: a new pack is synced before the rows point to it, an old one goes when none do.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import zstandard

from mlm_jupyter.errors import ConflictError, CorruptError, StorageError
from mlm_jupyter.store.database import PACKS_NAME, Database
from mlm_jupyter.store.packfile import PackWriter, sync_folder, take_unused
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.records import HEADER_BYTES, Kind, digest_as, parse_header, scan, unpack

_LOCKED_AT_ONCE: Final = 128
_PAGE: Final = 5_000
SMALL_PACK_BYTES: Final = 4 << 20
MOST_SMALL_PACKS: Final = 32
"""Every process leaves a pack; beyond so many small ones they are joined."""

_LIVE: Final = f"""
    SELECT name, sum(stored_bytes + {HEADER_BYTES}), max(offset + stored_bytes)
    FROM objects JOIN packs ON packs.id = pack_id GROUP BY pack_id
"""


class _Pack(msgspec.Struct):
    """A pack that this process holds."""

    path: Path
    fd: int
    size_bytes: int
    live_bytes: int
    end: int

    @property
    def name(self) -> str:
        return self.path.name


class Reclaimed(msgspec.Struct, frozen=True):
    """What was given back."""

    bytes: int
    packs_in_use: int
    damaged: tuple[str, ...] = ()
    """Packs that were left as they are because something in them is."""


def store_bytes(folder: Path, *, only_packs: bool = False) -> int:
    """Return what the files of the project in ``folder``, a ``.mlm`` folder, take on the disk."""
    places = [folder / PACKS_NAME] if only_packs else [folder, folder / PACKS_NAME]
    total = 0
    for place in places:
        for entry in os.scandir(place):
            with contextlib.suppress(FileNotFoundError):  # it was pruned just now
                total += entry.stat().st_size if entry.is_file() else 0
    return total


def trim_log(database: Database) -> None:
    """Move what is in the database's log into it, where that can be done now: many deletions make a long log."""
    with contextlib.suppress(StorageError):
        database.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def pruning_alone(packs: Packs) -> Iterator[None]:
    """Keep other processes from pruning meanwhile.

    Raises
    ------
    ConflictError : another one is at it.
    """
    fd = os.open(packs.folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError("This project is being pruned by another process. Try again when it is done.") from None
        except OSError:  # no locks here, and then no pack is taken either
            pass
        yield
    finally:
        os.close(fd)


def reclaim(packs: Packs, *, least_share: float) -> Reclaimed:
    """Make the packs smaller.

    Parameters
    ----------
    least_share : packs of which a smaller share is in the index are written anew.
    """
    packs.forget_files()
    before = store_bytes(packs.database.folder, only_packs=True)
    paths = sorted(packs.folder.glob("*.pack"))
    is_crowded = sum(path.stat().st_size < SMALL_PACK_BYTES for path in paths) > MOST_SMALL_PACKS
    in_use, damaged = 0, []
    for start in range(0, len(paths), _LOCKED_AT_ONCE):
        held, busy = _take(paths[start : start + _LOCKED_AT_ONCE])
        in_use += busy
        try:
            _measure(packs.database, held)
            damaged += _shrink(packs, held, least_share, is_crowded=is_crowded)
        finally:
            for pack in held:
                os.close(pack.fd)
    packs.forget_files()
    sync_folder(packs.folder)
    return Reclaimed(before - store_bytes(packs.database.folder, only_packs=True), in_use, tuple(damaged))


def _take(paths: list[Path]) -> tuple[list[_Pack], int]:
    held = []
    for path in paths:
        fd = take_unused(path)
        if fd is not None:
            held.append(_Pack(path, fd, os.fstat(fd).st_size, 0, 0))
    return held, len(paths) - len(held)


def _measure(database: Database, held: list[_Pack]) -> None:
    """Find out what lives in packs; only who holds them can know, for then nothing is added."""
    rows = database.connection().execute(_LIVE).fetchall()
    live = {name: (live_bytes, end) for name, live_bytes, end in rows}
    for pack in held:
        pack.live_bytes, pack.end = live.get(pack.name, (0, 0))


def _shrink(packs: Packs, held: list[_Pack], least_share: float, *, is_crowded: bool) -> list[str]:
    """Remove, cut or rewrite these packs, what costs nothing first; return those that are damaged."""
    for pack in held:
        if not pack.live_bytes:
            if not _holds_unknown_history(packs, pack):
                _remove(packs.database, pack)
        elif pack.end < pack.size_bytes:
            os.ftruncate(pack.fd, pack.end)
            os.fsync(pack.fd)
            pack.size_bytes = pack.end
    chosen = [
        pack
        for pack in held
        if pack.live_bytes
        and pack.end <= pack.size_bytes  # else its end is lost
        and (pack.live_bytes < least_share * pack.size_bytes or (is_crowded and pack.size_bytes < SMALL_PACK_BYTES))
    ]
    return _rewrite(packs, sorted(chosen, key=lambda pack: pack.live_bytes))


def _holds_unknown_history(packs: Packs, pack: _Pack) -> bool:
    """Tell whether the database has never heard of a pack in which checkpoints are: then it is the database that is wrong."""
    query = "SELECT 1 FROM packs WHERE name = ?"
    if packs.database.connection().execute(query, (pack.name,)).fetchone() is not None:
        return False
    manifests = (record.digest.hex() for record in scan(pack.path) if record.kind is Kind.MANIFEST)
    return not all(map(packs.has, manifests))


def _remove(database: Database, pack: _Pack) -> None:
    with database.transaction() as connection:
        connection.execute("DELETE FROM packs WHERE name = ?", (pack.name,))
    with contextlib.suppress(FileNotFoundError):
        pack.path.unlink()


def _rewrite(packs: Packs, chosen: list[_Pack]) -> list[str]:
    """Move what lives in these packs to new ones; return those that are damaged, which stay as they are."""
    offsets = _live_offsets(packs.database, chosen)
    damaged: list[str] = []
    writer: PackWriter | None = None
    for pack in chosen:
        if shutil.disk_usage(packs.folder).free < 2 * pack.live_bytes:
            continue
        if writer is None or writer.is_full:
            writer = PackWriter(packs.folder)
        start = writer.size
        try:
            moved = _copy(pack, offsets[pack.name], writer)
        except CorruptError:
            writer.cut(start)
            damaged.append(pack.name)
            continue
        except StorageError:  # the disk is full after all
            writer.cut(start)
            break
        writer.sync()
        _point_to(packs.database, pack, writer, moved)
        os.ftruncate(pack.fd, 0)  # a server that has it open would keep its space
        pack.path.unlink()
    return damaged


def _live_offsets(database: Database, chosen: list[_Pack]) -> dict[str, array[int]]:
    """Return where the payloads of the objects in these packs begin, in order."""
    offsets = {pack.name: array("Q") for pack in chosen}
    marks = ", ".join("?" for _ in chosen)
    rows = database.connection().execute(f"SELECT id, name FROM packs WHERE name IN ({marks})", list(offsets))
    names = dict(rows.fetchall())
    last = b""
    query = "SELECT digest, pack_id, offset FROM objects WHERE digest > ? ORDER BY digest LIMIT ?"
    while names and (page := database.connection().execute(query, (last, _PAGE)).fetchall()):
        for _, pack_id, offset in page:
            if pack_id in names:
                offsets[names[pack_id]].append(offset)
        last = page[-1][0]
    return {name: array("Q", sorted(found)) for name, found in offsets.items()}


def _copy(pack: _Pack, offsets: array[int], writer: PackWriter) -> list[tuple[int, bytes, int]]:
    """Append the records there to ``writer``, as they are, once they are seen to be sound.

    Returns
    -------
    For each the new place, the digest and the old place.
    """
    decompressor = zstandard.ZstdDecompressor()
    moved = []
    for offset in offsets:
        record = parse_header(os.pread(pack.fd, HEADER_BYTES, offset - HEADER_BYTES), offset - HEADER_BYTES)
        if record is None:
            raise CorruptError(f"No record begins before byte {offset} of {pack.name}")
        payload = os.pread(pack.fd, record.stored_bytes, offset)
        if digest_as(record.kind, unpack(payload, record.raw_bytes, decompressor)) != record.digest.hex():
            raise CorruptError(f"Object {record.digest.hex()[:12]} in {pack.name} is damaged")
        entry = writer.append_packed(record.kind, record.digest, record.raw_bytes, payload, codec=record.codec)
        moved.append((entry.offset, record.digest, offset))
    return moved


def _point_to(database: Database, pack: _Pack, writer: PackWriter, moved: list[tuple[int, bytes, int]]) -> None:
    """Let the index find the objects in their new pack; one that was deleted meanwhile stays so."""
    with database.transaction() as connection:
        connection.execute("INSERT OR IGNORE INTO packs (name) VALUES (?)", (writer.name,))
        (old,) = connection.execute("SELECT id FROM packs WHERE name = ?", (pack.name,)).fetchone()
        (new,) = connection.execute("SELECT id FROM packs WHERE name = ?", (writer.name,)).fetchone()
    update = f"UPDATE objects SET pack_id = {new}, offset = ? WHERE digest = ? AND pack_id = {old} AND offset = ?"
    database.in_parts(moved, lambda connection, some: connection.executemany(update, some))
    database.write("DELETE FROM packs WHERE id = ?", (old,))
