"""A database that has lost checkpoints which the packs still have: it is said, nothing is freed, and a rebuild has them all."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import exit_code, in_child
from stock import Stock

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.retention import Policy
from mlm_jupyter.errors import CorruptError, StorageError
from mlm_jupyter.maintenance import Prune
from mlm_jupyter.store.batch import Batch
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.rebuild import rebuild
from mlm_jupyter.store.verify import Verification, verify

MADE = 8


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Stock]:
    stock = Stock(tmp_path)
    yield stock
    stock.close()


def write_and_die(folder: Path) -> None:
    stock = Stock(folder)
    for number in range(MADE):
        stock.add({"a": f"value {number}".encode()})
    os.kill(os.getpid(), signal.SIGKILL)


def ask(folder: Path) -> tuple[set[str], Verification]:
    """Return the ids of the checkpoints that the database knows, and what verify finds; prune what can be."""
    database = Database.open(folder / ".mlm")
    packs = Packs(database)
    try:
        found = verify(packs)
        if found.forgotten:
            with pytest.raises(CorruptError, match=r"lost checkpoints that the packs still have .*: mlm verify --rebuild"):
                Prune(database, Policy(100, 0, 0), now=now_ms())
        else:
            Prune(database, Policy(100, 0, 0), now=now_ms()).apply()
        return {id for (id,) in database.connection().execute("SELECT id FROM checkpoints")}, found
    finally:
        packs.forget_files()
        database.close()


def test_what_a_damaged_log_has_lost_is_named_kept_and_brought_back_wherever_the_damage_is(tmp_path: Path) -> None:
    assert exit_code(in_child(write_and_die, tmp_path / "sound")) == -signal.SIGKILL
    log = (tmp_path / "sound" / ".mlm" / "mlm.db-wal").read_bytes()
    counts = []
    for part in range(5):
        folder = tmp_path / str(part)
        shutil.copytree(tmp_path / "sound", folder)
        damaged = bytearray(log)
        damaged[len(log) * (2 * part + 1) // 10] ^= 1
        (folder / ".mlm" / "mlm.db-wal").write_bytes(damaged)
        try:
            known, found = ask(folder)
        except CorruptError:  # not even the schema is left, and it is said
            known, found = set(), None
        counts.append(len(known))
        if found is not None and MADE - len(known) > 1:  # the last one alone may not have been acknowledged
            assert len(found.forgotten) == MADE - len(known) and not found.is_sound
            assert known.isdisjoint(found.forgotten)
        if MADE - len(known) != 1:
            assert rebuild(folder / ".mlm").checkpoints == MADE
            known, found = ask(folder)
            assert len(known) == MADE and found.is_sound
    assert any(0 < count < MADE - 1 for count in counts), counts


def test_what_was_never_acknowledged_is_harmless_and_freed(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk lets none be committed: each that is tried goes on from the last that was."""
    made = [stock.add({"a": b"1"}), stock.add({"a": b"2"})]

    def fail(batch: Batch, *_: object) -> None:
        batch._sync()
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "commit", fail)
        for value in (b"3", b"4", b"5"):
            with pytest.raises(StorageError):
                stock.add({"a": value})
    known, found = ask(stock.folder)
    assert known == {one.id for one in made}
    assert found.is_sound and found.forgotten == []
    stock.packs.forget_files()
    before = found.bytes
    ask(stock.folder)
    assert ask(stock.folder)[1].bytes < before - 500


def test_what_was_deleted_is_not_forgotten(stock: Stock) -> None:
    made = [stock.add({"a": b"%d" % number}) for number in range(5)]
    stock.packs.forget_files()
    for one in made[1:4]:
        stock.checkpoints.delete(one.id)
    for _ in range(2):
        assert ask(stock.folder)[1].is_sound
