"""How bytes are cut on their way to the store: pickles without frames, chunks that partition and move little."""

from __future__ import annotations

import pickle
import pickletools
import random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from xxhash import xxh3_128_digest

from mlm_jupyter.capture.streams import (
    CHUNK_BYTES,
    NO_CHUNKS,
    content_cuts,
    cut_by_content,
    dump_plainly,
    fixed_cuts,
    hash_chunks,
    tuple_of,
)

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**2100), 2**2100),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.binary(max_size=20),
    st.binary(max_size=20).map(bytearray),
    st.sampled_from([70_000, 65_532, 65_530, 300, 256, 255]).flatmap(
        lambda size: st.sampled_from([b"x" * size, "y" * size, bytearray(size), "é" * size])
    ),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(st.text(max_size=5), inner), st.sets(st.integers())
    ),
    max_leaves=30,
)


@given(values)
@example(0)
@example(b"x" * 70_000)
@example("y" * 65_536)
@example([b"x" * 65_530, 1, "y" * 70_000, 2**3000, bytearray(70_000), 0.5])
@example([1, b"x" * 70_000, b"y" * 70_000, None, b"z" * 70_000])
def test_a_pickle_without_frames_loads_to_the_same(value: Any) -> None:
    stream = dump_plainly(value)
    assert pickle.loads(stream) == value
    assert "FRAME" not in {opcode.name for opcode, _, _ in pickletools.genops(stream)}


@given(st.integers(0, 200), st.integers(0, 2**16))
def test_frames_of_any_cut_are_taken_out(count: int, seed: int) -> None:
    chance = random.Random(seed)
    value = [chance.choice([chance.random(), "a" * chance.randrange(70_000), chance.randrange(2**70)]) for _ in range(count)]
    assert pickle.loads(dump_plainly(value)) == value


lengths = st.one_of(
    st.integers(0, 10), st.integers(0, 5 * CHUNK_BYTES), st.sampled_from([CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
)


@given(lengths, st.one_of(st.just(0), st.integers(1, 3 * CHUNK_BYTES)))
@example(length=2 * CHUNK_BYTES, period=CHUNK_BYTES)
def test_fixed_cuts_partition_a_buffer_into_chunks_of_at_most_a_mebibyte(length: int, period: int) -> None:
    cuts = fixed_cuts(length, period)
    sizes = [end - start for start, end in zip([0, *cuts], cuts, strict=False)]
    assert sum(sizes) == length
    assert all(0 < size <= CHUNK_BYTES for size in sizes)


def noise(seed: int, length: int) -> bytes:
    """Return bytes that look random."""
    return random.Random(seed).randbytes(length)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6 * CHUNK_BYTES), st.booleans())
@example(seed=0, length=4 * CHUNK_BYTES, is_flat=True)
@example(seed=0, length=0, is_flat=True)
@example(seed=0, length=2**18 + 1, is_flat=False)
def test_content_cuts_partition_any_stream(seed: int, length: int, is_flat: bool) -> None:
    stream = bytes(length) if is_flat else noise(seed, length)
    cuts = content_cuts(stream)
    spans = list(zip([0, *cuts], cuts, strict=False))
    assert sum(end - start for start, end in spans) == length
    assert all(0 < end - start <= CHUNK_BYTES for start, end in spans)
    assert hash_chunks(stream, cuts) == [xxh3_128_digest(stream[start:end]) for start, end in spans]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3_000_000), st.binary(min_size=1, max_size=2000), st.booleans())
def test_what_is_inserted_or_removed_changes_few_chunks(seed: int, place: int, more: bytes, is_removed: bool) -> None:
    stream = noise(seed, 3_000_000)
    edited = stream[:place] + (stream[place + len(more) :] if is_removed else more + stream[place:])
    before = set(hash_chunks(stream, content_cuts(stream)))
    after = hash_chunks(edited, content_cuts(edited))
    assert len(before) > 15
    assert sum(digest not in before for digest in after) <= 8


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(0, 3_000_000),
    st.sampled_from([0, 1, 2**18, 2**18 + 1, 2_000_000]),
    st.binary(max_size=9),
)
@example(seed=0, place=1_500_000, length=3_000_000, more=b"")
def test_what_was_cut_before_is_cut_the_same(seed: int, place: int, length: int, more: bytes) -> None:
    stream = noise(seed, 2_000_000) + bytes(1_500_000)
    edited = memoryview(stream[:place] + more + stream[place : place + length])
    before = cut_by_content(memoryview(stream), NO_CHUNKS)
    assert before.cuts == content_cuts(stream)
    assert cut_by_content(edited, before) == cut_by_content(edited, NO_CHUNKS)


def test_one_number_of_another_width_in_a_large_pickle_changes_few_chunks() -> None:
    rows = [{"a": index, "b": str(index)} for index in range(200_000)]
    before = dump_plainly(rows)
    rows[7]["a"] = 2**40
    after = dump_plainly(rows)
    known = set(hash_chunks(before, content_cuts(before)))
    new = [digest for digest in hash_chunks(after, content_cuts(after)) if digest not in known]
    assert len(known) > 10
    assert len(new) <= 2


@given(st.binary(max_size=100_000), st.integers(0, 40_000))
def test_a_tuple_of_what_a_pickle_holds_has_the_very_objects(filling: bytes, number: int) -> None:
    value = [["inner"], filling, *range(number)]
    whole, inner = pickle.loads(tuple_of(memoryview(dump_plainly(value)), [1]))
    assert whole == value
    assert inner is whole[0]
