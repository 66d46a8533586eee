"""What differs between two tables: columns, rows by their labels, cells, and how the numbers moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from mlm_jupyter.capture.brief import Writer
from mlm_jupyter.capture.value_arrays import Same, find_differing
from mlm_jupyter.core.entities import Column
from mlm_jupyter.core.surrogates import storable

if TYPE_CHECKING:
    from numpy import bool_, intp
    from numpy.typing import NDArray
    from pandas import DataFrame, Index

_EXAMPLES: Final = 20
_EXAMPLES_A_COLUMN: Final = 5
_SUMMARIES: Final = 50
_TEXT: Final = 60  # characters of a label or a cell


class Retyped(msgspec.Struct, frozen=True):
    """A column, or the index, whose type changed."""

    name: str
    before: str
    after: str


class TableCell(msgspec.Struct, frozen=True):
    """One cell that differs."""

    row: str
    column: str
    before: str
    after: str


class Summary(msgspec.Struct, frozen=True):
    """The numbers of a column, missing ones left out; ``std`` is the sample's. None: there is none, or not a finite one."""

    count: int
    mean: float | None
    std: float | None
    min: float | None
    max: float | None


class ColumnSummary(msgspec.Struct, frozen=True):
    """A numeric column of which cells differ, before and after, all rows of each."""

    column: str
    before: Summary
    after: Summary


class TableDiff(msgspec.Struct, frozen=True, tag="table", tag_field="kind", omit_defaults=True):
    """Two tables that differ. Counts are exact; examples and summaries are the first ones."""

    before_shape: tuple[int, int]
    after_shape: tuple[int, int]
    columns_added: tuple[Column, ...] = ()
    columns_removed: tuple[Column, ...] = ()
    columns_retyped: tuple[Retyped, ...] = ()
    columns_not_compared: tuple[str, ...] = ()
    """Of the retyped ones: their cells cannot be compared."""
    are_columns_reordered: bool = False
    index_retyped: Retyped | None = None
    rows_matched_by: Literal["label", "position"] = "label"
    """``position`` when the tables have no label in common, or labels that cannot be looked up. Of rows with one label,
    the first is matched with the first, and so on."""
    rows_added: int = 0
    rows_removed: int = 0
    are_rows_reordered: bool = False
    rows_changed: int = 0
    cells_changed: int = 0
    added_rows: tuple[str, ...] = ()
    removed_rows: tuple[str, ...] = ()
    examples: tuple[TableCell, ...] = ()
    summaries: tuple[ColumnSummary, ...] = ()


class _Rows(NamedTuple):
    """Which rows are the same row: positions in both tables, None when they are all of them in order."""

    matched_by: Literal["label", "position"]
    before: NDArray[intp] | None
    after: NDArray[intp] | None
    added: Sequence[int] | NDArray[intp]
    removed: Sequence[int] | NDArray[intp]


def diff_tables(
    before: DataFrame, after: DataFrame, is_same: Same, *, dtypes: tuple[Sequence[str], Sequence[str]] | None = None
) -> TableDiff | None:
    """Return how two pandas frames differ, None if they do not.

    Parameters
    ----------
    is_same : decides for cells that are Python objects.
    dtypes : what to call the columns' types, where these frames stand for something else.
    """
    names = [list(map(storable, map(str, types))) for types in dtypes or (before.dtypes, after.dtypes)]
    columns, other_columns = _keys(before.columns), _keys(after.columns)
    rows = _match_rows(before.index, after.index)
    comparison = _Cells(before, after, rows, is_same)
    common = [(key, i, other_columns[key]) for key, i in columns.items() if key in other_columns]
    for key, i, j in common:
        comparison.add(i, j, key[0])
    text = comparison.text
    retyped = [(key, names[0][i], names[1][j]) for key, i, j in common if names[0][i] != names[1][j]]
    diff = TableDiff(
        before_shape=(len(before.index), len(columns)),
        after_shape=(len(after.index), len(other_columns)),
        columns_added=tuple(Column(text(key[0]), names[1][j]) for key, j in other_columns.items() if key not in columns),
        columns_removed=tuple(Column(text(key[0]), names[0][i]) for key, i in columns.items() if key not in other_columns),
        columns_retyped=tuple(Retyped(text(key[0]), *types) for key, *types in retyped),
        columns_not_compared=tuple(comparison.not_compared),
        are_columns_reordered=[j for _, _, j in common] != sorted(j for _, _, j in common),
        index_retyped=_retyped_index(before.index, after.index),
        rows_matched_by=rows.matched_by,
        rows_added=len(rows.added),
        rows_removed=len(rows.removed),
        are_rows_reordered=rows.after is not None and bool((rows.after[1:] < rows.after[:-1]).any()),
        rows_changed=comparison.count_rows(),
        cells_changed=comparison.count,
        added_rows=comparison.labels(after.index, rows.added),
        removed_rows=comparison.labels(before.index, rows.removed),
        examples=tuple(comparison.examples),
        summaries=tuple(comparison.summaries),
    )
    return None if diff == TableDiff(diff.before_shape, diff.before_shape) else diff


def _keys(names: Iterable[Hashable]) -> dict[tuple[Hashable, int], int]:
    """Return the position of each column by its name and how many of that name came before it."""
    seen: Counter[Hashable] = Counter()
    keys: dict[tuple[Hashable, int], int] = {}
    for position, name in enumerate(names):
        keys[name, seen[name]] = position
        seen[name] += 1
    return keys


def _retyped_index(before: Index, after: Index) -> Retyped | None:
    texts = [storable(f"{index.dtype} {', '.join(map(str, index.names))}") for index in (before, after)]
    return Retyped("index", *texts) if texts[0] != texts[1] else None


def _match_rows(before: Index, after: Index) -> _Rows:
    if before.equals(after):
        return _Rows("label", None, None, (), ())
    if before.nlevels != after.nlevels:
        return _match_positions(len(before), len(after))
    try:
        rows = _match_labels(before, after)
    except (TypeError, ValueError, NotImplementedError):  # labels that do not hash or do not compare
        return _match_positions(len(before), len(after))
    if not len(before) or not len(after) or (rows.before is not None and len(rows.before)):
        return rows
    return _match_positions(len(before), len(after))


def _match_labels(before: Index, after: Index) -> _Rows:
    import numpy as np

    if not (before.is_unique and after.is_unique):
        before, after = _numbered(before), _numbered(after)
    found = after.get_indexer(before)
    is_matched = found >= 0
    is_added = np.ones(len(after), bool)
    is_added[found[is_matched]] = False
    return _Rows("label", np.flatnonzero(is_matched), found[is_matched], np.flatnonzero(is_added), np.flatnonzero(~is_matched))


def _numbered(index: Index) -> Index:
    """Return the labels of ``index``, each with how many of its kind came before it."""
    import pandas as pd

    levels = list(range(index.nlevels))
    frame = index.to_frame(index=False)
    frame.columns = pd.Index(levels)
    frame["nth"] = frame.groupby(levels, dropna=False, observed=True).cumcount()
    return pd.MultiIndex.from_frame(frame)


def _match_positions(n: int, m: int) -> _Rows:
    import numpy as np

    both = np.arange(min(n, m))
    return _Rows("position", both, both, range(n, m), range(m, n))


class _Cells:
    """The cells of matched rows and columns, compared column by column."""

    def __init__(self, before: DataFrame, after: DataFrame, rows: _Rows, is_same: Same) -> None:
        self.count = 0
        self.examples: list[TableCell] = []
        self.summaries: list[ColumnSummary] = []
        self.not_compared: list[str] = []
        self._before, self._after, self._rows, self._is_same = before, after, rows, is_same
        self._is_changed: NDArray[bool_] | None = None
        self._writer = Writer(_TEXT - 1, budget_ms=10_000)

    def add(self, i: int, j: int, name: Hashable) -> None:
        """Compare the column at ``i`` with the one at ``j``."""
        import numpy as np

        before, after = _cells_of(self._before.iloc[:, i]), _cells_of(self._after.iloc[:, j])
        if self._rows.before is not None:
            before, after = before.take(self._rows.before), after.take(self._rows.after)
        mask = _find_differing_cells(before, after, self._is_same)
        if mask is None:
            self.not_compared.append(self.text(name))
            return
        places = np.flatnonzero(mask)
        if not places.size:
            return
        self.count += int(places.size)
        self._is_changed = mask if self._is_changed is None else self._is_changed | mask
        for place in places[: min(_EXAMPLES_A_COLUMN, _EXAMPLES - len(self.examples))].tolist():
            row = place if self._rows.after is None else self._rows.after[place]
            texts = (
                self.text(self._after.index[row]),
                self.text(name),
                self.text(before[place]),
                self.text(after[place]),
            )
            self.examples.append(TableCell(*texts))
        if len(self.summaries) < _SUMMARIES:
            summaries = _summary(self._before.iloc[:, i]), _summary(self._after.iloc[:, j])
            if summaries[0] is not None and summaries[1] is not None:
                self.summaries.append(ColumnSummary(self.text(name), summaries[0], summaries[1]))

    def count_rows(self) -> int:
        return 0 if self._is_changed is None else int(self._is_changed.sum())

    def labels(self, index: Index, positions: Sequence[int] | NDArray[intp]) -> tuple[str, ...]:
        return tuple(self.text(index[position]) for position in list(positions[:_EXAMPLES_A_COLUMN]))

    def text(self, value: object) -> str:
        return self._writer.short(value, _TEXT) if type(value) is str else self._writer.text(value)


def _cells_of(column: Any) -> Any:
    """Return the column's numpy array where it is one, else pandas' own."""
    import numpy as np

    return column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array


def _find_differing_cells(before: Any, after: Any, is_same: Same) -> NDArray[bool_] | None:
    """Return where two arrays of cells of one length differ; missing equals missing."""
    import numpy as np
    import pandas as pd

    if isinstance(before.dtype, np.dtype) and isinstance(after.dtype, np.dtype):
        if before.dtype != after.dtype and not (before.dtype.kind in "biuf" and after.dtype.kind in "biuf"):
            return None
        return find_differing(before, after, is_same)
    are_categories = isinstance(before, pd.Categorical) and isinstance(after, pd.Categorical)
    if before.dtype != after.dtype and not are_categories:
        return None
    is_missing, is_missing_after = np.asarray(before.isna()), np.asarray(after.isna())
    differs: NDArray[bool_] | None
    try:
        differs = _as_mask(before != after)
    except Exception:  # categories that are not the same, or a third party's array: cell by cell
        differs = find_differing(np.asarray(before, dtype=object), np.asarray(after, dtype=object), is_same)
    if differs is None:
        return None
    mask: NDArray[bool_] = (differs & ~is_missing & ~is_missing_after) | (is_missing != is_missing_after)
    return mask


def _as_mask(differs: Any) -> NDArray[bool_]:
    """Return a pandas comparison as booleans, False where one side is missing."""
    import numpy as np

    if isinstance(differs, np.ndarray):
        return differs.astype(bool)
    mask: NDArray[bool_] = differs.to_numpy(dtype=bool, na_value=False)
    return mask


def _summary(column: Any) -> Summary | None:
    import numpy as np
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return None
    if pd.api.types.is_complex_dtype(column.dtype):
        return None
    numbers = column.to_numpy(dtype="float64", na_value=np.nan)
    numbers = numbers[~np.isnan(numbers)]
    if not numbers.size:
        return Summary(0, None, None, None, None)
    with np.errstate(all="ignore"):
        values = [numbers.mean(), numbers.std(ddof=1) if numbers.size > 1 else np.nan, numbers.min(), numbers.max()]
    mean, std, low, high = (float(value) if np.isfinite(value) else None for value in values)
    return Summary(int(numbers.size), mean, std, low, high)
