"""Cheap proof that a function or class is as it was: the identities of all it is made of.

Pickling a function by value takes 50 µs and a class 300, after every cell; comparing a few pointers takes 1 to 5. What is
compared is held, so an equal pointer is the same object. Anything that could change inside (a list in a class, a closure over a
dict) has no token and is pickled.
"""

from __future__ import annotations

import sys
import types
from typing import Any, Final

from mlm_jupyter.capture.annotations import annotations_token, parts_of_annotations

Token = tuple[Any, ...]

_ATOMS: Final = (int, float, bool, str, bytes, complex, type(None), type(...))
_DESCRIPTORS: Final = (
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.WrapperDescriptorType,
    types.BuiltinFunctionType,
)


def token_of(value: Any) -> Token | None:
    """Return what identifies the present state of a function, class or module; None when nothing cheap does."""
    kind = type(value)
    if issubclass(kind, types.ModuleType):
        return (value,)
    if kind is types.FunctionType:
        return _of_function(value)
    if kind is type:
        return _of_class(value)
    return None


def is_same(one: Token, other: Token) -> bool:
    """Return whether two tokens are of the same, unchanged object."""
    return len(one) == len(other) and all(left is right for left, right in zip(one, other, strict=True))


def _of_function(function: types.FunctionType, owner: type | None = None) -> Token | None:
    defaults = function.__defaults__ or ()
    if _has_own_globals(function):
        return None
    if function.__dict__ or function.__kwdefaults__ or not all(isinstance(item, _ATOMS) for item in defaults):
        return None
    token: list[Any] = [function, function.__code__, function.__defaults__, function.__name__, function.__qualname__]
    token += [function.__doc__, function.__module__]
    of_annotations = annotations_token(*parts_of_annotations(function))
    if of_annotations is None:
        return None
    token += of_annotations
    for cell in function.__closure__ or ():
        try:
            contents = cell.cell_contents
        except ValueError:
            return None
        if contents is not owner or owner is None:  # the cell itself may be shared with another function
            return None
        token.append(contents)
    return tuple(token)


def _has_own_globals(function: types.FunctionType) -> bool:
    """Return whether a function's globals are no module's, as of a script that was run: what they hold is stored with it."""
    module = sys.modules.get(function.__module__)
    if function.__globals__ is getattr(module, "__dict__", None):
        return False
    return function.__module__ == "__main__" or getattr(module, function.__qualname__, None) is not function


def _of_class(cls: type) -> Token | None:
    token: list[Any] = [cls, cls.__bases__, cls.__name__, cls.__qualname__]
    for key, item in cls.__dict__.items():
        if key == "__slotnames__":  # left in the class by pickling an instance
            continue
        part: Token | None
        if isinstance(item, (staticmethod, classmethod)):
            part = (item, *(_of_member(item.__func__, cls) or (None,)))
        elif isinstance(item, property):
            members = [_of_member(member, cls) for member in (item.fget, item.fset, item.fdel)]
            part = None if None in members else (item, *(piece for member in members for piece in member or ()))
        else:
            part = _of_member(item, cls, key)
        if part is None:
            return None
        token += [key, *part]
    return tuple(token)


def _of_member(item: Any, cls: type, key: str = "") -> Token | None:
    if key in ("__annotations__", "__annotations_cache__") and type(item) is dict:
        return annotations_token(None, item)
    if key == "__annotate_func__":
        return annotations_token(item, None)
    if isinstance(item, types.FunctionType):
        return _of_function(item, cls)
    if isinstance(item, (*_ATOMS, *_DESCRIPTORS)) or key in ("__match_args__", "__static_attributes__"):
        return (item,)
    return None
