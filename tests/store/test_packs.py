"""What is put is there, once, and is checked when it is read; a batch counts as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from children import exit_code, in_child
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from mlm_jupyter.core.digest import Digest, canonical_json, digest_of
from mlm_jupyter.errors import ConflictError, CorruptError, InvalidInputError, NotFoundError, StorageError
from mlm_jupyter.store import packfile
from mlm_jupyter.store.batch import FAN_OUT
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import CHUNK_BYTES, Kind, Packs, Parts
from mlm_jupyter.store.records import HEADER_BYTES, Record, digest_as, scan

KINDS = st.sampled_from([kind for kind in Kind if kind is not Kind.LIST])
CONTENTS = st.binary(max_size=300) | st.builds(
    lambda piece, count: piece * count, st.binary(min_size=1, max_size=9), st.integers(0, 9000)
)
INCOMPRESSIBLE = np.random.default_rng(1).bytes(3 * CHUNK_BYTES + 5)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Packs:
    """A store that all examples of a law go into."""
    return Packs(Database.open(tmp_path_factory.mktemp("shared") / ".mlm", create=True))


def put(packs: Packs, data: bytes, kind: Kind = Kind.CHUNK) -> Digest:
    batch = packs.batch()
    digest = batch.put(kind, data)
    batch.commit()
    return digest


def records(packs: Packs) -> list[Record]:
    return [record for path in sorted(packs.folder.iterdir()) for record in scan(path)]


@settings(deadline=None)
@given(KINDS, CONTENTS)
def test_what_is_put_is_what_is_got(shared: Packs, kind: Kind, data: bytes) -> None:
    digest = put(shared, data, kind)
    assert digest == digest_of(data)
    assert shared.get(digest) == data
    assert shared.get_blob(digest) == data
    assert shared.has(digest)
    assert shared.find_kind(digest) is not None


@settings(deadline=None)
@given(st.lists(CONTENTS, max_size=8))
def test_putting_twice_stores_once(contents: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        packs = Packs(Database.open(Path(folder) / ".mlm", create=True))
        for _ in range(2):
            with packs.batch() as batch:
                for data in [*contents, *contents]:
                    batch.put(Kind.CHUNK, data)
                batch.commit()
            assert sorted(record.digest for record in records(packs)) == sorted(
                bytes.fromhex(digest) for digest in {digest_of(data) for data in contents}
            )
        packs.database.close()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(INCOMPRESSIBLE)) | st.sampled_from([CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES]))
def test_a_blob_of_any_size_comes_back(shared: Packs, size: int) -> None:
    data = INCOMPRESSIBLE[:size]
    with shared.batch() as batch:
        digest = batch.put_blob(data)
        batch.commit()
    assert shared.get_blob(digest) == data
    target = np.zeros(size, dtype=np.uint8)
    shared.read_blob_into(digest, memoryview(target))
    assert target.tobytes() == data


@settings(deadline=None)
@given(st.lists(st.binary(max_size=5), max_size=300))
def test_a_blob_of_any_cut_comes_back(shared: Packs, pieces: list[bytes]) -> None:
    with shared.batch() as batch:
        digest = batch.put_parts([(batch.put(Kind.CHUNK, piece), len(piece)) for piece in pieces])
        batch.commit()
    assert shared.get_blob(digest) == b"".join(pieces)


def test_a_blob_of_very_many_chunks_is_a_tree_of_lists(packs: Packs) -> None:
    pieces = [number.to_bytes(2, "big") for number in range(FAN_OUT**2 + 1)]
    with packs.batch() as batch:
        digest = batch.put_parts([(batch.put(Kind.CHUNK, piece), len(piece)) for piece in pieces])
        batch.commit()
    assert packs.get_blob(digest) == b"".join(pieces)
    assert max(record.raw_bytes for record in records(packs) if record.kind is Kind.LIST) < 70 * FAN_OUT


def test_a_large_blob_is_read_by_two_threads_into_the_right_places(packs: Packs) -> None:
    array = np.random.default_rng(0).normal(size=(24, CHUNK_BYTES // 8))
    array[::3] = 0  # every third chunk is compressed
    with packs.batch() as batch:
        digest = batch.put_blob(memoryview(array))
        batch.commit()
    target = np.empty_like(array)
    packs.read_blob_into(digest, memoryview(target))
    assert np.array_equal(array, target)
    with pytest.raises(InvalidInputError, match="bytes, the target has"):
        packs.read_blob_into(digest, memoryview(bytearray(3)))


def test_a_chunk_that_spells_a_list_is_still_a_chunk(packs: Packs) -> None:
    with packs.batch() as batch:
        parts = [(batch.put(Kind.CHUNK, data), 3) for data in (b"abc", b"def")]
        blob = batch.put_parts(parts)
        spelling = canonical_json(Parts(6, tuple(digest for digest, _ in parts)))
        chunk = batch.put_blob(spelling)
        batch.commit()
    assert packs.get_blob(blob) == b"abcdef"
    assert packs.get_blob(chunk) == spelling


def test_what_does_not_compress_is_stored_as_it_is(packs: Packs) -> None:
    put(packs, INCOMPRESSIBLE[:CHUNK_BYTES])
    put(packs, b"\0" * CHUNK_BYTES)
    put(packs, b"short")
    assert [record.stored_bytes < record.raw_bytes for record in records(packs)] == [False, True, False]


def test_a_chunk_that_is_too_long_is_refused(packs: Packs) -> None:
    with packs.batch() as batch, pytest.raises(InvalidInputError, match="put_blob"):
        batch.put(Kind.CHUNK, b"\0" * (CHUNK_BYTES + 1))
    assert records(packs) == []


def test_nothing_counts_before_the_commit_and_abandoned_bytes_are_freed(packs: Packs) -> None:
    kept = put(packs, b"kept")
    batch = packs.batch()
    digest = batch.put(Kind.CHUNK, b"abandoned")
    assert batch.has(digest)
    assert not packs.has(digest)
    with pytest.raises(NotFoundError, match=digest[:12]):
        packs.get(digest)
    batch.abandon()
    assert not batch.has(digest)
    assert [record.digest.hex() for record in records(packs)] == [kept]


def test_rows_that_cannot_be_added_take_the_objects_with_them(packs: Packs) -> None:
    def rows(_: object) -> None:
        raise ConflictError("no")

    batch = packs.batch()
    digest = batch.put(Kind.CHUNK, b"x")
    with pytest.raises(ConflictError):
        batch.commit(rows)
    assert not packs.has(digest)
    assert batch.commit(lambda connection: connection.execute("SELECT count(*) FROM objects").fetchone()) == (1,)
    assert packs.get(digest) == b"x"


def test_an_interrupt_after_the_commit_cannot_take_bytes_away(packs: Packs) -> None:
    batch = packs.batch()
    digest = batch.put(Kind.CHUNK, b"committed")
    batch._clear = lambda: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        batch.commit()
    del batch._clear
    batch.abandon()
    assert packs.get(digest) == b"committed"


def test_a_full_pack_is_followed_by_another_one_even_within_a_batch(packs: Packs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packfile, "PACK_BYTES", 1000)
    with packs.batch() as batch:
        digests = [batch.put(Kind.CHUNK, os.urandom(300)) for _ in range(10)]
        batch.commit()
    sizes = [path.stat().st_size for path in packs.folder.iterdir()]
    assert len(sizes) == 4
    assert all(packs.get(digest) for digest in digests)
    batch.put(Kind.CHUNK, os.urandom(3000))
    batch.abandon()
    assert sum(path.stat().st_size for path in packs.folder.iterdir()) == sum(sizes)


def test_batches_at_the_same_time_have_packs_of_their_own(packs: Packs) -> None:
    batches = [packs.batch() for _ in range(3)]
    digests = [batch.put(Kind.CHUNK, bytes([number])) for number, batch in enumerate(batches)]
    batches[1].abandon()
    batches[0].commit()
    batches[2].commit()
    assert [packs.has(digest) for digest in digests] == [True, False, True]
    put(packs, b"the next one")
    assert len(list(packs.folder.iterdir())) == 3  # packs are used again, so a session does not make one a cell


def test_many_threads_put_and_get_at_once(packs: Packs) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(20):
                data = os.urandom(1000) if step % 2 else b"the same for all" * step
                assert packs.get(put(packs, data)) == data
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_what_was_pruned_while_a_batch_built_on_it_is_noticed(packs: Packs) -> None:
    other = Database.open(packs.database.folder)
    digest = put(packs, b"old")
    batch = packs.batch()
    assert batch.put(Kind.CHUNK, b"old") == digest
    other.connection().execute("DELETE FROM objects")
    with pytest.raises(ConflictError, match="pruned"):
        batch.commit()
    batch.abandon()
    assert batch.put(Kind.CHUNK, b"old") == digest  # and is stored again
    batch.commit()
    assert packs.get(digest) == b"old"
    other.close()


def test_the_error_says_when_retention_dropped_a_value(packs: Packs) -> None:
    digest = put(packs, b"large")
    with packs.database.transaction() as connection:
        connection.execute("DELETE FROM objects")
        connection.execute("INSERT INTO tombstones VALUES (?, 5, 'retention', 1795219200000)", (bytes.fromhex(digest),))
    with pytest.raises(NotFoundError, match="its value was freed by retention on 2026-11-21"):
        packs.get(digest)
    put(packs, b"large")
    assert packs.get(digest) == b"large"
    assert packs.database.connection().execute("SELECT * FROM tombstones").fetchall() == []


def test_an_object_is_found_where_it_went_when_its_pack_was_rewritten(packs: Packs) -> None:
    digest = put(packs, b"x")
    reading = Packs(packs.database)
    entry = reading._index.get(digest)
    (path,) = packs.folder.iterdir()
    path.rename(path.with_name("moved.pack"))
    with pytest.raises(CorruptError, match="missing"):
        reading.get(digest)
    packs.database.connection().execute("UPDATE packs SET name = 'moved.pack'")
    assert reading._read(entry) == b"x"


@pytest.mark.parametrize("data", [b"raw and short", b"compressed " * 100], ids=["raw", "zstd"])
def test_a_flipped_bit_is_noticed_wherever_it_is(packs: Packs, data: bytes) -> None:
    digest = put(packs, data)
    (path,) = packs.folder.iterdir()
    content = path.read_bytes()
    for position in range(HEADER_BYTES, len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            got = packs.get(digest)  # zstd ignores a few bits of a frame
        except CorruptError as error:
            assert digest[:12] in str(error)
        else:
            assert got == data
    path.write_bytes(content[:-1])
    with pytest.raises(CorruptError, match="ends before"):
        packs.get(digest)


@pytest.mark.parametrize("size", [10, CHUNK_BYTES])
def test_a_disk_that_fails_while_it_is_read_is_said_to(packs: Packs, size: int) -> None:
    digest = put(packs, INCOMPRESSIBLE[:size])
    packs.forget_files()
    (pack,) = packs.folder.iterdir()
    pack.rename(pack.with_suffix(".moved"))
    pack.mkdir()  # which can be opened, and every read of it fails
    with pytest.raises(StorageError, match=r"The project at .*directory"):
        packs.get(digest)
    with pytest.raises(StorageError, match=r"The project at .*directory"):
        packs.get_blob(digest)


def test_a_read_only_project_takes_nothing(packs: Packs) -> None:
    digest = put(packs, b"x")
    reading = Packs(Database.open(packs.database.folder, read_only=True))
    assert reading.get(digest) == b"x"
    with pytest.raises(StorageError, match="reading only"):
        reading.batch()
    reading.database.close()


def test_a_forked_child_never_writes_to_its_parents_pack(packs: Packs) -> None:
    put(packs, b"first")
    batch = packs.batch()
    batch.put(Kind.CHUNK, b"the parent's")
    put(packs, b"to a second pack, idle from here on")
    before = {path: path.read_bytes() for path in packs.folder.iterdir()}

    def work() -> None:
        with pytest.raises(ConflictError):
            batch.put(Kind.CHUNK, b"refused")
        with pytest.raises(ConflictError):
            batch.commit()
        batch.abandon()
        put(packs, b"the child's")

    assert exit_code(in_child(work)) == 0
    assert {path: path.read_bytes() for path in before} == before
    batch.commit()
    assert {packs.get(digest_of(data)) for data in (b"first", b"the parent's", b"the child's")}


class Store(RuleBasedStateMachine):
    """Batches in any order against a dict: what was committed is there, all of it, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.committed: dict[Digest, bytes] = {}
        self.open_batches: list[tuple[object, dict[Digest, bytes]]] = []

    @initialize()
    def open(self) -> None:
        self.packs = Packs(Database.open(Path(self.temporary.name) / ".mlm", create=True))

    @rule()
    def begin(self) -> None:
        self.open_batches.append((self.packs.batch(), {}))

    @precondition(lambda self: self.open_batches)
    @rule(data=st.data(), content=CONTENTS, kind=KINDS)
    def put(self, data: st.DataObject, content: bytes, kind: Kind) -> None:
        batch, contents = data.draw(st.sampled_from(self.open_batches))
        contents[batch.put(kind, content)] = content  # type: ignore[attr-defined]

    @precondition(lambda self: self.open_batches)
    @rule(data=st.data(), is_kept=st.booleans())
    def end(self, data: st.DataObject, is_kept: bool) -> None:
        batch, contents = self.open_batches.pop(data.draw(st.integers(0, len(self.open_batches) - 1)))
        if is_kept:
            batch.commit()  # type: ignore[attr-defined]
            self.committed |= contents
        else:
            batch.abandon()  # type: ignore[attr-defined]

    @precondition(lambda self: self.committed)
    @rule(data=st.data())
    def prune(self, data: st.DataObject) -> None:
        digest = data.draw(st.sampled_from(sorted(self.committed)))
        if any(digest in contents for _, contents in self.open_batches):
            return  # their commit would rightly fail
        with self.packs.database.transaction() as connection:
            connection.execute("DELETE FROM objects WHERE digest = ?", (bytes.fromhex(digest),))
        del self.committed[digest]

    @rule()
    def reopen(self) -> None:
        self.packs.database.close()
        self.open_batches.clear()
        self.open()

    @invariant()
    def everything_committed_is_there(self) -> None:
        for digest, content in self.committed.items():
            assert self.packs.get(digest) == content
        count = self.packs.database.connection().execute("SELECT count(*) FROM objects").fetchone()
        assert count == (len(self.committed),)

    def teardown(self) -> None:
        self.packs.database.close()
        self.temporary.cleanup()


def test_batches_in_any_order_keep_what_was_committed_and_nothing_else() -> None:
    run_state_machine_as_test(Store, settings=settings(max_examples=30, stateful_step_count=25, deadline=None))


def pack_of(contents: list[bytes], folder: Path) -> Path:
    packs = Packs(Database.open(folder / ".mlm", create=True))
    with packs.batch() as batch:
        for content in contents:
            batch.put(Kind.CHUNK, content)
        batch.commit()
    packs.database.close()
    (path,) = packs.folder.iterdir()
    return path


@settings(deadline=None)
@given(st.lists(CONTENTS, min_size=1, max_size=6, unique=True), st.data())
def test_a_cut_or_damaged_pack_still_gives_every_record_that_is_whole(contents: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pack_of(contents, Path(folder))
        whole = list(scan(path))
        assert [record.digest.hex() for record in whole] == [digest_of(content) for content in contents]
        content = bytearray(path.read_bytes())

        end = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:end])
        assert list(scan(path)) == [record for record in whole if record.offset + record.stored_bytes <= end]

        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)
        spared = [record for record in whole if not record.offset - HEADER_BYTES <= position < record.offset]
        assert list(scan(path)) == spared

        path.write_bytes(data.draw(st.binary(max_size=200)) + b"\x8dMLM" + content[:position])
        assert {record.digest for record in scan(path)} <= {record.digest for record in whole}


def test_a_pack_stored_inside_a_pack_is_not_mistaken_for_records(tmp_path: Path) -> None:
    inner = pack_of([b"inner"], tmp_path / "inner").read_bytes()
    outer = pack_of([inner, b"outer"], tmp_path / "outer")
    assert [record.digest.hex() for record in scan(outer)] == [digest_of(inner), digest_of(b"outer")]


@settings(deadline=None)
@given(KINDS, st.binary(max_size=20))
def test_only_lists_are_hashed_in_a_domain_of_their_own(kind: Kind, data: bytes) -> None:
    assert digest_as(kind, data) == digest_of(data) != digest_as(Kind.LIST, data)
