"""Tables of checkpoints and runs in a notebook: as HTML, and as a widget that sorts and filters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mlm_jupyter.commands.listing import changes_text, first_line, notebooks_of, runs_rows
from mlm_jupyter.commands.text import age, clean, span
from mlm_jupyter.core.entities import Checkpoint, Run
from mlm_jupyter.kernel.widgets import VIEW

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MOST_ROWS: Final = 200
"""So many are shown at once, as a table or as text; notebooks keep what is shown."""
_NUMBER: Final = "mlm-number"
_CLASSES: Final = {
    "ok": "good",
    "finished": "good",
    "error": "bad",
    "failed": "bad",
    "interrupted": "odd",
    "killed": "odd",
    "running": "live",
}
_STYLE: Final = """<style>
.mlm-table { border-collapse: collapse; line-height: 1.5; font-size: var(--jp-code-font-size, 13px);
  font-family: var(--jp-code-font-family, monospace); color: var(--jp-content-font-color1, inherit); }
.mlm-table th { text-align: left; font-weight: 600; border-bottom: 1px solid var(--jp-border-color1, #8888); }
.mlm-table th, .mlm-table td { padding: 1px 0.75em 1px 0; background: none; }
.mlm-table td { max-width: 44ch; overflow: hidden; text-overflow: ellipsis; white-space: pre; }
.mlm-table th.mlm-number, .mlm-table td.mlm-number { text-align: right; }
.mlm-table tbody tr:hover { background: var(--jp-rendermime-table-row-hover-background, #8882); }
.mlm-table tr.mlm-here { font-weight: 600; }
.mlm-good { color: var(--jp-success-color1, #388e3c); } .mlm-bad { color: var(--jp-error-color1, #d32f2f); }
.mlm-odd { color: var(--jp-warn-color1, #f57c00); } .mlm-live { color: var(--jp-info-color1, #0097a7); }
</style>"""

Key = tuple[int, float, str]
"""What a cell is sorted by: numbers, then texts, then what is missing."""
_MISSING: Final[Key] = (2, 0.0, "")


class Cell(NamedTuple):
    """What a table shows in one place."""

    text: str
    key: Key
    css: str = ""


class Table(NamedTuple):
    """Headings and rows of cells."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    here: str | None = None
    """The id of the row to be marked: where the kernel stands."""

    def arrange(self, *, by: str | None = None, descending: bool = False, text: str = "") -> Table:
        """Return the rows that contain ``text`` somewhere, sorted by a column; what is missing there comes last."""
        wanted = text.casefold()
        rows = [row for row in self.rows if any(wanted in cell.text.casefold() for cell in row)]
        if by is not None:
            column = list(self.headings).index(by)
            missing = [row for row in rows if row[column].key == _MISSING]
            present = [row for row in rows if row[column].key != _MISSING]
            rows = sorted(present, key=lambda row: row[column].key, reverse=descending) + missing
        return self._replace(rows=rows)


def history_table(checkpoints: Sequence[Checkpoint], *, now: int, current: str | None) -> Table:
    """Return the table of these checkpoints; where they are of several notebooks, it says of which."""
    notebooks = notebooks_of(checkpoints)
    is_mixed = any(notebooks)
    headings = ("#", "id", *(["notebook"] if is_mixed else []), "name", "age", "status", "took", "code", "changes")
    rows = [
        (
            _number(str(checkpoint.ordinal), checkpoint.ordinal),
            _text(checkpoint.id),
            *([_text(notebook)] if is_mixed else []),
            _text(checkpoint.name or ""),
            _number(age(checkpoint.created_at, now), now - checkpoint.created_at),
            _status(checkpoint.status or checkpoint.kind),
            Cell("", _MISSING)
            if checkpoint.duration_ms is None
            else _number(span(checkpoint.duration_ms), checkpoint.duration_ms),
            _text(first_line(checkpoint.source or checkpoint.note or "")),
            _text(changes_text(checkpoint.changes)),
        )
        for checkpoint, notebook in zip(checkpoints, notebooks, strict=True)
    ]
    return Table(headings, rows, current)


def runs_table(runs: Sequence[Run], *, now: int) -> Table:
    """Return the table of these runs: what they are, then a column for each metric and param."""
    headings, *lines = runs_rows(runs, now=now)
    rows = []
    for run, (_, name, status, started, took, *values) in zip(runs, lines, strict=True):
        duration = Cell("", _MISSING) if run.ended_at is None else _number(took, run.ended_at - run.started_at)
        logged = [_number(value, number) if (number := _find_number(value)) is not None else _text(value) for value in values]
        rows.append((_text(run.id), _text(name), _status(status), _number(started, now - run.started_at), duration, *logged))
    return Table(headings, rows)


def to_html(table: Table, *, by: str | None = None, descending: bool = False) -> str:
    """Return a table as HTML in JupyterLab's colours, everything in it escaped; ``by`` is the column it is sorted by."""
    head = "".join(
        _heading_html(name, (row[i] for row in table.rows), descending if name == by else None)
        for i, name in enumerate(table.headings)
    )
    body = "".join(_row_html(row, is_here=row[1].text == table.here) for row in table.rows[:MOST_ROWS])
    more = len(table.rows) - MOST_ROWS
    foot = f"<p>{more:,} more rows; sort, filter or ask for fewer to see them.</p>" if more > 0 else ""
    return f'{_STYLE}<table class="mlm-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}'


def make_widget(table: Table) -> Any:
    """Return a widget that shows ``table``, with a box to filter by and the columns to sort by."""
    import ipywidgets

    text = ipywidgets.Text(placeholder="Filter", layout={"width": "16em"})
    by = ipywidgets.Dropdown(
        options=[("as listed", None), *((clean(name), name) for name in table.headings)],
        description="Sort by",
        layout={"width": "16em"},
        style={"description_width": "initial"},
    )
    descending = ipywidgets.ToggleButton(description="Descending", layout={"width": "8em"})
    shown = ipywidgets.HTML(to_html(table))

    def show(_: object) -> None:
        arranged = table.arrange(by=by.value, descending=descending.value, text=text.value)
        shown.value = to_html(arranged, by=by.value, descending=descending.value)

    for control in (text, by, descending):
        control.observe(show, "value")
    return ipywidgets.VBox([ipywidgets.HBox([text, by, descending]), shown])


def widget_bundle(shell: InteractiveShell | None, table: Table) -> dict[str, Any]:
    """Return what makes a notebook show the widget; nothing where no frontend could: then text or HTML is shown."""
    if getattr(shell, "kernel", None) is None or not table.rows:
        return {}
    try:
        widget = make_widget(table)
    except ImportError:  # ipywidgets is absent, or broken
        return {}
    bundle: dict[str, Any] = widget._repr_mimebundle_()
    return {VIEW: bundle[VIEW]}


def _heading_html(name: str, column: Iterable[Cell], descending: bool | None) -> str:
    css = _NUMBER if any(cell.css == _NUMBER for cell in column) else ""
    order = "" if descending is None else f' aria-sort="{"descending" if descending else "ascending"}"'
    return f'<th scope="col" class="{css}"{order}>{escape(clean(name))}</th>'


def _row_html(row: Sequence[Cell], *, is_here: bool) -> str:
    cells = "".join(
        f'<td class="{cell.css}" title="{escape(clean(cell.text))}">{escape(clean(cell.text))}</td>' for cell in row
    )
    return f"<tr{' class=mlm-here aria-current=true' if is_here else ''}>{cells}</tr>"


def _text(text: str) -> Cell:
    return Cell(text, (1, 0.0, text.casefold()) if text else _MISSING)


def _number(text: str, value: float) -> Cell:
    return Cell(text, (0, value, ""), _NUMBER)


def _status(status: str) -> Cell:
    return Cell(status, (1, 0.0, status), f"mlm-{_CLASSES.get(status, 'plain')}")


def _find_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number == number else None
