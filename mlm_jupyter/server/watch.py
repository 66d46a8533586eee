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

from mlm_jupyter.errors import MlmError
from mlm_jupyter.reader import Reader
from mlm_jupyter.server.projects import OpenProject, Projects

_DEATHS_EVERY_S: Final = 10.0
_BROKEN_EVERY_S: Final = 2.0
_RESTS: Final = 20
"""A project rests so many times as long as the quicker of two looks: on a slow disk, or locked, it does not hold up others."""
_LONGEST_REST_S: Final = 10.0
_GREETING_S: Final = 1.0

State = tuple[Reader, int] | str
"""The reader and its count of commits, which says nothing of another reader's; or why it cannot be had."""


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
        self._seen: dict[str, State] = {}
        self._rests_until: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._deaths_at: dict[str, float] = {}

    async def greet(self) -> None:
        """Begin to watch projects that are new, so that nothing written from now on is missed; wait for no slow disk."""
        if any(project.id not in self._seen for project in self._projects.known()):
            await asyncio.wait([asyncio.ensure_future(self.look())], timeout=_GREETING_S)
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
        known = {project.id: project for project in self._projects.known()}
        for remembered in (self._seen, self._rests_until, self._took, self._deaths_at):
            for id in remembered.keys() - known.keys():
                del remembered[id]
        return [id for id, project in known.items() if now >= self._rests_until.get(id, 0.0) and self._has_changed(project)]

    def _has_changed(self, project: OpenProject) -> bool:
        began = time.monotonic()
        if began >= self._deaths_at.get(project.id, 0.0):
            self._deaths_at[project.id] = began + _DEATHS_EVERY_S
            _mark_killed(project)
        seen, found = self._seen.get(project.id), _state(project)
        self._seen[project.id] = found
        self._rest(project.id, began, least=_BROKEN_EVERY_S if isinstance(found, str) else 0.0)
        return seen is not None and seen != found

    def _rest(self, id: str, began: float, *, least: float) -> None:
        now = time.monotonic()
        took, before = now - began, self._took.get(id, 0.0)
        self._took[id] = took
        self._rests_until[id] = now + max(min(_RESTS * min(took, before), _LONGEST_REST_S), least)


def _state(project: OpenProject) -> State:
    try:
        with project.reading() as reader:
            return reader, reader.data_version()
    except MlmError as error:
        return str(error)


def _mark_killed(project: OpenProject) -> None:
    """End the runs of kernels that are gone, or they would seem to run until somebody opens the project again."""
    try:
        with project.reading() as reader:
            reader.mark_killed()
    except MlmError:  # somebody is writing, and the next time will do; or it is told to whoever asks for it
        pass
