"""What SQL has no word for: functions of ours that every connection has, so that they are called from inside SQLite.

How params compare is asked of the very functions of ``core.selection``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mlm_jupyter.core.query import Scalar, number_of
from mlm_jupyter.core.selection import compare_texts, is_like, is_like_ignoring_case


def _unless_null(function: Callable[..., Scalar | None]) -> Callable[..., Scalar | None]:
    return lambda value, *operands: None if value is None else function(value, *operands)


def _holds(text: str, *places: str | None) -> bool:
    return any(place is not None and text in place.lower() for place in places)


FUNCTIONS: Final[tuple[tuple[str, int, Callable[..., Scalar | None]], ...]] = (
    ("mlm_compare", 2, _unless_null(compare_texts)),
    ("mlm_like", 2, _unless_null(is_like)),
    ("mlm_ilike", 2, _unless_null(is_like_ignoring_case)),
    ("mlm_number", 1, _unless_null(number_of)),
    ("mlm_holds", -1, _holds),
)
"""The name of each, how many operands it takes (-1: any number) and what it does; the same operands give the same result."""
