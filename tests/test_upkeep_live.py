"""A live session whose store is pruned under it."""

from __future__ import annotations

import time
from pathlib import Path

from livenotebook import LiveNotebook, Open

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.retention import Policy
from mlm_jupyter.maintenance import Prune
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.runs import Runs
from mlm_jupyter.store.verify import verify


def prune(folder: Path) -> None:
    """Keep only what is protected, as another process does."""
    database = Database.open(folder / ".mlm")
    Prune(database, Policy(0, 0, 0), now=now_ms()).apply()
    database.close()


def test_what_a_kernel_was_put_back_to_is_not_pruned(tmp_path: Path, notebook: LiveNotebook) -> None:
    first = notebook.cell("a = list(range(1000))")
    notebook.cell("a = 1")
    notebook.way_back.restore(first.id)
    prune(tmp_path)
    assert notebook.session.checkpoints.variables(notebook.cell("b = 1"))["a"].status == "stored"
    assert notebook.restore(first).failed == {}
    notebook.close()


def test_values_that_are_freed_while_a_kernel_that_was_thought_dead_has_them_are_stored_again(
    tmp_path: Path, notebook: LiveNotebook, fresh: Open
) -> None:
    first = notebook.cell("a = list(range(1000)); b = {'k': a}; c = 'kept'")
    notebook.cell("a = b = 1")
    notebook.way_back.restore(first.id)
    Runs(notebook.database).mark_killed(lambda session: False, now_ms())
    prune(tmp_path)
    between = notebook.cell("d = 1")
    after = notebook.cell("e = 2")
    variables = notebook.session.checkpoints.variables(between)
    assert variables["a"].status == "not_captured" and "freed while it was in use" in (variables["a"].reason or "")
    assert variables["c"].status == "stored"
    assert verify(Packs(notebook.database)).is_sound
    other = fresh()
    with other.as_main():
        assert other.way_back.restore(after.id).failed == {}
    assert (other.namespace["a"], other.namespace["b"]["k"] is other.namespace["a"]) == (list(range(1000)), True)


def test_what_the_disk_refuses_to_free_is_told_in_one_line_that_says_where_and_what_next(
    tmp_path: Path, notebook: LiveNotebook
) -> None:
    notebook.cell("a = [1]")
    notebook.session.flush()
    packs = tmp_path / ".mlm" / "packs"
    packs.rename(tmp_path / "away")
    notebook.session.retention.enforce()
    (tmp_path / "away").rename(packs)
    assert notebook.told[-1].startswith(
        f"Old values could not be freed, which is tried again in 5 minutes: The project at {tmp_path}: "
    )
    assert str(packs) in notebook.told[-1] and "\n" not in notebook.told[-1]


def test_a_freed_value_is_reported_as_not_restorable_with_the_day(tmp_path: Path, notebook: LiveNotebook) -> None:
    old = notebook.cell("a = [1]; same = [2]")
    notebook.cell("a = [3]")
    prune(tmp_path)
    with notebook.as_main():
        report = notebook.way_back.restore(old.id)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert report.failed.keys() == {"a"}
    assert report.failed["a"].startswith(f"its value was freed by mlm prune on {day}")
    assert notebook.namespace["same"] == [2]


def test_cells_go_on_while_another_process_prunes_again_and_again(tmp_path: Path, notebook: LiveNotebook, fresh: Open) -> None:
    for number in range(30):
        made = notebook.cell(f"x = list(range({number % 3}, 500)); y = bytes([{number % 2}]) * 50_000; z = {number}")
        prune(tmp_path)
    assert {name: variable.status for name, variable in notebook.session.checkpoints.variables(made).items()} == {
        "x": "stored",
        "y": "stored",
        "z": "stored",
    }
    assert verify(Packs(notebook.database)).is_sound
    other = fresh()
    with other.as_main():
        assert other.way_back.restore(made.id).failed == {}
    assert (other.namespace["x"], other.namespace["y"]) == (list(range(2, 500)), b"\1" * 50_000)
