"""``mlm verify``, ``prune``, ``stats`` and ``trust`` as a person or a script meets them."""

from __future__ import annotations

import io
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stock import Stock

from mlm_jupyter.commands import main
from mlm_jupyter.store.records import scan

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mlm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in a folder of its own and returns status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("MLM_PROJECT", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(arguments)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Stock]:
    """A project with ten checkpoints of 50 kB, one of them named, whose process has ended."""
    stock = Stock(tmp_path)
    for number in range(10):
        name = "first" if number == 0 else None
        stock.add({"a": os.urandom(50_000), "b": b"same"}, name=name, outputs=f"printed {number}")
    stock.packs.forget_files()
    yield stock
    stock.close()


class Somebody(io.StringIO):
    """A person at a terminal who types this."""

    def isatty(self) -> bool:
        return True


def damage(stock: Stock, size: int) -> None:
    """Flip a byte of the first object that is so large."""
    (path,) = stock.packs.folder.glob("*.pack")
    record = next(record for record in scan(path) if record.raw_bytes == size)
    with path.open("r+b") as file:
        file.seek(record.offset + 7)
        byte = file.read(1)
        file.seek(record.offset + 7)
        file.write(bytes([byte[0] ^ 1]))


def test_verify_of_a_sound_project_is_status_0(mlm: Run, stock: Stock) -> None:
    status, out, err = mlm("verify")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "Everything is sound."


def test_verify_names_what_is_damaged_and_who_has_lost_what(mlm: Run, stock: Stock) -> None:
    damage(stock, 50_000)
    status, out, err = mlm("verify")
    named = stock.checkpoints.resolve("first")
    assert (status, err) == (1, "")
    assert "Damaged: 1 object\n" in out
    (line,) = (line for line in out.splitlines() if named.id in line)
    assert line.split() == ["1", named.id, "first", "a.ipynb", "a"]
    status, out, _ = mlm("verify", "--json")
    found = json.loads(out)
    assert status == 1 and found["is_sound"] is False
    assert found["verified"]["checkpoints"][0]["variables"] == ["a"]


def test_verify_says_of_a_torn_end_that_it_is_harmless(mlm: Run, stock: Stock) -> None:
    (path,) = stock.packs.folder.glob("*.pack")
    with path.open("ab") as file:
        file.write(bytes(1000))
    status, out, _ = mlm("verify")
    assert status == 0 and "1.0 kB were being written when a process ended: harmless." in out


def test_a_lost_database_is_made_anew(mlm: Run, stock: Stock) -> None:
    before = mlm("history", "--json")[1]
    stock.close()
    (stock.database.folder / "mlm.db").unlink()
    for verb in ("history", "verify", "init", "stats"):
        status, _, err = mlm(verb)
        assert status == 1 and "mlm verify --rebuild" in err and len(err.splitlines()) == 1
    status, out, _ = mlm("verify", "--rebuild")
    assert status == 0 and out.startswith("Made the database anew: ") and "10 checkpoints" in out
    assert mlm("history", "--json")[1] == before


def test_a_damaged_database_says_how_it_is_made_anew(mlm: Run, stock: Stock) -> None:
    before = mlm("history", "--json")[1]
    stock.close()
    path = stock.database.folder / "mlm.db"
    path.write_bytes(b"\xff" * path.stat().st_size)
    status, _, err = mlm("history")
    assert status == 1 and "mlm verify --rebuild" in err
    assert mlm("verify", "--rebuild")[0] == 0
    assert mlm("history", "--json")[1] == before


def test_rebuild_refuses_while_a_process_writes(mlm: Run, stock: Stock) -> None:
    stock.add({})
    status, _, err = mlm("verify", "--rebuild")
    assert status == 1 and "Shut down its kernel" in err


def test_prune_shows_first_what_it_would_free(mlm: Run, stock: Stock) -> None:
    status, out, _ = mlm("prune", "--keep-last", "3", "--keep-hourly", "0", "--keep-daily", "0", "--dry-run")
    assert status == 0
    assert "Kept whole: 4 checkpoints" in out and "Of 6 checkpoints the values go" in out and "302 kB" in out
    planned = json.loads(mlm("prune", "--keep-last", "3", "--keep-hourly", "0", "--keep-daily", "0", "--dry-run", "--json")[1])
    assert len(planned["checkpoints"]) == 6 and planned["policy"]["keep_last"] == 3
    assert not any(one.is_dropped for one in stock.checkpoints.list())
    _, second, *_ = reversed(stock.checkpoints.list())
    of_one = mlm("prune", "--keep-last", "8", "--keep-hourly", "0", "--keep-daily", "0", "--dry-run")[1].splitlines()[1]
    assert of_one == f"Of checkpoint {second.id} the values go; code, outputs, previews and metrics stay."


def test_prune_frees_after_a_yes_only(mlm: Run, stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer, status in (("n\n", 1), ("\n", 1), ("yes\n", None)):
        monkeypatch.setattr(sys, "stdin", Somebody(answer))
        assert mlm("prune", "--keep-last", "3")[0] == (status or 0)
        assert any(one.is_dropped for one in stock.checkpoints.list()) == (status is None)
    assert mlm("verify")[0] == 0


def test_where_nobody_can_answer_prune_refuses_in_one_line(mlm: Run, stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    status, out, err = mlm("prune", "--keep-last", "3")
    assert (status, out) == (2, "") and len(err.splitlines()) == 1 and "--yes" in err
    assert not any(one.is_dropped for one in stock.checkpoints.list())


def test_the_project_s_settings_are_the_policy_and_options_override_them(mlm: Run, stock: Stock, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.mlm]\nkeep_last = 5\nkeep_hourly = 0\nkeep_daily = 0\n")
    assert len(json.loads(mlm("prune", "--dry-run", "--json")[1])["checkpoints"]) == 4
    assert len(json.loads(mlm("prune", "--dry-run", "--json", "--keep-last", "0")[1])["checkpoints"]) == 8
    assert mlm("prune", "--keep-last", "-1", "--dry-run")[0] == 2
    status, out, _ = mlm("prune", "--yes", "--json")
    assert status == 0 and json.loads(out)["checkpoints"] == 4
    assert json.loads(mlm("prune", "--yes", "--json")[1])["checkpoints"] == 0


def test_history_and_show_of_a_freed_checkpoint_tell_what_is_left(mlm: Run, stock: Stock) -> None:
    mlm("prune", "--keep-last", "1", "--keep-hourly", "0", "--keep-daily", "0", "--yes")
    (*_, second, _) = stock.checkpoints.list()
    status, out, _ = mlm("show", second.id)
    assert status == 0 and "its values were dropped by retention" in out and "printed 1" in out


def test_delete_and_prune_free_what_was_deleted(mlm: Run, stock: Stock) -> None:
    (newest, *_) = stock.checkpoints.list()
    assert mlm("delete", newest.id, "--yes")[0] == 0
    stock.packs.forget_files()
    assert json.loads(mlm("prune", "--yes", "--json")[1])["bytes"] > 50_000
    assert not stock.packs.has(newest.digest)
    assert mlm("verify")[0] == 0


def test_stats_tell_what_takes_how_much(mlm: Run, stock: Stock) -> None:
    status, out, _ = mlm("stats")
    assert status == 0 and out.startswith("10 checkpoints of 1 notebook, 0 runs, 1 session.")
    assert next(line.split()[:3] for line in out.splitlines() if line.startswith("a ")) == ["a", "10", "10"]
    found = json.loads(mlm("stats", "--json")[1])
    assert found["logical_bytes"] == 10 * 50_004
    assert {kind["kind"] for kind in found["kinds"]} >= {"chunk", "group", "manifest"}


def test_what_is_damaged_is_not_signed(mlm: Run, stock: Stock) -> None:
    damage(stock, 50_000)
    status, _, err = mlm("trust", "first", "--yes")
    assert status == 1 and "damaged" in err
    assert mlm("trust", "latest", "--yes")[:2][0] == 0
    assert mlm("trust", "--all", "--yes")[0] == 1


def test_trust_tells_how_much_it_would_load(mlm: Run, stock: Stock) -> None:
    status, out, _ = mlm("trust", "--all", "--yes")
    assert status == 0 and "What is loaded: 11 values of Python's own types\n" in out and "Trusted 10 checkpoints." in out


def test_progress_is_shown_on_a_terminal(stock: Stock) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.run(
        [sys.executable, "-m", "mlm_jupyter", "verify", "--project", str(stock.folder)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
        text=True,
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert process.returncode == 0 and "Everything is sound." in process.stdout
    assert "Verifying 100 %" in shown and shown.endswith("\r")


@pytest.fixture
def frozen(stock: Stock) -> Iterator[Run]:
    """Return a function that runs a command, as somebody who is no superuser, in a project that cannot be written to."""
    stock.close()
    unbound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if unbound and shutil.which(unbound[0]) is None:
        pytest.skip("permissions do not stop root, and there is no setpriv to be somebody else")
    places = [stock.database.folder, *stock.database.folder.rglob("*")]
    for place in places:
        place.chmod(place.stat().st_mode & 0o555)

    def run(*arguments: str) -> tuple[int, str, str]:
        command = [*unbound, sys.executable, "-m", "mlm_jupyter", *arguments, "--project", str(stock.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    yield run
    for place in places:
        place.chmod(place.stat().st_mode | 0o200)


def test_what_only_looks_works_where_nothing_can_be_written(frozen: Run) -> None:
    assert frozen("verify")[1].endswith("Everything is sound.\n")
    assert frozen("stats")[1].startswith("10 checkpoints of 1 notebook")
    assert frozen("prune", "--keep-last", "1", "--dry-run")[1].startswith("Kept whole: ")
    for refused in (("verify", "--rebuild"), ("prune", "--keep-last", "1", "--yes"), ("name", "latest", "x")):
        status, out, err = frozen(*refused)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert "written to" in err and "Errno" not in err
