"""The index of a project: ``mlm.db``, opened so that threads, forks and other processes can use it at once."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from mlm_jupyter.errors import CorruptError, IncompatibleError, MlmError, NotFoundError, StorageError
from mlm_jupyter.store.location import is_network_filesystem
from mlm_jupyter.store.migrations import MIGRATIONS

DATABASE_NAME: Final = "mlm.db"
PACKS_NAME: Final = "packs"
BUSY_SECONDS: Final = 10.0

# Held by every statement and for the whole of every transaction, and taken before a fork. One for all databases, so
# that no two threads can take several in different orders.
_gate = threading.RLock()


class Connection(sqlite3.Connection):
    """A connection that no fork can catch open, whose statements are over when ``execute`` returns.

    SQLite remembers its file locks per process, and a fork copies that memory without the locks: a child then believes
    it holds locks it has not, even with a connection of its own, and what it commits is lost when the parent closes
    (https://sqlite.org/howtocorrupt.html, 2.6). So all connections are closed before a fork, and each opens again when
    it is next used, in the parent as in the child. For that, a thread must never be found between two rows of a
    result: ``execute`` fetches them all. It also means that no forgotten cursor keeps the write-ahead log from shrinking.
    """

    def __init__(self, uri: str, *, is_readonly: bool) -> None:
        self._arguments = (uri, is_readonly)
        self._is_parked = False
        self._openings = 0
        self.depth = 0
        self._open()
        _connections.add(self)

    def _open(self) -> None:
        uri, is_readonly = self._arguments
        attributes = vars(self).copy()
        super().__init__(uri, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True)
        vars(self).update(attributes)  # opening again, which sqlite3 allows, empties the instance
        self._is_parked = False
        self._openings += 1
        super().execute("PRAGMA foreign_keys = ON")
        if not is_readonly:
            super().execute("PRAGMA synchronous = NORMAL")

    def __del__(self) -> None:
        self.close()  # a thread that ends drops its connection; left to the base class that is a ResourceWarning

    def park(self) -> None:
        """Close until the next use; only the fork handler calls this, while it holds the gate."""
        if not self.in_transaction:
            self.close()
            self._is_parked = True

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _FetchedCursor)

    def wake(self) -> None:
        """Open again after a fork."""
        if self._is_parked:
            self._open()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        with _translated(), _gate:
            self.wake()
            return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        with _translated(), _gate:
            self.wake()
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

    def fetchall(self) -> list[Any]:
        return list(self._rows)


_connections: weakref.WeakSet[Connection] = weakref.WeakSet()


def _before_fork() -> None:
    _gate.acquire()
    for connection in list(_connections):
        connection.park()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_gate.release, after_in_child=_gate.release)


class Database:
    """The open ``.mlm`` folder of a project; use it from any thread, and in forked children."""

    def __init__(self, folder: Path, *, uri: str, is_readonly: bool, is_on_network: bool) -> None:
        self.folder = folder
        self.is_readonly = is_readonly
        self.is_on_network = is_on_network
        """Several machines may share the disk, so a rollback journal is used instead of a write-ahead log."""
        self._uri = uri
        self._local = threading.local()
        self._own: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._is_closed = False

    @classmethod
    def open(cls, folder: Path, *, create: bool = False, read_only: bool = False) -> Database:
        """Open the project whose ``.mlm`` folder is ``folder``.

        Parameters
        ----------
        create : make the project where there is none.
        read_only : change nothing, not even the format of an older project; works on a disk that cannot be written to.

        Raises
        ------
        NotFoundError : there is no project.
        IncompatibleError : a newer version of this package wrote it.
        StorageError : the disk or the database will not do it now.
        CorruptError : the database is damaged.
        """
        folder = folder.absolute()
        path = folder / DATABASE_NAME
        is_on_network = is_network_filesystem(folder)
        if create and not read_only:
            _make_folder(folder)
        elif not path.is_file():
            raise NotFoundError(f"There is no project at {folder.parent}. Make one with: mlm init")
        database = cls(
            folder,
            uri=_uri(path, create=create, read_only=read_only),
            is_readonly=read_only,
            is_on_network=is_on_network,
        )
        try:
            database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    def connection(self) -> sqlite3.Connection:
        """Return this thread's own connection; every ``execute`` outside ``transaction`` is one by itself.

        Its errors are ``StorageError`` and ``CorruptError``, but for violated constraints and misuse.
        """
        return self._connection()

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            if self._is_closed:
                raise StorageError(f"The project at {self.folder.parent} was closed. Open it again.")
            with _translated(), _gate:
                connection = self._local.connection = Connection(self._uri, is_readonly=self.is_readonly)
            self._own.add(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit all that the block does, or nothing where it raises; a transaction inside another one joins it.

        Other threads of this process wait meanwhile, readers too: compute first, and take no locks inside.
        """
        connection = self._connection()
        with _translated(is_constraint_included=True), _gate:
            if connection.depth == 0:
                connection.wake()
                if connection.in_transaction:  # an interrupt came between BEGIN and the block
                    connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
            connection.depth += 1
            try:
                yield connection
                if connection.depth == 1:
                    connection.execute("COMMIT")
            except BaseException:
                if connection.depth == 1 and connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                connection.depth -= 1

    def data_version(self) -> int:
        """Return a number that changes when somebody else has committed; compare only what one thread was given."""
        return self._connection().data_version()

    def close(self) -> None:
        """Close the connections of every thread; none may be at work."""
        self._is_closed = True
        with _gate:
            for connection in list(self._own):
                connection.close()
            self._own.clear()
        self._local = threading.local()

    def _prepare(self) -> None:
        (version,) = self.connection().execute("PRAGMA user_version").fetchone()
        newest = len(MIGRATIONS)
        if version > newest:
            raise IncompatibleError(
                f"The project at {self.folder.parent} was written by a newer mlm_jupyter (format {version});"
                " upgrade with: pip install -U mlm_jupyter"
            )
        if self.is_readonly:
            if version < newest:
                raise IncompatibleError(
                    f"The project at {self.folder.parent} has format {version} and must be brought to format {newest}"
                    " before it is read; open it where it can be written to, or a copy of it"
                )
            return
        self._set_journal()
        if version < newest:
            self._migrate(newest)

    def _set_journal(self) -> None:
        wanted = "delete" if self.is_on_network else "wal"
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            (mode,) = self.connection().execute("PRAGMA journal_mode").fetchone()
            if mode == wanted or not os.access(self.folder, os.W_OK):
                return
            try:
                self.connection().execute(f"PRAGMA journal_mode = {wanted}")
            except StorageError:  # SQLite does not wait for this lock by itself; who opens at the same moment has it
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def _migrate(self, newest: int) -> None:
        with self.transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()  # another process may have come first
            for step in MIGRATIONS[version:]:
                for statement in _statements(step):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {newest}")


def _uri(path: Path, *, create: bool, read_only: bool) -> str:
    if not read_only:
        return f"{path.as_uri()}?mode={'rwc' if create else 'rw'}"
    log = path.with_name(path.name + "-wal")
    # A write-ahead log needs a file of shared memory beside it; where none can be made, SQLite must be told that nobody
    # else writes either. With a log left behind by a killed process that would hide what is in it.
    is_frozen = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    return f"{path.as_uri()}?mode=ro{'&immutable=1' if is_frozen else ''}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        (folder / PACKS_NAME).mkdir(mode=0o700, exist_ok=True)
        for changed in (folder / PACKS_NAME, folder, folder.parent):
            sync_folder(changed)
    except OSError as error:
        raise storage_error(error, folder) from error


def sync_folder(folder: Path) -> None:
    """Make the names of the files in ``folder`` survive a loss of power."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):  # the semicolons inside a trigger do not end it
            yield statement
            statement = ""


@contextmanager
def _translated(*, is_constraint_included: bool = False) -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError) as error:
        if not is_constraint_included:
            raise
        raise StorageError(f"The database refused a change: {error}") from error
    except sqlite3.Error as error:
        raise storage_error(error) from error


_NO_SPACE: Final = "the disk is full; free some space, for example with: mlm prune"
_NO_ACCESS: Final = "it cannot be written to; check its permissions, or set MLM_PROJECT to another folder"
_SQLITE_ADVICE: Final = {
    sqlite3.SQLITE_FULL: _NO_SPACE,
    sqlite3.SQLITE_READONLY: _NO_ACCESS,
    sqlite3.SQLITE_PERM: _NO_ACCESS,
    sqlite3.SQLITE_BUSY: f"another process has been writing to it for over {BUSY_SECONDS:.0f} seconds; try again",
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


def storage_error(error: sqlite3.Error | OSError, path: Path | None = None) -> MlmError:
    """Return the error to raise where the disk or SQLite raised ``error``: what happened and what to do about it."""
    where = f"The project's {'database' if path is None else path}"
    if isinstance(error, OSError):
        return StorageError(f"{where}: {_OS_ADVICE.get(error.errno or 0, str(error))}")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CorruptError(f"{where} is damaged ({error}); rebuild it from the packs with: mlm verify --rebuild")
    return StorageError(f"{where}: {_SQLITE_ADVICE.get(code, str(error))}")
