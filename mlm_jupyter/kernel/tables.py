"""What magics give back: values that show themselves, as text on a terminal and as a table in a notebook."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.entities import Checkpoint
from mlm_jupyter.restoration import RestoreReport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.interactiveshell import InteractiveShell

    from mlm_jupyter.project import Project


class History(list[Checkpoint]):
    """Checkpoints, newest first."""

    current: str | None = None

    def __repr__(self) -> str:
        from mlm_jupyter.commands.listing import history_lines
        from mlm_jupyter.commands.text import Ink, terminal_width

        if not self:
            return "No checkpoints yet. Start with: %mlm_track"
        return "\n".join(history_lines(self, now=now_ms(), width=terminal_width(), ink=Ink(), current=self.current))


def list_history(
    shell: InteractiveShell, checkpoints: Iterable[Checkpoint], *, count: int, current: Checkpoint | None
) -> History:
    """Return the first ``count`` checkpoints (0: all)."""
    history = History(islice(checkpoints, count or None))
    history.current = current.id if current else None
    return history


def list_runs(shell: InteractiveShell, project: Project, query: str | None) -> Any:
    """Return the runs as a DataFrame."""
    return project.to_dataframe(query)


class ShownReport(RestoreReport, kw_only=True):
    """A report that was printed where it was made, and is not shown again as the result of that cell."""

    def _ipython_display_(self) -> None:
        return None


def show_report(shell: InteractiveShell, report: RestoreReport) -> RestoreReport:
    """Print a report and return it."""
    print(report)
    return ShownReport(**{name: getattr(report, name) for name in report.__struct_fields__})
