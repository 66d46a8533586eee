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


def annotations_token(function: types.FunctionType) -> tuple[Any, ...]:
    """Return all that makes up the annotations of a function, and is something else where they are changed."""
    annotate = getattr(function, "__annotate__", None)
    given = function.__annotations__ if annotate is None else _given(function)
    return (annotate, given, *(given or ()), *(given or {}).values())


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
