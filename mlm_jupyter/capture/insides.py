"""Dicts that are the inside of an object, as ``vars(x)`` gives them: an alias that no pickle keeps by itself."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from typing import Any, Final

_IS_PYTHON_CLASS: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def is_inside(attributes: dict[str, Any], memos: Iterable[dict[int, tuple[int, Any]]]) -> bool:
    """Return whether a dict is the ``__dict__`` of an object; ``memos`` hold it where pickles of ours do.

    To find the object may take a walk over all there are, so a dict that nothing else refers to is spared that.
    """
    holders = sum(id(attributes) in memo for memo in memos)
    if sys.getrefcount(attributes) - holders <= _ONE_NAME:
        return False
    for holder in gc.get_referrers(attributes):
        try:
            if not issubclass(type(holder), dict) and holder.__dict__ is attributes:
                return True
        except Exception:  # foreign code: __getattribute__
            continue
    return False


def with_own_dict(obj: Any, insides: set[int]) -> Any:
    """Reduce an object so that it comes back with the very dict it has, if that is one of ``insides``, which are then fewer."""
    attributes = getattr(obj, "__dict__", None)
    if id(attributes) not in insides or hasattr(obj, "__setstate__") or not type(obj).__flags__ & _IS_PYTHON_CLASS:
        return NotImplemented
    reduced = obj.__reduce_ex__(5)
    if not isinstance(reduced, tuple) or len(reduced) < 3 or reduced[2] is not attributes:
        return NotImplemented
    insides.discard(id(attributes))
    items = (*reduced[3:5], None, None)[:2]
    return (*reduced[:2], attributes, *items, set_dict)


def set_dict(obj: Any, attributes: dict[str, Any]) -> None:
    """Give an object a dict that others know; stands in stored pickles by name."""
    obj.__dict__ = attributes


def _references_of_one_name() -> int:
    """Return how many references ``is_inside`` sees to a dict that one name is bound to."""
    namespace: dict[str, dict[str, Any]] = {"name": {}}
    values = {id(value): value for value in map(namespace.get, ["name"])}
    return next(_count(value) for value in values.values() if value is not None)


def _count(attributes: dict[str, Any]) -> int:
    return sys.getrefcount(attributes)


_ONE_NAME: Final = _references_of_one_name()
