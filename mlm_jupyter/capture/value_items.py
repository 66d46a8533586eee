"""What differs inside containers and objects: every place, by its path.

An object of a class that is not known here is compared by what it would be pickled as (its type, arguments and state),
which is all of its value; only where that cannot be had does its ``==`` decide, and else what can be shown of it.
"""

from __future__ import annotations

import copyreg
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import Any, Final

from mlm_jupyter.capture.brief import brief
from mlm_jupyter.capture.inspection import (
    SCALARS,
    call_quietly,
    find_by_type,
    is_plainly_same,
    is_trusted,
    reason_of,
)
from mlm_jupyter.capture.preview import preview, source_of
from mlm_jupyter.capture.value_arrays import ItemChange
from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.core.type_names import type_label, type_name


class _Key:
    """A dict's key in a path; it becomes text only when something differs below it."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key


Path = tuple[_Key | int | str, ...]
Leaf = Callable[[Any, Any], str | None]
"""Compares two values that are not walked into; returns what to note where they differ, None where they do not."""

_TEXT: Final = 80  # characters of one side of a change
_DEEPEST: Final = 100
_MOST_PAIRED: Final = 100  # keys or members that are compared one with another


class ItemWalk:
    """One walk through two values, side by side."""

    def __init__(self, leaves: Mapping[tuple[str, str], Leaf]) -> None:
        self._leaves = dict(leaves)
        self._open: set[tuple[int, int]] = set()
        self._verdicts: dict[tuple[int, int], tuple[bool, Any, Any]] = {}  # the values too, or ids would be used again

    def is_same(self, before: Any, after: Any) -> bool:
        """Whether nothing differs; values that cannot be compared and look the same count as different."""
        return next(self.changes(before, after), None) is None

    def changes(self, before: Any, after: Any, path: Path = ()) -> Iterator[ItemChange]:
        """Yield every place where ``after`` differs from ``before``."""
        if before is after or (pair := (id(before), id(after))) in self._open:
            return
        if type(before) is not type(after):
            yield _change(path, before, after, f"{type_name(before)} → {type_name(after)}")
            return
        if len(self._open) > _DEEPEST:
            yield _change(path, before, after, "nested too deep to be compared")
            return
        self._open.add(pair)
        try:
            yield from self._within(before, after, path)
        finally:
            self._open.discard(pair)

    def _within(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        if type(before) in SCALARS or is_trusted(type(before)):
            if not (before == after or (before != before and after != after)):
                yield _change(path, before, after, _first_difference(before, after))
            return
        leaf = find_by_type(before, self._leaves)
        if leaf is not None:
            note = leaf(before, after)
            if note is not None:
                yield _change(path, before, after, note)
            return
        walk = find_by_type(before, _WALKS) or ItemWalk._objects
        yield from walk(self, before, after, path)

    def _dicts(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        for key, value in dict.items(before):
            if dict.__contains__(after, key) and not is_plainly_same(value, other := dict.__getitem__(after, key)):
                yield from self.changes(value, other, (*path, _Key(key)))
        removed = [key for key in dict.keys(before) if not dict.__contains__(after, key)]
        added = [key for key in dict.keys(after) if not dict.__contains__(before, key)]
        for key, other_key in self._take_pairs(removed, added):
            yield from self.changes(dict.__getitem__(before, key), dict.__getitem__(after, other_key), (*path, _Key(key)))
        for key in removed:
            yield _removed((*path, _Key(key)), dict.__getitem__(before, key))
        for key in added:
            yield _added((*path, _Key(key)), dict.__getitem__(after, key))

    def _take_pairs(self, removed: list[Any], added: list[Any]) -> list[tuple[Any, Any]]:
        """Take out of both lists what hashes by identity but is the same: an object and its copy."""
        pairs = []
        candidates = [value for value in removed if type(value) not in SCALARS][:_MOST_PAIRED]
        for value in candidates:
            for position, other in enumerate(added[:_MOST_PAIRED]):
                if type(value) is type(other) and self._is_same_once(value, other):
                    pairs.append((value, added.pop(position)))
                    break
        taken = {id(value) for value, _ in pairs}
        removed[:] = [value for value in removed if id(value) not in taken]
        return pairs

    def _sequences(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        """Of different lengths, what both begin and end with is passed over: one inserted item is one change."""
        base = next(kind for kind in (list, tuple, deque) if kind in type(before).__mro__)
        a, b = list(base.__iter__(before)), list(base.__iter__(after))
        head = self._common(a, b) if len(a) != len(b) else 0
        tail = self._common(a[head:][::-1], b[head:][::-1]) if len(a) != len(b) else 0
        middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
        both = min(len(middle_a), len(middle_b))
        fields = getattr(type(before), "_fields", None)
        for i in range(both):
            if not is_plainly_same(middle_a[i], middle_b[i]):
                place = str(fields[head + i]) if isinstance(fields, tuple) else head + i
                yield from self.changes(middle_a[i], middle_b[i], (*path, place))
        for i, value in enumerate(middle_a[both:], head + both):
            yield _removed((*path, i), value)
        for i, value in enumerate(middle_b[both:], head + both):
            yield _added((*path, i), value)

    def _common(self, a: Sequence[Any], b: Sequence[Any]) -> int:
        length = 0
        for x, y in zip(a, b, strict=False):
            if not (is_plainly_same(x, y) or self._is_same_once(x, y)):
                break
            length += 1
        return length

    def _is_same_once(self, before: Any, after: Any) -> bool:
        """``is_same``, remembered: what is asked at each level of a nest takes exponential time otherwise."""
        pair = id(before), id(after)
        if pair not in self._verdicts:
            self._verdicts[pair] = (self.is_same(before, after), before, after)
        return self._verdicts[pair][0]

    def _sets(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        base = set if isinstance(before, set) else frozenset
        removed, added = list(base.__sub__(before, after)), list(base.__sub__(after, before))
        self._take_pairs(removed, added)
        for value in removed:
            yield _removed(path, value)
        for value in added:
            yield _added(path, value)

    def _estimators(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        """Parameters first, then what fitting left: the attributes that end with an underscore.

        Where these are equal, then all others: what a nearest neighbour or a boosted tree has learnt is private.
        """
        params, other_params = (call_quietly(lambda each: each.get_params(deep=False), each) for each in (before, after))
        fitted, other_fitted = _fitted(before), _fitted(after)
        is_told = False
        for change in chain(self._attributes(params, other_params, path), self._attributes(fitted, other_fitted, path)):
            is_told = True
            yield change
        if not is_told:
            known = params.keys() | fitted.keys()
            yield from self._attributes(_without(vars(before), known), _without(vars(after), known), path)

    def _attributes(self, before: Mapping[str, Any], after: Mapping[str, Any], path: Path) -> Iterator[ItemChange]:
        for name in dict.fromkeys(chain(before, after)):
            if name not in after:
                yield _removed((*path, name), before[name])
            elif name not in before:
                yield _added((*path, name), after[name])
            elif not is_plainly_same(before[name], after[name]):
                yield from self.changes(before[name], after[name], (*path, name))

    def _state_dicts(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        yield from self._attributes(before.state_dict(), after.state_dict(), path)

    def _functions(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        if source_of(before) != source_of(after):
            yield _change(path, before, after, "another source")
        elif _code_key(before.__code__) != _code_key(after.__code__):  # two lambdas of one line
            yield _change(path, before, after, "other code")
        else:
            for name in ("__defaults__", "__kwdefaults__", "__dict__"):
                yield from self.changes(getattr(before, name), getattr(after, name), (*path, name))
            yield from self.changes(_closure(before), _closure(after), (*path, "__closure__"))

    def _classes(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        source = source_of(before)
        if source is None or source != source_of(after):
            yield _change(path, before, after, "another class")
        else:
            yield from self._attributes(_data_of(before), _data_of(after), path)

    def _identities(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        yield _change(path, before, after, "another object")

    def _objects(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        try:
            states = _state_of(before), _state_of(after)
        except Exception as error:  # foreign code, or nothing that can be pickled
            yield from self._opaque(before, after, path, reason_of(error))
            return
        yield from self._attributes(*states, path)

    def _pictures(self, before: Any, after: Any, path: Path) -> Iterator[ItemChange]:
        yield from self._opaque(before, after, path, "pickling a figure changes it")

    def _opaque(self, before: Any, after: Any, path: Path, why: str) -> Iterator[ItemChange]:
        verdict = equality(before, after)
        if verdict is True:
            return
        if verdict is None and preview(before) == preview(after):
            yield _change(path, before, after, f"looks the same, but cannot be compared: {why}")
        else:
            yield _change(path, before, after, None if verdict is False else f"compared by what is shown: {why}")


def equality(before: Any, after: Any) -> bool | None:
    """Return what the values' own ``==`` says, None if they have none, it fails, or it gives no yes or no."""
    owner = next((base for base in type(before).__mro__ if "__eq__" in vars(base)), object)
    if owner is object:
        return None
    try:
        result = call_quietly(lambda value: value == after, before)
        return bool(result) if isinstance(result, bool) or type_label(result) == "bool" else None
    except Exception:  # foreign code
        return None


def _state_of(value: Any) -> dict[str, Any]:
    """Return what ``value`` would be pickled as, by name; what is not an attribute has a name in brackets."""
    reduced = call_quietly(lambda each: each.__reduce_ex__(4), value)
    if isinstance(reduced, str):
        return {"(name)": reduced}
    maker, arguments, state, items, pairs = (*reduced[:5], None, None, None)[:5]
    found: dict[str, Any] = {"(made by)": maker, "(arguments)": arguments}
    if maker is copyreg.__newobj__:  # type: ignore[attr-defined]  # typeshed leaves it out
        found = {"(arguments)": arguments[1:]}
    for part in state if isinstance(state, tuple) and len(state) == 2 else (state,):
        if isinstance(part, dict) and all(type(name) is str for name in part):
            found.update(part)
        elif part is not None:
            found["(state)"] = state
    if items is not None:
        found["(items)"] = list(items)
    if pairs is not None:
        found["(pairs)"] = dict(pairs)
    return found


def _fitted(estimator: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and not name.startswith("_")}


def _without(attributes: Mapping[str, Any], names: Set[str]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in names}


def _closure(function: Any) -> list[Any]:
    contents = []
    for cell in function.__closure__ or ():
        try:
            contents.append(cell.cell_contents)
        except ValueError:  # not bound yet
            contents.append(None)
    return contents


def _first_difference(before: Any, after: Any) -> str | None:
    """Return where two long texts begin to differ, which their heads may not show."""
    if not isinstance(before, (str, bytes, bytearray)) or max(len(before), len(after)) < _TEXT:
        return None
    return f"from position {common_length(before, after):,} on"


def common_length(before: Any, after: Any) -> int:
    """Return how long the texts or bytes are that both begin with."""
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if before[:middle] == after[:middle] else (low, middle - 1)
    return low


def _code_key(code: types.CodeType) -> tuple[object, ...]:
    """Return all of ``code`` but where it was written."""
    constants = [_code_key(c) if isinstance(c, types.CodeType) else (type(c), _text_of(c)) for c in code.co_consts]
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return (code.co_code, code.co_flags, names, constants)


def _text_of(constant: object) -> str:
    """Return a constant as text; of two equal sets that were made otherwise, the same."""
    return repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


def _data_of(kind: type) -> dict[str, Any]:
    """Return the class's own methods and data, without what Python adds."""
    found = {name: value for name, value in vars(kind).items() if not (name.startswith("__") and name.endswith("__"))}
    plain = (types.FunctionType, *SCALARS, list, dict, set, tuple)
    return {name: value for name, value in found.items() if isinstance(value, plain)}


def _removed(path: Path, value: Any) -> ItemChange:
    return ItemChange(_path_text(path), before=brief(value, _TEXT))


def _added(path: Path, value: Any) -> ItemChange:
    return ItemChange(_path_text(path), after=brief(value, _TEXT))


def _path_text(path: Path) -> str:
    """Return ``['a'][0].b`` for a key, a position and an attribute."""
    parts = []
    for part in path:
        if isinstance(part, _Key):
            parts.append(f"[{brief(part.key, _TEXT)}]")
        else:
            parts.append(f"[{part}]" if isinstance(part, int) else f".{part}")
    return storable("".join(parts))


def _change(path: Path, before: Any, after: Any, note: str | None = None) -> ItemChange:
    return ItemChange(_path_text(path), brief(before, _TEXT), brief(after, _TEXT), note)


Walk = Callable[[ItemWalk, Any, Any, Path], Iterator[ItemChange]]

_WALKS: Final[dict[tuple[str, str], Walk]] = {
    ("builtins", "dict"): ItemWalk._dicts,
    ("builtins", "list"): ItemWalk._sequences,
    ("builtins", "tuple"): ItemWalk._sequences,
    ("collections", "deque"): ItemWalk._sequences,
    ("builtins", "set"): ItemWalk._sets,
    ("builtins", "frozenset"): ItemWalk._sets,
    ("builtins", "function"): ItemWalk._functions,
    ("builtins", "type"): ItemWalk._classes,
    ("builtins", "module"): ItemWalk._identities,
    ("sklearn", "BaseEstimator"): ItemWalk._estimators,
    ("torch", "Module"): ItemWalk._state_dicts,
    ("torch", "Optimizer"): ItemWalk._state_dicts,
    ("torch", "LRScheduler"): ItemWalk._state_dicts,
    ("matplotlib", "Artist"): ItemWalk._pictures,
}
