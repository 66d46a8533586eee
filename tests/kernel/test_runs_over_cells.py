"""Runs of real kernels: begun in one cell and ended in another, nested, failed, killed; what each can be asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tracked import START, open_kernel, wait_for_file

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.retention import Policy
from mlm_jupyter.maintenance import plan_prune
from mlm_jupyter.project import Project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def made_in(project: Project, name: str) -> list[str]:
    """The code of the checkpoints that were made while a run was open, the oldest first."""
    return [one.source or one.kind for one in project.checkpoints(run=name)][::-1]


def last_of(project: Project, name: str) -> str | None:
    """The code of the last checkpoint of a run; ``restore`` and its kin mean the same one."""
    run = project.get_run(name)
    if run.last_checkpoint_id is None:
        return None
    assert project.get_checkpoint(name).id == run.last_checkpoint_id
    return project.get_checkpoint(name).source


def test_runs_over_cells_know_what_was_made_in_them_and_what_they_ended_with(tmp_path: Path) -> None:
    cells = [
        "outer = mlm.start_run('outer')",
        "x = 'outer'",
        "inner = mlm.start_run('inner'); x = 'begun'",
        "x = 'inside'",
        "x = 'ended'; mlm.end_run()",
        "x = 'after'",
        "with mlm.start_run('failing'):\n    x = 'failing'; 1 / 0",
        "outer.end('failed'); x = 'last'",
        "%%mlm_run own\nx = 'own'",
        "%%mlm_run broken\nx = 'broken'; 1 / 0",
    ]
    with open_kernel(tmp_path) as kernel:
        kernel.run(START + "\nimport mlm_jupyter as mlm")
        for cell in cells:
            kernel.run(cell)
        for line in ("%mlm_run magic", "%mlm_log acc=0.5", "%mlm_run next", "x = 'next'", "%mlm_run --end"):
            kernel.run(line)
        kernel.flush()
        with kernel.project() as project:
            assert made_in(project, "outer") == cells[:8] and last_of(project, "outer") == cells[7]
            assert made_in(project, "inner") == cells[2:5] and last_of(project, "inner") == cells[4]
            assert made_in(project, "failing") == [cells[6]] and last_of(project, "failing") == cells[6]
            assert made_in(project, "own") == [cells[8]] and last_of(project, "own") == cells[8]
            assert made_in(project, "broken") == [cells[9]] and last_of(project, "broken") == cells[9]
            assert made_in(project, "magic") == [] and last_of(project, "magic") == cells[9]  # nothing changed in it
            assert made_in(project, "next") == ["x = 'next'"] == [last_of(project, "next")]
            statuses = {run.name: run.status for run in project.runs()}
        assert {name: statuses[name] for name in ("outer", "inner", "failing", "own", "broken")} == {
            "outer": "failed",
            "inner": "finished",
            "failing": "failed",
            "own": "finished",
            "broken": "failed",
        }
        listed = kernel.run("%mlm_history --run inner").text
        assert all(cell.split(";")[0] in listed for cell in cells[2:5]) and "'outer'" not in listed
        with plan_prune(tmp_path, Policy(0, 0, 0), now=now_ms()) as plan:
            plan.apply()
        kernel.run("%mlm_restore inner")
        assert kernel.ask("x") == "ended"
        kernel.run("%mlm_restore magic")
        assert kernel.ask("x") == "broken"


def test_the_runs_of_a_killed_kernel_end_with_the_last_checkpoint_that_was_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLM_KEY_FILE", str(tmp_path / "key"))  # to read what the kernel signed
    with open_kernel(tmp_path) as kernel:
        kernel.run(START + "\nimport mlm_jupyter as mlm")
        kernel.run("whole = mlm.start_run('whole'); x = 1")
        kernel.run("nested = mlm.start_run('nested'); x = 2")
        kernel.run("x = 3")
        kernel.flush()
        kernel.send("mlm.start_run('lost'); mlm.log_metric('m', 1); x = 4; open('reached', 'w'); import time; time.sleep(60)")
        wait_for_file(tmp_path / "reached")
        kernel.kill()
        with kernel.project() as project:
            assert [project.get_run(name).status for name in ("whole", "nested", "lost")] == ["killed"] * 3
            assert [last_of(project, name) for name in ("whole", "nested", "lost")] == ["x = 3", "x = 3", None]
            assert len(made_in(project, "nested")) == 2 and made_in(project, "lost") == []
            assert project.load_variables("nested", ["x"]) == {"x": 3}


def test_the_run_of_the_cells_is_ended_and_begun_again_whatever_was_left_open(tmp_path: Path) -> None:
    with open_kernel(tmp_path) as kernel:
        kernel.run(START + " --name notebook\nimport mlm_jupyter as mlm")
        kernel.run("mlm.end_run()")
        kernel.run("mlm.log_metric('outside', 1); mlm.start_run('left')")  # the first opens a run
        assert kernel.run("%mlm_run next").status == "ok"
        with kernel.project() as project:
            assert [run.name for run in project.runs() if run.status == "running"] == ["next"]
            assert project.get_run("next").parent_id is None
        kernel.run("%mlm_run --end")
        kernel.run(START + " --name notebook")  # as Run All does
        assert kernel.ask("mlm.status().run") == "notebook"
        kernel.run(START)
        with kernel.project() as project:
            assert [run.name for run in project.runs()].count("notebook") == 2
        empty = kernel.run("%mlm_run empty\n%mlm_history --run empty").text
        assert "No checkpoint was made in run 'empty'" in empty
        for wrong, says in (
            ("mlm.start_run(3)", "start_run(name=...) takes a text, not 3"),
            ("mlm.start_run('a', tags={'k': object()})", "Tag 'k' cannot be object"),
            ("mlm.start_run('a', params=[1])", "start_run(params=...) takes a dict"),
            ("mlm.log_metric(3, 1)", "is a text, not int"),
            ("mlm.set_tag(3, 1)", "is a text, not int"),
        ):
            (error,) = kernel.run(wrong).outputs
            assert error["traceback"][-1].count("\n") == 0 and says in error["traceback"][-1]
        assert kernel.ask("mlm.status().run") == "empty"


def test_a_variable_that_is_a_run_is_that_run_after_a_restore_and_none_to_end_in_another_kernel(tmp_path: Path) -> None:
    with open_kernel(tmp_path) as kernel:
        kernel.run(START + "\nimport mlm_jupyter as mlm")
        made = kernel.track("run = same = mlm.start_run('kept', params={'lr': 0.1})")
        assert kernel.track("x = 1").changes.changed == ()
        assert kernel.run("it = run; del run, same").status == "ok"
        assert "failed" not in kernel.run(f"%mlm_restore {made.id}").text
        assert kernel.ask("run is same and mlm.status().run == run.name")
        kernel.run("run.end()")
        with kernel.project() as project:
            assert project.get_run("kept").status == "finished"
    with open_kernel(tmp_path) as kernel:
        kernel.run(START + f"\n%mlm_restore {made.id}")
        assert kernel.ask("(run is same, run.end(), run.name)") == [True, None, "kept"]
