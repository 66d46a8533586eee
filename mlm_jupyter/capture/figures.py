"""matplotlib figures as pickles that leave the figure as it was and do not come back as pyplot's current one."""

from __future__ import annotations

import itertools
from typing import Any


def reduce_figure(pickler: Any, figure: Any) -> Any:
    """Reduce a figure without its place in pyplot's list: a restored figure must not appear under the next cell."""
    reduced = figure.__reduce_ex__(4)
    state = reduced[2]
    if isinstance(state, dict):
        state.pop("_restore_to_pylab", None)
    return reduced


def reduce_callbacks(pickler: Any, registry: Any) -> Any:
    """Reduce a callback registry without counting up its next id, which matplotlib does each time it pickles one."""
    state = registry.__getstate__()
    registry._cid_gen = itertools.count(state["_cid_gen"])
    reduced = registry.__reduce_ex__(4)
    registry._cid_gen = itertools.count(state["_cid_gen"])
    state["_cid_gen"] = 0
    return reduced[0], reduced[1], state
