"""Downloads: outputs and artifacts, as bytes that no browser runs, and never the value of a variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import Ask, Find
from livenotebook import LiveNotebook
from past import Past, stream

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Artifact
from mlm_jupyter.reader import Reader

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def keep(past: Past, name: str, data: bytes, media_type: str) -> Digest:
    run = past.run or past.start_run("r")
    batch = past.packs.batch()
    blob = batch.put_blob(data)
    batch.commit(past.runs.adding([Artifact(run.id, name, blob, len(data), media_type, now_ms())]))
    return blob


@pytest.mark.parametrize(
    ("name", "media_type", "sent_as"),
    [
        ("plot.png", "image/png", "image/png"),
        ("folder/evil.svg", "image/svg+xml", "application/octet-stream"),
        ("page.html", "text/html", "application/octet-stream"),
        ('a"b\r\nX-Evil: 1;\u00fc.txt', "text/plain", "application/octet-stream"),
        ("x", "image/png\r\nX-Evil: 1", "application/octet-stream"),
    ],
)
async def test_an_artifact_is_sent_as_bytes_that_are_saved_not_run(
    past: Past, project: Find, ask: Ask, name: str, media_type: str, sent_as: str
) -> None:
    blob = keep(past, name, SVG, media_type)
    reply = await ask(f"{await project()}/blobs/{blob}")
    assert (reply.status, reply.bytes) == (200, SVG)
    headers = reply.headers
    assert headers["Content-Type"] == sent_as
    assert headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
    assert "/" not in headers["Content-Disposition"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("sandbox")
    assert "immutable" in headers["Cache-Control"]
    assert "X-Evil" not in headers
    known = await ask(f"{await project()}/blobs/{blob}", headers={"If-None-Match": headers["Etag"]})
    assert (known.status, known.bytes) == (304, b"")


async def test_a_large_artifact_comes_in_pieces_and_whole(past: Past, project: Find, ask: Ask) -> None:
    data = bytes(range(256)) * 20_000 + b"end"
    blob = keep(past, "model.bin", data, "application/octet-stream")
    reply = await ask(f"{await project()}/blobs/{blob}")
    assert (reply.headers["Content-Length"], reply.bytes == data) == (str(len(data)), True)


async def test_outputs_are_found_with_and_without_being_told_where(past: Past, project: Find, ask: Ask) -> None:
    made = past.execute("a", outputs=[stream("first")])
    last = past.execute("b", outputs=[stream("second")])
    base = await project()
    execution = (await ask(f"{base}/checkpoints/{made.id}")).body["execution"]
    assert (await ask(f"{base}/blobs/{execution['outputs']}")).body == [stream("first")]
    assert (await ask(f"{base}/blobs/{execution['outputs']}?checkpoint={last.id}")).body == [stream("first")]
    past.execute("c")
    past.cells.clear()
    unrelated = past.execute("d", has_notebook=False)
    missing = await ask(f"{base}/blobs/{execution['outputs']}?checkpoint={unrelated.id}")
    assert missing.failure == (404, "not_found")


async def test_a_search_for_outputs_is_as_short_at_any_length_of_history(past: Past, project: Find, ask: Ask) -> None:
    old = past.execute("print(1)", outputs=[stream("old")], cell_id="a", has_notebook=False)
    past.cells.clear()
    for number in range(100):
        past.execute(f"print({number})", outputs=[stream(str(number))], cell_id=f"c{number % 40}")
    base = await project()
    blob = (await ask(f"{base}/checkpoints/{old.id}")).body["execution"]["outputs"]
    unsaid = await ask(f"{base}/blobs/{blob}")
    assert unsaid.failure == (404, "not_found")
    assert "?checkpoint=" in unsaid.body["message"]
    assert (await ask(f"{base}/blobs/{blob}?checkpoint={old.id}")).body == [stream("old")]
    with Reader.open(past.folder) as reader:
        read: list[Digest] = []
        get = reader._packs.get
        reader._packs.get = lambda digest: (read.append(digest), get(digest))[1]  # type: ignore[method-assign]
        assert not reader.shows(reader.checkpoints().take(100), "0" * 64)
    assert len(read) < 1000  # each manifest, and of 4,000 cells those that are not shared
    assert len(set(read)) == len(read)


async def test_nothing_of_a_variable_is_sent_whatever_its_digest(jp_root_dir: Path, ask: Ask) -> None:
    folder = jp_root_dir / "work"
    notebook = LiveNotebook(folder)
    notebook.cell("secret = list(range(3000)); blob = b'x' * 3_000_000")
    notebook.close()
    (found,) = (await ask("projects?notebook=work/test.ipynb")).body["items"]
    with Reader.open(folder) as reader:
        connection = reader._database.connection()
        digests = [bytes(digest).hex() for (digest,) in connection.execute("SELECT digest FROM objects")]
        manifest = reader.manifest("latest")
    assert len(digests) > 10
    for digest in digests:
        reply = await ask(f"projects/{found['id']}/blobs/{digest}")
        assert reply.failure == (404, "not_found"), digest
    assert manifest.variables in digests


async def test_an_artifact_whose_bytes_are_lost_is_an_error_in_one_line(past: Past, project: Find, ask: Ask) -> None:
    blob = keep(past, "a.bin", b"data", "application/octet-stream")
    with past.database.transaction() as connection:
        connection.execute("DELETE FROM objects WHERE digest = ?", (bytes.fromhex(blob),))
    assert (await ask(f"{await project()}/blobs/{blob}")).failure == (404, "not_found")
