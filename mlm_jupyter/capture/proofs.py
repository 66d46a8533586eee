"""Which groups of variables need no look after a cell: nothing leads to them but names, and the cell has none of those.

A proof (``closure.py``) costs as much as a walk over the group, and saves a look after every cell that does not work with it.
So it is tried where looking is dear, first when a cell has left the group alone; in vain, it is tried less and less often; and
where it is found to be much cheaper than a look, it is renewed right after a cell that worked with the group.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from mlm_jupyter.capture.closure import Frontier, Pickle, find_frontier

SWEEP_MS: Final = 30
"""A group that costs more to look at is worth a garbage collection, once, if it may be skipped then."""
CHEAP: Final = 0.25
"""A proof that takes less than this share of a look is worth it for the next cell alone."""

Names = tuple[str, ...]
Mentions = Callable[[Iterable[str]], bool]


class _Tried(NamedTuple):
    """How the proof of a group went."""

    ms: float
    in_vain: int
    """How often it was, or could have been, since the group changed or was proved."""


class Proofs:
    """The groups of a namespace of which it is known that nothing but names leads to them.

    Parameters
    ----------
    pickle : returns the pickle of a small value, to compare it by.
    """

    def __init__(self, namespace: Mapping[str, Any], pickle: Pickle) -> None:
        self._namespace = namespace
        self._pickle = pickle
        self._closed: dict[Names, Frontier] = {}
        self._tried: dict[Names, _Tried] = {}
        self._skips: dict[Names, bool] = {}
        self.wants_sweep = False
        """Whether a garbage collection could make the next proof succeed: what holds a group is often garbage."""

    def begin(self) -> None:
        """Begin another look."""
        self._skips = {}
        self.wants_sweep = False

    def skips(self, names: Names, mentions: Mentions) -> bool:
        """Return whether a group is proved to be as it was after a cell that ``mentions`` some names."""
        frontier = self._closed.get(names)
        if frontier is None:
            return False
        if names not in self._skips:
            self._skips[names] = not mentions((*names, *frontier.also)) and frontier.is_same()
        return self._skips[names]

    def renew(self, costs_ms: Mapping[Names, float], skipped: set[str], *, fresh: set[str], mentions: Mentions) -> None:
        """Keep the proofs of the groups that were skipped, and try those of the others that were dear to look at.

        Nothing of ours may refer to anything inside a group while this runs.

        Parameters
        ----------
        costs_ms : what looking at each of the dear groups took.
        skipped : the variables that were not looked at.
        fresh : the variables that are new or have changed.
        """
        closed = {names: frontier for names, frontier in self._closed.items() if skipped.issuperset(names)}
        tried = {names: self._tried[names] for names in (*costs_ms, *closed) if names in self._tried}
        for names, cost_ms in costs_ms.items():
            ms, in_vain = tried.get(names, (cost_ms, 0))
            is_fresh = not fresh.isdisjoint(names)
            if is_fresh:
                in_vain = 0
            if is_fresh or mentions(names):
                is_due = in_vain == 0 and ms < CHEAP * cost_ms
            else:
                in_vain += 1
                is_due = in_vain & (in_vain - 1) == 0  # in vain so far: at the 1st, 2nd, 4th, 8th... look again
            if is_due:
                start = time.perf_counter()
                frontier = find_frontier(self._namespace, names, self._pickle)
                ms = (time.perf_counter() - start) * 1e3
                if frontier is not None:
                    closed[names], in_vain = frontier, 0
                elif in_vain == 1 and cost_ms > SWEEP_MS:
                    self.wants_sweep = True
                in_vain = max(in_vain, frontier is None)
            tried[names] = _Tried(ms, in_vain)
        self._closed, self._tried = closed, tried
