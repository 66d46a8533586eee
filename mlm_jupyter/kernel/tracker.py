"""Tracking in one IPython kernel: its hooks, its run, and the live session that remembers it.

Nothing here raises into the user's cell. What fails is said once, in one line, with the reason.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import threading
import traceback
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mlm_jupyter import settings as settings_module
from mlm_jupyter.capture.document import DocumentSource
from mlm_jupyter.capture.environment import find_author, take_environment
from mlm_jupyter.capture.modules import ProjectModules
from mlm_jupyter.capture.notebook import find_notebook
from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.comparison import Comparison, compare
from mlm_jupyter.core.answers import TrackingStatus
from mlm_jupyter.core.diff import diff_checkpoints
from mlm_jupyter.core.entities import CellError, Checkpoint, ExecutionStatus
from mlm_jupyter.core.magics import is_ours_alone
from mlm_jupyter.core.parts import select
from mlm_jupyter.errors import InvalidInputError, MlmError
from mlm_jupyter.kernel.notices import Notices
from mlm_jupyter.kernel.outputs import OutputRecorder
from mlm_jupyter.kernel.pins import Pins
from mlm_jupyter.kernel.widgets import find_widget_state
from mlm_jupyter.process import start_session
from mlm_jupyter.reader import Reader
from mlm_jupyter.recorder import ActiveRun, Recorder
from mlm_jupyter.restoration import RestoreReport
from mlm_jupyter.session import CellResult, LiveSession
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.location import FOLDER_NAME, choose_project
from mlm_jupyter.store.packs import Kind
from mlm_jupyter.trust import load_or_create_key

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

_SHELL_NAMES: Final = re.compile(r"_(?:i{0,3}|_{1,2}|i?\d+|[io]h|dh)?|In|Out|get_ipython|exit|quit|__.*__|__vsc_ipynb_file__")
LATE_S: Final = 1.0
ENVIRONMENT_S: Final = 3.0
"""The first cells are over, and with them the imports: listing packages takes the interpreter for a tenth of a second."""


class Tracker:
    """The one tracker of a shell; off until ``start``."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.live: LiveSession | None = None
        self.recorder: Recorder | None = None
        self.project: Path | None = None
        self._notices = Notices()
        self._outputs = OutputRecorder(shell)
        self._outputs.on_idle = self._on_idle
        self._outputs.on_late = self._on_late
        self._run: ActiveRun | None = None
        self._pins = Pins()
        self._is_paused = False
        self._is_manual = False
        self._depth = 0
        self._seen_begin = False
        self._baseline_due = False
        self._restored = False
        self._runs_before = 0
        self._metrics: dict[str, float] = {}
        self._late_timer: threading.Timer | None = None
        self._environment_timer: threading.Timer | None = None
        self._environment_lock = threading.Lock()
        self._modules: ProjectModules | None = None
        self._is_registered = False
        self._pid = os.getpid()
        self._thread = threading.get_ident()
        _trackers.add(self)

    # -- verbs --------------------------------------------------------------------------------------------------------

    @property
    def is_tracking(self) -> bool:
        """Whether tracking was started and not stopped, in this process."""
        return self.live is not None and self._pid == os.getpid()

    def start(
        self,
        name: str | None = None,
        *,
        experiment: str | None = None,
        tags: Mapping[str, object] | None = None,
        params: Iterable[str] = (),
        metrics: Iterable[str] = (),
        exclude: Iterable[str] = (),
        manual: bool = False,
    ) -> TrackingStatus:
        """Start tracking, or go on with what is running; see ``mlm_jupyter.track``."""
        if self.is_tracking:
            self._is_paused = False
            self._pins.add(params, metrics)
            self.require().exclude(exclude)
            self._is_manual = self._is_manual or manual
            if name is not None and (self._run is None or self._run.name != name):
                self.start_run(name, experiment=experiment, tags=tags)
            return self.status()
        self.register()  # after %unload_ext the magics are still there
        self._open(tuple(exclude))
        self._pins = Pins(params, metrics)
        self._is_manual = manual
        self._is_paused = False
        self.start_run(name, experiment=experiment, tags=tags)
        self._outputs.install()
        if self._is_visible():
            self._baseline_due = True
            assert self.live is not None
            self.live.begin_baseline(cell_id=self._cell_id())
            self._outputs.begin(self._parent_id(), self.live.key)
        else:
            self._checkpoint_baseline()
        return self.status()

    def _open(self, exclude: tuple[str, ...]) -> None:
        notebook = find_notebook(os.environ, self.shell.user_ns)
        start = notebook.parent if notebook is not None else Path.cwd()
        self.project = choose_project(start, environ=os.environ)
        settings = settings_module.load(self.project)
        settings = msgspec.structs.replace(settings, exclude=(*settings.exclude, *exclude))
        database = Database.open(self.project / FOLDER_NAME, create=True)
        place = None if notebook is None else _relative(notebook, self.project)
        session = start_session(new_id(), author=find_author(os.environ, self.project), started_at=now_ms(), notebook=place)
        key = load_or_create_key(os.environ)
        if key.note:
            self.tell(key.note)
        self._modules = ProjectModules(self.project)
        self.live = LiveSession(
            database,
            self.shell.user_ns,
            session_id=session.id,
            notebook=place,
            settings=settings,
            key=key,
            is_hidden=self._is_hidden,
            surroundings=self,
            document=DocumentSource(notebook),
            run_id=self._run_id,
        )
        self.recorder = Recorder(
            database,
            session,
            packs=self.live.packs,
            checkpoint_id=lambda: self.live.checkpoint_id if self.live else None,
            on_metrics=self._metrics.update,
        )
        self._environment_timer = threading.Timer(ENVIRONMENT_S, self._take_environment)
        self._environment_timer.name = "mlm-environment"
        self._environment_timer.daemon = True
        self._environment_timer.start()

    def _take_environment(self) -> None:
        live, recorder, project = self.live, self.recorder, self.project
        with self._environment_lock:
            if self._environment_timer is None or live is None or recorder is None or project is None:
                return
            self._environment_timer.cancel()
            self._environment_timer = None
            self._store_environment(live, recorder, project)

    def _store_environment(self, live: LiveSession, recorder: Recorder, project: Path) -> None:
        try:
            environment = take_environment(project)
            with live.packs.batch() as batch:
                digest = batch.put_json(Kind.ENVIRONMENT, environment)
                batch.commit()
            live.writer.environment = digest
            recorder.runs.set_session_environment(recorder.session.id, digest)
        except MlmError as error:
            self.tell(f"The environment was not recorded: {error}")

    def stop(self, status: str = "finished") -> None:
        """End the runs and stop tracking; nothing when it is off."""
        live, recorder = self.live, self.recorder
        if live is None or recorder is None or self._pid != os.getpid():
            return
        if self._baseline_due:  # IPython runs a script without telling of its end
            self._baseline_due = False
            live.end_cell(CellResult("ok"), kind="baseline")
        self._store_late()
        self._take_environment()
        live.close()
        try:
            recorder.close("finished" if status == "finished" else "failed")
        except MlmError as error:
            self.tell(f"The end of this run was not recorded: {error}")
        self._outputs.uninstall()
        live.database.close()
        self.live = self.recorder = self._run = None

    def pause(self) -> None:
        """Make no checkpoints until ``resume``."""
        self.require()
        self._is_paused = True

    def resume(self) -> None:
        """Go on; what changed meanwhile is in the next checkpoint, as changed between cells."""
        self.require().went_unseen()
        self._is_paused = False

    def status(self) -> TrackingStatus:
        """Return what tracking is doing."""
        if self.live is None or not self.is_tracking:
            return TrackingStatus(state="off")
        current = self.live.writer.current
        run = self.recorder.current if self.recorder else None
        return TrackingStatus(
            state="paused" if self._is_paused else "manual" if self._is_manual else "tracking",
            project=str(self.project),
            notebook=self.live.notebook,
            run=run.name if run else None,
            current=current.name or current.id if current else None,
        )

    def require(self) -> LiveSession:
        """Return the live session; raises InvalidInputError when nothing is tracked."""
        if self.live is None or not self.is_tracking:
            raise InvalidInputError("Nothing is tracked in this kernel. Start with: %mlm_track")
        return self.live

    def start_run(
        self, name: str | None = None, *, experiment: str | None = None, tags: Mapping[str, object] | None = None
    ) -> ActiveRun:
        """Start the run of the following cells, ending the one before."""
        self.require()
        assert self.recorder is not None
        if self._run is not None:
            self._run.end()
        self._run = self.recorder.start_run(name, experiment=experiment, tags=tags)
        return self._run

    def end_run(self) -> None:
        """End the run of the cells; the next ones belong to none until another starts."""
        if self._run is not None:
            self._run.end()
            self._run = None

    def checkpoint(self, name: str | None = None, *, note: str | None = None) -> Checkpoint:
        """Make a checkpoint of this moment."""
        live = self.require()
        metrics = dict(self._metrics)
        self._metrics.clear()
        return live.checkpoint(name=name, note=note, metrics=metrics)

    def restore(
        self,
        ref: str,
        *,
        only: Iterable[str] | None = None,
        dry_run: bool = False,
        strict: bool = False,
        save: bool = True,
    ) -> RestoreReport:
        """Put the kernel back to a checkpoint."""
        report = self.require().restore(ref, only=only, dry_run=dry_run, strict=strict, save=save)
        self._restored = self._restored or not dry_run
        return report

    def undo(self, n: int = 1) -> RestoreReport:
        """Go back to the checkpoint ``n`` parents before the present one."""
        report = self.require().undo(n)
        self._restored = True
        return report

    def diff(self, base: str | None = None, other: str | None = None, *, only: Iterable[str] = ()) -> Comparison:
        """Compare two checkpoints; one with now; or, without any, the present one's parent with now."""
        live = self.require()
        current = live.current
        if base is None:
            base = "current~1" if current is not None and current.parent_id is not None else "current"
        before = live.resolve(base)
        reader = Reader(live.database)
        if other is not None:
            after = live.resolve(other)
            diff = reader.diff(before, after, only=only)
            return compare(diff, lambda names: live.load(before, names), lambda names: live.load(after, names))
        now = reader.contents(current or before)
        now = msgspec.structs.replace(now, id="now", variables=live.variables())
        diff = select(diff_checkpoints(reader.contents(before), now), only)
        return compare(diff, lambda names: live.load(before, names), lambda names: self.shell.user_ns)

    def flush(self) -> None:
        """Wait until everything captured is on disk."""
        if self.live is not None and self.is_tracking:
            self._store_late()
            self._take_environment()
            self.live.flush()

    def start_if_automatic(self) -> None:
        """Start when the project's settings say so."""
        with _Guard(self, "At the start"):
            if settings_module.load(choose_project(self._start_folder(), environ=os.environ)).track_automatically:
                self.start()

    def _start_folder(self) -> Path:
        notebook = find_notebook(os.environ, self.shell.user_ns)
        return notebook.parent if notebook is not None else Path.cwd()

    # -- surroundings of the live session -----------------------------------------------------------------------------

    def outputs(self, key: str) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Return the outputs of an execution, for good, and the state of the widgets they show."""
        outputs = self._outputs.final(key)
        return outputs, find_widget_state(outputs, self._outputs.widget_outputs)

    def modules(self) -> dict[str, bytes]:
        """Return the sources of the imported modules that lie in the project."""
        return self._modules.sources() if self._modules else {}

    def tell(self, message: str) -> None:
        """Show one line to the user, away from what their cell shows as its result."""
        self._notices.tell(message)

    def _is_hidden(self, name: str) -> bool:
        """Return whether a name is IPython's own, as long as it means what IPython bound to it."""
        if _SHELL_NAMES.fullmatch(name):
            return True
        hidden = self.shell.user_ns_hidden
        return name in hidden and self.shell.user_ns.get(name) is hidden[name]

    def _run_id(self) -> str | None:
        run = self.recorder.current if self.recorder else None
        return run.id if run else None

    def _parent(self) -> dict[str, Any]:
        get_parent = getattr(self.shell, "get_parent", None)
        parent = get_parent() if get_parent else {}
        return parent if isinstance(parent, dict) else {}

    def _parent_id(self) -> str | None:
        identity = self._parent().get("header", {}).get("msg_id")
        return identity if isinstance(identity, str) else None

    def _cell_id(self) -> str | None:
        identity = self._parent().get("metadata", {}).get("cellId")
        return identity if isinstance(identity, str) else None

    def _is_visible(self) -> bool:
        """Return whether the code being executed is a cell that the history keeps."""
        content = self._parent().get("content", {})
        return not content.get("silent") and content.get("store_history", True) and not content.get("user_expressions")

    # -- hooks --------------------------------------------------------------------------------------------------------

    def register(self) -> None:
        """Listen to IPython's events, once; harmless until tracking starts."""
        if self._is_registered:
            return
        self._is_registered = True
        self.shell.events.register("pre_run_cell", self._pre_run_cell)
        self.shell.events.register("post_run_cell", self._post_run_cell)
        self.shell.events.register("post_execute", self._post_execute)
        atexit.register(self._at_exit)

    def unregister(self) -> None:
        """Stop tracking and leave the shell as it was."""
        self.stop()
        self._is_registered = False
        self.shell.events.unregister("pre_run_cell", self._pre_run_cell)
        self.shell.events.unregister("post_run_cell", self._post_run_cell)
        self.shell.events.unregister("post_execute", self._post_execute)
        atexit.unregister(self._at_exit)

    def _pre_run_cell(self, info: ExecutionInfo) -> None:
        if not self.is_tracking:
            return
        if threading.get_ident() != self._thread:  # a subshell: what it does is between cells
            return
        self._depth += 1
        if self._depth > 1 or not info.store_history or info.silent:
            return
        self._notices.enter_cell(self._parent())
        if self._is_paused or self._is_manual:
            return
        with _Guard(self, "Before the cell"):
            live = self.require()
            raw = info.raw_cell if isinstance(info.raw_cell, str) else ""
            python = getattr(info, "transformed_cell", None) or raw
            cell_id = info.cell_id or self._cell_id()
            self._metrics.clear()
            self._runs_before = self.recorder.depth if self.recorder else 0
            live.begin_cell(raw, python=python, cell_id=cell_id, leaves_none=is_ours_alone(raw))
            self._outputs.begin(self._parent_id(), live.key)
            self._seen_begin = True

    def _post_run_cell(self, result: ExecutionResult) -> None:
        if not self.is_tracking:
            return
        if threading.get_ident() != self._thread:
            self.require().went_unseen()
            return
        self._depth = max(0, self._depth - 1)
        if self._depth:
            return
        info = result.info
        if info is None or not getattr(info, "store_history", True) or info.silent:
            self.require().went_unseen()
            return
        with _Guard(self, "After the cell"):
            self._end_cell(result)
        self._notices.show()

    def _post_execute(self) -> None:
        if self.is_tracking and not self._seen_begin and self.live is not None:
            self.live.went_unseen()

    def _end_cell(self, result: ExecutionResult) -> None:
        live = self.require()
        source = getattr(result.info, "raw_cell", None)
        source = source if isinstance(source, str) else ""
        began, self._seen_begin = self._seen_begin, False
        restored, self._restored = self._restored, False
        if began and not result.success and self.recorder is not None:
            self.recorder.unwind(self._runs_before)  # a run left open by the exception is in nobody's way
        if self._baseline_due:
            self._baseline_due = False
            live.end_cell(_result_of(result), source=source, kind="baseline")
        elif began and (restored or not is_ours_alone(source)):
            if self.recorder is not None:
                self._pins.log(self.shell.user_ns, live.written, self.recorder)
            live.end_cell(_result_of(result), metrics=dict(self._metrics))
        elif began:
            self._outputs.final(live.key)
            live.drop_cell()
        if getattr(self.shell, "kernel", None) is None:  # a terminal tells of no end
            self._outputs.end(live.key)
            live.outputs_are_final()
        self._store_late()

    def _checkpoint_baseline(self) -> None:
        self.require().checkpoint("baseline")

    def _on_idle(self, key: str) -> None:
        if self.live is not None:
            self.live.outputs_are_final(key)

    def _on_late(self, key: str) -> None:
        if self._late_timer is None or not self._late_timer.is_alive():
            self._late_timer = threading.Timer(LATE_S, self._store_late)
            self._late_timer.daemon = True
            self._late_timer.name = "mlm-late"
            self._late_timer.start()

    def _store_late(self) -> None:
        live = self.live
        late = self._outputs.take_late()
        if live is None or not late:
            return

        def store() -> None:
            with suppress(MlmError):  # the disk; that is told when a checkpoint cannot be stored either
                for key, records in late:
                    checkpoint_id = live.find_checkpoint_id(key)
                    if checkpoint_id is None or live.checkpoints.find(checkpoint_id) is None:
                        continue  # a cell that left no checkpoint: one of our magics, or one that could not be stored
                    for record in records:
                        live.checkpoints.add_late_output(checkpoint_id, record, now_ms())

        live.writer.later(store)

    def _at_exit(self) -> None:
        with _Guard(self, "At the end"):
            self.stop()

    def after_fork_in_child(self) -> None:
        """Make no checkpoints in a forked child, which has no thread to write; it logs to its parent's run."""
        self.live = None


class _Guard:
    """Keeps whatever goes wrong in a hook away from the user's cell, and says it in one line."""

    def __init__(self, tracker: Tracker, when: str) -> None:
        self._tracker = tracker
        self._when = when

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        if error is None:
            return False
        if isinstance(error, KeyboardInterrupt):
            self._tracker.tell("interrupted while looking at the variables; what changed is in the next checkpoint.")
            return True
        if isinstance(error, Exception):
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            self._tracker.tell(f"{self._when} tracking failed: {type(error).__name__}: {error} ({place}).")
            return True
        return False


def _result_of(result: ExecutionResult) -> CellResult:
    error = result.error_before_exec or result.error_in_exec
    status: ExecutionStatus = "ok"
    cell_error = None
    if error is not None:
        # An interrupt of an async cell is a cancellation: ipykernel cancels the coroutine.
        status = "interrupted" if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)) else "error"
        render = getattr(error, "_render_traceback_", None)  # our own errors are one line
        lines = render() if render else traceback.format_exception(type(error), error, error.__traceback__)
        cell_error = CellError(type(error).__name__, _text_of(error), tuple(lines))
    return CellResult(status, execution_count=result.execution_count, error=cell_error)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # the user's own __str__
        return ""


def _relative(path: Path, project: Path) -> str:
    try:
        return path.resolve().relative_to(project.resolve()).as_posix()
    except ValueError:
        return str(path)


_trackers: weakref.WeakSet[Tracker] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for tracker in list(_trackers):
        tracker.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
