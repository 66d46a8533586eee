"""What changed between two notebooks, in nbdime's diff format, so that its viewers draw it.

nbdime's own differ compares the text of outputs to decide which cells belong together, and takes minutes for a notebook
that was run again. Here cells are paired by id (``pairing``), equal ones are passed over, and outputs are equal or
not. The law: ``nbdime.patch_notebook(base, diff_notebooks(base, other)) == other``.

Positions in a text count what both languages that read a diff count the same. nbdime's viewer splits lines at ``\\n``,
``\\r`` and ``\\r\\n`` only and counts UTF-16 units, where Python also splits at form feeds and counts code points:
so lines beyond the basic plane are replaced whole, and a changed source with other line ends is a cell removed and
one added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal, NotRequired, TypedDict

from mlm_jupyter.core.matching import Effort, Matcher
from mlm_jupyter.core.pairing import CellKey, Pair, pair_cells, pair_texts

JsonDict = Mapping[str, Any]


class DiffEntry(TypedDict):
    """One operation of nbdime's format; keys are positions in lists and texts, names in mappings."""

    op: Literal["add", "remove", "replace", "addrange", "removerange", "patch"]
    key: int | str
    value: NotRequired[Any]
    valuelist: NotRequired[Any]
    length: NotRequired[int]
    diff: NotRequired[list[DiffEntry]]


_TOKEN: Final = re.compile(r"\w+|\s+|.", re.DOTALL)
_OTHER_LINE_END: Final = re.compile("[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
_LONGEST_LINE: Final = 1_000  # characters; longer ones are replaced whole
_NOISE: Final = frozenset({"execution_count", "metadata", "id"})
_NOTEBOOK_NOISE: Final = frozenset({"metadata", "nbformat", "nbformat_minor"})


def diff_notebooks(base: JsonDict, other: JsonDict, effort: Effort | None = None) -> list[DiffEntry]:
    """Return all that turns ``base`` into ``other``, both notebooks in nbformat 4's form, texts as one string.

    Entries refer to parts of ``other``: they are for reading, not for changing. Where ``effort`` does not suffice to find
    what stayed the same inside of something, it is replaced whole.
    """
    differ = partial(_diff_cells, effort=effort or Effort())
    return _diff_mappings(base, other, {"cells": differ})


def without_noise(diff: Sequence[DiffEntry]) -> list[DiffEntry]:
    """Return ``diff`` without changes of execution counts, metadata and ids: what a reader wants to see.

    It is still a diff of the same base, but what it gives is no longer ``other``.
    """
    return _without(diff, _NOTEBOOK_NOISE, ("cells", "*", "outputs", "*"))


def _without(diff: Sequence[DiffEntry], noise: frozenset[str], path: tuple[str, ...]) -> list[DiffEntry]:
    """Drop the entries of this level named in ``noise``, and what is noise along ``path``."""
    kept: list[DiffEntry] = []
    for entry in diff:
        if entry["key"] in noise:
            continue
        if entry["op"] == "patch" and path and path[0] in ("*", entry["key"]):
            below = _without(entry["diff"], _NOISE, path[1:])
            if below:
                kept.append(_patch(entry["key"], below))
        else:
            kept.append(entry)
    return kept


def is_same(a: Any, b: Any) -> bool:
    """Whether two JSON values would be written the same: ``1``, ``1.0`` and ``true`` differ, NaN equals NaN."""
    if a is b:
        return True
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(is_same(value, b[key]) for key, value in a.items())
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(is_same, a, b))
    return type(a) is type(b) and bool(a == b or (a != a and b != b))


def _diff_mappings(base: JsonDict, other: JsonDict, by_key: Mapping[str, Any] = {}) -> list[DiffEntry]:
    diff: list[DiffEntry] = []
    for key in sorted(base.keys() | other.keys()):
        if key not in other:
            diff.append({"op": "remove", "key": key})
        elif key not in base:
            diff.append({"op": "add", "key": key, "value": other[key]})
        elif not is_same(base[key], other[key]):
            diff.append(_diff_values(key, base[key], other[key], by_key.get(key)))
    return diff


def _diff_values(key: str, base: Any, other: Any, differ: Any) -> DiffEntry:
    if isinstance(base, dict) and isinstance(other, dict):
        return _patch(key, _diff_mappings(base, other))
    if differ is not None and type(base) is type(other):
        return _patch(key, differ(base, other))
    return {"op": "replace", "key": key, "value": other}


def _diff_cells(base: Sequence[JsonDict], other: Sequence[JsonDict], effort: Effort) -> list[DiffEntry]:
    differs = {"source": partial(_diff_texts, effort=effort), "outputs": _diff_outputs}
    pairs = [(i, j) for i, j in _pairs(base, other, effort) if _has_line_diff(base[i].get("source"), other[j].get("source"))]
    diff: list[DiffEntry] = []
    for i0, i1, j0, j1 in _gaps(pairs, len(base), len(other)):
        diff += _replace_range(i0, i1, other[j0:j1])
        if i1 < len(base):
            changes = _diff_mappings(base[i1], other[j1], differs)
            if changes:
                diff.append(_patch(i1, changes))
    return diff


def _pairs(base: Sequence[JsonDict], other: Sequence[JsonDict], effort: Effort) -> list[Pair]:
    return pair_cells([cell_key(cell) for cell in base], [cell_key(cell) for cell in other], effort)


def cell_key(cell: JsonDict) -> CellKey:
    """Return what decides which cell ``cell`` is; it need not be a valid one."""
    id, source = cell.get("id"), cell.get("source", "")
    return CellKey(
        id if isinstance(id, str) else None,
        str(cell.get("cell_type", "")),
        source if isinstance(source, str) else "".join(map(str, source)),
    )


def _gaps(pairs: Sequence[Pair], n: int, m: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the ranges ``i0:i1, j0:j1`` before each pair ``(i1, j1)``, and the ranges after the last."""
    i0 = j0 = 0
    for i1, j1 in pairs:
        yield i0, i1, j0, j1
        i0, j0 = i1 + 1, j1 + 1
    yield i0, n, j0, m


def _has_line_diff(base: Any, other: Any) -> bool:
    if not (isinstance(base, str) and isinstance(other, str)):
        return is_same(base, other)
    return base == other or not (_OTHER_LINE_END.search(base) or _OTHER_LINE_END.search(other))


def _diff_outputs(base: Sequence[JsonDict], other: Sequence[JsonDict]) -> list[DiffEntry]:
    """Outputs at either end that show the same are kept (their execution counts may change), the rest is replaced."""
    n, m = len(base), len(other)
    head = 0
    while head < min(n, m) and _shows_same(base[head], other[head]):
        head += 1
    tail = 0
    while tail < min(n, m) - head and _shows_same(base[n - 1 - tail], other[m - 1 - tail]):
        tail += 1
    pairs = [(i, i) for i in range(head)] + [(n - k, m - k) for k in range(tail, 0, -1)]
    diff: list[DiffEntry] = []
    for i0, i1, j0, j1 in _gaps(pairs, n, m):
        diff += _replace_range(i0, i1, other[j0:j1])
        if i1 < n and not is_same(base[i1], other[j1]):
            diff.append(_patch(i1, _diff_mappings(base[i1], other[j1])))
    return diff


def _shows_same(a: JsonDict, b: JsonDict) -> bool:
    keys = a.keys() | b.keys()
    return all(key in a and key in b and is_same(a[key], b[key]) for key in keys - _NOISE)


def _diff_texts(base: str, other: str, effort: Effort) -> list[DiffEntry]:
    """Return the changes of lines, and inside of lines that stayed similar."""
    a, b = base.splitlines(keepends=True), other.splitlines(keepends=True)
    diff: list[DiffEntry] = []
    for tag, i0, i1, j0, j1 in _line_opcodes(a, b, effort):
        if tag == "replace":
            diff += _diff_stretch(a[i0:i1], b[j0:j1], i0, effort)
        elif tag != "equal":
            diff += _replace_range(i0, i1, b[j0:j1])
    return diff


def _line_opcodes(a: list[str], b: list[str], effort: Effort) -> list[tuple[str, int, int, int, int]]:
    head = _common_prefix(a, b)
    tail = _common_prefix(a[head:][::-1], b[head:][::-1])
    opcodes = Matcher(a[head : len(a) - tail], b[head : len(b) - tail], effort).get_opcodes()
    return [(tag, i + head, k + head, j + head, m + head) for tag, i, k, j, m in opcodes]


def _common_prefix(a: Sequence[str], b: Sequence[str]) -> int:
    length = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        length += 1
    return length


def _diff_stretch(a: list[str], b: list[str], offset: int, effort: Effort) -> list[DiffEntry]:
    diff: list[DiffEntry] = []
    pairs = pair_texts([("", line) for line in a], [("", line) for line in b], effort)
    pairs = [(i, j) for i, j in pairs if _is_divisible(a[i]) and _is_divisible(b[j])]
    for i0, i1, j0, j1 in _gaps(pairs, len(a), len(b)):
        diff += _replace_range(offset + i0, offset + i1, b[j0:j1])
        if i1 < len(a):
            diff.append(_patch(offset + i1, _diff_line(a[i1], b[j1], effort)))
    return diff


def _is_divisible(line: str) -> bool:
    return len(line) <= _LONGEST_LINE and max(line) <= "\uffff"


def _diff_line(base: str, other: str, effort: Effort) -> list[DiffEntry]:
    a, b = _TOKEN.findall(base), _TOKEN.findall(other)
    diff: list[DiffEntry] = []
    start = 0  # in characters
    for tag, i0, i1, j0, j1 in Matcher(a, b, effort).get_opcodes():
        end = start + sum(map(len, a[i0:i1]))
        if tag != "equal":
            diff += _replace_range(start, end, "".join(b[j0:j1]))
        start = end
    return diff


def _patch(key: int | str, diff: list[DiffEntry]) -> DiffEntry:
    return {"op": "patch", "key": key, "diff": diff}


def _replace_range(start: int, end: int, new: Sequence[Any] | str) -> list[DiffEntry]:
    diff: list[DiffEntry] = []
    if new:
        diff.append({"op": "addrange", "key": start, "valuelist": new if isinstance(new, str) else list(new)})
    if end > start:
        diff.append({"op": "removerange", "key": start, "length": end - start})
    return diff
