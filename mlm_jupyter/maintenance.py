"""Looking after a project on disk: what may go goes, what is damaged is found, what is lost is made anew.

Everything here works without a kernel and without unpickling anything.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.entities import Session
from mlm_jupyter.core.retention import Candidate, Policy, droppable, kept
from mlm_jupyter.errors import ConflictError, StorageError
from mlm_jupyter.process import is_alive, is_recording
from mlm_jupyter.settings import Settings
from mlm_jupyter.store.connection import storage_error
from mlm_jupyter.store.damage import TouchedCheckpoint
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.location import FOLDER_NAME, is_frozen
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.prune import Pruning
from mlm_jupyter.store.rebuild import Rebuilt
from mlm_jupyter.store.rebuild import rebuild as rebuild_database
from mlm_jupyter.store.reclaim import pruning_alone, reclaim, store_bytes, trim_log
from mlm_jupyter.store.runs import Runs
from mlm_jupyter.store.stats import Stats
from mlm_jupyter.store.stats import take_stats as stats_of
from mlm_jupyter.store.verify import Verification
from mlm_jupyter.store.verify import verify as verify_packs

__all__ = [
    "Freed",
    "Prune",
    "Rebuilt",
    "Stats",
    "TouchedCheckpoint",
    "Verification",
    "enforce_retention",
    "plan_prune",
    "rebuild",
    "take_stats",
    "verify",
]

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are done."""

_ROOM: Final = 0.9
"""Retention goes on until the store takes this share of what it may."""
_LEAST_SHARE: Final = 0.9
"""Packs of which less is needed are written anew."""
_LEAST_ROOM_BYTES: Final = 8 << 20


class Freed(msgspec.Struct, frozen=True):
    """What pruning has freed."""

    checkpoints: int = 0
    """So many lost their values."""
    objects: int = 0
    bytes: int = 0
    """Of the packs, on the disk."""
    packs_in_use: int = 0
    """Packs that a process still writes to, of which nothing could be freed."""
    damaged_packs: tuple[str, ...] = ()


class Prune:
    """What pruning by a policy would free; ``apply`` frees it.

    Parameters
    ----------
    now : the time, in UTC milliseconds.
    """

    def __init__(self, database: Database, policy: Policy, *, now: int) -> None:
        live = live_sessions(database, lambda session: is_alive(session, now))
        self._now = now
        self._packs = Packs(database)
        self._total = 0

        def keeps(candidates: list[Candidate]) -> set[str]:
            self._total = len(candidates)
            going = {candidate.id for candidate in droppable(candidates, live)}
            return {candidate.id for candidate in candidates if candidate.id not in going} | kept(candidates, policy).keys()

        self._pruning = Pruning(self._packs, keeps)

    @property
    def checkpoints(self) -> list[Candidate]:
        """Those that lose their values, the oldest first."""
        return self._pruning.dropped

    @property
    def kept_checkpoints(self) -> int:
        """How many checkpoints stay as they are."""
        return self._total - len(self._pruning.dropped)

    @property
    def objects(self) -> int:
        """How many objects go."""
        return self._pruning.freed_objects

    @property
    def bytes(self) -> int:
        """What these take on the disk."""
        return self._pruning.freed_bytes

    def apply(self) -> Freed:
        """Free it, and what earlier prunings and killed processes left."""
        with _said_of(self._packs.database.folder), pruning_alone(self._packs):
            return _free(self._packs, self._pruning, reason="mlm prune", now=self._now)


def verify(folder: Path, *, on_progress: Progress = lambda done, total: None) -> Verification:
    """Read everything the project in ``folder`` has stored and compare it with its digests.

    Raises
    ------
    CorruptError : the database is so damaged that it cannot be opened; ``rebuild`` makes it anew.
    """
    with _opened(folder) as database:
        return verify_packs(Packs(database), on_progress=on_progress)


def rebuild(folder: Path, *, on_progress: Progress = lambda done, total: None) -> Rebuilt:
    """Make the database of the project in ``folder`` anew; the old one is moved aside.

    Raises
    ------
    ConflictError : a process is writing to the project, or may write to it.
    StorageError : the disk will not do it.
    """
    store, now = folder / FOLDER_NAME, now_ms()
    with _said_of(store):
        return rebuild_database(store, is_recording=lambda session: is_recording(session, now), on_progress=on_progress)


def take_stats(folder: Path, *, most_variables: int = 10) -> Stats:
    """Return the project in ``folder`` in numbers."""
    with _opened(folder) as database:
        return stats_of(Packs(database), most_variables=most_variables)


@contextmanager
def plan_prune(folder: Path, policy: Policy, *, now: int) -> Iterator[Prune]:
    """Find out what pruning the project in ``folder`` would free; apply it inside the block."""
    with _opened(folder) as database:
        yield Prune(database, policy, now=now)


@contextmanager
def _opened(folder: Path) -> Iterator[Database]:
    store = folder / FOLDER_NAME
    database = Database.open(store, read_only=is_frozen(store))
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _said_of(store: Path) -> Iterator[None]:
    """Raise what the disk refuses as an error that says of which project, and what to do."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, store) from error


def live_sessions(database: Database, is_alive: Callable[[Session], bool]) -> set[str]:
    """Return the ids of the sessions that have not ended and whose process is there."""
    return {session.id for session in Runs(database).sessions(is_open=True) if is_alive(session)}


def enforce_retention(
    database: Database,
    settings: Settings,
    *,
    now: int,
    is_alive: Callable[[Session], bool],
    packs: Packs | None = None,
) -> Freed:
    """Drop the values of the oldest checkpoints without a name where the store, or the disk, is fuller than it may be.

    Cheap when there is nothing to do: it adds up the sizes of the packs. Where another process prunes, it leaves it to that.

    Parameters
    ----------
    packs : the caller's own, so that those it writes to at other times can be made smaller too.

    Raises
    ------
    CorruptError : something is damaged, so that what is needed cannot be known; nothing was dropped.
    """
    most_bytes = _most_bytes(database, settings)
    if most_bytes is None:
        return Freed()
    packs = packs or Packs(database)
    live = live_sessions(database, is_alive)

    def keeps(candidates: list[Candidate]) -> set[str]:
        return {candidate.id for candidate in candidates} - {candidate.id for candidate in droppable(candidates, live)}

    try:
        with pruning_alone(packs):
            pruning = Pruning(packs, keeps)
            pruning.keep_newest(most_bytes)
            return _free(packs, pruning, reason="retention", now=now)
    except ConflictError:
        return Freed()


def _most_bytes(database: Database, settings: Settings) -> int | None:
    """Return what the packs may take on the disk after retention; None where it has nothing to do."""
    size = store_bytes(database.folder)
    disk = shutil.disk_usage(database.folder)
    least_free = settings.retention_free_share * disk.total
    targets = []
    if settings.retention_bytes is not None and size > settings.retention_bytes:
        targets.append(_ROOM * settings.retention_bytes)
    if disk.free < least_free:
        targets.append(size - (least_free / _ROOM - disk.free))
    if not targets:
        return None
    rows = size - store_bytes(database.folder, only_packs=True)
    return max(0, int(min(targets)) - rows)


def _free(packs: Packs, pruning: Pruning, *, reason: str, now: int) -> Freed:
    checkpoints = len(pruning.dropped)
    torn_bytes = reclaim(packs, least_share=0.0).bytes  # costs nothing, and on a full disk makes room for what follows
    try:
        objects = pruning.apply(reason=reason, now=now)
    except StorageError as error:
        if shutil.disk_usage(packs.folder).free > _LEAST_ROOM_BYTES:
            raise
        raise StorageError(
            f"The disk of {packs.folder.parent.parent} is so full that not even what is freed can be noted. Make some"
            " megabytes of room by other means, then free more with: mlm prune"
        ) from error
    reclaimed = reclaim(packs, least_share=_LEAST_SHARE)
    trim_log(packs.database)
    return Freed(checkpoints, objects, torn_bytes + reclaimed.bytes, reclaimed.packs_in_use, reclaimed.damaged)
