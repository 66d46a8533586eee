"""Proof that a cell cannot have touched a value, so that looking at it again may be left out.

A group of variables is as it was when three things hold:

1. none of its names is a word of the cell, nor of any function-like code compiled in this namespace before, nor of the
   project's own modules; and nothing in the cell leads anywhere (``globals``, ``exec``, frames, threads: ``core/triggers.py``);
2. it was closed when it was last looked at: nothing but its names, and its own inside, referred to anything in it;
3. its inside is of types that pickle by what they refer to, so that "its inside" is all there is.

Following the cell's names alone is no proof: a logging handler, a gc callback, another view of the object reach it too.
"""

from __future__ import annotations

import ast
import gc
import sys
import threading
import types
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mlm_jupyter.capture.pickling import Dump
from mlm_jupyter.core.access import Access, access_of
from mlm_jupyter.core.magics import parse_cell
from mlm_jupyter.core.triggers import ANYWHERE
from mlm_jupyter.core.words import words_of

_CODE_WORDS: Final = frozenset({"def", "lambda", "class", "for", "async"})


class Reach:
    """What the cell being executed could lay hands on."""

    def __init__(self) -> None:
        self._access = Access()
        self._words: set[str] = set()
        self._lasting = False
        self._threads = _threads()

    def enter(self, source: str) -> Access:
        """Begin a cell; ``source`` as IPython transformed it. Returns what it says about names."""
        access = access_of(source)
        self._access = access
        self._lasting = self._lasting or bool(access.lasting) or not ANYWHERE.isdisjoint(access.triggers)
        if not _CODE_WORDS.isdisjoint(access.identifiers):
            self._words |= _words_of_functions(source, access)
        return access

    def add_module(self, source: str) -> None:
        """Add the words of a module of the project, whose functions any cell may call."""
        access = access_of(source)
        self._words |= access.identifiers
        self._lasting = self._lasting or bool(access.triggers)

    def mentions(self, names: Iterable[str]) -> bool:
        """Return whether the cell could reach one of ``names`` by name."""
        if self._lasting or self._access.triggers or not self._threads.issuperset(_threads()):
            return True
        return not (self._access.identifiers.isdisjoint(names) and self._words.isdisjoint(names))


def _threads() -> set[int]:
    """Return the threads there are, but our own."""
    return {thread.ident or 0 for thread in threading.enumerate() if not thread.name.startswith("mlm-")}


def _words_of_functions(source: str, access: Access) -> frozenset[str]:
    """Return the words of the functions, classes and generators in a cell: they can run in later cells."""
    if any(word.startswith("__") and not word.endswith("__") for word in access.identifiers):
        return access.identifiers  # mangled names
    try:
        pending: list[ast.AST] = [parse_cell(source)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return access.identifiers
    words: set[str] = set()
    while pending:
        node = pending.pop()
        if isinstance(node, _LATER):
            for inner in ast.walk(node):
                words.update(*(words_of(value) for _, value in ast.iter_fields(inner) if isinstance(value, (str, bytes))))
                if isinstance(inner, (ast.Global, ast.Nonlocal)):
                    words.update(inner.names)
        else:
            pending += ast.iter_child_nodes(node)
    return frozenset(words)


_LATER: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.GeneratorExp)


_PLAIN: Final[frozenset[type]] = frozenset({list, dict, set, tuple, frozenset, types.CellType})
_LEAVES: Final = frozenset({str, bytes, int, float, bool, complex, type(None), bytearray, range, type(...), type})


def is_closed(dumps: Sequence[Dump], namespace: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Return whether nothing but ``names`` and the inside of the dumped values refers to that inside.

    The sum of the reference counts of all objects in it must be what its own containers, its names, and this look account
    for. A reference that cannot be seen (from C, from a frame) makes the count larger, and the answer no.
    """
    held = sum(map(len, (dump.memo for dump in dumps)))
    inside = {}
    for dump in dumps:
        inside.update(dump.memo)
    leaves = 0
    for identity in [identity for identity, (_, obj) in inside.items() if type(obj) not in _PLAIN]:
        kind = type(inside[identity][1])
        if kind in _LEAVES or _is_code(inside[identity][1]):
            leaves += sum(identity in dump.memo for dump in dumps)
            if any(identity in dump.by_value for dump in dumps):
                return False
            del inside[identity]
        elif not _is_transparent(kind, inside[identity][1]):
            return False
    objects = [obj for _, obj in inside.values()]
    ids = set(inside)
    inside.clear()
    references = sum(map(sys.getrefcount, objects)) - len(objects) * _own_references()
    if any(map(weakref.getweakrefcount, objects)):
        return False
    internal = sum(map(ids.__contains__, map(id, gc.get_referents(*objects))))
    bound = sum(1 for name in names if id(namespace.get(name)) in ids)
    return references == internal + bound + held - leaves


def _is_code(obj: Any) -> bool:
    return isinstance(obj, (type, types.FunctionType, types.ModuleType, types.BuiltinFunctionType))


def _is_transparent(kind: type, obj: Any) -> bool:
    """Return whether an object pickles by exactly what it refers to."""
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        return obj.base is None and not obj.dtype.hasobject
    if kind.__module__ == "numpy" and issubclass(kind, tuple(_scalar_types())):
        return True
    return (
        all(getattr(kind, name) is getattr(object, name) for name in ("__reduce_ex__", "__reduce__", "__getstate__"))
        and not any("__slots__" in base.__dict__ for base in kind.__mro__)
        and kind.__basicsize__ <= object.__basicsize__ + 2 * 8
        and type(kind) is type
    )


def _scalar_types() -> tuple[type, ...]:
    numpy = sys.modules["numpy"]
    return (numpy.generic, numpy.dtype)


def _own_references() -> int:
    """Return how many of an object's references are those of the list it is counted from and of the counting."""
    return sum(map(sys.getrefcount, [object()]))
