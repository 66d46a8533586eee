"""Objects that pickle would put together again by code of their class: a ``__setitem__`` that keeps a log, a ``__getattr__``
that answers to any name, an ``__init__`` that takes other arguments than that of the standard library's kind it is of. They
come back as they were, with the attributes that the kind's own pickle leaves out, and no such code runs for it.
"""

from __future__ import annotations

import collections
import copyreg
import enum
from collections.abc import Callable
from typing import Any, Final

_REDUCES_OF_OBJECT: Final[Any] = (object.__reduce__, object.__reduce_ex__)
_FILLED_BY: Final = ((dict, ("__setitem__",)), (list, ("append", "extend")))
_KINDS_OF: Final = frozenset(
    {"builtins", "collections", "datetime", "decimal", "fractions", "functools", "pathlib", "random", "types"}
)
"""The modules whose kinds pickle as the class called with what the kind takes, whatever a subclass takes."""


def reducer_of_instances(kind: type) -> Callable[[Any, Any], Any] | None:
    """Return how to reduce objects of a class; None where pickle does well."""
    if (kind.__reduce__, kind.__reduce_ex__) != _REDUCES_OF_OBJECT:
        return reduce_as_its_kind if kind_of(kind) not in (None, kind) else None
    if kind.__module__ != "__main__":
        return None
    answers_to_any = hasattr(kind, "__getattr__") and not hasattr(kind, "__setstate__")
    return _reduce_instance if answers_to_any or _is_filled_by_its_own(kind) else None


def kind_of(cls: type) -> Any:
    """Return the class of the standard library by which objects of a class are pickled; None where there is none."""
    speaker = next(base for base in cls.__mro__ if not {"__reduce__", "__reduce_ex__"}.isdisjoint(vars(base)))
    module = speaker.__module__.partition(".")[0]
    if speaker is object or module not in _KINDS_OF or issubclass(cls, enum.Enum):  # the members of an enum are no new objects
        return None
    return next(base for base in cls.__mro__ if base.__module__.partition(".")[0] == module)


def _is_filled_by_its_own(kind: type) -> bool:
    return any(
        issubclass(kind, base) and any(getattr(kind, name) is not getattr(base, name) for name in names)
        for base, names in _FILLED_BY
    )


def _reduce_instance(pickler: Any, obj: Any) -> Any:
    reduced = obj.__reduce_ex__(5)
    if not isinstance(reduced, tuple) or reduced[0] is not copyreg.__newobj__:  # type: ignore[attr-defined]  # typeshed leaves it out
        return NotImplemented  # the class says itself how it is made
    make, arguments, *rest = reduced
    return make, arguments, _inside(*rest), None, None, fill_instance


def reduce_as_its_kind(pickler: Any, obj: Any) -> Any:
    """Reduce an object of a class of which the kind it is of says how it is pickled, and which may not be called so."""
    reduced = obj.__reduce_ex__(5)
    if not isinstance(reduced, tuple) or reduced[0] is not type(obj):
        return NotImplemented
    _, arguments, *rest = reduced
    state, *contents = _inside(*rest)
    if state in (None, {}):  # an exception has a dict as soon as it is asked for it
        state = getattr(obj, "__dict__", None) or None
    inside = (state, *contents)
    return make_as_its_kind, (kind_of(type(obj)), type(obj), arguments), inside, None, None, fill_instance


_Inside = tuple[Any, list[Any] | None, list[tuple[Any, Any]] | None]


def _inside(state: Any = None, items: Any = None, pairs: Any = None, *_: Any) -> _Inside:
    return state, None if items is None else list(items), None if pairs is None else list(pairs)


# What follows stands in stored pickles by name: change a meaning by adding a function.


def make_as_its_kind(kind: Any, cls: Any, arguments: tuple[Any, ...]) -> Any:
    """Return an object of ``cls`` as ``kind`` makes one of its own: nothing that the class adds to that is called."""
    obj = kind.__new__(cls, *arguments)
    if kind.__init__ is not object.__init__:
        kind.__init__(obj, *arguments)
    return obj


def fill_instance(obj: Any, inside: _Inside) -> None:
    """Give an object its items and attributes."""
    state, items, pairs = inside
    if items is not None:
        (collections.deque if isinstance(obj, collections.deque) else list).extend(obj, items)
    for key, item in pairs or ():
        (collections.OrderedDict if isinstance(obj, collections.OrderedDict) else dict).__setitem__(obj, key, item)
    if hasattr(type(obj), "__setstate__"):
        if state is not None:
            obj.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if attributes:
        object.__getattribute__(obj, "__dict__").update(attributes)
    for name, value in (slots or {}).items():
        object.__setattr__(obj, name, value)
