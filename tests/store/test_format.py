"""The page that says how to read a store without this library is true: its recipe runs, its numbers are those of the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import zstandard
from blake3 import blake3

from mlm_jupyter.core import tree
from mlm_jupyter.core.entities import CellExecution, Group, Manifest, Preview, State, Variable
from mlm_jupyter.store.checkpoints import Checkpoints
from mlm_jupyter.store.packs import CHUNK_BYTES, Kind, Packs

PAGE = files("mlm_jupyter.store").joinpath("FORMAT.md").read_text("utf-8")


def add_checkpoint(packs: Packs, source: str, preview: str, stream: bytes) -> None:
    with packs.batch() as batch:
        group = batch.put_json(Kind.GROUP, Group(("x",), batch.put_blob(stream), len(stream)))
        variables = {
            f"v{number}": Variable(f"v{number}", "int", "stored", Preview(str(number)), str(number)) for number in range(200)
        }
        variables["x"] = Variable("x", "bytes", "stored", Preview(preview), "f", group)
        items = [(name, batch.put_json(Kind.VARIABLE, variable)) for name, variable in sorted(variables.items())]
        manifest = Manifest(
            id="01",
            kind="cell",
            created_at=1,
            session_id="s",
            ordinal=1,
            variables=tree.build(items, lambda node: batch.put(Kind.NODE, node)),
            state=batch.put_json(Kind.STATE, State("/", ())),
            execution=CellExecution(source, "ok", 1, 1.0),
        )
        batch.commit(Checkpoints(packs.database, packs).add(batch, manifest))


def test_the_recipe_reads_a_cell_a_preview_and_a_value(packs: Packs) -> None:
    missing = [tool for tool in ("sqlite3", "zstd", "sh") if shutil.which(tool) is None]
    if missing and "CI" not in os.environ:
        pytest.skip(f"the recipe needs {' and '.join(missing)}: install them, or set CI to make this an error")
    source = "x = 'an é, a \"quote\" and\na second line'"
    stream = np.random.default_rng(0).bytes(CHUNK_BYTES + 7) + b"\0" * CHUNK_BYTES + b"\n tail\0"
    add_checkpoint(packs, source, "b'...'", stream)

    project = packs.database.folder.parent
    (recipe,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    subprocess.run(["sh", "-eu", "-c", recipe], cwd=project, check=True, stderr=subprocess.STDOUT)
    assert (project / "cell.txt").read_text("utf-8") == source + "\n"
    assert (project / "preview.txt").read_text("utf-8") == "b'...'\n"
    assert (project / "x.pickle").read_bytes() == stream


def test_a_reader_written_from_the_page_alone_finds_every_object(packs: Packs) -> None:
    add_checkpoint(packs, "x = 1", "1", np.random.default_rng(0).bytes(3 * CHUNK_BYTES))
    (path,) = packs.folder.iterdir()
    found = read_by_the_page(path)
    kinds = dict(packs.database.connection().execute("SELECT lower(hex(digest)), kind FROM objects"))
    assert {digest: kind for digest, (kind, _) in found.items()} == kinds
    assert all(packs.get(digest) == raw for digest, (_, raw) in found.items())


def read_by_the_page(path: Path) -> dict[str, tuple[int, bytes]]:
    (context,) = re.findall(r"with the context `([^`]+)`", PAGE)
    magic = bytes.fromhex(re.findall(r"^\| 4 \| `([^`]+)` \|$", PAGE, re.MULTILINE)[0])
    content = path.read_bytes()
    found = {}
    position = 0
    while position < len(content):
        header = content[position : position + 52]
        raw_bytes, stored_bytes, checksum = (int.from_bytes(header[start : start + 4], "big") for start in (40, 44, 48))
        assert (header[:4], header[4], header[7], zlib.crc32(header[:48])) == (magic, 1, 0, checksum)
        payload = content[position + 52 : position + 52 + stored_bytes]
        assert (stored_bytes < raw_bytes) == (header[6] == 1)
        raw = zstandard.decompress(payload) if header[6] else payload
        assert len(raw) == raw_bytes
        hasher = blake3(derive_key_context=context) if header[5] == Kind.LIST else blake3()
        assert hasher.update(raw).digest() == header[8:40]
        found[header[8:40].hex()] = (header[5], raw)
        position += 52 + stored_bytes
    return found


def test_the_page_lists_every_kind() -> None:
    (line,) = re.findall(r"kind: (.*?) \|", PAGE)
    assert line == ", ".join(f"{kind.value} {kind.name.lower()}" for kind in Kind)
