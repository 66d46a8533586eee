"""Whether two namespaces are the same: values, types, and who shares what with whom.

Both graphs are walked in step. Each object with an identity worth keeping (one that can be changed) must stand for one
object of the other side and for no second one, so an alias lost or an alias gained is a difference. Memory of arrays is
compared by place: two arrays that lie so many bytes apart in one allocation must lie so in the other.
"""

from __future__ import annotations

import struct
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

_PLAIN = (int, bool, str, bytes, type(None), range, slice, types.ModuleType, types.BuiltinFunctionType, np.dtype, type(...))


class Differs(AssertionError):
    """Two namespaces are not the same; the message says where."""


def assert_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Raise Differs unless both hold the same names, values and aliases, class for class."""
    if one.keys() != other.keys():
        raise Differs(f"names: {sorted(one)} and {sorted(other)}")
    walk = _Walk()
    for name in one:
        walk.visit(one[name], other[name], name)
    walk.compare_memory()


class _Walk:
    def __init__(self) -> None:
        self._there: dict[int, Any] = {}
        self._back: dict[int, Any] = {}
        self._tuples: set[tuple[int, int]] = set()
        self._held: list[Any] = []
        self._arrays: list[tuple[np.ndarray, np.ndarray, str]] = []

    def visit(self, a: Any, b: Any, path: str) -> None:
        pending = [(a, b, path)]
        while pending:
            left, right, where = pending.pop()
            pending += self._step(left, right, where)

    def _step(self, a: Any, b: Any, path: str) -> Iterable[tuple[Any, Any, str]]:
        kind = type(a)
        if _name(kind) != _name(type(b)):
            raise Differs(f"{path}: a {_name(kind)} and a {_name(type(b))}")
        if kind is float:
            return _equal(struct.pack("d", a), struct.pack("d", b), path)
        if kind is complex:
            return _equal(struct.pack("dd", a.real, a.imag), struct.pack("dd", b.real, b.imag), path)
        if isinstance(a, np.generic) and kind is not np.void:
            return _equal((a.dtype, a.tobytes()), (b.dtype, b.tobytes()), path)
        if kind in _PLAIN:
            return _equal(a, b, path)
        if kind in (set, frozenset):
            if kind is set and self._met(a, b, path):
                return ()
            return _equal(sorted(map(_key, a)), sorted(map(_key, b)), path)
        if isinstance(a, pd.Index):  # its name can be set
            if self._met(a, b, path):
                return ()
            return [*_equal((a.dtype, a.names), (b.dtype, b.names), path), (a.tolist(), b.tolist(), path)]
        if isinstance(a, (tuple, types.MethodType)):  # they cannot be changed, and link nobody themselves
            if (id(a), id(b)) in self._tuples:
                return ()
            self._tuples.add((id(a), id(b)))
            self._held += [a, b]
            if isinstance(a, tuple):
                return self._items(a, b, path)
            return [(a.__func__, b.__func__, f"{path}.__func__"), (a.__self__, b.__self__, f"{path}.__self__")]
        if self._met(a, b, path):
            return ()
        return self._inside(a, b, path)

    def _met(self, a: Any, b: Any, path: str) -> bool:
        """Enter the pair; return whether it was met before. Raise if either stands for another object."""
        if id(a) in self._there or id(b) in self._back:
            if self._there.get(id(a)) is not b or self._back.get(id(b)) is not a:
                raise Differs(f"{path}: an alias on one side only, of a {_name(type(a))}")
            return True
        self._there[id(a)], self._back[id(b)] = b, a
        self._held += [a, b]
        return False

    def _inside(self, a: Any, b: Any, path: str) -> Iterable[tuple[Any, Any, str]]:
        kind = type(a)
        if isinstance(a, type):
            return self._of_class(a, b, path)
        if isinstance(a, types.FunctionType):
            cells = [[cell.cell_contents for cell in f.__closure__ or ()] for f in (a, b)]
            parts = [
                [f.__code__.co_code, f.__defaults__, f.__kwdefaults__, f.__dict__, *inner]
                for f, inner in zip((a, b), cells, strict=True)
            ]
            return self._items(*parts, path)
        if isinstance(a, np.ndarray):
            return self._of_array(a, b, path)
        if isinstance(a, (pd.DataFrame, pd.Series)):
            return self._of_frame(a, b, path)
        if isinstance(a, bytearray):
            return _equal(bytes(a), bytes(b), path)
        if isinstance(a, dict):
            if kind is defaultdict:
                _equal(a.default_factory, b.default_factory, path)
            pairs = [(list(one.keys()), list(one.values())) for one in (a, b)]
            return [
                (pairs[0][0], pairs[1][0], f"{path}.keys()"),
                *self._items(pairs[0][1], pairs[1][1], path),
                *self._state(a, b, path),
            ]
        if isinstance(a, deque):
            _equal(a.maxlen, b.maxlen, path)
            return self._items(a, b, path)
        if isinstance(a, list):
            return [*self._items(a, b, path), *self._state(a, b, path)]
        if isinstance(a, (types.MappingProxyType, OrderedDict)):
            return self._items(list(a.items()), list(b.items()), path)
        if type(a).__module__ != "__main__" and kind is not types.SimpleNamespace:
            return () if a is b else _equal(a, b, path)  # NA and NaT equal nothing, not even themselves
        return self._state(a, b, path)

    def _items(self, a: Iterable[Any], b: Iterable[Any], path: str) -> list[tuple[Any, Any, str]]:
        left, right = list(a), list(b)
        _equal(len(left), len(right), f"len({path})")
        self._held += [left, right]
        return [(x, y, f"{path}[{i}]") for i, (x, y) in enumerate(zip(left, right, strict=True))]

    def _state(self, a: Any, b: Any, path: str) -> list[tuple[Any, Any, str]]:
        found = []
        for cls in type(a).__mro__:
            for slot in _slots_of(cls):
                _equal(hasattr(a, slot), hasattr(b, slot), f"{path}.{slot}")
                if hasattr(a, slot):
                    found.append((getattr(a, slot), getattr(b, slot), f"{path}.{slot}"))
        left, right = (getattr(one, "__dict__", {}) for one in (a, b))
        _equal(list(left), list(right), f"vars({path})")
        found += [(left[key], right[key], f"{path}.{key}") for key in left]
        if type(a).__module__ == "__main__":
            found.append((type(a), type(b), f"type({path})"))
        return found

    def _of_class(self, a: Any, b: Any, path: str) -> Iterable[tuple[Any, Any, str]]:
        if a.__module__ != "__main__":
            return _equal(a, b, path)
        _equal(_name(a), _name(b), path)
        left, right = ({k: v for k, v in vars(c).items() if not k.startswith("_")} for c in (a, b))
        _equal(sorted(left), sorted(right), f"vars({path})")
        keep = [
            key for key in left if not isinstance(left[key], (types.MemberDescriptorType, types.GetSetDescriptorType, property))
        ]
        return [(left[key], right[key], f"{path}.{key}") for key in keep if "tuplegetter" not in type(left[key]).__name__]

    def _of_array(self, a: Any, b: Any, path: str) -> Iterable[tuple[Any, Any, str]]:
        for what in ("dtype", "shape"):
            _equal(getattr(a, what), getattr(b, what), f"{path}.{what}")
        if a.size:
            _equal(a.strides, b.strides, f"{path}.strides")
        for flag in ("WRITEABLE", "OWNDATA", "C_CONTIGUOUS", "F_CONTIGUOUS"):
            _equal(a.flags[flag], b.flags[flag], f"{path}.flags.{flag}")
        self._arrays.append((a, b, path))
        self._held += [a, b]
        found: list[tuple[Any, Any, str]] = []
        if isinstance(a, np.ma.MaskedArray):
            _equal((a.fill_value, a._hardmask), (b.fill_value, b._hardmask), path)
            masks = (a._mask, b._mask)
            found = [(np.asarray(a.data), np.asarray(b.data), f"{path}.data"), (*masks, f"{path}.mask")]
        elif a.dtype.hasobject:
            found = self._items(a.ravel().tolist(), b.ravel().tolist(), path)
        else:
            _equal(a.tobytes(), b.tobytes(), path)
        self._held.append(found)
        return found

    def _of_frame(self, a: Any, b: Any, path: str) -> Iterable[tuple[Any, Any, str]]:
        _equal([axis.dtype for axis in a.axes], [axis.dtype for axis in b.axes], path)
        found = [(x, y, f"{path}.axes") for x, y in zip(a.axes, b.axes, strict=True)]
        found += [(a.attrs, b.attrs, f"{path}.attrs")]
        if isinstance(a, pd.Series):
            _equal(a.name, b.name, f"{path}.name")
        blocks = list(zip(a._mgr.blocks, b._mgr.blocks, strict=True))
        for x, y in blocks:
            _equal(list(x.mgr_locs), list(y.mgr_locs), f"{path} blocks")
            self._met(x.refs, y.refs, f"{path} references")
            found.append((_plain_values(x.values), _plain_values(y.values), f"{path}.values"))
        return found

    def compare_memory(self) -> None:
        """Require of every two arrays in one allocation to lie in one on the other side, as far apart."""
        for side in (0, 1):
            by_root: dict[int, tuple[np.ndarray, np.ndarray, str]] = {}
            for pair in self._arrays:
                if not pair[0].size:
                    continue
                root = _root(pair[side])
                first = by_root.setdefault(root, pair)
                other = 1 - side
                if _root(pair[other]) != _root(first[other]) or _address(pair[0]) - _address(first[0]) != _address(
                    pair[1]
                ) - _address(first[1]):
                    raise Differs(f"{pair[2]}: shares memory with {first[2]} on one side, and not or elsewhere on the other")


def _plain_values(values: Any) -> Any:
    """Return what holds a block's values, as something this walk knows."""
    kind = type(values).__name__
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "_pa_array"):
        return [kind, str(values.dtype), values._pa_array.to_pylist()]
    if hasattr(values, "_mask") and hasattr(values, "_data"):
        return [kind, str(values.dtype), values._data, values._mask]
    if isinstance(values, pd.Categorical):
        return [kind, values.ordered, values.categories.tolist(), values.codes.tolist()]
    if hasattr(values, "_ndarray"):
        return [kind, str(values.dtype), values._ndarray]
    return [kind, str(values.dtype), list(values)]


def _equal(a: Any, b: Any, path: str) -> tuple[()]:
    if a != b:
        raise Differs(f"{path}: {a!r} and {b!r}")
    return ()


def _name(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _key(value: Any) -> str:
    inside = sorted(map(_key, value)) if isinstance(value, (tuple, frozenset)) else repr(value)
    return f"{_name(type(value))} {inside}"


def _slots_of(cls: type) -> list[str]:
    slots = cls.__dict__.get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def _root(array: np.ndarray) -> int:
    """Return what stands for the allocation an array lies in."""
    base: Any = array
    while getattr(base, "base", None) is not None:  # NumPy's arrays, and what stride_tricks puts between
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return _address(base) if isinstance(base, np.ndarray) else id(base)
