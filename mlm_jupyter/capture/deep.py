"""Pickling what is nested deeper than the stack of a thread allows."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

_STACK_BYTES: Final = 512 << 20
_LIMIT: Final = 200_000
_is_one_at_a_time = threading.Lock()


def dump_deeply(make: Callable[[], T]) -> T:
    """Call ``make`` on a thread with a stack of 512 MB and a recursion limit to match; raises what it raises.

    Python 3.12 and 3.13 bound the depth of C code by a constant: there a RecursionError comes back, and is the reason shown.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(make())
        except BaseException as error:
            errors.append(error)

    with _is_one_at_a_time:
        limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK_BYTES)
        try:
            sys.setrecursionlimit(max(limit, _LIMIT))
            thread = threading.Thread(target=run, name="mlm-deep-pickle", daemon=True)
            thread.start()
            thread.join()
        finally:
            threading.stack_size(size)
            sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]
