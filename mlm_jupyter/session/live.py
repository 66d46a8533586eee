"""A live kernel being remembered: looks at its namespace after each cell and hands what changed to the writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, Protocol

import msgspec

from mlm_jupyter.capture import state
from mlm_jupyter.capture.document import DocumentSource
from mlm_jupyter.capture.drafts import Look
from mlm_jupyter.capture.examiner import INTERRUPTED
from mlm_jupyter.capture.namespace import Namespace
from mlm_jupyter.capture.reach import Reach
from mlm_jupyter.capture.rules import Rules
from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.core.access import Access
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Checkpoint, CheckpointKind, Variable
from mlm_jupyter.errors import MlmError
from mlm_jupyter.head import CheckpointDraft, Head, Output
from mlm_jupyter.session.cell import CellResult, RunningCell
from mlm_jupyter.session.naming import find_holder, move_name
from mlm_jupyter.session.retention import Retention
from mlm_jupyter.settings import Settings
from mlm_jupyter.store.checkpoints import Checkpoints
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.sessions import set_restored
from mlm_jupyter.trust import Key, sign
from mlm_jupyter.writer import Writer

MOST_LATE: Final = 1_000
"""So many executions can still get late output."""


class Surroundings(Protocol):
    """What a session is told by whoever runs it: the kernel's hooks, or a test."""

    def outputs(self, key: str) -> tuple[list[Output], Output | None]:
        """Return what the execution ``key`` has put out, and the state of the widgets that shows."""

    def modules(self) -> dict[str, bytes]:
        """Return the sources of the imported modules that lie in the project, by path."""

    def tell(self, message: str) -> None:
        """Show one line to the user."""


class LiveSession:
    """The history of one kernel as it is being made.

    Parameters
    ----------
    namespace : the user's variables, which are watched and, by ``restore``, changed.
    session_id, notebook : of the session's row, made by whoever starts this.
    run_id : returns the id of the run that checkpoints belong to at the moment, if any.
    author : returns who asks for what is done at the moment, where that is known.
    """

    def __init__(
        self,
        database: Database,
        namespace: dict[str, Any],
        *,
        session_id: str,
        notebook: str | None,
        settings: Settings,
        key: Key,
        is_hidden: Callable[[str], bool],
        surroundings: Surroundings,
        document: DocumentSource | None = None,
        run_id: Callable[[], str | None] = lambda: None,
        author: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.database = database
        self.packs = Packs(database)
        self.checkpoints = Checkpoints(database, self.packs)
        self.session_id = session_id
        self.notebook = notebook
        self.namespace = Namespace(namespace, is_hidden=is_hidden, rules=_rules(settings))
        self.reach = Reach(namespace)
        self._surroundings = surroundings
        self._run_id = run_id
        self._author = author
        self.retention = Retention(self.packs, settings, surroundings.tell)
        self.document = document or DocumentSource()
        self._cell: RunningCell | None = None
        self._last: CheckpointDraft | None = None
        self._has_gone_unseen = False
        self._has_bound_unseen = False
        self._bound_by: dict[str, str] = {}
        """The last checkpoint, by id, before which a name of what only its address tells may have been bound."""
        self._between: tuple[str, ...] = ()
        self._looked: list[Look] = []
        self._checkpoint_of: dict[str, str] = {}
        self._modules: dict[str, bytes] = {}
        self.head = Head(
            self.packs,
            self.checkpoints,
            session_id=session_id,
            notebook=notebook,
            sign=lambda digest: sign(digest, key),
            on_lost=self.namespace.forget,
        )
        self.writer = Writer(self.head, on_error=surroundings.tell, queue_bytes=settings.queue_bytes)

    @property
    def current(self) -> Checkpoint | None:
        """The checkpoint the kernel stands on: the parent of the next."""
        self.writer.flush()
        return self.head.current

    @property
    def checkpoint_id(self) -> str | None:
        """The id of the checkpoint that will hold what the cell being executed logs; the present one's if it leaves none."""
        cell = self._cell
        if cell is None:
            return None
        return (self._standing_id() if cell.leaves_none else None) or cell.checkpoint_id

    @property
    def cell_checkpoint_id(self) -> str | None:
        """The id kept for the checkpoint of the cell being executed, also of one that is expected to leave none."""
        return self._cell.checkpoint_id if self._cell is not None else None

    def _standing_id(self) -> str | None:
        """Return the id of the checkpoint the kernel stands on, which may still wait to be stored."""
        if self._last is not None and not self._last.done.is_set():
            return self._last.id
        return self.head.current.id if self.head.current is not None else None

    @property
    def key(self) -> str:
        """What the outputs of the cell being executed, or else of the last one, are asked for by."""
        if self._cell is not None:
            return self._cell.key
        return self._last.key if self._last is not None else ""

    def find_checkpoint_id(self, key: str) -> str | None:
        """Return the checkpoint of the execution whose outputs are called ``key``, if it left one."""
        return self._checkpoint_of.get(key)

    def exclude(self, patterns: Iterable[str]) -> None:
        """Store the values of fewer variables from now on."""
        rules = self.namespace.rules
        self.namespace.rules = msgspec.structs.replace(rules, exclude=tuple(dict.fromkeys((*rules.exclude, *patterns))))

    def went_unseen(self, *, bound_none: bool = False) -> None:
        """Say that code ran that is no cell (a completer, a variable explorer): what it changed was between cells.

        It ``bound_none`` of the user's names to other objects, where that is known.
        """
        self._has_gone_unseen = True
        if not bound_none:
            self._has_bound_unseen = True
            self.reach.went_unseen()

    def begin_cell(self, source: str, *, python: str, cell_id: str | None, leaves_none: bool = False) -> None:
        """Prepare for the execution of a cell; returns when the cell may change what it likes.

        ``source`` is the cell as typed, ``python`` what is executed of it. Its outputs are asked for by ``key``. A cell that
        ``leaves_none`` is expected to be dropped. Raises KeyboardInterrupt when the user does not want to wait: the cell
        has begun, and must do nothing but end.
        """
        if self._last is not None:
            self._last.are_outputs_final.set()
        try:
            if self._has_gone_unseen or self._cell is not None:  # a cell that never ended: its words would be forgotten
                self._look_between()
        finally:  # who is interrupted in here has a cell that began, and should not let it run
            self._cell = RunningCell(source, cell_id, self.reach.enter(python), leaves_none=leaves_none)
        self._wait_for_pending()

    def begin_baseline(self, *, cell_id: str | None = None) -> None:
        """Say that tracking starts inside a cell: that cell's end is the baseline."""
        self._cell = RunningCell("", cell_id, Access(reads=(), writes=(), triggers=frozenset({"start"})))

    def drop_cell(self) -> None:
        """Make no checkpoint of the cell that began; what it changed was between cells."""
        self._cell = None
        self.went_unseen()

    def outputs_are_final(self, key: str | None = None) -> None:
        """Say that no more output of an execution (the last, or the one called ``key``) is to be waited for."""
        last = self._last
        if last is not None and key in (None, last.key):
            last.are_outputs_final.set()

    def _look_between(self) -> None:
        look = self.namespace.look(binds=None if self._has_bound_unseen or self._cell is not None else _binds_none)
        self._has_gone_unseen = self._has_bound_unseen = False
        if look.drafts or look.removed:
            self._looked.append(look)
            self._between = tuple(sorted({*self._between, *look.added, *look.changed, *look.removed}))

    def _wait_for_pending(self) -> None:
        """Wait while memory that this cell may change is still being written from where it lies."""
        for draft in self.writer.pending():
            groups = draft.groups_in_live_memory()
            if groups and (self.reach.is_anywhere or any(self.reach.mentions(group.names) for group in groups)):
                draft.are_outputs_final.set()
                draft.done.wait()

    @property
    def written(self) -> tuple[str, ...]:
        """The names that the cell being executed writes, as its source says."""
        return self._cell.access.writes if self._cell else ()

    def end_cell(
        self,
        result: CellResult,
        *,
        source: str | None = None,
        kind: CheckpointKind = "cell",
        metrics: dict[str, float] | None = None,
    ) -> CheckpointDraft | None:
        """Look at what the cell left behind and queue its checkpoint; None when no cell had begun."""
        cell, self._cell = self._cell, None
        if cell is None:
            return None
        execution = cell.execution(result, source=source)
        draft = self._draft(kind, self._look(), ended=cell)
        draft.execution, draft.metrics = execution, metrics or {}
        self._checkpoint_of[cell.key] = cell.checkpoint_id
        if len(self._checkpoint_of) > MOST_LATE:
            del self._checkpoint_of[next(iter(self._checkpoint_of))]
        return self._submit(draft)

    def checkpoint(
        self,
        kind: CheckpointKind = "manual",
        *,
        name: str | None = None,
        note: str | None = None,
        metrics: dict[str, float] | None = None,
    ) -> Checkpoint:
        """Make a checkpoint of this moment and return it when it is stored; ``metrics`` are those logged just before it.

        One that is made inside a cell says which. When that cell runs again, a name it gave moves with it, as Run All does.

        Raises
        ------
        ConflictError, InvalidInputError : the name is taken, or cannot be one.
        StorageError : it could not be written.
        """
        holder = None if name is None else find_holder(self.checkpoints, name, self._is_of_this_cell)
        execution = self._cell.execution(CellResult("ok")) if self._cell is not None and self._cell.source else None
        draft = self._draft(kind, self._look())
        draft.execution, draft.metrics = execution, metrics or {}
        draft.name, draft.note = name if holder is None else None, note
        self._submit(draft)
        draft.are_outputs_final.set()
        draft.done.wait()
        if draft.checkpoint is None:
            raise draft.error or MlmError("The checkpoint was not stored. See what was said before.")
        if holder is None:
            return draft.checkpoint
        made, line = move_name(self.checkpoints, holder, draft.checkpoint)
        self._surroundings.tell(line)
        return made

    def _is_of_this_cell(self, made: Checkpoint) -> bool:
        is_here = made.notebook == self.notebook and (self.notebook is not None or made.session_id == self.session_id)
        return is_here and self._cell is not None and self._cell.has_made(made)

    def modules(self) -> dict[str, bytes]:
        """Return the sources of the project's modules that are imported, by path."""
        self._modules = self._surroundings.modules()
        return self._modules

    def _look(self) -> Look:
        self.reach.meet(self.modules())
        mentions = None if self._has_gone_unseen or self.reach.is_anywhere else self.reach.mentions
        binds = None if self._has_bound_unseen or self.reach.is_anywhere else self.reach.binds
        try:
            look = self.namespace.look(mentions=mentions, binds=binds)
        except KeyboardInterrupt:  # between two values, where nothing can be left out; the cell has ended, so look again
            look = self.namespace.look(mentions=mentions, binds=binds)
        self._has_gone_unseen = self._has_bound_unseen = False
        interrupted = [name for name, draft in look.drafts.items() if draft.reason == INTERRUPTED]
        if interrupted:
            self._surroundings.tell(f"Interrupted while looking at {', '.join(interrupted)}; the next checkpoint tries again.")
        looks = [*self._looked, look]
        self._looked = []
        return looks[0] if len(looks) == 1 else Look.joined(looks)

    def _draft(self, kind: CheckpointKind, look: Look, *, ended: RunningCell | None = None) -> CheckpointDraft:
        """Return what is known of this moment, for the checkpoint of the cell that ``ended`` or for one more."""
        id, key = (ended.checkpoint_id, ended.key) if ended is not None else (self._take_id(), "")
        self._bound_by |= dict.fromkeys(self.namespace.maybe_bound, id)
        self.namespace.maybe_bound.clear()
        cwd, sys_path = state.take_place()
        between, self._between = self._between, ()
        picture = self.document.picture()
        return CheckpointDraft(
            id=id,
            key=key,
            kind=kind,
            created_at=now_ms(),
            look=look,
            names=self.namespace.seen,
            between=between,
            random=state.take_random(),
            cwd=cwd,
            sys_path=sys_path,
            outputs=(lambda: self._surroundings.outputs(key)) if key else None,
            document=lambda shelf, ended: self.document.document(picture, shelf, ended if key else None),
            modules=self._modules,
            run_id=self._run_id(),
            author=self._author(),
        )

    def _take_id(self) -> str:
        """Return an id for a checkpoint made now: inside a cell the one kept for the cell's own, which comes after it."""
        if self._cell is None:
            return new_id()
        id, self._cell.checkpoint_id = self._cell.checkpoint_id, new_id()
        return id

    def _submit(self, draft: CheckpointDraft) -> CheckpointDraft:
        self._last = draft
        self.writer.submit(draft)
        if self.retention.is_due():
            self.writer.later(self.retention.enforce)
        return draft

    def catch_up(self, *, save: bool) -> None:
        """Store what has changed since the last checkpoint, or merely notice it.

        Raises KeyboardInterrupt when the user stops that: then something is not known as it is, and must not be replaced.
        """
        look = self._look()
        if any(draft.reason == INTERRUPTED for draft in look.drafts.values()):
            self._looked.append(look)
            raise KeyboardInterrupt
        if save and (look.drafts or look.removed):
            draft = self._submit(self._draft("save", look))
            draft.are_outputs_final.set()
            draft.done.wait()
            if draft.error is not None:
                raise draft.error
        elif look.drafts or look.removed:
            self._looked.append(look)
        self.writer.flush()

    def unstored(self) -> Iterator[Look]:
        """Yield what was seen to be different and is in no checkpoint yet."""
        yield from self._looked

    def keep_values_of(self, checkpoint: Checkpoint) -> None:
        """Let nobody free the values of a checkpoint that the kernel is being put back to: the next one refers to them."""
        with suppress(MlmError):  # a disk that is full: going back is worth more
            set_restored(self.database, self.session_id, checkpoint.id)

    def stand_on(self, checkpoint: Checkpoint, records: dict[str, tuple[Digest, Variable]]) -> None:
        """Make a restored checkpoint the next one's parent, and what the namespace holds now what is known of it."""
        self._looked = []
        self._between = ()
        self.namespace.adopt()
        self.head.stand_on(checkpoint, records)

    def is_kept(self, variable: Variable, then: Checkpoint) -> bool:
        """Return whether a name whose value was not stored ``then`` still means the same."""
        may_be_another = self._bound_by.get(variable.name, "~") > then.id
        return then.session_id == self.session_id and self.namespace.is_kept(
            variable.name, variable.fingerprint, may_be_another=may_be_another
        )

    def set_notebook(self, notebook: str | None) -> None:
        """Go on under another name; checkpoints that wait to be stored keep the old one."""
        self.notebook = notebook

        def rename() -> None:
            self.head.notebook = notebook

        self.writer.later(rename)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until everything captured is stored."""
        return self.writer.flush(timeout_s)

    def close(self) -> None:
        """Store what is queued and stop."""
        self.writer.close()


def _rules(settings: Settings) -> Rules:
    return Rules(
        exclude=settings.exclude,
        exclude_types=settings.exclude_types,
        max_variable_bytes=settings.max_variable_bytes,
        stores_secrets=settings.store_secrets,
        value_seconds=settings.time_budget_s,
    )


def _binds_none(names: Iterable[str]) -> bool:
    return False
