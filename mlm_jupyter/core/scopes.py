"""Which names code reads and writes, told of each as it is met: scopes are resolved as Python does.

Reading stops where the name has surely been bound before, statement by statement; a branch that may not run binds nothing
for what follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class _Scope:
    """The names of one function, class or comprehension while it is read."""

    __slots__ = ("bound", "is_global", "kind", "outer", "used")

    def __init__(self, outer: _Scope | None, kind: str) -> None:
        self.outer = outer
        self.kind = kind
        self.bound: set[str] = set()
        self.is_global: dict[str, bool] = {}  # declared elsewhere: `global` is True, `nonlocal` False
        self.used: set[tuple[str, bool]] = set()  # (name, whether its object is changed)


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
            self._scope.used.add((name, changes))
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
        """Be in a scope (a ``function``, a ``class`` or a ``comprehension``) until it is left."""
        self._functions += kind == "function"
        self._scope = _Scope(self._scope, kind)

    def leave(self) -> None:
        """Leave the scope entered last; what it used and did not bind is looked up around it."""
        scope = self._scope
        assert scope is not None
        self._functions -= scope.kind == "function"
        self._scope = outer = scope.outer
        while outer is not None and outer.kind == "class":
            outer = outer.outer
        for name, changes in scope.used:
            is_global = scope.is_global.get(name)
            if is_global is None and name in scope.bound:
                continue
            if outer is not None and not is_global:
                outer.used.add((name, changes))
            elif changes:
                self.writes.add(name)
            elif self._functions or scope.kind == "function":
                self._late_reads.add(name)
            elif name not in self._surely_bound:
                self._reads.add(name)
