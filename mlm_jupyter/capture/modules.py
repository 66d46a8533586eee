"""The project's own modules among those that are imported: their sources belong to a checkpoint as the cells do.

A source is read when its module is first seen and again when it was reloaded, not when its file changed: an edit that was
not reloaded is not what runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

MOST_BYTES: Final = 2 << 20
"""A larger source is left out."""

_FOREIGN: Final = frozenset({"site-packages", "dist-packages", "node_modules", ".venv", "venv", ".tox", ".nox", ".git", ".mlm"})
_SUFFIXES: Final = (".py", ".pyw")


class ProjectModules:
    """Follows which modules of a project are imported. Each is judged once, so that to look again costs microseconds."""

    def __init__(self, project: Path) -> None:
        self._root = _with_separator(project)
        self._library = _with_separator(Path(os.__file__).parent)
        self._names: list[str] = []
        self._seen: dict[str, int] = {}  # by name, the id of the module: a reference would keep it alive
        self._folders: dict[str, str] = {}
        self._specs: dict[str, tuple[str, object]] = {}  # of the project's modules, by name: the path and the spec
        self._sources: dict[str, bytes] = {}

    def sources(self, modules: Mapping[str, object] | None = None) -> dict[str, bytes]:
        """Return the sources of the project's imported modules, by path within the project.

        Parameters
        ----------
        modules : ``sys.modules`` unless given.
        """
        loaded = sys.modules if modules is None else modules
        names = list(loaded)
        if names != self._names:  # what is imported, or imported anew, comes last
            before, self._names, self._seen = self._seen, names, {}
            for name, module in list(loaded.items()):
                self._seen[name] = id(module)
                if before.get(name) != id(module):
                    self._judge(name, module)
        for name, (path, spec) in list(self._specs.items()):
            module = loaded.get(name)
            if module is None:
                del self._specs[name]
            elif (now := _attribute(module, "__spec__")) is not spec:  # `importlib.reload` makes a new one
                self._take(name, path, now)
        used = {path for path, _ in self._specs.values()}
        return {path: source for path, source in sorted(self._sources.items()) if path in used}

    def _judge(self, name: str, module: object) -> None:
        self._specs.pop(name, None)
        file = _attribute(module, "__file__")
        if not isinstance(file, str) or not file.endswith(_SUFFIXES):
            return
        folder, base = os.path.split(file)
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = _with_separator(folder)
        if not real.startswith(self._root) or (real.startswith(self._library) and not self._root.startswith(self._library)):
            return
        path = (real[len(self._root) :] + base).replace(os.sep, "/")
        if _FOREIGN.isdisjoint(path.split("/")):
            self._take(name, path, _attribute(module, "__spec__"))

    def _take(self, name: str, path: str, spec: object) -> None:
        self._specs[name] = (path, spec)
        self._sources.pop(path, None)
        try:
            with Path(self._root, path).open("rb") as file:
                source = file.read(MOST_BYTES + 1)
        except OSError:  # gone since: what it was is not known
            return
        if len(source) <= MOST_BYTES:
            self._sources[path] = source


class Owners:
    """The modules that are no installed library's, asked for who else has the object of a variable."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._own: list[str] = []

    def find(self, name: str, value: object, *, outside: Mapping[str, object]) -> str | None:
        """Return the module, not that of the namespace ``outside``, that has the very object ``value`` under the same name.

        It is what ``from module import name`` leaves behind.
        """
        names = list(sys.modules)
        if names != self._names:
            new = set(names).difference(self._names)
            self._own += [one for one in new if not _is_installed(_attribute(sys.modules.get(one), "__file__"))]
            self._names = names
        for one in self._own:
            module = sys.modules.get(one)
            if _attribute(module, name) is value and ModuleType.__getattribute__(module, "__dict__") is not outside:
                return one
        return None


def _is_installed(file: object) -> bool:
    """Return whether a module's file is where libraries are; one without a file is built in."""
    if not isinstance(file, str) or file.startswith(_STANDARD):
        return True
    return not _FOREIGN.isdisjoint(file.replace(os.sep, "/").split("/"))


_STANDARD: Final = f"{Path(os.__file__).parent}{os.sep}"


def _with_separator(folder: str | Path) -> str:
    return os.path.realpath(folder).rstrip(os.sep) + os.sep


def _attribute(module: object, name: str) -> object:
    """Return what a module's dictionary has, without asking a lazy module, which would import for it."""
    if not issubclass(type(module), ModuleType):
        return None
    return ModuleType.__getattribute__(module, "__dict__").get(name)
