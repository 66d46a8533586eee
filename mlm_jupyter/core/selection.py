"""What a query of runs means, in plain Python: the reference the store's SQL is tested against.

As in SQL, a comparison with something a run does not have is neither true nor false, and neither is its ``not``: only
``is null`` finds what is missing. The same holds of a metric that is nan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

from mlm_jupyter.core.entities import Run
from mlm_jupyter.core.query import Comparison, Condition, Every, Field, Not, Query, Scalar, Some, number_of


def matches(query: Query, run: Run) -> bool:
    """Tell whether ``run`` is one of those the query asks for, its ``limit`` aside."""
    return query.where is None or _holds(query.where, run) is True


def sort(query: Query, runs: Iterable[Run]) -> list[Run]:
    """Return ``runs`` in the order the query asks for."""
    ordered = sorted(runs, key=lambda run: run.id, reverse=True)
    for term in reversed(query.order):
        keyed = [(_sort_key(term.field, _value(term.field, run)), run) for run in ordered]
        present = [pair for pair in keyed if pair[0] is not None]
        present.sort(key=lambda pair: pair[0], reverse=term.is_descending)
        ordered = [run for _, run in present] + [run for key, run in keyed if key is None]
    return ordered


def compare_texts(left: str, right: str) -> int:
    """Return -1, 0 or 1 as one param's text comes before, with or after another: as numbers where both are."""
    a, b = number_of(left), number_of(right)
    if a is None or b is None:
        return (left > right) - (left < right)
    return (a > b) - (a < b)


def is_like(text: str, pattern: str) -> bool:
    """Tell whether all of ``text`` fits: ``%`` stands for any characters, ``_`` for one. Never slower than n x m."""
    here = there = resume = 0
    wildcard = -1
    while here < len(text):
        expected = pattern[there] if there < len(pattern) else None
        if expected == "%":
            wildcard, resume = there, here
            there += 1
        elif expected is not None and expected in ("_", text[here]):
            here, there = here + 1, there + 1
        elif wildcard >= 0:
            resume += 1
            here, there = resume, wildcard + 1
        else:
            return False
    return not pattern[there:].strip("%")


def is_like_ignoring_case(text: str, pattern: str) -> bool:
    """Tell whether ``text`` fits ``pattern`` when capital letters do not count."""
    return is_like(text.lower(), pattern.lower())


def _holds(condition: Condition, run: Run) -> bool | None:
    """Kleene's three-valued logic: None is unknown."""
    match condition:
        case Comparison():
            return _compares(condition, _value(condition.field, run))
        case Not(term):
            result = _holds(term, run)
            return None if result is None else not result
        case Every(terms):
            results = [_holds(term, run) for term in terms]
            return False if False in results else None if None in results else True
        case Some(terms):
            results = [_holds(term, run) for term in terms]
            return True if True in results else None if None in results else False


def _value(field: Field, run: Run) -> Scalar | None:
    match field.kind:
        case "metric":
            return run.metrics.get(field.key)
        case "param":
            return run.params.get(field.key)
        case "tag":
            return run.tags.get(field.key)
    if field.key == "duration_ms":
        return None if run.ended_at is None else run.ended_at - run.started_at
    return cast("Scalar | None", getattr(run, field.key))


def _compares(comparison: Comparison, value: Scalar | None) -> bool | None:
    if comparison.operator == "is null":
        return value is None
    if value is None or _is_nan(value):
        return None
    match comparison.operator:
        case "like":
            return is_like(str(value), str(comparison.values[0]))
        case "ilike":
            return is_like_ignoring_case(str(value), str(comparison.values[0]))
        case "in":
            return any(_order(comparison.field, value, operand) == 0 for operand in comparison.values)
    order = _order(comparison.field, value, comparison.values[0])
    return {"=": order == 0, "!=": order != 0, ">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[
        comparison.operator
    ]


def _order(field: Field, value: Scalar, operand: Scalar) -> int:
    if field.kind == "param":
        return compare_texts(str(value), str(operand))
    left: Any = value if field.is_number else str(value)
    right: Any = operand if field.is_number else str(operand)
    order: int = (left > right) - (left < right)
    return order


def _sort_key(field: Field, value: Scalar | None) -> Any:
    """Return what sorts ``value`` among others of its field (params: numbers before text), or None for no value."""
    if value is None or _is_nan(value):
        return None
    if field.kind != "param":
        return value
    number = number_of(str(value))
    return (number is None, number or 0, str(value))


def _is_nan(value: Scalar) -> bool:
    return isinstance(value, float) and math.isnan(value)
