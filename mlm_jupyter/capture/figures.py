"""matplotlib figures as pickles that leave the figure as it was and do not come back as pyplot's current one."""

from __future__ import annotations

import itertools
from typing import Any


def reduce_figure(pickler: Any, figure: Any) -> Any:
    """Reduce a figure without its place in pyplot's list: a restored figure must not appear under the next cell."""
    import matplotlib

    reduced = figure.__reduce_ex__(4)
    state = reduced[2]
    if isinstance(state, dict):
        state.pop("_restore_to_pylab", None)
    for setting in dict.values(matplotlib.rcParams):  # artists hold some as they are, and would link all figures
        pickler.never_links(setting)
    return reduced


def reduce_path(pickler: Any, path: Any) -> Any:
    """Reduce a path; matplotlib's constants among them stand in every figure and link none."""
    pickler.never_links(path)
    pickler.never_links(vars(path))
    for part in vars(path).values():
        pickler.never_links(part)
    return NotImplemented


def reduce_callbacks(pickler: Any, registry: Any) -> Any:
    """Reduce a callback registry without counting up its next id, which matplotlib does each time it pickles one."""
    state = registry.__getstate__()
    registry._cid_gen = itertools.count(state["_cid_gen"])
    reduced = registry.__reduce_ex__(4)
    registry._cid_gen = itertools.count(state["_cid_gen"])
    state["_cid_gen"] = 0
    return reduced[0], reduced[1], state


def reduce_transform(pickler: Any, node: Any) -> Any:
    """Reduce a transform without what it has computed so far: asking a figure for its size would change it otherwise."""
    reduced = node.__reduce_ex__(4)
    state = reduced[2]
    if not isinstance(state, dict) or not type(node).__module__.startswith("matplotlib."):
        return reduced
    state["_invalid"] = getattr(node, "_INVALID_FULL", 3)
    computed = _COMPUTED - _GIVEN.get(type(node).__name__, frozenset())
    return reduced[0], reduced[1], {key: None if key in computed else value for key, value in state.items()}


_COMPUTED = frozenset({"_mtx", "_points", "_inverted", "_transformed_path", "_transformed_points"})
_GIVEN = {"Bbox": frozenset({"_points"}), "Affine2D": frozenset({"_mtx"})}
