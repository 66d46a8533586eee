"""The time and new ids: what is never the same twice has one home, and a test passes its own instead."""

from __future__ import annotations

import os
import secrets
import threading
import time

from mlm_jupyter.core.digest import make_id

_RANDOM_BITS = 30


def now_ms() -> int:
    """Return the time as UTC milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


class _Ids:
    """Ids that sort in the order they were made, also within a millisecond and when the clock is set back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = (0, 0)

    def make(self) -> str:
        with self._lock:
            at, bits = now_ms(), secrets.randbits(_RANDOM_BITS)
            if at <= self._last[0]:
                at, bits = self._last[0], self._last[1] + 1
                at, bits = at + (bits >> _RANDOM_BITS), bits & ((1 << _RANDOM_BITS) - 1)
            self._last = (at, bits)
            return make_id(at, bits)


_ids = _Ids()


def _forget() -> None:
    """Start anew in a forked child, which would otherwise count on from where its parent does too."""
    global _ids
    _ids = _Ids()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def new_id() -> str:
    """Return an id no one else has, later in order than all this process has made."""
    return _ids.make()
