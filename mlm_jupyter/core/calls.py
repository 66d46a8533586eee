"""What a public function can be called with: its annotations say it, and a call that says something else is one line.

Checked at the door, because what is wrong would otherwise fail deep inside, where nobody knows the argument's name any more,
or be stored.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple, ParamSpec, TypeVar

from mlm_jupyter.core.type_names import type_name
from mlm_jupyter.errors import InvalidInputError

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST_SHOWN: Final = 60


class _Kind(NamedTuple):
    """What an argument can be."""

    text: str
    """What to give, as in ``takes a whole number``."""
    fits: Callable[[object], bool]


def _are_names(value: object) -> bool:
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        return all(isinstance(name, str) for name in value)
    return isinstance(value, Iterable) and not isinstance(value, bytes)  # an iterator would be used up by looking


_TEXT: Final = _Kind("a text", lambda value: isinstance(value, str))
_REFERENCE: Final = _Kind(
    "the name or id of a checkpoint or run, or one itself",
    lambda value: isinstance(value, str) or isinstance(getattr(value, "id", None), str),
)
_RUN: Final = _REFERENCE._replace(text="the name or id of a run, or one itself")
_KINDS: Final[Mapping[str, _Kind]] = {
    "str": _TEXT,
    "int": _Kind("a whole number", lambda value: hasattr(value, "__index__") and not isinstance(value, bool)),
    "bool": _Kind("True or False", lambda value: isinstance(value, bool)),
    "object": _Kind("anything", lambda value: True),
    "Iterable[str]": _Kind("names, as in ['x', 'y']", _are_names),
    "Mapping[str, object]": _Kind("a dict, as in {'kind': 'test'}", lambda value: isinstance(value, Mapping)),
    "str | os.PathLike[str]": _Kind("a path", lambda value: isinstance(value, str) or hasattr(value, "__fspath__")),
    "CheckpointRef": _REFERENCE,
    "RunRef": _RUN,
}
"""By the annotation of the parameter, as it is written."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Let a call of ``function`` with what cannot be meant raise InvalidInputError, which names the argument and what to give.

    How many arguments there are and what they are called is for Python to say. A parameter whose annotation is not in the
    table is a KeyError when the function is defined.
    """
    code, name = function.__code__, function.__name__
    places = code.co_varnames[: code.co_argcount]
    written = {key: text for key, text in function.__annotations__.items() if key != "return"}
    kinds = {key: _KINDS[text.removesuffix(" | None")] for key, text in written.items()}
    optional = {key for key, text in written.items() if text.endswith(" | None")}

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given = dict(zip(places, args, strict=False)) | kwargs
        for key, value in given.items():
            if key in kinds and not (value is None and key in optional) and not kinds[key].fits(value):
                raise InvalidInputError(f"{name}({key}=...) takes {kinds[key].text}, not {_shown(value)}.")
        return function(*args, **kwargs)

    return call


def _shown(value: object) -> str:
    """Return a short value of a plain type as it is written, and of any other the type."""
    is_plain = value is None or type(value) in (bool, float, str) or (type(value) is int and value.bit_length() < 64)
    text = repr(value) if is_plain else ""
    return text if 0 < len(text) <= _LONGEST_SHOWN else type_name(value)
