"""Keeping a store under its limit while a session writes to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from mlm_jupyter.clock import now_ms
from mlm_jupyter.errors import MlmError
from mlm_jupyter.process import is_alive
from mlm_jupyter.settings import Settings
from mlm_jupyter.store.connection import storage_error
from mlm_jupyter.store.packs import Packs

EVERY_S: Final = 300.0
FIRST_S: Final = 20.0


class Retention:
    """Drops the oldest values, now and then, where the store has grown over what it may take."""

    def __init__(self, packs: Packs, settings: Settings, tell: Callable[[str], None]) -> None:
        self._packs = packs
        self._settings = settings
        self._tell = tell
        self._last_s = time.monotonic() - EVERY_S + FIRST_S

    def is_due(self) -> bool:
        """Tell whether it is time to enforce it again; asked once for each time."""
        if time.monotonic() - self._last_s <= EVERY_S:
            return False
        self._last_s = time.monotonic()
        return True

    def enforce(self) -> None:
        """Free what is too much, and say so; in the writer's thread."""
        from mlm_jupyter.maintenance import enforce_retention  # not for each kernel that loads the extension

        try:
            freed = enforce_retention(
                self._packs.database,
                self._settings,
                now=now_ms(),
                is_alive=lambda one: is_alive(one, now_ms()),
                packs=self._packs,
            )
        except (MlmError, OSError) as error:
            reason = storage_error(error, self._packs.database.folder) if isinstance(error, OSError) else error
            self._tell(f"Old values could not be freed, which is tried again in {EVERY_S / 60:.0f} minutes: {reason}")
            return
        if freed.checkpoints:
            self._tell(
                f"The store was over its limit: the values of {freed.checkpoints} old checkpoints without a name were freed "
                f"({freed.bytes / 1e6:.0f} MB). The limit is the setting retention_bytes."
            )
