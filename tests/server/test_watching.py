"""Whoever looks at projects is not fooled by one that is replaced, and not held up or stopped by one that is slow or broken."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from asking import make_past
from past import Past

from mlm_jupyter.errors import InvalidInputError, NotFoundError, StorageError
from mlm_jupyter.server import projects, watch
from mlm_jupyter.server.projects import Projects
from mlm_jupyter.server.watch import Watch
from mlm_jupyter.store import database


class Watched:
    """Some projects with a past, no kernel at work in them, and what a watch has told of them, by name."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folders = [folder / f"p{number}" for number in range(count)]
        for one in self.folders:
            past = make_past(one)
            past.execute("a = 1", {"a": 1.0})
            past.close()
        self.projects = Projects(folder, environ={}, version="0")
        found = [self.projects.find(f"{one.name}/train.ipynb") for one in self.folders]
        self.names = {info.id: info.name for info in found if info is not None}
        self.told: list[str] = []
        self.watch = Watch(self.projects, lambda id: self.told.append(self.names[id]), every_ms=50)

    async def look(self) -> list[str]:
        """Look once, and return what was told."""
        self.told.clear()
        self.watch._rests_until.clear()
        await self.watch.look()
        return sorted(self.told)

    def write(self, number: int) -> None:
        past = Past(self.folders[number])
        past.execute("b")
        past.close()


async def until(is_so: Callable[[], bool]) -> float:
    """Wait until something is so, and return the seconds that it took."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < 60
        await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path, 5)
    yield watched
    watched.watch.stop()
    watched.projects.close()


async def test_one_that_was_replaced_between_two_looks_is_told_of(watched: Watched) -> None:
    assert await watched.look() == []
    other = make_past(watched.folders[0].with_name("other"))
    other.execute("another history")
    other.close()
    shutil.rmtree(watched.folders[0] / ".mlm")
    (other.folder / ".mlm").rename(watched.folders[0] / ".mlm")
    assert await watched.look() == ["p0"]
    assert await watched.look() == []


async def test_one_that_a_request_opened_anew_meanwhile_is_told_of(watched: Watched) -> None:
    assert await watched.look() == []
    (id,) = [id for id, name in watched.names.items() if name == "p0"]
    copy = shutil.copytree(watched.folders[0] / ".mlm", watched.folders[0] / "copy")
    shutil.rmtree(watched.folders[0] / ".mlm")
    copy.rename(watched.folders[0] / ".mlm")
    with watched.projects.reading(id) as reader:
        assert reader.checkpoints().first() is not None
    assert await watched.look() == ["p0"]
    assert await watched.look() == []


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of somebody's who is not root, and may not do everything."""
    with tempfile.TemporaryDirectory() as name:
        is_root = os.geteuid() == 0
        if is_root:
            Path(name).chmod(0o777)
            os.seteuid(65534)
        yield Path(name)
        if is_root:
            os.seteuid(0)


async def test_one_that_may_not_be_read_is_told_of_and_does_not_keep_the_others_from_it(unprivileged: Path) -> None:
    watched = Watched(unprivileged, 2)
    assert await watched.look() == []
    watched.folders[0].chmod(0)
    watched.write(1)
    assert await watched.look() == ["p0", "p1"]
    watched.write(1)
    assert await watched.look() == ["p1"]
    (id,) = [id for id, name in watched.names.items() if name == "p0"]
    with pytest.raises(StorageError, match="permission"), watched.projects.reading(id):
        pass
    with pytest.raises((StorageError, InvalidInputError), match="denied"):
        watched.projects.find("p0/train.ipynb")
    watched.folders[0].chmod(0o700)
    assert await watched.look() == ["p0"]
    watched.watch.stop()
    watched.projects.close()


async def test_one_that_is_locked_on_a_shared_disk_holds_up_the_others_for_moments_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "is_network_filesystem", lambda path: True)  # where readers wait for a writer
    monkeypatch.setattr(projects, "_WAIT_S", 1.0)
    monkeypatch.setattr(watch, "_BROKEN_EVERY_S", 0.1)  # were it not for the rest, it would be waited for all the time
    monkeypatch.setattr(watch, "_LONGEST_REST_S", 3.0)
    watched = Watched(tmp_path, 5)
    await watched.watch.greet()

    async def until_told(number: int) -> float:
        watched.told.clear()
        watched.write(number)
        return await until(lambda: f"p{number}" in watched.told)

    usual = max([await until_told(number) for number in (1, 2, 3, 4)])
    watched.told.clear()
    with closing(sqlite3.connect(watched.folders[0] / ".mlm" / "mlm.db", isolation_level=None)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        other.execute("BEGIN EXCLUSIVE")
        (id,) = [id for id, name in watched.names.items() if name == "p0"]
        await until(lambda: watched.watch._rests_until.get(id, 0.0) > time.monotonic() + 1.5)  # after two looks, it rests
        assert watched.told == ["p0"]
        waited = [await until_told(number) for number in (1, 2, 3, 4)]
        assert sorted(waited)[2] < 2 * usual + 0.35, (waited, usual)  # less than one wait for the lock
        other.execute("ROLLBACK")
    watched.told.clear()
    await until(lambda: "p0" in watched.told)
    assert watched.told == ["p0"]
    watched.watch.stop()
    watched.projects.close()


async def test_a_request_does_not_wait_for_a_look_at_a_disk_that_does_not_answer(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    watched.watch._thread.submit(answers.wait, 30)  # a look that is not over
    monkeypatch.setattr(watch, "_GREETING_S", 0.2)
    began = time.monotonic()
    await watched.watch.greet()
    assert time.monotonic() - began < 5
    answers.set()
    watched.write(3)
    while "p3" not in watched.told and time.monotonic() - began < 20:
        watched.write(3)
        await asyncio.sleep(0.1)
    assert "p3" in watched.told


def count_open_files() -> int:
    """Return how many files this process has open, or 0 where that is not told."""
    return len(list(Path("/proc/self/fd").glob("*")))


async def test_of_very_many_projects_those_asked_for_last_are_open_and_the_others_can_be_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projects, "_MOST_KNOWN", 3)
    watched = Watched(tmp_path, 3)
    ids = {name: id for id, name in watched.names.items()}
    before = count_open_files()
    for number in range(3, 12):
        make_past(tmp_path / f"p{number}").close()
        with watched.projects.reading(ids["p0"]) as reader:  # it is looked at all the time
            found = watched.projects.find(f"p{number}/train.ipynb")
            assert found is not None
            watched.names[found.id] = found.name
            assert reader.checkpoints().first() is not None
        await watched.look()
        assert len(watched.projects.known()) == 3
        assert len(watched.watch._seen) == 3
    assert count_open_files() <= before + 3 * 10
    with pytest.raises(NotFoundError, match="notebook="), watched.projects.reading(ids["p1"]):
        pass
    assert watched.projects.find("p1/train.ipynb") is not None
    with watched.projects.reading(ids["p1"]) as reader:
        assert reader.checkpoints().first() is not None
    watched.watch.stop()
    watched.projects.close()
