"""Which groups of variables need no look after a cell: nothing leads to them but names, and the cell has none of those.

A proof (``closure.py``) costs as much as a walk over the group, and saves a look after every cell that does not work with it.
So no more is spent on proofs than on the looks they could have saved: one is tried when a cell has left alone a group that is
dear to look at; in vain, it is tried again when looking has cost twice, four, eight times as much as the proof. Where a proof
is found to be much cheaper than a look, it is renewed right after a cell that worked with the group.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from mlm_jupyter.capture.closure import Frontier, Pickle, find_frontier

SWEEP_MS: Final = 15.0
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
        self._sweep_ms = SWEEP_MS
        self._wants_sweep = False

    def begin(self) -> None:
        """Begin another look."""
        self._skips = {}

    def skips(self, names: Names, mentions: Mentions) -> bool:
        """Return whether a group is proved to be as it was after a cell that ``mentions`` some names."""
        frontier = self._closed.get(names)
        if frontier is None:
            return False
        if names not in self._skips:
            self._skips[names] = not mentions((*names, *frontier.also)) and frontier.is_same()
        return self._skips[names]

    def renew(
        self, costs_ms: Mapping[Names, float], skipped: set[str], *, fresh: set[str], mentions: Mentions, patience: float
    ) -> None:
        """Keep the proofs of the groups that were skipped, and try those of the others that were dear to look at.

        Nothing of ours may refer to anything inside a group while this runs.

        Parameters
        ----------
        costs_ms : what looking at each of the dear groups took.
        skipped : the variables that were not looked at.
        fresh : the variables that are new or have changed.
        patience : how much more looking must have cost than proofs in vain before another is tried.
        """
        closed = {names: frontier for names, frontier in self._closed.items() if skipped.issuperset(names)}
        tried = {names: self._tried[names] for names in (*costs_ms, *closed) if names in self._tried}
        for names, cost_ms in costs_ms.items():
            last = tried.get(names)
            if not fresh.isdisjoint(names):
                last = last and _Tried(last.ms)
            elif not mentions(names):
                last = _Tried(0.0, looked_ms=cost_ms) if last is None else last._replace(looked_ms=last.looked_ms + cost_ms)
            if last is None:
                continue
            is_cheap = last.in_vain == 0 and 0 < last.ms < CHEAP * cost_ms
            if is_cheap or last.looked_ms > patience * last.ms * 2**last.in_vain:
                start = time.perf_counter()
                frontier = find_frontier(self._namespace, names, self._pickle)
                ms = (time.perf_counter() - start) * 1e3
                if frontier is not None:
                    closed[names], last = frontier, _Tried(ms)
                else:
                    last = _Tried(ms, last.in_vain + 1, last.looked_ms)
                    self._wants_sweep = self._wants_sweep or last.looked_ms > 2 * self._sweep_ms
            tried[names] = last
        self._closed, self._tried = closed, tried

    def sweep(self) -> None:
        """Collect garbage if that could make the next proof of a group succeed: what holds it may be frames that drew it."""
        if self._wants_sweep and gc.isenabled() and not gc.callbacks:
            start = time.perf_counter()
            gc.collect()
            self._sweep_ms = (time.perf_counter() - start) * 1e3
        self._wants_sweep = False
