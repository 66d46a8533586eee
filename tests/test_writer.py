"""The thread that stores checkpoints: nothing that fails in it keeps anybody waiting."""

from __future__ import annotations

import threading
from pathlib import Path

from livenotebook import LiveNotebook


def test_work_that_fails_is_told_and_what_is_queued_behind_it_is_done(tmp_path: Path) -> None:
    notebook = LiveNotebook(tmp_path)
    begun, is_all_queued = threading.Event(), threading.Event()
    done: list[str] = []

    def fail() -> None:
        begun.set()
        is_all_queued.wait(30)
        raise FileNotFoundError("packs")

    writer = notebook.session.writer
    writer.later(fail)
    assert begun.wait(30)
    writer.later(lambda: done.append("behind"))
    is_all_queued.set()
    assert writer.flush(30)
    assert done == ["behind"]
    assert notebook.told == ["Tracking failed at work beside the cells: FileNotFoundError: packs. Your cells go on."]
    assert notebook.cell("a = 1").changes.added == ("a",)
    notebook.close()
