"""The logging half, for any Python process: its session, the runs that are open in it, and what is logged to them.

A script uses it through ``mlm.start_run`` and friends; a kernel's session makes one of its own. Every call is on disk
when it returns.

Threads share the runs opened in the main thread, and each may open runs of its own inside. A child made by ``fork``
(multiprocessing on Linux before Python 3.14) logs to its parent's run, and ends only the runs it opened itself; one that
was spawned is a process like any other, with a session of its own.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import PurePath
from types import TracebackType
from typing import Final, Self, cast, get_args

from mlm_jupyter.capture.artifacts import files_of
from mlm_jupyter.clock import make_ids_after, new_id, now_ms
from mlm_jupyter.core.entities import Artifact, Run, RunStatus, Session
from mlm_jupyter.core.names import run_name
from mlm_jupyter.core.scalars import flatten, key_text, metric_number, param_text, step_number
from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.ending import end_with_child, status_after
from mlm_jupyter.errors import ConflictError, InvalidInputError, MlmError, NotFoundError
from mlm_jupyter.process import HEARTBEAT_S
from mlm_jupyter.store.artifacts import add_files
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.journal import keep_run
from mlm_jupyter.store.location import FOLDER_NAME
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.runs import Runs

DEFAULT_EXPERIMENT: Final = "default"


class ActiveRun:
    """A run that is open; as a context manager it ends with its block, ``failed`` where the block raises.

    Parameters
    ----------
    recorder : logs to the run; None: it is not open here, and cannot be ended.
    """

    def __init__(self, recorder: Recorder | None, run: Run) -> None:
        self._recorder = recorder
        self.run = run
        self.pid = os.getpid()

    @property
    def id(self) -> str:
        """The id, which any unique prefix of stands for."""
        return self.run.id

    @property
    def name(self) -> str:
        """The name it was given, or was found for it."""
        return self.run.name

    def end(self, status: RunStatus = "finished") -> None:
        """End the run, and those still open inside it; nothing if it has ended."""
        if self._recorder is not None:
            self._recorder.end(self, status)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self.pid == os.getpid():  # a child that was forked inside the block leaves it too
            self.end(status_after(error))

    def __reduce__(self) -> tuple[Callable[[Run], ActiveRun], tuple[Run]]:
        return _find_active, (self.run,)

    def __repr__(self) -> str:
        return f"<run {self.name} ({self.id}) of experiment {self.run.experiment}>"


class Recorder:
    """What one process records.

    Parameters
    ----------
    database : the project's.
    session : this process's; added to the database unless it is there.
    packs : to share those of ``database``; None: its own.
    experiment : of runs that name none. None: the notebook's name, or the script's.
    checkpoint_id : asked at each metric, and at the end of a run, for the checkpoint that will hold the state it was logged in.
    cell_id : asked at the start of a run for the id kept for the checkpoint of the cell that is running.
    on_metrics : told what was logged, once it is on disk.
    """

    def __init__(
        self,
        database: Database,
        session: Session,
        *,
        packs: Packs | None = None,
        experiment: str | None = None,
        checkpoint_id: Callable[[], str | None] = lambda: None,
        cell_id: Callable[[], str | None] = lambda: None,
        on_metrics: Callable[[Mapping[str, float]], None] = lambda values: None,
        clock: Callable[[], int] = now_ms,
        new_id: Callable[[], str] = new_id,
    ) -> None:
        self.session = session
        self.runs = Runs(database)
        self.has_failed = False
        """An exception has ended the program, as far as one knows; logging on shows that it has not."""
        self._packs = packs or Packs(database)
        self._experiment = experiment or _default_experiment(session.notebook)
        self._checkpoint_id = checkpoint_id
        self._cell_id = cell_id
        self._on_metrics = on_metrics
        self._clock = clock
        self._new_id = new_id
        self._ended_on_id: str | None = None
        self._open: dict[str, ActiveRun] = {}
        self._main: list[ActiveRun] = []
        self._local = threading.local()
        self._after_fork()
        self.runs.add_session(session)
        with suppress(ValueError):  # it is no id: the row is damaged
            make_ids_after(self.runs.newest_id() or session.id)  # by a clock that was set back since they would come before
        self._heart = threading.Thread(target=_beat, args=(weakref.ref(self), self._stop), name="mlm-heartbeat", daemon=True)
        self._heart.start()
        _recorders.add(self)

    @property
    def current(self) -> Run | None:
        """The run that is logged to, as it was started."""
        top = self._top()
        return None if top is None else top.run

    @property
    def outermost(self) -> Run | None:
        """The run that all others of the main thread are inside of."""
        return self._main[0].run if self._main else None

    @property
    def depth(self) -> int:
        """How many runs are open, one inside the other, in the main thread."""
        return len(self._main)

    def start_run(
        self,
        name: str | None = None,
        *,
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        experiment: str | None = None,
    ) -> ActiveRun:
        """Open a run, inside the one that is open."""
        given_name, given_experiment = _label("name", name), _label("experiment", experiment)
        parent = self._top()
        id = self._new_id()
        run = Run(
            id=id,
            name=given_name or run_name(id),
            experiment=given_experiment or (parent.run.experiment if parent else self._experiment),
            session_id=self.session.id,
            status="running",
            started_at=self._clock(),
            parent_id=parent.id if parent else None,
            notebook=self.session.notebook,
            from_id=self._cell_id(),
            params=_texts(params or {}),
            tags=_texts(tags or {}, what="Tag"),
        )
        self.runs.start(run)
        self.has_failed = False
        active = ActiveRun(self, run)
        self._open[id] = active
        self._stack().append(active)
        return active

    def end_run(self, status: RunStatus = "finished") -> None:
        """End the run that is open; nothing where none is."""
        top = self._top()
        if top is not None:
            self.end(top, status)

    def end(self, active: ActiveRun, status: RunStatus) -> None:
        """End an open run and those opened inside it; nothing if it has ended."""
        if status not in get_args(RunStatus) or status == "running":
            raise InvalidInputError(f"A run ends as finished, failed or killed, not {status!r}.")
        if active.pid != os.getpid():
            raise ConflictError(f"Run {active.name} belongs to the process that started it, and is ended there.")
        if active.id not in self._open:
            return
        for stack in (self._main, self._own()):
            while active in stack:
                self._end_one(stack.pop(), status)
        self._end_one(active, status)  # opened in another thread

    def unwind(self, depth: int, status: RunStatus = "failed") -> None:
        """End the runs that were opened in the main thread since ``self.depth`` was ``depth``."""
        while len(self._main) > depth:
            self.end(self._main[-1], status)

    def log_metric(self, key: str, value: object, *, step: int | None = None) -> None:
        """Add a point to a metric of the current run.

        Parameters
        ----------
        value : a number, a bool, or an array or tensor of one element; nan and infinities are kept.
        step : a whole number: epoch, batch. The last value of a metric is the one with the highest step.
        """
        self._log_metrics({key: value}, step)

    def log_metrics(self, values: Mapping[str, object], *, step: int | None = None) -> None:
        """Add a point to each of these metrics, all or none; nested mappings become dotted keys."""
        self._log_metrics(flatten(values), step)

    def log_param(self, key: str, value: object) -> None:
        """Give a param of the current run a value; the last one counts, earlier ones are kept."""
        self.log_params({key: value})

    def log_params(self, values: Mapping[str, object]) -> None:
        """Give params values, all or none; nested mappings become dotted keys."""
        texts = _texts(values)
        self.runs.log_params(self._run_id(), texts, self._clock())

    def set_tag(self, key: str, value: object) -> None:
        """Set a tag of the current run, or delete it where ``value`` is None."""
        tags = {key_text(key): None if value is None else param_text(key, value, what="Tag")}
        self.runs.set_tags(self._run_id(), tags)

    def log_artifact(self, value: object, name: str | None = None) -> list[Artifact]:
        """Keep a file with the current run, every file of a folder, or an object written as a file.

        Parameters
        ----------
        value : a path; bytes; a figure; a DataFrame; a dict or list.
        name : what to call it; its suffix chooses the format (.png, .svg; .parquet, .csv).
        """
        top = self._top()
        taken = {artifact.name for artifact in self.runs.artifacts(top.id)} if top is not None else ()
        files = files_of(value, name, taken=taken, skip={FOLDER_NAME})
        return add_files(self._packs, self.runs, self._run_id, files, self._clock())

    def close(self, status: RunStatus = "finished", *, checkpoint_id: str | None = None) -> None:
        """End the runs this process opened, then its session. A forked child leaves its parent's alone.

        Parameters
        ----------
        checkpoint_id : of the checkpoint whose state they end with, where that is known.
        """
        self._ended_on_id = checkpoint_id
        mine = [active for active in self._open.values() if active.pid == os.getpid()]
        for active in reversed(mine):
            self.end(active, status)
        if os.getpid() == self.session.pid and not self._stop.is_set():
            self._stop.set()
            self._heart.join()
            self.runs.end_session(self.session.id, self._clock())

    def _log_metrics(self, values: Mapping[str, object], step: int | None) -> None:
        numbers = {key_text(key): metric_number(key, value) for key, value in values.items()}
        whole_step = step_number(step)
        self.runs.log_metrics(
            self._run_id(),
            numbers,
            step=whole_step,
            logged_at=self._clock(),
            checkpoint_id=self._checkpoint_id(),
        )
        self._on_metrics(numbers)

    def _run_id(self) -> str:
        """Return the run to log to; outside any, one is opened, so ask when nothing more can be wrong."""
        top = self._top()
        if top is None:
            with self._opening:
                top = self._main[-1] if self._main else self._open_in_main()
        self.has_failed = False
        return top.id

    def _open_in_main(self) -> ActiveRun:
        active = self.start_run()
        own = self._stack()
        if own is not self._main:
            own.remove(active)
            self._main.append(active)
        return active

    def _own(self) -> list[ActiveRun]:
        if not hasattr(self._local, "stack"):
            self._local.stack = []
        return cast("list[ActiveRun]", self._local.stack)

    def _stack(self) -> list[ActiveRun]:
        return self._main if threading.current_thread() is threading.main_thread() else self._own()

    def _top(self) -> ActiveRun | None:
        stack = self._stack() or self._main
        return stack[-1] if stack else None

    def _end_one(self, active: ActiveRun, status: RunStatus) -> None:
        if self._open.pop(active.id, None) is None:
            return
        try:
            until, ended_on = self._cell_id() or self._new_id(), self._ended_on_id or self._checkpoint_id()
            ended_on = None if ended_on == until else ended_on  # not there yet, and the last made in it anyway
            self.runs.end(active.id, status, self._clock(), until_id=until, ended_on_id=ended_on)
        except (ConflictError, NotFoundError):  # ended or deleted from elsewhere
            return
        with suppress(MlmError):  # it has ended; this is a second copy
            keep_run(self._packs, self.runs, active.id)

    def _after_fork(self) -> None:
        """Forget what the threads of the parent may have held; they are not there any more."""
        self._opening = threading.RLock()
        self._stop = threading.Event()


def _label(what: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidInputError(f"A run's {what} is a text, not {type(value).__name__}. Write for example: '{value}'")
    return None if value is None else storable(value)


def _texts(values: Mapping[str, object], *, what: str = "Param") -> dict[str, str]:
    return {key_text(key): param_text(key, value, what=what) for key, value in flatten(values).items()}


def _default_experiment(notebook: str | None) -> str:
    script: str | None = getattr(sys.modules.get("__main__"), "__file__", None)
    return PurePath(notebook or script or DEFAULT_EXPERIMENT).stem


def _beat(reference: weakref.ref[Recorder], stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_S):
        recorder = reference()
        if recorder is None:
            return
        try:
            recorder.runs.touch_session(recorder.session.id, recorder._clock())
        except MlmError:  # a full disk, a lock: the next beat may be better, and three minutes of silence are allowed
            continue
        finally:
            del recorder


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _find_active(run: Run) -> ActiveRun:
    """Return the run that is open in this process, or what stands for one that is not: a variable that was restored."""
    found = (recorder._open[run.id] for recorder in _recorders if run.id in recorder._open)
    return next(found, None) or ActiveRun(None, run)


def _after_fork_in_child() -> None:
    for recorder in _recorders:
        recorder._after_fork()
    if "multiprocessing.process" in sys.modules:
        end_with_child(sys.modules["multiprocessing.process"], _recorders)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
