"""Objects that a module made once and that are told by ``is``: of ``dataclasses.MISSING`` and its like a copy means nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from mlm_jupyter.capture.context import attribute_of


def reducer_of_constants(kind: type) -> Callable[[Any, Any], Any] | None:
    """Return how to reduce those of a type's objects that are constants of its module; None where there are none."""
    module = sys.modules.get(kind.__module__)
    if (
        module is None
        or module is sys.modules.get("__main__")
        or any("__reduce_ex__" in vars(base) for base in kind.__mro__[:-1])
    ):
        return None
    named = {name: value for name, value in list(vars(module).items()) if type(value) is kind and name.isupper()}
    names = {id(value): name for name, value in named.items() if _says_nothing(value)}
    if not names:
        return None

    def reduce_constant(pickler: Any, obj: Any) -> Any:
        name = names.get(id(obj))
        if name is None or getattr(module, name, None) is not obj or not _says_nothing(obj):
            return NotImplemented
        pickler.never_links(obj)
        return attribute_of, (module.__name__, name)

    return reduce_constant


def _says_nothing(obj: Any) -> bool:
    """Return whether an object has neither value nor attributes: a pickle has its type alone."""
    try:
        _, arguments, *state = obj.__reduce_ex__(4)
    except Exception:  # it cannot be pickled, or is not of a kind that is copied so
        return False
    return tuple(arguments) == (type(obj),) and not any(state)
