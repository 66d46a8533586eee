"""Models that were built by a formula: patsy refuses to be pickled, and statsmodels reads the formula again when it is loaded.

It reads it with what its names mean to whoever loads it, which is nothing, or a function as it was defined again since.
"""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable
from typing import Any


def reducer_of_formulas(kind: type) -> Callable[[Any, Any], Any] | None:
    """Return how to reduce what patsy makes of a formula, all of whose types refuse by one function."""
    refuse = getattr(sys.modules.get("patsy.util"), "no_pickling", None)
    return reduce_by_attributes if refuse is not None and getattr(kind, "__getstate__", None) is refuse else None


def reduce_by_attributes(pickler: Any, obj: Any) -> Any:
    """Reduce an object as Python would if it had no say in that."""
    return copyreg.__newobj__, (type(obj),), vars(obj), None, None, set_attributes  # type: ignore[attr-defined]  # typeshed leaves it out


def set_attributes(obj: Any, attributes: dict[str, Any]) -> None:
    """Give an object its attributes; stands in stored pickles by name."""
    vars(obj).update(attributes)
