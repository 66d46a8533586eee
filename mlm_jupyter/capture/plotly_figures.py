"""Traces, layouts and their parts, which plotly pickles as copies that belong to no figure any more."""

from __future__ import annotations

from typing import Any


def reduce_part(pickler: Any, part: Any) -> Any:
    """Reduce a part of a figure as its place there; one that stands alone, and a figure, as plotly does."""
    whole = part.parent
    if whole is None:
        return NotImplemented
    is_figure = type(whole).__reduce__ is not type(part).__reduce__
    for name in ("layout", "data", "frames") if is_figure else (part.plotly_name,):
        found = whole[name]
        if found is part:
            return part_of, (whole, name)
        if isinstance(found, tuple):
            for index, one in enumerate(found):
                if one is part:
                    return part_of, (whole, name, index)
    return NotImplemented


def part_of(whole: Any, name: str, index: int | None = None) -> Any:
    """Return a part of a figure; stands in stored pickles by name."""
    return whole[name] if index is None else whole[name][index]
