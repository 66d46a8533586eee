"""Tracking in one IPython kernel: the verbs that every door of the kernel calls, magics, functions and frontends.

Nothing here raises into the user's cell unless it was asked for. What fails by itself is said once, in one line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlm_jupyter import settings as settings_module
from mlm_jupyter.capture.document import DocumentSource
from mlm_jupyter.core.answers import TrackingStatus
from mlm_jupyter.core.entities import Checkpoint, Run, RunStatus
from mlm_jupyter.errors import InvalidInputError
from mlm_jupyter.kernel.hooks import Hooks
from mlm_jupyter.kernel.link import Link, Saving, Told, ToldDocument
from mlm_jupyter.kernel.notices import Notices
from mlm_jupyter.kernel.pins import Pins
from mlm_jupyter.kernel.place import Place
from mlm_jupyter.kernel.request import Request
from mlm_jupyter.kernel.tracking import Tracking
from mlm_jupyter.reader import Reader
from mlm_jupyter.recorder import ActiveRun, Recorder
from mlm_jupyter.restoration import RestoreReport
from mlm_jupyter.session.live import LiveSession

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mlm_jupyter.comparison import Comparison, Values


class Tracker:
    """The one tracker of a shell; off until ``start``."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self._notices = Notices(lambda: Request.of(shell).is_cell)
        self._hooks = Hooks(shell, self, self._notices)
        self._link = Link(shell, self._hear, self._notices.tell)
        self._tracking: Tracking | None = None
        self._is_paused = False
        self._is_manual = False
        self._told: TrackingStatus | None = None
        self._document = DocumentSource()
        self._authors: dict[str, str] = {}  # by page
        self._path: str | None = None
        self._before: list[str] = []
        self._pid = os.getpid()

    @property
    def tracking(self) -> Tracking | None:
        """What was started and not stopped, in this process: a forked child has no thread to write, so it does not track."""
        return self._tracking if self._pid == os.getpid() else None

    @property
    def is_tracking(self) -> bool:
        """Whether tracking was started and not stopped, in this process."""
        return self.tracking is not None

    @property
    def makes_checkpoints(self) -> bool:
        """Whether cells leave checkpoints by themselves."""
        return self.is_tracking and not self._is_paused and not self._is_manual

    @property
    def live(self) -> LiveSession | None:
        """The session that is remembered, while it is."""
        return None if self.tracking is None else self.tracking.live

    @property
    def recorder(self) -> Recorder | None:
        """What logs to the runs; a forked child logs to its parent's."""
        return None if self._tracking is None else self._tracking.recorder

    @property
    def project(self) -> Path | None:
        """The folder of the project that is written to."""
        return None if self._tracking is None else self._tracking.place.project

    def require(self) -> Tracking:
        """Return what is tracked; raises InvalidInputError when nothing is."""
        if self.tracking is None:
            raise InvalidInputError("Nothing is tracked in this kernel. Start with: %mlm_track")
        return self.tracking

    # Verbs

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
            self._go_on(params, metrics, exclude, manual=manual)
            run = self.require().recorder.outermost
            if run is None or name not in (None, run.name):
                self.start_run(name, experiment=experiment, tags=tags)
            return self._tell_status()
        pins = Pins(params, metrics)
        self.register()  # after %unload_ext the magics are still there
        tracking = self._tracking = Tracking(self.shell, self._notices, self._document, self._author, exclude=tuple(exclude))
        self._go_with_frontends(tracking)
        tracking.pins = pins
        self._is_manual = manual
        self._is_paused = False
        self.start_run(name, experiment=experiment, tags=tags)
        tracking.begin()
        request = Request.of(self.shell)
        if request.is_cell:
            self._hooks.begin_baseline(tracking)
        else:
            tracking.live.checkpoint("baseline")
        self._told = self.status()
        if request.is_attended:
            self._link.open(status=self._told)
        return self._told

    def _go_on(self, params: Iterable[str], metrics: Iterable[str], exclude: Iterable[str], *, manual: bool) -> None:
        tracking = self.require()
        tracking.pins.add(params, metrics)
        self._is_paused = False
        self._is_manual = self._is_manual or manual
        tracking.live.exclude(exclude)

    def stop(self, status: RunStatus = "finished", *, with_kernel: bool = False) -> None:
        """End the runs and stop tracking, at the end of the kernel, too; nothing when it is off."""
        tracking = self.tracking
        if tracking is None:
            return
        self._hooks.end_baseline(tracking)
        tracking.close(status, is_in_checkpoints=self.makes_checkpoints)
        self._tracking = None
        self._document, self._authors = DocumentSource(), {}
        (self._link.end if with_kernel else self._link.close)(status=self.status())

    def pause(self) -> None:
        """Make no checkpoints until ``resume``."""
        self.require()
        self._is_paused = True
        self._tell_status()

    def resume(self) -> None:
        """Go on; what changed meanwhile is in the next checkpoint, as changed between cells."""
        self.require().live.went_unseen()
        self._is_paused = False
        self._tell_status()

    def status(self) -> TrackingStatus:
        """Return what tracking is doing."""
        tracking = self.tracking
        if tracking is None:
            return TrackingStatus(state="off")
        current = tracking.live.head.current
        run = tracking.recorder.current
        return TrackingStatus(
            state="paused" if self._is_paused else "manual" if self._is_manual else "tracking",
            project=str(tracking.place.project),
            notebook=tracking.live.notebook,
            run=run.name if run else None,
            current=current.name or current.id if current else None,
        )

    def start_run(
        self, name: str | None = None, *, experiment: str | None = None, tags: Mapping[str, object] | None = None
    ) -> ActiveRun:
        """Start the run of the following cells, ending the one before."""
        self.end_run()
        return self.require().recorder.start_run(name, experiment=experiment, tags=tags)

    def end_run(self) -> None:
        """End the run of the cells, and those inside it; the next ones belong to none until another starts."""
        self.require().recorder.unwind(0, "finished")

    def checkpoint(self, name: str | None = None, *, note: str | None = None) -> Checkpoint:
        """Make a checkpoint of this moment."""
        tracking = self.require()
        metrics = dict(tracking.metrics)
        tracking.metrics.clear()
        made = tracking.live.checkpoint(name=name, note=note, metrics=metrics)
        self._tell_status()
        return made

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
        report = self.require().way_back.restore(ref, only=only, dry_run=dry_run, strict=strict, save=save)
        return self._went_back(report)

    def undo(self, n: int = 1) -> RestoreReport:
        """Go back to the checkpoint ``n`` parents before the present one."""
        return self._went_back(self.require().way_back.undo(n))

    def _went_back(self, report: RestoreReport) -> RestoreReport:
        if not report.is_dry_run:
            self._hooks.note_restored()
            self._link.send(report=without_objects(report), status=self.status())
        return report

    def diff(self, base: str | None = None, other: str | None = None, *, only: Iterable[str] = ()) -> Comparison:
        """Compare two checkpoints; one with now; or, without any, the present one's parent with now."""
        from mlm_jupyter.comparison import compare  # not for each kernel that loads the extension
        from mlm_jupyter.core.diff import diff_checkpoints
        from mlm_jupyter.core.parts import select

        tracking = self.require()
        back, current = tracking.way_back, tracking.live.current
        if base is None:
            base = "current~1" if current is not None and current.parent_id is not None else "current"
        reader = Reader(tracking.live.database)

        def get_meant(ref: str) -> Checkpoint | Run:
            return reader.get_meant(ref, notebook=tracking.live.notebook, current=current.id if current else None)

        def load(meant: Checkpoint | Run) -> Values:
            return lambda names: back.load(reader.get_checkpoint(meant), names)

        before = get_meant(base)
        if other is not None:
            after = get_meant(other)
            return compare(reader.diff(before, after, only=only), load(before), load(after))
        now = reader.contents(current or before)
        now = msgspec.structs.replace(now, id="now", variables=back.variables())
        diff = select(diff_checkpoints(reader.contents(before), now), only)
        found = compare(diff, load(before), lambda names: self.shell.user_ns)
        tracking.live.went_unseen(bound_none=True)  # comparing asks the user's objects, and what they do then is theirs
        return found

    def flush(self) -> None:
        """Wait until everything captured is on disk."""
        if self.tracking is not None:
            self.tracking.flush()

    # Its life in the shell

    def register(self) -> None:
        """Listen to IPython's events, once; harmless until tracking starts."""
        self._hooks.register()

    def unregister(self) -> None:
        """Stop tracking and leave the shell as it was."""
        self.stop()
        self._link.close()
        self._hooks.unregister()

    def start_if_automatic(self) -> None:
        """Start when the project's settings say so."""
        with self._notices.guard("At the start"):
            if settings_module.load(Place(self.shell.user_ns).project).track_automatically:
                self.start()

    # Frontends

    def listen(self) -> None:
        """Hear from now on what frontends show, tracked or not: a Run All says it before the cell that starts tracking runs."""
        self._link.listen()

    def tell_frontends(self, saving: Saving | None) -> None:
        """Say that a cell has ended: what it leaves that is still to be stored, and what else it changed."""
        if not self._link.is_heard:
            return  # who comes is told how it stands then
        if saving is not None:
            self._link.send(saving=saving)
        status = self.status()
        if self._told is None or msgspec.structs.replace(status, current=self._told.current) != self._told:
            self._tell(status)

    def _tell_status(self) -> TrackingStatus:
        return self._tell(self.status())

    def _tell(self, status: TrackingStatus) -> TrackingStatus:
        self._told = status
        self._link.send(status=status)
        return status

    def _hear(self, told: Told) -> Mapping[str, Any]:
        """Take in what a frontend shows; return what it is to know: how it stands, if it is the first or has told of a move."""
        self._hooks.note_ours()
        document = told.document or ToldDocument()
        if told.author is not None:
            self._authors[Request.of(self.shell).sender] = told.author
        self._path = document.path or self._path
        self._before = document.before or self._before
        has_moved = self.tracking is not None and self._go_with_frontends(self.tracking)
        missing = self._document.tell(document.cells, order=document.order, metadata=document.metadata)
        answer: dict[str, Any] = {"missing": missing} if missing else {}
        if has_moved or (self.tracking is not None and not self._link.is_heard):
            self._told = answer["status"] = self.status()
        return answer

    def _author(self) -> str | None:
        """Return who asks for what is done now, where the page that sent it has said."""
        return self._authors.get(Request.of(self.shell).sender)

    def _go_with_frontends(self, tracking: Tracking) -> bool:
        """Note who works where, the first of them for all; return whether the notebook's name has changed."""
        if self._authors:
            tracking.set_author(next(iter(self._authors.values())))
        has_moved = self._path is not None and tracking.follow(self._path)
        before, self._before = self._before, []
        tracking.take_along(before)
        return has_moved


def without_objects(report: RestoreReport) -> dict[str, Any]:
    """Return what a report says, without the live objects it holds."""
    return {name: getattr(report, name) for name in report.__struct_fields__ if name != "displaced"}
