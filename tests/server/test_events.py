"""The event that a project was written to, heard on the server's websocket."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asking import Ask, Find, make_past
from past import Past

from mlm_jupyter.clock import now_ms
from mlm_jupyter.server.projects import Projects
from mlm_jupyter.server.watch import Watch

SCHEMA = "https://events.jupyter.org/mlm_jupyter/project_changed/v1"
Hear = Callable[[float], Any]


async def hearing(jp_ws_fetch: Any) -> Hear:
    """Subscribe, and return what returns the projects told of within some seconds."""
    socket = await jp_ws_fetch("api", "events", "subscribe")

    pending: list[asyncio.Future[Any]] = []

    async def hear(seconds: float) -> list[str]:
        heard: list[str] = []
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not pending:
                pending.append(asyncio.ensure_future(socket.read_message()))
            done, _ = await asyncio.wait(pending, timeout=left)
            if not done:
                break
            message = json.loads(pending.pop().result())
            if message["schema_id"] == SCHEMA:
                heard.append(message["project"])
        return heard

    return hear


async def test_whoever_writes_is_heard_of_and_silence_is_silent(past: Past, project: Find, ask: Ask, jp_ws_fetch: Any) -> None:
    made = past.execute("a")
    base = await project()
    id = base.removeprefix("projects/")
    hear = await hearing(jp_ws_fetch)
    assert await hear(0.7) == []
    past.execute("b")
    assert await hear(0.7) == [id]
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent.parent)!r})
from pathlib import Path
from past import Past
Past(Path({str(past.folder)!r})).execute("c")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(await hear(1.0)) == {id}
    assert (await ask(f"{base}/checkpoints/{made.id}", method="PATCH", body={"note": "from here"})).status == 200
    assert await hear(0.7) == [id]


async def test_a_thousand_writes_a_second_are_at_most_four_events(past: Past, project: Find, jp_ws_fetch: Any) -> None:
    run = past.start_run("fast")
    id = (await project()).removeprefix("projects/")
    hear = await hearing(jp_ws_fetch)

    def write() -> int:
        end, count = time.monotonic() + 2.0, 0
        while time.monotonic() < end:
            past.runs.log_metrics(run.id, {"loss": 1.0}, logged_at=now_ms())
            count += 1
            time.sleep(0.0005)
        return count

    writing = asyncio.get_running_loop().run_in_executor(None, write)
    heard = await hear(2.0)
    assert await writing > 500
    assert 4 <= len(heard) <= 9
    assert set(heard) == {id}


async def test_a_project_that_goes_and_comes_is_told_of(past: Past, project: Find, jp_ws_fetch: Any) -> None:
    past.execute("a")
    id = (await project()).removeprefix("projects/")
    hear = await hearing(jp_ws_fetch)
    away = past.folder.parent / "away"
    (past.folder / ".mlm").rename(away)
    assert await hear(0.7) == [id]
    assert await hear(1.0) == []
    away.rename(past.folder / ".mlm")
    assert await hear(3.0) == [id]


async def test_a_write_between_the_answer_and_the_first_look_is_told_of(past: Past, ask: Ask, jp_ws_fetch: Any) -> None:
    hear = await hearing(jp_ws_fetch)
    (found,) = (await ask("projects?notebook=work/train.ipynb")).body["items"]
    past.execute("at once")
    assert await hear(0.7) == [found["id"]]


def test_watching_twenty_projects_costs_next_to_nothing(tmp_path: Path) -> None:
    pasts = [make_past(tmp_path / f"p{number}") for number in range(20)]
    projects = Projects(tmp_path, environ={}, version="0")
    for number in range(20):
        assert projects.find(f"p{number}/train.ipynb")
    told: list[str] = []

    async def look(times: int) -> float:
        watch = Watch(projects, told.append, every_ms=250)
        await watch.look()
        started = time.process_time()
        for _ in range(times):
            await watch.look()
        spent = time.process_time() - started
        watch.stop()
        return spent / times

    a_look = asyncio.run(look(40))
    assert told == []
    assert a_look * 4 < 0.02, f"{a_look * 1e3:.2f} ms a look"  # of a second; 0.5 % is the aim on a quiet machine
    projects.close()
    for past in pasts:
        past.close()
