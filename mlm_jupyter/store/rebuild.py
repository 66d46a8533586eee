"""Making the database anew: objects and checkpoints from the packs, the rest from what can be read of the old database.

The packs also hold each name, note, deletion and finished run (``journal``). Where the old database has a row, that is
believed. What neither has is lost: late outputs, and of runs that were open all that checkpoints do not tell.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from mlm_jupyter.core.entities import Session
from mlm_jupyter.errors import ConflictError
from mlm_jupyter.files import is_there
from mlm_jupyter.store.database import DATABASE_NAME, PACKS_NAME, Database
from mlm_jupyter.store.index import Index
from mlm_jupyter.store.packfile import Entry, sync_folder, take_unused
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.rebuild_history import bury, rebuild_history
from mlm_jupyter.store.rebuild_runs import rebuild_runs
from mlm_jupyter.store.reclaim import pruning_alone
from mlm_jupyter.store.salvage import Salvage
from mlm_jupyter.store.scan import check_packs
from mlm_jupyter.store.verify import Damage

_ENTRIES_AT_ONCE: Final = 2_000
_DRAFT: Final = "rebuilding-"
_WAIT_S: Final = 2.0


class Rebuilt(msgspec.Struct, kw_only=True):
    """What the new database holds."""

    objects: int = 0
    checkpoints: int = 0
    runs: int = 0
    stub_runs: int = 0
    """Of these, the ones of which only checkpoints tell: they have no params and no tags."""
    damaged: list[Damage] = []
    """Objects of the packs that were left out."""
    moved_to: str | None = None
    """The file that is the old database now; None where there was none."""


def rebuild(
    folder: Path,
    *,
    is_recording: Callable[[Session], bool] = lambda session: False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Rebuilt:
    """Make the database of the project in ``folder``, a ``.mlm`` folder, anew; the old one is moved aside.

    Until the new one is complete nothing of the old one changes, and nobody else can change it.

    Parameters
    ----------
    is_recording : tells whether the process of a session that has not ended writes to this project.

    Raises
    ------
    ConflictError : a process is writing to the project, or may write to it.
    """
    for draft in folder.glob(_DRAFT + "*"):  # of a rebuild that was killed
        shutil.rmtree(draft, ignore_errors=True)
    path = folder / DATABASE_NAME
    rebuilt = Rebuilt()
    with _draft(folder) as database, _held(path):
        packs = Packs(database)
        old = Salvage(path)
        try:
            _check_unused(folder, old, is_recording)
            with pruning_alone(packs):
                _index(packs, rebuilt, on_progress)
                rebuilt.checkpoints = rebuild_history(packs, old)
                rebuilt.runs, rebuilt.stub_runs = rebuild_runs(packs, old)
                bury(packs, old, now=time.time_ns() // 1_000_000)
                (rebuilt.objects,) = database.connection().execute("SELECT count(*) FROM objects").fetchone()
            _check_unused(folder, old, is_recording)
        finally:
            old.close()
        database.close()
        rebuilt.moved_to = _swap(folder, database.folder)
    return rebuilt


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep everybody from writing to a database, unless it is so damaged that nobody can."""
    connection = None
    try:
        if is_there(path):
            connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_WAIT_S)
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise ConflictError("A process is writing to this project. Try again when it is done.") from error
    try:
        yield
    finally:
        if connection is not None:
            connection.close()


def _check_unused(folder: Path, old: Salvage, is_recording: Callable[[Session], bool]) -> None:
    """Raise ConflictError where somebody may write: what he adds would be missing from the new database."""
    for path in (folder / PACKS_NAME).glob("*.pack"):
        fd = take_unused(path)
        if fd is None:
            raise ConflictError(f"A process is writing to this project ({path.name}). Shut down its kernel, then try again.")
        os.close(fd)
    for session in old.structs("sessions", Session):
        if session.ended_at is None and is_recording(session):
            what = f"process {session.pid} on {session.host}"
            raise ConflictError(f"A process is recording in this project ({what}). End it, or its kernel, then try again.")


@contextmanager
def _draft(folder: Path) -> Iterator[Database]:
    """Make a new database in a folder of its own, as a project that shares the packs of the old."""
    draft = folder / f"{_DRAFT}{secrets.token_hex(4)}"
    try:
        database = Database.open(draft, create=True)
        try:
            (draft / PACKS_NAME).rmdir()
            (draft / PACKS_NAME).symlink_to(Path("..") / PACKS_NAME)
            yield database
        finally:
            database.close()
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _index(packs: Packs, rebuilt: Rebuilt, on_progress: Callable[[int, int], None]) -> None:
    """Add every sound object of the packs to the index."""
    paths = sorted(packs.folder.glob("*.pack"))
    total = sum(path.stat().st_size for path in paths)
    index = Index(packs.database)
    entries: list[Entry] = []

    def add() -> None:
        with packs.database.transaction() as connection:
            index.add(connection, entries)
        entries.clear()

    damaged: dict[str, Damage] = {}
    for pack, record, reason, _ in check_packs(paths, on_progress=lambda done: on_progress(done, total)):
        if reason is not None:
            digest = record.digest.hex()
            damaged[digest] = Damage(digest, record.kind.name.lower(), f"Object {digest[:12]} in {pack}: {reason}")
            continue
        entries.append(Entry(record.digest, record.kind, pack, record.offset, record.stored_bytes, record.raw_bytes))
        if len(entries) >= _ENTRIES_AT_ONCE:
            add()
    add()
    rebuilt.damaged = [damage for digest, damage in damaged.items() if not packs.has(digest)]


def _swap(folder: Path, draft: Path) -> str | None:
    """Put the new database in the place of the old, which keeps its log beside it."""
    path = folder / DATABASE_NAME
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    aside = folder / f"{DATABASE_NAME}.damaged-{now}"
    had_database = is_there(path)
    if had_database:
        os.link(path, aside)
    sync_folder(folder)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    for ending in ("-wal", "-journal"):  # SQLite would take the log of the old one for the new one's
        log = path.with_name(path.name + ending)
        if is_there(log):
            log.replace(aside.with_name(aside.name + ending))
    (draft / DATABASE_NAME).replace(path)
    sync_folder(folder)
    return aside.name if had_database else None
