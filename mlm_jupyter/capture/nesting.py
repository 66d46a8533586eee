"""Which variables' values lie whole in another's: while that one is as it was, so are they, and need no look of their own.

``fig``, ``axes`` and ``ax`` are one graph of thousands of objects, met from three sides. The pickle of the one that holds the
others says where in it they stand; an equal pickle with the same object in that place holds an equal value there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from mlm_jupyter.capture.findings import DEFINITIONS
from mlm_jupyter.capture.pickling import Dump


class Place(NamedTuple):
    """In which variable's pickle a value lies, and by which number the memo of that has it."""

    outer: str
    number: int


Places = dict[tuple[str, str], int]
"""For each outer and inner variable, by which number the memo of the one's pickle has the other's value."""

_MOST_ALIASES: Final = 32


def find_places(dumps: Mapping[str, Dump]) -> Places:
    """Return which values lie in another one's pickle as they are in their own: not a class, which is by name elsewhere."""
    names_of: dict[int, list[str]] = {}
    for name in sorted(dumps):
        names_of.setdefault(dumps[name].identity, []).append(name)
    places: Places = {}
    for outer, dump in dumps.items():
        for identity in names_of.keys() & dump.memo.keys():
            number, value = dump.memo[identity]
            inners = () if issubclass(type(value), DEFINITIONS) else names_of[identity][:_MOST_ALIASES]
            places |= {(outer, inner): number for inner in inners if inner != outer}
    return places


def nest(places: Places, dumps: Mapping[str, Dump]) -> dict[str, str]:
    """Return which variable is to be looked at for each that lies in another: the largest, which is looked at itself."""
    outer_of: dict[str, str] = {}
    outers: set[str] = set()
    for outer, inner in sorted(places, key=lambda pair: (-len(dumps[pair[0]].memo), pair)):
        if outer not in outer_of and inner not in outer_of and inner not in outers:
            outer_of[inner] = outer
            outers.add(outer)
    return outer_of
