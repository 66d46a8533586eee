"""The time and new ids: what is never the same twice has one home, and a test passes its own instead."""

from __future__ import annotations

import os
import secrets
import threading
import time

from mlm_jupyter.core.digest import EPOCH_MS, make_id, time_of_id

_RANDOM_BITS = 30


def now_ms() -> int:
    """Return the time as UTC milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


class _Ids:
    """Ids that sort in the order they were made, also within a millisecond and when the clock is set back.

    Parameters
    ----------
    after_ms : what the ids sort after, in UTC milliseconds.
    """

    def __init__(self, after_ms: int = EPOCH_MS) -> None:
        self._lock = threading.Lock()
        self._last = (after_ms, secrets.randbits(_RANDOM_BITS))

    @property
    def last_ms(self) -> int:
        return self._last[0]

    def make(self) -> str:
        with self._lock:
            at, bits = now_ms(), secrets.randbits(_RANDOM_BITS)
            if at <= self._last[0]:
                at, bits = self._last[0], self._last[1] + 1
                at, bits = at + (bits >> _RANDOM_BITS), bits & ((1 << _RANDOM_BITS) - 1)
            self._last = (at, bits)
            return make_id(at, bits)

    def follow(self, id: str) -> None:
        """Let all ids from now on come after ``id``, which another process may have made by another clock."""
        with self._lock:
            self._last = max(self._last, (time_of_id(id) + 1, secrets.randbits(_RANDOM_BITS)))


_ids = _Ids()


def _start_anew() -> None:
    """Go on from a place of its own in a forked child, which would otherwise count on from where its parent does too."""
    global _ids
    _ids = _Ids(_ids.last_ms + 1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


def new_id() -> str:
    """Return an id no one else has, later in order than all this process has made."""
    return _ids.make()


def make_ids_after(id: str) -> None:
    """Let all ids that this process makes come after ``id``; ValueError where that is none."""
    _ids.follow(id)
