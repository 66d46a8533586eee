"""SQLite connections that threads and forks cannot hurt, and what to say when the disk or the database fails."""

from __future__ import annotations

import errno
import itertools
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from mlm_jupyter.errors import CorruptError, InvalidInputError, MlmError, StorageError
from mlm_jupyter.store.functions import FUNCTIONS

BUSY_SECONDS: Final = 10.0

# Held by every statement and for the whole of every transaction, and taken before a fork. One for all databases, so
# that no two threads can take several in different orders.
gate = threading.RLock()


class Connection(sqlite3.Connection):
    """A connection that no fork can catch open, whose statements are over when ``execute`` returns.

    SQLite remembers its file locks per process, and a fork copies that memory without the locks: a child then believes
    it holds locks it has not, even with a connection of its own, and what it commits is lost when the parent closes
    (https://sqlite.org/howtocorrupt.html, 2.6). So all connections are closed before a fork, and each opens again when
    it is next used, in the parent as in the child. For that, a thread must never be found between two rows of a
    result: ``execute`` fetches them all. It also means that no forgotten cursor keeps the write-ahead log from shrinking.
    """

    def __init__(self, folder: Path, uri: str, *, wait_s: float = BUSY_SECONDS) -> None:
        self._folder = folder
        self._wait_s = wait_s
        self._uri = uri
        self._is_open = False
        self._is_parked = False
        self._openings = 0
        with translated(folder), gate:
            self._open()
            _connections.add(self)

    def _open(self) -> None:
        attributes = vars(self).copy()
        super().__init__(self._uri, timeout=self._wait_s, isolation_level=None, check_same_thread=False, uri=True)
        vars(self).update(attributes)  # opening again, which sqlite3 allows, empties the instance
        self._is_open = True
        self._is_parked = False
        self._openings += 1
        for name, arity, function in FUNCTIONS:
            super().create_function(name, arity, function, deterministic=True)
        super().execute("PRAGMA foreign_keys = ON")
        super().execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            super().close()

    def __del__(self) -> None:
        self.close()  # left to the base class, this is a ResourceWarning

    def park(self) -> None:
        """Close until the next use; only the fork handler calls this, while it holds the gate."""
        if self._is_open and not self.in_transaction:  # a transaction can only be open if the forking thread is in it
            self.close()
            self._is_parked = True

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open; unlike ``in_transaction`` this can be asked of a parked connection."""
        return self._is_open and self.in_transaction

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        with translated(self._folder), gate:
            if self._is_parked:
                self._open()
            return _FetchedCursor(self).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        with translated(self._folder), gate:
            if self._is_parked:
                self._open()
            return super().executemany(sql, parameters)

    def data_version(self) -> int:
        """Return a number that changes when another connection, here or in any process, has committed."""
        (version,) = self.execute("PRAGMA data_version").fetchone()
        return int(version) + (self._openings << 32)


class _FetchedCursor(sqlite3.Cursor):
    """A cursor that holds its whole result."""

    _rows: Iterator[Any] = iter(())

    def execute(self, sql: str, parameters: Any = (), /) -> _FetchedCursor:
        super().execute(sql, parameters)
        self._rows = iter(super().fetchall())
        return self

    def __iter__(self) -> _FetchedCursor:
        return self

    def __next__(self) -> Any:
        return next(self._rows)

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return list(itertools.islice(self._rows, self.arraysize if size is None else size))

    def fetchall(self) -> list[Any]:
        return list(self._rows)


_connections: weakref.WeakSet[Connection] = weakref.WeakSet()


def _before_fork() -> None:
    gate.acquire()
    for connection in list(_connections):
        connection.park()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=gate.release, after_in_child=gate.release)


@contextmanager
def translated(folder: Path, *, is_constraint_included: bool = False) -> Iterator[None]:
    """Raise what SQLite cannot do with the project in ``folder`` as an error of ours."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError) as error:
        if not is_constraint_included:
            raise
        raise StorageError(f"The project at {folder.parent} refused a change: {error}") from error
    except sqlite3.Error as error:
        raise storage_error(error, folder) from error
    except UnicodeDecodeError as error:  # SQLite's complaint of its schema quotes the damage
        raise damaged_database(folder, error) from error
    except UnicodeEncodeError as error:  # a terminal gives them for bytes that are no UTF-8; what a kernel stores has none
        raise InvalidInputError(f"{error.object[:80]!r} holds half a character; type that part again.") from error


_NO_SPACE: Final = "the disk is full; free some space, for example with: mlm prune"
_NO_ACCESS: Final = "it cannot be written to; check its permissions, or set MLM_PROJECT to another folder"
_SQLITE_ADVICE: Final = {
    sqlite3.SQLITE_FULL: _NO_SPACE,
    sqlite3.SQLITE_READONLY: _NO_ACCESS,
    sqlite3.SQLITE_PERM: _NO_ACCESS,
    sqlite3.SQLITE_BUSY: "another process has been writing to it for seconds; try again",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and its permissions",
    sqlite3.SQLITE_IOERR: "the disk failed or is full; check it, then try again",
}
_OS_ADVICE: Final = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: "your quota of disk space is used up; free some space, for example with: mlm prune",
    errno.EFBIG: "a file would grow beyond the limit set for this process (ulimit -f); raise the limit",
    errno.EROFS: "the disk is read-only; set MLM_PROJECT to a folder that can be written to",
    errno.EACCES: _NO_ACCESS,
    errno.EPERM: _NO_ACCESS,
    errno.EMFILE: "this process has too many files open (ulimit -n); close some, or raise the limit",
}


def damaged_database(folder: Path, reason: Exception | str) -> CorruptError:
    """Return the error to raise where the database says what cannot be."""
    return CorruptError(
        f"The project at {folder.parent}: its database is damaged ({reason}); make it anew with: mlm verify --rebuild"
    )


def storage_error(error: sqlite3.Error | OSError, folder: Path) -> MlmError:
    """Return the error to raise where the disk or SQLite raised ``error``: what happened and what to do about it.

    Parameters
    ----------
    folder : the ``.mlm`` folder of the project.
    """
    project = f"The project at {folder.parent}"
    if isinstance(error, OSError):
        return StorageError(f"{project}: {_OS_ADVICE.get(error.errno or 0, str(error))}")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged_database(folder, error)
    return StorageError(f"{project}: {_SQLITE_ADVICE.get(code, str(error))}")
