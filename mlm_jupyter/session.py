"""A live kernel being remembered: looks at its namespace after each cell, hands what changed to the writer, and goes back.

Knows nothing of IPython: the kernel's hooks tell it when a cell begins and ends and where its outputs are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from mlm_jupyter.capture import state
from mlm_jupyter.capture.document import DocumentSource
from mlm_jupyter.capture.drafts import Look
from mlm_jupyter.capture.namespace import INTERRUPTED, Namespace
from mlm_jupyter.capture.reach import Reach
from mlm_jupyter.capture.rules import Rules
from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.comparison import load_values
from mlm_jupyter.core import tree
from mlm_jupyter.core.access import Access
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import CellError, CellExecution, Checkpoint, CheckpointKind, ExecutionStatus, State, Variable
from mlm_jupyter.core.magics import is_ours_alone
from mlm_jupyter.errors import InvalidInputError, MlmError
from mlm_jupyter.maintenance import enforce_retention
from mlm_jupyter.process import is_alive
from mlm_jupyter.restoration import Plan, RestoreError, RestoreReport, free_memory, swap
from mlm_jupyter.settings import Settings
from mlm_jupyter.store.checkpoints import Checkpoints, check_name
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.trust import Key, refusal, sign, verify
from mlm_jupyter.writer import CheckpointDraft, Output, Writer, record_of

MOST_LATE: Final = 1_000
"""So many executions can still get late output."""

RETENTION_EVERY_S: Final = 300.0
RETENTION_FIRST_S: Final = 20.0

_STATE: Final = msgspec.json.Decoder(State)


class Surroundings(Protocol):
    """What a session is told by whoever runs it: the kernel's hooks, or a test."""

    def outputs(self, key: str) -> tuple[list[Output], Output | None]:
        """Return what the execution ``key`` has put out, and the state of the widgets that shows."""

    def modules(self) -> dict[str, bytes]:
        """Return the sources of the imported modules that lie in the project, by path."""

    def tell(self, message: str) -> None:
        """Show one line to the user."""


class _Cell:
    """A cell that is being executed."""

    def __init__(self, source: str, cell_id: str | None, access: Access, *, leaves_none: bool = False) -> None:
        self.source = source
        self.cell_id = cell_id
        self.access = access
        self.leaves_none = leaves_none
        self.key = new_id()
        self.checkpoint_id = self.key
        self.started_at = now_ms()
        self.started_s = time.perf_counter()


class CellResult(msgspec.Struct, frozen=True):
    """How an execution ended."""

    status: ExecutionStatus
    execution_count: int | None = None
    error: CellError | None = None


class LiveSession:
    """The history of one kernel as it is being made.

    Parameters
    ----------
    namespace : the user's variables, which are watched and, by ``restore``, changed.
    session_id, notebook : of the session's row, made by whoever starts this.
    run_id : returns the id of the run that checkpoints belong to at the moment, if any.
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
    ) -> None:
        self.database = database
        self.packs = Packs(database)
        self.checkpoints = Checkpoints(database, self.packs)
        self.session_id = session_id
        self.notebook = notebook
        self.namespace = Namespace(namespace, is_hidden=is_hidden, rules=_rules(settings))
        self.reach = Reach()
        self._surroundings = surroundings
        self._key = key
        self._run_id = run_id
        self._settings = settings
        self._retained_s = time.monotonic() - RETENTION_EVERY_S + RETENTION_FIRST_S
        self.document = document or DocumentSource()
        self._cell: _Cell | None = None
        self._last: CheckpointDraft | None = None
        self._has_gone_unseen = False
        self._between: tuple[str, ...] = ()
        self._looked: list[Look] = []
        self._checkpoint_of: dict[str, str] = {}
        self.writer = Writer(
            self.packs,
            self.checkpoints,
            session_id=session_id,
            notebook=notebook,
            sign=lambda digest: sign(digest, key),
            on_error=surroundings.tell,
            on_lost=self.namespace.forget,
            queue_bytes=settings.queue_bytes,
        )

    # -- capture ------------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Checkpoint | None:
        """The checkpoint the kernel stands on: the parent of the next."""
        self.writer.flush()
        return self.writer.current

    @property
    def checkpoint_id(self) -> str | None:
        """The id of the checkpoint that will hold what the cell being executed logs; the present one's if it leaves none."""
        cell, current = self._cell, self.writer.current
        if cell is None:
            return None
        return current.id if cell.leaves_none and current is not None else cell.checkpoint_id

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

    def went_unseen(self) -> None:
        """Say that code ran that is no cell (a completer, a variable explorer): what it changed was between cells."""
        self._has_gone_unseen = True

    def begin_cell(self, source: str, *, python: str, cell_id: str | None, leaves_none: bool = False) -> None:
        """Prepare for the execution of a cell; returns when the cell may change what it likes.

        ``source`` is the cell as typed, ``python`` what is executed of it. Its outputs are asked for by ``key``. A cell that
        ``leaves_none`` is expected to be dropped.
        """
        if self._last is not None:
            self._last.are_outputs_final.set()
        if self._has_gone_unseen or self._cell is not None:  # a cell that never ended: its words would be forgotten
            self._look_between()
        cell = _Cell(source, cell_id, self.reach.enter(python), leaves_none=leaves_none)
        self._wait_for_pending()
        self._cell = cell

    def begin_baseline(self, *, cell_id: str | None = None) -> None:
        """Say that tracking starts inside a cell: that cell's end is the baseline."""
        self._cell = _Cell("", cell_id, Access(reads=(), writes=(), triggers=frozenset({"start"})))

    def drop_cell(self) -> None:
        """Make no checkpoint of the cell that began; what it changed was between cells."""
        self._cell = None
        self._has_gone_unseen = True

    def outputs_are_final(self, key: str | None = None) -> None:
        """Say that no more output of an execution (the last, or the one called ``key``) is to be waited for."""
        last = self._last
        if last is not None and key in (None, last.key):
            last.are_outputs_final.set()

    def _look_between(self) -> None:
        self._has_gone_unseen = False
        look = self.namespace.look()
        if look.drafts or look.removed:
            self._looked.append(look)
            self._between = tuple(sorted({*self._between, *look.added, *look.changed, *look.removed}))

    def _wait_for_pending(self) -> None:
        """Wait while memory that this cell may change is still being written from where it lies."""
        for draft in self.writer.pending():
            groups = draft.groups_in_live_memory()
            if any(self.reach.mentions(group.names) for group in groups):
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
        duration_ms = (time.perf_counter() - cell.started_s) * 1e3
        look = self._look()
        execution = CellExecution(
            source=cell.source if source is None else source,
            status=result.status,
            started_at=cell.started_at,
            duration_ms=round(duration_ms, 3),
            cell_id=cell.cell_id,
            execution_count=result.execution_count,
            error=result.error,
            reads=cell.access.reads,
            writes=cell.access.writes,
        )
        self._checkpoint_of[cell.key] = cell.checkpoint_id
        if len(self._checkpoint_of) > MOST_LATE:
            del self._checkpoint_of[next(iter(self._checkpoint_of))]
        return self._submit(kind, look, id=cell.checkpoint_id, key=cell.key, execution=execution, metrics=metrics)

    def checkpoint(
        self,
        kind: CheckpointKind = "manual",
        *,
        name: str | None = None,
        note: str | None = None,
        metrics: dict[str, float] | None = None,
    ) -> Checkpoint:
        """Make a checkpoint of this moment and return it when it is stored; ``metrics`` are those logged just before it.

        Raises
        ------
        ConflictError, InvalidInputError : the name is taken, or cannot be one.
        StorageError : it could not be written.
        """
        if name is not None:
            check_name(name)
            self.checkpoints.require_free(name)
        draft = self._submit(kind, self._look(), name=name, note=note, metrics=metrics)
        draft.are_outputs_final.set()
        draft.done.wait()
        if draft.checkpoint is None:
            raise draft.error or MlmError("The checkpoint was not stored. See what was said before.")
        return draft.checkpoint

    def _look(self) -> Look:
        mentions = None if self._has_gone_unseen else self.reach.mentions
        try:
            look = self.namespace.look(mentions=mentions)
        except KeyboardInterrupt:  # between two values, where nothing can be left out; the cell has ended, so look again
            look = self.namespace.look(mentions=mentions)
        self._has_gone_unseen = False
        interrupted = [name for name, draft in look.drafts.items() if draft.reason == INTERRUPTED]
        if interrupted:
            self._surroundings.tell(f"Interrupted while looking at {', '.join(interrupted)}; the next checkpoint tries again.")
        looks = [*self._looked, look]
        self._looked = []
        return looks[0] if len(looks) == 1 else Look.joined(looks)

    def _submit(
        self,
        kind: CheckpointKind,
        look: Look,
        *,
        id: str | None = None,
        key: str = "",
        execution: CellExecution | None = None,
        metrics: dict[str, float] | None = None,
        name: str | None = None,
        note: str | None = None,
    ) -> CheckpointDraft:
        if id is None and self._cell is not None:  # made inside a cell, whose own checkpoint comes after it
            id, self._cell.checkpoint_id = self._cell.checkpoint_id, new_id()
        id = id or new_id()
        cwd, sys_path = state.take_place()
        between, self._between = self._between, ()
        picture = self.document.picture()
        draft = CheckpointDraft(
            id=id,
            key=key,
            kind=kind,
            created_at=now_ms(),
            look=look,
            names=frozenset(self.namespace.names()),
            between=between,
            random=state.take_random(),
            cwd=cwd,
            sys_path=sys_path,
            execution=execution,
            outputs=None if execution is None else lambda: self._surroundings.outputs(key),
            metrics=metrics or {},
            document=lambda shelf, execution: self.document.document(picture, shelf, execution),
            modules=self._surroundings.modules(),
            run_id=self._run_id(),
            name=name,
            note=note,
        )
        self._last = draft
        self.writer.submit(draft)
        if time.monotonic() - self._retained_s > RETENTION_EVERY_S:
            self._retained_s = time.monotonic()
            self.writer.later(self._enforce_retention)
        return draft

    def _enforce_retention(self) -> None:
        """Drop the oldest values where the store has grown over what it may take; in the writer's thread."""
        try:
            freed = enforce_retention(
                self.database,
                self._settings,
                now=now_ms(),
                is_alive=lambda one: is_alive(one, now_ms()),
                packs=self.packs,
            )
        except MlmError as error:
            self._surroundings.tell(f"Old values could not be freed: {error}")
            return
        if freed.checkpoints:
            self._surroundings.tell(
                f"The store was over its limit: the values of {freed.checkpoints} old checkpoints without a name were freed "
                f"({freed.bytes / 1e6:.0f} MB). The limit is the setting retention_bytes."
            )

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until everything captured is stored."""
        return self.writer.flush(timeout_s)

    def close(self) -> None:
        """Store what is queued and stop."""
        self.writer.close()

    # -- going back ---------------------------------------------------------------------------------------------------

    def resolve(self, ref: str) -> Checkpoint:
        """Return the checkpoint that ``ref`` means for this kernel."""
        current = self.current
        return self.checkpoints.resolve(ref, notebook=self.notebook, current=current.id if current else None)

    def restore(
        self,
        ref: str,
        *,
        only: Iterable[str] | None = None,
        dry_run: bool = False,
        strict: bool = False,
        save: bool = True,
    ) -> RestoreReport:
        """Put the namespace back to a checkpoint; see the page on restoring for what each part of the report means.

        Raises
        ------
        NotFoundError, AmbiguousError : there is no such checkpoint, or several.
        UntrustedError : nobody trusted has signed it; nothing of it was unpickled.
        RestoreError : ``strict``, and something could not be brought back; nothing was changed.
        StorageError : what is there now could not be saved, or the values do not fit in memory.
        """
        checkpoint = self.resolve(ref)
        self._require_trust(checkpoint)
        self._catch_up(save=save and not dry_run)
        plan = self._plan(checkpoint, only)
        if dry_run:
            return plan.report(checkpoint.id, None)
        plan.check_memory(free_memory())
        staging = plan.stage(self.namespace.live)
        report = plan.report(checkpoint.id, staging)
        if strict and report.failed:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(report.failed.items()))
            raise RestoreError(
                f"Nothing was restored, for not everything could be: {reasons}. Without --strict the rest comes back."
            )
        swap(self.namespace.live, report, staging.values)
        if only is None:
            self._stand_on(checkpoint, plan, report)
        else:
            self.went_unseen()
        return report

    def _require_trust(self, checkpoint: Checkpoint) -> None:
        signatures = self.checkpoints.signatures(checkpoint)
        if verify(checkpoint.digest, signatures, [self._key]) is None:
            raise refusal(f"Checkpoint {checkpoint.id}", checkpoint.id, signatures, [self._key])

    def _catch_up(self, *, save: bool) -> None:
        """Store what has changed since the last checkpoint, or merely notice it."""
        look = self._look()
        if save and (look.drafts or look.removed):
            draft = self._submit("save", look)
            draft.are_outputs_final.set()
            draft.done.wait()
            if draft.error is not None:
                raise draft.error
        elif look.drafts or look.removed:
            self._looked.append(look)
        self.writer.flush()

    def _plan(self, checkpoint: Checkpoint, only: Iterable[str] | None) -> Plan:
        records = self.writer.records
        changed = {name for look in self._looked for name in (*look.drafts, *look.removed)}

        def is_equal(variable: Variable) -> bool:
            record = records.get(variable.name)
            return (
                record is not None
                and variable.name not in changed
                and variable.group is not None
                and record[1].group == variable.group
                and record[1].fingerprint == variable.fingerprint
            )

        return Plan(
            self.packs,
            self.checkpoints.variables(checkpoint),
            live=self.namespace.names(),
            is_equal=is_equal,
            is_same_object=lambda variable: (
                checkpoint.session_id == self.session_id and self.namespace.is_same_object(variable.name, variable.fingerprint)
            ),
            only=only,
        )

    def _stand_on(self, checkpoint: Checkpoint, plan: Plan, report: RestoreReport) -> None:
        """Make the restored checkpoint the next one's parent, and what it holds what is known."""
        manifest = self.checkpoints.manifest(checkpoint)
        stored = _STATE.decode(self.packs.get(manifest.state))
        state.set_random({name: self.packs.get_blob(blob) for name, blob in stored.random.items()})
        report.notes += state.set_place(stored.cwd, stored.sys_path)
        self._looked = []
        self._between = ()
        self.namespace.adopt()
        digests = dict(tree.walk(manifest.variables, self.packs.get))
        records: dict[str, tuple[Digest, Variable]] = {
            name: (digests[name], variable) for name, variable in plan.target.items() if name not in report.failed
        }
        self.writer.stand_on(checkpoint, records)

    def variables(self) -> dict[str, Variable]:
        """Return what is known of the variables as they are now; nothing is stored."""
        self._catch_up(save=False)
        found = {name: record for name, (_, record) in self.writer.records.items()}
        for look in self._looked:
            for name in look.removed:
                found.pop(name, None)
            found.update((name, record_of(draft)) for name, draft in look.drafts.items())
        return found

    def load(self, checkpoint: Checkpoint, names: list[str]) -> Mapping[str, Any]:
        """Return values at a checkpoint, without touching the live ones; those that will not load are left out."""
        self._require_trust(checkpoint)
        staging, _ = load_values(self.packs, self.checkpoints.variables(checkpoint), names)
        return staging.values

    def undo(self, n: int = 1) -> RestoreReport:
        """Go back to the checkpoint ``n`` parents before the one the kernel stands on; going back is no step of its own.

        Raises
        ------
        InvalidInputError : ``n`` is not positive.
        """
        if n < 1:
            raise InvalidInputError(f"Cannot undo {n} checkpoints; give a positive number, as in %mlm_undo 1.")
        base = self.current
        while base is not None and base.parent_id is not None and not base.changes and is_ours_alone(base.source or "x"):
            base = self.checkpoints.find(base.parent_id)
        return self.restore(f"{base.id}~{n}" if base is not None else f"current~{n}")


def _rules(settings: Settings) -> Rules:
    return Rules(
        exclude=settings.exclude,
        exclude_types=settings.exclude_types,
        max_variable_bytes=settings.max_variable_bytes,
        stores_secrets=settings.store_secrets,
        value_seconds=settings.time_budget_s,
    )
