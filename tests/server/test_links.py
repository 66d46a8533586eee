"""Symbolic links in and around a project: its folder may lie on another disk, and no link shows a file that is not its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from asking import Ask, make_past
from past import stream

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.digest import digest_of
from mlm_jupyter.core.entities import Artifact
from mlm_jupyter.store.packs import Kind

SECRET = b"root:x:0:0: what only its owner may read\n" * 8


async def test_a_project_whose_folder_is_on_a_scratch_disk_is_shown_and_written_to(
    jp_root_dir: Path, tmp_path: Path, ask: Ask
) -> None:
    scratch = tmp_path / "scratch"
    past = make_past(jp_root_dir / "work", store=scratch)
    made = past.execute("x = 1", {"x": 1.0}, outputs=[stream("hi\n")])
    (found,) = (await ask("projects?notebook=work/train.ipynb")).body["items"]
    path = f"projects/{found['id']}/checkpoints/{made.id}"
    assert (found["folder"], found["is_writable"]) == ("work", True)
    assert (await ask(path)).body["outputs"] == [stream("hi\n")]
    assert (await ask(path, method="PATCH", body={"name": "best"})).body["name"] == "best"
    assert (scratch / "mlm.db").is_file()
    past.close()


def a_pack(store: Path, secret: Path) -> None:
    for pack in (store / "packs").glob("*.pack"):
        pack.unlink()
        pack.symlink_to(secret)


def all_packs(store: Path, secret: Path) -> None:
    names = [pack.name for pack in (store / "packs").glob("*.pack")]
    (store / "packs").rename(store / "old")
    folder = secret.parent / "packs"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(SECRET)
    (store / "packs").symlink_to(folder)


def the_database(store: Path, secret: Path) -> None:
    (store / "mlm.db").unlink()
    (store / "mlm.db").symlink_to(secret)


@pytest.mark.parametrize("link", [a_pack, all_packs, the_database])
async def test_no_link_inside_a_project_shows_a_file_outside(
    jp_root_dir: Path, ask: Ask, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    past = make_past(jp_root_dir / "work")
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    run = past.start_run("r")
    id = past.execute("x = 1", {"x": 1.0}, outputs=[stream("hi\n")], modules={"util.py": "A = 1"}).id
    claimed = digest_of(b"what its bytes are said to be")
    shadow = Artifact(run.id, "shadow.txt", claimed, len(SECRET), "text/plain", now_ms())
    with past.database.transaction() as connection:  # every object, and one more, is said to lie where the secret begins
        past.runs.adding([shadow])(connection)
        connection.execute("UPDATE objects SET offset = 0, raw_bytes = 20, stored_bytes = 20")
        connection.execute(
            "INSERT INTO objects VALUES (?, ?, (SELECT max(id) FROM packs), 0, ?, ?)",
            (bytes.fromhex(claimed), Kind.CHUNK, len(SECRET), len(SECRET)),
        )
    (found,) = (await ask("projects?notebook=work/train.ipynb")).body["items"]
    base = f"projects/{found['id']}"
    past.close()
    link(past.folder / ".mlm", secret)
    for path in (
        *("checkpoints", f"checkpoints/{id}", f"checkpoints/{id}/notebook", f"checkpoints/{id}/variables", "runs", "runs/r"),
        *(f"diff?base={id}&other={id}", "runs/r/metrics", f"blobs/{claimed}", f"blobs/{claimed}?checkpoint={id}"),
    ):
        reply = await ask(f"{base}/{path}")
        assert b"root:x" not in reply.bytes and str(secret) not in reply.bytes.decode(), path
        assert reply.status in (200, 500), path
        if "blobs" in path or f"/{id}" in path:
            assert reply.status != 200, path
