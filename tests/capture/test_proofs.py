"""The law of skipping: on any notebook, what is skipped where it may be is what a look at everything would find unchanged."""

from __future__ import annotations

import types
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_jupyter.capture.drafts import Look
from mlm_jupyter.capture.namespace import Namespace
from mlm_jupyter.capture.proofs import Mentions
from mlm_jupyter.capture.reach import Reach
from mlm_jupyter.capture.rules import Rules

SETUP = """
import numpy as np, pandas as pd, types
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
X = np.random.RandomState(0).rand(9, 2)
Y = (X[:, 0] > 0.5).astype(int)
class Thing:
    size = 1
class Part(Thing):
    pass
"""
MADE = (
    "pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=list('abc'))",
    "pd.DataFrame({'a': [1, 2, 3], 's': ['x', 'y', 'z']})",
    "pd.Index(list('abc'), dtype=object)",
    "np.zeros(50)",
    "np.zeros(3, [('n', 'i8'), ('a', 'f8')])",
    "[1, [2, 3], {'k': 1}]",
    "RandomForestClassifier(2).fit(X, Y)",
    "BaggingClassifier(n_estimators=2).fit(X, Y)",
    "np.random.default_rng(1)",
    "Thing()",
    "[Part(), [Part()]]",
)
DERIVED = (
    *("<b>", "[<b>]", "(<b>, <c>)", "{'k': <b>}", "<b>[0]", "<b>[1]", "<b>['k']", "<b>[1:]", "lambda: <b>", "iter([<b>])"),
    *("<b>.iloc[:2]", "<b>.copy()", "<b>[<b>['a'] > 1]", "<b>['a']", "<b>.columns", "<b>.index", "<b>.T", "<b>.set_index('a')"),
    *(
        "<b>.to_numpy()",
        "<b>.describe()",
        "<b>.drop(columns=['a'])",
        "pd.concat([<b>, <c>])",
        "<b>.groupby('a')",
        "<b>.a.values",
    ),
    *("pd.DataFrame(np.zeros((2, 3)), columns=<b>)", "<b>.reset_index()", "<b>.reshape(-1)", "<b>.view()", "memoryview(<b>)"),
    *("<b>.estimators_", "<b>.estimators_[0]", "<b>.tree_", "<b>.tree_.value", "<b>.estimators_features_", "<b>.bit_generator"),
    *("<b>.a.values", "np.asarray(<b>)", "types.SimpleNamespace(v=<b>)", "<b>.v"),
)
CHANGES = (
    *("<a>.loc[0, 'a'] = 9.5", "<a>['k'] = 1", "<a>.iloc[0] = 7", "<a>[0] = 5", "<a>[1][0] = 5", "<a>.append(1)", "<a> += 1"),
    *("<a>.columns = list('xyz')", "<a>.columns.name = 'n'", "<a>.index.name = 'i'", "<a>.name = 'n'", "<a>._data[0] = 'Q'"),
    *("<a>.sort_values('a', inplace=True)", "<a>.random()", "<a>().iloc[0] = 3", "<a>().append(4)", "<a>.max_depth = 3"),
    *("<a>[0].max_depth = 4", "<a>[:] = 7", "<a>['k'].loc[0, 'a'] = 4", "<a>[0].loc[0, 'a'] = 4", "<a>.v = 5", "next(<a>)"),
    *(
        "next(<a>).append(3)",
        "<a>.flags.writeable = False",
        "<a>.attrs['q'] = 1",
        "del <a>",
        "<a>.index = <b>",
        "<a>.fit(X, 1 - Y)",
    ),
    *("class Thing: size = 1", "class Part(Thing): pass", "Thing.size += 1", "Part.size = Thing.size", "Part = Thing"),
)
READS = (
    "one = 1",
    "<a>.fit(X, 1 - Y)",
    "len(<a>)",
    "repr(<a>)",
    "<a>.mean()",
    "<a>.columns.get_loc('a')",
    "<a>.predict(X)",
    "<a>.loc[0]",
)

variables = st.sampled_from("tuvw")
statements = st.one_of(
    st.sampled_from([f"<a> = {made}" for made in MADE]),
    st.sampled_from([f"<a> = {made}" for made in DERIVED]),
    st.sampled_from(CHANGES),
    st.sampled_from(READS),
)


def fill(statement: str, *names: str) -> str:
    """Put variables into the gaps of a statement."""
    for gap, name in zip(("<a>", "<b>", "<c>"), names, strict=True):
        statement = statement.replace(gap, name)
    return statement


cells = st.builds(fill, statements, variables, variables, variables)
stages = st.sampled_from([None, None, None, None, "_share", "_group", "_compare", "_proofs"])
"""Where the user stops a look, if at all."""


@pytest.mark.filterwarnings("ignore")
@settings(deadline=None)
@given(st.lists(st.tuples(cells, stages), min_size=5, max_size=30))
def test_what_is_skipped_is_what_a_look_finds_unchanged(notebook: list[tuple[str, str | None]]) -> None:
    main = types.ModuleType("__main__")
    wary, bold, frugal = (
        Namespace(vars(main), is_hidden=lambda name: name.startswith("__"), rules=rules)
        for rules in (Rules(dear_ms=inf), Rules(dear_ms=0.0, patience=0.0), Rules(dear_ms=0.0, patience=inf))
    )
    reach = Reach({})
    for source, stage in ((SETUP, None), *notebook):
        reach.enter(source)
        run(source, vars(main))
        mentions = None if reach.is_anywhere else reach.mentions
        looking = wary.look()
        for namespace in (bold, frugal):
            found = look(namespace, mentions, stage)
            assert (found.added, found.changed, found.removed) == (looking.added, looking.changed, looking.removed)
            assert set(found.drafts) == set(looking.drafts)
            assert {namespace.group_of(name) for name in namespace.names()} == {wary.group_of(name) for name in wary.names()}


def run(source: str, namespace: dict[str, Any]) -> None:
    """Execute a cell, which may fail, and leave nothing of the failure behind."""
    try:
        exec(compile(source, "<cell>", "exec", dont_inherit=True), namespace)
    except Exception as error:
        error.__traceback__ = None


def look(namespace: Namespace, mentions: Mentions | None, stage: str | None) -> Look:
    """Look, and once more where the user stops that at a stage, as a session does."""
    place, method = (namespace._proofs, "prove") if stage == "_proofs" else (namespace, stage or "")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    setattr(place, method, interrupt)
    try:
        return namespace.look(mentions=mentions)
    except KeyboardInterrupt:
        delattr(place, method)
        return namespace.look(mentions=mentions)
    finally:
        vars(place).pop(method, None)


def test_something_is_skipped() -> None:
    main = types.ModuleType("__main__")
    bold = Namespace(vars(main), is_hidden=lambda name: name.startswith("__"), rules=Rules(dear_ms=0.0))
    reach = Reach({})
    skipped: set[str] = set()
    for source in (SETUP, f"t = {MADE[0]}", "u = t.iloc[:2].copy()", *["one = 1"] * 5):
        reach.enter(source)
        run(source, vars(main))
        skipped.update(bold.look(mentions=reach.mentions).skipped)
    assert {"t", "u", "X"} <= skipped


def test_what_lies_in_a_value_that_is_as_it_was_is_not_looked_at_by_itself() -> None:
    main = types.ModuleType("__main__")
    namespace = Namespace(vars(main), is_hidden=lambda name: name.startswith("__"), rules=Rules(dear_ms=0.0))
    run("class Thing:\n def __reduce__(self):\n  looks.append(1)\n  return Thing, ()\nlooks = []", vars(main))
    run("inner = Thing()\nouter = [inner]", vars(main))
    looks: list[int] = main.looks
    asked = []
    for source in ("", "", "", "outer.append(1)", "", "inner = Thing()", "", "del outer", ""):
        run(source, vars(main))
        looks.clear()
        namespace.look()
        asked.append(len(looks))
    assert asked[1:3] == [1, 1]  # by the list that holds it
    assert asked[4] == 1
    assert asked[6] == 2  # another one than in the list
    assert asked[8] == 1
