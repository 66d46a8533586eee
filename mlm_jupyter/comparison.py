"""Two moments compared, variables by value: what the reader can say without unpickling, and what their values add to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mlm_jupyter.capture.values import ValueDiff, diff_values
from mlm_jupyter.capture.values import text_lines as value_lines
from mlm_jupyter.core.diff import Changed, CheckpointDiff
from mlm_jupyter.core.diff_text import text_lines
from mlm_jupyter.core.entities import Variable

Values = Callable[[list[str]], Mapping[str, Any]]
"""Gives the values of some variables; those that cannot be had are left out."""


class Comparison(msgspec.Struct, frozen=True):
    """A checkpoint diff with, for each variable that changed and whose values could be had, how its value changed."""

    diff: CheckpointDiff
    values: dict[str, ValueDiff] = {}

    def lines(self) -> list[str]:
        """Return it as lines of text; what is said in full among the variables is not said again by value."""
        told = {one.name for one in self.diff.variables if isinstance(one, Changed) and _is_told(one)}
        values = sorted(item for item in self.values.items() if item[0] not in told)
        details = [f"  {line}" for name, diff in values for line in value_lines(diff, name)]
        return [*text_lines(self.diff), *(["", "Values", *details] if details else [])]

    def __bool__(self) -> bool:
        return bool(self.diff)

    def __repr__(self) -> str:
        return "\n".join(self.lines())


def _is_told(change: Changed[Variable]) -> bool:
    return change.before.preview.number is not None and change.after.preview.number is not None


def compare(diff: CheckpointDiff, before: Values, after: Values) -> Comparison:
    """Add to ``diff`` how the values of its changed variables differ."""
    names = [change.name for change in diff.variables if isinstance(change, Changed)]
    if not names:
        return Comparison(diff)
    old, new = before(names), after(names)
    return Comparison(diff, {name: diff_values(old[name], new[name]) for name in names if name in old and name in new})
