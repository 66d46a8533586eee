"""Silence around foreign code that capturing calls: what a ``__getstate__`` prints or warns of is no output of the cell."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _ThisThread:
    """Stands where a warning filter has its pattern: matches whatever this thread warns of."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def match(self, text: str) -> bool:
        return threading.get_ident() == self._thread


class _Muted:
    """A stream for other threads, and for whoever kept it; silent to this one while it is muted."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._thread: int | None = threading.get_ident()

    def write(self, text: str) -> int:
        if threading.get_ident() == self._thread:
            return len(text)
        return int(self._stream.write(text) or 0)

    def unmute(self) -> None:
        self._thread = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what this thread prints and warns of in the block; other threads are heard as ever.

    The filter is put in by hand: ``catch_warnings`` would make Python forget which warnings it has shown, and show them again.
    """
    filters: Any = warnings.filters
    rule: Any = ("ignore", _ThisThread(), Warning, None, 0)
    streams = sys.stdout, sys.stderr
    muted = _Muted(sys.stdout), _Muted(sys.stderr)
    try:
        filters.insert(0, rule)
        sys.stdout, sys.stderr = muted
        yield
    finally:
        for mute in muted:
            mute.unmute()
        for name, stream, mute in zip(("stdout", "stderr"), streams, muted, strict=True):
            if getattr(sys, name) is mute:
                setattr(sys, name, stream)
        if rule in filters:
            filters.remove(rule)
