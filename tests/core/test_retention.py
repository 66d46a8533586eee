"""What retention may take, and what it never does."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mlm_jupyter.core.digest import EPOCH_MS, digest_of, make_id
from mlm_jupyter.core.retention import Candidate, Policy, droppable, kept, protected

HOUR_MS = 3_600_000
T0 = EPOCH_MS + 40 * 24 * HOUR_MS


@st.composite
def histories(draw: st.DrawFn) -> list[Candidate]:
    history: list[Candidate] = []
    at = T0
    for number in range(draw(st.integers(0, 25))):
        at += draw(st.sampled_from((0, 5_000, HOUR_MS, 26 * HOUR_MS)))
        id = make_id(at, number)
        history.append(
            Candidate(
                id=id,
                digest=digest_of(id.encode()),
                kind=draw(st.sampled_from(("cell", "cell", "save", "manual"))),
                created_at=at,
                session_id=draw(st.sampled_from(("s1", "s2"))),
                notebook=draw(st.sampled_from((None, "a.ipynb", "b.ipynb"))),
                name=f"n{number}" if draw(st.integers(0, 5)) == 0 else None,
                is_dropped=draw(st.integers(0, 4)) == 0,
                is_end=draw(st.integers(0, 3)) == 0,
                is_restored=draw(st.integers(0, 9)) == 0,
            )
        )
    return history


policies = st.builds(Policy, st.integers(0, 6), st.integers(0, 4), st.integers(0, 4))
lives = st.sets(st.sampled_from(("s1", "s2")))


def at(*hours: float, **fields: object) -> list[Candidate]:
    """Checkpoints of one notebook at these hours."""
    times = [T0 + round(hour * HOUR_MS) for hour in hours]
    return [
        Candidate(**{"id": make_id(t, i), "digest": "", "kind": "cell", "created_at": t, "session_id": "s", **fields})
        for i, t in enumerate(times)
    ]


def hours_of(history: list[Candidate], ids: object) -> list[float]:
    return [(c.created_at - T0) / HOUR_MS for c in history if c.id in ids]


@given(histories(), lives)
def test_a_name_the_end_of_a_run_the_newest_of_a_notebook_and_a_kernels_place_are_never_dropped(history, live) -> None:
    going = {candidate.id for candidate in droppable(history, live)}
    for candidate in history:
        later = [other for other in history if other.id > candidate.id]
        is_newest = all(other.notebook != candidate.notebook for other in later)
        is_latest = candidate.kind != "save" and all(
            other.notebook != candidate.notebook or other.kind == "save" for other in later
        )
        is_place = candidate.session_id in live and all(other.session_id != candidate.session_id for other in later)
        must_stay = (
            candidate.name is not None or candidate.is_end or candidate.is_restored or is_newest or is_latest or is_place
        )
        assert (candidate.id not in going) == (must_stay or candidate.is_dropped)


@given(histories(), lives)
def test_the_oldest_goes_first(history, live) -> None:
    going = [candidate.id for candidate in droppable(history[::-1], live)]
    assert going == sorted(going)


@given(histories(), policies)
def test_pruning_twice_is_pruning_once(history, policy) -> None:
    first = kept(history, policy)
    pruned = [
        candidate if candidate.id in first else msgspec.structs.replace(candidate, is_dropped=True) for candidate in history
    ]
    assert kept(pruned, policy) == first


@given(histories(), policies, policies)
def test_a_policy_that_keeps_more_of_each_keeps_all_that_the_other_does(history, policy, more) -> None:
    larger = Policy(
        policy.keep_last + more.keep_last,
        policy.keep_hourly + more.keep_hourly,
        policy.keep_daily + more.keep_daily,
    )
    assert kept(history, policy).keys() <= kept(history, larger).keys()


@given(histories(), policies)
def test_a_policy_looks_at_each_notebook_by_itself(history, policy) -> None:
    notebooks = {candidate.notebook for candidate in history}
    apart = [kept([c for c in history if c.notebook == notebook], policy) for notebook in notebooks]
    assert kept(history, policy) == {id: why for reasons in apart for id, why in reasons.items()}


def test_the_last_of_each_hour_with_work_is_kept() -> None:
    history = at(0.1, 0.5, 0.9, 7.2, 7.3, 9.0)
    assert hours_of(history, kept(history, Policy(0, 2, 0))) == [7.3, 9.0]
    assert hours_of(history, kept(history, Policy(0, 3, 0))) == [0.9, 7.3, 9.0]


def test_the_last_of_each_day_with_work_is_kept() -> None:
    history = at(1, 20, 30, 100)
    assert hours_of(history, kept(history, Policy(0, 0, 2))) == [30, 100]


def test_the_newest_are_kept_and_what_has_no_values_any_more_does_not_count() -> None:
    history = [*at(1, 2, 3), *at(4, 5, is_dropped=True)]
    assert hours_of(history, kept(history, Policy(2, 0, 0))) == [2, 3]


def test_nothing_is_kept_by_a_policy_of_nothing_but_what_is_protected_stays() -> None:
    history = at(1, 2, 3)
    assert kept(history, Policy(0, 0, 0)) == {}
    assert hours_of(history, protected(history)) == [3]
