"""One value looked at: its pickle and what is remembered of it, or why it is not captured."""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Mapping
from typing import Any, Final

from mlm_jupyter.capture.deep import dump_deeply
from mlm_jupyter.capture.drafts import ValueDraft
from mlm_jupyter.capture.findings import Findings, Seen, own_name_of
from mlm_jupyter.capture.identity import Identities
from mlm_jupyter.capture.inspection import reason_of
from mlm_jupyter.capture.pickling import Dump
from mlm_jupyter.capture.rules import Rules
from mlm_jupyter.capture.timebox import TimeBox
from mlm_jupyter.capture.tokens import token_of

INTERRUPTED: Final = "looking at it was interrupted; the next checkpoint tries again"

_ATOMS: Final = frozenset({int, float, bool, str, complex, type(None), type(...)})

DumpValue = Callable[..., Dump]
"""``pickling.dump`` for one namespace: takes the value, and which objects are variables as ``roots``."""


class Examiner:
    """Looks at the values of a live namespace, one at a time; none can keep it from the others."""

    def __init__(self, namespace: Mapping[str, Any], dump: DumpValue, timebox: TimeBox, identities: Identities) -> None:
        self._live = namespace
        self._dump = dump
        self._timebox = timebox
        self._identities = identities

    def examine(self, name: str, value: Any, rules: Rules, found: Findings) -> Seen:
        """Return what is to be remembered of a value; its draft, or the reason why there is none, is added to ``found``."""
        start = time.perf_counter()
        try:
            with self._timebox.one():
                seen = self._judge(name, value, rules, found)
        except Exception as error:  # foreign code: __reduce__, __getstate__, __class__, a C extension
            seen = Seen("not_captured", self._identities.of(value), identity=id(value))
            found.reasons[name] = reason_of(error)
        except KeyboardInterrupt:  # the user has had enough of this value, not of the others
            seen = Seen("not_captured", b"interrupted")
            found.reasons[name] = INTERRUPTED
        seen.cost_ms = (time.perf_counter() - start) * 1e3
        return seen

    def _judge(self, name: str, value: Any, rules: Rules, found: Findings) -> Seen:
        status, reason = rules.judge(name, value)
        if status not in ("stored", "reference"):
            found.reasons[name] = reason or ""
            return Seen(status, self._identities.of(value), identity=id(value))
        draft = ValueDraft(self._dump_by_value(value, name), found.hasher)
        too_big = rules.too_big(draft.size_bytes)
        if too_big:
            found.reasons[name] = too_big
            return Seen("excluded", draft.fingerprint)
        found.values[name] = draft
        seen = Seen(status, draft.fingerprint, identity=id(value))
        seen.references = frozenset(draft.dump.references)
        if type(value) in _ATOMS:
            seen.atom = value
        else:
            is_shared_by_name = own_name_of(value, name) == name or issubclass(type(value), types.ModuleType)
            seen.token = token_of(value) if is_shared_by_name else None  # by value it may come to be shared at any time
        return seen

    def _dump_by_value(self, value: Any, name: str) -> Dump:
        """Pickle a variable by value; a function or class bound to another name than its own is a reference to that one."""
        own_name = own_name_of(value, name)
        roots = {} if own_name != name and self._live.get(own_name) is value else {id(value): name}
        try:
            return self._dump(value, roots=roots)
        except RecursionError:
            return dump_deeply(lambda: self._dump(value, roots=roots))
