"""The projects this server was asked for: found by a notebook, known by an id, opened once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mlm_jupyter.core.answers import ProjectInfo
from mlm_jupyter.core.digest import digest_of
from mlm_jupyter.errors import CorruptError, IncompatibleError, InvalidInputError, MlmError, NotFoundError, StorageError
from mlm_jupyter.files import is_file, is_there
from mlm_jupyter.reader import Reader
from mlm_jupyter.store.connection import storage_error
from mlm_jupyter.store.location import FOLDER_NAME, find_project

_COLLABORATION_DRIVE: Final = "RTC:"  # jupyter-collaboration shows the server's own files under it
_ID_DIGITS: Final = 16
_MOST_KNOWN: Final = 30
"""Each has ten files open, or more; of those that nobody asks for any more a page reminds the server when it does."""
_WAIT_S: Final = 2.0  # while one request waits for a project that is locked, so do all others of this process


class Projects:
    """All of them. Use it from any thread but the event loop's, for it waits for disks.

    Parameters
    ----------
    root : the folder that notebooks' paths start from; None: they do not lie in a folder.
    environ : what says where projects are, as it does to the kernels.
    version : of this package: answers of another may look different.
    """

    def __init__(self, root: Path | None, *, environ: Mapping[str, str], version: str) -> None:
        self.version = version
        self._root = root.resolve() if root is not None else None
        self._environ = environ
        self._known: dict[str, OpenProject] = {}
        self._lock = threading.Lock()

    def known(self) -> list[OpenProject]:
        """Return those that were asked for since the server started, the last one last; of very many the last."""
        with self._lock:
            return list(self._known.values())

    def infos(self) -> list[ProjectInfo]:
        """Return what is known of them; the one that the root folder belongs to is always among them."""
        folder = find_project(self._root, environ=self._environ) if self._root is not None else None
        if folder is not None:
            self._remember(folder)
        return [self._info(project) for project in self.known()]

    def find(self, notebook: str) -> ProjectInfo | None:
        """Return the project of the notebook at this path, as the contents manager spells it; None where there is none.

        Raises
        ------
        InvalidInputError : there can be no notebook at such a path.
        NotFoundError : this server's notebooks do not lie in a folder.
        """
        path = self._locate(notebook)
        try:
            folder = find_project(path if is_file(path) else path.parent, environ=self._environ)
        except OSError as error:
            raise StorageError(f"The project of {notebook[:200]!r} cannot be looked for: {error.strerror}") from error
        if folder is None:
            return None
        return self._info(self._remember(folder), notebook=_relative(path, folder))

    @contextmanager
    def reading(self, id: str) -> Iterator[Reader]:
        """Lend the reader of a project.

        Raises
        ------
        NotFoundError : nobody has asked for this project since the server started, or not for long, or it is gone.
        """
        with self._lock:
            project = self._known.pop(id, None)
            if project is not None:
                self._known[id] = project  # at the end
        if project is None:
            raise NotFoundError(f"This server knows no project {id!r} (yet): ask for it by a notebook, projects?notebook=PATH")
        with project.reading() as reader:
            yield reader

    def close(self) -> None:
        """Close all projects."""
        for project in self.known():
            project.close()

    def _locate(self, notebook: str) -> Path:
        if self._root is None:
            raise NotFoundError("The notebooks of this server do not lie in a folder of it, so it cannot find their projects")
        name = notebook.removeprefix(_COLLABORATION_DRIVE).strip("/")
        if not name or "\0" in name or ".." in name.split("/") or len(name) > 4096:
            raise InvalidInputError(f"{notebook[:200]!r} is no path of a notebook: it starts at the server's root, has no ..")
        drive, colon, _ = name.partition("/")[0].partition(":")
        try:
            path = (self._root / name).resolve()
            is_elsewhere = not is_there(path) and bool(colon)
        except (OSError, RuntimeError) as error:  # a loop of links, a name too long
            raise InvalidInputError(f"{notebook[:200]!r} cannot be a path of a notebook: {error}") from error
        if not path.is_relative_to(self._root):
            raise InvalidInputError(f"{notebook[:200]!r} lies outside of the server's root folder")
        if is_elsewhere:
            raise NotFoundError(
                f"What lies in the drive {drive[:80]!r} is no file of this server: its history is not known here"
            )
        return path

    def _remember(self, folder: Path) -> OpenProject:
        folder = folder.resolve()
        id = digest_of(os.fsencode(folder))[:_ID_DIGITS]
        with self._lock:
            project = self._known.pop(id) if id in self._known else OpenProject(id, folder)
            self._known[id] = project
            forgotten = [self._known.pop(other) for other in list(self._known)[:-_MOST_KNOWN]]
        for other in forgotten:
            other.close()
        return project

    def _info(self, project: OpenProject, *, notebook: str | None = None) -> ProjectInfo:
        root, folder = self._root, project.folder
        is_inside = root is not None and folder.is_relative_to(root)
        return ProjectInfo(
            id=project.id,
            name=folder.name,
            folder=folder.relative_to(root).as_posix() if is_inside and root is not None else str(folder),
            notebook=notebook,
            is_writable=project.is_writable(),
        )


class OpenProject:
    """One of them: its reader is opened when first needed, and anew when the project was replaced or mended."""

    def __init__(self, id: str, folder: Path) -> None:
        self.id = id
        self.folder = folder
        self._lock = threading.Lock()
        self._reader: Reader | None = None
        self._lent: dict[Reader, int] = {}

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Lend the reader, which is closed when nobody has it any more and the project has turned out to be broken."""
        reader = self._lend()
        try:
            yield reader
        except (StorageError, CorruptError, IncompatibleError):
            self._give_up(reader)
            raise
        finally:
            self._take_back(reader)

    def is_writable(self) -> bool:
        """Tell whether names, notes and tags can be changed; not so of a project that cannot even be read."""
        try:
            with self.reading() as reader:
                return not reader.is_readonly
        except MlmError:
            return False

    def close(self) -> None:
        """Close the reader, or let the last who has it do so."""
        with self._lock:
            reader, self._reader = self._reader, None
            if reader is not None and reader not in self._lent:
                reader.close()

    def _lend(self) -> Reader:
        with self._lock:
            reader = self._reader
            if reader is not None:
                try:
                    reader.require_current()
                except MlmError:  # opening again says what is the matter, if it still is
                    self._reader = None
                    if reader not in self._lent:
                        reader.close()
            if self._reader is None:
                self._reader = self._open()
            self._lent[self._reader] = self._lent.get(self._reader, 0) + 1
            return self._reader

    def _open(self) -> Reader:
        try:
            return Reader.open(self.folder, wait_s=_WAIT_S)
        except OSError as error:  # of the folder itself: no permission, a disk that is gone
            raise storage_error(error, self.folder / FOLDER_NAME) from error

    def _give_up(self, reader: Reader) -> None:
        with self._lock:
            if self._reader is reader:
                self._reader = None

    def _take_back(self, reader: Reader) -> None:
        with self._lock:
            self._lent[reader] -= 1
            if not self._lent[reader]:
                del self._lent[reader]
                if self._reader is not reader:
                    reader.close()


def _relative(path: Path, folder: Path) -> str:
    """Return the notebook's path as a kernel writes it to checkpoints."""
    folder = folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
