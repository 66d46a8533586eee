"""Pruning, retention and verifying on real stores, beside live writers and with processes killed in the middle."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from stock import Stock

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.entities import Run
from mlm_jupyter.core.retention import Policy
from mlm_jupyter.errors import ConflictError, CorruptError, NotFoundError, StorageError
from mlm_jupyter.maintenance import Prune, enforce_retention
from mlm_jupyter.settings import Settings
from mlm_jupyter.store.packs import CHUNK_BYTES, Kind
from mlm_jupyter.store.rebuild import rebuild
from mlm_jupyter.store.reclaim import MOST_SMALL_PACKS, pruning_alone, store_bytes
from mlm_jupyter.store.records import HEADER_BYTES, scan
from mlm_jupyter.store.stats import take_stats
from mlm_jupyter.store.verify import verify

NOTHING = Policy(0, 0, 0)
BIG = random.Random(1).randbytes(3 * CHUNK_BYTES)


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Stock]:
    stock = Stock(tmp_path)
    yield stock
    stock.close()


def noise(number: int, size: int = 20_000) -> bytes:
    return random.Random(number).randbytes(size)


def prune(stock: Stock, policy: Policy = NOTHING) -> Prune:
    plan = Prune(stock.database, policy, now=now_ms())
    stock.packs.forget_files()  # as if this process were another: it would leave its own packs alone
    plan.apply()
    return plan


def packs_of(stock: Stock) -> list[Path]:
    return sorted(stock.packs.folder.glob("*.pack"))


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x55]))


# What pruning keeps and frees ------------------------------------------------------------------------------------------


class Histories(RuleBasedStateMachine):
    """Any history, pruned, deleted from, verified and rebuilt: what must still be readable is, and is what was put."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.stock = Stock(Path(self.folder.name))
        self.values: dict[str, dict[str, bytes]] = {}
        self.dropped: set[str] = set()
        self.names: dict[str, str] = {}
        self.printed: dict[str, str] = {}
        self.runs: list[Run] = []
        self.count = 0

    def teardown(self) -> None:
        if hasattr(self, "stock"):
            self.check()
            self.stock.close()
            self.folder.cleanup()

    @rule(
        contents=st.dictionaries(st.sampled_from("abc"), st.integers(0, 6), max_size=3),
        notebook=st.sampled_from(("a.ipynb", "b.ipynb")),
        is_named=st.integers(0, 5),
        has_run=st.booleans(),
    )
    def add(self, contents: dict[str, int], notebook: str, is_named: int, has_run: bool) -> None:
        values = {name: BIG if number == 6 else noise(number, 3_000) for name, number in contents.items()}
        text = f"printed {len(self.values) % 4}"
        self.count += 1
        name = f"n{self.count}" if is_named == 0 else None
        run = self.runs[-1] if has_run and self.runs else None
        made = self.stock.add(values, notebook=notebook, name=name, run=run, outputs=text)
        self.values[made.id], self.printed[made.id] = values, text
        if name:
            self.names[made.id] = name

    @precondition(lambda self: self.values)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.values)))
        self.stock.checkpoints.delete(id)
        for known in (self.values, self.printed, self.names):
            known.pop(id, None)  # type: ignore[attr-defined]
        self.dropped.discard(id)

    @precondition(lambda self: self.values)
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.values)))
        name = None if id in self.names else f"m{id}"
        self.stock.checkpoints.set_name(id, name)
        self.names.pop(id, None)
        if name:
            self.names[id] = name

    @rule()
    def start_run_with_a_file(self) -> None:
        run = self.stock.start_run()
        self.stock.add_artifact(run, noise(len(self.runs) % 3, 3_000))
        self.runs.append(run)

    @rule(policy=st.builds(Policy, st.integers(0, 4), st.integers(0, 1), st.integers(0, 1)))
    def prune(self, policy: Policy) -> None:
        before = set(self.dropped)
        plan = prune(self.stock, policy)
        self.dropped |= {candidate.id for candidate in plan.checkpoints}
        assert not (self.dropped - before) & self.names.keys()
        assert prune(self.stock, policy).checkpoints == []
        found = verify(self.stock.packs)
        assert found.torn_bytes == 0
        assert found.unused_bytes <= 0.1 * found.bytes  # packs with less than that in them are not worth writing anew

    @rule(share=st.floats(0.2, 1.2))
    def retain(self, share: float) -> None:
        limit = int(store_bytes(self.stock.database.folder, only_packs=True) * share)
        self.stock.packs.forget_files()
        plenty = Settings(retention_bytes=limit, retention_free_share=0.0)
        enforce_retention(self.stock.database, plenty, now=now_ms(), is_alive=lambda session: False)
        rows = self.stock.database.connection().execute("SELECT id FROM checkpoints WHERE is_dropped")
        dropped = {id for (id,) in rows}
        assert dropped >= self.dropped
        assert not (dropped - self.dropped) & self.names.keys()
        self.dropped = dropped

    @rule()
    def reopen(self) -> None:
        self.stock.reopen()

    @rule(is_database_lost=st.booleans())
    def rebuild(self, is_database_lost: bool) -> None:
        self.stock.close()
        if is_database_lost:
            (self.stock.database.folder / "mlm.db").unlink()
        rebuild(self.stock.database.folder)
        self.stock.reopen()
        self.stock.runs.add_session(self.stock.session)
        self.runs = [] if is_database_lost else self.runs  # open ones are known to the database only
        self.check()

    @rule()
    def check(self) -> None:
        listed = {checkpoint.id: checkpoint for checkpoint in self.stock.checkpoints.list(limit=1000)}
        assert listed.keys() == self.values.keys()
        assert {id: one.name for id, one in listed.items() if one.name} == self.names
        assert {id for id, one in listed.items() if one.is_dropped} == self.dropped
        for id, one in listed.items():
            assert self.stock.read_record(one) == self.printed[id]
            try:
                assert self.stock.read(one) == self.values[id]
            except NotFoundError as error:
                assert id in self.dropped
                assert "its value was freed by" in str(error)
        for run in self.runs:
            for artifact in self.stock.runs.artifacts(run.id):
                assert len(self.stock.packs.get_blob(artifact.blob)) == 3_000
        found = verify(self.stock.packs)
        assert found.is_sound, found


def test_whatever_is_kept_stays_readable_through_any_history() -> None:
    run_state_machine_as_test(Histories, settings=settings(max_examples=25, stateful_step_count=15, deadline=None))


def test_pruning_gives_the_bytes_back_to_the_disk(stock: Stock) -> None:
    for number in range(12):
        stock.add({"a": noise(number, 200_000)})
    before = store_bytes(stock.database.folder, only_packs=True)
    plan = prune(stock, Policy(3, 0, 0))
    after = store_bytes(stock.database.folder, only_packs=True)
    assert len(plan.checkpoints) == 9
    assert before - after >= 9 * 200_000
    assert abs(before - after - plan.bytes) < 1_000  # what was done is noted


def test_a_dry_run_changes_nothing(stock: Stock) -> None:
    made = [stock.add({"a": noise(number)}) for number in range(4)]
    before = sorted((path.name, path.read_bytes()) for path in packs_of(stock))
    plan = Prune(stock.database, NOTHING, now=now_ms())
    assert len(plan.checkpoints) == 3 and plan.bytes > 3 * 20_000 and plan.kept_checkpoints == 1
    assert sorted((path.name, path.read_bytes()) for path in packs_of(stock)) == before
    assert [stock.read(one) for one in made] == [{"a": noise(number)} for number in range(4)]


def test_what_a_deleted_checkpoint_needed_is_freed(stock: Stock) -> None:
    made = [stock.add({"a": noise(number)}, outputs="x" * 1000 * number) for number in range(3)]
    stock.checkpoints.delete(made[1].id)
    plan = prune(stock, Policy(100, 0, 0))
    assert plan.checkpoints == []
    assert not stock.packs.has(made[1].digest)
    assert verify(stock.packs).unused_bytes == 0
    assert [stock.read(made[0]), stock.read(made[2])] == [{"a": noise(0)}, {"a": noise(2)}]


def test_a_name_given_while_pruning_was_being_planned_counts(stock: Stock) -> None:
    made = [stock.add({"a": noise(number)}) for number in range(3)]
    plan = Prune(stock.database, NOTHING, now=now_ms())
    stock.checkpoints.set_name(made[0].id, "precious")
    plan.apply()
    assert stock.read(made[0]) == {"a": noise(0)}
    assert stock.checkpoints.get(made[1].id).is_dropped


def test_a_checkpoint_that_uses_old_chunks_again_while_pruning_was_being_planned_has_them(stock: Stock) -> None:
    stock.add({"a": noise(1), "b": BIG})
    stock.add({"a": noise(2)})
    plan = Prune(stock.database, NOTHING, now=now_ms())
    again = stock.add({"b": BIG, "c": noise(1)})
    plan.apply()
    assert stock.read(again) == {"b": BIG, "c": noise(1)}
    assert verify(stock.packs).is_sound


def test_where_a_kernel_is_nothing_is_dropped(tmp_path: Path) -> None:
    stock = Stock(tmp_path, is_ended=False)
    here = stock.add({"a": noise(1)}, notebook="b.ipynb")
    other = Stock(tmp_path)
    other.add({"a": noise(2)}, notebook="b.ipynb")
    plan = Prune(stock.database, NOTHING, now=now_ms())
    assert plan.checkpoints == []
    assert stock.read(here) == {"a": noise(1)}
    stock.close()
    other.close()


def test_a_value_put_again_after_it_was_freed_is_there_again(stock: Stock) -> None:
    first = stock.add({"a": noise(1)})
    stock.add({})
    prune(stock)
    with pytest.raises(NotFoundError, match="its value was freed by mlm prune on 20"):
        stock.read(first)
    assert stock.read(stock.add({"a": noise(1)})) == {"a": noise(1)}
    assert stock.read(first) == {"a": noise(1)}
    assert verify(stock.packs).is_sound


def test_packs_in_use_are_left_alone_and_freed_when_their_process_has_ended(stock: Stock) -> None:
    stock.add({"a": noise(1, 500_000)})
    stock.add({})
    freed = Prune(stock.database, NOTHING, now=now_ms()).apply()
    assert (freed.checkpoints, freed.packs_in_use) == (1, 1) and freed.bytes < 1000
    prune(stock)
    assert store_bytes(stock.database.folder, only_packs=True) < 100_000


def test_what_a_killed_process_was_writing_is_harmless_and_reclaimed(stock: Stock) -> None:
    kept = stock.add({"a": noise(1)})
    batch = stock.packs.batch()
    batch.put(Kind.CHUNK, noise(2))
    del batch
    stock.packs.forget_files()
    (path,) = packs_of(stock)
    with path.open("ab") as file:
        file.write(b"\x8dMLM half a header")
    found = verify(stock.packs)
    assert found.is_sound and found.torn_bytes > 20_000
    prune(stock)
    assert verify(stock.packs).torn_bytes == 0
    assert stock.read(kept) == {"a": noise(1)}


def test_many_small_packs_are_joined(stock: Stock) -> None:
    made = []
    for number in range(MOST_SMALL_PACKS + 1):
        made.append(stock.add({"a": noise(number, 500)}))
        stock.packs.forget_files()
    assert len(packs_of(stock)) > MOST_SMALL_PACKS
    prune(stock, Policy(100, 0, 0))
    assert len(packs_of(stock)) == 1
    assert [stock.read(one)["a"] for one in made] == [noise(number, 500) for number in range(MOST_SMALL_PACKS + 1)]


def test_a_pack_of_checkpoints_the_database_does_not_know_is_left_for_rebuild_to_find(stock: Stock) -> None:
    made = stock.add({"a": noise(1)})
    stock.close()
    (stock.database.folder / "mlm.db").rename(stock.folder / "away")
    (path,) = packs_of(stock)
    path.rename(stock.folder / path.name)
    fresh = Stock(stock.folder)
    (stock.folder / path.name).rename(path)
    fresh.add({"b": noise(2)})
    prune(fresh)
    fresh.close()
    rebuild(fresh.database.folder)
    stock.reopen()
    assert stock.read(stock.checkpoints.get(made.id)) == {"a": noise(1)}


def test_nothing_is_pruned_where_what_is_needed_cannot_be_known(stock: Stock) -> None:
    made = stock.add({"a": noise(1)})
    stock.add({"a": noise(2)})
    stock.packs.forget_files()
    (path,) = packs_of(stock)
    (manifest,) = (record for record in scan(path) if record.digest.hex() == made.digest)
    flip(path, manifest.offset)
    size = path.stat().st_size
    with pytest.raises(CorruptError, match="mlm verify"):
        prune(stock)
    assert path.stat().st_size == size
    stock.checkpoints.delete(made.id)  # the way out
    prune(stock)
    assert verify(stock.packs).is_sound


def test_a_pack_with_damage_in_it_is_not_written_anew(stock: Stock) -> None:
    stock.add({"a": noise(1, 500_000)})
    kept = stock.add({"a": noise(2)})
    stock.packs.forget_files()
    (path,) = packs_of(stock)
    (record,) = (record for record in scan(path) if record.raw_bytes == 20_000)
    flip(path, record.offset + 9)
    plan = Prune(stock.database, NOTHING, now=now_ms())
    assert plan.apply().damaged_packs == (path.name,)
    (touched,) = verify(stock.packs).checkpoints
    assert (touched.id, touched.variables) == (kept.id, ("a",))


def test_only_one_process_prunes_at_a_time(stock: Stock) -> None:
    stock.add({"a": noise(1)})
    with pruning_alone(stock.packs), pytest.raises(ConflictError, match="another process"):
        prune(stock)


def test_a_reader_finds_what_was_moved_under_it(stock: Stock) -> None:
    stock.add({"gone": noise(0, 500_000)})
    made = stock.add({"a": noise(1), "b": BIG})
    stock.packs.forget_files()
    (entry_pack,) = packs_of(stock)
    other = Stock(stock.folder)
    entry = other.packs._index.get(made.digest)  # looked up before, read after
    assert other.read(made)["b"] == BIG  # the pack is open now
    prune(stock)
    assert not entry_pack.exists()
    assert other.packs._read(entry) == stock.packs.get(made.digest)
    assert other.read(made) == {"a": noise(1), "b": BIG}
    other.close()


# Beside other processes -------------------------------------------------------------------------------------------------


def start(folder: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start another process, in which ``stock`` is open."""
    begin = f"""
        import random, sys, time
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent.parent)!r})
        from stock import Stock
        from mlm_jupyter.clock import now_ms
        from mlm_jupyter.core.retention import Policy
        from mlm_jupyter.errors import ConflictError
        from mlm_jupyter.maintenance import Prune
        stock = Stock(Path({str(folder)!r}))
    """
    code = textwrap.dedent(begin) + textwrap.dedent(program)
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


def test_a_writer_that_uses_chunks_again_and_a_pruner_never_lose_one(tmp_path: Path) -> None:
    stock = Stock(tmp_path)
    writer = start(
        tmp_path,
        """
        choices = [random.Random(n).randbytes(40_000) for n in range(6)]
        chosen = random.Random(7)

        def add(values):
            while True:
                try:
                    return stock.add(values)
                except ConflictError:  # pruned while it was about to be used again: put it again
                    continue

        print("ready", flush=True)
        while not Path(sys.argv[1]).exists():
            values = {name: chosen.choice(choices) for name in "abc"}
            assert stock.read(add(values)) == values
        print(stock.checkpoints.list(limit=1)[0].id)
        """,
        str(enough := tmp_path / "enough"),
    )
    assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    pruned = 0
    while writer.poll() is None:
        pruned += len(prune(stock, Policy(2, 0, 0)).checkpoints)
        if pruned > 200:
            enough.touch()
    assert writer.returncode == 0
    last = stock.checkpoints.get(writer.stdout.read().strip())
    writer.stdout.close()
    assert verify(stock.packs).is_sound
    assert len(stock.read(last)) == 3
    assert len([one for one in stock.checkpoints.list(limit=10_000) if not one.is_dropped]) >= 2
    stock.close()


def test_others_can_write_again_and_again_while_very_much_is_freed(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that logs meanwhile would wait for the whole of it, and after ten seconds raise in the user's loop."""
    for number in range(40):
        stock.add({"a": noise(number, 200), "b": noise(-number, 100)})
    stock.packs.forget_files()
    turns = 0

    def take_a_turn(_: float) -> None:
        nonlocal turns
        with closing(sqlite3.connect(stock.database.folder / "mlm.db", timeout=0)) as other:
            other.execute("UPDATE sessions SET heartbeat_at = heartbeat_at + 1")
            other.commit()
        turns += 1

    monkeypatch.setattr("mlm_jupyter.store.database.PART_ROWS", 10)
    monkeypatch.setattr("time.sleep", take_a_turn)
    plan = Prune(stock.database, Policy(2, 0, 0), now=now_ms())
    assert plan.apply().objects > 100
    (objects,) = stock.database.connection().execute("SELECT count(*) FROM objects").fetchone()
    assert turns > objects // 10  # those that stay were moved, so many at a time


def test_killing_a_pruner_at_any_moment_loses_nothing_that_is_kept(tmp_path: Path) -> None:
    stock = Stock(tmp_path)
    moments = random.Random(3)
    kept: dict[str, dict[str, bytes]] = {}
    for attempt in range(5):
        for number in range(25):
            values = {"a": noise(attempt * 100 + number, 30_000), "same": noise(5, 30_000)}
            made = stock.add(values, name=f"n{attempt}" if number == 10 else None)
            if number == 10:
                kept[made.id] = values
        stock.packs.forget_files()
        pruner = start(
            tmp_path,
            """
            plan = Prune(stock.database, Policy(1, 0, 0), now=now_ms())
            print("ready", flush=True)
            plan.apply()
            """,
        )
        assert pruner.stdout is not None and pruner.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0, 0.08))
        pruner.send_signal(signal.SIGKILL)
        pruner.wait()
        pruner.stdout.close()
        stock.reopen()
        assert verify(stock.packs).is_sound
        assert {id: stock.read(stock.checkpoints.get(id)) for id in kept} == kept
        assert stock.read(made) == values
    prune(stock, Policy(1, 0, 0))
    found = verify(stock.packs)
    assert found.is_sound and found.torn_bytes == 0 and found.unused_bytes <= 0.1 * found.bytes
    stock.close()


def test_a_pruner_that_dies_before_any_of_its_steps_loses_nothing(tmp_path: Path) -> None:
    stock = Stock(tmp_path)
    kept = stock.add({"a": noise(1), "b": noise(2)}, name="kept")
    for died_at in range(1, 100):
        stock.add({"a": noise(1), "b": noise(10 + died_at, 60_000)})
        newest = stock.add({"c": noise(3)})
        stock.packs.forget_files()
        stock.packs.batch().put(Kind.CHUNK, noise(4))  # a torn tail of another pack
        stock.packs.forget_files()
        pruner = start(
            tmp_path,
            f"""
            import os
            from mlm_jupyter.store import database
            from mlm_jupyter.store.connection import Connection
            database.PART_ROWS = 12
            steps = 0
            def deadly(function):
                def call(*arguments):
                    global steps
                    is_step = function is not execute or arguments[1] == "COMMIT"
                    steps += is_step
                    if is_step and steps == {died_at}:
                        os.kill(os.getpid(), 9)
                    return function(*arguments)
                return call
            execute = Connection.execute
            Connection.execute = deadly(execute)
            for name in ("fsync", "ftruncate", "unlink"):
                setattr(os, name, deadly(getattr(os, name)))
            Prune(stock.database, Policy(1, 0, 0), now=now_ms()).apply()
            """,
        )
        pruner.communicate()
        stock.reopen()
        assert verify(stock.packs).is_sound
        assert stock.read(kept) == {"a": noise(1), "b": noise(2)}
        assert stock.read(newest) == {"c": noise(3)}
        if pruner.returncode == 0:
            break
    assert died_at > 10
    found = verify(stock.packs)
    assert found.torn_bytes == 0 and found.unused_bytes <= 0.1 * found.bytes
    stock.close()


# Retention ---------------------------------------------------------------------------------------------------------------


def enforce(stock: Stock, *, limit: int | None = None, free_share: float = 0.0) -> object:
    chosen = Settings(retention_bytes=limit, retention_free_share=free_share)
    return enforce_retention(stock.database, chosen, now=now_ms(), is_alive=lambda session: False)


def test_retention_drops_the_oldest_until_there_is_room(stock: Stock) -> None:
    made = [stock.add({"a": noise(number, 100_000)}, name="n" if number == 1 else None) for number in range(20)]
    stock.packs.forget_files()
    rows = store_bytes(stock.database.folder) - store_bytes(stock.database.folder, only_packs=True)
    enforce(stock, limit=1_500_000)
    assert store_bytes(stock.database.folder) <= 1_500_000
    dropped = [stock.checkpoints.get(one.id).is_dropped for one in made]
    count = sum(dropped)
    assert dropped == [True, False, *[True] * (count - 1), *[False] * (19 - count)]
    kept = store_bytes(stock.database.folder, only_packs=True)
    assert kept > 0.9 * 1_500_000 - rows - 110_000  # with the next it would have been too much


def test_a_kernel_frees_what_lies_in_the_pack_it_writes_to_itself(stock: Stock) -> None:
    for number in range(20):
        stock.add({"a": noise(number, 100_000)})
    chosen = Settings(retention_bytes=1_000_000, retention_free_share=0.0)
    enforce_retention(stock.database, chosen, now=now_ms(), is_alive=lambda session: False, packs=stock.packs)
    assert store_bytes(stock.database.folder) <= 1_000_000
    assert stock.read(stock.add({"a": noise(3)})) == {"a": noise(3)}


def test_retention_has_nothing_to_do_within_the_limit_and_sees_it_at_once(stock: Stock) -> None:
    for number in range(10):
        stock.add({"a": noise(number)})
    enforce(stock, limit=10**9)
    times = []
    for _ in range(20):
        begin = time.thread_time()
        enforce(stock, limit=10**9, free_share=0.0001)
        times.append(time.thread_time() - begin)
    assert min(times) < 0.001
    assert not any(one.is_dropped for one in stock.checkpoints.list())


def test_on_a_full_disk_everything_goes_that_may(stock: Stock) -> None:
    named = stock.add({"a": noise(0)}, name="named")
    old = stock.add({"a": noise(1)})
    newest = stock.add({"a": noise(2)})
    enforce(stock, free_share=1.0)
    assert [stock.checkpoints.get(one.id).is_dropped for one in (named, old, newest)] == [False, True, False]
    with pytest.raises(NotFoundError, match="its value was freed by retention on 20"):
        stock.read(old)
    assert stock.read_record(old) == ""


def test_retention_frees_garbage_before_it_drops_values(stock: Stock) -> None:
    made = [stock.add({"a": noise(number, 300_000)}) for number in range(5)]
    for one in made[:3]:
        stock.checkpoints.delete(one.id)
    stock.packs.forget_files()
    enforce(stock, limit=1_400_000)
    assert not any(one.is_dropped for one in stock.checkpoints.list())
    assert store_bytes(stock.database.folder) < 1_400_000


def test_two_kernels_that_make_room_at_once_do_it_once(stock: Stock) -> None:
    for number in range(5):
        stock.add({"a": noise(number)})
    with pruning_alone(stock.packs):
        assert enforce(stock, limit=1).checkpoints == 0  # type: ignore[attr-defined]


def test_a_disk_that_is_full_to_the_last_byte_is_said_to_be_and_a_little_room_is_enough(
    mount: Callable[..., Path],
) -> None:
    folder = mount("size=8m")
    stock = Stock(folder)
    for number in range(60):
        newest = stock.add({"a": noise(number, 50_000)})
    ballast = folder / "ballast"
    with pytest.raises(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(StorageError, match="Make some megabytes of room"):
        prune(stock)
    assert verify(stock.packs).is_sound
    os.truncate(ballast, ballast.stat().st_size - 500_000)
    prune(stock)
    assert stock.read(newest) == {"a": noise(59, 50_000)}
    assert store_bytes(stock.database.folder, only_packs=True) < 300_000
    assert verify(stock.packs).is_sound
    stock.close()


# Verifying ---------------------------------------------------------------------------------------------------------------


def test_a_sound_store_is_sound_and_progress_reaches_the_end(stock: Stock) -> None:
    run = stock.start_run()
    stock.add({"a": noise(1), "b": BIG}, run=run)
    stock.add_artifact(run, BIG)
    told: list[tuple[int, int]] = []
    found = verify(stock.packs, on_progress=lambda done, total: told.append((done, total)))
    assert found.is_sound and found.objects > 10
    assert told == sorted(told) and told[-1] == (found.bytes, found.bytes)


def test_what_is_damaged_is_named_with_all_that_needs_it(stock: Stock) -> None:
    run = stock.start_run()
    shared, own = noise(1), noise(2)
    stock.add_artifact(run, own)
    made = [
        stock.add({"x": shared, "y": own}, name="first", outputs="a" * 500),
        stock.add({"x": shared, "z": noise(3)}, outputs="b" * 500),
        stock.add({"z": noise(3)}, outputs="c" * 500),
    ]
    stock.packs.forget_files()
    (path,) = packs_of(stock)
    lost = {stock.packs.batch().put(Kind.CHUNK, shared), stock.packs.batch().put(Kind.CHUNK, own)}
    for record in scan(path):
        if record.digest.hex() in lost:
            flip(path, record.offset + record.stored_bytes // 2)
    found = verify(stock.packs)
    assert {damage.digest for damage in found.damaged} == lost
    assert {damage.kind for damage in found.damaged} == {"chunk"}
    touched = [(one.id, one.name, one.ordinal, one.variables, one.parts) for one in found.checkpoints]
    assert touched == [(made[0].id, "first", 1, ("x", "y"), ()), (made[1].id, None, 2, ("x",), ())]
    assert [(one.run_id, one.name) for one in found.artifacts] == [(run.id, "model.bin")]


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (Kind.MANIFEST, ("everything",)),
        (Kind.CELL, ("notebook",)),
        (Kind.STATE, ("random state",)),
    ],
)
def test_each_part_of_a_checkpoint_can_be_lost_by_itself(stock: Stock, kind: Kind, parts: tuple[str, ...]) -> None:
    made = stock.add({"a": noise(1)})
    stock.packs.forget_files()
    (path,) = packs_of(stock)
    (record,) = (record for record in scan(path) if record.kind is kind)
    flip(path, record.offset)
    (touched,) = verify(stock.packs).checkpoints
    assert (touched.id, touched.variables, touched.parts) == (made.id, (), parts)


@pytest.mark.parametrize(("content", "part"), [(b"printed", "outputs"), (b'{"title"', "notebook"), (b"def f()", "modules")])
def test_a_blob_that_is_lost_is_named_by_what_it_was(stock: Stock, content: bytes, part: str) -> None:
    made = stock.add({"a": noise(1)}, outputs="printed")
    (digest,) = (
        record.digest.hex()
        for path in packs_of(stock)
        for record in scan(path)
        if record.kind is Kind.CHUNK and content in stock.packs.get(record.digest.hex())
    )
    with stock.database.transaction() as connection:
        connection.execute("DELETE FROM objects WHERE digest = ?", (bytes.fromhex(digest),))
    (touched,) = verify(stock.packs).checkpoints
    assert (touched.id, touched.variables) == (made.id, ())
    assert part in touched.parts


def test_a_damaged_header_is_named_though_nothing_is_lost_yet(stock: Stock) -> None:
    made = stock.add({"a": noise(1)})
    stock.packs.forget_files()
    (path,) = packs_of(stock)
    (record,) = (record for record in scan(path) if record.raw_bytes == 20_000)
    flip(path, record.offset - HEADER_BYTES)
    found = verify(stock.packs)
    assert not found.is_sound and found.checkpoints == []
    assert [(one.digest, one.is_readable) for one in found.damaged] == [(record.digest.hex(), True)]
    assert stock.read(made) == {"a": noise(1)}


def test_a_lost_pack_is_all_its_objects_lost(stock: Stock) -> None:
    stock.add({"a": noise(1)})
    stock.packs.forget_files()
    (path,) = packs_of(stock)
    kept = stock.add({"b": noise(2)})
    path.unlink()
    found = verify(stock.packs)
    assert {damage.reason.rpartition(": ")[2] for damage in found.damaged} == {"the file is missing."}
    (first, second) = found.checkpoints
    assert first.parts == ("everything",)
    assert (second.id, second.variables) == (kept.id, ())  # but what it shared with the first


def test_what_was_freed_is_no_damage_but_what_is_missing_is(stock: Stock) -> None:
    made = stock.add({"a": noise(1)})
    stock.add({})
    prune(stock)
    assert verify(stock.packs).is_sound
    with stock.database.transaction() as connection:
        connection.execute("DELETE FROM tombstones")
    found = verify(stock.packs)
    assert [(one.id, one.variables) for one in found.checkpoints] == [(made.id, ("a",))]
    assert found.damaged[0].reason.endswith("is not there")


def test_a_parent_that_nobody_deleted_is_missed(stock: Stock) -> None:
    made = [stock.add({}) for _ in range(3)]
    stock.checkpoints.delete(made[0].id)
    assert verify(stock.packs).missing_parents == []
    with stock.database.transaction() as connection:
        connection.execute("DELETE FROM checkpoints WHERE id = ?", (made[1].id,))
    found = verify(stock.packs)
    assert found.missing_parents == [made[2].id] and not found.is_sound


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_no_damage_goes_unseen_and_none_breaks_the_search(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stock = Stock(Path(folder))
        for number in range(3):
            stock.add({"a": noise(number, 3_000), "b": noise(9, 3_000)}, outputs="o" * number)
        stock.packs.forget_files()
        (path,) = packs_of(stock)
        records = list(scan(path))
        size = path.stat().st_size
        offset = int(data.draw(st.floats(0, 1, exclude_max=True)) * size)
        length = data.draw(st.sampled_from((0, 1, 60, 5_000)))
        with path.open("r+b") as file:
            if length:
                file.seek(offset)
                old = file.read(length)
                file.seek(offset)
                file.write(bytes(byte ^ 0xFF for byte in old))
            else:
                file.truncate(offset)
        end = offset + length if length else size
        hit = [r for r in records if r.offset - HEADER_BYTES < end and r.offset + r.stored_bytes > offset]
        found = verify(stock.packs)
        assert not found.is_sound
        assert {damage.digest for damage in found.damaged} == {record.digest.hex() for record in hit}
        stock.close()


def test_a_writer_at_work_is_no_damage(tmp_path: Path) -> None:
    stock = Stock(tmp_path)
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            stock.add({"a": noise(number, 2_000)})

    thread = threading.Thread(target=write)
    thread.start()
    other = Stock(tmp_path)
    try:
        for _ in range(10):
            found = verify(other.packs)
            assert found.is_sound and found.torn_bytes == 0
    finally:
        is_over.set()
        thread.join()
        other.close()
        stock.close()


# Numbers -----------------------------------------------------------------------------------------------------------------


def test_stats_count_what_is_shared_once(stock: Stock) -> None:
    for number in range(10):
        stock.add({"big": BIG, "small": noise(number, 1_000), "zeros": bytes(100_000)})
    found = take_stats(stock.packs)
    assert (found.checkpoints, found.notebooks, found.runs, found.sessions) == (10, 1, 0, 1)
    assert found.logical_bytes == 10 * (len(BIG) + 1_000 + 100_000)
    assert len(BIG) + 110_000 < found.raw_bytes < len(BIG) + 112_000
    assert len(BIG) + 10_000 < found.stored_bytes < len(BIG) + 20_000
    assert [(one.name, one.checkpoints, one.values) for one in found.variables] == [
        ("big", 10, 1),
        ("small", 10, 10),
        ("zeros", 10, 1),
    ]
    assert sum(kind.stored_bytes for kind in found.kinds) == store_bytes(stock.database.folder, only_packs=True)


def test_stats_of_an_empty_project_are_zero(stock: Stock) -> None:
    found = take_stats(stock.packs)
    assert (found.checkpoints, found.kinds, found.variables, found.stored_bytes) == (0, (), (), 0)


def test_stats_count_many_variables_in_deep_trees_once_each(stock: Stock) -> None:
    values = {f"v{number}": b"%d" % number for number in range(300)}
    for number in range(3):
        stock.add({**values, "v7": b"other %d" % number})
    found = take_stats(stock.packs, most_variables=1000)
    assert {one.name: one.values for one in found.variables} == {name: 3 if name == "v7" else 1 for name in values}
    assert {one.checkpoints for one in found.variables} == {3}
