"""A database that is lost, torn or scribbled over, made anew: what comes back and what does not."""

from __future__ import annotations

import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import exit_code, in_child
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stock import KEY, Stock

from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.core.entities import Checkpoint, Run
from mlm_jupyter.core.retention import Policy
from mlm_jupyter.errors import ConflictError, CorruptError, NotFoundError
from mlm_jupyter.maintenance import Prune
from mlm_jupyter.maintenance import rebuild as remake
from mlm_jupyter.store import rebuild as rebuild_module
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.journal import keep_deletion, keep_run
from mlm_jupyter.store.rebuild import rebuild
from mlm_jupyter.store.records import HEADER_BYTES, Kind, scan
from mlm_jupyter.store.salvage import Salvage
from mlm_jupyter.store.verify import verify
from mlm_jupyter.trust import verify as is_signed


class Facts:
    """Everything that can be asked of a project."""

    def __init__(self, stock: Stock) -> None:
        self.checkpoints = stock.checkpoints.list(limit=1000)
        self.values = {one.id: _values(stock, one) for one in self.checkpoints}
        self.records = {one.id: stock.read_record(one) for one in self.checkpoints}
        self.signed = {one.id: is_signed(one.digest, stock.checkpoints.signatures(one), [KEY]) for one in self.checkpoints}
        self.late = {one.id: stock.checkpoints.late_outputs(one.id) for one in self.checkpoints}
        self.runs = [repr(run) for run in stock.runs.list()]
        ids = [run.id for run in stock.runs.list()]
        self.logged = {id: [repr(stock.runs.metrics(id)), stock.runs.params(id), stock.runs.artifacts(id)] for id in ids}
        self.sessions = stock.runs.sessions()


def _values(stock: Stock, checkpoint: Checkpoint) -> object:
    try:
        return stock.read(checkpoint)
    except NotFoundError as error:
        return str(error).partition(" (")[0].replace("mlm prune", "retention")


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Stock]:
    stock = Stock(tmp_path)
    yield stock
    stock.close()


@pytest.fixture
def story(stock: Stock) -> Stock:
    """A project with something of everything in it."""
    run = stock.start_run("first")
    for number in range(30):
        stock.add(
            {"a": bytes([number]) * 500, "b": b"same"},
            run=run,
            name=f"n{number}" if number % 7 == 3 else None,
            outputs=f"printed {number}",
            source=f"x = {number}\n" * 20,
            metrics={"acc": number / 10},
        )
    for step in range(200):
        stock.runs.log_metrics(run.id, {"loss": 1 / (step + 1), "bad": math.nan, "far": -math.inf}, step=step, logged_at=step)
    stock.runs.log_params(run.id, {"lr": "0.1", "note": "ü"}, now_ms())
    stock.runs.set_tags(run.id, {"kind": "x"})
    stock.add_artifact(run, b"weights" * 100)
    end(stock, run)
    listed = stock.checkpoints.list(limit=100)
    stock.checkpoints.set_name(listed[4].id, "best")
    stock.checkpoints.set_note(listed[5].id, "look here")
    stock.checkpoints.set_name(listed[6].id, "once")
    stock.checkpoints.set_name(listed[6].id, None)
    stock.checkpoints.delete(listed[10].id)
    stock.checkpoints.add_late_output(listed[2].id, {"output_type": "stream", "name": "stdout", "text": "late"}, 5)
    return stock


def end(stock: Stock, run: Run) -> None:
    """End a run as a recorder does."""
    stock.runs.end(run.id, "finished", now_ms(), until_id=new_id())
    keep_run(stock.packs, stock.runs, run.id)


def prune(stock: Stock) -> None:
    """Free what is old, as another process would."""
    stock.packs.forget_files()
    Prune(stock.database, Policy(5, 0, 0), now=now_ms()).apply()


def anew(stock: Stock, harm: Callable[[Path], object]) -> Facts:
    """Do harm to the closed database, make it anew and return what there is then."""
    stock.close()
    path = stock.database.folder / "mlm.db"
    harm(path)
    rebuild(stock.database.folder)
    stock.reopen()
    assert verify(stock.packs).is_sound
    return Facts(stock)


def test_making_a_sound_database_anew_changes_nothing(story: Stock) -> None:
    prune(story)
    before = Facts(story)
    assert anew(story, lambda path: None).__dict__ == before.__dict__


def test_a_lost_database_comes_back_with_names_notes_runs_and_metrics(story: Stock) -> None:
    before = Facts(story)
    after = anew(story, Path.unlink)
    assert after.late.values() != before.late.values()  # they are in the database only
    after.late = before.late
    assert after.__dict__ == before.__dict__


def test_values_that_were_freed_are_still_said_to_be_freed(story: Stock) -> None:
    prune(story)
    before = Facts(story)
    after = anew(story, Path.unlink)
    assert after.checkpoints == before.checkpoints
    freed = {id: value for id, value in after.values.items() if isinstance(value, str)}
    assert freed and all(value.startswith("its value was freed by retention on 20") for value in freed.values())
    assert freed.keys() == {id for id, value in before.values.items() if isinstance(value, str)}


def test_a_torn_database_gives_what_is_left_and_the_packs_the_rest(story: Stock) -> None:
    before = Facts(story)
    after = anew(story, lambda path: os.truncate(path, path.stat().st_size // 2))
    after.late = before.late
    assert after.__dict__ == before.__dict__


@given(seed=st.integers(0, 10_000), count=st.sampled_from((1, 3, 20, 300)), width=st.sampled_from((1, 50, 4096)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scribbling_over_the_database_loses_no_checkpoint_no_value_and_no_run(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, width: int
) -> None:
    stock = Stock(tmp_path_factory.mktemp("scribbled"))
    run = stock.start_run()
    made = [stock.add({"a": bytes([n]) * 100}, run=run, name=f"n{n}", source="x = 1\n" * 50) for n in range(20)]
    for step in range(100):
        stock.runs.log_metrics(run.id, {"loss": 1 / (step + 1)}, step=step, logged_at=step)
    end(stock, run)
    before = Facts(stock)

    def scribble(path: Path) -> None:
        data = bytearray(path.read_bytes())
        chosen = random.Random(seed)
        for _ in range(count):
            start = chosen.randrange(4096, len(data))  # what it begins with says where all the rest is
            data[start : start + width] = chosen.randbytes(len(data[start : start + width]))
        path.write_bytes(data)

    after = anew(stock, scribble)
    assert [one.id for one in after.checkpoints] == [one.id for one in reversed(made)]
    assert after.values == before.values and after.records == before.records and after.signed == before.signed
    assert after.logged == before.logged
    assert len(after.runs) == 1
    stock.close()


def test_of_a_run_that_was_open_the_checkpoints_tell(stock: Stock) -> None:
    run = stock.start_run("open")
    for number in range(3):
        last = stock.add({}, run=run, metrics={"acc": number / 2})
    after = anew(stock, Path.unlink)
    (found,) = stock.runs.list()
    assert (found.id, found.experiment, found.status) == (run.id, "recovered", "killed")
    assert (found.metrics, found.last_checkpoint_id) == ({"acc": 1.0}, last.id)
    assert [point.value for point in stock.runs.metrics(run.id)] == [0, 0.5, 1]
    assert len(after.sessions) == 1


def test_what_was_deleted_stays_deleted(stock: Stock) -> None:
    made = [stock.add({"a": bytes([n])}) for n in range(4)]
    run = stock.start_run()
    end(stock, run)
    stock.checkpoints.delete(made[1].id)
    stock.checkpoints.delete(made[2].id)
    stock.runs.delete(run.id)
    keep_deletion(stock.packs, run.id)
    after = anew(stock, Path.unlink)
    assert [(one.id, one.parent_id) for one in after.checkpoints] == [(made[3].id, made[0].id), (made[0].id, None)]
    assert after.runs == []


def test_a_name_goes_to_the_checkpoint_that_had_it_last(stock: Stock) -> None:
    made = [stock.add({}) for _ in range(3)]
    for index in (0, 1, 2):
        stock.checkpoints.set_name(made[index].id, "best")
        if index < 2:
            stock.checkpoints.set_name(made[index].id, None)
            time.sleep(0.002)
    with pytest.raises(ConflictError):
        stock.checkpoints.set_name(made[0].id, "best")
    after = anew(stock, Path.unlink)
    assert {one.id: one.name for one in after.checkpoints} == {made[0].id: None, made[1].id: None, made[2].id: "best"}


def test_a_checkpoint_whose_manifest_is_damaged_keeps_its_row(stock: Stock) -> None:
    made = [stock.add({"a": bytes([n])}, name=f"n{n}") for n in range(3)]
    stock.close()
    (path,) = stock.packs.folder.glob("*.pack")
    (record,) = (record for record in scan(path) if record.digest.hex() == made[1].digest)
    with path.open("r+b") as file:
        file.seek(record.offset)
        file.write(b"XX")
    rebuilt = rebuild(stock.database.folder)
    assert [damage.digest for damage in rebuilt.damaged] == [made[1].digest]
    stock.reopen()
    assert [one.id for one in stock.checkpoints.list()] == [one.id for one in reversed(made)]
    (touched,) = verify(stock.packs).checkpoints
    assert (touched.id, touched.name, touched.parts) == (made[1].id, "n1", ("everything",))


def test_a_signature_that_is_none_is_passed_over(stock: Stock) -> None:
    made = stock.add({"a": b"1"})
    with stock.packs.batch() as batch:
        batch.put_json(Kind.SIGNATURE, {"manifest": made.digest, "scheme": "hmac-sha256", "key_id": "k", "value": "no digits"})
        batch.commit()
    after = anew(stock, Path.unlink)
    assert after.signed == {made.id: KEY}


def test_the_old_database_is_kept_with_its_log(stock: Stock) -> None:
    stock.add({"a": b"1"})
    stock.packs.forget_files()  # the database stays open: its last rows are in the log
    moved = rebuild(stock.database.folder).moved_to
    assert moved is not None and (stock.database.folder / moved).is_file()
    stock.database.close()
    with sqlite3.connect(stock.database.folder / moved) as old:
        assert old.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)
    old.close()


def test_nobody_is_cut_off_while_writing(stock: Stock) -> None:
    stock.add({"a": b"1"})
    before = (stock.database.folder / "mlm.db").stat().st_ino
    with pytest.raises(ConflictError, match="A process is writing"):
        rebuild(stock.database.folder)
    assert (stock.database.folder / "mlm.db").stat().st_ino == before


def test_nobody_who_may_still_log_is_cut_off(stock: Stock) -> None:
    """A program that only logs metrics writes to no pack; its session tells that it is there."""
    stock.add({"a": b"1"})
    stock.runs.touch_session(stock.session.id, now_ms())
    stock.packs.forget_files()
    with pytest.raises(ConflictError, match="A process is recording in this project"):
        remake(stock.folder)
    stock.runs.end_session(stock.session.id, now_ms())
    assert remake(stock.folder).checkpoints == 1


def test_a_copy_can_be_made_anew_though_the_process_that_wrote_the_original_is_there(stock: Stock) -> None:
    stock.add({"a": b"1"})
    stock.runs.touch_session(stock.session.id, now_ms() - 60_000)
    stock.packs.forget_files()
    assert remake(stock.folder).checkpoints == 1


LOG = """
import sys
from pathlib import Path
from mlm_jupyter.errors import StorageError
from mlm_jupyter.store import rebuild as rebuild_module
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.runs import Runs
runs = Runs(Database.open(Path(sys.argv[1])))
run = runs.resolve("latest").id
print("ready", flush=True)
for number in range(10**9):
    try:
        runs.log_metrics(run, dict.fromkeys(["a", "b"][: 1 + number % 2], float(number)), step=number, logged_at=number)
    except StorageError as error:
        sys.exit(str(error))
    print(number, flush=True)
"""


def test_what_is_written_while_a_database_is_made_anew_is_in_it_or_was_refused(stock: Stock) -> None:
    stock.add({"a": b"1"})
    run = stock.start_run()
    stock.packs.forget_files()
    command = [sys.executable, "-c", LOG, str(stock.database.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None and writer.stderr is not None
        assert writer.stdout.readline() == "ready\n"
        rebuild(stock.database.folder)
        acknowledged = [int(line) for line in writer.stdout]
        assert "was replaced by another" in writer.stderr.read()
    stock.reopen()
    kept = {point.step for point in stock.runs.metrics(run.id, "a")}
    assert kept >= set(range(max(acknowledged) + 1))


def test_a_project_without_its_database_says_what_to_do_and_makes_no_empty_one(stock: Stock) -> None:
    stock.add({"a": b"1"})
    stock.close()
    (stock.database.folder / "mlm.db").unlink()
    for create in (False, True):
        with pytest.raises(CorruptError, match="mlm verify --rebuild"):
            Database.open(stock.database.folder, create=create)
    assert not (stock.database.folder / "mlm.db").exists()


def test_a_rebuild_that_is_killed_changes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    stock = Stock(tmp_path)
    for number in range(300):
        stock.add({"a": b"%d" % number})
    before = Facts(stock)
    stock.close()
    code = f"""
import sys
from pathlib import Path
from mlm_jupyter.store.rebuild import rebuild
print("ready", flush=True)
rebuild(Path({str(stock.database.folder)!r}))
"""
    for delay in (0.0, 0.03, 0.08, 0.15):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        stock.reopen()
        assert Facts(stock).__dict__ == before.__dict__
        stock.close()
    rebuild(stock.database.folder)
    assert not list(stock.database.folder.glob("rebuilding-*"))


def test_a_rebuild_that_dies_while_it_puts_the_new_database_in_place_has_lost_nothing(tmp_path: Path) -> None:
    """The rows of a process that was killed are in the log alone, which must not go before the file it belongs to."""

    def write_and_die() -> None:
        stock = Stock(tmp_path)
        for number in range(5):
            stock.add({"a": b"%d" % number})
        os.kill(os.getpid(), signal.SIGKILL)

    def die(_: Path) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def rebuild_and_die() -> None:
        rebuild_module.sync_folder = die
        rebuild(tmp_path / ".mlm")

    for work in (write_and_die, rebuild_and_die):
        assert exit_code(in_child(work)) == -signal.SIGKILL
    database = Database.open(tmp_path / ".mlm")
    assert database.connection().execute("SELECT count(*) FROM checkpoints").fetchone() == (5,)
    database.close()


def test_salvage_skips_damaged_pages_and_reads_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, f"row {n} " * 10) for n in range(5_000)])
    connection.close()
    data = bytearray(path.read_bytes())
    for page in (20, 21, 60):
        data[page * 4096 : page * 4096 + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    salvage = Salvage(path)
    rows = list(salvage.rows("t"))
    salvage.close()
    assert 4_700 < len(rows) < 5_000
    assert all(row["text"] == f"row {row['id']} " * 10 for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("content", [b"", b"no database at all" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_salvage_of_what_is_no_database_is_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.db"
    path.write_bytes(content)
    salvage = Salvage(path)
    assert list(salvage.rows("t")) == []
    salvage.close()
    assert list(Salvage(tmp_path / "none.db").rows("t")) == []


def test_objects_behind_damage_in_a_pack_are_found(stock: Stock) -> None:
    made = [stock.add({"a": bytes([n]) * 5000}, source="x" * 3000 * n) for n in range(3)]
    stock.close()
    (path,) = stock.packs.folder.glob("*.pack")
    (first, *_) = (record for record in scan(path) if record.kind is Kind.GROUP)
    with path.open("r+b") as file:
        file.seek(first.offset - HEADER_BYTES)
        file.write(bytes(200))
    (stock.database.folder / "mlm.db").unlink()
    rebuild(stock.database.folder)
    stock.reopen()
    assert [one.id for one in stock.checkpoints.list()] == [one.id for one in reversed(made)]
    assert [one.id for one in verify(stock.packs).checkpoints] == [made[0].id]
    assert [stock.read(one)["a"] for one in made[1:]] == [bytes([n]) * 5000 for n in (1, 2)]
