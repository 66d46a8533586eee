"""What a pickle of ours refers to outside itself while it is made and while it is loaded.

The functions here stand in the pickles by name, so their module path and their arguments are part of the stored format.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mlm_jupyter.errors import MlmError


class CannotCaptureError(Exception):
    """This object cannot be stored, or not be brought back; the message is the reason given to the user."""


class LoadContext:
    """Where the names and buffers that a pickle refers to are found while it is loaded."""

    def __init__(
        self,
        *,
        globals_: dict[str, Any],
        resolve: Callable[[str], Any],
        read: Callable[[int], bytearray],
        read_into: Callable[[int, memoryview], None],
        array_to_rewrite: Any = None,
    ) -> None:
        self.globals = globals_
        self.resolve = resolve
        self.read = read
        self.read_into = read_into
        self.array_to_rewrite = array_to_rewrite


class NoContextError(MlmError):
    """A pickle of ours was loaded by something else."""


_local = threading.local()


@contextmanager
def loading(context: LoadContext) -> Iterator[None]:
    """Make ``context`` the one that pickles loaded by this thread refer to."""
    outer = getattr(_local, "context", None)
    _local.context = context
    try:
        yield
    finally:
        _local.context = outer


def _context() -> LoadContext:
    context: LoadContext | None = getattr(_local, "context", None)
    if context is None:
        raise NoContextError(
            "This pickle belongs to an mlm project; load it with: mlm_jupyter.open_project().load_variables(ref)"
        )
    return context


def notebook_object(name: str) -> Any:
    """Return the function or class that ``name`` means in the notebook being restored."""
    return _context().resolve(name)


def notebook_globals() -> dict[str, Any]:
    """Return the namespace in which the notebook's functions run."""
    return _context().globals


def read_buffer(index: int) -> bytearray:
    """Return the bytes of the pickle's own buffer number ``index``."""
    return _context().read(index)


def read_buffer_into(index: int, target: memoryview) -> None:
    """Fill ``target`` with the bytes of the pickle's own buffer number ``index``."""
    _context().read_into(index, target)


def array_to_rewrite() -> Any:
    """Return the live array that will have the pickle's one buffer written into it where it differs; None: there is none."""
    return _context().array_to_rewrite


def attribute_of(module: str, path: str) -> Any:
    """Return a library's own object, such as NumPy's global generator, by where it lives."""
    import importlib

    value: Any = importlib.import_module(module)
    for part in path.split("."):
        value = getattr(value, part)
    return value
