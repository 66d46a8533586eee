"""How tables, arrays, tensors and figures are shown. No library is imported: who has such a value has its library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final

from mlm_jupyter.capture.brief import Writer
from mlm_jupyter.capture.inspection import sizes
from mlm_jupyter.core.entities import Column, Preview
from mlm_jupyter.core.type_names import type_label

_ROWS: Final = 6
_COLUMNS: Final = 20  # with cells
_NAMED_COLUMNS: Final = 50  # with name and dtype
_ITEMS: Final = 8  # of an array, along an axis
_CELL: Final = 40  # characters
_NAME: Final = 60
_SMALL: Final = 10_000  # elements up to which the extremes are looked for: 10 µs


def _describe_frame(value: Any, writer: Writer) -> Preview:
    rows, width = value.shape
    head = value.iloc[:_ROWS]
    named = head if width <= _NAMED_COLUMNS else head.iloc[:, :_NAMED_COLUMNS]
    shown = head if width <= _COLUMNS else head.iloc[:, :_COLUMNS]
    return Preview(
        f"{rows:,} rows x {width:,} columns",
        shape=(rows, width),
        columns=_columns(named.columns.tolist(), named.dtypes.array, writer),
        rows=_rows(head.index.tolist(), shown.to_numpy(dtype=object).tolist(), writer),
        is_truncated=rows > _ROWS or width > _COLUMNS,
    )


def _describe_series(value: Any, writer: Writer) -> Preview:
    (length,) = value.shape
    head = value.iloc[:_ROWS]
    dtype = str(value.dtype)
    cells = [[cell] for cell in head.to_numpy(dtype=object).tolist()]
    return Preview(
        f"{length:,} values of {dtype}",
        shape=(length,),
        dtype=dtype,
        columns=_columns([value.name], [dtype], writer),
        rows=_rows(head.index.tolist(), cells, writer),
        is_truncated=length > _ROWS,
    )


def _describe_index(value: Any, writer: Writer) -> Preview:
    length, dtype = len(value), str(value.dtype)
    text = f"{length:,} labels of {dtype}: {_listed(value[:_ITEMS].tolist(), length, writer)}"
    return Preview(text, shape=(length,), dtype=dtype, is_truncated=length > _ITEMS)


def _describe_polars_frame(value: Any, writer: Writer) -> Preview:
    rows, width = value.shape
    head = value.head(_ROWS)
    names = value.columns
    cells = head.select(names[:_COLUMNS]).rows() if width else []
    return Preview(
        f"{rows:,} rows x {width:,} columns",
        shape=(rows, width),
        columns=_columns(names[:_NAMED_COLUMNS], value.dtypes, writer),
        rows=_rows(range(len(cells)), cells, writer),
        is_truncated=rows > _ROWS or width > _COLUMNS,
    )


def _describe_polars_series(value: Any, writer: Writer) -> Preview:
    length, dtype = value.len(), str(value.dtype)
    cells = [[cell] for cell in value.head(_ROWS).to_list()]
    columns = _columns([value.name], [dtype], writer)
    rows = _rows(range(len(cells)), cells, writer)
    text = f"{length:,} values of {dtype}"
    return Preview(text, shape=(length,), dtype=dtype, columns=columns, rows=rows, is_truncated=length > _ROWS)


def _columns(names: Iterable[Any], dtypes: Iterable[Any], writer: Writer) -> tuple[Column, ...]:
    return tuple(Column(writer.short(name, _NAME), str(dtype)[:_NAME]) for name, dtype in zip(names, dtypes, strict=False))


def _rows(labels: Iterable[Any], rows: Iterable[Sequence[Any]], writer: Writer) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (writer.short(label, _CELL), *(writer.short(cell, _CELL) for cell in row))
        for label, row in zip(labels, rows, strict=False)
    )


def _describe_array(value: Any, writer: Writer) -> Preview:
    shape, dtype = tuple(value.shape), str(value.dtype)
    text = f"{sizes(shape)} of {dtype}"
    if value.ndim == 2:
        lines = (_listed(row.tolist(), value.shape[1], writer) for row in value[:_ITEMS, :_ITEMS])
        text = "\n".join([f"{text}:", *lines, *(["…"] if shape[0] > _ITEMS else [])])
    else:
        text = f"{text}: {_listed(value.flat[:_ITEMS].tolist(), value.size, writer)}"
    if value.dtype.kind in "biuf" and 0 < value.size <= _SMALL:
        text += f"\nmin {writer.short(value.min().item(), _CELL)}, max {writer.short(value.max().item(), _CELL)}"
    number = _number(value.item()) if not shape and value.dtype.kind in "biuf" else None
    return Preview(text, shape=shape, dtype=dtype[:200], number=number, is_truncated=value.size > _ITEMS)


def _number(value: float) -> float | None:
    return float(value) if value - value == 0 else None


def _describe_sparse(value: Any, writer: Writer) -> Preview:
    shape, dtype = tuple(value.shape), str(value.dtype)
    return Preview(f"{sizes(shape)} of {dtype}, {value.format}, {value.nnz:,} stored", shape=shape, dtype=dtype)


def _describe_tensor(value: Any, writer: Writer) -> Preview:
    shape, dtype, device = tuple(value.shape), str(value.dtype).removeprefix("torch."), str(value.device)
    text = f"{sizes(shape)} of {dtype} on {device}" + (", requires grad" if value.requires_grad else "")
    size, number = value.numel(), None
    if device == "cpu" and size and str(value.layout) == "torch.strided":
        row = value.detach()[(0,) * (len(shape) - 1)] if shape else value.detach().reshape(1)
        head = row[:_ITEMS].tolist()
        text += f": {_listed(head, size, writer)}"
        number = _number(head[0]) if not shape and not isinstance(head[0], complex) else None
    return Preview(text, shape=shape, dtype=dtype, number=number, is_truncated=size > _ITEMS)


def _describe_network(value: Any, writer: Writer) -> Preview:
    parts = [f"{name}: {type_label(part)}" for name, part in islice(value.named_children(), 20)]
    parameters = sum(parameter.numel() for parameter in islice(value.parameters(), 10_000))
    mode = "training" if value.training else "evaluation"
    lines = [f"{type_label(value)}, {parameters:,} parameters, in {mode} mode", *parts]
    return Preview("\n".join(lines)[:2000])


def _describe_figure(value: Any, writer: Writer) -> Preview:
    axes = value.axes
    titles = [writer.short(axis.get_title(), _NAME) for axis in axes[:10]]
    named = ": " + ", ".join(title or "untitled" for title in titles) if any(titles) else ""
    width, height = value.get_size_inches().tolist()
    count = f"{len(axes)} axes" if len(axes) != 1 else "one axes"
    return Preview(f"Figure of {width:g} x {height:g} inches with {count}{named}")


def _describe_artist(value: Any, writer: Writer) -> Preview:
    """Describe what stands in a figure; its repr would compute where, and keep that in the figure."""
    label = value.get_title() if hasattr(value, "get_title") else value.get_label()
    return Preview(f"{type_label(value)} {writer.short(label, _NAME)}".rstrip(" '"))


def _listed(values: Sequence[Any], length: int, writer: Writer) -> str:
    cells = [writer.short(value, _CELL) for value in values]
    return f"[{', '.join(cells)}{', …' if length > len(cells) else ''}]"


LIBRARY_PREVIEWS: Final[dict[tuple[str, str], Callable[[Any, Writer], Preview]]] = {
    ("pandas", "DataFrame"): _describe_frame,
    ("pandas", "Series"): _describe_series,
    ("pandas", "Index"): _describe_index,
    ("polars", "DataFrame"): _describe_polars_frame,
    ("polars", "Series"): _describe_polars_series,
    ("numpy", "ndarray"): _describe_array,
    ("scipy", "spmatrix"): _describe_sparse,
    ("scipy", "sparray"): _describe_sparse,
    ("torch", "Tensor"): _describe_tensor,
    ("torch", "Module"): _describe_network,
    ("matplotlib", "Figure"): _describe_figure,
    ("matplotlib", "Artist"): _describe_artist,
}
