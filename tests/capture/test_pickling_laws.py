"""What is captured of a namespace comes back the same: laws over generated namespaces, aliases included."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from heaps import NASTY, Recipe, build, inside, recipes, tie
from hypothesis import HealthCheck, assume, event, example, given, settings
from hypothesis import strategies as st
from isomorphism import assert_same
from kernels import Kernel

laws = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def nasty(**others: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a law the recipes that broke one before, each with the same other arguments."""

    def add(law: Callable[..., None]) -> Callable[..., None]:
        for recipe in NASTY:
            law = example(recipe=recipe, **others)(law)
        return law

    return add


def variables(kernel: Kernel) -> dict[str, Any]:
    """Return the user's variables of a kernel."""
    return {name: kernel.live[name] for name in kernel.namespace.names()}


def values_of(main: Any) -> dict[str, Any]:
    """Return the variables of a ``__main__``."""
    return {name: value for name, value in vars(main).items() if not name.startswith("__")}


@laws
@given(recipes())
def test_two_builds_of_a_recipe_are_the_same(recipe: Recipe) -> None:
    assert_same(values_of(build(recipe)), values_of(build(recipe)))


@laws
@nasty()
@given(recipes())
def test_capturing_leaves_objects_as_they_were_and_finds_nothing_the_second_time(recipe: Recipe) -> None:
    kernel = Kernel(build(recipe))
    first = kernel.look()
    assert set(first.added) == set(kernel.namespace.names())
    assert all(draft.status == "stored" for draft, _ in kernel.records.values()), [
        (name, draft.reason) for name, (draft, _) in kernel.records.items() if draft.status != "stored"
    ]
    again = kernel.look()
    assert (again.added, again.changed, again.removed, again.groups) == ((), (), (), [])
    assert_same(variables(kernel), values_of(build(recipe)))


@laws
@nasty(is_fresh=True)
@given(recipes(), st.booleans())
def test_what_is_restored_is_what_was_captured(recipe: Recipe, is_fresh: bool) -> None:
    kernel = Kernel(build(recipe))
    kernel.look()
    captured = dict(kernel.records)
    target = Kernel(shelf=kernel.shelf) if is_fresh else kernel
    target.restore(captured)
    assert_same(variables(target), values_of(build(recipe)))
    quiet = target.look()
    assert (quiet.added, quiet.changed, quiet.removed) == ((), (), ()), quiet.changed
    target.restore(captured)
    assert_same(variables(target), values_of(build(recipe)))


def sees(root: Any, target: Any) -> bool:
    """Return whether ``root`` leads to ``target``, or to an array on its memory."""
    if isinstance(target, np.ndarray):
        return any(one is target or (isinstance(one, np.ndarray) and np.shares_memory(one, target)) for one in inside(root))
    return any(one is target for one in inside(root))


@laws
@nasty(chance=random.Random(3))
@given(recipes(), st.randoms(use_true_random=False))
def test_a_change_is_seen_through_exactly_the_names_that_lead_to_it(recipe: Recipe, chance: random.Random) -> None:
    kernel = Kernel(build(recipe))
    kernel.look()
    names = kernel.namespace.names()
    candidates = [one for name in names for one in inside(kernel.live[name])]
    assume(candidates)
    target = chance.choice(candidates)
    seers = {name for name in names if sees(kernel.live[name], target)}
    assume(tie(target, 7))
    event(type(target).__name__)
    changed = set(kernel.look().changed)
    assert changed == seers, f"{type(target)}: found in {sorted(changed)}, seen by {sorted(seers)}"


DTYPES = [
    *[
        "Int64",
        "boolean",
        "Float32",
        "string[python]",
        "string[pyarrow]",
        "str",
        "category",
        "Sparse[float]",
        "interval[int64]",
    ],
    *["datetime64[ns, UTC]", "period[M]", "int64[pyarrow]", "timestamp[s][pyarrow]"],
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_asking_a_table_what_it_is_changes_nothing(dtype: str) -> None:
    kernel = Kernel()
    kernel.live["table"] = pd.DataFrame({"column": pd.Series([], dtype=dtype)})
    kernel.live["index"] = pd.Index(kernel.live["table"]["column"])
    kernel.look()
    for asked in (kernel.live["table"]["column"], kernel.live["table"]["column"].array, kernel.live["index"]):
        for one in (asked, asked.dtype):
            for name in dir(one):
                with contextlib.suppress(Exception), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    getattr(one, name)
    assert kernel.look().changed == ()
