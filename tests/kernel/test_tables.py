"""Tables of checkpoints and runs: what they show, how they are sorted, and where they are text."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracked import START, Kernel, open_kernel

from mlm_jupyter.commands.text import clean
from mlm_jupyter.core.entities import Changes, Checkpoint, Run
from mlm_jupyter.kernel.results import History, runs_frame
from mlm_jupyter.kernel.tables import (
    Cell,
    Table,
    history_table,
    make_widget,
    runs_table,
    to_html,
    widget_bundle,
)
from mlm_jupyter.kernel.widgets import VIEW
from mlm_jupyter.project import frame_of

ignores_jupyter = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

keys = st.just((2, 0.0, "")) | st.tuples(st.integers(0, 1), st.floats(allow_nan=False), st.text(max_size=3))
cells = st.builds(Cell, st.text(max_size=12), keys, st.just(""))
tables = st.integers(2, 4).flatmap(
    lambda width: st.builds(
        Table,
        st.lists(st.text(min_size=1, max_size=6), min_size=width, max_size=width, unique=True),
        st.lists(st.lists(cells, min_size=width, max_size=width), max_size=4),
        st.none(),
    )
)


class Seen(HTMLParser):
    """What a browser makes of a table: the texts of its cells, and every tag there is."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self._is_cell = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert {name for name, _ in attributes} <= {"class", "title", "scope", "aria-sort", "aria-current"}
        if tag == "tr":
            self.rows.append([])
        self._is_cell = tag in ("td", "th")
        if self._is_cell:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_cell = False

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            self.rows[-1][-1] += data


@given(tables)
def test_whatever_users_typed_is_shown_and_never_becomes_markup(table: Table) -> None:
    seen = Seen(to_html(table))
    assert seen.rows == [[clean(name) for name in table.headings], *([clean(cell.text) for cell in row] for row in table.rows)]
    assert seen.tags == {"style", "table", "thead", "tbody", "tr", "th"} | ({"td"} if table.rows else set())


@given(tables, st.data())
def test_a_sorted_table_has_its_rows_in_order_and_missing_values_last(table: Table, data: st.DataObject) -> None:
    column = data.draw(st.integers(0, len(table.headings) - 1))
    is_descending = data.draw(st.booleans())
    arranged = table.arrange(by=table.headings[column], descending=is_descending)
    assert sorted(arranged.rows) == sorted(table.rows)
    found = [row[column].key for row in arranged.rows]
    present = [key for key in found if key[0] < 2]
    assert found == present + [(2, 0.0, "")] * (len(found) - len(present))
    assert present == sorted(present, reverse=is_descending)


@given(tables, st.text(max_size=2))
def test_a_filter_keeps_the_rows_that_hold_the_text_in_any_case(table: Table, text: str) -> None:
    kept = table.arrange(text=text).rows
    assert kept == [row for row in table.rows if any(text.casefold() in cell.text.casefold() for cell in row)]


def checkpoint(ordinal: int, **fields: Any) -> Checkpoint:
    base = {"digest": "0" * 64, "kind": "cell", "session_id": "s", "status": "ok", "duration_ms": 10.0}
    return Checkpoint(id=f"0a0a0a0{ordinal}", ordinal=ordinal, created_at=1000 * ordinal, **{**base, **fields})


HISTORY = [
    checkpoint(3, source="# tidy\ndf = df.dropna()", changes=Changes(changed=("df",)), name="tidy"),
    checkpoint(2, source="<script>alert(1)</script>", status="error", duration_ms=2500.0),
    checkpoint(1, source=None, kind="manual", status=None, duration_ms=None, note="a note"),
]
RUNS = [
    Run(
        id=f"0b0b0b0{i}",
        name=f"run {i}",
        experiment="e",
        session_id="s",
        status="finished",
        started_at=0,
        ended_at=1000 * i,
        **more,
    )
    for i, more in enumerate(
        [
            {"metrics": {"acc": 0.5}, "params": {"lr": "0.01"}},
            {"metrics": {"acc": 0.05}, "params": {"lr": "1e-5"}},
            {"metrics": {}, "params": {"lr": "auto"}},
        ]
    )
]


def test_a_history_has_a_row_for_each_checkpoint() -> None:
    table = history_table(HISTORY, now=4000, current="0a0a0a02")
    texts = [[cell.text for cell in row] for row in table.rows]
    assert texts[0] == ["3", "0a0a0a03", "tidy", "1 s", "ok", "10 ms", "df = df.dropna()", "~df"]
    assert texts[2] == ["1", "0a0a0a01", "", "3 s", "manual", "", "a note", ""]
    assert [row[0].text for row in table.arrange(by="took", descending=True).rows] == ["2", "3", "1"]
    assert [row[0].text for row in table.arrange(by="age").rows] == ["3", "2", "1"]
    html = to_html(table, by="took", descending=True)
    assert '<th scope="col" class="mlm-number" aria-sort="descending">took</th>' in html
    assert html.count("aria-current") == 1 and "<script>" not in html


def test_a_history_of_several_notebooks_has_a_column_for_them() -> None:
    mixed = [checkpoint(2, notebook="b.ipynb"), checkpoint(1, notebook="a.ipynb")]
    table = history_table(mixed, now=4000, current="0a0a0a01")
    assert table.headings[2] == "notebook"
    assert [row[2].text for row in table.arrange(by="notebook").rows] == ["a.ipynb", "b.ipynb"]
    assert to_html(table).count("aria-current") == 1
    assert "notebook" not in history_table(mixed[:1], now=4000, current=None).headings


def test_runs_are_sorted_by_numbers_as_numbers() -> None:
    table = runs_table(RUNS, now=5000)
    assert list(table.headings) == ["id", "name", "status", "started", "took", "acc", "lr"]
    assert [row[1].text for row in table.arrange(by="acc").rows] == ["run 1", "run 0", "run 2"]
    assert [row[1].text for row in table.arrange(by="lr").rows] == ["run 1", "run 0", "run 2"]


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    table = Table(("a", "b"), [(Cell(str(i), (0, i, "")), Cell("", (2, 0.0, ""))) for i in range(250)])
    assert "<p>50 more rows" in to_html(table)


@ignores_jupyter
def test_the_widget_sorts_filters_and_can_be_used_by_keyboard() -> None:
    widget = make_widget(history_table(HISTORY, now=4000, current=None))
    (text, by, descending), shown = widget.children[0].children, widget.children[1]

    def order() -> list[str]:
        return [row[0] for row in Seen(shown.value).rows[1:]]

    assert order() == ["3", "2", "1"]
    by.value = "#"
    assert order() == ["1", "2", "3"]
    descending.value = True
    by.value = "took"
    assert order() == ["2", "3", "1"]
    text.value = "DROPNA"
    assert order() == ["3"]
    assert {type(child).__name__ for child in (text, by, descending)} == {"Text", "Dropdown", "ToggleButton"}


def test_without_a_frontend_or_without_ipywidgets_there_is_no_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shell:
        kernel: object = None

    table = history_table(HISTORY, now=4000, current=None)
    shell: Any = Shell()
    assert widget_bundle(None, table) == widget_bundle(shell, table) == {}
    shell.kernel = object()
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert widget_bundle(shell, table) == {}


def test_a_history_is_a_list_that_prints_as_lines() -> None:
    history = History(HISTORY, "0a0a0a03")
    assert [found.ordinal for found in history] == [3, 2, 1]
    assert [line.split()[0] for line in repr(history).splitlines()] == [">3", "2", "1"]
    assert pickle.loads(pickle.dumps(history)) == HISTORY
    assert repr(History()) == "No checkpoints yet. Start with: %mlm_track"


def test_a_long_history_is_cut_as_text_where_its_table_is() -> None:
    history = History([checkpoint(number) for number in range(1234, 0, -1)])
    *lines, last = repr(history).splitlines()
    assert len(lines) == str(history._repr_html_()).count("<tr") - 1 == 200 and lines[0].startswith("1234 ")
    assert last == "… 1,034 more; list all in a terminal with: mlm history -n 0"
    assert len(repr(History(history[:200])).splitlines()) == 200


def test_a_frame_of_runs_is_a_frame_in_every_other_respect() -> None:
    import pandas as pd

    plain = frame_of(RUNS)
    frame = runs_frame(RUNS)
    assert isinstance(frame, pd.DataFrame)
    assert type(plain) is pd.DataFrame and len(plain) == 3
    pd.testing.assert_frame_equal(frame, plain, check_frame_type=False)
    for made in (
        frame[frame["metrics.acc"] > 0.1],
        frame.copy(),
        pickle.loads(pickle.dumps(frame)),
        frame.sort_values("metrics.acc"),
    ):
        assert type(made) is pd.DataFrame
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(frame)), plain)
    assert repr(frame) == repr(plain)


# In a kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with open_kernel(tmp_path_factory.mktemp("tables") / "project") as kernel:
        kernel.track(START)
        yield kernel


@ignores_jupyter
@pytest.mark.parametrize("magic", ["%mlm_history", "%mlm_runs", "__import__('mlm_jupyter').history()"])
def test_a_notebook_gets_a_widget_with_the_terminals_text_and_html_beside_it(kernel: Kernel, magic: str) -> None:
    is_history = "history" in magic
    kernel.run("%reset -f")
    kernel.track("a = 1")
    (output,) = kernel.run(magic).outputs
    assert set(output["data"]) == {VIEW, "text/plain", "text/html"}
    model = output["data"][VIEW]["model_id"]
    assert kernel.ask(f"type(__import__('ipywidgets').widgets.widget._instances[{model!r}]).__name__") == "VBox"
    lines = output["data"]["text/plain"].splitlines()
    assert (lines[0].split()[-1], lines[0][:1]) == (("+a", ">") if is_history else ("took", "i"))
    assert len(Seen(output["data"]["text/html"]).rows) == (1 + len(lines) if is_history else len(lines))


@ignores_jupyter
def test_a_frame_shows_itself_once_it_is_changed_or_later(kernel: Kernel) -> None:
    assert kernel.run("df = %mlm_runs\ndf").text.startswith("id ")
    assert "started_at" in kernel.run("df").text
    assert "started_at" in kernel.run("df = %mlm_runs\ndf['mine'] = 1\ndf").text
    assert kernel.run("df = %mlm_runs").outputs == []
    kernel.track("b = 2")
    with kernel.project() as project:
        assert project.variables("latest")["df"].status == "stored"
    assert kernel.run("%mlm_restore latest --only df").status == "ok"


@ignores_jupyter
def test_the_runs_are_read_once(kernel: Kernel) -> None:
    kernel.run("from mlm_jupyter.store.runs import Runs\nreally, read = Runs.pages, []")
    kernel.run("Runs.pages = lambda *arguments: read.append(1) or really(*arguments)")
    kernel.run("df = %mlm_runs\nRuns.pages = really")
    assert kernel.ask("[len(df) > 0, len(read)]") == [True, 1]


@ignores_jupyter
def test_a_notebook_run_without_a_browser_holds_text(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    (tmp_path / "pyproject.toml").touch()
    sources = ["%load_ext mlm_jupyter\n%mlm_track", "a = 1", "%mlm_history -n 1"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert notebook.cells[2].outputs[0].data["text/plain"].endswith("+a")
