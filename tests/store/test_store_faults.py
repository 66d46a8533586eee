"""What happens to a store when processes are killed and disks are full: what was acknowledged is there, and it opens."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from children import exit_code, in_child

from mlm_jupyter.core.digest import Digest, digest_of
from mlm_jupyter.errors import StorageError
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import CHUNK_BYTES, Kind, Packs
from mlm_jupyter.store.records import scan


def note(connection: sqlite3.Connection, text: str) -> None:
    connection.execute("INSERT INTO late_outputs VALUES (NULL, 'c', ?, 0)", (text,))


def notes(database: Database) -> set[str]:
    return {text for (text,) in database.connection().execute("SELECT output FROM late_outputs")}


def check(folder: Path) -> None:
    """Read everything there is, and find all of it in the packs alone."""
    database = Database.open(folder)
    packs = Packs(database)
    assert database.connection().execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found = {(path.name, record.offset): record.digest for path in packs.folder.iterdir() for record in scan(path)}
    rows = database.connection().execute("SELECT name, offset, digest FROM objects JOIN packs ON packs.id = pack_id").fetchall()
    for name, offset, digest in rows:
        assert found[name, offset] == digest
        packs.get(digest.hex())
    database.close()


def write_until_killed(folder: Path, acknowledge: int, seed: int) -> None:
    chance = random.Random(seed)
    packs = Packs(Database.open(folder))
    content = np.random.default_rng(seed).bytes(2 * CHUNK_BYTES)
    while True:
        with packs.batch() as batch:
            start = chance.randrange(CHUNK_BYTES)
            blob = batch.put_blob(content[start : start + chance.choice([10, 1000, 100_000, CHUNK_BYTES + 10])])
            batch.commit(lambda connection, blob=blob: note(connection, blob))  # type: ignore[misc]
        os.write(acknowledge, blob.encode())


def read_all(fd: int) -> list[Digest]:
    content = b""
    while piece := os.read(fd, 1 << 16):
        content += piece
    os.close(fd)
    return [content[start : start + 64].decode() for start in range(0, len(content) - len(content) % 64, 64)]


def test_a_writer_killed_at_any_moment_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / ".mlm"
    Database.open(folder, create=True).close()
    chance = random.Random(7)
    acknowledged: set[Digest] = set()
    for seed in range(30):
        reader, writer = os.pipe()
        child = in_child(write_until_killed, folder, writer, seed)
        os.close(writer)
        if seed % 3:  # else it may die before its first commit
            acknowledged.add(os.read(reader, 64).decode())
        time.sleep(chance.uniform(0, 0.015))
        os.kill(child, signal.SIGKILL)
        assert exit_code(child) == -signal.SIGKILL
        acknowledged |= set(read_all(reader))

        packs = Packs(Database.open(folder))
        assert acknowledged <= notes(packs.database)
        for blob in notes(packs.database):
            packs.get_blob(blob)
        packs.database.close()
    assert len(acknowledged) >= 20
    check(folder)


def open_and_close(folder: Path) -> None:
    Database.open(folder, create=True).close()


def test_a_project_killed_while_it_was_made_opens(tmp_path: Path) -> None:
    chance = random.Random(3)
    for number in range(15):
        folder = tmp_path / str(number) / ".mlm"
        child = in_child(open_and_close, folder)
        time.sleep(chance.uniform(0, 0.006))
        os.kill(child, signal.SIGKILL)
        exit_code(child)
        check_opens = Database.open(folder, create=True)
        assert notes(check_opens) == set()
        check_opens.close()


def test_four_processes_write_at_once_and_everything_is_there_once(tmp_path: Path) -> None:
    folder = tmp_path / ".mlm"
    Database.open(folder, create=True).close()

    def work(number: int) -> None:
        packs = Packs(Database.open(folder))
        for step in range(20):
            with packs.batch() as batch:
                common = batch.put(Kind.CHUNK, b"everybody's %d" % step * 50)
                own = batch.put(Kind.CHUNK, b"%d's %d" % (number, step) * 50)
                batch.commit(lambda connection, own=own: note(connection, own))  # type: ignore[misc]
            assert packs.get(common)

    children = [in_child(work, number) for number in range(4)]
    assert [exit_code(child) for child in children] == [0, 0, 0, 0]
    packs = Packs(Database.open(folder))
    assert notes(packs.database) == {digest_of(b"%d's %d" % (number, step) * 50) for number in range(4) for step in range(20)}
    for step in range(20):
        assert packs.get(digest_of(b"everybody's %d" % step * 50)) == b"everybody's %d" % step * 50
    assert packs.database.connection().execute("SELECT count(*) FROM objects").fetchone() == (100,)
    packs.database.close()
    check(folder)


def fill(packs: Packs) -> None:
    """Put until the disk takes no more, and abandon it."""
    batch = packs.batch()
    while True:
        try:
            batch.put(Kind.CHUNK, os.urandom(100_000))
        except StorageError:
            batch.abandon()
            raise


def test_a_full_disk_is_said_to_be_full_and_is_used_again_when_it_is_not(mount: Callable[[str], Path]) -> None:
    packs = Packs(Database.open(mount("size=3m") / ".mlm", create=True))
    batch = packs.batch()
    first = batch.put(Kind.CHUNK, b"before")
    batch.commit()
    for _ in range(2):
        with pytest.raises(StorageError, match=r"disk is full.*mlm prune"):
            fill(packs)
    second = batch.put(Kind.CHUNK, b"after")
    batch.commit()
    assert [packs.get(digest) for digest in (first, second)] == [b"before", b"after"]
    packs.database.close()
    check(packs.database.folder)


def test_a_disk_that_is_full_only_for_the_database_loses_no_batch(mount: Callable[[str], Path]) -> None:
    disk = mount("size=3m")
    packs = Packs(Database.open(disk / ".mlm", create=True))
    batch = packs.batch()
    digest = batch.put(Kind.CHUNK, b"in the pack already")
    filler = disk / "filler"
    with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(StorageError, match="full"):
        batch.commit(lambda connection: note(connection, "x" * 100_000))
    assert not packs.has(digest)
    filler.unlink()
    batch.commit(lambda connection: note(connection, "x"))
    assert packs.get(digest) == b"in the pack already"
    assert notes(packs.database) == {"x"}
    packs.database.close()
    check(packs.database.folder)


def test_a_limit_on_the_size_of_files_is_no_damage(tmp_path: Path) -> None:
    folder = tmp_path / ".mlm"
    Database.open(folder, create=True).close()

    def work() -> None:
        packs = Packs(Database.open(folder))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
        with pytest.raises(StorageError, match="ulimit -f"):
            fill(packs)
        batch = packs.batch()
        batch.put(Kind.CHUNK, b"after")
        batch.commit()

    assert exit_code(in_child(work)) == 0
    packs = Packs(Database.open(folder))
    assert packs.get(digest_of(b"after")) == b"after"
    packs.database.close()
    check(folder)


def make_project(disk: Path) -> Digest:
    packs = Packs(Database.open(disk / ".mlm", create=True))
    batch = packs.batch()
    digest = batch.put(Kind.CHUNK, b"x")
    batch.commit()
    packs.database.close()
    return digest


def test_a_disk_that_turns_read_only_is_said_to_be(mount: Callable[[str], Path]) -> None:
    disk = mount("size=3m")
    digest = make_project(disk)
    mount("ro")
    again = Packs(Database.open(disk / ".mlm", read_only=True))
    assert again.get(digest) == b"x"
    again.database.close()
    with pytest.raises(StorageError, match="MLM_PROJECT"):
        Database.open(disk / "other" / ".mlm", create=True)
    with pytest.raises(StorageError, match=r"cannot be (written to|opened)"):
        writing = Packs(Database.open(disk / ".mlm"))
        writing.batch().put(Kind.CHUNK, b"y")
