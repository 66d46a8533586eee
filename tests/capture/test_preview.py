"""Previews: small, honest and harmless, whatever the value is."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import os
import pickle
import random
import subprocess
import sys
import time
import types
import warnings
from typing import Any

import matplotlib.figure
import msgspec
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from mlm_jupyter.capture.preview import preview
from mlm_jupyter.core.entities import Column, Preview
from mlm_jupyter.core.type_names import type_name

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text("ab\u00e9\ud800\U0001f600\x1b\n", max_size=30),
    st.binary(max_size=20),
    st.dates(),
    st.decimals(),
    st.uuids(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner),
        st.lists(inner).map(collections.deque),
        st.frozensets(st.integers()),
        st.builds(lambda part: types.SimpleNamespace(part=part), inner),
        st.lists(inner).map(lambda parts: pd.Series(parts, dtype=object)),
    ),
)


@given(values)
def test_a_preview_is_small_and_can_be_sent(value: object) -> None:
    shown = preview(value)
    encoded = msgspec.json.encode(shown)
    assert shown.text and len(shown.text) <= 2000
    assert len(encoded) <= 8192
    assert msgspec.json.decode(encoded, type=Preview) == shown


@given(values)
def test_a_look_changes_nothing(value: object) -> None:
    before = pickle.dumps(value)
    state = random.getstate(), np.random.get_state()[1].tolist()
    preview(value)
    assert pickle.dumps(value) == before
    assert (random.getstate(), np.random.get_state()[1].tolist()) == state


@given(st.recursive(st.integers(0, 9) | st.text("ab", max_size=2), lambda inner: st.lists(inner, max_size=3)))
def test_what_is_small_is_shown_as_python_writes_it(value: object) -> None:
    def depth(part: object) -> int:
        return 1 + max(map(depth, part), default=0) if isinstance(part, list) else 0

    if depth(value) <= 4:
        assert preview(value).text == repr(value)


class Hostile:
    """Raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError(name)

    def __repr__(self) -> str:
        raise SystemExit("bye")

    def __len__(self) -> int:
        raise OSError

    def __iter__(self) -> Any:
        raise OSError

    def __eq__(self, other: object) -> bool:
        raise OSError

    def __hash__(self) -> int:
        raise OSError

    def __bool__(self) -> bool:
        raise OSError


class Impostor(list[int]):
    """Says that it is another type, with other items."""

    __class__ = dict  # type: ignore[assignment]

    def __iter__(self) -> Any:
        raise AssertionError("its own __iter__ was called")

    def __len__(self) -> int:
        raise AssertionError("its own __len__ was called")


class WrongError(Exception):
    def __str__(self) -> str:
        raise WrongError


class Wrong:
    def __repr__(self) -> str:
        raise WrongError


class NotText:
    def __repr__(self) -> str:
        return 5  # type: ignore[return-value]


class OddMeta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise ZeroDivisionError(name)


class Odd(metaclass=OddMeta):
    pass


class Surrogate:
    def __repr__(self) -> str:
        return "a\ud800" + "b" * 10_000


HOSTILE = {
    "raises": Hostile,
    "raises what cannot be said": Wrong,
    "returns no text": NotText,
    "has an odd type": Odd,
    "is an odd type": lambda: Odd,
    "has a long text that cannot be encoded": Surrogate,
    "says it is something else": lambda: Impostor([1, 2]),
    "is an error": WrongError,
    "is a huge number": lambda: 10**100_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_nothing_a_value_does_is_an_error(case: str) -> None:
    value = HOSTILE[case]()
    for nested in (value, [value], {"key": value}, (value, value), types.SimpleNamespace(part=value)):
        shown = preview(nested)
        assert shown.text and len(shown.text) <= 2000
        assert type_name(nested)
        msgspec.json.encode(shown)


def test_an_object_that_fails_says_why() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError("no session")

    assert preview(Broken()).text.endswith("Broken: ValueError: no session>")
    assert preview(Hostile()).text == "<Hostile: SystemExit: bye>"
    assert preview(Impostor([1, 2])).text == "Impostor([1, 2])"


def test_an_interrupt_is_not_swallowed() -> None:
    class Interrupting:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preview(Interrupting())


def test_a_slow_repr_is_asked_once() -> None:
    class Slow:
        calls = 0

        def __repr__(self) -> str:
            Slow.calls += 1
            time.sleep(0.06)
            return "at last"

    first, second = preview([Slow() for _ in range(50)]), preview(Slow())
    assert Slow.calls == 1
    assert first.text == "[at last, …" and first.is_truncated
    assert "is slow" in second.text


def test_the_repr_of_many_objects_is_asked_a_handful_of_times() -> None:
    class Thing:
        calls = 0

        def __repr__(self) -> str:
            Thing.calls += 1
            return "Thing()"

    preview([Thing() for _ in range(1000)])
    preview(pd.DataFrame({"a": pd.Series([Thing() for _ in range(100)], dtype=object)}))
    assert Thing.calls <= 10


def test_an_object_with_large_parts_is_not_asked_for_its_repr() -> None:
    @dataclasses.dataclass
    class Batch:
        rows: list[int]

    class Own(Batch):
        def __repr__(self) -> str:
            raise AssertionError

    rows = list(range(1_000_000))
    assert preview(Batch(rows)).text.endswith("Batch(rows=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … 999,990 more])")
    assert "999,990 more" in preview(Own(rows)).text
    assert "999,990 more" in preview(types.SimpleNamespace(rows=rows)).text


def test_a_container_that_holds_itself_has_an_end() -> None:
    loop: list[object] = [1]
    loop.append(loop)
    assert preview(loop).text == "[1, <list that contains itself>]"


def test_warnings_of_foreign_code_do_not_reach_the_user() -> None:
    class Warning_:
        def __repr__(self) -> str:
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            return "fine"

    assert preview(Warning_()).text == "fine"


def test_a_table_shows_its_columns_and_its_head() -> None:
    frame = pd.DataFrame(
        {"n": range(1000), "x": [0.5, None] * 500, "s": ["long " * 20] * 1000, "t": pd.Timestamp("2026-01-02")},
        index=[f"row{i}" for i in range(1000)],
    )
    shown = preview(frame)
    assert shown.text == "1,000 rows x 4 columns"
    assert shown.shape == (1000, 4)
    assert shown.columns is not None and shown.columns[:2] == (Column("n", "int64"), Column("x", "float64"))
    assert shown.rows is not None and len(shown.rows) == 6
    assert shown.rows[1] == ("row1", "1", "nan", ("long " * 20)[:39] + "…", "2026-01-02 00:00:00")


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=range(3)),
        pd.DataFrame(columns=["a"]),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({("a", 1): [1], ("b", 2): [2]}),
        pd.DataFrame({"o": [[1], {2}, None]}),
        pd.DataFrame({"c": pd.Categorical(["x"]), "p": pd.period_range("2026", periods=1)}),
        pd.DataFrame(np.zeros((3, 10_000))),
        pd.DataFrame({"\u00e9" * 50 + str(i): ["\U0001f600" * 100] * 10 for i in range(50)}),
        pd.Series([1, 2], name=("a", 1)),
        pd.Series(dtype=float),
        pd.MultiIndex.from_product([[1, 2], ["a"]]),
    ],
    ids=lambda frame: f"{type(frame).__name__} {frame.shape}",
)
def test_tables_of_every_shape_can_be_shown(frame: Any) -> None:
    before = copy.deepcopy(frame)
    shown = preview(frame)
    assert "cannot be shown" not in shown.text
    assert shown.shape == frame.shape
    assert len(msgspec.json.encode(shown)) <= 8192
    assert before.equals(frame)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.arange(3), "3 of int64: [0, 1, 2]\nmin 0, max 2"),
        (np.arange(6).reshape(2, 3), "2 x 3 of int64:\n[0, 1, 2]\n[3, 4, 5]\nmin 0, max 5"),
        (np.array(2.5), "of one value of float64: [2.5]\nmin 2.5, max 2.5"),
        (np.array([]), "0 of float64: []"),
        (np.array(["2026-01-01"], dtype="M8[D]"), "1 of datetime64[D]: [2026-01-01]"),
        (np.zeros((2, 0)), "2 x 0 of float64:\n[]\n[]"),
        (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), "1 of [('a', '<i8'), ('b', '<f8')]: [(1, 2.0)]"),
        (np.ma.masked_array([1, 2], [False, True]), "2 of int64: [1, None]\nmin 1, max 1"),
        (scipy.sparse.eye_array(3, format="csr"), "3 x 3 of float64, csr, 3 stored"),
        (np.full(20_000, np.nan), "20,000 of float64: [nan, nan, nan, nan, nan, nan, nan, nan, …]"),
    ],
)
def test_an_array_shows_its_shape_and_its_head(array: Any, text: str) -> None:
    shown = preview(array)
    assert shown.text == text
    assert shown.shape == array.shape


def test_a_number_is_itself() -> None:
    assert [preview(value).number for value in (3, 0.5, True, np.float32(0.25), np.array(2))] == [3, 0.5, 1, 0.25, 2]
    assert [preview(value).number for value in (float("nan"), float("-inf"), "3", 1j, 10**400)] == [None] * 5


class _Scaled(LogisticRegression):
    """An estimator whose parameters are not what its ``__init__`` names."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"scale": 2}


class _Terse(LogisticRegression):
    def __repr__(self) -> str:
        return "terse"


def test_estimators_in_a_container_are_shown_by_what_is_not_as_by_default() -> None:
    models = {f"m{number}": LogisticRegression(C=0.5, max_iter=50 * number).fit([[0], [1]], [0, 1]) for number in range(1, 9)}
    assert preview(models).text == repr(models)
    assert preview([_Terse(C=2)]).text == "[terse]"
    assert preview([_Scaled()]).text == repr([_Scaled()])


def test_names_of_types_are_those_that_users_import() -> None:
    assert type_name(3) == "int"
    assert type_name(pd.DataFrame()) == "pandas.DataFrame"
    assert type_name(np.zeros(1)) == "numpy.ndarray"
    assert type_name(LogisticRegression()) == "sklearn.linear_model.LogisticRegression"
    assert type_name(collections.OrderedDict()) == "collections.OrderedDict"
    assert type_name(Hostile()) == f"{__name__}.Hostile"


def test_values_of_libraries_are_shown_in_their_words() -> None:
    figure = matplotlib.figure.Figure()
    figure.add_subplot().set_title("Loss")
    assert preview(figure).text == "Figure of 6.4 x 4.8 inches with one axes: Loss"
    model = LogisticRegression(C=0.5)
    assert preview(model).text.startswith("LogisticRegression(C=0.5, ")
    assert preview(model).text.endswith(", not fitted")
    assert preview(model.fit([[0.0], [1.0]], [0, 1])).text.endswith(", fitted")


def test_small_things_read_well() -> None:
    class Colour(enum.Enum):
        RED = 1

    Point = collections.namedtuple("Point", "x y")
    assert preview(Colour.RED).text.endswith("Colour.RED")
    assert preview(Point(1, 2)).text == "Point(x=1, y=2)"
    assert preview({"b", "a"}).text == "{'a', 'b'}"
    assert preview(collections.defaultdict(list, a=[1])).text == "defaultdict({'a': [1]})"
    assert preview({"df": pd.DataFrame({"a": [1]})}).text == "{'df': <DataFrame 1 x 1>}"
    assert preview(object()).text == "<object>"
    assert preview(x for x in ()).text == "<generator object test_small_things_read_well.<locals>.<genexpr>>"
    assert preview(np).text.startswith("<module numpy")


def test_exported_passwords_are_not_shown() -> None:
    assert preview(os.environ).text == "<_Environ>"


def test_a_lazy_frame_is_not_computed() -> None:
    module = types.ModuleType("dask.dataframe")
    exec(  # a class that says it is dask's
        "class Frame:\n def __repr__(self): raise AssertionError('computed')\n @property\n def shape(self): 1 / 0",
        vars(module),
    )
    module.Frame.__module__ = "dask.dataframe"
    assert preview(module.Frame()).text == "dask.dataframe.Frame, a plan that was not computed to be shown"


IN_A_NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
from mlm_jupyter.capture.preview import preview
import sys
before = set(sys.modules)
shell = InteractiveShell.instance()
shell.run_cell('''
import functools, dataclasses

@functools.lru_cache
def square(x, *rest, by=2):
    "Twice."
    return x ** by

class Model:
    size = 3
    def fit(self, X):
        return self

@dataclasses.dataclass
class Point:
    x: int
''')
names = shell.user_ns
shown = {name: preview(names[name]).source for name in ("square", "Model", "Point")}
assert shown["square"].startswith("@functools.lru_cache\\ndef square"), shown
assert shown["square"].endswith("return x ** by\\n"), shown
assert shown["Model"].startswith("class Model:") and shown["Model"].endswith("return self\\n"), shown
assert shown["Point"] == "@dataclasses.dataclass\\nclass Point:\\n    x: int\\n", shown
assert preview(names["square"].__wrapped__).text == "square(x, *rest, by)", preview(names["square"])
shell.run_cell("class Point: pass")
assert preview(names["Point"]).source is None  # two cells have one: nobody knows which
assert not {"numpy", "pandas", "torch", "sklearn"} & (set(sys.modules) - before)
"""


def test_functions_and_classes_of_a_notebook_show_their_source() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_NOTEBOOK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_functions_of_libraries_do_not() -> None:
    assert preview(copy.copy).source is None
    assert preview(copy.copy).text == "copy(x)"
    assert preview(len).text == "<function len>"
