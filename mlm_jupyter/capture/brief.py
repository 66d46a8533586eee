"""A short text of any value, made without trusting it: bounded in length, depth and time, and never raising.

``repr`` of a list of a million dicts makes the whole text before the first character can be shown, and an object's own
``__repr__`` may be slow, wrong or have effects. So builtins are walked here through their base classes' methods, only as far
as there is room, and foreign ``__repr__`` is called for a handful of objects and never again for a type that was slow.
"""

from __future__ import annotations

import functools
import inspect
import re
import time
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from mlm_jupyter.capture.inspection import (
    attributes_of,
    call_quietly,
    find_by_type,
    is_lazy,
    is_plainly_same,
    is_trusted,
    reason_of,
    sizes,
)
from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.core.type_names import module_of, type_label

Walk = Callable[["Writer", Any, int], None]

MOST_CHARACTERS: Final = 2_000
_DEEPEST: Final = 4
_MOST_ITEMS: Final = (20, 10, 5, 5)  # by depth
_MOST_FOREIGN: Final = 5  # calls of __repr__ for one text
_LARGE: Final = 1_000  # items of an attribute from which an object's own __repr__ is not asked
_SLOW_S: Final = 0.05
_MOST_BITS: Final = 4_000  # an int's digits cost quadratic time, and beyond 4,300 of them an error
_PLAIN: Final = 10**18  # ints below it need no care
_ELLIPSIS: Final = "…"

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")  # differs between equal values
_slow: set[str] = set()  # names of types whose __repr__ took longer than _SLOW_S
_pure: set[str] = set()  # names of types whose __repr__ was seen to leave a value as it was
_defaults: weakref.WeakKeyDictionary[type, dict[str, Any]] = weakref.WeakKeyDictionary()
_changing: set[str] = set()  # names of types whose __repr__ was seen not to, most often as it keeps what it found out


class _OutOfRoomError(Exception):
    """The text is as long as it may be, or took as long."""


class Writer:
    """Where a text is gathered until it is long enough, or took long enough."""

    def __init__(self, most: int = MOST_CHARACTERS, *, budget_ms: float = 20.0) -> None:
        self.is_truncated = False
        self.on_trial: set[str] = set()  # the types asked for the first time: `settle` is to be told how that went
        self._most = most
        self._parts: list[str] = []
        self._room = most
        self._budget_s = budget_ms / 1000
        self._deadline: float | None = None  # set by the first look, for a library's first call may load half of it
        self._foreign_left = _MOST_FOREIGN
        self._open: set[int] = set()  # ids of the containers that the walk is inside of

    def text(self, value: object) -> str:
        """Return the text of ``value``; calls share the time and the foreign calls that are left, not the room."""
        self._parts, self._room = [], self._most
        try:
            self.walk(value, 0)
        except _OutOfRoomError:
            self.is_truncated = True
            self._parts.append(_ELLIPSIS)
        return storable("".join(self._parts))

    def short(self, value: Any, most: int) -> str:
        """Return the text of ``value`` in at most ``most`` characters; a str is its own text, a float has six digits."""
        kind: type[Any] = type(value)
        if kind is float:
            return f"{value:.6g}"
        if kind is bool or (kind is int and -_PLAIN < value < _PLAIN):
            return str(value)
        if kind is str or is_trusted(kind):
            text: str = str(value) if kind is not str else value
            return storable(text if len(text) <= most else text[: most - 1] + _ELLIPSIS)
        whole, self._most = self._most, most - 1
        try:
            return self.text(value)
        finally:
            self._most = whole

    def write(self, text: str) -> None:
        if len(text) > self._room:
            self._parts.append(text[: self._room])
            raise _OutOfRoomError
        self._parts.append(text)
        self._room -= len(text)

    def is_late(self) -> bool:
        now = time.perf_counter()
        if self._deadline is None:
            self._deadline = now + self._budget_s
        return now > self._deadline

    def walk(self, value: Any, depth: int) -> None:
        """Write ``value``, which lies ``depth`` containers deep."""
        if self.is_late():
            raise _OutOfRoomError
        walker = _WALKS.get(type(value)) or find_by_type(value, _WALKS_BY_NAME) or _walk_object
        if id(value) in self._open:
            self.write(f"<{type_label(value)} that contains itself>")
            return
        self._open.add(id(value))
        try:
            walker(self, value, depth)
        except (_OutOfRoomError, KeyboardInterrupt):
            raise
        except BaseException as error:  # whatever foreign code raises is a fact about the value
            self.write(f"<{type_label(value)}: {reason_of(error)}>")
        finally:
            self._open.discard(id(value))

    def items(self, opening: str, values: Iterable[Any], closing: str, length: int, depth: int) -> None:
        """Write ``values`` between brackets, no more of them than are read at this depth."""
        self.write(opening)
        if depth < _DEEPEST:
            most = _MOST_ITEMS[depth]
            for position, value in enumerate(islice(values, most)):
                if position:
                    self.write(", ")
                self.walk(value, depth + 1)
            left = length - most
        else:
            left = length
        if left > 0:
            self.is_truncated = True
            self.write(_ELLIPSIS if left == length else f", {_ELLIPSIS} {left:,} more")
        self.write(closing)

    def pairs(self, opening: str, pairs: Iterable[tuple[Any, Any]], closing: str, length: int, depth: int) -> None:
        """Write ``key: value`` pairs, or ``name=value`` where the opening bracket is round."""
        sign = "=" if opening.endswith("(") else ": "
        self.items(opening, (_Pair(key, value, sign) for key, value in pairs), closing, length, depth)

    def foreign(self, value: object) -> None:
        """Write what the value's own ``__repr__`` returns, if there is no reason against asking it."""
        name = type_label(value)
        if is_trusted(type(value)):
            self.write(repr(value))
            return
        if self._foreign_left <= 0 or is_lazy(value):
            self.write(f"<{name}>")
            return
        if name in _slow:
            self.write(f"<{name}: its __repr__ is slow>")
            return
        if name in _changing:
            self.write(f"<{name}>")
            return
        if name not in _pure:
            self.on_trial.add(name)
        self._foreign_left -= 1
        started = time.perf_counter()
        try:
            text = call_quietly(repr, value)
        finally:
            if time.perf_counter() - started > _SLOW_S:
                _slow.add(name)
        self.write(_ADDRESS.sub("", str.__str__(text)))


def settle(names: set[str], *, is_pure: bool) -> None:
    """Say whether types that were on trial left the value that was shown as it was; those that did not are not asked again."""
    (_pure if is_pure else _changing).update(names)


class _Pair:
    __slots__ = ("key", "sign", "value")

    def __init__(self, key: Any, value: Any, sign: str) -> None:
        self.key, self.value, self.sign = key, value, sign


def brief(value: object, most: int = MOST_CHARACTERS) -> str:
    """Return a text of ``value`` of at most ``most`` characters."""
    return Writer(most - 1).text(value)


def _walk_plain(writer: Writer, value: Any, depth: int) -> None:
    writer.write(repr(value))


def _walk_int(writer: Writer, value: int, depth: int) -> None:
    bits = int.bit_length(value)
    writer.write(int.__repr__(value) if bits <= _MOST_BITS else f"<int of {bits:,} bits>")


def _walk_str(writer: Writer, value: Any, depth: int) -> None:
    kind = str if isinstance(value, str) else (bytes if isinstance(value, bytes) else bytearray)
    length, most = kind.__len__(value), MOST_CHARACTERS if depth == 0 else 100
    writer.write(kind.__repr__(kind.__getitem__(value, slice(most))))
    if length > most:
        writer.is_truncated = True
        writer.write(_ELLIPSIS)


def _walk_list(writer: Writer, value: Any, depth: int) -> None:
    opening, closing = _brackets(value, list, "[", "]")
    writer.items(opening, list.__iter__(value), closing, list.__len__(value), depth)


def _walk_deque(writer: Writer, value: deque[Any], depth: int) -> None:
    writer.items(f"{type_label(value)}([", deque.__iter__(value), "])", deque.__len__(value), depth)


def _walk_tuple(writer: Writer, value: tuple[Any, ...], depth: int) -> None:
    fields = getattr(type(value), "_fields", None)
    length = tuple.__len__(value)
    if isinstance(fields, tuple) and len(fields) == length:
        pairs = zip(map(_Name, fields), tuple.__iter__(value), strict=True)
        writer.pairs(f"{type_label(value)}(", pairs, ")", length, depth)
        return
    opening, closing = _brackets(value, tuple, "(", ",)" if length == 1 else ")")
    writer.items(opening, tuple.__iter__(value), closing, length, depth)


def _walk_set(writer: Writer, value: Any, depth: int) -> None:
    base = set if isinstance(value, set) else frozenset
    length = base.__len__(value)
    if not length:
        writer.write(f"{type_label(value)}()")
        return
    members: Iterable[Any] = base.__iter__(value)
    if length <= _LARGE:
        members = list(members)
        if {type(member) for member in members} in ({str}, {int}):
            members = sorted(members)
    opening, closing = ("{", "}") if type(value) is set else (f"{type_label(value)}({{", "})")
    writer.items(opening, members, closing, length, depth)


def _walk_dict(writer: Writer, value: Any, depth: int) -> None:
    opening, closing = _brackets(value, dict, "{", "}")
    writer.pairs(opening, dict.items(value), closing, dict.__len__(value), depth)


def _brackets(value: object, base: type, opening: str, closing: str) -> tuple[str, str]:
    if type(value) is base:
        return opening, closing
    return f"{type_label(value)}({opening}", f"{closing})"


def _walk_view(writer: Writer, value: Any, depth: int) -> None:
    writer.items(f"{type_label(value)}([", iter(value), "])", len(value), depth)


def _walk_proxy(writer: Writer, value: Any, depth: int) -> None:
    writer.pairs("mappingproxy({", ((key, value[key]) for key in value), "})", len(value), depth)


def _walk_pair(writer: Writer, pair: _Pair, depth: int) -> None:
    writer.walk(pair.key, depth)
    writer.write(pair.sign)
    writer.walk(pair.value, depth)


class _Name(str):
    """A name that is written without quotes."""

    __slots__ = ()


def _walk_name(writer: Writer, name: _Name, depth: int) -> None:
    writer.write(str.__str__(name))


def _walk_callable(writer: Writer, value: Any, depth: int) -> None:
    kind = "class" if isinstance(value, type) else "function"
    writer.write(f"<{kind} {type.__getattribute__(value, '__qualname__') if kind == 'class' else value.__qualname__}>")


def _walk_module(writer: Writer, value: types.ModuleType, depth: int) -> None:
    known = types.ModuleType.__getattribute__(value, "__dict__")
    version = known.get("__version__")
    name = known.get("__name__")
    writer.write(f"<module {name}{f' {version}' if isinstance(version, str) else ''}>")


def _walk_partial(writer: Writer, value: functools.partial[Any], depth: int) -> None:
    named = [(_Name(f"{position}"), argument) for position, argument in enumerate(value.args)]
    named += [(_Name(key), argument) for key, argument in value.keywords.items()]
    pairs = [(_Name("function"), value.func), *named]
    writer.pairs("partial(", pairs, ")", len(pairs), depth)


def _walk_error(writer: Writer, value: BaseException, depth: int) -> None:
    arguments = vars(BaseException)["args"].__get__(value)  # a subclass may have others
    writer.items(f"{type_label(value)}(", arguments, ")", len(arguments), depth)


def _walk_data(writer: Writer, value: Any, depth: int) -> None:
    writer.write(f"{type_label(value)}(")
    writer.walk(attributes_of(value).get("data"), depth)
    writer.write(")")


def _walk_array(writer: Writer, value: Any, depth: int) -> None:
    writer.items(f"array({value.typecode!r}, [", value, "])", len(value), depth)


def _walk_enum(writer: Writer, value: Any, depth: int) -> None:
    writer.write(f"{type_label(value)}.{attributes_of(value).get('_name_')}")


def _walk_table(writer: Writer, value: Any, depth: int) -> None:
    writer.write(f"<{type_label(value)} {sizes(value.shape)}>")


def _walk_number(writer: Writer, value: Any, depth: int) -> None:
    if value.dtype.kind in "biufcSU":
        writer.walk(value.item(), depth)
    else:
        writer.write(str(value))


def _walk_estimator(writer: Writer, value: Any, depth: int) -> None:
    """Write the parameters that are not what they are by default, as scikit-learn does in fifty times the time."""
    bases = type.__getattribute__(type(value), "__mro__")
    if any(module_of(_owner_of(member, bases)).partition(".")[0] != "sklearn" for member in ("__repr__", "get_params")):
        _walk_object(writer, value, depth)
        return
    defaults, attributes = _defaults_of(type(value)), attributes_of(value)
    given = [name for name in defaults if name in attributes and not is_plainly_same(attributes[name], defaults[name])]
    pairs = ((_Name(name), attributes[name]) for name in given)
    writer.pairs(f"{type_label(value)}(", pairs, ")", len(given), depth)


def _defaults_of(kind: type) -> dict[str, Any]:
    """Return the parameters of a class and what they are by default."""
    found = _defaults.get(kind)
    if found is None:
        parameters = inspect.signature(kind).parameters.values()
        named = (
            parameter for parameter in parameters if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        )
        found = _defaults[kind] = {parameter.name: parameter.default for parameter in named}
    return found


def _walk_secretive(writer: Writer, value: Any, depth: int) -> None:
    writer.write(f"<{type_label(value)}>")


def _walk_object(writer: Writer, value: Any, depth: int) -> None:
    bases = type.__getattribute__(type(value), "__mro__")
    fields = next((vars(base)["__dataclass_fields__"] for base in bases if "__dataclass_fields__" in vars(base)), None)
    attributes = attributes_of(value)
    if isinstance(fields, dict):
        attributes = {name: attributes[name] for name in fields if name in attributes}
    elif _has_own_repr(bases) and not any(map(_is_large, attributes.values())) and not is_lazy(*attributes.values()):
        writer.foreign(value)
        return
    elif not attributes:
        writer.write(f"<{type_label(value)}>")
        return
    pairs = ((_Name(name), part) for name, part in attributes.items())
    writer.pairs(f"{type_label(value)}(", pairs, ")", len(attributes), depth)


def _has_own_repr(bases: tuple[type, ...]) -> bool:
    return _owner_of("__repr__", bases) is not object


def _owner_of(member: str, bases: tuple[type, ...]) -> type:
    return next(base for base in bases if member in vars(base))


def _is_large(value: Any) -> bool:
    return type(value) in (list, dict, set, tuple, str, bytes) and len(value) > _LARGE


_WALKS: Final[dict[type, Walk]] = {
    **dict.fromkeys((type(None), bool, float, complex, type(...), type(NotImplemented), range, slice), _walk_plain),
    **dict.fromkeys((type({}.keys()), type({}.values()), type({}.items())), _walk_view),
    int: _walk_int,
    str: _walk_str,
    bytes: _walk_str,
    bytearray: _walk_str,
    list: _walk_list,
    deque: _walk_deque,
    tuple: _walk_tuple,
    dict: _walk_dict,
    set: _walk_set,
    frozenset: _walk_set,
    _Pair: _walk_pair,
    _Name: _walk_name,
    types.FunctionType: _walk_callable,
    types.BuiltinFunctionType: _walk_callable,
    types.MappingProxyType: _walk_proxy,
    functools.partial: _walk_partial,
}

_WALKS_BY_NAME: Final[dict[tuple[str, str], Walk]] = {
    ("builtins", "list"): _walk_list,
    ("collections", "deque"): _walk_deque,
    ("builtins", "tuple"): _walk_tuple,
    ("builtins", "dict"): _walk_dict,
    ("builtins", "set"): _walk_set,
    ("builtins", "frozenset"): _walk_set,
    ("builtins", "str"): _walk_str,
    ("builtins", "bytes"): _walk_str,
    ("builtins", "type"): _walk_callable,
    ("builtins", "module"): _walk_module,
    ("builtins", "BaseException"): _walk_error,
    ("enum", "Enum"): _walk_enum,
    ("array", "array"): _walk_array,
    ("collections", "UserDict"): _walk_data,
    ("collections", "UserList"): _walk_data,
    ("collections", "UserString"): _walk_data,
    ("os", "_Environ"): _walk_secretive,  # every password that was exported
    ("numpy", "ndarray"): _walk_table,
    ("pandas", "DataFrame"): _walk_table,
    ("pandas", "Series"): _walk_table,
    ("pandas", "Index"): _walk_table,
    ("polars", "DataFrame"): _walk_table,
    ("polars", "Series"): _walk_table,
    ("scipy", "spmatrix"): _walk_table,
    ("scipy", "sparray"): _walk_table,
    ("torch", "Tensor"): _walk_table,
    ("numpy", "generic"): _walk_number,
    ("sklearn", "BaseEstimator"): _walk_estimator,
}
