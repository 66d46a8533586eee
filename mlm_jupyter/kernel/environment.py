"""When the environment is taken: behind the first cells, and again where it could not be stored."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mlm_jupyter.capture.environment import take_environment
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Environment
from mlm_jupyter.errors import MlmError

FIRST_S: Final = 3.0
"""The first cells are over, and with them the imports: listing packages takes the interpreter for a tenth of a second."""
AGAIN_S: Final = 30.0


class EnvironmentTimer:
    """Takes the environment of one session, once, as soon as it can be stored.

    Parameters
    ----------
    store : puts it into the store and returns its digest.
    on_stored : told the digest.
    tell : told, once, why it cannot be stored.
    """

    def __init__(
        self,
        folder: Path,
        store: Callable[[Environment], Digest],
        on_stored: Callable[[Digest], None],
        tell: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._store = store
        self._on_stored = on_stored
        self._tell = tell
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._is_done = False
        self._has_failed = False

    def start(self, seconds: float = FIRST_S) -> None:
        """Take it in a while."""
        self._timer = threading.Timer(seconds, self.take)
        self._timer.name = "mlm-environment"
        self._timer.daemon = True
        self._timer.start()

    def take(self) -> None:
        """Take it now, unless that was done; if it cannot be stored, try again later."""
        with self._lock:
            if self._is_done:
                return
            if self._timer is not None:
                self._timer.cancel()
            try:
                self._on_stored(self._store(take_environment(self._folder)))
            except MlmError as error:
                if not self._has_failed:
                    self._tell(f"The environment was not recorded, and is tried again: {error}")
                self._has_failed = True
                self.start(AGAIN_S)
            else:
                self._is_done = True

    def close(self) -> None:
        """Take it now or never."""
        self.take()
        with self._lock:
            self._is_done = True
            if self._timer is not None:
                self._timer.cancel()
