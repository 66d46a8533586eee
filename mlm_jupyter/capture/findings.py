"""What one look at a namespace found of each variable, before it is compared with the last look."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from xxhash import xxh3_128_hexdigest

from mlm_jupyter.capture.drafts import Hasher, ValueDraft
from mlm_jupyter.capture.memory import Region
from mlm_jupyter.capture.tokens import Token
from mlm_jupyter.core.entities import Preview, VariableStatus

MISSING: Final[Any] = object()
DEFINITIONS: Final = (
    *(type, types.FunctionType, typing.NewType, type(functools.lru_cache(len))),
    *(typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple, getattr(typing, "TypeAliasType", typing.TypeVar)),
)


class Seen:
    """What is remembered of a name: never the object itself, unless it is an immutable scalar."""

    __slots__ = ("atom", "cost_ms", "fingerprint", "identity", "raw", "references", "status", "token")

    def __init__(self, status: VariableStatus, raw: bytes, *, identity: int = 0) -> None:
        self.status: VariableStatus = status
        self.raw = raw
        self.fingerprint = ""
        self.identity = identity
        self.atom: Any = MISSING
        self.token: Token | None = None
        self.references: frozenset[str] = frozenset()
        self.cost_ms = 0.0

    def copy(self) -> Seen:
        """Return what is to be remembered of a value that is as it was, but was not looked at by itself."""
        seen = Seen(self.status, self.raw, identity=self.identity)
        seen.references = self.references
        return seen


class Findings:
    """One look's results by name, before they are compared with the last."""

    def __init__(self, mentions: Callable[[Iterable[str]], bool] | None) -> None:
        self.mentions = mentions
        """Whether the code that ran could reach one of some names by name; None: nothing is known of it."""
        self.seen: dict[str, Seen] = {}
        self.values: dict[str, ValueDraft] = {}
        self.reasons: dict[str, str] = {}
        self.skipped: set[str] = set()
        """What the cell is proved not to have reached."""
        self.nested: set[str] = set()
        """What lies where it did in another value, which was looked at and is as it was."""
        self.previews: dict[str, Preview] = {}
        """Of what is new or rewritten, of which it was made before that was pickled."""
        self.hasher = Hasher()
        self.overlaps: list[tuple[Region, Region]] = []


def own_name_of(value: Any, name: str) -> Any:
    """Return the name by which a function or class is referred to; of anything else ``name``."""
    return getattr(value, "__name__", name) if issubclass(type(value), DEFINITIONS) else name


def closure_of(names: Iterable[str], seen: Mapping[str, Seen]) -> list[str]:
    """Return ``names`` and all that they name in turn, in order."""
    reached: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in seen and name not in reached:
            reached.add(name)
            pending += seen[name].references
    return sorted(reached)


def is_as_defined(now: Seen | None, before: Seen) -> bool:
    """Return whether a name means the very object that it did, and that is as it was."""
    return now is before or (now is not None and (now.raw, now.identity) == (before.raw, before.identity))


def is_other(now: Seen, before: Seen) -> bool:
    """Return whether a name has another value than it had, or can no longer be stored, or can again."""
    return now is not before and (now.fingerprint, now.status) != (before.fingerprint, before.status)


def finish_fingerprint(seen: Seen, found: Findings) -> None:
    """Give a name its fingerprint: its own bytes and those of the notebook's classes and functions it names."""
    parts = [seen.raw]
    if seen.references:
        closure = closure_of(seen.references, found.seen)
        parts += [reference.encode() + found.seen[reference].raw for reference in closure]
    seen.fingerprint = seen.raw.hex() if len(parts) == 1 else xxh3_128_hexdigest(b"".join(parts))
