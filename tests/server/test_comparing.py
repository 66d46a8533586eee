"""Notebooks compared with their outputs sealed: what differs is what differs when they are read, in bounded time."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import msgspec
import nbdime
import pytest
from asking import Ask, Find
from hypothesis import given
from hypothesis import strategies as st
from nbdime.diff_utils import to_diffentry_dicts
from past import Past, stream

from mlm_jupyter.core.cells import diff_notebooks, is_same
from mlm_jupyter.core.diff import cells_of, diff_cells
from mlm_jupyter.errors import InvalidInputError
from mlm_jupyter.server import routes
from mlm_jupyter.server.compare import as_notebook, compare


def notebook(*sources: str) -> dict[str, Any]:
    cells = [
        {"cell_type": "code", "id": f"c{n}", "source": source, "metadata": {}, "execution_count": n, "outputs": []}
        for n, source in enumerate(sources)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


texts = st.sampled_from(["", "a", "a\nb", "\x1b[31mred", "é"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1) | st.sampled_from([0.0, 1.0]) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=3,
)
bundles = st.dictionaries(st.sampled_from(["text/plain", "text/html", "image/png", "application/json"]), texts, max_size=3)
shown = st.one_of(
    st.builds(stream, texts),
    st.builds(lambda name, value: {"output_type": "error", "ename": name, "evalue": value, "traceback": []}, texts, texts),
    st.builds(
        lambda data, count: {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": count},
        bundles,
        st.integers(1, 2),
    ),
    st.dictionaries(st.sampled_from(["output_type", "data", "text"]), json_values),  # what nobody's kernel sends
)


@st.composite
def notebooks(draw: st.DrawFn) -> dict[str, Any]:
    drawn = notebook(*draw(st.lists(texts, max_size=3)))
    for cell in drawn["cells"]:
        cell["outputs"] = draw(st.lists(shown, max_size=3))
    return drawn


@given(notebooks(), notebooks())
def test_sealed_outputs_differ_where_they_do_when_they_are_read(base: dict[str, Any], other: dict[str, Any]) -> None:
    sealed = [as_notebook(one) for one in (base, other)]
    found = compare(*sealed, has_noise=True)
    read, wanted = (msgspec.json.decode(msgspec.json.encode(one)) for one in sealed)
    diff = msgspec.json.decode(msgspec.json.encode(found.diff))
    assert is_same(nbdime.patch_notebook(read, to_diffentry_dicts(diff)), wanted)
    assert bool(diff) == bool(diff_notebooks(read, wanted))
    changes = msgspec.to_builtins(diff_cells(cells_of(read), cells_of(wanted)))
    for cell in (change[side] for change in changes for side in ("before", "after") if side in change):
        cell.pop("output", None)  # in the other form alone
    assert msgspec.to_builtins(found.cells) == changes


@given(json_values, st.lists(json_values, max_size=2))
def test_what_has_not_the_form_of_a_notebook_is_compared_or_refused(found: Any, outputs: list[Any]) -> None:
    for sent in (found, {"cells": found}, {"cells": [found]}, {"cells": [{"outputs": outputs, "source": found}]}):
        try:
            compare(notebook("a"), as_notebook(sent if isinstance(sent, dict) else {"metadata": sent}))
        except InvalidInputError as error:
            assert "notebook" in str(error)


async def test_what_is_nested_too_deeply_is_refused_in_one_line(past: Past, project: Find, ask: Ask) -> None:
    made = past.execute("a")
    base = await project()
    for depth in (100, 400, 900):
        for leaf in (1, 2):
            deep: Any = leaf
            for _ in range(depth):
                deep = {"a": deep}
            live = {**notebook("a"), "metadata": deep}
            reply = await ask(f"{base}/diff", method="POST", body={"base": made.id, "notebook": live})
            assert reply.status == 200 or reply.failure == (400, "invalid_input")


async def test_outputs_too_large_to_be_compared_still_differ(past: Past, project: Find, ask: Ask) -> None:
    one, two = ("".join(chr(97 + n % 26 ^ seed) for n in range(5_000_000)) for seed in (0, 1))
    ids = [past.execute("print(much)", outputs=[stream(text)], cell_id="c").id for text in (one, two, two)]
    base = await project()
    changed, same = [await ask(f"{base}/diff?base={a}&other={b}") for a, b in pairwise(ids)]
    assert [cell["change"] for cell in changed.body["diff"]["cells"]] == ["changed"]
    assert changed.body["notebook"]["diff"]
    assert same.body["diff"].get("cells", []) == same.body["notebook"]["diff"] == []
    assert len(changed.bytes) < 20_000


async def test_a_notebook_of_many_large_outputs_is_answered_in_a_bounded_size(
    past: Past, project: Find, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_MOST_COMPARED_BYTES", 20_000)
    for number in range(60):
        made = past.execute(f"show({number})", outputs=[stream(f"{number:02}" * 4_500)])
    base = await project()
    longer = past.execute("show(0)", outputs=[stream("0" * 19_000)], cell_id="cell-0")
    differing = (await ask(f"{base}/diff?base={made.id}&other={longer.id}")).body
    assert [cell["position"] for cell in differing["diff"]["cells"]] == [0]  # though there is less room for the others
    reply = await ask(f"{base}/diff?base={made.id}&other={made.id}")
    texts = [cell["outputs"][0]["text"] for cell in reply.body["notebook"]["base"]["cells"]]
    assert texts[0] == "0" * 9_000
    assert "left out here" in texts[-1]
    assert len(reply.bytes) < 16 * 20_000 + 60_000


async def test_late_outputs_of_a_cell_whose_outputs_are_left_out_are_left_out_too(
    past: Past, project: Find, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_MOST_COMPARED_BYTES", 1_000)
    made = past.execute("show()", outputs=[stream("x" * 2_000), {"output_type": "display_data", "data": {}, "metadata": {}}])
    update = {"output_type": "update_display_data", "targets": [1], "data": {"text/plain": "late"}, "metadata": {}}
    past.checkpoints.add_late_output(made.id, update, 1)
    past.checkpoints.add_late_output(made.id, stream("later") | {"erase": 3}, 1)
    reply = await ask(f"{await project()}/diff?base={made.id}&other={made.id}")
    assert reply.status == 200
    (output,) = reply.body["notebook"]["base"]["cells"][0]["outputs"]
    assert output["text"].endswith("]\n")


async def test_what_ran_where_no_notebook_was_is_compared_in_a_bounded_size_too(
    past: Past, project: Find, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_MOST_COMPARED_BYTES", 1_000)
    made = past.execute("show()", outputs=[stream("x" * 2_000)], has_notebook=False)
    reply = await ask(f"{await project()}/diff", method="POST", body={"base": made.id, "notebook": notebook("show()")})
    (output,) = reply.body["notebook"]["base"]["cells"][0]["outputs"]
    assert "left out here" in output["text"]


async def test_a_hostile_notebook_takes_bounded_work_and_others_are_answered(past: Past, project: Find, ask: Ask) -> None:
    made = past.execute("x\n" * 1000)
    base = await project()
    live = notebook(*["x\ny\n" * 500] * 40)
    live["cells"][0]["id"] = "cell-0"
    hostile = asyncio.ensure_future(ask(f"{base}/diff", method="POST", body={"base": made.id, "notebook": live}))
    await asyncio.sleep(0.2)
    assert (await ask(f"{base}/checkpoints")).status == 200
    assert not hostile.done(), "the other was answered only after it"
    reply = await hostile
    assert reply.status == 200
    patched = nbdime.patch_notebook(reply.body["notebook"]["base"], to_diffentry_dicts(reply.body["notebook"]["diff"]))
    assert [cell["source"] for cell in patched["cells"]] == [cell["source"] for cell in live["cells"]]
