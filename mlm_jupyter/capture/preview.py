"""What can be shown of a value without having it: made in the kernel for each variable that a cell changed.

So it takes microseconds, imports nothing, computes nothing that the user did not ask for, changes nothing and never raises.
How a kind of value is shown is found by the names of its type's bases; ``library_previews`` knows the libraries'.
"""

from __future__ import annotations

import inspect
import linecache
import math
import types
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from mlm_jupyter.capture.brief import Writer
from mlm_jupyter.capture.inspection import call_quietly, find_by_type, is_lazy, reason_of
from mlm_jupyter.capture.library_previews import LIBRARY_PREVIEWS
from mlm_jupyter.capture.walks import MOST_CHARACTERS
from mlm_jupyter.core.entities import Preview
from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.core.type_names import type_label, type_name

Describe = Callable[[Any, Writer], Preview]

_MOST_BYTES: Final = 8_192  # of one preview as JSON
_MOST_SOURCE: Final = 4_000  # characters
_MOST_CELLS: Final = 500  # of the notebook, in which a class is looked for


def preview(value: object, *, budget_ms: float = 20.0) -> Preview:
    """Return what can be shown of ``value``, as ``preview_on_trial`` does."""
    return preview_on_trial(value, budget_ms=budget_ms)[0]


def preview_on_trial(value: object, *, budget_ms: float = 20.0) -> tuple[Preview, set[str]]:
    """Return what can be shown of ``value``, and the types whose ``__repr__`` was called for the first time.

    Parameters
    ----------
    budget_ms : after that long no further part of the value is looked at; a foreign ``__repr__`` that is running is
        not interrupted, but one that was slow is not called again.

    Notes
    -----
    Not for two threads at once: warnings of foreign code are silenced process-wide while it runs.
    """
    writer = Writer(MOST_CHARACTERS - 1, budget_ms=budget_ms)
    try:
        describe = find_by_type(value, _PREVIEWS) or _describe_any
        shown = _lazy(value) if is_lazy(value) else describe(value, writer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # foreign code: its failure is what there is to show
        shown = Preview(f"{type_label(value)}, which cannot be shown: {reason_of(error)}"[:MOST_CHARACTERS])
    return _fitting(shown), writer.on_trial


def source_of(value: object) -> str | None:
    """Return the source of a function or class that was defined in the notebook, if Python still has it."""
    try:
        inner = _unwrapped(value)
        if inner.__module__ != "__main__":
            return None
        return storable(_class_source(inner) if isinstance(inner, type) else _function_source(inner)) or None
    except Exception:  # a source that cannot be found is none; there is nobody to tell
        return None


def _unwrapped(value: Any) -> Any:
    for _ in range(10):
        if isinstance(value, (types.FunctionType, type)):
            break
        value = value.__wrapped__  # functools.lru_cache and its kind
    return value


def _function_source(function: types.FunctionType) -> str:
    code = function.__code__
    lines = linecache.getlines(code.co_filename)
    return "".join(inspect.getblock(lines[code.co_firstlineno - 1 :]))


def _class_source(kind: type) -> str:
    """Classes do not say which cell they are from; their methods do, and else there may be one cell that has it."""
    for member in vars(kind).values():
        code = getattr(getattr(member, "__func__", member), "__code__", None)
        if isinstance(code, types.CodeType):
            source = _block_above(linecache.getlines(code.co_filename), kind.__name__, code.co_firstlineno)
            if source:
                return source
    cells = [entry[2] for entry in list(linecache.cache.values()) if len(entry) == 4 and entry[1] is None]  # not files
    found = {_block_above(lines, kind.__name__, len(lines)) for lines in cells[-_MOST_CELLS:]} - {""}
    return found.pop() if len(found) == 1 else ""


def _block_above(lines: Sequence[str], name: str, number: int) -> str:
    """Return the source of the last class called ``name`` that starts at line ``number`` or before, decorators included."""
    starts = (f"class {name}:", f"class {name}(", f"class {name}[")
    for start in range(min(number, len(lines)) - 1, -1, -1):
        if lines[start].lstrip().startswith(starts):
            while start and lines[start - 1].lstrip().startswith("@"):
                start -= 1
            return "".join(inspect.getblock(lines[start:]))
    return ""


def _lazy(value: object) -> Preview:
    return Preview(f"{type_name(value)}, a plan that was not computed to be shown")


def _describe_any(value: object, writer: Writer) -> Preview:
    text = writer.text(value)
    return Preview(text, is_truncated=writer.is_truncated)


def _describe_number(value: Any, writer: Writer) -> Preview:
    text = writer.text(value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    return Preview(text, number=number if math.isfinite(number) else None)


def _describe_sized(base: Any) -> Describe:
    def describe(value: Any, writer: Writer) -> Preview:
        text = writer.text(value)
        return Preview(text, length=base.__len__(value), is_truncated=writer.is_truncated)

    return describe


def _describe_callable(value: Any, writer: Writer) -> Preview:
    source = source_of(value)
    text = writer.text(value)
    signature = _signature(value)
    if isinstance(value, types.FunctionType) and signature:
        text = storable(f"{value.__qualname__}{signature}")[:MOST_CHARACTERS]
    is_long = source is not None and len(source) > _MOST_SOURCE
    return Preview(text, source=source[:_MOST_SOURCE] if source else None, is_truncated=is_long)


def _signature(value: Any) -> str:
    """Return the names of the parameters; defaults are left out, for their ``__repr__`` is foreign."""
    if not isinstance(value, types.FunctionType):
        return ""
    code = value.__code__
    names = list(code.co_varnames[: code.co_argcount])
    rest = list(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])
    extra = list(code.co_varnames[code.co_argcount + code.co_kwonlyargcount :])
    if code.co_flags & inspect.CO_VARARGS:
        names.append(f"*{extra.pop(0)}")
    elif rest:
        names.append("*")
    names += rest
    if code.co_flags & inspect.CO_VARKEYWORDS:
        names.append(f"**{extra.pop(0)}")
    return f"({', '.join(names)})"


def _describe_estimator(value: Any, writer: Writer) -> Preview:
    """Show a scikit-learn estimator by its parameters; its own ``repr`` takes milliseconds."""
    params = call_quietly(lambda estimator: estimator.get_params(deep=False), value)
    is_fitted = any(name.endswith("_") and not name.startswith("_") for name in vars(value))
    listed = ", ".join(
        f"{name}={writer.short(param, 80)}" if not isinstance(param, str) else f"{name}={param!r}"[:100]
        for name, param in params.items()
    )
    text = f"{type_label(value)}({listed}), {'fitted' if is_fitted else 'not fitted'}"
    return Preview(storable(text)[:MOST_CHARACTERS], is_truncated=len(text) > MOST_CHARACTERS)


def _fitting(shown: Preview) -> Preview:
    """Return ``shown`` with less of it, if it is too long as JSON."""
    while len(msgspec.json.encode(shown)) > _MOST_BYTES:
        if shown.rows and len(shown.rows) > 1:
            shown = msgspec.structs.replace(shown, rows=shown.rows[: len(shown.rows) // 2], is_truncated=True)
        elif shown.columns and len(shown.columns) > 1:
            shown = msgspec.structs.replace(shown, columns=shown.columns[: len(shown.columns) // 2], is_truncated=True)
        elif shown.source:
            shown = msgspec.structs.replace(shown, source=shown.source[: len(shown.source) // 2], is_truncated=True)
        else:
            return Preview(shown.text[:MOST_CHARACTERS], is_truncated=True)
    return shown


_PREVIEWS: Final[dict[tuple[str, str], Describe]] = {
    ("builtins", "int"): _describe_number,
    ("builtins", "float"): _describe_number,
    ("numpy", "number"): _describe_number,
    ("builtins", "complex"): _describe_any,
    ("numpy", "complexfloating"): _describe_any,
    ("numpy", "timedelta64"): _describe_any,
    ("builtins", "str"): _describe_sized(str),
    ("builtins", "bytes"): _describe_sized(bytes),
    ("builtins", "bytearray"): _describe_sized(bytearray),
    ("builtins", "list"): _describe_sized(list),
    ("builtins", "tuple"): _describe_sized(tuple),
    ("builtins", "dict"): _describe_sized(dict),
    ("builtins", "set"): _describe_sized(set),
    ("builtins", "frozenset"): _describe_sized(frozenset),
    ("collections", "deque"): _describe_sized(deque),
    ("builtins", "function"): _describe_callable,
    ("builtins", "type"): _describe_callable,
    ("functools", "_lru_cache_wrapper"): _describe_callable,
    ("sklearn", "BaseEstimator"): _describe_estimator,
    **LIBRARY_PREVIEWS,
}
