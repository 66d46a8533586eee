"""Runs, cells, prunings and killed kernels in any order: which checkpoints a run has, and that its end comes back whole."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from livenotebook import LiveNotebook

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.entities import CellError, Checkpoint
from mlm_jupyter.core.retention import Policy
from mlm_jupyter.maintenance import Prune, enforce_retention
from mlm_jupyter.process import start_session
from mlm_jupyter.recorder import Recorder
from mlm_jupyter.restoration import load_values
from mlm_jupyter.session.cell import CellResult
from mlm_jupyter.settings import Settings
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.reclaim import store_bytes
from mlm_jupyter.store.runs import Runs

ACTIONS = st.lists(st.sampled_from(["start", "start", "end", "x", "y", "z", "checkpoint", "raise"]), max_size=6)


class OneRun(msgspec.Struct):
    """What must be true of a run."""

    id: str
    made: list[str] = []
    """The checkpoints made while it was open."""
    ended_with: str | None = None
    """The checkpoint of the state it ended with, where that is no matter of which was made last."""
    status: str = "running"


class Work(RuleBasedStateMachine):
    """A kernel, its runs in plain Python, and what each checkpoint held."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.values: dict[str, dict[str, Any]] = {}
        self.names: dict[str, str] = {}
        self.freed: set[str] = set()
        """What a kernel went back to though parts of it had been freed: a run may end there, and that was no loss then."""
        self.runs: dict[str, OneRun] = {}
        self.count = 0
        self.start_kernel()

    def start_kernel(self) -> None:
        self.notebook = LiveNotebook(Path(self.folder.name))
        live = self.notebook.session
        session = start_session(live.session_id, author="tester", started_at=1)
        self.recorder = Recorder(
            self.notebook.database,
            session,
            checkpoint_id=lambda: live.checkpoint_id,
            cell_id=lambda: live.cell_checkpoint_id,
        )
        self.open: list[OneRun] = []
        self.stands_on: str | None = None

    def teardown(self) -> None:
        if hasattr(self, "notebook"):
            self.recorder.close()
            self.notebook.close()
            self.folder.cleanup()

    # Cells and what happens in them ------------------------------------------------------------------------------------

    def start_run(self) -> OneRun:
        run = OneRun(self.recorder.start_run(f"run {len(self.runs)}").id)
        self.runs[run.id] = run
        self.open.append(run)
        return run

    def end_run(self, status: str = "finished") -> OneRun | None:
        self.recorder.end_run(status)  # type: ignore[arg-type]
        if not self.open:
            return None
        run = self.open.pop()
        run.status = status
        return run

    def enter(self, made: Checkpoint, runs: list[OneRun]) -> None:
        """Note a checkpoint, and that it was made while ``runs`` were open."""
        self.values[made.id] = {name: list(self.notebook.namespace.get(name, [])) for name in "xyz"}
        self.stands_on = made.id
        for run in runs:
            run.made.append(made.id)

    @rule(actions=ACTIONS)
    def cell(self, actions: list[str]) -> None:
        live, depth, involved = self.notebook.session, len(self.open), list(self.open)
        with self.notebook.as_main():
            live.begin_cell("x = y = z = 1", python="x = y = z = 1", cell_id=None)
            error = None
            for action in actions:
                if action == "start":
                    involved.append(self.start_run())
                elif action == "end":
                    depth = min(depth, max(0, len(self.open) - 1))
                    self.end_run()
                elif action == "checkpoint":
                    self.enter(live.checkpoint(), involved)
                    involved = list(self.open)
                elif action == "raise":
                    error = CellError("ValueError", "no")
                    self.recorder.unwind(depth)
                    for run in self.open[depth:]:
                        run.status = "failed"
                    del self.open[depth:]
                    break
                else:
                    self.count += 1
                    self.notebook.namespace[action] = [self.count] * 200
            draft = live.end_cell(CellResult("error" if error else "ok", error=error))
            assert draft is not None
            live.outputs_are_final()
            draft.done.wait()
        assert draft.checkpoint is not None, draft.error
        self.enter(draft.checkpoint, involved)

    @rule(actions=st.lists(st.sampled_from(["start", "end"]), min_size=1, max_size=3))
    def cell_of_only_magics(self, actions: list[str]) -> None:
        live = self.notebook.session
        with self.notebook.as_main():
            live.begin_cell("%mlm_run", python="pass", cell_id=None, leaves_none=True)
            for action in actions:
                if action == "start":
                    self.start_run()
                elif (run := self.end_run()) is not None:
                    run.ended_with = self.stands_on
            live.drop_cell()

    @rule(is_start=st.booleans())
    def between_cells(self, is_start: bool) -> None:
        if is_start:
            self.start_run()
        else:
            self.end_run("failed")

    @precondition(lambda self: self.values)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.values)))
        known = set(self.values)
        now = {name: list(self.notebook.namespace.get(name, [])) for name in "xyz"}
        report = self.notebook.restore(id)
        for save in self.notebook.session.checkpoints.list(limit=1):
            if save.id not in known:
                self.values[save.id] = now
                for run in self.open:
                    run.made.append(save.id)
        if report.failed:
            assert self.notebook.session.checkpoints.get(id).is_dropped
            self.freed.add(id)
        self.stands_on = id

    @rule()
    def kill(self) -> None:
        """The process is gone: nothing was ended, what was queued is lost."""
        self.notebook.session.close()
        database = Database.open(Path(self.folder.name) / ".mlm")
        killed = Runs(database).mark_killed(lambda session: session.id != self.notebook.session.session_id, now_ms())
        assert set(killed) == {run.id for run in self.open}
        database.close()
        for run in self.open:
            run.status = "killed"
        self.start_kernel()

    # What others do ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.values)
    @rule(data=st.data())
    def name(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.values)))
        checkpoints = self.notebook.session.checkpoints
        if checkpoints.get(id).is_dropped:
            return
        checkpoints.set_name(id, None if id in self.names else f"n-{id}")
        if self.names.pop(id, None) is None:
            self.names[id] = f"n-{id}"

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def delete_run(self, data: st.DataObject) -> None:
        ended = sorted(run.id for run in self.runs.values() if run not in self.open)
        if ended:
            id = data.draw(st.sampled_from(ended))
            self.recorder.runs.delete(id)
            del self.runs[id]

    @rule(policy=st.builds(Policy, st.integers(0, 2), st.integers(0, 1), st.just(0)))
    def prune(self, policy: Policy) -> None:
        database = Database.open(Path(self.folder.name) / ".mlm")
        Prune(database, policy, now=now_ms()).apply()
        database.close()

    @rule(share=st.floats(0.1, 1.0))
    def retain(self, share: float) -> None:
        database = Database.open(Path(self.folder.name) / ".mlm")
        limit = Settings(retention_bytes=int(store_bytes(database.folder) * share), retention_free_share=0.0)
        live = self.notebook.session.session_id
        enforce_retention(database, limit, now=now_ms(), is_alive=lambda session: session.id == live)
        database.close()

    # What always holds -------------------------------------------------------------------------------------------------

    @invariant()
    def a_run_has_the_checkpoints_that_were_made_while_it_was_open_and_ends_with_one(self) -> None:
        if not hasattr(self, "notebook"):
            return
        checkpoints = self.notebook.session.checkpoints
        for run in self.runs.values():
            assert [one.id for one in checkpoints.list(run_id=run.id, limit=1000)] == run.made[::-1]
            found = self.recorder.runs.get(run.id)
            assert (found.status, found.last_checkpoint_id) == (run.status, self.last_of(run))

    def last_of(self, run: OneRun) -> str | None:
        return run.ended_with or (run.made[-1] if run.made else None)

    @invariant()
    def what_has_a_name_and_what_a_run_ended_with_is_whole(self) -> None:
        if not hasattr(self, "notebook"):
            return
        needed = {*self.names, *filter(None, map(self.last_of, self.runs.values()))} - self.freed
        checkpoints, packs = self.notebook.session.checkpoints, self.notebook.session.packs
        for id in needed:
            staging, plan = load_values(packs, checkpoints.variables(checkpoints.get(id)), None)
            assert (plan.failed, staging.failures) == ({}, {})
            expected = {name: value for name, value in self.values[id].items() if value}
            assert {name: staging.values[name] for name in expected} == expected


def test_what_a_kernel_went_back_to_is_its_own_though_only_another_checkpoint_kept_it(notebook: LiveNotebook) -> None:
    def prune() -> None:
        Prune(notebook.database, Policy(0, 0, 0), now=now_ms()).apply()

    empty, made = notebook.cell("pass"), notebook.cell("x = [1] * 200")
    notebook.cell("pass")  # has the same x
    prune()
    assert notebook.session.checkpoints.get(made.id).is_dropped
    notebook.restore(empty)
    notebook.cell("pass")  # the newest has no x
    assert not notebook.restore(made).failed
    prune()
    after = notebook.cell("pass")
    assert notebook.session.checkpoints.variables(after)["x"].status == "stored"
    notebook.cell("del x")
    notebook.restore(after)
    assert notebook.value("x") == [1] * 200


@pytest.mark.parametrize("use", ["a name", "a run"])
def test_what_was_dropped_and_is_of_use_again_keeps_what_others_had_kept_of_it(notebook: LiveNotebook, use: str) -> None:
    made = notebook.cell("x = [1] * 200")
    notebook.cell("pass")  # has the same x
    Prune(notebook.database, Policy(0, 0, 0), now=now_ms()).apply()
    live = notebook.session
    assert live.checkpoints.get(made.id).is_dropped
    if use == "a name":
        live.checkpoints.set_name(made.id, "best")
    else:
        assert not notebook.restore(made).failed
        session = start_session(live.session_id, author="tester", started_at=1)
        ids = {"checkpoint_id": lambda: live.checkpoint_id, "cell_id": lambda: live.cell_checkpoint_id}
        recorder = Recorder(notebook.database, session, **ids)
        live.begin_cell("%mlm_run", python="pass", cell_id=None, leaves_none=True)
        run = recorder.start_run("short")
        recorder.end_run()
        live.drop_cell()
        assert recorder.runs.get(run.id).last_checkpoint_id == made.id
        recorder.close()
    notebook.restore(notebook.cell("x = None"))
    Prune(notebook.database, Policy(0, 0, 0), now=now_ms()).apply()
    assert not notebook.restore(made).failed
    assert notebook.value("x") == [1] * 200


def test_a_runs_end_and_what_has_a_name_come_back_whole_whatever_was_pruned() -> None:
    run_state_machine_as_test(Work, settings=settings(max_examples=30, stateful_step_count=30, deadline=None))
