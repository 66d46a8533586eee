"""A comparison that would take for ever is given up, and the server answers others meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from asking import Ask, Find
from past import Past

from mlm_jupyter.core.cells import diff_notebooks
from mlm_jupyter.core.diff import cells_of, diff_cells
from mlm_jupyter.server import routes
from mlm_jupyter.server.compare import Pair, compare


def notebook(*sources: str) -> dict[str, Any]:
    cells = [
        {"cell_type": "code", "id": f"c{n}", "source": source, "metadata": {}, "execution_count": n, "outputs": []}
        for n, source in enumerate(sources)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_a_process_of_its_own_finds_what_the_function_finds() -> None:
    base, other = notebook("a = 1", "b\nc"), notebook("a = 1", "b\nd", "e \U0001f600")
    found = compare(Pair(base, other, has_noise=True))
    assert list(found.diff) == diff_notebooks(base, other)
    assert found.cells == diff_cells(cells_of(base), cells_of(other))


def test_the_working_folder_lends_no_modules(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('the user's own module was run')")
    monkeypatch.chdir(tmp_path)
    assert compare(Pair(notebook("a"), notebook("b"))).cells


async def test_a_hostile_notebook_is_given_up_and_others_are_answered(
    past: Past, project: Find, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "compare", lambda pair: compare(pair, longest_s=1.5))
    made = past.execute("x\n" * 1000)
    base = await project()
    live = notebook(*["x\ny\n" * 500] * 40)
    live["cells"][0]["id"] = "cell-0"
    hostile = [
        asyncio.ensure_future(ask(f"{base}/diff", method="POST", body={"base": made.id, "notebook": live})) for _ in range(4)
    ]
    await asyncio.sleep(0.2)
    started = time.monotonic()
    assert (await ask(f"{base}/checkpoints")).status == 200
    assert time.monotonic() - started < 1
    assert not hostile[0].done()
    for reply in await asyncio.gather(*hostile):
        assert reply.failure == (422, "too_long")
