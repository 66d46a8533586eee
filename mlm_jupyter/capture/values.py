"""What differs between two values, by their kind, as data that can be sent and lines that can be read.

It is made where the values are and a user asked for it, in a kernel or on the command line; the server never does. Every
count is exact; of what differs the first places are listed, and a diff that lists fewer than it counts says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from types import SimpleNamespace
from typing import Any, Final, Literal

import msgspec

from mlm_jupyter.capture.inspection import attributes_of, find_by_type, reason_of
from mlm_jupyter.capture.preview import preview, source_of
from mlm_jupyter.capture.value_arrays import ArrayDiff, ItemChange, diff_arrays, diff_sparse, diff_tensors
from mlm_jupyter.capture.value_items import ItemWalk, common_length
from mlm_jupyter.capture.value_tables import Summary, TableDiff, diff_tables
from mlm_jupyter.core.diff_text import diff_lines
from mlm_jupyter.core.entities import Preview
from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.core.type_names import module_of, type_name

_MOST_ITEMS: Final = 100
_MOST_LINES: Final = 200
_LONGEST_TEXT: Final = 200_000  # characters of a text that are compared line by line: difflib needs a second for them


class Unchanged(msgspec.Struct, frozen=True, tag="unchanged", tag_field="kind"):
    """The values are the same."""


class Replaced(msgspec.Struct, frozen=True, tag="replaced", tag_field="kind", omit_defaults=True):
    """One value in the place of another: scalars, values of different types, and what cannot be looked into."""

    before_type: str
    after_type: str
    before: Preview
    after: Preview
    reason: str | None = None
    """Why only what can be shown of them was compared, so that they may be the same, or differ where they look the same."""


class ItemsDiff(msgspec.Struct, frozen=True, tag="items", tag_field="kind", omit_defaults=True):
    """Two containers or objects that differ inside, place by place."""

    type: str
    changes: tuple[ItemChange, ...]
    count: int
    """All places that differ; at most a hundred are listed in ``changes``."""


class TextDiff(msgspec.Struct, frozen=True, tag="text", tag_field="kind", omit_defaults=True):
    """Two texts, or the sources of two functions or classes, as lines of a unified diff."""

    lines: tuple[str, ...]
    before_length: int
    after_length: int
    what: Literal["text", "source"] = "text"
    is_truncated: bool = False


ValueDiff = Unchanged | Replaced | ItemsDiff | TableDiff | ArrayDiff | TextDiff
Differ = Callable[[Any, Any], ValueDiff | None]


def diff_values(before: object, after: object) -> ValueDiff:
    """Return how ``after`` differs from ``before``.

    Equal means: written the same, of the same types (``1`` is not ``1.0``), NaN equal to NaN; the order of a dict's keys
    and of a set is none of it. Objects are compared by what they would be pickled as, estimators by their parameters and
    fitted attributes, networks by their state dict. It never raises: what cannot be compared is a ``Replaced`` with its
    ``reason``.
    """
    try:
        return _diff(before, after)
    except Exception as error:  # foreign code: its failure is what there is to say
        return _replaced(before, after, reason_of(error))


def _diff(before: Any, after: Any) -> ValueDiff:
    if before is after:
        return Unchanged()
    kinds = find_by_type(before, _BY_KIND), find_by_type(after, _BY_KIND)
    if kinds[0] is not None and kinds[0] is kinds[1]:
        return kinds[0](before, after) or Unchanged()
    return _diff_items(before, after) or Unchanged()


def _diff_items(before: Any, after: Any) -> ValueDiff | None:
    changes = ItemWalk(_LEAVES).changes(before, after)
    listed = list(islice(changes, _MOST_ITEMS))
    if not listed:
        return None
    if len(listed) == 1 and not listed[0].path and listed[0].before is not None and listed[0].after is not None:
        return _replaced(before, after, listed[0].note if type(before) is type(after) else None)
    return ItemsDiff(type_name(before), tuple(listed), len(listed) + sum(1 for _ in changes))


def _replaced(before: object, after: object, why: str | None = None) -> Replaced:
    return Replaced(type_name(before), type_name(after), preview(before), preview(after), why)


def _is_same(before: Any, after: Any) -> bool:
    return ItemWalk(_LEAVES).is_same(before, after)


def _diff_frames(before: Any, after: Any) -> ValueDiff | None:
    if type(before) is not type(after):
        return _replaced(before, after)
    return diff_tables(before, after, _is_same) or _diff_what_was_set_on(before, after)


def _diff_what_was_set_on(before: Any, after: Any) -> ValueDiff | None:
    """Return how two tables of the same cells differ in what is no cell of theirs."""
    from mlm_jupyter.capture.frames import set_on_frame

    return _diff_items(*(SimpleNamespace(attrs=frame.attrs, **set_on_frame(frame)) for frame in (before, after)))


def _diff_series(before: Any, after: Any) -> ValueDiff | None:
    if type(before) is not type(after):
        return _replaced(before, after)
    types = [f"{before.dtype} {before.name}"], [f"{after.dtype} {after.name}"]
    dtypes = types if before.name != after.name else None
    diff = diff_tables(before.to_frame("values"), after.to_frame("values"), _is_same, dtypes=dtypes)
    return diff or _diff_what_was_set_on(before, after)


def _diff_indexes(before: Any, after: Any) -> ValueDiff | None:
    if before.identical(after):
        return None
    frames = [index.to_frame(index=False) for index in (before, after)]
    names = tuple(
        [f"{kind} {name}" for kind, name in zip(frame.dtypes, index.names, strict=True)]
        for frame, index in zip(frames, (before, after), strict=True)
    )
    for frame in frames:
        frame.columns = [f"level {level}" for level in range(frame.shape[1])]
    return diff_tables(frames[0], frames[1], _is_same, dtypes=(names[0], names[1]))


def _diff_polars(before: Any, after: Any) -> ValueDiff | None:
    if type(before) is not type(after):
        return _replaced(before, after)
    if type(before).__name__ == "Series":
        before, after = before.to_frame(), after.to_frame()
    types = list(map(str, before.dtypes)), list(map(str, after.dtypes))
    return diff_tables(_to_pandas(before), _to_pandas(after), _is_same, dtypes=types)


def _to_pandas(frame: Any) -> Any:
    import pandas as pd

    columns = {name: frame[name] for name in frame.columns}
    return pd.DataFrame(
        {
            name: pd.Series(column.to_list(), dtype=object) if column.null_count() else pd.Series(column.to_numpy())
            for name, column in columns.items()
        }
    )  # numpy has no integers with gaps


def _diff_arrays(before: Any, after: Any) -> ValueDiff | None:
    if type(before) is not type(after):
        return _replaced(before, after)
    if not module_of(type(before)).startswith("numpy"):  # a unit, a frame of reference: not in the numbers
        attributes = attributes_of(before), attributes_of(after)
        if not _is_same(*attributes):
            return _diff(*attributes)
    return diff_arrays(before, after, _is_same)


def _diff_sparse(before: Any, after: Any) -> ValueDiff | None:
    return diff_sparse(before, after, _is_same)


def _diff_tensors(before: Any, after: Any) -> ValueDiff | None:
    return diff_tensors(before, after, _is_same)


def _diff_texts(before: Any, after: Any) -> ValueDiff | None:
    if type(before) is not type(after):
        return _replaced(before, after)
    if before == after:
        return None
    if "\n" not in before and "\n" not in after and max(len(before), len(after)) < 200:
        return _replaced(before, after)
    return _text_diff(before, after, "text")


def _diff_definitions(before: Any, after: Any) -> ValueDiff | None:
    sources = source_of(before), source_of(after)
    if sources[0] is not None and sources[1] is not None and sources[0] != sources[1]:
        return _text_diff(sources[0], sources[1], "source")
    return _diff_items(before, after)


def _text_diff(before: str, after: str, what: Literal["text", "source"]) -> TextDiff:
    start = 0
    if max(len(before), len(after)) > _LONGEST_TEXT:  # from the line on in which they begin to differ
        start = before.rfind("\n", 0, common_length(before, after)) + 1
    end = start + _LONGEST_TEXT
    lines = diff_lines(before[start:end], after[start:end])
    is_truncated = len(lines) > _MOST_LINES or max(len(before), len(after)) > end
    return TextDiff(tuple(storable(line[:500]) for line in lines[:_MOST_LINES]), len(before), len(after), what, is_truncated)


def _note(differ: Differ) -> Callable[[Any, Any], str | None]:
    """Return ``differ`` for values inside of others: one line in place of a diff."""

    def note(before: Any, after: Any) -> str | None:
        diff = differ(before, after)
        return None if diff is None or isinstance(diff, Unchanged) else _headline(diff)

    return note


_TABLES_AND_ARRAYS: Final[dict[tuple[str, str], Differ]] = {
    ("pandas", "DataFrame"): _diff_frames,
    ("pandas", "Series"): _diff_series,
    ("pandas", "Index"): _diff_indexes,
    ("polars", "DataFrame"): _diff_polars,
    ("polars", "Series"): _diff_polars,
    ("numpy", "ndarray"): _diff_arrays,
    ("scipy", "spmatrix"): _diff_sparse,
    ("scipy", "sparray"): _diff_sparse,
    ("torch", "Tensor"): _diff_tensors,
}
_BY_KIND: Final[dict[tuple[str, str], Differ]] = {
    **_TABLES_AND_ARRAYS,
    ("builtins", "str"): _diff_texts,
    ("builtins", "function"): _diff_definitions,
    ("builtins", "type"): _diff_definitions,
}
_LEAVES: Final = {kind: _note(differ) for kind, differ in _TABLES_AND_ARRAYS.items()}


def text_lines(diff: ValueDiff, name: str = "value") -> list[str]:
    """Return ``diff`` as lines for a terminal, paths starting with ``name``."""
    match diff:
        case Replaced():
            return [f"{name}: {_headline(diff)}"]
        case ItemsDiff():
            lines = [_item_line(name, change) for change in diff.changes]
            return [*lines, *_more(diff.count - len(lines), "places")]
        case TextDiff():
            return [f"{name}: {_headline(diff)}", *diff.lines, *(["…"] if diff.is_truncated else [])]
        case ArrayDiff():
            lines = [f"  {_item_line(name, change)}" for change in diff.examples]
            more = _more(diff.differing - len(diff.examples), "elements")
            return [f"{name}: {_headline(diff)}", *lines, *(f"  {line}" for line in more)]
        case TableDiff():
            return [f"{name}: {_headline(diff)}", *(f"  {line}" for line in _table_lines(diff))]
    return [f"{name}: {_headline(diff)}"]


def _headline(diff: ValueDiff) -> str:
    match diff:
        case Replaced():
            kinds = f" ({diff.before_type} → {diff.after_type})" if diff.before_type != diff.after_type else ""
            why = f" ({diff.reason})" if diff.reason else ""
            return f"{_one_line(diff.before.text)} → {_one_line(diff.after.text)}{kinds}{why}"
        case ItemsDiff():
            return f"{diff.count:,} places differ"
        case TextDiff():
            return f"{diff.what} of {diff.before_length:,} → {diff.after_length:,} characters"
        case ArrayDiff():
            return _array_headline(diff)
        case TableDiff():
            return _table_headline(diff)
    return "nothing that is compared differs"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else f"{line[:99]}…"


def _item_line(name: str, change: ItemChange) -> str:
    before = "(absent)" if change.before is None else _one_line(change.before)
    after = "(absent)" if change.after is None else _one_line(change.after)
    sides = f"{before} → {after}" if before != after else before
    return f"{name}{change.path}: {sides}{f'  ({change.note})' if change.note else ''}"


def _more(count: int, what: str) -> list[str]:
    return [f"… {count:,} more {what}"] if count > 0 else []


def _array_headline(diff: ArrayDiff) -> str:
    parts = []
    if diff.before_shape != diff.after_shape:
        parts.append(f"shape {diff.before_shape} → {diff.after_shape}")
    if diff.before_dtype != diff.after_dtype:
        parts.append(f"{diff.before_dtype} → {diff.after_dtype}")
    if diff.compared is None:
        parts.append("elements not comparable")
    else:
        parts.append(f"{diff.differing:,} of {diff.compared:,} elements differ")
    if diff.max_abs_difference is not None:
        parts.append(f"by at most {diff.max_abs_difference:.6g}")
    return ", ".join(parts)


def _table_headline(diff: TableDiff) -> str:
    before, after = (f"{rows:,} x {columns:,}" for rows, columns in (diff.before_shape, diff.after_shape))
    parts = [f"{before} → {after}" if before != after else before]
    counts = [
        (len(diff.columns_added), "column", "added"),
        (len(diff.columns_removed), "column", "removed"),
        (len(diff.columns_retyped), "column", "of another type"),
        (diff.rows_added, "row", "added"),
        (diff.rows_removed, "row", "removed"),
        (diff.cells_changed, "cell", f"changed in {_count(diff.rows_changed, 'row')}"),
    ]
    parts += [f"{_count(count, noun)} {what}" for count, noun, what in counts if count]
    flags = [
        (diff.are_columns_reordered, "columns in another order"),
        (diff.are_rows_reordered, "rows in another order"),
        (diff.index_retyped is not None, "another index"),
        (diff.rows_matched_by == "position", "rows matched by position"),
    ]
    return ", ".join([*parts, *(what for flag, what in flags if flag)])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _table_lines(diff: TableDiff) -> Iterable[str]:
    yield from (f"- column {column.name} ({column.dtype})" for column in diff.columns_removed)
    yield from (f"+ column {column.name} ({column.dtype})" for column in diff.columns_added)
    for retyped in [*([diff.index_retyped] if diff.index_retyped else []), *diff.columns_retyped]:
        is_blind = retyped.name in diff.columns_not_compared
        yield f"~ {retyped.name}: {retyped.before} → {retyped.after}{', cells not compared' if is_blind else ''}"
    yield from (f"- row {label}" for label in diff.removed_rows)
    yield from _more(diff.rows_removed - len(diff.removed_rows), "rows removed")
    yield from (f"+ row {label}" for label in diff.added_rows)
    yield from _more(diff.rows_added - len(diff.added_rows), "rows added")
    yield from (f"~ [{cell.row}, {cell.column}]: {cell.before} → {cell.after}" for cell in diff.examples)
    yield from _more(diff.cells_changed - len(diff.examples), "cells changed")
    for summary in diff.summaries:
        yield f"~ {summary.column}: {_moved(summary.before, summary.after)}"


def _moved(before: Summary, after: Summary) -> str:
    """Return what changed of a column's numbers."""
    parts = []
    for field in Summary.__struct_fields__:
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            parts.append(f"{field} {_number(old)} → {_number(new)}")
    return ", ".join(parts) or "same count, mean, std, min and max"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:,.6g}"
