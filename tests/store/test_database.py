"""One database for many threads, processes and forks."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from children import exit_code, in_child

from mlm_jupyter.errors import CorruptError, IncompatibleError, NotFoundError, StorageError
from mlm_jupyter.store import database as database_module
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.migrations import MIGRATIONS


def add(database: Database, text: str) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO late_outputs VALUES (NULL, 'c', ?, 0)", (text,))


def texts(database: Database) -> list[str]:
    return [text for (text,) in database.connection().execute("SELECT output FROM late_outputs ORDER BY id")]


def schema(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    finally:
        connection.close()


def test_a_new_project_is_private_ignored_by_git_and_in_wal_mode(tmp_path: Path) -> None:
    folder = tmp_path / "work" / ".mlm"
    database = Database.open(folder, create=True)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"
    assert (folder / "packs").is_dir()
    connection = database.connection()
    pragmas = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1}
    database.close()


def test_where_there_is_no_project_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="mlm init"):
        Database.open(tmp_path / ".mlm")
    assert not (tmp_path / ".mlm").exists()


def test_a_project_of_a_newer_format_is_refused_unchanged(database: Database) -> None:
    database.connection().execute("PRAGMA user_version = 999")
    for options in ({}, {"create": True}, {"read_only": True}):
        with pytest.raises(IncompatibleError, match=r"newer mlm_jupyter \(format 999\); upgrade with: pip install -U"):
            Database.open(database.folder, **options)


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
def test_migrating_any_old_format_gives_the_schema_of_a_new_project(tmp_path: Path, version: int) -> None:
    Database.open(tmp_path / "new", create=True).close()
    (tmp_path / "old" / "packs").mkdir(parents=True)
    old = sqlite3.connect(tmp_path / "old" / "mlm.db", isolation_level=None)
    old.executescript("".join(MIGRATIONS[:version]) + f"PRAGMA user_version = {version}")
    old.close()
    Database.open(tmp_path / "old").close()
    assert schema(tmp_path / "old" / "mlm.db") == schema(tmp_path / "new" / "mlm.db")


def test_a_migration_that_fails_halfway_leaves_the_format_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database.open(tmp_path, create=True).close()
    before = schema(tmp_path / "mlm.db")
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE extra (x); CREATE TABLE extra (x);"))
        with pytest.raises(StorageError, match="already exists"):
            Database.open(tmp_path)
    assert schema(tmp_path / "mlm.db") == before
    Database.open(tmp_path).close()


def test_processes_that_open_a_new_project_at_once_all_succeed(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from mlm_jupyter.store.database import Database\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "database = Database.open(pathlib.Path(sys.argv[1]), create=True)\n"
        "with database.transaction() as c: c.execute(\"INSERT INTO late_outputs VALUES (NULL, 'c', 'x', 0)\")\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / ".mlm")]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("go\n")
        assert process.returncode == 0
    database = Database.open(tmp_path / ".mlm")
    assert texts(database) == ["x"] * 5
    database.close()


def test_a_transaction_counts_as_a_whole_or_not_at_all(database: Database) -> None:
    with pytest.raises(KeyError), database.transaction():
        add(database, "inner transactions join the outer one")
        raise KeyError
    with pytest.raises(KeyboardInterrupt), database.transaction() as connection:
        connection.execute("INSERT INTO late_outputs VALUES (NULL, 'c', 'interrupted', 0)")
        raise KeyboardInterrupt
    assert texts(database) == []
    add(database, "fine")
    assert texts(database) == ["fine"]


def test_a_violated_constraint_is_an_error_of_ours_and_undoes_the_rest(database: Database) -> None:
    with pytest.raises(StorageError, match="UNIQUE"), database.transaction() as connection:
        connection.execute("INSERT INTO packs (name) VALUES ('a')")
        connection.execute("INSERT INTO packs (name) VALUES ('a')")
    assert database.connection().execute("SELECT * FROM packs").fetchall() == []


def test_threads_write_at_once_and_nothing_is_lost_or_left_open(database: Database) -> None:
    def work(number: int) -> None:
        for step in range(50):
            add(database, f"{number}-{step}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts(database)) == sorted(f"{number}-{step}" for number in range(6) for step in range(50))


def test_threads_that_ended_leave_no_files_open(database: Database) -> None:
    for number in range(30):
        thread = threading.Thread(target=add, args=(database, str(number)))
        thread.start()
        thread.join()
    path = database.folder / "mlm.db"
    assert sum(_is_same(fd, path) for fd in Path("/dev/fd").iterdir()) <= 2  # SQLite keeps one to use again


def _is_same(fd: Path, path: Path) -> bool:
    try:
        return os.path.samestat(fd.stat(), path.stat())
    except OSError:
        return False


def test_a_result_is_complete_before_another_statement_can_change_it(database: Database) -> None:
    for text in "abc":
        add(database, text)
    cursor = database.connection().execute("SELECT output FROM late_outputs ORDER BY id")
    database.connection().execute("DELETE FROM late_outputs")
    assert cursor.fetchone() == ("a",)
    assert cursor.fetchmany(1) == [("b",)]
    assert list(cursor) == [("c",)]
    assert cursor.fetchone() is None


def test_the_data_version_tells_of_commits_by_others_only(database: Database) -> None:
    other = Database.open(database.folder)
    before = database.data_version()
    add(database, "own")
    assert database.data_version() == before
    add(other, "other")
    assert database.data_version() != before
    other.close()


def test_a_forked_child_and_its_parent_both_go_on_and_lose_nothing(database: Database) -> None:
    """With connections open across the fork, SQLite 3.40 to 3.45 lost what the child wrote after the parent closed."""
    add(database, "before")
    to_parent, from_child = os.pipe()
    to_child, from_parent = os.pipe()

    def work() -> None:
        add(database, "child 1")
        os.write(from_child, b"1")
        os.read(to_child, 1)
        add(database, "child 2")  # and is killed, so nothing of it is merged on closing

    child = in_child(work)
    os.read(to_parent, 1)
    add(database, "parent")
    database.close()
    os.write(from_parent, b"1")
    assert exit_code(child) == 0
    reopened = Database.open(database.folder)
    assert sorted(texts(reopened)) == ["before", "child 1", "child 2", "parent"]
    assert reopened.connection().execute("PRAGMA integrity_check").fetchone() == ("ok",)
    reopened.close()


def test_forks_while_other_threads_read_and_write_harm_nobody(database: Database) -> None:
    is_done = threading.Event()
    written: list[str] = []

    def work() -> None:
        while not is_done.is_set():
            text = f"thread {len(written)}"
            add(database, text)
            written.append(text)
            assert len(texts(database)) >= len(written)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for number in range(10):
            assert exit_code(in_child(add, database, f"child {number}")) == 0
    finally:
        is_done.set()
        thread.join()
    assert sorted(texts(database)) == sorted([*written, *(f"child {number}" for number in range(10))])


def test_a_closed_project_says_so_and_does_not_disturb_forks(database: Database) -> None:
    gone = Database.open(database.folder)
    connection = gone.connection()
    gone.close()
    with pytest.raises(StorageError, match="was closed"):
        gone.connection()
    for _ in range(2):
        assert exit_code(in_child(add, database, "child")) == 0
    assert texts(database) == ["child", "child"]
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


def test_a_writer_waits_for_another_one_and_in_the_end_says_why_it_gave_up(database: Database) -> None:
    other = sqlite3.connect(database.folder / "mlm.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database.connection().execute("PRAGMA busy_timeout = 100")
    with pytest.raises(StorageError, match="another process has been writing"):
        add(database, "too early")
    waiting = threading.Thread(target=add, args=(database, "then"))
    waiting.start()
    time.sleep(0.05)
    other.execute("COMMIT")
    waiting.join()
    other.close()
    assert texts(database) == ["then"]


def test_a_reading_project_cannot_be_changed_and_reads_what_others_write(database: Database) -> None:
    reading = Database.open(database.folder, read_only=True)
    add(database, "x")
    assert texts(reading) == ["x"]
    with pytest.raises(StorageError, match="cannot be written to"):
        add(reading, "y")
    reading.close()


def test_a_project_on_a_read_only_disk_can_be_read(mount: Callable[[str], Path]) -> None:
    folder = mount("size=4m") / ".mlm"
    database = Database.open(folder, create=True)
    add(database, "x")
    database.close()
    mount("ro")
    reading = Database.open(folder, read_only=True)
    assert texts(reading) == ["x"]
    reading.close()


def test_a_killed_writers_log_on_a_read_only_disk_is_not_overlooked(mount: Callable[[str], Path], database: Database) -> None:
    add(database, "x")
    folder = mount("size=4m") / ".mlm"
    shutil.copytree(database.folder, folder, ignore=shutil.ignore_patterns("*-shm"))  # the log as kill -9 leaves it
    assert (folder / "mlm.db-wal").stat().st_size
    mount("ro")
    with pytest.raises(StorageError, match="copy"):
        Database.open(folder, read_only=True)


def test_a_reader_where_nothing_can_be_written_sees_what_others_write_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that has the project read-only: its server is open for days while kernels outside come and go."""
    Database.open(tmp_path, create=True).close()
    monkeypatch.setattr("os.access", lambda *_: False)
    reader = Database.open(tmp_path, read_only=True)
    seen = [(texts(reader), reader.data_version())]
    for text in ("a", "b"):
        writer = Database.open(tmp_path)
        for piece in (text, text * 5_000):
            add(writer, piece)
            seen.append((texts(reader), reader.data_version()))
        writer.close()
        assert texts(reader) == seen[-1][0]
    assert [len(kept) for kept, _ in seen] == [0, 1, 2, 3, 4]
    assert len({version for _, version in seen}) == 5
    reader.close()


def test_on_a_network_disk_the_journal_is_no_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database.open(tmp_path, create=True).close()
    monkeypatch.setattr(database_module, "is_network_filesystem", lambda _: True)
    database = Database.open(tmp_path)
    assert database.is_on_network
    assert database.connection().execute("PRAGMA journal_mode").fetchone() == ("delete",)
    add(database, "x")
    assert texts(database) == ["x"]
    database.close()


def test_a_damaged_database_is_called_damaged(tmp_path: Path) -> None:
    Database.open(tmp_path, create=True).close()
    (tmp_path / "mlm.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(CorruptError, match="mlm verify --rebuild"):
        Database.open(tmp_path)
