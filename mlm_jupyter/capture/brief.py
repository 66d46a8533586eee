"""A short text of any value, made without trusting it: bounded in length, depth and time, and never raising.

``repr`` of a list of a million dicts makes the whole text before the first character can be shown, and an object's own
``__repr__`` may be slow, wrong or have effects. So builtins are walked (``walks.py``) only as far as there is room, and
foreign ``__repr__`` is called for a handful of objects and never again for a type that was slow.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final, Literal

from mlm_jupyter.capture.inspection import call_quietly, is_lazy, is_trusted, reason_of
from mlm_jupyter.capture.walks import ELLIPSIS, MOST_CHARACTERS, Pair, walker_for
from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.core.type_names import type_label

_DEEPEST: Final = 4
_MOST_ITEMS: Final = (20, 10, 5, 5)  # by depth
_MOST_FOREIGN: Final = 5  # calls of __repr__ for one text
_SLOW_S: Final = 0.05
_PLAIN: Final = 10**18  # ints below it need no care

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")  # differs between equal values
_manners: dict[str, Literal["slow", "pure", "changing"]] = {}
"""What is known of types' own ``__repr__``, by the type's name: it took longer than _SLOW_S; it was seen to leave a value as it
was; it was seen not to, most often as it keeps what it found out."""


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
            self._parts.append(ELLIPSIS)
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
            return storable(text if len(text) <= most else text[: most - 1] + ELLIPSIS)
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
        walker = walker_for(value)
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
            self.write(ELLIPSIS if left == length else f", {ELLIPSIS} {left:,} more")
        self.write(closing)

    def pairs(self, opening: str, pairs: Iterable[tuple[Any, Any]], closing: str, length: int, depth: int) -> None:
        """Write ``key: value`` pairs, or ``name=value`` where the opening bracket is round."""
        sign = "=" if opening.endswith("(") else ": "
        self.items(opening, (Pair(key, value, sign) for key, value in pairs), closing, length, depth)

    def foreign(self, value: object) -> None:
        """Write what the value's own ``__repr__`` returns, if there is no reason against asking it."""
        name = type_label(value)
        if is_trusted(type(value)):
            self.write(repr(value))
            return
        if self._foreign_left <= 0 or is_lazy(value):
            self.write(f"<{name}>")
            return
        manner = _manners.get(name)
        if manner in ("slow", "changing"):
            self.write(f"<{name}: its __repr__ is slow>" if manner == "slow" else f"<{name}>")
            return
        if manner is None:
            self.on_trial.add(name)
        self._foreign_left -= 1
        started = time.perf_counter()
        try:
            text = call_quietly(repr, value)
        finally:
            if time.perf_counter() - started > _SLOW_S:
                _manners[name] = "slow"
        self.write(_ADDRESS.sub("", str.__str__(text)))


def settle(names: set[str], *, is_pure: bool) -> None:
    """Say whether types that were on trial left the value that was shown as it was; those that did not are not asked again."""
    for name in names:
        _manners.setdefault(name, "pure" if is_pure else "changing")


def brief(value: object, most: int = MOST_CHARACTERS) -> str:
    """Return a text of ``value`` of at most ``most`` characters."""
    return Writer(most - 1).text(value)
