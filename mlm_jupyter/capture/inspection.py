"""Looking at a value without trusting it: what its type is, what it has, and foreign code called with care."""

from __future__ import annotations

import contextlib
import types
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.core.type_names import module_of

T = TypeVar("T")

_TRUSTED: Final = frozenset(
    {
        *(("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")),
        *(("pandas", name) for name in ("Timestamp", "Timedelta", "NaTType", "NAType", "Period", "Interval")),
        *(("pathlib", name) for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
        *(("torch", name) for name in ("device", "dtype", "Size")),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("numpy", "bool"),
        *(("numpy", f"{kind}{bits}") for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
        *(("numpy", name) for name in ("float16", "float32", "float64", "longdouble", "complex64", "complex128")),
        ("numpy", "datetime64"),
        ("numpy", "timedelta64"),
        ("uuid", "UUID"),
    }
)
"""Types, by top-level package and name, whose text is short and cheap."""

_LAZY: Final = frozenset({"_duckdb", "bigframes", "daft", "dask", "duckdb", "ibis", "pyspark", "snowflake", "sqlframe", "vaex"})
"""Top-level packages whose values may run a query when they are asked for their text."""
_LAZY_TYPES: Final = {
    ("polars", "LazyFrame"): True,
    ("django", "QuerySet"): True,
    ("xarray", "LazilyIndexedArray"): True,
}

SCALARS: Final = frozenset(
    {type(None), bool, int, float, complex, str, bytes, bytearray, range, slice, type(...), type(NotImplemented)}
)
"""Builtin types whose ``==`` is all there is to compare."""


def call_quietly(function: Callable[[Any], Any], value: object) -> Any:
    """Return ``function(value)``, a call of foreign code, with its warnings dropped (not for two threads at once)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(value)


def reason_of(error: BaseException) -> str:
    """Return why something failed, in one line; the error's own ``__str__`` may fail too."""
    kind = type(error).__name__
    try:
        text = storable(" ".join(str(error)[:1000].split())[:300])
    except BaseException:
        return kind
    return text if text and kind in _PLAIN_REASONS else f"{kind}: {text}".rstrip(": ")


_PLAIN_REASONS: Final = frozenset({"CannotCaptureError", "PicklingError", "TooSlowError"})
"""Errors that need no class beside what they say."""


def sizes(shape: Iterable[int]) -> str:
    """Return ``1,000 x 3`` for the shape ``(1000, 3)``."""
    return " x ".join(f"{size:,}" for size in shape) or "of one value"


def find_by_type(value: object, table: Mapping[tuple[str, str], T]) -> T | None:
    """Return the entry of ``table`` for the nearest base class of ``value``, by ``(top-level package, name)``.

    Names, so that no library is imported to ask; the type itself, because ``__class__`` may lie or run code.
    """
    for base in type.__getattribute__(type(value), "__mro__"):
        found = table.get(_key(base))
        if found is not None:
            return found
    return None


def is_lazy(*values: object) -> bool:
    """Whether one of some values may run a query when it is asked for its text."""
    kinds = {type(value): value for value in values}
    packages = map(_package_of, kinds)
    return not _LAZY.isdisjoint(packages) or any(find_by_type(value, _LAZY_TYPES) is not None for value in kinds.values())


def is_plainly_same(a: object, b: object) -> bool:
    """Whether it takes no walk to see that two values are the same: one object, or equal scalars of one builtin type."""
    return a is b or (type(a) is type(b) and type(a) in SCALARS and a == b)


def is_trusted(kind: type) -> bool:
    """Whether values of this type are immutable scalars of known libraries: their text and ``==`` are cheap and safe."""
    return _key(kind) in _TRUSTED


def _key(kind: type) -> tuple[str, str]:
    return (_package_of(kind), type.__getattribute__(kind, "__name__"))


def _package_of(kind: type) -> str:
    return module_of(kind).partition(".")[0]


def attributes_of(value: object) -> dict[str, Any]:
    """Return the instance's own attributes, slots included, without running its code."""
    found: dict[str, Any] = {}
    for base in reversed(type.__getattribute__(type(value), "__mro__")):
        for name, member in type.__getattribute__(base, "__dict__").items():
            if type(member) is types.MemberDescriptorType:
                try:
                    found[name] = member.__get__(value)
                except AttributeError:
                    continue
    with contextlib.suppress(AttributeError):
        found.update(object.__getattribute__(value, "__dict__"))
    return found
