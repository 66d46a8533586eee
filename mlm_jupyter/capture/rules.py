"""What is to be captured of a namespace: the user's settings as a function of a name and a value."""

from __future__ import annotations

import fnmatch
import types
from collections.abc import Sequence
from typing import Any

import msgspec

from mlm_jupyter.core.entities import VariableStatus
from mlm_jupyter.core.secrets import is_secret
from mlm_jupyter.core.type_names import type_name


class Rules(msgspec.Struct, frozen=True):
    """Which variables are left out, and how long one may take."""

    exclude: Sequence[str] = ()
    """Name patterns, as in the shell."""
    exclude_types: Sequence[str] = ()
    """Patterns of type names, ``torch.*``."""
    max_variable_bytes: int | None = None
    stores_secrets: bool = False
    value_seconds: float = 10.0
    """How long the pickling code of one value may run before it is interrupted, where Python allows it."""
    dear_ms: float = 0.01
    """A group whose look takes longer is skipped when it is proved that the cell cannot have reached it."""
    patience: float = 1.0
    """How much more looking must have cost than proofs in vain before another is tried."""

    def judge(self, name: str, value: Any) -> tuple[VariableStatus, str | None]:
        """Return what becomes of a variable before its value is looked at, and why."""
        for pattern in self.exclude:
            if fnmatch.fnmatchcase(name, pattern):
                return "excluded", f"its name matches the setting exclude = {pattern!r}"
        if issubclass(type(value), types.ModuleType):  # an object's own __class__ may raise
            return "reference", None
        if self.exclude_types:
            kind = type_name(value)
            for pattern in self.exclude_types:
                if fnmatch.fnmatchcase(kind, pattern):
                    return "excluded", f"its type matches the setting exclude_types = {pattern!r}"
        if not self.stores_secrets and is_secret(name, value):
            return "secret", "its name looks like a secret's"
        return "stored", None

    def too_big(self, size_bytes: int) -> str | None:
        """Return why a value of this size is left out; None when it is not."""
        if self.max_variable_bytes is None or size_bytes <= self.max_variable_bytes:
            return None
        return f"it is larger than the setting max_variable_bytes = {self.max_variable_bytes}"
