"""Comparing values: nothing differs from its copy, every edit is found at its place, and counts are exact."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import pickle
import subprocess
import sys
from typing import Any

import matplotlib.figure
import msgspec
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from mlm_jupyter.capture.value_arrays import ArrayDiff, ItemChange
from mlm_jupyter.capture.value_tables import Retyped, TableCell, TableDiff
from mlm_jupyter.capture.values import (
    ItemsDiff,
    Replaced,
    TextDiff,
    Unchanged,
    ValueDiff,
    diff_values,
    text_lines,
)
from mlm_jupyter.core.entities import Column


class Bag:
    """A plain object with attributes."""

    def __init__(self, part: object) -> None:
        self.part = part


class Slots:
    __slots__ = ("absent", "part")

    def __init__(self, part: object) -> None:
        self.part = part


@dataclasses.dataclass
class Config:
    rate: object
    rest: object = None


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.text("ab\n\ud800", max_size=3),
    st.dates(),
    st.binary(max_size=2),
)
values = st.recursive(
    scalars | st.frozensets(st.integers(0, 5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text("abc", max_size=2), inner, max_size=4),
        st.lists(inner, max_size=3).map(collections.deque),
        st.builds(Bag, inner),
        st.builds(Slots, inner),
        st.builds(Config, inner, inner),
        st.lists(st.floats(width=16), max_size=4).map(np.array),
        st.builds(
            lambda items, name: pd.Series(items, dtype=object, name=name),
            st.lists(inner, max_size=3),
            st.none() | st.text("ab\ud800", max_size=2),
        ),
    ),
    max_leaves=12,
)


def copy_of(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@given(values)
def test_a_value_does_not_differ_from_its_copy(value: object) -> None:
    assert diff_values(value, copy_of(value)) == Unchanged()


@given(values, values)
def test_a_diff_is_data_and_reads_as_lines(before: object, after: object) -> None:
    diff = diff_values(before, after)
    # NaN has no JSON and does not occur: numbers that are not finite are texts or absent
    assert msgspec.json.decode(msgspec.json.encode(diff), type=ValueDiff) == diff
    assert "\n".join(text_lines(diff)).encode()


@given(values, values)
def test_values_differ_both_ways_or_not_at_all(a: object, b: object) -> None:
    assert (diff_values(a, b) == Unchanged()) == (diff_values(b, a) == Unchanged())


@given(values)
def test_what_is_wrapped_around_a_changed_value_differs_too(value: object) -> None:
    for wrap in (lambda part: [part], lambda part: {"k": part}, Bag, Slots, Config, lambda part: (0, [part])):
        diff = diff_values(wrap(copy_of(value)), wrap(object))
        assert diff != Unchanged()
        assert len(text_lines(diff)) >= 1


frames = st.builds(
    lambda rows, labels: pd.DataFrame(rows, columns=["n", "x", "s", "o"], index=labels[: len(rows)]).astype(
        {"n": "int64", "x": "float64", "s": "str", "o": "object"}
    ),
    st.lists(
        st.tuples(st.integers(-5, 5), st.floats(), st.text("ab", max_size=2), st.none() | st.booleans() | st.integers(0, 2)),
        max_size=6,
    ),
    st.lists(st.integers(0, 9), min_size=6, max_size=6),
)


@given(frames)
def test_a_table_does_not_differ_from_its_copy(frame: pd.DataFrame) -> None:
    assert diff_values(frame, copy_of(frame)) == Unchanged()


@given(frames, st.data())
def test_one_edited_cell_is_found_with_its_label(frame: pd.DataFrame, data: st.DataObject) -> None:
    if not len(frame):
        return
    row = data.draw(st.integers(0, len(frame) - 1))
    column = data.draw(st.sampled_from(list(frame.columns)))
    other = copy_of(frame)
    other.iloc[row, other.columns.get_loc(column)] = {"n": 77, "x": 77.5, "s": "new", "o": "new"}[column]
    diff = diff_values(frame, other)
    assert isinstance(diff, TableDiff)
    assert (diff.cells_changed, diff.rows_changed, diff.rows_added, diff.rows_removed) == (1, 1, 0, 0)
    assert (diff.examples[0].row, diff.examples[0].column) == (str(frame.index[row]), column)
    assert diff.examples[0].after in ("77", "77.5", "new")


@given(frames, st.data())
def test_removed_and_added_rows_are_counted_whatever_the_labels(frame: pd.DataFrame, data: st.DataObject) -> None:
    kept = data.draw(st.lists(st.integers(0, max(0, len(frame) - 1)), unique=True, max_size=len(frame)).map(sorted))
    other = frame.iloc[kept]
    counts = collections.Counter(frame.index), collections.Counter(other.index)
    for a, b in ((frame, other), (other, frame)):
        diff = diff_values(a, b)
        if len(kept) == len(frame):
            assert diff == Unchanged()
        else:
            assert isinstance(diff, TableDiff)
            removed, added = (diff.rows_removed, diff.rows_added)
            assert sorted((removed, added)) == [0, (counts[0] - counts[1]).total()]


@given(st.lists(st.integers(0, 3) | st.floats(), min_size=1, max_size=30), st.data())
def test_the_differing_elements_of_arrays_are_counted(items: list[float], data: st.DataObject) -> None:
    before = np.array(items, dtype=float)
    places = data.draw(st.sets(st.integers(0, len(items) - 1)))
    after = before.copy()
    for place in places:
        after[place] = 1e9
    diff = diff_values(before, after)
    if not [place for place in places if items[place] != 1e9]:
        assert diff == Unchanged()
    else:
        assert isinstance(diff, ArrayDiff)
        assert diff.differing == sum(items[place] != 1e9 for place in places)
        assert diff.compared == len(items)


def lines(before: object, after: object, name: str = "v") -> list[str]:
    return text_lines(diff_values(before, after), name)


def test_containers_differ_by_path() -> None:
    before = {"lr": 0.1, "layers": [64, 32], "old": 1}
    after = {"lr": 0.2, "layers": [64, 16], "new": None}
    assert lines(before, after, "params") == [
        "params['lr']: 0.1 → 0.2",
        "params['layers'][1]: 32 → 16",
        "params['old']: 1 → (absent)",
        "params['new']: (absent) → None",
    ]
    diff = diff_values(before, after)
    assert isinstance(diff, ItemsDiff)
    assert diff.changes[0] == ItemChange("['lr']", "0.1", "0.2")
    assert msgspec.to_builtins(diff)["kind"] == "items"


def test_an_inserted_item_is_one_change() -> None:
    assert lines(list(range(100)), [-1, *range(100)]) == ["v[0]: (absent) → -1"]


def test_of_many_changes_all_are_counted() -> None:
    diff = diff_values(list(range(1000)), [-1] * 1000)
    assert isinstance(diff, ItemsDiff)
    assert (diff.count, len(diff.changes)) == (1000, 100)
    assert text_lines(diff)[-1] == "… 900 more places"


def test_the_type_of_a_number_is_part_of_it() -> None:
    assert lines({"a": 1}, {"a": True}) == ["v['a']: 1 → True  (int → bool)"]
    assert lines(1, 1.0) == ["v: 1 → 1.0 (int → float)"]
    assert lines(1, 2) == ["v: 1 → 2"]
    assert diff_values(float("nan"), float("nan")) == Unchanged()


def test_objects_differ_by_attribute() -> None:
    assert lines(Config(0.1, Bag([1])), Config(0.1, Bag([2]))) == ["v.rest.part[0]: 1 → 2"]
    assert lines(Slots(1), Slots(2)) == ["v.part: 1 → 2"]
    assert lines(np.random.RandomState(1), np.random.RandomState(2))
    assert diff_values(np.random.RandomState(1), np.random.RandomState(1)) == Unchanged()


def test_keys_and_members_that_hash_by_identity_are_matched_with_their_copies() -> None:
    for value in ({Bag(1): "a", Bag(2): "b"}, {Bag(1), Bag(2)}, [{Bag(1): Bag(2)}]):
        assert diff_values(value, copy_of(value)) == Unchanged()
    assert lines({Bag(1): "a"}, {Bag(1): "b"}) == ["v[Bag(part=1)]: 'a' → 'b'"]
    assert lines({Bag(1)}, {Bag(2)}) == ["v: Bag(part=1) → (absent)", "v: (absent) → Bag(part=2)"]


def test_a_cycle_has_an_end() -> None:
    def loop(last: int) -> list[Any]:
        items: list[Any] = [1]
        items += [items, last]
        return items

    assert diff_values(loop(2), loop(2)) == Unchanged()
    assert lines(loop(2), loop(3)) == ["v[2]: 2 → 3"]


def test_deep_nesting_is_no_error() -> None:
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    other: list[Any] = [1]
    for _ in range(20_000):
        other = [other]
    diff = diff_values(deep, other)
    assert isinstance(diff, ItemsDiff)
    assert diff.changes[0].note == "nested too deep to be compared"


class RaisingEq:
    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    __hash__ = None  # type: ignore[assignment]


class Unpicklable(RaisingEq):
    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("no")

    def __repr__(self) -> str:
        return self.name


def test_an_object_whose_eq_raises_is_compared_by_its_state() -> None:
    assert diff_values(RaisingEq("a"), RaisingEq("a")) == Unchanged()
    assert lines(RaisingEq("a"), RaisingEq("b")) == ["v.name: 'a' → 'b'"]


def test_what_cannot_be_compared_says_so() -> None:
    differs = diff_values(Unpicklable("a"), Unpicklable("b"))
    assert isinstance(differs, Replaced)
    assert differs.reason == "compared by what is shown: TypeError: no"
    looks_same = diff_values(Unpicklable("a"), Unpicklable("a"))
    assert isinstance(looks_same, Replaced)
    assert looks_same.reason == "looks the same, but cannot be compared: TypeError: no"
    generators = diff_values((x for x in ()), (x for x in ()))
    assert isinstance(generators, Replaced) and generators.reason is not None
    figures = diff_values(matplotlib.figure.Figure(), matplotlib.figure.Figure())
    assert isinstance(figures, Replaced) and "looks the same" in str(figures.reason)


@pytest.mark.parametrize(
    "model",
    [KNeighborsClassifier(2), HistGradientBoostingRegressor(max_iter=2, random_state=0)],
    ids=lambda m: type(m).__name__,
)
def test_what_a_model_has_learnt_in_private_counts_where_nothing_else_differs(model: Any) -> None:
    data = np.arange(60.0).reshape(30, 2)
    one, other = (copy.deepcopy(model).fit(data + shift, np.arange(30) % 2) for shift in (0, 100))
    assert diff_values(one, copy.deepcopy(one)) == Unchanged()
    assert all(line.startswith("v._") for line in lines(one, other)), "there is nothing public that differs"
    noted = copy.deepcopy(one)
    noted._mine = 3
    assert lines(one, noted) == ["v._mine: (absent) → 3"]
    assert lines(one, copy.deepcopy(one)) == ["v: nothing that is compared differs"]


def test_texts_differ_by_line() -> None:
    diff = diff_values("a\nb\nc\n", "a\nB\nc\n")
    assert diff == TextDiff(("@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"), 6, 6)
    assert lines("adam", "sgd") == ["v: 'adam' → 'sgd'"]
    assert lines(["x" * 1000 + "a"], ["x" * 1000 + "b"])[0].endswith("(from position 1,000 on)")


def test_a_text_that_cannot_be_encoded_is_compared() -> None:
    diff = diff_values("a\n\ud800\n", "a\n\ud801\n")
    assert isinstance(diff, TextDiff)
    msgspec.json.encode(diff)


def test_a_change_deep_in_a_long_text_is_shown() -> None:
    text = "line\n" * 200_000
    diff = diff_values(text + "old\n", text + "new\n")
    assert isinstance(diff, TextDiff)
    assert {"-old", "+new"} <= set(diff.lines)


def test_a_table_tells_its_columns_and_rows_apart() -> None:
    before = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, None, 2.5], "c": ["x", "y", "z"]}, index=["r1", "r2", "r3"])
    after = pd.DataFrame({"b": [0.5, None, 9.0], "a": [1.0, 2.0, 3.0], "d": [1, 2, 3]}, index=["r1", "r3", "r4"])
    diff = diff_values(before, after)
    assert isinstance(diff, TableDiff)
    assert diff.columns_added == (Column("d", "int64"),)
    assert diff.columns_removed == (Column("c", "str"),)
    assert diff.columns_retyped == (Retyped("a", "int64", "float64"),)
    assert diff.are_columns_reordered
    assert (diff.rows_added, diff.added_rows, diff.rows_removed, diff.removed_rows) == (1, ("r4",), 1, ("r2",))
    assert diff.examples == (TableCell("r3", "a", "3", "2.0"), TableCell("r3", "b", "2.5", "nan"))
    assert (diff.cells_changed, diff.rows_changed) == (2, 1)
    assert "~ b: mean 1.5 → 4.75, std 1.41421 → 6.01041, max 2.5 → 9" in [line.strip() for line in text_lines(diff)]


def test_rows_with_one_label_are_matched_in_order() -> None:
    before = pd.DataFrame({"x": [1, 2, 3]}, index=["a", "a", "b"])
    after = pd.DataFrame({"x": [1, 5, 3, 4]}, index=["a", "a", "b", "b"])
    diff = diff_values(before, after)
    assert isinstance(diff, TableDiff)
    assert (diff.rows_added, diff.added_rows, diff.cells_changed) == (1, ("b",), 1)
    assert diff.examples == (TableCell("a", "x", "2", "5"),)


def test_reordered_rows_are_no_changed_cells() -> None:
    before = pd.DataFrame({"x": [3, 1, 2]})
    diff = diff_values(before, before.sort_values("x"))
    assert isinstance(diff, TableDiff)
    assert diff.are_rows_reordered and diff.cells_changed == 0


def test_a_new_index_leaves_the_rows_where_they_are() -> None:
    before = pd.DataFrame({"k": ["a", "b"], "x": [1, 2]})
    diff = diff_values(before, before.set_index("k"))
    assert isinstance(diff, TableDiff)
    assert diff.index_retyped == Retyped("index", "int64 None", "str k")
    assert (diff.rows_matched_by, diff.rows_added, diff.rows_removed, diff.cells_changed) == ("position", 0, 0, 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a", "b", None], ["a", "c", None]),
        (pd.Categorical(["a", "b"]), pd.Categorical(["a", "a"], categories=["a", "b"])),
        (pd.array([1, None, 3], dtype="Int64"), pd.array([1, None, 4], dtype="Int64")),
        (pd.array([True, None], dtype="boolean"), pd.array([True, False], dtype="boolean")),
        (pd.to_datetime(["2026-01-01", None]), pd.to_datetime(["2026-01-02", None])),
        (pd.to_datetime(["2026-01-01"]).tz_localize("UTC"), pd.to_datetime(["2026-01-02"]).tz_localize("UTC")),
        (pd.period_range("2026", periods=2, freq="D"), pd.PeriodIndex(["2026-01-01", "2026-01-03"], freq="D")),
        (pd.array([0.0, 1.0], dtype="Sparse[float]"), pd.array([0.0, 2.0], dtype="Sparse[float]")),
        (pd.array(["a", None], dtype="string"), pd.array(["b", None], dtype="string")),
        (pd.interval_range(0, 2), pd.IntervalIndex.from_tuples([(0, 1), (1, 3)])),
        (np.array([[1], {}], dtype=object), np.array([[2], {}], dtype=object)),
        (np.array([1, True], dtype=object), np.array([1, 1], dtype=object)),
        (np.array([1j, 2]), np.array([1j, 3])),
    ],
    ids=lambda column: str(getattr(column, "dtype", "list")),
)
def test_columns_of_every_type_are_compared(before: Any, after: Any) -> None:
    a, b = pd.DataFrame({"x": before}), pd.DataFrame({"x": after})
    assert diff_values(a, a.copy(deep=True)) == Unchanged()
    diff = diff_values(a, b)
    assert isinstance(diff, TableDiff)
    assert diff.cells_changed == 1
    assert diff.columns_not_compared == ()


def test_a_column_of_another_type_says_that_it_was_not_compared() -> None:
    diff = diff_values(pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": ["1", "2"]}))
    assert isinstance(diff, TableDiff)
    assert diff.columns_not_compared == ("x",)
    assert text_lines(diff)[1] == "  ~ x: int64 → str, cells not compared"


def test_tables_of_odd_shapes_can_be_compared() -> None:
    odd = [
        pd.DataFrame(),
        pd.DataFrame(index=range(2)),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 3]], columns=["a", "a"]),
        pd.DataFrame({("a", 1): [1]}),
        pd.DataFrame({"x": [1]}, index=[None]),
        pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("a", None)])),
        pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("a", 1)])),
        pd.DataFrame({"x": [1, 2]}, index=[1, "a"]),
        pd.DataFrame({"x": [1, 2]}, index=pd.CategoricalIndex(["a", "a"])),
    ]
    for i, before in enumerate(odd):
        for j, after in enumerate(odd):
            diff = diff_values(before, after.copy(deep=True))
            assert isinstance(diff, Unchanged if i == j else TableDiff), (before, after, diff)


def test_series_and_indexes_are_tables_of_one_column() -> None:
    diff = diff_values(pd.Series([1, 2], name="a"), pd.Series([1, 3], name="a"))
    assert isinstance(diff, TableDiff) and diff.cells_changed == 1
    renamed = diff_values(pd.Series([1], name="a"), pd.Series([1], name="b"))
    assert isinstance(renamed, TableDiff)
    assert renamed.columns_retyped == (Retyped("values", "int64 a", "int64 b"),)
    assert diff_values(pd.Index([1, 2]), pd.Index([1, 2])) == Unchanged()
    labels = diff_values(pd.Index([1, 2]), pd.Index([1, 2, 3]))
    assert isinstance(labels, TableDiff) and labels.rows_added == 1


def test_what_is_set_on_a_table_is_compared() -> None:
    before = pd.DataFrame({"a": [1]})
    after = before.copy()
    after.name, after.attrs["unit"] = "train", "m"
    assert lines(before, after) == ["v.attrs['unit']: (absent) → 'm'", "v.name: (absent) → 'train'"]
    assert lines(before["a"], after["a"]) == ["v.attrs['unit']: (absent) → 'm'"]


def test_arrays_tell_how_much_they_differ() -> None:
    before = np.arange(6.0).reshape(2, 3)
    after = before.copy()
    after[1, 2] += 0.25
    assert lines(before, after) == ["v: 1 of 6 elements differ, by at most 0.25", "  v[1, 2]: 5.0 → 5.25"]
    assert lines(before, after.astype("f4"))[0] == "v: float64 → float32, 1 of 6 elements differ, by at most 0.25"
    assert lines(before, before[:1]) == ["v: shape (2, 3) → (1, 3), 0 of 3 elements differ"]
    assert lines(before, before.ravel()) == ["v: shape (2, 3) → (6,), elements not comparable"]
    assert lines(np.zeros(1, [("a", int)]), np.zeros(1, [("b", int)]))[0].endswith("elements not comparable")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (np.array([1, np.nan]), np.array([2, np.nan])),
        (np.array(["2026-01-01", "NaT"], dtype="M8[D]"), np.array(["2026-01-02", "NaT"], dtype="M8[D]")),
        (
            np.array([(1, np.nan)], dtype=[("a", int), ("b", float)]),
            np.array([(2, np.nan)], dtype=[("a", int), ("b", float)]),
        ),
        (np.ma.masked_array([1, 5], [False, True]), np.ma.masked_array([2, 6], [False, True])),
        (np.array([{"a": 1}, None], dtype=object), np.array([{"a": 2}, None], dtype=object)),
        (np.array(1), np.array(2)),
        (np.array([0], dtype="u1"), np.array([255], dtype="u1")),
        (scipy.sparse.csr_array([[0, 1], [2, 0]]), scipy.sparse.csr_array([[0, 1], [3, 0]])),
        (scipy.sparse.csr_matrix([[0.0, np.nan]]), scipy.sparse.csr_matrix([[1.0, np.nan]])),
    ],
)
def test_arrays_of_every_type_are_compared(before: Any, after: Any) -> None:
    assert diff_values(before, copy.deepcopy(before)) == Unchanged()
    diff = diff_values(before, after)
    assert isinstance(diff, ArrayDiff)
    assert diff.differing == 1


def test_an_element_that_is_masked_is_as_far_from_another_as_none() -> None:
    before, after = np.ma.masked_array([1, 5, 2], [True, False, False]), np.ma.masked_array([1, 6, 2], [False, False, True])
    assert lines(before, after)[0] == "v: 3 of 3 elements differ, by at most 1"
    assert lines(before[:1], after[:1])[0] == "v: 1 of 1 elements differ"


def test_the_attributes_of_a_subclass_of_array_count() -> None:
    class Quantity(np.ndarray):
        unit = "m"

    before, after = np.arange(3).view(Quantity), np.arange(3).view(Quantity)
    assert diff_values(before, after) == Unchanged()
    after.unit = "km"
    assert diff_values(before, after) != Unchanged()


def test_models_differ_by_parameters_and_by_what_they_learned() -> None:
    features, target = np.array([[0.0], [1.0], [2.0]]), [0, 0, 1]
    before, after = (LogisticRegression(C=c).fit(features, target) for c in (1.0, 2.0))
    assert diff_values(before, copy.deepcopy(before)) == Unchanged()
    assert {line.split(":")[0] for line in lines(before, after)} >= {"v.C", "v.coef_", "v.intercept_"}
    forests = [RandomForestClassifier(2, random_state=seed).fit(features, target) for seed in (0, 0, 1)]
    assert diff_values(forests[0], forests[1]) == Unchanged()
    assert diff_values(forests[0], forests[2]) != Unchanged()


def test_values_of_a_trusted_type_are_compared_by_value() -> None:
    day = datetime.date(2026, 1, 1)
    assert diff_values(day, datetime.date(2026, 1, 1)) == Unchanged()
    assert lines([pd.Timestamp("2026-01-01")], [pd.Timestamp("2026-01-02")]) == [
        "v[0]: Timestamp('2026-01-01 00:00:00') → Timestamp('2026-01-02 00:00:00')"
    ]


def test_a_comparison_changes_neither_value() -> None:
    before = {"a": [1, {2}], "f": pd.DataFrame({"x": [1, 2]}), "m": LogisticRegression()}
    after = {"a": [1, {3}], "f": pd.DataFrame({"x": [1, 3]}), "m": LogisticRegression(C=2)}
    bytes_before = pickle.dumps(before), pickle.dumps(after)
    diff_values(before, after)
    assert (pickle.dumps(before), pickle.dumps(after)) == bytes_before


IN_A_NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
from mlm_jupyter.capture.values import TextDiff, Unchanged, diff_values
import copy, sys
before_modules = set(sys.modules)
shell = InteractiveShell.instance()
names = shell.user_ns
def define(source):
    shell.run_cell(source)
    return names["it"]
one = define("def it(x):\\n    return x + 1")
same = define("def it(x):\\n    return x + 1")
other = define("def it(x):\\n    return x + 2")
assert diff_values(one, same) == Unchanged(), diff_values(one, same)
diff = diff_values(one, other)
assert isinstance(diff, TextDiff) and diff.lines == ("@@ -1,2 +1,2 @@", " def it(x):", "-    return x + 1", "+    return x + 2")
pair = define("it = (lambda x: x + 1, lambda x: x + 2)")
assert diff_values(pair[0], pair[1]) != Unchanged()
bound = define("def make(n):\\n    def it():\\n        return n\\n    return it\\nit = make(1), make(2)")
assert diff_values(bound[0], bound[1]) != Unchanged()
first = define("class it:\\n    size = 1\\n    def f(self):\\n        return 1")
second = define("class it:\\n    size = 1\\n    def f(self):\\n        return 2")
assert isinstance(diff_values(first, second), TextDiff), diff_values(first, second)
assert not {"numpy", "pandas", "sklearn", "torch"} & (set(sys.modules) - before_modules)
"""


def test_functions_and_classes_differ_by_source_and_by_what_they_hold() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_NOTEBOOK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_numbers_of_numpy_are_told_as_numbers() -> None:
    before = {"r2": np.float64(0.5), "count": np.int64(3), "nan": np.float32("nan"), "same": np.uint8(1)}
    after = {"r2": np.float64(0.25), "count": np.int64(4), "nan": np.float32("nan"), "same": np.uint8(1)}
    assert text_lines(diff_values(before, after), "d") == ["d['r2']: 0.5 → 0.25", "d['count']: 3 → 4"]
    assert text_lines(diff_values(np.float64(0.5), np.float64(0.25)), "r2") == ["r2: 0.5 → 0.25"]
    assert diff_values(np.float64("nan"), np.float64("nan")) == Unchanged()
