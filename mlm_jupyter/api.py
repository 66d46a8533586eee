"""What ``import mlm_jupyter as mlm`` offers: the same verbs as the magics, for notebooks and for plain scripts.

In a kernel these act on what ``%mlm_track`` tracks. The logging half works in any Python program: there the first call opens a
run, which ends with the program.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlm_jupyter.core.calls import checked
from mlm_jupyter.errors import InvalidInputError

if TYPE_CHECKING:
    from mlm_jupyter.comparison import Comparison
    from mlm_jupyter.core.answers import TrackingStatus
    from mlm_jupyter.core.entities import Artifact, Checkpoint, RunStatus
    from mlm_jupyter.kernel.tracker import Tracker
    from mlm_jupyter.project import Project
    from mlm_jupyter.reader import CheckpointRef, RunRef
    from mlm_jupyter.recorder import ActiveRun, Recorder
    from mlm_jupyter.restoration import RestoreReport

_script_recorder: Recorder | None = None
_opening = threading.Lock()


def _after_fork_in_child() -> None:
    """Forget a lock that a thread of the parent may have held; it is not there any more."""
    global _opening
    _opening = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _find_tracker() -> Tracker | None:
    if "IPython" not in sys.modules:
        return None
    from mlm_jupyter.kernel.extension import find_tracker

    return find_tracker()


def _tracker() -> Tracker:
    tracker = _find_tracker()
    if tracker is None or not tracker.is_tracking:
        raise InvalidInputError("Nothing is tracked here. In a notebook, start with: mlm_jupyter.track()")
    return tracker


def _recorder() -> Recorder:
    tracker = _find_tracker()
    if tracker is not None and tracker.recorder is not None:
        return tracker.recorder
    global _script_recorder
    with _opening:
        if _script_recorder is None:
            _script_recorder = _open_recorder()
        return _script_recorder


def _open_recorder() -> Recorder:
    from mlm_jupyter.capture.environment import find_author
    from mlm_jupyter.clock import new_id, now_ms
    from mlm_jupyter.ending import end_with_program
    from mlm_jupyter.process import start_session
    from mlm_jupyter.recorder import Recorder
    from mlm_jupyter.store.database import Database
    from mlm_jupyter.store.location import FOLDER_NAME, choose_project

    project = choose_project(Path.cwd(), environ=os.environ)
    database = Database.open(project / FOLDER_NAME, create=True)
    author = find_author(os.environ, project)
    try:
        recorder = Recorder(database, start_session(new_id(), author=author, started_at=now_ms()))
    except BaseException:
        database.close()
        raise
    end_with_program(recorder)
    return recorder


@checked
def track(
    name: str | None = None,
    *,
    experiment: str | None = None,
    tags: Mapping[str, object] | None = None,
    params: Iterable[str] = (),
    metrics: Iterable[str] = (),
    exclude: Iterable[str] = (),
    manual: bool = False,
) -> TrackingStatus:
    """Track this notebook: from now on every cell leaves a checkpoint. Doing it again goes on with what is tracked.

    Parameters
    ----------
    name : of the run that the cells belong to; one is made up where it is None.
    experiment : the set of runs it is one of; by default the notebook's name.
    tags : of the run.
    params, metrics : names of variables whose values become the run's params and metrics.
    exclude : name patterns of variables whose values are not stored.
    manual : make checkpoints only when asked for.

    Raises
    ------
    InvalidInputError : there is no notebook here.
    """
    from mlm_jupyter.kernel.extension import find_shell, load

    shell = find_shell()
    if shell is None:
        raise InvalidInputError("There is no notebook here to track. In a script, record runs with: mlm_jupyter.start_run()")
    return load(shell).start(
        name,
        experiment=experiment,
        tags=tags,
        params=_names(params),
        metrics=_names(metrics),
        exclude=_names(exclude),
        manual=manual,
    )


def _names(given: Iterable[str]) -> list[str]:
    """Return names as a list; a text is a list with commas, as in the magics, and not one of letters."""
    return [name.strip() for name in given.split(",") if name.strip()] if isinstance(given, str) else list(given)


def _reference(ref: CheckpointRef) -> str:
    return ref if isinstance(ref, str) else ref.id


def stop() -> None:
    """End the run and stop tracking; nothing when nothing is tracked."""
    tracker = _find_tracker()
    if tracker is not None:
        tracker.stop()


def pause() -> None:
    """Make no checkpoints until ``resume``."""
    _tracker().pause()


def resume() -> None:
    """Make checkpoints again; what changed meanwhile is in the next one."""
    _tracker().resume()


def status() -> TrackingStatus:
    """Return what tracking is doing."""
    from mlm_jupyter.core.answers import TrackingStatus

    tracker = _find_tracker()
    return TrackingStatus(state="off") if tracker is None else tracker.status()


@checked
def checkpoint(name: str | None = None, *, note: str | None = None) -> Checkpoint:
    """Make a checkpoint now and return it when it is on disk.

    Raises
    ------
    ConflictError : another checkpoint has the name.
    InvalidInputError : it cannot be a name, or nothing is tracked.
    StorageError : it could not be stored.
    """
    return _tracker().checkpoint(name, note=note)


@checked
def restore(
    ref: CheckpointRef,
    *,
    only: Iterable[str] | None = None,
    dry_run: bool = False,
    strict: bool = False,
    save: bool = True,
) -> RestoreReport:
    """Put the kernel back to a checkpoint, after saving what is there now.

    Parameters
    ----------
    ref : a checkpoint or run, or the name or id of one, ``latest``, ``current``, each with ``~N`` for N parents back.
    only : names to bring back, with the names they share objects with; the rest stays as it is.
    dry_run : only report what would be done.
    strict : do nothing at all unless everything can be brought back.
    save : make a checkpoint of the present state first, if it is in none.

    Raises
    ------
    NotFoundError, AmbiguousError : nothing, or several things, are called that.
    UntrustedError : it was not signed by you; nothing of it was unpickled.
    RestoreError : with ``strict``, when something cannot be brought back.
    """
    names = None if only is None else _names(only)
    return _tracker().restore(_reference(ref), only=names, dry_run=dry_run, strict=strict, save=save)


@checked
def undo(n: int = 1) -> RestoreReport:
    """Go back to the checkpoint ``n`` parents before the present one."""
    return _tracker().undo(n)


@checked
def history(n: int | None = None, *, run: RunRef | None = None, all: bool = False) -> list[Checkpoint]:
    """Return checkpoints of this notebook, the newest first: the last ``n``, of one run, or of ``all`` notebooks.

    Raises
    ------
    NotFoundError, AmbiguousError : no run, or several, are called that; or there is no project.
    """
    from mlm_jupyter.kernel.results import read_history

    tracker = _find_tracker()
    live = None if tracker is None else tracker.live
    flush()
    with open_project() as project:
        return read_history(project, live, n, run=None if run is None else _reference(run), is_of_all=all)


@checked
def diff(base: CheckpointRef | None = None, other: CheckpointRef | None = None) -> Comparison:
    """Compare two checkpoints; without ``other``, a checkpoint with now; without both, what the last cell did.

    Raises
    ------
    NotFoundError, AmbiguousError : nothing, or several things, are called that.
    """
    return _tracker().diff(*(None if ref is None else _reference(ref) for ref in (base, other)))


@checked
def start_run(
    name: str | None = None,
    *,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    experiment: str | None = None,
) -> ActiveRun:
    """Start a run, inside the one that is open; ``with`` ends it, failed where its block raises.

    Raises
    ------
    StorageError : it could not be stored.
    """
    return _recorder().start_run(name, params=params, tags=tags, experiment=experiment)


def end_run(status: RunStatus = "finished") -> None:
    """End the run that is open: ``finished``, ``failed`` or ``killed``."""
    _recorder().end_run(status)


def log_metric(key: str, value: object, *, step: int | None = None) -> None:
    """Record one value of a metric; it is on disk when this returns."""
    _recorder().log_metric(key, value, step=step)


def log_metrics(metrics: Mapping[str, object], *, step: int | None = None) -> None:
    """Record one value of each of several metrics, as one record."""
    _recorder().log_metrics(metrics, step=step)


def log_param(key: str, value: object) -> None:
    """Record what a parameter is; the last value counts, and the ones before are kept."""
    _recorder().log_param(key, value)


def log_params(params: Mapping[str, object]) -> None:
    """Record several parameters; nested mappings become dotted keys."""
    _recorder().log_params(params)


def set_tag(key: str, value: object) -> None:
    """Set a tag of the run."""
    _recorder().set_tag(key, value)


@checked
def log_artifact(path_or_object: object, name: str | None = None) -> list[Artifact]:
    """Keep a file, a folder, a figure, a DataFrame, or a dict or list (as JSON) with the run.

    Raises
    ------
    NotFoundError : there is no such file.
    StorageError : it cannot be read.
    InvalidInputError : this kind of object cannot be written as a file.
    """
    return _recorder().log_artifact(path_or_object, name)


def flush() -> None:
    """Wait until everything captured so far is on disk; what ``log_...`` wrote already is."""
    tracker = _find_tracker()
    if tracker is not None:
        tracker.flush()


@checked
def open_project(path: str | os.PathLike[str] | None = None) -> Project:
    """Open a project to read it: the one in ``path``, or the one that belongs to this notebook or folder.

    Raises
    ------
    NotFoundError : there is none.
    """
    from mlm_jupyter import project

    tracker = _find_tracker()
    if path is None and tracker is not None and tracker.project is not None:
        path = tracker.project
    return project.open_project(path)
