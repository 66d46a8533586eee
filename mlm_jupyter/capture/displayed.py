"""What IPython keeps of what cells displayed: ``Out`` and ``_`` hold the very objects, and a ``df[:5]`` looks at all of ``df``.

No variable is theirs, but for the proof that a cell cannot have reached a value they are names like others, as long as nothing
but those names leads to them: an alias of ``Out`` is one reference more than IPython has, and then nothing is known.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import Mapping
from typing import Any, Final

_LATEST: Final = ("_", "__", "___")
_ALWAYS: Final = ("Out", "_oh", *_LATEST)


class Displayed:
    """The values that IPython holds because they were displayed.

    Attributes
    ----------
    values : each once.
    references : how many references IPython has to each, by id.
    names : all that code can write to get at one of them.
    """

    def __init__(self, values: Mapping[str, Any], references: Mapping[int, int]) -> None:
        self.values = list({id(value): value for value in values.values()}.values())
        self.references = references
        self.names = (*_ALWAYS, *values)


def find_displayed(namespace: Mapping[str, Any]) -> Displayed | None:
    """Return what IPython holds for ``namespace``; None when there is no IPython, or something else leads to its ``Out``."""
    shell = getattr(namespace.get("get_ipython"), "__self__", None)
    if type(namespace.get("_oh")) is not dict or shell is None:
        return None
    hidden, hook = getattr(shell, "user_ns_hidden", {}), getattr(shell, "displayhook", None)
    kept = getattr(getattr(shell, "history_manager", None), "_trait_values", {})
    known = sum(value is namespace["_oh"] for holder in (namespace, hidden, kept) for value in list(holder.values()))
    if sys.getrefcount(namespace["_oh"]) - own_references() + 1 != known:
        return None
    history = namespace["_oh"]
    values = {f"_{number}": value for number, value in history.items()}
    references = collections.Counter(map(id, history.values()))
    for holder in (namespace, hidden):
        references.update(id(value) for name, value in list(holder.items()) if name in values or name in _LATEST)
    references.update(id(getattr(hook, name, None)) for name in _LATEST)
    return Displayed(values, references)


def own_references() -> int:
    """Return how many of an object's references are those of the dict it is counted from and of the counting."""
    inside = {0: object()}
    return sys.getrefcount(inside[0])
