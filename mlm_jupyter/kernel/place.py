"""Where a kernel's notebook is: its project, the name its history goes by, and where it went when it was moved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePath

from mlm_jupyter.capture.notebook import find_notebook
from mlm_jupyter.files import is_file, is_there
from mlm_jupyter.store.location import choose_project


class Place:
    """The notebook's file, there or not, and its project; None and the working directory where nobody named a notebook.

    Attributes
    ----------
    notebook : the file.
    project : the folder that holds ``.mlm/``, or will. It stays the same however far the notebook is moved.
    """

    def __init__(self, namespace: Mapping[str, object]) -> None:
        self.notebook = find_notebook(os.environ, namespace)
        self._cwd = Path.cwd()
        folder = self.notebook.parent if self.notebook is not None else self._cwd
        self.project = choose_project(folder, environ=os.environ)
        self._root: Path | None = None

    @property
    def name(self) -> str | None:
        """What the notebook is called in the project: its path from there."""
        return None if self.notebook is None else self._name_of(self.notebook)

    def former_name(self, told: str) -> str | None:
        """Return what the notebook was called at a path that it was renamed from; None where another file is there now.

        Parameters
        ----------
        told : the path, from where those begin that were followed.
        """
        if self._root is None or not told.endswith(".ipynb") or "\0" in told:
            return None
        file = Path(os.path.normpath(self._root / told))
        return None if is_there(file) else self._name_of(file)

    def follow(self, told: str) -> bool:
        """Go to where a frontend says the notebook is; return whether that is somewhere else.

        Parameters
        ----------
        told : its path, mostly from the root of the server's files, which the frontend does not know.
        """
        if self._root is None and self.notebook is not None:
            self._root = _without(self.notebook, told)
        found = self._find(told)
        if found is None or found == self.notebook:
            return False
        if self.notebook is not None and is_file(self.notebook) and not is_file(found):
            return False  # another page has not heard yet that the notebook was moved
        self.notebook = found
        self._root = self._root or _without(found, told)
        return True

    def _name_of(self, file: Path) -> str:
        try:
            return file.resolve().relative_to(self.project.resolve()).as_posix()
        except ValueError:
            return str(file)

    def _find(self, told: str) -> Path | None:
        if not told.endswith(".ipynb") or "\0" in told:
            return None
        if self._root is not None or PurePath(told).is_absolute():
            return Path(os.path.normpath((self._root or Path()) / told))
        start = self.notebook.parent if self.notebook is not None else self._cwd
        bases = dict.fromkeys((start, *start.parents, self._cwd, *self._cwd.parents))
        found = [base / told for base in bases if is_file(base / told)]
        return found[0] if len(found) == 1 else None  # of several, who could say which


def _without(path: Path, end: str) -> Path | None:
    """Return the folder from which ``end`` leads to ``path``."""
    parts = PurePath(end).parts
    is_end = parts and not PurePath(end).is_absolute() and path.parts[-len(parts) :] == parts
    return Path(*path.parts[: -len(parts)]) if is_end else None
