"""Notices that something was written to a project, whichever process did it.

SQLite counts the commits of others, and tells the count in microseconds, to one and the same connection: so a thread
does nothing but look. The event loop only hears of what has changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tornado.ioloop import PeriodicCallback

from mlm_jupyter.errors import MlmError, StorageError
from mlm_jupyter.server.projects import OpenProject, Projects

_DEATHS_EVERY_S: Final = 10.0
_BROKEN_EVERY_S: Final = 2.0


class Watch:
    """Looks at every known project, from the first one on.

    Parameters
    ----------
    tell : called in the event loop with the id of each project that has changed, at most once in ``every_ms``.
    """

    def __init__(self, projects: Projects, tell: Callable[[str], None], *, every_ms: int) -> None:
        self._projects = projects
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, "mlm-watch")
        self._callback = PeriodicCallback(self.look, every_ms)
        self._seen: dict[str, int | str] = {}
        self._retry_at: dict[str, float] = {}
        self._deaths_at = 0.0

    async def greet(self) -> None:
        """Begin to watch projects that are new, so that nothing written from now on is missed."""
        if any(project.id not in self._seen for project in self._projects.known()):
            await self.look()
            if not self._callback.is_running():
                self._callback.start()

    async def look(self) -> None:
        """Look once."""
        for id in await asyncio.get_running_loop().run_in_executor(self._thread, self._changed):
            self._tell(id)

    def stop(self) -> None:
        """Look no more."""
        self._callback.stop()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _changed(self) -> list[str]:
        now = time.monotonic()
        projects = self._projects.known()
        if now >= self._deaths_at:
            self._deaths_at = now + _DEATHS_EVERY_S
            for project in projects:
                _mark_killed(project)
        return [project.id for project in projects if self._has_changed(project, now)]

    def _has_changed(self, project: OpenProject, now: float) -> bool:
        seen = self._seen.get(project.id)
        if isinstance(seen, str) and now < self._retry_at[project.id]:
            return False
        found = _state(project)
        if isinstance(found, str):
            self._retry_at[project.id] = now + _BROKEN_EVERY_S
        self._seen[project.id] = found
        return seen is not None and seen != found


def _state(project: OpenProject) -> int | str:
    """Return the count of commits, or why it cannot be had."""
    try:
        with project.reading() as reader:
            return reader.data_version()
    except MlmError as error:
        return str(error)


def _mark_killed(project: OpenProject) -> None:
    """End the runs of kernels that are gone, or they would seem to run until somebody opens the project again."""
    try:
        with project.reading() as reader:
            reader.mark_killed()
    except StorageError:  # somebody is writing; the next time will do
        pass
    except MlmError:  # told to whoever asks for it
        pass
