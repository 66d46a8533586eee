"""SciPy's trees and distributions: their own pickles are of copies of what they share, and of what is told by ``is``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mlm_jupyter.capture.context import attribute_of

if TYPE_CHECKING:
    from mlm_jupyter.capture.pickling import ValuePickler


def reduce_tree(pickler: ValuePickler, tree: Any) -> Any:
    """Reduce a k-d tree with the very array of its points, which may be the user's: its own pickle has a copy."""
    function, arguments, state, *rest = tree.__reduce_ex__(5)
    points = tree.data
    is_copy = [type(item) is type(points) and item.base is None and _is_like(item, points) for item in state]
    if sum(is_copy) != 1:  # another version of SciPy
        pickler.lossy.add("without the memory of the array it was made of")
        return function, arguments, state, *rest
    state = tuple(points if is_points else item for item, is_points in zip(state, is_copy, strict=True))
    return function, arguments, state, *rest


def _is_like(item: Any, points: Any) -> bool:
    return (item.dtype, item.shape) == (points.dtype, points.shape)


def reduce_distribution(pickler: ValuePickler, distribution: Any) -> Any:
    """Reduce one of SciPy's own distributions to its name, by which all mean the same one."""
    name = getattr(distribution, "name", None)
    if not isinstance(name, str) or getattr(sys.modules["scipy.stats"], name, None) is not distribution:
        return NotImplemented
    pickler.never_links(distribution)
    return attribute_of, ("scipy.stats", name)
