"""Values that a look as a whole cannot get over: known by looking at each alone, and left out until another is bound.

What a value does when it is pickled or shown is caught where that happens. But a look asks more of the objects in it, and
foreign code can be met anywhere: one value must not keep all the others from history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlm_jupyter.capture.identity import Identities
from mlm_jupyter.capture.inspection import reason_of


class Faults:
    """The values that looks failed at, by name."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self._found: dict[str, tuple[bytes, str]] = {}

    def find(self, values: Mapping[str, Any], look_at: Callable[[str, Any], object]) -> bool:
        """Find out at which of some values ``look_at`` raises; return whether there was a new one."""
        is_new = False
        for name, value in values.items():
            if self.reason(name, value) is None:
                try:
                    look_at(name, value)
                except Exception as error:
                    self._found[name] = (self._identities.of(value), reason_of(error))
                    is_new = True
        return is_new

    def reason(self, name: str, value: Any) -> str | None:
        """Return why a look fails at this very value; None: it does not, as far as is known."""
        identity, reason = self._found.get(name, (b"", None))
        return reason if reason is not None and identity == self._identities.of(value) else None
