"""Generated namespaces: a recipe of plain numbers, and what building it gives. Built twice, it is the same twice.

A recipe makes one object after the other, each of objects made before, then ties some together (which makes cycles), then
binds names; so objects are shared between names as a matter of course.
"""

from __future__ import annotations

import copy
import enum
import gc
import linecache
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from kernels import as_main, new_main

Step = tuple[Any, ...]
Recipe = tuple[list[Step], dict[str, int], bool]

PRELUDE = """
import collections, dataclasses, enum
@dataclasses.dataclass
class Point:
    x: object
    tags: list = dataclasses.field(default_factory=list)
class Plain:
    shared = [0]
    def method(self):
        return self
class Slots:
    __slots__ = ("left", "right")
class Mixed(Slots):
    pass
class Listish(list):
    pass
class Dictish(dict):
    pass
class Colour(enum.Enum):
    RED = 1
    GREEN = [2]
Pair = collections.namedtuple("Pair", "one two")
def remember(item, seen):
    def look(n=1, *, also=seen):
        return item, also, n
    return look
"""
CLASSES = ("Point", "Plain", "Slots", "Mixed", "Listish", "Dictish", "Colour", "Pair", "remember")

SCALARS: list[Any] = [
    *[None, True, False, 0, 1, 1.0, -1, 255, 256, 2**31, -(2**63), 2**64, 10**40, -(1 << 2040)],
    *[0.0, -0.0, float("nan"), float("inf"), 5e-324, 1j, complex(-0.0, float("nan"))],
    *["", "a", "é", "\ud800 lone", "\x00", "x" * 300, "漢字" * 200, b"", b"\x00", b"y" * 300, range(3), slice(1, None), ...],
    *[np.float32(1.5), np.int8(-1), np.datetime64("2026-01-01"), np.str_("n"), np.float64("nan"), np.bool_(True)],
]
"""What cannot be changed. Strings are copied when built, so that equal ones are not the same object by chance."""

DTYPES = [
    "?",
    "i1",
    ">i4",
    "u8",
    "f2",
    "f8",
    "c16",
    "S3",
    "U2",
    "M8[ns]",
    "M8[D]",
    "m8[s]",
    "i4,f8",
    [("a", "i2"), ("b", "f4", (2,))],
    "V4",
]
SHAPES: list[tuple[int, ...]] = [(), (0,), (1,), (7,), (3, 4), (0, 3), (2, 3, 4), (4, 1, 2), (9000,), (70, 130)]

refs = st.integers(0, 40)
_several = st.lists(refs, max_size=4)
_steps = st.one_of(
    st.tuples(st.just("scalar"), st.integers(0, len(SCALARS) - 1)),
    st.tuples(st.sampled_from(["list", "tuple", "deque", "listish", "fields", "object array"]), _several),
    st.tuples(st.sampled_from(["dict", "ordered", "default", "counter", "dictish"]), _several),
    st.tuples(st.sampled_from(["set", "frozenset"]), _several),
    st.tuples(st.sampled_from(["point", "plain", "slots", "mixed", "pair", "closure"]), refs, refs),
    st.tuples(st.sampled_from(["colour", "class", "bound method", "bytearray", "copied dict"]), refs),
    st.tuples(
        st.just("array"),
        st.integers(0, len(DTYPES) - 1),
        st.integers(0, len(SHAPES) - 1),
        st.sampled_from("CFK"),
        st.booleans(),
    ),
    st.tuples(st.just("view"), refs, st.integers(0, 11)),
    st.tuples(st.just("masked"), refs, st.booleans()),
    st.tuples(
        st.sampled_from(["frame", "series"]),
        st.lists(st.integers(0, 15), min_size=1, max_size=4),
        st.integers(0, 4),
        st.integers(0, 5),
    ),
    st.tuples(st.just("part"), refs, st.integers(0, 5)),
)
_ties = st.tuples(st.just("tie"), refs, refs)
_names = st.sampled_from(["a", "b", "c", "d", "e", "ü"])


NASTY: list[Recipe] = [
    ([("slots", 1, 12), ("slots", 1, 12)], {"a": 2}, False),  # a class with slots came back without them
    (
        [("frame", [0], 2, 3), ("series", [12], 2, 0), ("frame", [7, 8, 14], 2, 0)],
        {"a": 0, "b": 1, "c": 2},
        False,
    ),  # cached freq
    (
        [("colour", 0), ("pair", 0, 0), ("class", 4), ("list", [0, 1, 2])],
        {"a": 2, "b": 3, "c": 3},
        False,
    ),  # a class by value, shared
    ([("view", 0, 0), ("view", 0, 11), ("view", 1, 1)], {"a": 0, "b": 1, "c": 2}, False),  # views through stride_tricks
    ([("bytearray", 33), ("view", 0, 0), ("bytearray", 0)], {"a": 0, "b": 1, "c": 2}, False),
    ([("list", []), ("dict", [0]), ("plain", 0, 1), ("tie", 0, 2), ("tie", 0, 1)], {"a": 0, "b": 1, "c": 2}, True),  # cycles
    ([("closure", 0, 0), ("closure", 0, 0), ("plain", 0, 14), ("tie", 4, 5)], {"a": 0, "b": 10}, False),
    ([("scalar", index) for index in range(len(SCALARS))] + [("list", list(range(len(SCALARS))))], {"a": len(SCALARS)}, False),
    (
        [("array", dtype, 6, "K", False) for dtype in range(len(DTYPES))] + [("list", list(range(len(DTYPES))))],
        {"a": 15},
        False,
    ),
    ([("frame", list(range(16)), 2, index) for index in range(6)] + [("list", list(range(6)))], {"a": 6}, False),
    ([("frame", [0, 0, 1], 2, 0), *(("part", 0, how) for how in range(6))], {"a": 0, "b": 1, "c": 2, "d": 5, "e": 6}, False),
    ([("frame", [2, 3, 4], 4, 0), ("part", 0, 0), ("part", 0, 5)], {"a": 0, "b": 1, "c": 2}, False),
]
"""What was found wrong once, or is likely to be."""


def recipes() -> st.SearchStrategy[Recipe]:
    """Return namespaces to be: steps, what each name is bound to, whether the classes are bound to their names too."""
    made = st.lists(_steps, min_size=1, max_size=14)
    ties = st.lists(_ties, max_size=4)
    bound = st.dictionaries(_names, refs, min_size=1)
    return st.tuples(st.builds(lambda a, b: a + b, made, ties), bound, st.booleans())


def build(recipe: Recipe) -> types.ModuleType:
    """Return a new ``__main__`` made by a recipe."""
    steps, bound, has_classes = recipe
    main = new_main()
    linecache.cache["<prelude>"] = (len(PRELUDE), None, PRELUDE.splitlines(keepends=True), "<prelude>")
    with as_main(main):
        exec(compile(PRELUDE, "<prelude>", "exec", dont_inherit=True), main.__dict__)
        know = dict(main.__dict__)
        for name in [name for name in main.__dict__ if not name.startswith("__")]:
            if not (has_classes and name in CLASSES):
                del main.__dict__[name]
        pool: list[Any] = []
        for kind, *arguments in steps:
            pick = _Pick(pool, know)
            if kind == "tie":
                tie(pick(arguments[0]), pick(arguments[1]))
            else:
                pool.append(MAKERS[kind](pick, *arguments))
        for name, index in bound.items():
            main.__dict__[name] = pool[index % len(pool)] if pool else None
    return main


class _Pick:
    """Gives the objects made so far by number."""

    def __init__(self, pool: list[Any], know: dict[str, Any]) -> None:
        self._pool = pool
        self.know = know

    def __call__(self, index: int) -> Any:
        return self._pool[index % len(self._pool)] if self._pool else index

    def all(self, indices: list[int]) -> list[Any]:
        return [self(index) for index in indices]

    def of(self, index: int, *kinds: type) -> Any:
        found = [one for one in self._pool if isinstance(one, kinds)]
        return found[index % len(found)] if found else None


def _scalar(pick: _Pick, index: int) -> Any:
    value = SCALARS[index]
    return type(value)(value[:1]) + value[1:] if type(value) in (str, bytes) else value


def _is_hashable(value: Any) -> bool:
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_hashable, value))
    return type(value) in (int, float, bool, str, bytes, complex, type(None))


def _keyed(pick: _Pick, indices: list[int]) -> list[tuple[Any, Any]]:
    return [
        (value if _is_hashable(value) else f"k{index}", value) for index, value in zip(indices, pick.all(indices), strict=True)
    ]


def _slots(name: str) -> Callable[..., Any]:
    def make(pick: _Pick, left: int, right: int) -> Any:
        made = pick.know[name]()
        made.left = pick(left)
        if right % 2:
            made.right = pick(right)
        if name == "Mixed":
            made.extra = pick(right)
        return made

    return make


def _plain(pick: _Pick, one: int, other: int) -> Any:
    made = pick.know["Plain"]()
    made.one, made.other = pick(one), pick(other)
    return made


def _array(pick: _Pick, dtype: int, shape: int, order: str, is_writeable: bool) -> Any:
    kind, sides = np.dtype(DTYPES[dtype]), SHAPES[shape]
    count = int(np.prod(sides))
    data = np.random.RandomState(dtype * 31 + shape).bytes(count * kind.itemsize) if kind.char not in "U?" else None
    flat = np.frombuffer(bytearray(data), kind) if data else np.arange(count).astype(kind)
    array = np.empty(sides, kind, order="F" if order == "F" else "C")
    array[...] = flat.reshape(sides)
    if order == "K" and array.ndim > 1:
        array = np.copy(np.moveaxis(array, 0, -1), order="K")
    array.flags.writeable = is_writeable
    return array


def _view(pick: _Pick, index: int, how: int) -> Any:
    array = pick.of(index, np.ndarray)
    if array is None or isinstance(array, np.ma.MaskedArray):
        return np.frombuffer(bytearray(b"abcdefgh"), "u1")
    ways: list[Callable[[Any], Any]] = [
        lambda a: a[::2],
        lambda a: a[::-1],
        lambda a: a.T,
        lambda a: a[..., 1:],
        lambda a: a[None],
        lambda a: a.reshape(-1),
        lambda a: a[a.dtype.names[0]] if a.dtype.names else a[:1],
        lambda a: np.broadcast_to(a, (2, *a.shape)),
        lambda a: a.view("u1"),
        lambda a: a[1:2],
        lambda a: a[-1:],
        lambda a: np.lib.stride_tricks.sliding_window_view(a, 2),
    ]
    try:
        return ways[how](array)
    except (IndexError, ValueError, TypeError):
        return array.view()


def _masked(pick: _Pick, index: int, has_mask: bool) -> Any:
    base = np.arange(6.0) + index
    return np.ma.masked_array(base, mask=[True, False] * 3 if has_mask else np.ma.nomask, fill_value=-1)


COLUMNS: list[Callable[[int], Any]] = [
    lambda n: np.arange(n),
    lambda n: np.linspace(0, 1, n),
    lambda n: [f"s{i}" for i in range(n)],
    lambda n: pd.Series([f"é{i}" if i % 2 else None for i in range(n)], dtype="str"),
    lambda n: pd.array([f"p{i}" for i in range(n)], dtype=pd.StringDtype("python")),
    lambda n: pd.array([f"p{i}" for i in range(n)], dtype=pd.StringDtype("pyarrow")),
    lambda n: pd.Categorical(["u", "v", "u", None, "w"][:n] * (n // 5 + 1))[:n],
    lambda n: pd.date_range("2026-01-01", periods=n, tz="Europe/Berlin"),
    lambda n: pd.date_range("2026-01-01", periods=n),
    lambda n: pd.array([1, None, 3] * n, dtype="Int64")[:n],
    lambda n: pd.array([True, None] * n, dtype="boolean")[:n],
    lambda n: pd.Series([[i] for i in range(n)], dtype=object),
    lambda n: pd.period_range("2026-01", periods=n, freq="M"),
    lambda n: pd.Series([1.5, "x", None][:n] * (n // 3 + 1), dtype=object)[:n],
    lambda n: pd.timedelta_range("1h", periods=n),
    lambda n: pd.array(np.ones(n), dtype="Sparse[float]"),
]
INDEXES: list[Callable[[int], Any]] = [
    lambda n: pd.RangeIndex(n),
    lambda n: pd.Index([f"r{i}" for i in range(n)], name="rows"),
    lambda n: pd.MultiIndex.from_product([["a", "b"], range(n)], names=["one", None])[:n],
    lambda n: pd.date_range("2020", periods=n),
    lambda n: pd.Index([0] * n),
    lambda n: pd.CategoricalIndex(["z"] * n),
]


def _frame(pick: _Pick, columns: list[int], size: int, index: int) -> Any:
    n = (0, 1, 3, 5, 5000)[size]
    if n == 5000:
        columns = [column % 5 for column in columns]
    made = pd.DataFrame({i: pd.Series(COLUMNS[column](n)).reset_index(drop=True) for i, column in enumerate(columns)})
    made.columns = pd.Index([f"c{column}" for column in columns])  # the same twice: duplicated names
    if len(made) == n and n < 100:
        made.index = INDEXES[index](n)
    made.attrs["n"] = [n]
    return made


def _series(pick: _Pick, columns: list[int], size: int, index: int) -> Any:
    return _frame(pick, columns, size, index).iloc[:, 0]


def _part(pick: _Pick, index: int, how: int) -> Any:
    whole = pick.of(index, pd.DataFrame)
    if whole is None:
        return pd.Index([1, 2])
    ways: list[Callable[[Any], Any]] = [
        lambda f: f.iloc[:, 0],
        lambda f: f[:],
        lambda f: f.iloc[1:],
        lambda f: f.index,
        lambda f: pd.Index(f.iloc[:, 0]),
        lambda f: f.iloc[:, 0].to_numpy(),
    ]
    try:
        return ways[how](whole)
    except (TypeError, ValueError):
        return whole.iloc[:1]


def _object_array(pick: _Pick, indices: list[int]) -> Any:
    array = np.empty(len(indices), dtype=object)
    for place, value in enumerate(pick.all(indices)):
        array[place] = value
    return array


def _copied_dict(pick: _Pick, index: int) -> Any:
    return pick.know["Dictish"]() if (found := pick.of(index, dict)) is None else copy.copy(found)


MAKERS: dict[str, Callable[..., Any]] = {
    "scalar": _scalar,
    "list": lambda pick, items: pick.all(items),
    "tuple": lambda pick, items: tuple(pick.all(items)),
    "deque": lambda pick, items: deque(pick.all(items), maxlen=9 if len(items) % 2 else None),
    "listish": lambda pick, items: pick.know["Listish"](pick.all(items)),
    "fields": lambda pick, items: types.SimpleNamespace(**{f"f{i}": item for i, item in enumerate(pick.all(items))}),
    "object array": _object_array,
    "dict": lambda pick, items: dict(_keyed(pick, items)),
    "ordered": lambda pick, items: OrderedDict(_keyed(pick, items)),
    "default": lambda pick, items: defaultdict(list, _keyed(pick, items)),
    "counter": lambda pick, items: Counter(key for key, _ in _keyed(pick, items)),
    "dictish": lambda pick, items: pick.know["Dictish"](_keyed(pick, items)),
    "set": lambda pick, items: {value for value in pick.all(items) if _is_hashable(value)},
    "frozenset": lambda pick, items: frozenset(value for value in pick.all(items) if _is_hashable(value)),
    "point": lambda pick, x, tag: pick.know["Point"](pick(x), [pick(tag)]),
    "plain": _plain,
    "slots": _slots("Slots"),
    "mixed": _slots("Mixed"),
    "pair": lambda pick, one, two: pick.know["Pair"](pick(one), pick(two)),
    "closure": lambda pick, item, seen: pick.know["remember"](pick(item), pick(seen)),
    "colour": lambda pick, index: list(pick.know["Colour"])[index % 2],
    "class": lambda pick, index: pick.know[CLASSES[index % 6]],
    "bound method": lambda pick, index: getattr(pick.of(index, pick.know["Plain"]), "method", None),
    "bytearray": lambda pick, index: bytearray(b"z" * index * 4000),
    "copied dict": _copied_dict,
    "array": _array,
    "view": _view,
    "masked": _masked,
    "frame": _frame,
    "series": _series,
    "part": _part,
}


def tie(target: Any, value: Any) -> bool:
    """Put ``value`` into ``target``, if that is something to put into; return whether it was."""
    if isinstance(target, (list, deque)):
        target.append(value)
    elif isinstance(target, Counter):
        target["tied"] += 1
    elif isinstance(target, dict):
        target["tied"] = value
    elif isinstance(target, set):
        target.add(("tied", len(target)))
    elif isinstance(target, bytearray):
        if not target:
            return False
        target[-1] ^= 1  # an array that looks at it forbids resizing
    elif isinstance(target, types.SimpleNamespace) or type(target).__name__ in ("Plain", "Mixed", "Point"):
        target.tied = value
    elif type(target).__name__ == "Slots":
        target.right = value
    elif isinstance(target, np.ndarray) and type(target) is np.ndarray and target.size and target.flags.writeable:
        return _write(target)
    else:
        return False
    return True


def _write(array: Any) -> bool:
    """Change the last item of an array."""
    last = array[(-1,) * array.ndim or ...]
    if array.dtype.hasobject:
        array[(-1,) * array.ndim or ...] = "tied"
        return not isinstance(last, str)
    raw = np.frombuffer(np.array(last, dtype=array.dtype).tobytes(), "u1") ^ 1
    array[(-1,) * array.ndim or ...] = raw.view(array.dtype)[0]
    return bool(array[(-1,) * array.ndim or ...].tobytes() != last.tobytes())


def inside(value: Any) -> Iterator[Any]:
    """Yield every object that ``value`` leads to, itself first; a frame's insides are its own affair."""
    seen: dict[int, Any] = {}
    pending = [value]
    while pending:
        one = pending.pop()
        if id(one) in seen or isinstance(one, (types.ModuleType, types.BuiltinFunctionType, str, int, float)):
            continue
        if isinstance(one, (types.CodeType, types.GetSetDescriptorType, types.MemberDescriptorType)):
            continue
        seen[id(one)] = one
        yield one
        if isinstance(one, types.FunctionType):
            pending += [
                one.__defaults__,
                one.__kwdefaults__,
                one.__dict__,
                *(cell.cell_contents for cell in one.__closure__ or ()),
            ]
        elif type(one).__name__ == "DummyArray":  # what as_strided puts between; its description of the memory is its own
            pending.append(one.base)
        elif isinstance(one, enum.Enum):
            pending += [type(one), one.value]
        elif isinstance(one, type):
            if one.__module__ == "__main__":
                pending += [item for key, item in vars(one).items() if not key.startswith("_")]
        elif isinstance(one, (pd.DataFrame, pd.Series, pd.Index)):
            pending.append(one.attrs if not isinstance(one, pd.Index) else None)
        elif isinstance(one, np.ndarray):
            pending += [one.base, *(one.ravel().tolist() if one.dtype.hasobject else ())]
        else:
            pending += gc.get_referents(one)
