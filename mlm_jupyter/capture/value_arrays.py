"""What differs between two arrays: how many elements, by how much, and a few of them with their index."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mlm_jupyter.capture.brief import brief
from mlm_jupyter.capture.inspection import is_plainly_same
from mlm_jupyter.core.surrogates import storable

if TYPE_CHECKING:
    from numpy import bool_
    from numpy.typing import NDArray

Same = Callable[[Any, Any], bool]

_EXAMPLES: Final = 10
_TEXT: Final = 60  # characters of an element


class ItemChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place inside two values where they differ; what is absent on one side is None there."""

    path: str
    """From the value itself: ``['lr']``, ``.steps[0]``, ``[2, 7]``; empty for the value."""
    before: str | None = None
    after: str | None = None
    note: str | None = None


class ArrayDiff(msgspec.Struct, frozen=True, tag="array", tag_field="kind", omit_defaults=True):
    """Two arrays, sparse matrices or tensors that differ. NaN equals NaN."""

    before_shape: tuple[int, ...]
    after_shape: tuple[int, ...]
    before_dtype: str
    after_dtype: str
    compared: int | None = None
    """Elements that both have, which were compared; None: their types or dimensions cannot be."""
    differing: int = 0
    max_abs_difference: float | None = None
    """Over the elements that differ and are finite numbers on both sides, in double precision."""
    examples: tuple[ItemChange, ...] = ()


def diff_arrays(before: Any, after: Any, is_same: Same, *, dtypes: tuple[str, str] | None = None) -> ArrayDiff | None:
    """Return how two numpy arrays differ, None if they do not.

    Arrays of different shapes are compared where they overlap, from index 0 of each dimension.

    Parameters
    ----------
    is_same : decides for elements that are Python objects.
    dtypes : what to call the element types, where these arrays stand for something else.
    """
    import numpy as np

    names = dtypes or (str(before.dtype), str(after.dtype))
    base = ArrayDiff(before.shape, after.shape, storable(names[0]), storable(names[1]))
    if before.ndim != after.ndim:
        return base
    overlap = tuple(slice(min(sizes)) for sizes in zip(before.shape, after.shape, strict=True))
    a, b = before[overlap] if overlap else before, after[overlap] if overlap else after
    mask = find_differing(a, b, is_same)
    if mask is None:
        return base
    differing = int(np.count_nonzero(mask))
    if not differing and base.before_shape == base.after_shape and base.before_dtype == base.after_dtype:
        return None
    return msgspec.structs.replace(
        base,
        compared=mask.size,
        differing=differing,
        max_abs_difference=_max_abs_difference(a[mask], b[mask]) if differing else None,
        examples=tuple(_example(a, b, position) for position in np.flatnonzero(mask)[:_EXAMPLES].tolist()),
    )


def find_differing(a: Any, b: Any, is_same: Same) -> NDArray[bool_] | None:
    """Return where two numpy arrays of one shape differ, None if their types cannot be compared."""
    import numpy as np

    if isinstance(a, np.ma.MaskedArray) or isinstance(b, np.ma.MaskedArray):
        hidden_a, hidden_b = np.ma.getmaskarray(a), np.ma.getmaskarray(b)
        mask = find_differing(np.ma.getdata(a), np.ma.getdata(b), is_same)
        return None if mask is None else (mask & ~hidden_a & ~hidden_b) | (hidden_a != hidden_b)
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.names or b.dtype.names:
        return _find_in_fields(a, b, is_same)
    if a.dtype == object or b.dtype == object:
        pairs = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
        different = (not (is_plainly_same(x, y) or is_same(x, y)) for x, y in pairs)
        return np.fromiter(different, bool, a.size).reshape(a.shape)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy 1 warns where numpy 2 raises
        try:
            mask = np.asarray(a != b)
        except (TypeError, ValueError, Warning):
            return None
        if mask.shape != a.shape:
            return None
        if mask.any():
            x, y = a[mask], b[mask]
            mask[mask] = ~((x != x) & (y != y))  # NaN and NaT
    return mask


def _find_in_fields(a: Any, b: Any, is_same: Same) -> NDArray[bool_] | None:
    import numpy as np

    if a.dtype.names != b.dtype.names:
        return None
    mask = np.zeros(a.shape, bool)
    for name in a.dtype.names:
        x, y = a[name], b[name]
        if x.shape != y.shape or (differs := find_differing(x, y, is_same)) is None:
            return None
        mask |= differs.reshape(*a.shape, -1).any(axis=-1)
    return mask


def _max_abs_difference(a: Any, b: Any) -> float | None:
    import numpy as np

    if a.dtype.kind not in "iufc" or b.dtype.kind not in "iufc":
        return None
    kind = np.complex128 if "c" in (a.dtype.kind, b.dtype.kind) else np.float64
    with np.errstate(all="ignore"):
        difference = np.ma.compressed(np.abs(a.astype(kind) - b.astype(kind)))  # not where one of the two is masked
    difference = difference[np.isfinite(difference)]
    return float(difference.max()) if difference.size else None


def _example(a: Any, b: Any, position: int) -> ItemChange:
    import numpy as np

    index = tuple(int(i) for i in np.unravel_index(position, a.shape))
    path = f"[{', '.join(map(str, index))}]" if index else ""
    return ItemChange(path, brief(a[index], _TEXT), brief(b[index], _TEXT))


def diff_sparse(before: Any, after: Any, is_same: Same) -> ArrayDiff | None:
    """Return how two scipy sparse matrices differ; elements that are not stored are zeros."""
    import numpy as np

    names = (f"{before.dtype}, {before.format}", f"{after.dtype}, {after.format}")
    base = ArrayDiff(before.shape, after.shape, *names)
    if before.shape != after.shape or before.ndim != 2:
        return base
    a, b = before.tocsr(), after.tocsr()
    rows, columns = (a != b).nonzero()
    if not rows.size and names[0] == names[1]:
        return None
    x, y = _pick(a, rows, columns), _pick(b, rows, columns)
    mask = find_differing(x, y, is_same)
    places = np.arange(rows.size) if mask is None else np.flatnonzero(mask)
    if not places.size and names[0] == names[1]:
        return None
    shown = places[:_EXAMPLES].tolist()
    return msgspec.structs.replace(
        base,
        compared=int(np.prod(before.shape, dtype=object)),
        differing=int(places.size),
        max_abs_difference=_max_abs_difference(x[places], y[places]) if places.size else None,
        examples=tuple(ItemChange(f"[{rows[i]}, {columns[i]}]", brief(x[i], _TEXT), brief(y[i], _TEXT)) for i in shown),
    )


def _pick(matrix: Any, rows: Any, columns: Any) -> Any:
    """Return the elements at some places of a sparse matrix as an array."""
    import numpy as np

    if not rows.size:
        return np.zeros(0, matrix.dtype)
    picked = matrix[rows, columns]
    return np.asarray(picked.toarray() if hasattr(picked, "toarray") else picked).ravel()


def diff_tensors(before: Any, after: Any, is_same: Same) -> ArrayDiff | None:
    """Return how two torch tensors differ in their values; gradients are not looked at."""
    dtypes = (f"{before.dtype} on {before.device}", f"{after.dtype} on {after.device}")
    return diff_arrays(_to_numpy(before), _to_numpy(after), is_same, dtypes=dtypes)


def _to_numpy(tensor: Any) -> Any:
    host = tensor.detach().to_dense().cpu() if str(tensor.layout) != "torch.strided" else tensor.detach().cpu()
    host = host.resolve_conj().resolve_neg()
    try:
        return host.numpy()
    except TypeError:  # numpy has no bfloat16
        return host.float().numpy()
