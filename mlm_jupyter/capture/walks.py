"""How each kind of value is written in a short text: through the methods of its builtin base, never its own."""

from __future__ import annotations

import functools
import inspect
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.capture.inspection import attributes_of, find_by_type, is_lazy, is_plainly_same, sizes
from mlm_jupyter.core.type_names import module_of, type_label

if TYPE_CHECKING:
    from mlm_jupyter.capture.brief import Writer

Walk = Callable[["Writer", Any, int], None]

MOST_CHARACTERS: Final = 2_000
ELLIPSIS: Final = "…"
_LARGE: Final = 1_000  # items of an attribute from which an object's own __repr__ is not asked
_MOST_BITS: Final = 4_000  # an int's digits cost quadratic time, and beyond 4,300 of them an error


class Pair:
    """A key and its value, or a name and its value, on their way to a writer."""

    __slots__ = ("key", "sign", "value")

    def __init__(self, key: Any, value: Any, sign: str) -> None:
        self.key, self.value, self.sign = key, value, sign


class _Name(str):
    """A name that is written without quotes."""

    __slots__ = ()


def walker_for(value: object) -> Walk:
    """Return what writes a value: ``walk(writer, value, depth)``, ``depth`` being the containers it lies in."""
    return _WALKS.get(type(value)) or find_by_type(value, _WALKS_BY_NAME) or _walk_object


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
        writer.write(ELLIPSIS)


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


def _walk_pair(writer: Writer, pair: Pair, depth: int) -> None:
    writer.walk(pair.key, depth)
    writer.write(pair.sign)
    writer.walk(pair.value, depth)


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


_defaults: Final[weakref.WeakKeyDictionary[type, dict[str, Any]]] = weakref.WeakKeyDictionary()


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
    Pair: _walk_pair,
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
