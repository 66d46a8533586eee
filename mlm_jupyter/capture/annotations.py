"""The annotations of functions and classes, without asking for them.

From Python 3.14 on they are code that runs when somebody first asks. Asking in a look would run it in the middle of that,
leave its result in the live object, and fail where it names what is yet to come. So the code is kept; where it was asked, and
what it gave was changed since, that is kept instead.
"""

from __future__ import annotations

import gc
import types
from collections.abc import Mapping
from typing import Any, Final

_AS_VALUES: Final = 1  # annotationlib.Format.VALUE


def annotations_of_function(function: types.FunctionType) -> dict[str, Any]:
    """Return the attribute by which a copy of ``function`` gets its annotations."""
    annotate = getattr(function, "__annotate__", None)
    if annotate is None:
        return {"__annotations__": function.__annotations__}
    given = _given(function)
    return {"__annotate__": annotate} if given is None or _gives(annotate, given) else {"__annotations__": given}


def annotations_of_class(cls: type) -> dict[str, Any]:
    """Return the attribute by which a copy of ``cls`` gets the annotations that are not among its members, if there are any.

    Raises what their code raises, where that is a library's: a named tuple's, say, cannot be taken out of its place.
    """
    members = vars(cls)
    annotate, given = members.get("__annotate_func__"), members.get("__annotations_cache__")
    if annotate is not None and (given is None or _gives(annotate, given)):
        is_own = isinstance(annotate, types.FunctionType) and annotate.__module__ == cls.__module__
        return {"__annotate__": annotate} if is_own else {"__annotations__": given or annotate(_AS_VALUES)}
    return {"__annotations__": given} if given else {}


def annotation_values_of(cls: type) -> dict[str, Any]:
    """Return the annotations of a class by name, and leave nothing behind; raises what their code raises."""
    annotate = getattr(cls, "__annotate__", None)
    given = vars(cls).get("__annotations_cache__")
    return dict(cls.__annotations__ if annotate is None or given is not None else annotate(_AS_VALUES))


def annotations_token(annotate: Any, given: dict[str, Any] | None) -> tuple[Any, ...] | None:
    """Return what is something else where annotations are; None where something in them could change by itself.

    Parameters
    ----------
    annotate, given : their code and what it gave, one or both of them, as ``parts_of_annotations`` returns them.
    """
    try:
        values = [*(given or {}).values(), *(cell.cell_contents for cell in _cells_of(annotate))]
    except ValueError:  # an empty cell
        return None
    return (annotate, given, *(given or ()), *values) if all(map(_is_fixed, values)) else None


def parts_of_annotations(function: Any) -> tuple[Any, dict[str, Any] | None]:
    """Return the code of a function's annotations and what it gave when it was asked; None for what there is not."""
    annotate = getattr(function, "__annotate__", None)
    return annotate, function.__annotations__ if annotate is None else _given(function)


def held_by_annotations(function: Any) -> list[Any]:
    """Return what a function holds for its annotations alone; not the dict of a class around it, which they see."""
    annotate, given = parts_of_annotations(function)
    return [given, *_cells_of(annotate)]


def seen_by_annotations(code: types.CodeType, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the code of annotations can look up of the class around it: of its own dict a copy cannot be made."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= seen_by_annotations(constant, members).keys()
    return {name: members[name] for name in sorted(names & members.keys())}


def _given(function: Any) -> dict[str, Any] | None:
    """Return what the code of annotations gave when it was asked; None: it was not."""
    others = (function.__globals__, function.__builtins__, function.__dict__, function.__kwdefaults__)
    dicts = (held for held in gc.get_referents(function) if type(held) is dict)
    return next((held for held in dicts if not any(held is other for other in others)), None)


def _gives(annotate: Any, given: dict[str, Any]) -> bool:
    try:
        return bool(annotate(_AS_VALUES) == given)
    except Exception:  # the user's code, and what it compares
        return False


def _cells_of(annotate: Any) -> list[types.CellType]:
    if not isinstance(annotate, types.FunctionType):
        return []
    pairs = zip(annotate.__code__.co_freevars, annotate.__closure__ or (), strict=True)
    return [cell for name, cell in pairs if name != "__classdict__"]


def _is_fixed(value: Any) -> bool:
    """Return whether an annotation is a type, a text, or made of such alone."""
    if value is None or isinstance(value, (str, int, type)):
        return True
    if type(value).__module__ != "typing" and not isinstance(value, (types.GenericAlias, types.UnionType)):
        return False
    return all(map(_is_fixed, (*getattr(value, "__args__", ()), *getattr(value, "__metadata__", ()))))
