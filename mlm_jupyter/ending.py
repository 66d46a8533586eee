"""How a process ends, told to what records in it: by an exception, an exit, or the back door of a forked child."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol

from mlm_jupyter.core.entities import RunStatus
from mlm_jupyter.errors import MlmError


class Closable(Protocol):
    """What has runs that are to end with the process."""

    has_failed: bool
    """An exception has ended the program, as far as one knows."""

    def close(self, status: RunStatus) -> None:
        """End the runs with ``status``."""


def status_after(error: BaseException | None) -> RunStatus:
    """Return what a run is that ended with ``error``, or with none."""
    is_clean = error is None or (isinstance(error, SystemExit) and error.code in (None, 0))
    return "finished" if is_clean else "failed"


def end_with_program(recorder: Closable) -> None:
    """Close ``recorder`` when the program ends, its open runs ``failed`` if an exception or ``sys.exit(1)`` ended it.

    ``sys.excepthook`` and ``sys.exit`` are wrapped for that and still do what they did. A ``raise SystemExit(1)`` that
    is written out passes both by: nothing inside the process can see it.
    """
    excepthook, sys_exit = sys.excepthook, sys.exit

    def note_exception(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        recorder.has_failed = not hasattr(sys, "ps1")  # at a prompt, the program goes on
        excepthook(kind, error, traceback)

    def note_exit(status: object = None, /) -> None:
        recorder.has_failed = status_after(SystemExit(status)) == "failed"
        sys_exit(status)  # type: ignore[arg-type]  # whatever the program gave

    def close() -> None:
        try:
            recorder.close("failed" if recorder.has_failed else "finished")
        except MlmError as error:
            print(f"mlm_jupyter: could not end the runs of this program: {error}", file=sys.stderr)

    sys.excepthook = note_exception
    sys.exit = note_exit  # type: ignore[assignment]  # it never returns either
    atexit.register(close)


def end_with_child(process: Any, recorders: Iterable[Closable]) -> None:
    """Close the recorders when this child of multiprocessing ends, with the status its exit code tells.

    It leaves through ``os._exit``, prints its exception itself, and before Python 3.13 runs no ``atexit``; only
    ``_bootstrap`` knows how it ended (coverage.py goes in by the same door).
    """
    bootstrap = process.BaseProcess._bootstrap

    def bootstrap_and_close(*args: Any, **options: Any) -> int:
        code: int = bootstrap(*args, **options)
        for recorder in list(recorders):
            with suppress(MlmError):  # the parent's session ends what is left
                recorder.close("failed" if code else "finished")
        return code

    process.BaseProcess._bootstrap = bootstrap_and_close
