"""The notebook diff: what nbdime's patch makes of it is the other notebook, whatever was done to the cells."""

from __future__ import annotations

import copy
import json
import random
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import nbdime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbdime.diff_utils import to_diffentry_dicts

from mlm_jupyter.core.cells import DiffEntry, cell_key, diff_notebooks, is_same, without_noise
from mlm_jupyter.core.matching import Effort
from mlm_jupyter.core.pairing import pair_cells

Json = dict[str, Any]
SCHEMA = json.loads((Path(nbdime.__file__).parent / "diff_format.schema.json").read_text())

words = st.sampled_from(["fit", "df", "x", "= 1", "(a, b)", "é", "\U0001f600", "\ud800", "\x0c", "\r\n", "\n", "\n", " "])
sources = st.lists(words, max_size=12).map(" ".join)
names = st.text("ab \u00e9", max_size=3)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=4,
)
metadata = st.dictionaries(st.sampled_from(["tags", "collapsed", "source", "outputs", "jupyter"]), json_values, max_size=3)
counts = st.none() | st.integers(1, 99)
outputs = st.one_of(
    st.builds(lambda text: {"output_type": "stream", "name": "stdout", "text": text}, sources),
    st.builds(
        lambda data, meta, count: {
            "output_type": "execute_result",
            "data": data,
            "metadata": meta,
            "execution_count": count,
        },
        st.dictionaries(st.sampled_from(["text/plain", "text/html", "application/json"]), json_values, max_size=2),
        metadata,
        counts,
    ),
)
ids = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@st.composite
def cells(draw: st.DrawFn) -> Json:
    cell: Json = {"cell_type": draw(st.sampled_from(["code", "code", "markdown", "raw"])), "source": draw(sources)}
    cell["metadata"] = draw(metadata)
    if draw(st.integers(0, 3)):
        cell["id"] = draw(ids)
    if cell["cell_type"] == "code":
        cell |= {"execution_count": draw(counts), "outputs": draw(st.lists(outputs, max_size=3))}
    elif draw(st.booleans()):
        cell["attachments"] = draw(st.dictionaries(ids, st.dictionaries(st.sampled_from(["image/png"]), sources), max_size=2))
    return cell


@st.composite
def notebooks(draw: st.DrawFn) -> Json:
    return {
        "nbformat": 4,
        "nbformat_minor": draw(st.integers(4, 5)),
        "metadata": draw(metadata),
        "cells": draw(st.lists(cells(), max_size=8)),
    }


@st.composite
def edited(draw: st.DrawFn) -> tuple[Json, Json]:
    """A notebook, and the same after a few of the things people do to notebooks."""
    base = draw(notebooks())
    other = copy.deepcopy(base)
    listed = other["cells"]
    for edit in draw(st.lists(st.sampled_from(["insert", "delete", "move", "edit", "run", "new id", "note"]), max_size=6)):
        if edit == "insert" or not listed:
            listed.insert(draw(st.integers(0, len(listed))), draw(cells()))
            continue
        at = draw(st.integers(0, len(listed) - 1))
        if edit == "delete":
            del listed[at]
        elif edit == "move":
            listed.insert(draw(st.integers(0, len(listed) - 1)), listed.pop(at))
        elif edit == "edit":
            where = draw(st.integers(0, len(listed[at]["source"])))
            listed[at]["source"] = listed[at]["source"][:where] + draw(sources) + listed[at]["source"][where + 2 :]
        elif edit == "run" and listed[at]["cell_type"] == "code":
            listed[at] |= {"execution_count": draw(counts), "outputs": draw(st.lists(outputs, max_size=3))}
        elif edit == "new id":
            listed[at]["id"] = draw(ids)
        else:
            listed[at]["metadata"] = draw(metadata)
    return base, other


def patched(base: Json, diff: list[DiffEntry]) -> Json:
    return nbdime.patch_notebook(copy.deepcopy(base), to_diffentry_dicts(diff))


@given(edited())
def test_patching_with_the_diff_gives_the_other_notebook(pair: tuple[Json, Json]) -> None:
    base, other = pair
    assert is_same(patched(base, diff_notebooks(base, other)), other)


@given(notebooks(), notebooks())
def test_unrelated_notebooks_can_be_compared_too(base: Json, other: Json) -> None:
    assert is_same(patched(base, diff_notebooks(base, other)), other)


@given(edited(), st.integers(0, 400))
def test_however_little_effort_is_allowed_the_diff_gives_the_other_notebook(pair: tuple[Json, Json], steps: int) -> None:
    base, other = pair
    assert is_same(patched(base, diff_notebooks(base, other, Effort(steps))), other)


def no_ids(*cells: str) -> Json:
    return {"cells": [{"cell_type": "code", "metadata": {}, "source": source, "outputs": []} for source in cells]}


@pytest.mark.parametrize(
    ("base", "other"),
    [
        (no_ids(*["x\n" * 1000] * 40), no_ids(*["x\ny\n" * 500] * 40)),
        (no_ids(*["a b " * 250] * 400), no_ids(*["a a b " * 166] * 400)),
        (no_ids(*["x"] * 8000), no_ids(*["x", "y"] * 4000)),
        (no_ids(*[f"f(b, {n})\n" * 900 for n in range(150)]), no_ids(*[f"f(c, {n})\n" * 900 for n in range(150)])),
    ],
)
def test_what_was_made_to_take_for_ever_takes_bounded_work(base: Json, other: Json) -> None:
    started = time.process_time()
    diff = diff_notebooks(base, other)
    assert time.process_time() - started < 6
    assert is_same(patched(base, diff), other)


@given(notebooks())
def test_a_notebook_does_not_differ_from_its_copy(notebook: Json) -> None:
    assert diff_notebooks(notebook, copy.deepcopy(notebook)) == []


@given(edited())
def test_the_diff_is_plain_data_of_the_format_and_leaves_its_operands_alone(pair: tuple[Json, Json]) -> None:
    before = copy.deepcopy(pair)
    diff = diff_notebooks(*pair)
    assert pair == before
    jsonschema.validate(json.loads(json.dumps(diff)), SCHEMA)


@given(edited())
def test_without_noise_a_diff_still_changes_all_that_is_read(pair: tuple[Json, Json]) -> None:
    base, other = pair
    shown = patched(base, without_noise(diff_notebooks(base, other)))
    assert [readable(cell) for cell in shown["cells"]] == [readable(cell) for cell in other["cells"]]


def readable(cell: Json) -> Json:
    plain = {key: value for key, value in cell.items() if key not in ("id", "metadata", "execution_count")}
    if "outputs" in plain:
        plain["outputs"] = [readable(output) for output in plain["outputs"]]
    return plain


@given(st.lists(cells(), max_size=8), st.lists(cells(), max_size=8))
def test_pairs_of_cells_never_cross(base: list[Json], other: list[Json]) -> None:
    pairs = pair_cells([cell_key(cell) for cell in base], [cell_key(cell) for cell in other])
    assert all(i < k and j < m for (i, j), (k, m) in pairwise(pairs))
    assert all(base[i]["cell_type"] == other[j]["cell_type"] for i, j in pairs)


def code(id: str | None, source: str, *texts: str, count: int | None = None) -> Json:
    cell: Json = {"cell_type": "code", "source": source, "metadata": {}, "execution_count": count, "outputs": []}
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text} for text in texts]
    return cell | ({"id": id} if id else {})


def notebook(*cells: Json) -> Json:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}


def test_running_a_cell_again_with_the_same_output_is_noise() -> None:
    result = {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {}}
    before, after = (code("a", "1 + 1", count=n) | {"outputs": [result | {"execution_count": n}]} for n in (1, 7))
    diff = diff_notebooks(notebook(before), notebook(after))
    assert diff and without_noise(diff) == []


def test_an_edited_line_is_patched_within_its_cell() -> None:
    base = notebook(code("a", "import pandas"), code("b", "lr = 0.1\nfit(lr)\n", "0.8"))
    other = notebook(code("a", "import pandas"), code("b", "lr = 0.25\nfit(lr)\n", "0.8"))
    line = [{"op": "addrange", "key": 7, "valuelist": "25"}, {"op": "removerange", "key": 7, "length": 1}]
    source = {"op": "patch", "key": "source", "diff": [{"op": "patch", "key": 0, "diff": line}]}
    cell = {"op": "patch", "key": 1, "diff": [source]}
    assert diff_notebooks(base, other) == [{"op": "patch", "key": "cells", "diff": [cell]}]


def test_an_id_outweighs_the_text() -> None:
    base = [cell_key(code(id, source)) for id, source in [("a", "x = 1"), ("b", "y = load(path)")]]
    other = [cell_key(code(id, source)) for id, source in [("a", "y = load(path)"), ("b", "x = 1")]]
    assert pair_cells(base, other) == [(0, 0), (1, 1)]


def test_of_moved_cells_the_fewest_are_taken_out() -> None:
    base = [cell_key(code(id, id)) for id in "abcdef"]
    other = [cell_key(code(id, id)) for id in "fabcde"]
    assert pair_cells(base, other) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


def test_cells_without_ids_are_paired_by_what_they_say() -> None:
    base = [cell_key(code(None, source)) for source in ["import pandas", "df = read('a.csv')", "model.fit(df, y)"]]
    other = [cell_key(code(None, source)) for source in ["import os", "df = read('b.csv')", "z()", "model.fit(df, y)"]]
    assert pair_cells(base, other) == [(1, 1), (2, 3)]


def test_a_line_the_browser_would_count_otherwise_is_replaced_whole() -> None:
    diff = diff_notebooks(notebook(code("a", "s = '\U0001f600 a'")), notebook(code("a", "s = '\U0001f600 b'")))
    (source,) = diff[0]["diff"][0]["diff"]
    assert [entry["op"] for entry in source["diff"]] == ["addrange", "removerange"]


def test_a_source_the_browser_would_split_otherwise_is_a_new_cell() -> None:
    diff = diff_notebooks(notebook(code("a", "a\x0cb")), notebook(code("a", "a\x0cc")))
    assert [entry["op"] for entry in diff[0]["diff"]] == ["addrange", "removerange"]


@pytest.mark.parametrize("with_ids", [True, False])
def test_three_hundred_cells_run_again_are_compared_within_a_second(with_ids: bool) -> None:
    rng = random.Random(1)

    def run(seed: int) -> Json:
        tables = ["".join(f"<td>{rng.random()}</td>" for _ in range(500)) for _ in range(300)]
        ids = [f"id{i}" if with_ids else None for i in range(300)]
        return notebook(*(code(ids[i], f"frame_{i}.head({seed * (i % 7)})", tables[i]) for i in range(300)))

    base, other = run(1), run(2)
    started = time.thread_time()  # a fifth of a second, however busy the machine is
    diff = diff_notebooks(base, other)
    assert time.thread_time() - started < 1
    assert len(diff[0]["diff"]) == 300
    assert patched(base, diff) == other
