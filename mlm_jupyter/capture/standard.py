"""What the standard library cannot pickle though nothing is missing, or loads as something else than it was."""

from __future__ import annotations

import argparse
import copyreg
import itertools
import os
import re
from typing import TYPE_CHECKING, Any

from mlm_jupyter.capture.context import CannotCaptureError, attribute_of
from mlm_jupyter.capture.formulas import set_attributes

if TYPE_CHECKING:
    from mlm_jupyter.capture.pickling import Reduced, ValuePickler


def reduce_match(pickler: ValuePickler, match: re.Match[Any]) -> Reduced:
    """Reduce what a pattern matched to where it was sought, and what was found there, to know it again by."""
    return make_match, (match.re, match.string, match.pos, match.endpos, match.regs, match.lastindex)


def reduce_environment(pickler: ValuePickler, environment: Any) -> Any:
    """Reduce ``os.environ`` to where it lives: what is set in a copy is set in the process, and it is full of secrets."""
    if environment is not os.environ:
        return NotImplemented
    pickler.never_links(environment)
    return attribute_of, ("os", "environ")


def reduce_part_of_parser(pickler: ValuePickler, part: Any) -> Any:
    """Reduce a parser of arguments, or one of them, of which a text says by its identity that there is no default."""
    plain: Any = (object.__reduce_ex__, object.__getstate__)
    if (type(part).__reduce_ex__, type(part).__getstate__) != plain or argparse.SUPPRESS not in vars(part).values():
        return NotImplemented
    attributes = {key: _Suppress() if value is argparse.SUPPRESS else value for key, value in vars(part).items()}
    return copyreg.__newobj__, (type(part),), attributes, None, None, set_attributes  # type: ignore[attr-defined]  # typeshed leaves it out


class _Suppress:
    """Stands for ``argparse.SUPPRESS`` where that is pickled, and is loaded as it."""

    def __reduce__(self) -> Reduced:
        return attribute_of, ("argparse", "SUPPRESS")


# What follows stands in stored pickles by name: change a meaning by adding a function.


def make_match(pattern: Any, text: Any, start: int, end: int, spans: Any, last: int | None) -> re.Match[Any]:
    """Return what ``pattern`` matched in ``text`` when it was found at ``spans``, whichever way it was sought."""
    ways = (pattern.search, pattern.match, pattern.fullmatch)
    found = itertools.chain((way(text, start, end) for way in ways), pattern.finditer(text, start, end))
    for match in found:
        if match is not None and (match.regs, match.lastindex) == (spans, last):
            again: re.Match[Any] = match
            return again
    raise CannotCaptureError("a match in what has changed since")
