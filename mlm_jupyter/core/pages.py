"""A list that is read a page at a time, as far as somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Generic, Protocol, TypeVar

_PAGE: Final = 100
_SHOWN: Final = 5


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)


class Pages(Generic[T]):
    """The things that ``fetch`` finds, in its order; iterate as often as you like, each time they are asked for anew.

    Parameters
    ----------
    fetch : called with the id of the last thing seen (None at first) and the most to return.
    """

    def __init__(self, fetch: Callable[[str | None, int], list[T]]) -> None:
        self._fetch = fetch

    def __iter__(self) -> Iterator[T]:
        before: str | None = None
        while True:
            page = self._fetch(before, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            before = page[-1].id

    def __bool__(self) -> bool:
        return bool(self._fetch(None, 1))

    def first(self) -> T | None:
        """Return the first, None where there is none."""
        return next(iter(self._fetch(None, 1)), None)

    def take(self, count: int) -> list[T]:
        """Return the first ``count``, or as many as there are."""
        return self._fetch(None, count) if count <= _PAGE else list(islice(self, count))

    def __repr__(self) -> str:
        shown = [repr(thing) for thing in self._fetch(None, _SHOWN + 1)]
        if len(shown) > _SHOWN:
            shown[_SHOWN] = "..."
        return f"[{', '.join(shown)}]"
