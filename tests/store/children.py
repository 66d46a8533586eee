"""Work that is done in a forked child, which may be killed in the middle."""

from __future__ import annotations

import os
from collections.abc import Callable


def in_child(work: Callable[..., object], *arguments: object) -> int:
    """Do ``work`` in a child that ends right after it, and return its pid."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(*arguments)
            code = 0
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    """Wait for a child and return its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
