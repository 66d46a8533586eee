"""Which groups of variables need no look after a cell: nothing leads to them but names, and the cell has none of those.

A proof (``closure.py``) costs as much as a walk over the group, and saves a look after every cell that does not work with it.
So no more is spent on proofs than on the looks they could have saved: one is tried when looks at a group that the cells left
alone have cost as much; in vain, it is tried again when looking has cost twice, four, eight times as much as the proof. Where
a proof is found to be much cheaper than a look, it is renewed right after a cell that worked with the group.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, Final, NamedTuple

from mlm_jupyter.capture.closure import Frontier, Pickle, find_frontier
from mlm_jupyter.capture.pickling import Links

LEAST_MS: Final = 0.1
"""What a proof is thought to take at least: a list of numbers takes half of it, a table as much."""
SWEEP_MS: Final = 100.0
"""What a garbage collection is thought to take before the first."""
CHEAP: Final = 0.25
"""A proof that takes less than this share of a look is worth it for the next cell alone."""

Names = tuple[str, ...]
Mentions = Callable[[Iterable[str]], bool]


class _Tried(NamedTuple):
    """How the proof of a group went."""

    ms: float
    """What it took the last time, were the values others or not."""
    in_vain: int = 0
    """How often it was since the group changed or was proved."""
    looked_ms: float = 0.0
    """What was spent since then on looks that a proof would have saved."""
    sweeps: int = 0
    """How often garbage was collected for it since then."""


class _Proved(NamedTuple):
    """A group that is closed but for its frontier."""

    frontier: Frontier
    partners: frozenset[tuple[str, int]]
    """Which other variables had what of it when it was proved; none of that made them one group."""


class Proofs:
    """The groups of a namespace of which it is known that nothing but names leads to them.

    Parameters
    ----------
    pickle : returns the pickle of a small value, to compare it by.
    """

    def __init__(self, namespace: Mapping[str, Any], pickle: Pickle) -> None:
        self._namespace = namespace
        self._pickle = pickle
        self._proved: dict[Names, _Proved] = {}
        self._tried: dict[Names, _Tried] = {}
        self._skips: dict[Names, bool] = {}
        self._sweep_ms = SWEEP_MS
        self._wants_sweep = False
        self._may_sweep = False
        self._swept: set[Names] = set()

    def begin(self) -> None:
        """Begin another look."""
        self._skips = {}

    def forget(self, names: Set[str]) -> None:
        """Skip no group that has one of ``names``."""
        self._proved = {group: proved for group, proved in self._proved.items() if names.isdisjoint(group)}

    def skips(self, names: Names, mentions: Mentions) -> bool:
        """Return whether a group is proved to be as it was after a cell that ``mentions`` some names."""
        proved = self._proved.get(names)
        if proved is None:
            return False
        if names not in self._skips:
            frontier = proved.frontier
            self._skips[names] = not mentions((*names, *frontier.also)) and frontier.is_same()
        return self._skips[names]

    def met(self, links: Mapping[str, Links | Set[int]], is_rewritten: Callable[[str], bool]) -> list[Names]:
        """Return the groups to look at all the same: a value that was looked at has something of theirs that it had not.

        Parameters
        ----------
        links : the ids of the objects in each of the values that were looked at that could make it one group with another.
        """
        found: list[Names] = []
        for names, (frontier, partners) in self._proved.items():
            if self._skips.get(names) and frontier.shared:
                pairs = _pairs(frontier, links)
                if not partners.issuperset(pairs) or any(is_rewritten(name) for name, _ in pairs):
                    found.append(names)
        return found

    def due(
        self, costs_ms: Mapping[Names, float], skipped: set[str], *, fresh: set[str], mentions: Mentions, patience: float
    ) -> list[Names]:
        """Keep the proofs of the groups that were skipped, and return of which others one is worth a try.

        Parameters
        ----------
        costs_ms : what looking at each of the dear groups took.
        skipped : the variables that were not looked at.
        fresh : the variables that are new or have changed.
        patience : how much more looking must have cost than proofs in vain before another is tried.
        """
        self._proved = {names: proved for names, proved in self._proved.items() if skipped.issuperset(names)}
        self._tried = {names: tried for names, tried in self._tried.items() if names in costs_ms or names in self._proved}
        due: list[Names] = []
        for names, cost_ms in costs_ms.items():
            tried = self._tried.get(names)
            if not fresh.isdisjoint(names):
                tried = tried and _Tried(tried.ms)
            elif not mentions(names):
                tried = tried._replace(looked_ms=tried.looked_ms + cost_ms) if tried else _Tried(0.0, looked_ms=cost_ms)
            if tried is None:
                continue
            self._tried[names] = tried
            if self._is_worth_a_sweep(tried):
                self._wants_sweep = True
                continue
            is_cheap = tried.in_vain == 0 and 0 < tried.ms < CHEAP * cost_ms
            price_ms = max(tried.ms, LEAST_MS) * 2**tried.in_vain
            if is_cheap or names in self._swept or tried.looked_ms > patience * price_ms:
                due.append(names)
        self._swept = set()
        return due

    def prove(self, names: Names, links: Mapping[str, Links | Set[int]]) -> None:
        """Try the proof of a group that is due, among others of which ``links`` has the ids, as in ``met``.

        Nothing of ours may refer to anything inside the group while this runs.
        """
        start = time.perf_counter()
        frontier = find_frontier(self._namespace, names, self._pickle)
        ms = (time.perf_counter() - start) * 1e3
        if frontier is not None:
            others = {name: ids for name, ids in links.items() if name not in names}
            self._proved[names] = _Proved(frontier, frozenset(_pairs(frontier, others)))
            self._tried[names] = _Tried(ms)
        else:
            tried = self._tried[names]
            self._tried[names] = tried._replace(ms=ms, in_vain=tried.in_vain + 1)

    def _is_worth_a_sweep(self, tried: _Tried) -> bool:
        """Return whether collecting garbage costs less than the looks at a group since it was tried in vain.

        Garbage may be what holds it. Where that was no help, the next collection has to be worth four times as much.
        """
        return self._may_sweep and tried.in_vain > 0 and tried.looked_ms > self._sweep_ms * 4**tried.sweeps

    def sweep(self) -> None:
        """Collect garbage if that could make the proof of a group succeed: what holds it may be frames that drew it.

        If there was any, what was tried in vain is tried once more after the next cell.
        """
        if self._wants_sweep:
            start = time.perf_counter()
            has_freed = gc.collect() > 0
            self._sweep_ms = (time.perf_counter() - start) * 1e3
            for names, tried in self._tried.items():
                if tried.in_vain:
                    self._tried[names] = tried._replace(sweeps=tried.sweeps + 1)
                    if has_freed:
                        self._swept.add(names)
        self._may_sweep = gc.isenabled() and not gc.callbacks  # asked outside a look, which pauses it
        self._wants_sweep = False


def _pairs(frontier: Frontier, links: Mapping[str, Links | Set[int]]) -> list[tuple[str, int]]:
    return [(name, identity) for name, ids in links.items() for identity in ids & frontier.shared]
