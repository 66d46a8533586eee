"""Comparing checkpoints: applying a diff gives the other one, and only what differs is in it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mlm_jupyter.core.diff import (
    Added,
    Cell,
    CellAdded,
    CellChanged,
    CellRemoved,
    Changed,
    CheckpointDiff,
    Contents,
    Removed,
    apply,
    apply_cells,
    apply_changes,
    apply_environment,
    cells_of,
    diff_cells,
    diff_checkpoints,
    diff_environments,
    diff_mappings,
    diff_variables,
    output_text,
)
from mlm_jupyter.core.diff_text import text_lines
from mlm_jupyter.core.entities import Environment, Preview, Variable

names = st.sampled_from(["a", "b", "lr", "df", "model"])
texts = st.text("ab1 \n\u00e9\ud800\x1b", max_size=6)
variables = st.dictionaries(
    names, st.tuples(st.sampled_from(["int", "pandas.DataFrame"]), st.sampled_from(["1", "2", "3"])), max_size=4
).map(lambda found: {name: Variable(name, type, "stored", Preview(value), value) for name, (type, value) in found.items()})
environments = st.builds(
    Environment,
    python=st.sampled_from(["3.11.2", "3.12.1"]),
    implementation=st.just("CPython"),
    platform=st.just("Linux"),
    packages=st.dictionaries(names, texts, max_size=3),
    gpus=st.sampled_from([(), ("A100",)]),
    git_commit=st.none() | st.just("c0ffee"),
    is_git_dirty=st.none() | st.booleans(),
)
cells = st.builds(Cell, st.sampled_from(["code", "markdown"]), texts, st.none() | st.sampled_from(["1", "2", "3", "4"]), texts)
contents = st.builds(
    Contents,
    id=st.sampled_from(["one", "two"]),
    variables=variables,
    params=st.dictionaries(names, texts, max_size=4),
    metrics=st.dictionaries(names, st.floats(allow_nan=False), max_size=4),
    environment=st.none() | environments,
    modules=st.dictionaries(names, texts, max_size=3),
    cells=st.lists(cells, max_size=6).map(tuple),
)


def as_read(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells without their ids, which pair them and which nobody reads."""
    return tuple(msgspec.structs.replace(cell, id=None) for cell in cells)


@given(contents, contents)
def test_applying_a_diff_gives_the_other_checkpoint(base: Contents, other: Contents) -> None:
    applied = apply(base, diff_checkpoints(base, other))
    assert as_read(applied.cells) == as_read(other.cells)
    assert msgspec.structs.replace(applied, cells=other.cells) == other


@given(contents)
def test_a_checkpoint_does_not_differ_from_itself(base: Contents) -> None:
    diff = diff_checkpoints(base, base)
    assert not diff
    assert text_lines(diff) == ["No differences."]


@given(st.dictionaries(names, st.integers(0, 3)), st.dictionaries(names, st.integers(0, 3)))
def test_a_diff_of_mappings_names_what_differs_and_nothing_else(before: dict[str, int], after: dict[str, int]) -> None:
    changes = diff_mappings(before, after)
    assert apply_changes(before, changes) == after
    assert {change.name for change in changes} == {name for name, _ in before.items() ^ after.items()}


@given(st.none() | environments, st.none() | environments)
def test_applying_a_diff_gives_the_other_environment(before: Environment | None, after: Environment | None) -> None:
    assert apply_environment(before, diff_environments(before, after)) == after


@given(st.lists(cells, max_size=8), st.lists(cells, max_size=8))
def test_applying_a_diff_gives_the_other_cells(before: list[Cell], after: list[Cell]) -> None:
    assert as_read(apply_cells(before, diff_cells(before, after))) == as_read(after)


def test_cells_that_have_other_ids_alone_have_not_changed() -> None:
    opened, again = ([Cell("code", source, f"{source}-{time}") for source in "abc"] for time in range(2))
    assert diff_cells(opened, again) == ()
    assert diff_cells(opened, [*again, Cell("code", "d")]) == (CellAdded(3, Cell("code", "d")),)


@given(contents, contents)
def test_a_diff_survives_json(base: Contents, other: Contents) -> None:
    diff = diff_checkpoints(base, other)
    plain = msgspec.to_builtins(diff)
    assert msgspec.convert(plain, CheckpointDiff) == diff


@given(contents, contents)
def test_a_diff_in_words_can_be_printed(base: Contents, other: Contents) -> None:
    text = "\n".join(text_lines(diff_checkpoints(base, other)))
    assert "\x1b" not in text
    assert text.encode().decode() == text


def test_a_metric_that_stays_nan_has_not_changed() -> None:
    a, b = (Contents(id, metrics={"loss": float("nan"), "acc": acc}) for id, acc in [("a", 0.5), ("b", 0.75)])
    assert diff_checkpoints(a, b).metrics == (Changed("acc", 0.5, 0.75),)


def test_a_variable_whose_group_holds_other_values_has_not_changed() -> None:
    before = {"x": Variable("x", "int", "stored", Preview("1"), "f", group="g1")}
    after = {"x": Variable("x", "int", "stored", Preview("1"), "f", group="g2")}
    assert diff_variables(before, after) == ()


def test_a_diff_says_in_json_what_each_change_is() -> None:
    plain = msgspec.to_builtins(diff_mappings({"a": "1", "b": "2"}, {"b": "3", "c": "4"}))
    assert plain == (
        {"change": "removed", "name": "a", "before": "1"},
        {"change": "changed", "name": "b", "before": "2", "after": "3"},
        {"change": "added", "name": "c", "after": "4"},
    )
    assert diff_mappings({}, {"c": "4"}) == (Added("c", "4"),)
    assert diff_mappings({"a": "1"}, {}) == (Removed("a", "1"),)


def test_cells_are_paired_by_id_and_their_places_told() -> None:
    a, b, c = (Cell("code", source, id) for id, source in [("a", "import x"), ("b", "y = 1"), ("c", "print(y)")])
    edited = Cell("code", "y = 2", "b")
    new = Cell("markdown", "# Why", "n")
    assert diff_cells([a, b, c], [new, edited, c]) == (
        CellRemoved(0, a),
        CellAdded(0, new),
        CellChanged(1, 1, b, edited),
    )


def test_outputs_are_compared_as_they_are_read() -> None:
    def picture(data: str, count: int) -> dict[str, object]:
        bundle = {"text/plain": "<Figure>", "image/png": data}
        return {"output_type": "execute_result", "data": bundle, "metadata": {}, "execution_count": count}

    assert output_text(picture("AAAA", 1)) == output_text(picture("AAAA", 2))
    assert output_text(picture("AAAA", 1)) != output_text(picture("BBBB", 1))
    assert output_text({"output_type": "stream", "text": ["\x1b[31mred\x1b[0m\n", "2\n"]}) == "red\n2\n"
    assert output_text({"output_type": "error", "ename": "KeyError", "evalue": "'x'"}) == "KeyError: 'x'"


def test_a_comparison_reads_well_in_a_terminal() -> None:
    def code(id: str, source: str, text: str) -> dict[str, object]:
        output = {"output_type": "stream", "name": "stdout", "text": text}
        return {"cell_type": "code", "id": id, "source": source, "metadata": {}, "outputs": [output]}

    def frame(rows: int, fingerprint: str) -> Variable:
        preview = Preview(f"{rows} rows", shape=(rows, 3))
        return Variable("df", "pandas.DataFrame", "stored", preview, fingerprint)

    environment = Environment("3.11.2", "CPython", "Linux", {"pandas": "2.2.3"})
    base = Contents(
        "one",
        variables={"df": frame(1500, "f1")},
        params={"lr": "0.1"},
        metrics={"acc": 0.81},
        environment=environment,
        modules={"features.py": "def f():\n    return 1\n"},
        cells=cells_of({"cells": [code("a", "lr = 0.1\nfit(lr)", "0.81\n")]}),
    )
    other = Contents(
        "two",
        variables={"df": frame(1499, "f2"), "n": Variable("n", "int", "stored", Preview("3", number=3.0), "f3")},
        params={"lr": "0.2"},
        metrics={"acc": 0.87},
        environment=msgspec.structs.replace(environment, packages={"pandas": "3.0.1"}),
        modules={"features.py": "def f():\n    return 2\n"},
        cells=cells_of({"cells": [code("a", "lr = 0.2\nfit(lr)", "0.87\n"), code("b", "n = 3", "")]}),
    )
    assert "\n".join(text_lines(diff_checkpoints(base, other))) == EXPECTED.strip()


EXPECTED = """
Code
  ~ cell 1
    @@ -1,2 +1,2 @@
    -lr = 0.1
    +lr = 0.2
     fit(lr)
  + cell 2
    +n = 3

Outputs
  ~ cell 1
    @@ -1 +1 @@
    -0.81
    +0.87

Variables
  ~ df  DataFrame 1,500 x 3 → DataFrame 1,499 x 3
  + n   3

Params
  ~ lr  0.1 → 0.2

Metrics
  ~ acc  0.81 → 0.87  (+0.06)

Environment
  ~ pandas  2.2.3 → 3.0.1

Modules
  ~ features.py
    @@ -1,2 +1,2 @@
     def f():
    -    return 1
    +    return 2
"""


def test_long_texts_are_shown_from_where_they_differ() -> None:
    def ridge(alpha: int) -> Variable:
        text = (
            f"Ridge(copy_X=True, fit_intercept=True, max_iter=None, positive=False, alpha={alpha}, tol=0.0001, solver='auto')"
        )
        return Variable("model", "sklearn.linear_model.Ridge", "stored", Preview(text), str(alpha))

    diff = diff_checkpoints(Contents("a", variables={"model": ridge(1)}), Contents("b", variables={"model": ridge(10)}))
    (line,) = text_lines(diff)[1:]
    assert line == "  ~ model  …itive=False, alpha=1, tol=0.0001, solver='… → …itive=False, alpha=10, tol=0.0001, solver=…"
