"""A notebook driven at random against a model: plain dicts copied whole, aliases and cycles included."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, precondition, rule
from isomorphism import Differs, assert_same
from livenotebook import LiveNotebook

from mlm_jupyter.core.entities import Checkpoint
from mlm_jupyter.errors import NotFoundError

State = dict[str, Any]
NAMES = ("a", "b", "c", "d")
names = st.sampled_from(NAMES)

PRELUDE = """
import numpy as np
class K:
    def __init__(self, held):
        self.held = held
class S:
    __slots__ = ("held",)
    def __init__(self, held):
        self.held = held
def touch(value):
    if isinstance(value, list):
        value.append(len(value))
    elif isinstance(value, dict):
        value[len(value)] = "new"
    elif isinstance(value, set):
        value.add(len(value))
    elif isinstance(value, np.ndarray):
        value += 1
    elif isinstance(value, (K, S)):
        value.held = [value.held]
def tie(value, other):
    if isinstance(value, list):
        value.append(other)
    elif isinstance(value, dict):
        value["tied"] = other
    elif isinstance(value, (K, S)):
        value.held = other
"""
MADE = (
    "{n} = 1", "{n} = 'text'", "{n} = [1, 'two', (3.0, None)]", "{n} = {{'k': [1], 2: b'x'}}", "{n} = {{1, 2}}",
    "{n} = np.arange(5.0)",    "{n} = np.zeros((100, 100))", "{n} = (1, [2])",
)  # fmt: skip
MADE_OF = (
    "{n} = {m}", "{n} = [{m}, {m}]", "{n} = {{'m': {m}}}", "{n} = K({m})", "{n} = S({m})", "{n} = ({m}, 1)", "{n} = K([{m}])",
)  # fmt: skip


def copied(state: State) -> State:
    """Return a copy with the aliases, cycles and all; classes and functions stay what they are."""
    return copy.deepcopy(state)


def differ(before: Any, after: Any) -> bool:
    """Return whether one variable is another value, or one with other aliases inside."""
    try:
        assert_same({"it": before}, {"it": after})
    except Differs:
        return True
    return False


def reached(value: Any) -> dict[int, Any]:
    """Return what can be changed of all that a value of this model leads to."""
    found: dict[int, Any] = {}
    pending = [value]
    while pending:
        one = pending.pop()
        if id(one) in found:
            continue
        if not isinstance(one, (tuple, str, bytes, int, float, type(None))):
            found[id(one)] = one
        if isinstance(one, dict):
            pending += [*one.values(), *one.keys()]
        elif isinstance(one, (list, tuple, set)):
            pending += one
        elif hasattr(one, "held"):
            pending.append(one.held)
    return found


def with_aliases(state: State, wanted: Iterable[str]) -> set[str]:
    """Return ``wanted`` with all names that share something that can be changed, directly or through others."""
    reach = {name: reached(value).keys() for name, value in state.items()}
    closed = set(wanted)
    while True:
        more = {name for name in reach for other in closed if not reach[name].isdisjoint(reach[other])} | closed
        if more == closed:
            return closed
        closed = more


class NotebookAgainstModel(RuleBasedStateMachine):
    """``now`` is what the namespace must be, ``then`` what it was at each checkpoint, ``last`` at the one it stands on."""

    checkpoints = Bundle("checkpoints")

    @initialize(target=checkpoints)
    def start(self) -> str:
        self.folder = tempfile.TemporaryDirectory()
        self.notebook = self.open()
        self.then: dict[str, State] = {}
        self.now: State = {}
        self.last: State = {}
        return self.cell(PRELUDE).id

    def open(self) -> LiveNotebook:
        """Return a kernel that skips whatever it may: a hole in that proof is a change that is missed."""
        notebook = LiveNotebook(Path(self.folder.name))
        notebook.skip_all()
        return notebook

    def teardown(self) -> None:
        if hasattr(self, "notebook"):
            self.notebook.close()
            self.folder.cleanup()

    def live(self) -> State:
        return {name: self.notebook.namespace[name] for name in NAMES if name in self.notebook.namespace}

    def cell(self, source: str) -> Checkpoint:
        """Execute a cell; what it leaves is checked against the difference that its checkpoint tells."""
        before = self.last
        made = self.notebook.cell(source)
        self.now = copied(self.live())
        self.stand_on(made)
        changes = made.changes
        assert set(changes.added) & set(NAMES) == self.now.keys() - before.keys()
        assert set(changes.removed) & set(NAMES) == before.keys() - self.now.keys()
        lasting = self.now.keys() & before.keys()
        assert {name for name in lasting if differ(before[name], self.now[name])} <= set(changes.changed)
        return made

    def stand_on(self, made: Checkpoint) -> None:
        """Enter a checkpoint of what there is now."""
        self.last = self.then[made.id] = copied(self.now)

    # Cells -----------------------------------------------------------------------------------------------------------

    @rule(target=checkpoints, name=names, source=st.sampled_from(MADE))
    def make(self, name: str, source: str) -> str:
        return self.cell(source.format(n=name)).id

    @precondition(lambda self: self.now)
    @rule(target=checkpoints, name=names, source=st.sampled_from(MADE_OF), data=st.data())
    def make_of_another(self, name: str, source: str, data: st.DataObject) -> str:
        return self.cell(source.format(n=name, m=data.draw(st.sampled_from(sorted(self.now))))).id

    @precondition(lambda self: self.now)
    @rule(target=checkpoints, data=st.data(), inner=st.booleans())
    def change(self, data: st.DataObject, inner: bool) -> str:
        name = data.draw(st.sampled_from(sorted(self.now)))
        held = f"getattr({name}, 'held', {name})" if inner else name
        return self.cell(f"touch({held})").id

    @precondition(lambda self: self.now)
    @rule(target=checkpoints, data=st.data())
    def tie(self, data: st.DataObject) -> str:
        one, other = (data.draw(st.sampled_from(sorted(self.now))) for _ in range(2))
        return self.cell(f"tie({one}, {other})").id

    @precondition(lambda self: self.now)
    @rule(target=checkpoints, data=st.data())
    def delete(self, data: st.DataObject) -> str:
        return self.cell(f"del {data.draw(st.sampled_from(sorted(self.now)))}").id

    @rule(target=checkpoints, name=names)
    def fail(self, name: str) -> str:
        made = self.cell(f"{name} = ['half']\n1 / 0")
        assert made.status == "error"
        return made.id

    @rule(name=names)
    def change_between_cells(self, name: str) -> None:
        self.notebook.value(f"globals().update({name}=['between'])")
        self.notebook.session.went_unseen()
        self.now = copied(self.live())

    @precondition(lambda self: self.now)
    @rule(data=st.data(), is_ended=st.booleans())
    def change_in_a_cell_of_which_nothing_is_kept(self, data: st.DataObject, is_ended: bool) -> None:
        source = f"touch({data.draw(st.sampled_from(sorted(self.now)))})"
        self.notebook.session.begin_cell(source, python=source, cell_id=None)
        self.notebook.value(source)
        if is_ended:
            self.notebook.session.drop_cell()
        self.now = copied(self.live())

    @rule(target=checkpoints)
    def checkpoint(self) -> str:
        with self.notebook.as_main():
            made = self.notebook.session.checkpoint()
        self.stand_on(made)
        return made.id

    @rule()
    def idle(self) -> None:
        self.cell("pass")
        assert not self.cell("pass").changes

    # Going back ------------------------------------------------------------------------------------------------------

    @rule(target=checkpoints, ref=checkpoints)
    def restore(self, ref: str) -> Any:
        report = self.notebook.restore(ref)
        assert report.failed == {}
        saved = self.saved()
        self.now, self.last = copied(self.then[ref]), self.then[ref]
        return saved

    def saved(self) -> Any:
        """Enter the checkpoint that a restore made of what there was, if it made one."""
        made = self.notebook.session.checkpoints.list(notebook="test.ipynb", limit=1)[0]
        if made.id in self.then:
            return multiple()
        assert made.kind == "save"
        self.stand_on(made)
        return made.id

    @rule(target=checkpoints, ref=checkpoints, data=st.data())
    def restore_a_part(self, ref: str, data: st.DataObject) -> Any:
        then = copied(self.then[ref])
        if not then:
            return multiple()
        wanted = data.draw(st.lists(st.sampled_from(sorted(then)), min_size=1, max_size=2))
        report = self.notebook.restore(ref, only=wanted)
        assert report.failed == {}
        saved = self.saved()
        self.now = copied({**self.now, **{name: then[name] for name in with_aliases(then, wanted)}})
        return saved

    @rule(ref=checkpoints)
    def restore_for_show(self, ref: str) -> None:
        self.notebook.restore(ref, dry_run=True)

    @rule(target=checkpoints)
    def undo(self) -> Any:
        try:
            with self.notebook.as_main():
                report = self.notebook.way_back.undo(1)
        except NotFoundError:
            return multiple()
        saved = self.saved()
        self.now, self.last = copied(self.then[report.checkpoint_id]), self.then[report.checkpoint_id]
        return saved

    @rule(target=checkpoints, ref=checkpoints)
    def restart(self, ref: str) -> Any:
        self.notebook.close()
        self.notebook = self.open()
        self.now, self.last = {}, {}
        return self.restore(ref)

    @rule(ref=consumes(checkpoints))
    def forget(self, ref: str) -> None:
        """Never go back to this one again."""

    # What always holds -------------------------------------------------------------------------------------------------

    @invariant()
    def the_namespace_is_the_models(self) -> None:
        if hasattr(self, "notebook"):
            assert_same(self.live(), self.now)
            assert self.notebook.told == []


TestNotebookAgainstModel = NotebookAgainstModel.TestCase
TestNotebookAgainstModel.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
