"""``%%mlm_run`` on top of a cell: the body stays the cell, and what the run is, is known when the cell has ended.

IPython hands a cell magic its body as a text. Executing that text from inside a magic loses what a plain cell has: top-level
``await`` in a kernel whose loop runs, tracebacks at the cell's own lines, one execution with one result. So the first line is
turned into a call that opens the run, and the end of the execution closes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from IPython.core.inputtransformer2 import cell_magic

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from mlm_jupyter.recorder import ActiveRun

ADOPTED: Final = "--this-cell"
"""The option, typed by nobody, of the line that opens the run of the cell it stands in."""

_FIRST_LINE: Final = re.compile(r"%%mlm_run(?![\w?])[ \t]*(.*)")


def adopt_bodies(shell: InteractiveShell) -> None:
    """Let ``shell`` execute cells under ``%%mlm_run`` as cells."""
    transforms = shell.input_transformers_cleanup
    if adopt_body not in transforms:
        transforms.append(adopt_body)


def adopt_body(lines: list[str]) -> list[str]:
    """Return a cell's lines, with the first as a call where it is ``%%mlm_run`` and something follows."""
    first = _FIRST_LINE.match(lines[0]) if lines else None
    if first is None or not "".join(lines[1:]).strip():
        return lines
    call = f"{ADOPTED} {first[1].strip()}".strip()  # in front: the line may end in a comment
    rest: list[str] = cell_magic(lines[1:])  # type: ignore[no-untyped-call]  # IPython types it not
    return [f"get_ipython().run_line_magic('mlm_run', {call!r})\n", *rest]


# Asking whether what is typed so far is complete does not run it; without this, a terminal would take the first line alone.
adopt_body.has_side_effects = True  # type: ignore[attr-defined]  # IPython reads it off the function


class BodyRun:
    """Ends a run with the execution it was opened in: ``failed`` where that raised or was interrupted."""

    def __init__(self, shell: InteractiveShell, run: ActiveRun) -> None:
        # What the shell fills in while it executes a cell; cells that run inside it have one of their own.
        result: ExecutionResult | None = getattr(shell.displayhook, "exec_result", None)
        info = None if result is None else result.info
        is_silent = info is not None and info.silent
        self._shell = shell
        self._run = run
        self._source = None if info is None else info.raw_cell
        self._event = "post_execute" if is_silent else "post_run_cell"
        self._callback = self._post_execute if is_silent else self._post_run_cell
        shell.events.register(self._event, self._callback)

    def _post_run_cell(self, result: ExecutionResult | None) -> None:
        if result is None or result.info is None or self._source in (None, result.info.raw_cell):
            self._shell.events.unregister(self._event, self._callback)
            self._run.end("finished" if result is not None and result.success else "failed")

    def _post_execute(self) -> None:
        """A silent execution has no other end."""
        self._post_run_cell(self._shell.last_execution_result)
