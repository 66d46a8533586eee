"""Arrays to which nothing leads but their name: a cell that does not mention it cannot have changed them.

The cheapest of all proofs (``closure.py`` has the others): an array of numbers refers to nothing, and whether anything else
refers to it is told by the count of its references. A notebook on models has dozens of small ones.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

from mlm_jupyter.capture.arrays import has_numbers, is_array


def find_alone(namespace: Mapping[str, Any], names: Iterable[str]) -> dict[str, int]:
    """Return which of some names are bound to such an array, with its id; nothing of ours may refer to it while this runs."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "ndarray"):
        return {}
    known, known_below = _count_known(numpy)
    alone: dict[str, int] = {}
    for name in names:
        value: Any = namespace.get(name)
        if not is_array(value) or sys.getrefcount(value) != known or weakref.getweakrefcount(value) or not has_numbers(value):
            continue
        if value.base is None or _is_alone_below(value, known_below):
            alone[name] = id(value)
    return alone


def _is_alone_below(view: Any, known: int) -> bool:
    """Return whether nothing but a view leads to the array that owns its memory."""
    if not is_array(view.base) or sys.getrefcount(view.base) != known:
        return False
    return view.base.base is None and not view.base.dtype.hasobject and not weakref.getweakrefcount(view.base)


def _count_known(numpy: Any) -> tuple[int, int]:
    """Return how many references are counted here of an array that only a namespace leads to, and of what only it leads to."""
    namespace: dict[str, Any] = {"view": numpy.zeros((1, 1)).reshape(1)}
    value: Any = namespace.get("view")
    return sys.getrefcount(value), sys.getrefcount(value.base)
