"""What looking asks of the memory of the process: nothing is collected meanwhile, and what it frees is kept for the next."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Hold the garbage collector back: it would walk the memos, and run the user's finalizers inside our look."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def keep_freed() -> None:
    """Have the C library keep what a look frees, rather than give it back and ask for it page by page at the next.

    glibc keeps twice the largest block of at most 32 MiB that was ever freed (mallopt(3), M_MMAP_THRESHOLD): a notebook with
    tables frees one sooner or later. It is not written to, and takes no memory.
    """
    bytes(31 << 20)
