"""The index of a project: ``mlm.db``, opened so that threads, forks and other processes can use it at once."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from mlm_jupyter.errors import CorruptError, IncompatibleError, NotFoundError, StorageError
from mlm_jupyter.files import is_file, is_there
from mlm_jupyter.store.connection import BUSY_SECONDS, Connection, gate, storage_error, translated
from mlm_jupyter.store.location import is_network_filesystem
from mlm_jupyter.store.migrations import MIGRATIONS
from mlm_jupyter.store.packfile import sync_folder

DATABASE_NAME: Final = "mlm.db"
PACKS_NAME: Final = "packs"
PART_ROWS: Final = 2_000
_TURN_S: Final = 0.01  # who waits asks every 0.1 s at the latest; with no pause he would hardly ever meet a gap

T = TypeVar("T")
_State = tuple[int, ...] | None


class Database:
    """The open ``.mlm`` folder of a project; use it from any thread, and in forked children."""

    def __init__(
        self, folder: Path, *, create: bool, is_readonly: bool, is_on_network: bool, wait_s: float = BUSY_SECONDS
    ) -> None:
        self.folder = folder
        self.is_readonly = is_readonly
        self.is_on_network = is_on_network
        """Several machines may share the disk, so a rollback journal is used instead of a write-ahead log."""
        self._create = create
        self._wait_s = wait_s
        self._local = threading.local()
        self._own: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._is_closed = False
        self._path = folder / DATABASE_NAME
        self._file: tuple[int, int] | None = None

    @classmethod
    def open(cls, folder: Path, *, create: bool = False, read_only: bool = False, wait_s: float = BUSY_SECONDS) -> Database:
        """Open the project whose ``.mlm`` folder is ``folder``.

        Parameters
        ----------
        create : make the project where there is none.
        read_only : change nothing, not even the format of an older project; works on a disk that cannot be written to.
        wait_s : how long to wait for another process that is writing.

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
        if not is_file(path) and any((folder / PACKS_NAME).glob("*.pack")):
            raise CorruptError(f"The project at {folder.parent} has lost its database; make it anew with: mlm verify --rebuild")
        if create and not read_only:
            _make_folder(folder)
        elif not is_file(path):
            raise NotFoundError(f"There is no project at {folder.parent}. Make one with: mlm init")
        database = cls(
            folder,
            create=create,
            is_readonly=read_only,
            is_on_network=is_on_network,
            wait_s=wait_s,
        )
        try:
            database._prepare()
            database._file = _identity(path)
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
        lease: _Lease | None = getattr(self._local, "lease", None)
        state = _state(self._path) if self.is_readonly else None
        if lease is None or lease.state != state:
            if self._is_closed:
                raise StorageError(f"The project at {self.folder.parent} was closed. Open it again.")
            uri = _uri(self._path, create=self._create, read_only=self.is_readonly)
            with gate:
                number = lease.retire() + 1 if lease is not None else 0
                lease = self._local.lease = _Lease(Connection(self.folder, uri, wait_s=self._wait_s), state, number)
                self._own.add(lease.connection)
        return lease.connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit all that the block does, or nothing where it raises; a transaction inside another one joins it.

        Other threads of this process wait meanwhile, readers too: compute first, and take no locks inside.
        """
        connection = self._connection()
        with translated(self.folder, is_constraint_included=True), gate:
            if connection.is_in_transaction:
                yield connection
                return
            try:
                connection.execute("BEGIN IMMEDIATE")
                self._require_in_place()  # who puts another in its place keeps everybody from beginning until that is done
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.is_in_transaction:  # not so where BEGIN failed, or where SQLite rolled back by itself
                    connection.execute("ROLLBACK")
                raise

    def in_parts(self, items: Sequence[T], work: Callable[[sqlite3.Connection, Sequence[T]], object]) -> None:
        """Do ``work`` with all the items, some thousand in a transaction, so that whoever waits to write gets a turn."""
        for start in range(0, len(items), PART_ROWS):
            with self.transaction() as connection:
                work(connection, items[start : start + PART_ROWS])
            time.sleep(_TURN_S)

    def write(self, sql: str, values: Sequence[object]) -> None:
        """Execute one statement that is a transaction by itself; what it wrote is durable when this returns."""
        self._connection().execute(sql, values)
        self._require_in_place()  # now, for nothing here keeps another from being put in its place meanwhile

    def _require_in_place(self) -> None:
        """Raise StorageError where the file that is open is no longer the project's: SQLite would write to it all the same."""
        found = _identity(self._path)
        if self._file is None or found == self._file:
            return
        if found is None:
            name = self.folder.name
            raise StorageError(
                f"The project at {self.folder.parent} is gone: its {name} folder was moved or removed; put it back"
            )
        raise StorageError(
            f"The project at {self.folder.parent} was replaced by another while this process had it open;"
            " start again, in a notebook with: %mlm_track stop, then %mlm_track"
        )

    def require_current(self) -> None:
        """Raise where the project is no longer the one that was opened: gone, replaced, or brought to a newer format."""
        self._require_in_place()
        self._require_known_format(self._version())

    def data_version(self) -> int:
        """Return a number that changes when somebody else has committed; compare only what one thread was given."""
        version = self._connection().data_version()
        lease: _Lease = self._local.lease
        return version + (lease.number << 64)

    def close(self) -> None:
        """Close the connections of every thread; none may be at work."""
        self._is_closed = True
        with gate:
            for connection in list(self._own):
                connection.close()
            self._own.clear()
        self._local = threading.local()

    def _prepare(self) -> None:
        version = self._version()
        newest = len(MIGRATIONS)
        self._require_known_format(version)
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

    def _version(self) -> int:
        (version,) = self.connection().execute("PRAGMA user_version").fetchone()
        return int(version)

    def _require_known_format(self, version: int) -> None:
        if version > len(MIGRATIONS):
            raise IncompatibleError(
                f"The project at {self.folder.parent} was written by a newer mlm_jupyter (format {version});"
                " upgrade with: pip install -U mlm_jupyter"
            )

    def _set_journal(self) -> None:
        wanted = "delete" if self.is_on_network else "wal"
        deadline = time.monotonic() + self._wait_s
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


class _Lease:
    """A thread's hold of its connection, which closes it when the thread ends.

    The connection alone would wait for the garbage collector: its cache of statements refers back to it.
    """

    def __init__(self, connection: Connection, state: _State | None, number: int) -> None:
        self.connection = connection
        self.state = state
        """Of the files it was opened for, where it only reads; what it reads in another is not to be relied on."""
        self.number = number
        """So many the thread had before."""
        self._is_retired = False

    def retire(self) -> int:
        """Leave the connection to whoever still reads from it, and return the number."""
        self._is_retired = True
        return self.number

    def __del__(self) -> None:
        if not self._is_retired:
            self.connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from any other, whatever it is called; None where there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _state(path: Path) -> _State:
    """Return what changes when a database that is only read has to be opened in another way, or read from the beginning."""
    log = path.with_name(path.name + "-wal")
    try:
        if is_there(log) and log.stat().st_size:
            return ()
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def _uri(path: Path, *, create: bool, read_only: bool) -> str:
    if not read_only:
        return f"{path.as_uri()}?mode={'rwc' if create else 'rw'}"
    if os.access(path.parent, os.W_OK):
        return f"{path.as_uri()}?mode=ro"
    # A write-ahead log is read with the help of a file of shared memory beside it, which cannot be made here. Without a
    # log SQLite can do without, if it is told that nobody writes; with one, that would hide what is in it.
    log, memory = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if not is_there(log) or not log.stat().st_size:
        return f"{path.as_uri()}?mode=ro&immutable=1"
    if not is_there(memory):
        raise StorageError(
            f"The project at {path.parent.parent} was left by a process that was killed, and its log must be merged before"
            " it is read; copy it to a disk that can be written to"
        )
    return f"{path.as_uri()}?mode=ro"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not is_there(ignore):
            ignore.write_text("*\n")
        (folder / PACKS_NAME).mkdir(mode=0o700, exist_ok=True)
        for changed in (folder / PACKS_NAME, folder, folder.parent):
            sync_folder(changed)
    except OSError as error:
        raise storage_error(error, folder) from error


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):  # the semicolons inside a trigger do not end it
            yield statement
            statement = ""
