"""polars tables as pickles without copies: their own takes 180 ms for 32 MB, handing their memory over as Arrow takes two.

While we hold that memory polars does not write into it: it copies what has a second owner.
"""

from __future__ import annotations

import pickle
import weakref
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.capture.context import read_buffer

if TYPE_CHECKING:
    from mlm_jupyter.capture.pickling import Reduced, ValuePickler

_plans: Final[dict[int, tuple[weakref.ref[Any], bytes]]] = {}


def reduce_frame(pickler: ValuePickler, frame: Any) -> Any:
    """Reduce a ``polars.DataFrame`` to an Arrow table on its memory."""
    table = _as_arrow(frame)
    return NotImplemented if table is None else (make_frame, (table, _order_of(frame)))


def reduce_series(pickler: ValuePickler, series: Any) -> Any:
    """Reduce a ``polars.Series`` like a table of one column."""
    frame = series.to_frame()
    table = _as_arrow(frame)
    return NotImplemented if table is None else (make_series, (table, _order_of(frame)))


def reduce_plan(pickler: ValuePickler, frame: Any) -> Reduced:
    """Reduce a ``polars.LazyFrame`` to its plan, never running it; as it cannot be changed, once in its life."""
    key = id(frame)
    known = _plans.get(key)
    if known is None or known[0]() is not frame:
        plan = pickle.dumps(frame, 5)
        known = _plans[key] = weakref.ref(frame, lambda _: _plans.pop(key, None)), plan
    view = memoryview(known[1])
    return make_plan, (pickler.add_memory(view, 0, 0),)


def _as_arrow(frame: Any) -> Any:
    """Return a table on the memory of ``frame``; None where Arrow has no such type, or is not installed."""
    import polars

    try:
        from pyarrow import ArrowException
    except ImportError:
        return None
    if polars.Object in frame.dtypes:
        return None
    try:
        return frame.to_arrow(compat_level=polars.CompatLevel.newest())
    except ArrowException:  # a type of polars's own: 128 bit integers
        return None


def _order_of(frame: Any) -> dict[str, bool]:
    """Return which columns are known to be sorted, and whether they descend."""
    return {name: flags["SORTED_DESC"] for name, flags in frame.flags.items() if flags["SORTED_ASC"] or flags["SORTED_DESC"]}


# What follows stands in stored pickles by name: change a meaning by adding a function.


def make_frame(table: Any, order: dict[str, bool]) -> Any:
    """Return a ``polars.DataFrame`` on the memory of an Arrow table."""
    import polars

    frame: Any = polars.from_arrow(table)
    frame.columns = table.column_names  # it gives a column without a name one
    return frame.with_columns(polars.col(name).set_sorted(descending=descending) for name, descending in order.items())


def make_series(table: Any, order: dict[str, bool]) -> Any:
    """Return the one column of an Arrow table as a ``polars.Series``."""
    return make_frame(table, order).to_series()


def make_plan(index: int) -> Any:
    """Return the ``polars.LazyFrame`` whose own pickle is buffer number ``index``."""
    return pickle.loads(read_buffer(index))
