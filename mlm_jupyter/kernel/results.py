"""What magics give back: values that are shown as text on a terminal and as a table in a notebook."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.clock import now_ms
from mlm_jupyter.commands.listing import history_lines, runs_rows
from mlm_jupyter.commands.text import Ink, table, terminal_width
from mlm_jupyter.core.entities import Checkpoint, Run
from mlm_jupyter.kernel.tables import MOST_ROWS, Table, history_table, runs_table, to_html, widget_bundle
from mlm_jupyter.project import frame_of
from mlm_jupyter.restoration import RestoreReport

if TYPE_CHECKING:
    import pandas as pd

    from mlm_jupyter.project import Project
    from mlm_jupyter.session.live import LiveSession

_MOST_LINES: Final = 20


class History(list[Checkpoint]):
    """Checkpoints, newest first, shown as a table.

    Parameters
    ----------
    current : the id of the one that the kernel stands on.
    run : as which their run was asked for, where they are those of one.
    """

    def __init__(self, checkpoints: Sequence[Checkpoint] = (), current: str | None = None, *, run: str | None = None) -> None:
        super().__init__(checkpoints)
        self.current = current
        self.run = run

    def __repr__(self) -> str:
        if not self:
            yet = "No checkpoints yet. Start with: %mlm_track"
            return (
                yet if self.run is None else f"No checkpoint was made in run {self.run!r}. See what it logged with: %mlm_runs"
            )
        shown = self[:MOST_ROWS]
        lines = history_lines(shown, now=now_ms(), width=terminal_width(), ink=Ink(), current=self.current)
        return "\n".join([*lines, *_left_out(self, shown, "mlm history -n 0")])

    def _table(self) -> Table:
        return history_table(self, now=now_ms(), current=self.current)

    def _repr_html_(self) -> str | None:
        return to_html(self._table()) if self else None

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return widget_bundle(_shell(), self._table())


def read_history(project: Project, live: LiveSession | None, count: int | None, *, run: str | None, is_of_all: bool) -> History:
    """Return the checkpoints of the notebook that is ``live``, if any is; of one run; or of all notebooks.

    Parameters
    ----------
    count : the most to return; None: all.
    """
    notebook = live.notebook if live is not None and run is None and not is_of_all else None
    found = project.checkpoints(run=run, notebook=notebook)
    current = live.current if live is not None else None
    return History(list(found) if count is None else found.take(count), current.id if current else None, run=run)


def runs_text(runs: Sequence[Run]) -> str:
    """Return the first of ``runs`` as lines."""
    if not runs:
        return "No such runs. List all with %mlm_runs; start one with %mlm_track or %mlm_run."
    shown = runs[:_MOST_LINES]
    heading, *lines = table(runs_rows(shown, now=now_ms()), right=(3, 4), width=terminal_width())
    return "\n".join([Ink()(heading, "bold"), *lines, *_left_out(runs, shown, "mlm runs -n 0")])


def _left_out(listed: Sequence[object], shown: Sequence[object], command: str) -> list[str]:
    """Return the line that says how many are not shown, and which command in a terminal shows them; none where all are."""
    more = len(listed) - len(shown)
    return [f"… {more:,} more; list all in a terminal with: {command}"] if more else []


def runs_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the DataFrame of ``runs``, which the cell it is made in shows as a table of them; later it shows itself."""
    made = _frame_class()(frame_of(runs))
    made._runs = tuple(runs)
    made._made = (_execution_count(), made.shape, tuple(made.columns))
    return made  # type: ignore[no-any-return]  # the class is made at run time: pandas is not imported before


@functools.cache  # pandas is imported only when it is made
def _frame_class() -> Any:
    import pandas as pd

    class RunsFrame(pd.DataFrame):
        """Runs, one a row; anything made from it, a copy or what a pickle brings back, is a plain DataFrame."""

        _runs: tuple[Run, ...] = ()
        _made: object = None

        def __reduce_ex__(self, protocol: Any) -> Any:
            return pd.DataFrame, (), pd.DataFrame(self).__reduce_ex__(protocol)[2]

        def _is_as_made(self) -> bool:
            return self._made == (_execution_count(), self.shape, tuple(self.columns))

        def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
            printer.text(runs_text(self._runs) if self._is_as_made() else repr(self))

        def _repr_html_(self) -> str | None:
            if not self._is_as_made():
                return pd.DataFrame(self)._repr_html_()  # type: ignore[operator,no-any-return]  # not in pandas-stubs
            return to_html(runs_table(self._runs, now=now_ms())) if self._runs else None

        def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
            return widget_bundle(_shell(), runs_table(self._runs, now=now_ms())) if self._is_as_made() else {}

    return RunsFrame


class PrintedReport(RestoreReport, kw_only=True):
    """A report that was printed by the magic that made it, and is not shown again as the result of that cell."""

    printed_in: int | None = None

    def _ipython_display_(self) -> None:
        if self.printed_in != _execution_count():
            raise NotImplementedError  # which lets IPython show it as it shows anything


def print_report(report: RestoreReport) -> RestoreReport:
    """Print a report wherever in its cell it is made, and return it; a terminal prints what is returned."""
    if getattr(_shell(), "kernel", None) is None:
        return report
    print(report)
    fields = {name: getattr(report, name) for name in report.__struct_fields__}
    return PrintedReport(**fields, printed_in=_execution_count())


def _shell() -> Any:
    from IPython import get_ipython

    return get_ipython()


def _execution_count() -> int | None:
    count: int | None = getattr(_shell(), "execution_count", None)
    return count
