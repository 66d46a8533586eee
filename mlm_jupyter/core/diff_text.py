"""A comparison of two checkpoints in words: lines for a terminal or a log, marked ``+``, ``-`` and ``~``, no colours."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from difflib import unified_diff
from typing import Final, TypeVar

from mlm_jupyter.core.diff import (
    Added,
    Cell,
    CellAdded,
    CellChange,
    CellRemoved,
    Change,
    CheckpointDiff,
    EnvironmentDiff,
    Fact,
    Removed,
)
from mlm_jupyter.core.entities import Variable

T = TypeVar("T")

_WIDEST: Final = 100  # characters of one value on one line
_WIDEST_PAIRED: Final = 60  # of each of two
_SHOWN_BEFORE: Final = 20  # of what both begin with
_MOST_OUTPUT_LINES: Final = 40
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # would move the cursor, or not encode


def text_lines(diff: CheckpointDiff) -> list[str]:
    """Return ``diff`` as lines: a heading for each part that differs, then its changes, indented by two."""
    sections = [
        ("Code", _code_lines(diff.cells)),
        ("Outputs", _output_lines(diff.cells)),
        ("Variables", _table(diff.variables, _variable_text)),
        ("Params", _table(diff.params, _short)),
        ("Metrics", _table(diff.metrics, _number_text, _difference)),
        ("Environment", _environment_lines(diff.environment)),
        ("Modules", _module_lines(diff.modules)),
    ]
    lines: list[str] = []
    for heading, body in sections:
        if body:
            lines += ([""] if lines else []) + [heading] + [f"  {line}" for line in body]
    return [_CONTROL.sub("\ufffd", line) for line in lines] or ["No differences."]


def diff_lines(before: str, after: str, *, most: int | None = None) -> list[str]:
    """Return the unified diff of two texts without its file header; of more than ``most`` lines, the first."""
    before_lines, after_lines = before.splitlines(), after.splitlines()
    lines = list(unified_diff(before_lines, after_lines, n=2, lineterm=""))[2:]
    if len(lines) == 1 + len(before_lines) + len(after_lines) and not (before_lines and after_lines):
        lines = lines[1:]  # all added or all removed: where is no news
    if most is not None and len(lines) > most:
        return [*lines[:most], f"… {len(lines) - most:,} more lines"]
    return lines


def _code_lines(changes: Sequence[CellChange]) -> list[str]:
    lines: list[str] = []
    for change in changes:
        before, after = _sides(change)
        if before is None or after is None or before.source != after.source:
            lines += [_cell_heading(change), *_indented(diff_lines(_source(before), _source(after)))]
    return lines


def _output_lines(changes: Sequence[CellChange]) -> list[str]:
    lines: list[str] = []
    for change in changes:
        before, after = (cell.output if cell else "" for cell in _sides(change))
        if before != after:
            body = diff_lines(before, after, most=_MOST_OUTPUT_LINES)
            lines += [_cell_heading(change), *_indented(body)]
    return lines


def _sides(change: CellChange) -> tuple[Cell | None, Cell | None]:
    if isinstance(change, CellAdded):
        return None, change.after
    if isinstance(change, CellRemoved):
        return change.before, None
    return change.before, change.after


def _source(cell: Cell | None) -> str:
    return cell.source if cell else ""


def _cell_heading(change: CellChange) -> str:
    before, after = _sides(change)
    cell = after or before
    kind = "" if cell is None or cell.cell_type == "code" else f", {cell.cell_type}"
    return f"{_mark(before is not None, after is not None)} cell {change.position + 1}{kind}"


def _table(
    changes: Iterable[Change[T]], text: Callable[[T], str], note: Callable[[T, T], str] = lambda before, after: ""
) -> list[str]:
    """Return a line for each change, values in a column behind the names."""
    listed = list(changes)
    width = max((len(change.name) for change in listed), default=0)
    return [f"{_row_mark(change)} {change.name:<{width}}  {_values(change, text, note)}".rstrip() for change in listed]


def _values(change: Change[T], text: Callable[[T], str], note: Callable[[T, T], str]) -> str:
    if isinstance(change, Added):
        return text(change.after)
    if isinstance(change, Removed):
        return text(change.before)
    before, after = text(change.before), text(change.after)
    if before == after:
        return f"{before}  (another value)"
    before, after = _from_where_they_differ(before, after)
    comment = note(change.before, change.after)
    return f"{before} → {after}" + (f"  ({comment})" if comment else "")


def _from_where_they_differ(before: str, after: str) -> tuple[str, str]:
    """Return two texts, long ones without most of what both begin with."""
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    if max(len(before), len(after)) <= _WIDEST_PAIRED or head <= _SHOWN_BEFORE:
        return _cut(before), _cut(after)
    start = head - _SHOWN_BEFORE
    return _cut(f"…{before[start:]}"), _cut(f"…{after[start:]}")


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST_PAIRED else f"{text[: _WIDEST_PAIRED - 1].rstrip()}…"


def _row_mark(change: Change[T]) -> str:
    return _mark(not isinstance(change, Added), not isinstance(change, Removed))


def _mark(was: bool, is_now: bool) -> str:
    return "~" if was and is_now else ("+" if is_now else "-")


def _variable_text(variable: Variable) -> str:
    kind = variable.type.rpartition(".")[2]
    if variable.status not in ("stored", "reference"):
        return f"{kind} ({variable.status.replace('_', ' ')})"
    preview = variable.preview
    if preview.shape:
        return f"{kind} {' x '.join(f'{size:,}' for size in preview.shape)}"
    text = _short(preview.text)
    return text if preview.number is not None or text.startswith(kind) else f"{kind} {text}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…"


def _number_text(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"


def _difference(before: float | None, after: float | None) -> str:
    if before is None or after is None or not math.isfinite(after - before):
        return ""
    return f"{after - before:+.3g}"


def _environment_lines(diff: EnvironmentDiff) -> list[str]:
    return _table(diff.facts, _fact_text) + _table(diff.packages, _short)


def _fact_text(fact: Fact) -> str:
    if isinstance(fact, tuple):
        return ", ".join(fact) or "none"
    return "unknown" if fact is None else _short(str(fact))


def _module_lines(changes: Sequence[Change[str]]) -> list[str]:
    lines: list[str] = []
    for change in changes:
        before = "" if isinstance(change, Added) else change.before
        after = "" if isinstance(change, Removed) else change.after
        lines += [f"{_row_mark(change)} {change.name}", *_indented(diff_lines(before, after))]
    return lines


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
