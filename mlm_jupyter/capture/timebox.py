"""A bound on how long one value's own pickling code may take, where Python allows it to be interrupted."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final

IDLE_S: Final = 5.0
"""So long the watchdog waits for the next look before it goes; starting another takes a tenth of a millisecond."""


class TooSlowError(Exception):
    """Pickling a value took too long; C code cannot be interrupted, Python code was."""


class _TimeUp(BaseException):
    """Raised in the thread that pickles; not an Exception, so that foreign ``except Exception`` lets it pass."""


class TimeBox:
    """A watchdog for one thread: ``with box:`` around a look, ``with box.one():`` around each value in it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._is_open = threading.Event()
        self._thread: threading.Thread | None = None
        self._target = 0

    def __enter__(self) -> TimeBox:
        self._target = threading.get_ident()
        with self._lock:
            self._is_open.set()
            if self._thread is None or not self._thread.is_alive():  # also in a forked child, which has no other threads
                self._thread = threading.Thread(target=self._watch, name="mlm-timebox", daemon=True)
                with suppress(RuntimeError):  # Python 3.12.0 and 3.12.1 start none at their end: that look has no bound
                    self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_open.clear()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Bound the block; raises TooSlowError when it took too long and could be interrupted."""
        try:
            self._deadline = time.monotonic() + self._seconds
            try:
                yield
            finally:
                with self._lock:  # behind this line the watchdog raises nothing more
                    self._deadline = None
        except _TimeUp:
            raise TooSlowError(f"pickling it took more than {self._seconds:g} s") from None

    def _watch(self) -> None:
        while True:
            if not self._is_open.wait(IDLE_S):
                with self._lock:
                    if not self._is_open.is_set():
                        self._thread = None
                        return
            time.sleep(min(0.2, self._seconds / 4))
            with self._lock:
                if self._deadline is not None and time.monotonic() > self._deadline:
                    self._deadline = None
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._target), ctypes.py_object(_TimeUp))
