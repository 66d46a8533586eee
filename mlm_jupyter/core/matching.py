"""What two sequences have in common, found with bounded work.

Matching can take the third power of what is matched, and a thread that does it cannot be stopped. So all matching of one
comparison draws on one store of effort, which is counted in steps and not in seconds: the same texts always give the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from difflib import Match, SequenceMatcher
from typing import Final, TypeVar

T = TypeVar("T", bound=Hashable)

MOST_STEPS: Final = 10_000_000
"""Half a second to a second; 300 shuffled cells with new ids, which is much, take a twentieth of it."""


class Effort:
    """What is left of the work that a comparison may take, in steps of at most 0.1 microseconds."""

    def __init__(self, steps: int = MOST_STEPS) -> None:
        self._left = steps

    def allows(self, steps: int) -> bool:
        """Take so many steps; False where there are not so many left, and then none is taken."""
        if steps > self._left:
            return False
        self._left -= steps
        return True


class Matcher(SequenceMatcher[T]):
    """Matches until the effort is used up; what is left then has nothing in common."""

    def __init__(self, a: Sequence[T], b: Sequence[T], effort: Effort) -> None:
        self._effort = effort
        self._items = a
        self._counts = Counter(b)
        super().__init__(None, a, b, autojunk=False)

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """Return the longest block that both have, or an empty one."""
        steps = sum(1 + self._counts.get(item, 0) for item in self._items[alo:ahi])
        if not self._effort.allows(steps):
            return Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)
