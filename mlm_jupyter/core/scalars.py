"""What may be logged, as what is kept: a param's value as text, a metric's as a float, nested mappings as dotted keys.

All of it is decided before anything is written, so that a call that is wrong leaves nothing behind.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Final

from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.core.type_names import type_name
from mlm_jupyter.errors import InvalidInputError

LONGEST_KEY: Final = 250
LONGEST_PARAM: Final = 10_000
_DEEPEST: Final = 20


def flatten(values: Mapping[Any, object]) -> dict[str, object]:
    """Return ``{"model": {"depth": 3}}`` as ``{"model.depth": 3}``, keys in the order they came."""
    flat: dict[str, object] = {}
    if not isinstance(values, Mapping):
        raise InvalidInputError(
            f"Params, metrics and tags are given as a dict, as in {{'lr': 0.1}}, not as {type_name(values)}."
        )
    _flatten(values, "", flat, 0)
    return flat


def _flatten(values: Mapping[Any, object], prefix: str, into: dict[str, object], depth: int) -> None:
    if depth > _DEEPEST:
        raise InvalidInputError(f"Values under {prefix[:40]!r} are nested deeper than {_DEEPEST} levels.")
    for key, value in values.items():
        if not isinstance(key, str | int | float):
            raise InvalidInputError(f"A key is text, not {type_name(key)}.")
        if isinstance(value, Mapping) and value:
            _flatten(value, f"{prefix}{key}.", into, depth + 1)
        else:
            into[f"{prefix}{key}"] = value


def key_text(key: object) -> str:
    """Return the key of a metric, param or tag as it is stored: 1 to 250 characters, none of them half a one."""
    if not isinstance(key, str):
        raise InvalidInputError(f"The key of a metric, param or tag is a text, not {type_name(key)}.")
    if not 0 < len(key) <= LONGEST_KEY:
        shown = f"{key[:40]!r}... has {len(key)}" if key else "this one is empty"
        raise InvalidInputError(f"The key of a metric, param or tag has 1 to {LONGEST_KEY} characters; {shown}.")
    return storable(key)


def metric_number(key: str, value: object) -> float:
    """Return the number a metric's value stands for: a number, a bool, or an array or tensor of one element."""
    if type(value) is float:
        return value
    number = _plain(value)
    if isinstance(number, str | bytes | complex) or not hasattr(number, "__float__"):
        raise InvalidInputError(f"Metric {key!r} must be a number, not {_type_and_shape(value)}.")
    try:
        return float(number)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(f"Metric {key!r} must be one number: {error}.") from error


def step_number(step: object) -> int | None:
    """Return the step of a metric as an integer of 64 bits."""
    if step is None:
        return None
    try:
        number = operator.index(step)  # type: ignore[arg-type]  # whether it can is asked here
    except TypeError:
        raise InvalidInputError(f"A step is a whole number, not {type_name(step)}.") from None
    if not -(2**63) <= number < 2**63:
        raise InvalidInputError(f"Step {str(number)[:20]}... does not fit into 64 bits.")
    return number


def param_text(key: str, value: object, *, what: str = "Param") -> str:
    """Return a param's (or tag's) value as text: strings as they are, floats so that they read back as the same float.

    Lists, sets and tuples are written as Python does, their numpy scalars as plain numbers; a class or function by its
    qualified name; anything else as its own ``str``, if it has one of its own.

    Parameters
    ----------
    what : a param or a tag, for who reads what is wrong with it.
    """
    text = _text(f"{what} {key!r}", value)
    if len(text) > LONGEST_PARAM:
        raise InvalidInputError(
            f"{what} {key!r} has {len(text):,} characters, more than {LONGEST_PARAM:,}; keep it with log_artifact."
        )
    return text


def _text(what: str, value: object) -> str:
    plain = _plain(value)
    if isinstance(plain, str):
        return str.__str__(plain)  # of an enumeration's member, the value
    if isinstance(plain, list | tuple | set | frozenset):
        return _sequence_text(what, plain)
    if plain is None or isinstance(plain, bool | int | float | complex):
        return repr(plain)
    if isinstance(plain, type) or hasattr(plain, "__qualname__"):
        return f"{getattr(plain, '__module__', '')}.{plain.__qualname__}".removeprefix("builtins.")
    is_array = bool(getattr(plain, "shape", None))
    has_text = type(plain).__str__ is not object.__str__ or type(plain).__repr__ is not object.__repr__
    if is_array or not has_text or isinstance(plain, bytes | bytearray):
        raise InvalidInputError(f"{what} cannot be {_type_and_shape(value)}: log a number or a text, or use log_artifact.")
    return str(plain)


def _sequence_text(what: str, items: list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any]) -> str:
    if len(items) > LONGEST_PARAM:
        raise InvalidInputError(f"{what} has {len(items):,} elements; keep it with log_artifact.")
    ordered = sorted(items, key=repr) if isinstance(items, set | frozenset) else items
    parts = [repr(item) if isinstance(item, str) else _text(what, item) for item in map(_plain, ordered)]
    opening, closing = "()" if isinstance(items, tuple) else "[]" if isinstance(items, list) else "{}"
    return f"{opening}{', '.join(parts)}{',' if isinstance(items, tuple) and len(parts) == 1 else ''}{closing}"


def _plain(value: object) -> object:
    """Return the Python scalar inside a numpy scalar, or an array or tensor of one element."""
    if isinstance(value, bool | int | str | float) and type(value).__module__ == "builtins":
        return value
    item = getattr(value, "item", None)
    if not callable(item) or isinstance(value, type) or not hasattr(value, "shape"):
        return value
    try:
        return item()
    except (TypeError, ValueError, RuntimeError):  # more than one element
        return value


def _type_and_shape(value: object) -> str:
    shape = getattr(value, "shape", None)
    return f"{type_name(value)} of shape {tuple(shape)}" if isinstance(shape, tuple) and shape else type_name(value)
