"""A list that is read a page at a time, as far as somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Final, Generic, Protocol, TypeVar

from mlm_jupyter.errors import InvalidInputError

_PAGE: Final = 100
_SHOWN: Final = 5


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)


def by_id(fetch: Callable[[str | None, int], list[T]], size: int) -> Iterator[list[T]]:
    """Yield pages of ``size`` things that are in order of their ids.

    Parameters
    ----------
    fetch : called with the id of the last thing seen (None at first) and the most to return.
    """
    before: str | None = None
    while page := fetch(before, size):
        yield page
        if len(page) < size:
            return
        before = page[-1].id


class Pages(Generic[T]):
    """The things that ``read`` finds, in its order; iterate as often as you like, each time they are asked for anew.

    Parameters
    ----------
    read : called with how many a page has; returns the pages, each read when it is come to.
    """

    def __init__(self, read: Callable[[int], Iterator[list[T]]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._read(_PAGE))

    def __bool__(self) -> bool:
        return self.first() is not None

    def first(self) -> T | None:
        """Return the first, None where there is none."""
        return next(iter(self.take(1)), None)

    def take(self, count: int) -> list[T]:
        """Return the first ``count``, or as many as there are."""
        if count < 0:
            raise InvalidInputError(f"Cannot take {count} of a list; write how many: 0 or more.")
        return list(islice(chain.from_iterable(self._read(min(count, _PAGE))), count))

    def __repr__(self) -> str:
        shown = [repr(thing) for thing in self.take(_SHOWN + 1)]
        if len(shown) > _SHOWN:
            shown[_SHOWN] = "..."
        return f"[{', '.join(shown)}]"
