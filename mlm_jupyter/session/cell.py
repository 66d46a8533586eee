"""A cell that is being executed, and how it ended."""

from __future__ import annotations

import time

import msgspec

from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.core.access import Access
from mlm_jupyter.core.entities import CellError, CellExecution, Checkpoint, ExecutionStatus


class CellResult(msgspec.Struct, frozen=True):
    """How an execution ended."""

    status: ExecutionStatus
    execution_count: int | None = None
    error: CellError | None = None


class RunningCell:
    """A cell that is being executed.

    Attributes
    ----------
    key : what its outputs are asked for by.
    checkpoint_id : of the checkpoint that it will leave.
    leaves_none : it is expected to leave no checkpoint.
    """

    def __init__(self, source: str, cell_id: str | None, access: Access, *, leaves_none: bool = False) -> None:
        self.source = source
        self.access = access
        self.leaves_none = leaves_none
        self.key = new_id()
        self.checkpoint_id = self.key
        self._cell_id = cell_id
        self._started_at = now_ms()
        self._started_s = time.perf_counter()

    def execution(self, result: CellResult, *, source: str | None = None) -> CellExecution:
        """Return the execution as it is now: over, or up to here."""
        return CellExecution(
            source=self.source if source is None else source,
            status=result.status,
            started_at=self._started_at,
            duration_ms=round((time.perf_counter() - self._started_s) * 1e3, 3),
            cell_id=self._cell_id,
            execution_count=result.execution_count,
            error=result.error,
            reads=self.access.reads,
            writes=self.access.writes,
        )

    def has_made(self, checkpoint: Checkpoint) -> bool:
        """Tell whether an earlier execution of this cell made a checkpoint by asking for it; by its id, else by its code."""
        if checkpoint.kind != "manual" or checkpoint.source is None:
            return False
        if checkpoint.cell_id and self._cell_id:
            return checkpoint.cell_id == self._cell_id
        return checkpoint.source == self.source
