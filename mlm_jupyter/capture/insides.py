"""Dicts that are the inside of an object, as ``vars(x)`` gives them: an alias that no pickle keeps by itself."""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Collection, Iterable
from typing import Any, Final

_IS_PYTHON_CLASS: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_HAS_VALUES_INLINE: Final = 1 << 2  # Py_TPFLAGS_INLINE_VALUES


Memo = dict[int, tuple[int, Any]]


def find_insides(values: Iterable[Any], memos: Collection[Memo]) -> set[int]:
    """Return which of some values (by id) are dicts that are the ``__dict__`` of an object; ``values`` keeps none of them.

    ``memos`` is what the pickles of this look hold. To find the object may take a walk over all there are, so a dict that only
    one name refers to is spared that. Where the collector does not see that an object refers to its dict, it is found if it
    was pickled in this look.
    """
    references = _count_references(values, memos)
    return {identity for identity, (count, value) in references.items() if count > _ONE_NAME and _is_inside(value, memos)}


def _count_references(values: Iterable[Any], memos: Collection[Memo]) -> dict[int, tuple[int, dict[str, Any]]]:
    """Return how often each dict is referred to, but by ``memos``, and that dict, by its id."""
    return {
        id(value): (sys.getrefcount(value) - sum(id(value) in memo for memo in memos), value)
        for value in values
        if type(value) is dict
    }


def _is_inside(attributes: dict[str, Any], memos: Collection[Memo]) -> bool:
    if any(_has_dict(holder, attributes) for holder in gc.get_referrers(attributes)):
        return True
    return _IS_UNSEEN and any(_has_dict(obj, attributes) for memo in memos for _, obj in memo.values())


def _has_dict(holder: Any, attributes: dict[str, Any]) -> bool:
    try:
        return not issubclass(type(holder), dict) and holder.__dict__ is attributes
    except Exception:  # foreign code: __getattribute__
        return False


def unseen_dict(obj: Any) -> dict[str, Any] | None:
    """Return the ``__dict__`` of an object, made if need be, where the collector does not see that the object refers to it."""
    if not _IS_UNSEEN or not type(obj).__flags__ & _HAS_VALUES_INLINE:
        return None
    members = (vars(kind).get("__dict__") for kind in type(obj).__mro__)
    own = next((member for member in members if isinstance(member, types.GetSetDescriptorType)), None)
    attributes: dict[str, Any] | None = None if own is None else own.__get__(obj)
    return None if any(attributes is held for held in gc.get_referents(obj)) else attributes


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
    """Return how often a dict that one name is bound to counts as referred to."""
    namespace: dict[str, dict[str, Any]] = {"name": {}}
    return next(count for count, _ in _count_references(map(namespace.get, ["name"]), []).values())


_ONE_NAME: Final = _references_of_one_name()


class _Sample:
    """Any object with attributes."""


def _is_unseen() -> bool:
    sample = _Sample()
    attributes = vars(sample)
    return not any(attributes is held for held in gc.get_referents(sample))


_IS_UNSEEN: Final = _is_unseen()
"""Whether the collector does not see that an object refers to its dict: so in the first releases of Python 3.13."""
