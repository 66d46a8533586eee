"""A project that is removed, replaced, locked, damaged or brought to a newer format while the server has it open."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from asking import Ask, Find, make_past
from past import Past

from mlm_jupyter.server.projects import Projects


@pytest.fixture
def folder(jp_root_dir: Path) -> Iterator[Path]:
    """A project that no kernel has open."""
    past = make_past(jp_root_dir / "work")
    past.start_run("first")
    past.execute("a = 1", {"a": 1.0}, name="mine")
    past.end_run()
    past.close()
    yield past.folder


@pytest.fixture
def find(folder: Path, ask: Ask) -> Find:
    async def find() -> str:
        (found,) = (await ask("projects?notebook=work/train.ipynb")).body["items"]
        return f"projects/{found['id']}"

    return find


async def test_one_that_is_removed_is_not_made_again_and_comes_back(folder: Path, find: Find, ask: Ask) -> None:
    base = await find()
    away = folder.parent / "away"
    (folder / ".mlm").rename(away)
    for path in ("checkpoints", "checkpoints/mine", "runs", "checkpoints/mine/notebook"):
        assert (await ask(f"{base}/{path}")).failure == (404, "not_found")
    assert (await ask(f"{base}/checkpoints/mine", method="PATCH", body={"note": "x"})).failure == (404, "not_found")
    assert (await ask("projects?notebook=work/train.ipynb")).body == {"items": []}
    assert not (folder / ".mlm").exists()
    away.rename(folder / ".mlm")
    assert (await ask(f"{base}/checkpoints")).body["total"] == 1


async def test_one_that_is_replaced_is_read_anew(folder: Path, find: Find, ask: Ask) -> None:
    base = await find()
    shutil.rmtree(folder / ".mlm")
    other = Past(folder)
    made = other.execute("b", name="theirs")
    assert [item["id"] for item in (await ask(f"{base}/checkpoints")).body["items"]] == [made.id]
    assert (await ask(f"{base}/checkpoints/mine")).failure == (404, "not_found")
    other.close()


async def test_one_that_is_locked_says_so_soon_and_is_read_when_it_is_free(folder: Path, find: Find, ask: Ask) -> None:
    base = await find()
    with closing(sqlite3.connect(folder / ".mlm" / "mlm.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = asyncio.get_running_loop().time()
        change = ask(f"{base}/checkpoints/mine", method="PATCH", body={"note": "x"})
        assert (await change).failure == (503, "storage")
        assert asyncio.get_running_loop().time() - started < 6
        assert (await ask(f"{base}/checkpoints")).body["total"] == 1
        other.execute("ROLLBACK")
    assert (await ask(f"{base}/checkpoints/mine", method="PATCH", body={"note": "x"})).body["note"] == "x"


async def test_a_server_answers_others_while_a_project_is_locked(folder: Path, find: Find, ask: Ask) -> None:
    base = await find()
    with closing(sqlite3.connect(folder / ".mlm" / "mlm.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(ask(f"{base}/checkpoints/mine", method="PATCH", body={"note": "x"}))
        await asyncio.sleep(0.3)
        assert (await ask("openapi.json")).status == 200
        assert not waiting.done()
        assert (await waiting).status == 503


async def test_one_that_is_damaged_says_so_and_is_read_when_it_is_mended(folder: Path, find: Find, ask: Ask) -> None:
    base = await find()
    database = folder / ".mlm" / "mlm.db"
    good = database.read_bytes()
    database.write_bytes(b"not a database" * 1000)
    for file in folder.glob(".mlm/mlm.db-*"):
        file.unlink()
    failure = (await ask(f"{base}/checkpoints")).failure
    assert failure == (500, "corrupt")
    (shown,) = (await ask("projects?notebook=work/train.ipynb")).body["items"]
    assert not shown["is_writable"]
    database.write_bytes(good)
    assert (await ask(f"{base}/checkpoints")).body["total"] == 1


async def test_packs_that_are_damaged_hurt_only_what_lies_in_them(folder: Path, find: Find, ask: Ask) -> None:
    base = await find()
    (pack,) = (folder / ".mlm" / "packs").glob("*.pack")
    pack.write_bytes(b"\0" * pack.stat().st_size)
    assert (await ask(f"{base}/checkpoints/mine")).failure == (500, "corrupt")
    assert (await ask(f"{base}/checkpoints")).body["total"] == 1


async def test_one_that_a_newer_version_has_written_is_not_touched(folder: Path, find: Find, ask: Ask) -> None:
    base = await find()
    with closing(sqlite3.connect(folder / ".mlm" / "mlm.db", isolation_level=None)) as newer:
        (version,) = newer.execute("PRAGMA user_version").fetchone()
        newer.execute("PRAGMA user_version = 1000")
        reply = await ask(f"{base}/checkpoints")
        assert reply.failure == (409, "incompatible")
        assert "pip install -U" in reply.body["message"]
        change = await ask(f"{base}/checkpoints/mine", method="PATCH", body={"note": "x"})
        assert change.failure == (409, "incompatible")
        assert newer.execute("SELECT note FROM checkpoints").fetchone() == (None,)
        newer.execute(f"PRAGMA user_version = {version}")
    assert (await ask(f"{base}/checkpoints")).body["total"] == 1


async def test_a_server_that_starts_again_knows_a_project_when_it_is_asked_for(
    folder: Path, find: Find, jp_serverapp: object
) -> None:
    base = await find()
    again = Projects(folder.parent, environ={}, version="0")
    found = again.find("work/train.ipynb")
    assert found is not None and base == f"projects/{found.id}"
    again.close()


def test_a_reader_that_is_given_up_is_closed_when_the_last_request_has_done_with_it(tmp_path: Path) -> None:
    past = make_past(tmp_path / "work")
    past.execute("a")
    projects = Projects(tmp_path, environ={}, version="0")
    found = projects.find("work/train.ipynb")
    assert found is not None
    with projects.reading(found.id) as reader:
        (tmp_path / "work" / ".mlm").rename(tmp_path / "away")
        (tmp_path / "work" / ".mlm").mkdir()
        (tmp_path / "work" / ".mlm").rmdir()
        (tmp_path / "away").rename(tmp_path / "work" / ".mlm")
        projects.close()
        assert reader.checkpoint_page
        assert len(reader.checkpoints().take(5)) == 1
    with pytest.raises(Exception, match="closed"):
        reader.checkpoints().take(5)
    projects.close()
    past.close()
