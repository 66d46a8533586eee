"""Which names code reads and writes, told of each as it is met: scopes are resolved as Python does.

Reading stops where the name has surely been bound before, statement by statement; a branch that may not run binds nothing
for what follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

_LATE: Final = frozenset({"function", "annotation"})
"""Scopes whose code runs whenever it is called or asked for, not where it stands."""
_SEES_CLASS: Final = frozenset({"annotation", "parameters"})


class _Use(NamedTuple):
    """A name that is looked up; with ``changes`` a part of its object is set."""

    name: str
    changes: bool
    runs_later: bool
    sees_class: bool
    """Whether the names of a class around the scope count, as they do not in functions."""


class _Scope:
    """The names of one function, class or comprehension while it is read."""

    __slots__ = ("bound", "is_global", "kind", "outer", "used")

    def __init__(self, outer: _Scope | None, kind: str) -> None:
        self.outer = outer
        self.kind = kind
        self.bound: set[str] = set()
        self.is_global: dict[str, bool] = {}  # declared elsewhere: `global` is True, `nonlocal` False
        self.used: set[_Use] = set()


class Scopes:
    """The names of the notebook that a cell reads and writes, and the scopes inside the cell that it is in at the moment."""

    def __init__(self) -> None:
        self.writes: set[str] = set()
        self._reads: set[str] = set()
        self._late_reads: set[str] = set()  # by functions, which may be called when the cell has bound the name
        self._surely_bound: set[str] = set()
        self._scope: _Scope | None = None  # None: the notebook's namespace
        self._functions = 0

    @property
    def reads(self) -> set[str]:
        """The names whose value the cell takes from before it; asked when it has ended."""
        return self._reads | (self._late_reads - self._surely_bound)

    @property
    def is_in_function(self) -> bool:
        """Whether what is met now may run at any later time."""
        return self._functions > 0

    def use(self, name: str, *, changes: bool = False) -> None:
        """Take in that a name is looked up; with ``changes`` a part of its object is set."""
        if self._scope is not None:
            self._scope.used.add(_Use(name, changes, runs_later=False, sees_class=True))
        elif changes:
            self.writes.add(name)
        elif name not in self._surely_bound:
            self._reads.add(name)

    def bind(self, name: str) -> None:
        """Take in that a name is bound or deleted."""
        scope = self._scope
        if scope is None:
            self.writes.add(name)
            self._surely_bound.add(name)
        elif name not in scope.is_global:
            scope.bound.add(name)
        elif scope.is_global[name]:
            self.writes.add(name)

    def bind_outside(self, name: str) -> None:
        """Bind a name as ``:=`` does, around all comprehensions, which may have nothing to go over."""
        inner, before = self._scope, self._surely_bound
        while self._scope is not None and self._scope.kind == "comprehension":
            self._scope = self._scope.outer
        if self._scope is not inner:
            self._surely_bound = set(before)
        self.bind(name)
        self._scope, self._surely_bound = inner, before

    def declare(self, names: Iterable[str], *, is_global: bool) -> None:
        """Take in that names of this scope are bound in another."""
        if self._scope is not None:
            self._scope.is_global.update(dict.fromkeys(names, is_global))

    def either(self, *blocks: Callable[[], None]) -> None:
        """Go through blocks of which one will run; what all of them bind is bound afterwards."""
        before = self._surely_bound
        results = []
        for block in blocks:
            self._surely_bound = set(before)
            block()
            results.append(self._surely_bound)
        self._surely_bound = set.intersection(*results)

    def enter(self, kind: str) -> None:
        """Be in a scope until it is left: ``function``, ``class`` or ``comprehension``.

        Or ``parameters``, what has type parameters, or ``annotation``, what is worked out when somebody asks: these two see
        the names of a class around them.
        """
        self._functions += kind in _LATE
        self._scope = _Scope(self._scope, kind)

    def leave(self) -> None:
        """Leave the scope entered last; what it used and did not bind is looked up around it."""
        scope = self._scope
        assert scope is not None
        self._functions -= scope.kind in _LATE
        self._scope = beside = around = scope.outer
        while around is not None and around.kind == "class":
            around = around.outer
        for use in scope.used:
            is_global = scope.is_global.get(use.name)
            if is_global is None and use.name in scope.bound:
                continue
            use = _Use(
                use.name,
                use.changes,
                runs_later=use.runs_later or scope.kind in _LATE,
                sees_class=use.sees_class and scope.kind in _SEES_CLASS,
            )
            outer = beside if use.sees_class else around
            if outer is not None and not is_global:
                outer.used.add(use)
            elif use.changes:
                self.writes.add(use.name)
            elif self._functions or use.runs_later:
                self._late_reads.add(use.name)
            elif use.name not in self._surely_bound:
                self._reads.add(use.name)
