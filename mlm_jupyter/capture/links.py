"""Which variables share mutable objects, and so must be stored and restored together."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
import re
import sys
import types
import typing
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from xxhash import xxh3_128_hexdigest

from mlm_jupyter.capture.memory import Region
from mlm_jupyter.capture.nesting import Places
from mlm_jupyter.capture.pickling import Dump
from mlm_jupyter.core.type_names import module_of

_IMMUTABLE: Final[tuple[type, ...]] = (
    str, bytes, int, float, complex, bool, type(None), tuple, frozenset, range, slice, type(...), type(NotImplemented),
    datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, decimal.Decimal, fractions.Fraction, uuid.UUID,
    re.Pattern, pathlib.PurePath, enum.Enum, types.ModuleType, types.BuiltinFunctionType, types.MethodType, types.CodeType,
    types.MappingProxyType, types.GenericAlias, types.UnionType, property, staticmethod, classmethod,
    types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType,
    types.GetSetDescriptorType, types.MemberDescriptorType,
    typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple, getattr(typing, "TypeAliasType", typing.TypeVar),
    typing.NewType, type, types.FunctionType,
)  # fmt: skip
_VALUES: Final = (
    *(str, bytes, int, float, complex, tuple, frozenset, decimal.Decimal, fractions.Fraction, uuid.UUID, pathlib.PurePath),
    *(datetime.date, datetime.time, datetime.timedelta),
)
"""Types whose subclasses let their instances have attributes, unless they say no."""
_IMMUTABLE_ABROAD: Final = (
    ("numpy", "dtype", "generic", "ufunc"),
    ("pandas", "Timestamp", "Timedelta", "Period", "Interval"),
    ("pandas", "api.extensions.ExtensionDtype", "tseries.offsets.BaseOffset"),
    ("pyarrow", "DataType", "Field", "Schema", "Array", "ChunkedArray", "Buffer", "Table", "RecordBatch"),
    ("polars", "DataType", "datatypes.DataTypeClass"),
    ("typing", "_BaseGenericAlias"),
    ("dataclasses", "_FIELD_BASE"),
    ("torch", "dtype", "device", "Size", "layout", "memory_format"),
)  # fmt: skip


class _Kinds(dict[type, bool]):
    """Whether an object of a type links, decided when a type is first met; a dict, so that asking costs no call."""

    def __missing__(self, kind: type) -> bool:
        is_link = not issubclass(kind, (*_IMMUTABLE, *_immutable_abroad(kind))) or _is_open(kind)
        if kind.__module__ != "__main__":  # a class of the notebook is not kept alive by this table
            self[kind] = is_link
        return is_link


def _is_open(kind: type) -> bool:
    """Return whether objects of a type, though their value is fixed, can be given attributes or be written into."""
    if issubclass(kind, _VALUES) and not issubclass(kind, enum.Enum):
        return kind.__dictoffset__ != 0 and not any(map(module_of(kind).startswith, ("pandas.", "torch")))
    return kind.__module__ == "numpy" and kind.__name__ in ("void", "record")


_kinds: Final = _Kinds()


def _immutable_abroad(kind: type) -> Iterator[type]:
    packages = {module_of(base).partition(".")[0] for base in kind.__mro__}
    for package, *paths in _IMMUTABLE_ABROAD:
        if package in packages and package in sys.modules:
            yield from _lookup(sys.modules[package], paths)


def _lookup(package: Any, paths: Iterable[str]) -> Iterator[type]:
    for path in paths:
        value = package
        for part in path.split("."):
            value = getattr(value, part, None)
        if isinstance(value, type):
            yield value


class Groups:
    """A partition of names: those that share something are in one group."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def add(self, name: str) -> None:
        """Make ``name`` a group of its own unless it is in one."""
        self._parent.setdefault(name, name)

    def join(self, one: str, other: str) -> None:
        """Make the groups of two names one."""
        self.add(one)
        self.add(other)
        self._parent[self._root(one)] = self._root(other)

    def _root(self, name: str) -> str:
        while (parent := self._parent[name]) != name:
            self._parent[name] = name = self._parent[parent]
        return name

    def all(self) -> list[tuple[str, ...]]:
        """Return the groups, each in order of name."""
        members: dict[str, list[str]] = {}
        for name in sorted(self._parent):
            members.setdefault(self._root(name), []).append(name)
        return [tuple(names) for names in members.values()]


Sharing = dict[tuple[str, str], str]
"""For each pair of names that share objects, what tells which of the one's are which of the other's."""


def find_sharing(dumps: Mapping[str, Dump], overlaps: Iterable[tuple[Region, Region]], places: Places) -> Sharing:
    """Return who shares what: objects, and the memory that ``overlaps``. An unknown type links, for exactness comes first.

    All pairs of the names that share an object are entered, so that each pair tells of its two names alone, whatever else
    changes; where there are very many, the pairs with one of them. Of a value that lies whole in another, ``places`` tells
    all there is to tell of the two.
    """
    nested = {(min(pair), max(pair)) for pair in places if _is_link(*pair, dumps)}
    pairs: dict[tuple[str, str], list[tuple[int, int]]] = {}
    holders: dict[int, tuple[str, ...]] = {}
    large: list[str] = []
    for name in sorted(dumps, key=lambda name: len(dumps[name].memo)):
        memo, own_code = dumps[name].memo, dumps[name].by_value
        is_large = len(memo) > _LARGE  # never walked: intersecting walks the smaller side
        mine: dict[int, tuple[str, ...]] = {} if is_large else dict.fromkeys(memo, (name,))
        for identity in holders.keys() & memo.keys():
            others = mine[identity] = holders[identity]
            if not _kinds[type(memo[identity][1])] and identity not in own_code:  # a text, most of the time
                continue
            for other in others:
                if (pair := (other, name) if other < name else (name, other)) not in nested:
                    _note(pairs, identity, pair, dumps)
            if len(others) < _MOST_PAIRED:
                mine[identity] = (*others, name)
        for other in large:
            if (pair := (min(other, name), max(other, name))) not in nested:
                for identity in dumps[other].memo.keys() & memo.keys():
                    _note(pairs, identity, pair, dumps)
        if is_large:
            large.append(name)
        else:
            holders.update(mine)
    for lender, borrower in overlaps:
        if lender.name != borrower.name:
            one, two = sorted((lender, borrower), key=lambda region: region.name)
            pairs.setdefault((one.name, two.name), []).append((two.start - one.start, -1))
    for pair in nested:
        pairs.setdefault(pair, []).append((places.get(pair, -1), places.get(pair[::-1], -1)))
    return {pair: xxh3_128_hexdigest(repr(sorted(numbers)).encode()) for pair, numbers in pairs.items()}


_LARGE: Final = 5_000
_MOST_PAIRED: Final = 8


def _note(
    pairs: dict[tuple[str, str], list[tuple[int, int]]], identity: int, pair: tuple[str, str], dumps: Mapping[str, Dump]
) -> None:
    """Enter an object that two pickles have in common, if it makes them share something."""
    one, other = dumps[pair[0]], dumps[pair[1]]
    if _is_shared(identity, one, other):
        pairs.setdefault(pair, []).append((one.memo[identity][0], other.memo[identity][0]))


def _is_link(outer: str, inner: str, dumps: Mapping[str, Dump]) -> bool:
    """Return whether changing a value that lies in another could be noticed there."""
    return _is_shared(dumps[inner].identity, dumps[outer], dumps[inner])


def _is_shared(identity: int, one: Dump, other: Dump) -> bool:
    """Return whether changing an object that two pickles have in common could be noticed in both values."""
    is_own_code = identity in one.by_value and identity in other.by_value
    if not is_own_code and (identity in one.unlinked or identity in other.unlinked or not _links(one.memo[identity][1])):
        return False
    return not _is_guarded(identity, one, other) and not _is_guarded(identity, other, one)


def _is_guarded(identity: int, one: Dump, other: Dump) -> bool:
    """Return whether an array is the data of an Index in one value and nothing that can be written into in the other."""
    return identity in one.index_data and (identity in other.index_data or identity in other.guarded)


def is_mutable(kind: type) -> bool:
    """Return whether an object of this type can be changed in place, as far as one knows."""
    return _kinds[kind]


def _links(obj: Any) -> bool:
    return _kinds[type(obj)] and not _is_found_by_name(obj)


class _Answering(dict[type, bool]):
    """Whether objects of a type of a library have a ``__getattr__``, which may do anything, and keep it."""

    def __missing__(self, kind: type) -> bool:
        self[kind] = any("__getattr__" in vars(base) for base in kind.__mro__)
        return self[kind]


_answering: Final = _Answering()


def _own(obj: Any, name: str, default: Any) -> Any:
    """Return an attribute without asking the object's ``__getattr__``."""
    try:
        return object.__getattribute__(obj, name)
    except Exception:  # foreign code again, where it is a property
        return default


def _is_found_by_name(obj: Any) -> bool:
    """Return whether an object is a library's own, stored as where it lives: a compiled function, a singleton."""
    kind = type(obj)
    if module_of(kind) == "__main__":
        return False
    own = _own if _answering[kind] else getattr
    name = own(obj, "__qualname__", None) or own(obj, "__name__", None)
    module_name = own(obj, "__module__", None)
    module = sys.modules.get(module_name) if isinstance(module_name, str) else None
    return module is not None and module.__name__ != "__main__" and isinstance(name, str) and getattr(module, name, None) is obj
