"""What the cell being executed could lay hands on by name; half of the proof that it has not touched a value.

A group of variables is as it was when none of its names is a word of the cell, nor of any function compiled in this
namespace before; when nothing in the cell leads anywhere (``globals``, ``exec``, frames, threads: ``core/triggers.py``), nor
in the project's own modules; and when nothing but its names led to it when it was last looked at (``closure.py``).
Following the cell's names alone is no proof: a logging handler, a gc callback, another view of the object reach it too.
"""

from __future__ import annotations

import ast
import threading
import types
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mlm_jupyter.capture.met import codes_in, leads_anywhere, names_bound_in, words_in
from mlm_jupyter.core.access import Access, access_of, leads_to_notebook
from mlm_jupyter.core.magics import parse_cell
from mlm_jupyter.core.triggers import ANYWHERE
from mlm_jupyter.core.underscores import UNDERSCORES
from mlm_jupyter.core.words import words_of

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_CODE_WORDS: Final = frozenset({"def", "lambda", "class", "for", "async", "type"})


class Reach:
    """What the cell being executed could lay hands on in a namespace."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._access = Access()
        self._words: set[str] = set()
        self._bound_by_functions: set[str] = set()
        self._lasting = False
        self._threads = _threads()
        self._modules: dict[str, bytes] = {}
        self._met: weakref.WeakSet[types.CodeType] = weakref.WeakSet()
        self._may_be_unmet = True

    def enter(self, source: str) -> Access:
        """Begin a cell; ``source`` as IPython transformed it. Returns what it says about names."""
        if self._may_be_unmet and not self._lasting:
            self.meet_functions()
        access = access_of(source)
        is_magic_with_code = "get_ipython" in access.identifiers and not _CODE_WORDS.isdisjoint(access.identifiers)
        self._may_be_unmet = bool(access.triggers) or is_magic_with_code  # exec, %run, a function in the body of %%time
        self._access = access
        self._lasting = self._lasting or bool(access.lasting) or not ANYWHERE.isdisjoint(access.triggers)
        if not _CODE_WORDS.isdisjoint(access.identifiers):
            self._words |= _words_of_functions(source, access)
        if "global" in access.identifiers:
            self._bound_by_functions.update(access.writes)
        return access

    def meet(self, modules: Mapping[str, bytes]) -> None:
        """Take in what the project's own modules, by path, are now: any cell may call their functions."""
        for path, source in modules.items():
            if self._modules.get(path) is not source:
                self._modules[path] = source
                self._lasting = self._lasting or leads_to_notebook(source.decode("utf-8", "replace"))

    def went_unseen(self) -> None:
        """Say that code ran that was in no cell here, and may have defined functions."""
        self._may_be_unmet = True

    def meet_functions(self) -> None:
        """Take in the functions that the text of no cell defined: any cell may call them."""
        for code in set(codes_in(self._namespace)).difference(self._met):
            self._met.add(code)
            words = words_in(code)
            self._words |= words
            self._bound_by_functions |= names_bound_in(code)
            self._lasting = self._lasting or leads_anywhere(code, words)

    @property
    def is_anywhere(self) -> bool:
        """Whether the cell, or something that runs beside it, could reach what it likes."""
        return self._lasting or bool(self._access.triggers) or not self._threads.issuperset(_threads())

    def mentions(self, names: Iterable[str]) -> bool:
        """Return whether the cell could reach one of ``names`` by name, if it is not anywhere."""
        return not (self._access.identifiers.isdisjoint(names) and self._words.isdisjoint(names))

    def binds(self, names: Iterable[str]) -> bool:
        """Return whether the cell could bind one of ``names`` to another object, if it is not anywhere."""
        return not (self._bound_by_functions.isdisjoint(names) and set(self._access.writes).isdisjoint(names))


def _threads() -> set[int]:
    """Return the threads there are, but those that run nobody's code: our own, and the one that frees sent messages."""
    return {thread.ident or 0 for thread in threading.enumerate() if not _runs_nothing(thread)}


def _runs_nothing(thread: threading.Thread) -> bool:
    """Return whether a thread runs no code but its library's; pyzmq starts one with the first large output."""
    return thread.name.startswith("mlm-") or type(thread).__module__ == "zmq.utils.garbage"


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
            words |= _words_that_run_later(node)
        else:
            pending += ast.iter_child_nodes(node)
    return frozenset(words) - (UNDERSCORES - access.identifiers)


def _words_that_run_later(function: ast.AST) -> set[str]:
    """Return the words of a function or class, without the names that are local where they stand."""
    words: set[str] = set()
    pending: list[tuple[ast.AST, frozenset[str]]] = [(function, frozenset())]
    while pending:
        node, local = pending.pop()
        is_local = (isinstance(node, ast.Name) and node.id in local) or isinstance(node, ast.arg)
        if not is_local:
            words.update(*(words_of(value) for _, value in ast.iter_fields(node) if isinstance(value, (str, bytes))))
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            words.update(node.names)
        if isinstance(node, _FUNCTIONS):
            body, inside = _statements(node), local | _bound_in(node)
        elif isinstance(node, ast.ClassDef):  # what its body assigns is looked up there, then among the globals
            body, inside = node.body, local - _assigned_in(node.body)
        else:
            body, inside = [], local
        pending += ((child, inside if child in body else local) for child in ast.iter_child_nodes(node))
    return words


def _bound_in(function: _Function) -> frozenset[str]:
    """Return the parameters and assigned names of a function that mean nothing outside it."""
    parameters = function.args
    every = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs, parameters.vararg, parameters.kwarg]
    return _assigned_in(_statements(function)) | {parameter.arg for parameter in every if parameter is not None}


def _assigned_in(body: Sequence[ast.AST]) -> frozenset[str]:
    """Return the names that statements assign in their own scope, and declare to be of no other."""
    assigned: set[str] = set()
    elsewhere: set[str] = set()
    pending = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assigned.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            elsewhere.update(node.names)
        if not isinstance(node, _SCOPES):
            pending += ast.iter_child_nodes(node)
    return frozenset(assigned - elsewhere)


def _statements(function: _Function) -> Sequence[ast.AST]:
    return [function.body] if isinstance(function, ast.Lambda) else function.body


_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPES: Final = (*_FUNCTIONS, ast.ClassDef, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)
_LATER: Final = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.GeneratorExp),
    getattr(ast, "TypeAlias", ast.Lambda),  # new in Python 3.12: its value is worked out when somebody asks
)
