"""The background half of capture: one thread that turns what the cell left behind into stored checkpoints, in order.

The cell pays for looking; chunking, compression, signing, fsync and the commit happen here. Whatever goes wrong is told once
and never reaches the user's cell; what could not be stored is found again by the next look.
"""

from __future__ import annotations

import collections
import os
import threading
from collections.abc import Callable
from typing import Final

from mlm_jupyter.errors import MlmError
from mlm_jupyter.head import CheckpointDraft, Head

OUTPUTS_WAIT_S: Final = 1.0
COPY_BELOW: Final = 16 << 20
"""Changed memory is copied when it is less than this and written from where it lies when it is more."""


class Writer:
    """Appends checkpoint drafts to the history in the order they are given.

    Parameters
    ----------
    on_error : told, in one line, when storing begins to fail and when it works again.
    """

    def __init__(self, head: Head, *, on_error: Callable[[str], None], queue_bytes: int) -> None:
        self._head = head
        self._on_error = on_error
        self._most_copied = min(COPY_BELOW, queue_bytes)
        self._queue: collections.deque[CheckpointDraft | Callable[[], None]] = collections.deque()
        self._changed = threading.Condition()
        self._busy: CheckpointDraft | Callable[[], None] | None = None
        self._is_closing = False
        self._is_failing = False
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    # Called by the kernel's thread

    def submit(self, draft: CheckpointDraft) -> None:
        """Queue a draft; copies small changed memory now, so that the user may change it at once."""
        draft.secure(self._head.chunks, self._most_copied)
        self._enqueue(draft)

    def later(self, work: Callable[[], None]) -> None:
        """Do something small in the writer's thread, behind what is queued; what it raises is told, and stops nothing."""
        self._enqueue(work)

    def _enqueue(self, work: CheckpointDraft | Callable[[], None]) -> None:
        with self._changed:
            self._queue.append(work)
            has_thread = self._has_thread()
            self._changed.notify_all()
        if not has_thread:
            self._is_closing = True
            for draft in self.pending():
                draft.are_outputs_final.set()
            self._run()

    def _has_thread(self) -> bool:
        """Return whether the writer's thread runs, started if need be; Python 3.12.0 and 3.12.1 start none at their end."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="mlm-writer", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                return False
        return True

    def pending(self) -> list[CheckpointDraft]:
        """Return the drafts that are not stored yet."""
        with self._changed:
            return [work for work in (self._busy, *self._queue) if isinstance(work, CheckpointDraft)]

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until everything submitted is stored (or has failed); False when the time was over first."""
        if os.getpid() != self._pid:
            return True
        for draft in self.pending():
            draft.are_outputs_final.set()
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and self._busy is None, timeout_s)

    def close(self, timeout_s: float = 30.0) -> None:
        """Store what is queued and end the thread."""
        self.flush(timeout_s)
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    # The writer's thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._queue) or self._is_closing)
                if not self._queue:
                    return
                work = self._busy = self._queue.popleft()
            try:
                if isinstance(work, CheckpointDraft):
                    work.are_outputs_final.wait(OUTPUTS_WAIT_S)
                    self._write(work)
                else:
                    self._do(work)
            finally:
                with self._changed:
                    self._busy = None
                    self._changed.notify_all()
                if isinstance(work, CheckpointDraft):
                    work.done.set()

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # with this thread whoever waits for what is queued behind would wait for ever
            self._on_error(f"Tracking failed at work beside the cells: {type(error).__name__}: {error}. Your cells go on.")

    def _write(self, draft: CheckpointDraft) -> None:
        try:
            self._head.append(draft)
            if self._is_failing and not self._head.is_behind:  # else what follows a failure was stored, not what failed
                self._is_failing = False
                self._on_error("Tracking works again; what changed meanwhile is in the next checkpoint.")
        except Exception as error:
            draft.error = error if isinstance(error, MlmError) else MlmError(f"{type(error).__name__}: {error}")
            if not self._is_failing:
                self._is_failing = True
                self._on_error(f"Tracking cannot store this cell and tries again after each; your cells go on: {draft.error}")
