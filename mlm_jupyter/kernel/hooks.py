"""IPython's events, turned into cells that begin and end.

Only the outermost pair of ``pre_run_cell`` and ``post_run_cell`` counts, in the thread that runs cells. What runs without such
a pair (completers, variable explorers, callbacks of widgets) is no cell: what it changes was between cells.
"""

from __future__ import annotations

import ast
import asyncio
import atexit
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlm_jupyter.core.entities import CellError, ExecutionStatus
from mlm_jupyter.core.magics import is_ours_alone
from mlm_jupyter.kernel.link import Saving
from mlm_jupyter.kernel.notices import Notices
from mlm_jupyter.kernel.request import Request
from mlm_jupyter.session.cell import CellResult

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from mlm_jupyter.kernel.tracker import Tracker
    from mlm_jupyter.kernel.tracking import Tracking


class Hooks:
    """The hooks of one tracker in its shell."""

    def __init__(self, shell: InteractiveShell, tracker: Tracker, notices: Notices) -> None:
        self._shell = shell
        self._tracker = tracker
        self._notices = notices
        self._stop = _StopFirst()
        self._events: dict[str, Callable[..., Any]] = {
            "pre_run_cell": self._pre_run_cell,
            "post_run_cell": self._post_run_cell,
            "post_execute": self._post_execute,
        }
        self._is_registered = False
        self._thread = threading.get_ident()
        self._depth = 0
        self._has_begun = False
        self._is_baseline = False
        self._has_restored = False
        self._is_ours = False
        self._runs_before = 0

    def register(self) -> None:
        """Listen, once; harmless until tracking starts."""
        if not self._is_registered:
            self._is_registered = True
            for event, callback in self._events.items():
                self._shell.events.register(event, callback)
            atexit.register(self._at_exit)

    def unregister(self) -> None:
        """Leave the shell as it was."""
        if self._is_registered:
            self._is_registered = False
            for event, callback in self._events.items():
                self._shell.events.unregister(event, callback)
            atexit.unregister(self._at_exit)

    def begin_baseline(self, tracking: Tracking) -> None:
        """Say that tracking starts inside a cell: its end is the baseline."""
        request = Request.of(self._shell)
        self._is_baseline = True
        tracking.live.begin_baseline(cell_id=request.cell_id)
        tracking.outputs_of.begin(request.id, tracking.live.key)

    def end_baseline(self, tracking: Tracking) -> None:
        """Say that tracking stops: what was to be the baseline is, for IPython tells nothing of a script's end."""
        if self._is_baseline:
            self._is_baseline = False
            tracking.live.end_cell(CellResult("ok"), kind="baseline")

    def note_restored(self) -> None:
        """Say that the cell being executed, if one is, has gone back: that is worth a checkpoint."""
        self._has_restored = self._has_begun

    def note_ours(self) -> None:
        """Say that what is being handled, with an end but no beginning, runs no code of the user's."""
        self._is_ours = True

    def _pre_run_cell(self, info: ExecutionInfo) -> None:
        self._is_ours = False
        tracking = self._tracker.tracking
        if tracking is None:
            return
        if threading.get_ident() != self._thread:  # a subshell: what it does is between cells
            return
        self._depth += 1
        if self._depth > 1 or not info.store_history or info.silent:
            return
        self._notices.enter_cell(Request.of(self._shell).message)
        if self._tracker.makes_checkpoints:
            with self._notices.guard("Before the cell"):
                self._begin_cell(tracking, info)

    def _begin_cell(self, tracking: Tracking, info: ExecutionInfo) -> None:
        raw = info.raw_cell if isinstance(info.raw_cell, str) else ""
        python = getattr(info, "transformed_cell", None) or raw
        request = Request.of(self._shell)
        tracking.metrics.clear()
        self._runs_before = tracking.recorder.depth
        try:
            tracking.live.begin_cell(
                raw, python=python, cell_id=info.cell_id or request.cell_id, leaves_none=is_ours_alone(raw)
            )
        except KeyboardInterrupt:  # while it waited for the last cell to be stored, say; IPython would let the cell run
            self._shell.ast_transformers.append(self._stop)
        tracking.outputs_of.begin(request.id, tracking.live.key)
        self._has_begun = True

    def _post_run_cell(self, result: ExecutionResult) -> None:
        if self._stop in self._shell.ast_transformers:
            self._shell.ast_transformers.remove(self._stop)
        tracking = self._tracker.tracking
        if tracking is None:
            return
        if threading.get_ident() != self._thread:
            tracking.live.went_unseen()
            return
        self._depth = max(0, self._depth - 1)
        if self._depth:
            return
        info = result.info
        if info is None or not getattr(info, "store_history", True) or info.silent:
            tracking.live.went_unseen()
            return
        with self._notices.guard("After the cell"):
            self._end_cell(tracking, result)
        self._notices.show()

    def _post_execute(self) -> None:
        is_ours, self._is_ours = self._is_ours, False
        tracking = self._tracker.tracking
        if tracking is None or self._has_begun or is_ours or Request.of(self._shell).is_ours:
            return
        tracking.live.went_unseen()

    def _at_exit(self) -> None:
        with self._notices.guard("At the end"):
            self._tracker.stop(with_kernel=True)

    def _end_cell(self, tracking: Tracking, result: ExecutionResult) -> None:
        live = tracking.live
        source = getattr(result.info, "raw_cell", None)
        source = source if isinstance(source, str) else ""
        began, self._has_begun = self._has_begun, False
        restored, self._has_restored = self._has_restored, False
        baseline, self._is_baseline = self._is_baseline, False
        if began and not result.success:
            tracking.recorder.unwind(self._runs_before)  # a run left open by the exception is in nobody's way
        if baseline:
            draft = live.end_cell(_result_of(result), source=source, kind="baseline")
        elif began and (restored or not is_ours_alone(source)):
            tracking.log_pins(live.written)
            draft = live.end_cell(_result_of(result), metrics=dict(tracking.metrics))
        else:
            draft = None
        if began and draft is None:
            tracking.outputs_of.final(live.key)
            live.drop_cell()
        if getattr(self._shell, "kernel", None) is None:  # a terminal tells of no end
            tracking.outputs_of.end(live.key)
            live.outputs_are_final()
        tracking.store_late()
        made = None if draft is None else draft.execution
        self._tracker.tell_frontends(
            None if draft is None or made is None else Saving(draft.id, made.source, made.cell_id, draft.created_at)
        )


class _StopFirst(ast.NodeTransformer):
    """Turns a cell that was stopped before it began into one that is stopped at its first line."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        node.body.insert(0, *ast.parse("raise KeyboardInterrupt").body)
        return node


def _result_of(result: ExecutionResult) -> CellResult:
    error = result.error_before_exec or result.error_in_exec
    status: ExecutionStatus = "ok"
    cell_error = None
    if error is not None:
        # An interrupt of an async cell is a cancellation: ipykernel cancels the coroutine.
        status = "interrupted" if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)) else "error"
        render: Any = getattr(error, "_render_traceback_", None)  # our own errors are one line
        lines = render() if render else traceback.format_exception(type(error), error, error.__traceback__)
        cell_error = CellError(type(error).__name__, _text_of(error), tuple(lines))
    return CellResult(status, execution_count=result.execution_count, error=cell_error)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # the user's own __str__
        return ""
