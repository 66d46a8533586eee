"""Which checkpoints keep their values: what must never lose them, and what a policy keeps beyond that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Final

import msgspec

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import CheckpointKind

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


class Candidate(msgspec.Struct, frozen=True):
    """What retention has to know of a checkpoint."""

    id: str
    digest: Digest
    kind: CheckpointKind
    created_at: int
    session_id: str
    notebook: str | None = None
    name: str | None = None
    is_dropped: bool = False
    is_end: bool = False
    """Whether it is the last checkpoint of a run."""
    is_restored: bool = False
    """Whether a kernel that is there was put back to it."""

    @property
    def is_in_use(self) -> bool:
        """Whether a name, the end of a run or a kernel needs its values; of a dropped one, those that others had kept."""
        return self.name is not None or self.is_end or self.is_restored


class Policy(msgspec.Struct, frozen=True):
    """What is kept of each notebook beyond what is protected."""

    keep_last: int = 100
    """So many of its newest checkpoints."""
    keep_hourly: int = 24
    """The last checkpoint of each of so many hours, counting only hours with work in them."""
    keep_daily: int = 30
    """The same for days. Hours and days are those of UTC."""


def protected(candidates: Iterable[Candidate], live_sessions: Set[str] = frozenset()) -> dict[str, str]:
    """Return the checkpoints that no retention touches, by id, each with why.

    A name, the end of a run, the newest of a notebook (``latest``, and the newest save), where a live session is.

    Parameters
    ----------
    live_sessions : the ids of the sessions whose process is there.
    """
    ordered = _in_order(candidates)
    reasons: dict[str, str] = {}
    for why, last in (
        ("where a kernel is", {c.session_id: c.id for c in ordered if c.session_id in live_sessions}),
        ("where a kernel is", {c.id: c.id for c in ordered if c.is_restored}),
        ("the newest of its notebook", {c.notebook: c.id for c in ordered}),
        ("the newest of its notebook", {c.notebook: c.id for c in ordered if c.kind != "save"}),
        ("the end of a run", {c.id: c.id for c in ordered if c.is_end}),
        ("named", {c.name: c.id for c in ordered if c.name is not None}),
    ):
        reasons |= dict.fromkeys(last.values(), why)
    return reasons


def kept(candidates: Iterable[Candidate], policy: Policy) -> dict[str, str]:
    """Return the checkpoints with values that ``policy`` keeps, by id, each with why."""
    notebooks: dict[str | None, list[Candidate]] = {}
    for candidate in _in_order(candidates):
        if not candidate.is_dropped:
            notebooks.setdefault(candidate.notebook, []).append(candidate)
    reasons: dict[str, str] = {}
    for own in notebooks.values():
        reasons |= dict.fromkeys(_last_of_spans(own, _DAY_MS, policy.keep_daily), "the last of a day")
        reasons |= dict.fromkeys(_last_of_spans(own, _HOUR_MS, policy.keep_hourly), "the last of an hour")
        reasons |= dict.fromkeys((c.id for c in _newest(own, policy.keep_last)), "one of the newest")
    return reasons


def droppable(candidates: Iterable[Candidate], live_sessions: Set[str] = frozenset()) -> list[Candidate]:
    """Return the checkpoints whose values may be dropped to make room, the first to go first: the oldest."""
    ordered = _in_order(candidates)
    safe = protected(ordered, live_sessions)
    return [candidate for candidate in ordered if candidate.id not in safe and not candidate.is_dropped]


def _in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: candidate.id)


def _newest(ordered: Sequence[Candidate], count: int) -> Sequence[Candidate]:
    return ordered[-count:] if count else ()


def _last_of_spans(ordered: Sequence[Candidate], span_ms: int, count: int) -> list[str]:
    """Return the last of each of the newest ``count`` spans of time that have a checkpoint."""
    last = {candidate.created_at // span_ms: candidate.id for candidate in ordered}
    return [last[span] for span in sorted(last)[-count:]] if count else []
