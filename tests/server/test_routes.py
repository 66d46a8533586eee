"""What the routes answer, asked over HTTP of a project with a past."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
import nbdime
import nbformat
import pytest
from asking import Ask, Find
from nbdime.diff_utils import to_diffentry_dicts
from past import Past, stream

from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.core import tree
from mlm_jupyter.core.entities import Environment, Preview, Variable
from mlm_jupyter.process import HEARTBEAT_S
from mlm_jupyter.server import watch
from mlm_jupyter.store.packs import Kind


async def test_a_checkpoint_is_listed_shown_and_opened_as_the_notebook_it_was(past: Past, project: Find, ask: Ask) -> None:
    run = past.start_run("first", lr="0.1")
    made = past.execute("x = 1", {"x": 1.0}, outputs=[stream("hi\n")], modules={"util.py": "A = 1"}, name="good")
    past.checkpoints.add_late_output(made.id, stream("late\n"), now_ms())
    base = await project()
    page = (await ask(f"{base}/checkpoints")).body
    assert (page["total"], page["cursor"], [item["id"] for item in page["items"]]) == (1, None, [made.id])
    detail = (await ask(f"{base}/checkpoints/good")).body
    assert detail["checkpoint"] == page["items"][0]
    assert [output["text"] for output in detail["outputs"]] == ["hi\n", "late\n"]
    assert detail["modules"] == {"util.py": "A = 1"}
    assert (detail["run"]["id"], detail["author"], detail["left_out"]) == (run.id, "ada", [])
    notebook = (await ask(f"{base}/checkpoints/{made.id}/notebook")).body
    nbformat.validate(notebook)
    assert [cell["source"] for cell in notebook["cells"]] == ["x = 1"]
    (variable,) = (await ask(f"{base}/checkpoints/latest/variables")).body["items"]
    assert (variable["name"], variable["preview"]["text"]) == ("x", "1.0")


async def test_pages_hold_every_checkpoint_once_also_while_more_are_made(past: Past, project: Find, ask: Ask) -> None:
    made = [past.execute(f"x = {number}").id for number in range(7)]
    base, seen, cursor = await project(), [], ""
    while cursor is not None:
        page = (await ask(f"{base}/checkpoints?limit=3&cursor={cursor}")).body
        seen += [item["id"] for item in page["items"]]
        cursor = page["cursor"]
        past.execute("later")
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"text": "MODEL"}, [0]),
        ({"text": "100%"}, [1]),
        ({"text": "1_0"}, []),
        ({"text": "ÜBER"}, [2]),
        ({"text": "b\\"}, [1]),
        ({"text": "mile"}, [3]),
        ({"text": "note that"}, [0]),
        ({"variable": "m"}, [0]),
        ({"variable": "added"}, []),
        ({"variable": 'a"b'}, [3]),
        ({"cell": "second"}, [1, 2]),
        ({"status": "error"}, [2]),
        ({"kind": "manual"}, [3]),
        ({"run": "first"}, [0, 1]),
        ({"notebook": "train.ipynb", "cell": "second", "status": "ok"}, [1]),
        ({"notebook": "other.ipynb"}, []),
        ({"text": "", "status": "", "1763700000000": ""}, [0, 1, 2, 3]),
    ],
)
async def test_filters(past: Past, project: Find, ask: Ask, wanted: dict[str, str], found: list[int]) -> None:
    past.start_run("first")
    made = [
        past.execute("model = fit()", {"m": 1.0, "n": 2.0}),
        past.execute("print('100% \\a\\b\\')", {"n": 1.0}, cell_id="second"),
    ]
    past.end_run()
    made += [
        past.execute("# über", {"o": 1.0}, cell_id="second", error="ValueError"),
        past.execute("pass", {'a"b': 1.0}, kind="manual", name="milestone"),
    ]
    past.checkpoints.set_note(made[0].id, "Note that it works")
    page = (await ask(f"{await project()}/checkpoints?{urlencode(wanted)}")).body
    assert [item["id"] for item in page["items"]] == [made[index].id for index in reversed(found)]
    assert page["total"] == len(found)


async def test_names_and_notes_are_given_and_taken_away(past: Past, project: Find, ask: Ask) -> None:
    first, second = past.execute("a", name="taken"), past.execute("b")
    base = await project()
    path = f"{base}/checkpoints/{second.id}"
    changed = await ask(path, method="PATCH", body={"name": "best", "note": "Keep."})
    assert (changed.status, changed.body["name"], changed.body["note"]) == (200, "best", "Keep.")
    assert (await ask(path, method="PATCH", body={"name": "taken", "note": "no"})).failure == (409, "conflict")
    assert (await ask(path, method="PATCH", body={"name": "two words"})).failure == (400, "invalid_input")
    assert (await ask(path, method="PATCH", body={"note": None})).body["note"] is None
    assert past.checkpoints.get(second.id).name == "best"
    assert (await ask(path, method="DELETE")).status == 204
    assert (await ask(path)).failure == (404, "not_found")
    assert [one.id for one in past.checkpoints.list()] == [first.id]


async def test_runs_are_listed_by_a_query_tagged_and_deleted(past: Past, project: Find, ask: Ask) -> None:
    for number in range(4):
        past.start_run(f"run-{number}", lr=str(number))
        past.log(acc=number / 4)
        past.end_run()
    base = await project()
    query = urlencode({"query": "metrics.acc >= 0.25 order by metrics.acc", "limit": 2})
    page = (await ask(f"{base}/runs?{query}")).body
    assert ([run["name"] for run in page["items"]], page["total"]) == (["run-1", "run-2"], 3)
    rest = (await ask(f"{base}/runs?{query}&cursor={page['cursor']}")).body
    assert ([run["name"] for run in rest["items"]], rest["cursor"]) == (["run-3"], None)
    assert (await ask(f"{base}/runs?query=acc+%3E%3E")).failure == (400, "invalid_input")
    changed = await ask(f"{base}/runs/run-3", method="PATCH", body={"tags": {"kind": "final", "tmp": None}})
    assert changed.body["tags"] == {"kind": "final"}
    detail = (await ask(f"{base}/runs/run-3")).body
    assert ([param["value"] for param in detail["params"]], detail["children"]) == (["3"], [])
    assert (await ask(f"{base}/runs/run-3", method="DELETE")).status == 204
    assert (await ask(f"{base}/runs")).body["total"] == 3


async def test_runs_inside_a_run_are_among_its_details(past: Past, project: Find, ask: Ask) -> None:
    outer = past.start_run("outer")
    inner = past.start_run("inner")
    with past.database.transaction() as connection:
        connection.execute("UPDATE runs SET parent_id = ? WHERE id = ?", (outer.id, inner.id))
    detail = (await ask(f"{await project()}/runs/outer")).body
    assert [run["id"] for run in detail["children"]] == [inner.id]


async def test_a_number_that_is_not_finite_is_null_everywhere(past: Past, project: Find, ask: Ask) -> None:
    past.start_run("diverged")
    base_id = past.execute("a").id
    past.log(loss=math.nan)
    past.log(peak=math.inf)
    other_id = past.execute("b").id
    base = await project()
    for path in ("runs", "runs/diverged", "runs/diverged/metrics", f"diff?base={base_id}&other={other_id}"):
        reply = await ask(f"{base}/{path}")
        assert b"NaN" not in reply.bytes and b"Infinity" not in reply.bytes
        json.loads(reply.bytes, parse_constant=pytest.fail)
    assert [point["value"] for point in (await ask(f"{base}/runs/diverged/metrics")).body["items"]] == [None, None]


async def test_a_curve_is_thinned_out_and_keeps_its_extremes(past: Past, project: Find, ask: Ask) -> None:
    run = past.start_run("long")
    for step in range(600):
        past.runs.log_metrics(run.id, {"loss": 1000.0 if step == 333 else 1 / (step + 1)}, step=step, logged_at=now_ms())
    items = (await ask(f"{await project()}/runs/long/metrics?key=loss&points=50")).body["items"]
    assert 10 < len(items) <= 50
    assert {0, 333, 599} <= {point["step"] for point in items}


async def test_a_run_whose_kernel_died_is_not_shown_as_running(
    past: Past, project: Find, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_DEATHS_EVERY_S", 0.5)
    past.start_run("dead")
    base = await project()
    assert (await ask(f"{base}/runs/dead")).body["run"]["status"] == "running"
    with past.database.transaction() as connection:  # no process has this number
        silent = now_ms() - 10 * int(HEARTBEAT_S * 1000)
        connection.execute("UPDATE sessions SET pid = 99999999, heartbeat_at = ?", (silent,))
    await _until(lambda: _status(ask, f"{base}/runs/dead"), "killed", seconds=15)


async def _status(ask: Ask, path: str) -> str:
    return str((await ask(path)).body["run"]["status"])


async def _until(look: Callable[[], Awaitable[Any]], wanted: object, *, seconds: float) -> None:
    for _ in range(int(seconds * 10)):
        if await look() == wanted:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"not {wanted!r} after {seconds} s")


async def test_what_is_known_is_not_sent_again_until_it_changes(past: Past, project: Find, ask: Ask) -> None:
    a, b = past.execute("a", outputs=[stream("hi")]), past.execute("b")
    base = await project()
    paths = {
        "notebook": f"{base}/checkpoints/{a.id}/notebook",
        "variables": f"{base}/checkpoints/{a.id}/variables",
        "diff": f"{base}/diff?base={a.id}&other={b.id}",
        "page": f"{base}/checkpoints",
        "description": "openapi.json",
    }
    tags = {name: (await ask(path)).headers["Etag"] for name, path in paths.items()}
    past.checkpoints.set_note(a.id, "a note")
    past.checkpoints.add_late_output(a.id, stream("late"), now_ms())
    statuses = {name: (await ask(path, headers={"If-None-Match": tags[name]})) for name, path in paths.items()}
    assert {name: reply.status for name, reply in statuses.items()} == {
        "notebook": 200,
        "variables": 304,
        "diff": 200,
        "page": 200,
        "description": 304,
    }
    assert statuses["variables"].bytes == b""
    assert "private" in statuses["variables"].headers["Cache-Control"]


async def test_a_diff_is_sent_again_when_the_environment_becomes_known(past: Past, project: Find, ask: Ask) -> None:
    a, b = past.execute("a"), past.execute("b")
    path = f"{await project()}/diff?base={a.id}&other={b.id}"
    tag = (await ask(path)).headers["Etag"]
    assert (await ask(path, headers={"If-None-Match": tag})).status == 304
    past.note_environment(Environment(python="3.12", implementation="CPython", platform="Linux"))
    assert (await ask(path, headers={"If-None-Match": tag})).status == 200


async def test_a_diff_says_what_differs_and_turns_one_notebook_into_the_other(past: Past, project: Find, ask: Ask) -> None:
    past.start_run("r", lr="1")
    environment = Environment(python="3.12", implementation="CPython", platform="Linux", packages={"numpy": "1"})
    a = past.execute("x = 1", {"x": 1.0}, outputs=[stream("one")], environment=environment, cell_id="c")
    past.log(acc=0.5)
    b = past.execute("x = 2\ny = 3", {"x": 2.0, "y": 3.0}, outputs=[stream("two")], cell_id="c", environment=environment)
    base = await project()
    found = (await ask(f"{base}/diff?base={a.id}&other=latest&noise=true")).body
    assert (found["base"]["id"], found["other"]["id"]) == (a.id, b.id)
    diff = found["diff"]
    assert [(change["change"], change["name"]) for change in diff["variables"]] == [("changed", "x"), ("added", "y")]
    assert diff["metrics"] == [{"change": "added", "name": "acc", "after": 0.5}]
    assert [change["change"] for change in diff["cells"]] == ["changed"]
    entries = to_diffentry_dicts(found["notebook"]["diff"])
    patched = nbdime.patch_notebook(nbformat.from_dict(found["notebook"]["base"]), entries)
    assert patched == (await ask(f"{base}/checkpoints/{b.id}/notebook")).body
    quiet = (await ask(f"{base}/diff?base={a.id}&other={b.id}")).body
    assert "execution_count" not in json.dumps(quiet["notebook"]["diff"])
    assert (await ask(f"{base}/diff?base={a.id}&other={a.id}")).body["notebook"]["diff"] == []


async def test_what_was_logged_until_a_checkpoint_is_known_so_what_is_not_in_a_diff_is_the_same(
    past: Past, project: Find, ask: Ask
) -> None:
    past.start_run("r", lr="1", seed="7")
    past.log(acc=0.5, loss=math.nan)
    a = past.execute("a")
    past.log(acc=0.75)
    b = past.execute("b")
    past.end_run()
    alone = past.execute("c")
    base = await project()
    before, after = [(await ask(f"{base}/checkpoints/{id}/logged")).body for id in (a.id, b.id)]
    assert before == {"params": {"lr": "1", "seed": "7"}, "metrics": {"acc": 0.5, "loss": None}}
    diff = (await ask(f"{base}/diff?base={a.id}&other={b.id}")).body["diff"]
    for part in ("params", "metrics"):
        changed = {change["name"] for change in diff.get(part, ())}
        assert {k: v for k, v in before[part].items() if k not in changed} == {
            k: v for k, v in after[part].items() if k not in changed
        }
    assert after["metrics"] == {"acc": 0.75, "loss": None}
    assert (await ask(f"{base}/checkpoints/{alone.id}/logged")).body == {"params": {}, "metrics": {}}
    assert (await ask(f"{base}/checkpoints/no-such/logged")).failure == (404, "not_found")


async def test_a_checkpoint_is_compared_with_a_live_notebook_however_its_texts_are_cut(
    past: Past, project: Find, ask: Ask
) -> None:
    made = past.execute("x = 1\ny = 2", {}, outputs=[stream("one")], cell_id="c")
    base = await project()
    notebook = (await ask(f"{base}/checkpoints/{made.id}/notebook")).body
    (cell,) = notebook["cells"]
    cell["source"] = ["x = 1\n", "y = 2"]
    cell["outputs"][0]["text"] = ["o", "ne"]
    same = await ask(f"{base}/diff", method="POST", body={"base": made.id, "notebook": notebook})
    assert (same.body["notebook"]["diff"], same.body["diff"].get("cells"), same.body["other"]) == ([], None, None)
    cell["source"] = "x = 1\ny = 3"
    changed = await ask(f"{base}/diff", method="POST", body={"base": made.id, "notebook": notebook})
    (change,) = changed.body["diff"]["cells"]
    assert change["after"]["source"] == "x = 1\ny = 3"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"base": "latest"}',
        b'{"base": "latest", "notebook": {}}',
        b'{"base": "latest", "notebook": {"cells": [1]}}',
        b'{"base": "latest", "notebook": {"cells": [{"outputs": "x"}]}}',
        b'{"base": "latest", "notebook": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"base": "\\ud800", "notebook": {"cells": []}}',
    ],
)
async def test_what_is_no_notebook_is_refused_in_one_line(past: Past, project: Find, ask: Ask, body: bytes) -> None:
    past.execute("a")
    assert (await ask(f"{await project()}/diff", method="POST", body=body)).failure == (400, "invalid_input")


async def test_outputs_that_are_too_large_are_left_out_and_can_be_downloaded(past: Past, project: Find, ask: Ask) -> None:
    text = "0123456789abcdef" * 1_100_000
    made = past.execute("print(much)", outputs=[stream(text)])
    base = await project()
    reply = await ask(f"{base}/checkpoints/{made.id}")
    assert len(reply.bytes) < 10_000
    assert "17.60 MB of this cell's output are left out" in reply.body["outputs"][0]["text"]
    (left_out,) = reply.body["left_out"]
    download = await ask(f"{base}/blobs/{left_out['blob']}?checkpoint={made.id}")
    assert (len(download.bytes), download.body[0]["text"]) == (left_out["size_bytes"], text)
    assert len((await ask(f"{base}/diff?base={made.id}&other={made.id}")).bytes) < 10_000


async def test_a_preview_of_a_hundred_megabytes_is_cut_to_what_a_page_can_show(past: Past, project: Find, ask: Ask) -> None:
    made = past.execute("a", {"x": 1.0})
    variable = Variable(
        name="huge", type="str", status="stored", preview=Preview(text="y" * 100_000_000), fingerprint="", size_bytes=1
    )
    with past.packs.batch() as batch:
        items = [("huge", batch.put_json(Kind.VARIABLE, variable))]
        root = tree.build(items, lambda node: batch.put(Kind.NODE, node))
        manifest = msgspec.structs.replace(past.checkpoints.manifest(made), id=new_id(), variables=root)
        hostile = batch.commit(past.checkpoints.add(batch, manifest))
    base = await project()
    reply = await ask(f"{base}/checkpoints/{hostile.id}/variables")
    (shown,) = reply.body["items"]
    assert (shown["preview"], len(reply.bytes) < 5000) == ({"text": "y" * 2000, "is_truncated": True}, True)
    assert len((await ask(f"{base}/diff?base={made.id}&other={hostile.id}")).bytes) < 20_000


async def test_a_change_of_tags_is_of_a_bounded_number(past: Past, project: Find, ask: Ask) -> None:
    run = past.start_run("r")
    path = f"{await project()}/runs/{run.id}"
    many = {f"k{number}": "v" for number in range(1001)}
    assert (await ask(path, method="PATCH", body={"tags": many})).failure == (400, "invalid_input")
    del many["k0"]
    assert (await ask(path, method="PATCH", body={"tags": many})).body["tags"] == many
