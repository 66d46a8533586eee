"""Lines of a terminal: they fit, align and say what they mean without colour."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_jupyter.commands.listing import first_line, history_lines, runs_rows
from mlm_jupyter.commands.runs import sparkline
from mlm_jupyter.commands.text import Ink, RedrawnLine, age, clean, cut, display_width, pad, size, span, table
from mlm_jupyter.core.entities import Changes, Checkpoint, Run

ANSI = re.compile(r"\x1b\[[0-9;]*m")
HOUR = 3_600_000


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@given(st.text(), st.integers(1, 60))
def test_a_cut_text_is_never_wider_than_asked(text: str, width: int) -> None:
    line = clean(text)
    assert display_width(cut(line, width)) <= width
    assert cut(line, width) == line or cut(line, width).endswith("…")


@given(st.text(), st.integers(0, 60))
def test_padding_reaches_the_width_and_keeps_the_text(text: str, width: int) -> None:
    line = clean(text)
    assert display_width(pad(line, width)) == max(width, display_width(line))
    assert pad(line, width).strip() == line.strip()


@given(st.lists(st.text().map(clean)))
def test_a_line_that_is_drawn_again_covers_what_was_there_and_leaves_nothing(texts: list[str]) -> None:
    terminal = Terminal()
    line = RedrawnLine(terminal)
    seen, width = "", 0
    for text in texts:
        line.draw(text)
        *_, seen = terminal.getvalue().split("\r")
        assert seen.rstrip() == text.rstrip()
        assert display_width(seen) >= width
        width = display_width(text)
    line.end()
    assert terminal.getvalue().endswith(f"\r{' ' * width}\r" if width else "")


@given(st.text())
def test_a_clean_text_is_one_line_that_cannot_move_the_cursor(text: str) -> None:
    line = clean(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", line)
    assert clean(line) == line


@given(st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), min_size=1, max_size=6), st.integers(20, 90))
def test_no_line_of_a_table_is_wider_than_the_terminal(rows: list[list[str]], width: int) -> None:
    lines = table(rows, right=(1,), width=width)
    assert len(lines) == len(rows)
    assert all(display_width(line) <= width for line in lines)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 ms"), (12.4, "12 ms"), (999.6, "1.0 s"), (59_949, "59.9 s"), (59_960, "1 min 00 s"), (7_500_000, "2 h 05 min")],
)
def test_a_duration_has_the_digits_that_matter(ms: float, text: str) -> None:
    assert span(ms) == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [(-5, "now"), (500, "now"), (1_000, "1 s"), (59_999, "59 s"), (60_000, "1 min"), (HOUR, "1 h"), (50 * HOUR, "2 d")],
)
def test_an_age_is_told_in_its_largest_unit(passed: int, text: str) -> None:
    now = 1_780_000_000_000
    assert age(now - passed, now) == text
    assert age(now - 40 * 24 * HOUR, now) == "2026-04-18"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (123_456, "123 kB"), (5_200_000_000_000, "5.2 TB")]
)
def test_a_size_is_told_in_decimal_units(count: int, text: str) -> None:
    assert size(count) == text


def test_colours_are_for_terminals_and_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Ink(Terminal())("x", "red") == "\x1b[31mx\x1b[0m"
    assert Ink(io.StringIO())("x", "red") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Ink(Terminal())("x", "red") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Ink(Terminal())("x", "red") == "x"


names = st.lists(st.from_regex(r"[a-z_]\w{0,20}", fullmatch=True), max_size=8, unique=True).map(tuple)
checkpoints = st.builds(
    Checkpoint,
    id=st.from_regex(r"0t[0-9a-z]{12}", fullmatch=True),
    digest=st.just("0" * 64),
    kind=st.sampled_from(["baseline", "cell", "manual", "save"]),
    created_at=st.integers(1_770_000_000_000, 1_780_000_000_000),
    session_id=st.just("s"),
    ordinal=st.integers(1, 5000),
    name=st.none() | st.text(max_size=30),
    source=st.none() | st.text(max_size=120),
    status=st.sampled_from([None, "ok", "error", "interrupted"]),
    duration_ms=st.none() | st.floats(0, 1e8),
    changes=st.builds(Changes, added=names, changed=names, removed=names),
    metrics=st.dictionaries(st.text(max_size=12), st.floats(), max_size=6),
    notebook=st.sampled_from([None, "train.ipynb", "notebooks/of the team/train.ipynb"]) | st.text(max_size=60),
)


@settings(max_examples=40)
@given(st.lists(checkpoints, max_size=5), st.integers(76, 200))
def test_every_checkpoint_is_one_line_that_fits_the_terminal(listed: list[Checkpoint], width: int) -> None:
    plain = history_lines(listed, now=1_780_000_000_000, width=width, ink=Ink(io.StringIO()))
    assert len(plain) == len(listed)
    assert all(display_width(line) <= width for line in plain)
    assert all(checkpoint.id[:8] in line for checkpoint, line in zip(listed, plain, strict=True))
    coloured = history_lines(listed, now=1_780_000_000_000, width=width, ink=Ink(Terminal()))
    assert [ANSI.sub("", line).rstrip() for line in coloured] == plain


def test_a_history_shows_what_matters_of_a_checkpoint() -> None:
    checkpoint = Checkpoint(
        id="0t2h6mwwx3gzk0",
        digest="0" * 64,
        kind="cell",
        created_at=1_780_000_000_000 - 3 * 60_000,
        session_id="s",
        ordinal=12,
        name="good",
        source="# fit\nmodel.fit(X, y)\n",
        status="error",
        duration_ms=1234,
        changes=Changes(added=("a",), changed=("b",), removed=("c",)),
        metrics={"acc": 0.91234},
    )
    (line,) = history_lines([checkpoint], now=1_780_000_000_000, width=80, ink=Ink(io.StringIO()), current=checkpoint.id)
    assert line == ">12 0t2h6mww 3 min error 1.2 s [good] model.fit(X, y)       +a ~b -c  acc=0.9123"
    assert display_width(line) == 80


@pytest.mark.parametrize(
    ("notebooks", "shown"),
    [
        (["a.ipynb", "b.ipynb"], ["a.ipynb", "b.ipynb"]),
        (["a.ipynb", None], ["a.ipynb", "       "]),
        (["team/explore/train.ipynb", "team/train.ipynb"], ["…ore/train.ipynb", "team/train.ipynb"]),
        (["a.ipynb", "a.ipynb"], None),
        ([None, None], None),
    ],
)
def test_a_history_of_several_notebooks_says_of_which_each_line_is(
    notebooks: list[str | None], shown: list[str] | None
) -> None:
    listed = [
        Checkpoint(
            id=f"0t2h6m{i}", digest="", kind="cell", created_at=0, session_id="s", ordinal=1, notebook=path, source="code"
        )
        for i, path in enumerate(notebooks)
    ]
    lines = history_lines(listed, now=0, width=80, ink=Ink(io.StringIO()))
    assert [line.split("cell  ")[1] for line in lines] == ([f"{path} code" for path in shown] if shown else ["code", "code"])


def test_ids_are_shown_as_long_as_it_takes_to_tell_them_apart() -> None:
    ids = ["0t2h6mwwx3gzk0", "0t2h6mwwx3gzk1", "0t2h6mwwz00000"]
    listed = [Checkpoint(id=id, digest="", kind="cell", created_at=0, session_id="s", ordinal=i) for i, id in enumerate(ids)]
    lines = history_lines(listed, now=0, width=80, ink=Ink(io.StringIO()))
    assert [id in line for id, line in zip(ids, lines, strict=True)] == [True, True, True]


@pytest.mark.parametrize(
    ("source", "line"),
    [("", ""), ("\n\n  x = 1\ny", "x = 1"), ("# why\nx = 1", "x = 1"), ("# only\n# this", "# only"), ("%%time\nf()", "%%time")],
)
def test_the_first_line_of_code_stands_for_a_cell(source: str, line: str) -> None:
    assert first_line(source) == line


def test_runs_have_a_column_for_each_metric_and_param() -> None:
    def run(id: str, name: str, **fields: object) -> Run:
        return Run(id, name, "e", "s", "finished", 0, 1500, **fields)  # type: ignore[arg-type]

    rows = runs_rows([run("a" * 14, "one", metrics={"acc": 0.5}), run("b" * 14, "two", params={"lr": "1"})], now=60_000)
    assert rows == [
        ["id", "name", "status", "started", "took", "acc", "lr"],
        ["aaaaaaaa", "one", "finished", "1 min", "1.5 s", "0.5", ""],
        ["bbbbbbbb", "two", "finished", "1 min", "1.5 s", "", "1"],
    ]


@given(st.lists(st.floats(), max_size=100))
def test_a_sparkline_is_short_whatever_the_values(values: list[float]) -> None:
    assert len(sparkline(values)) == (0 if len(values) < 2 else min(24, len(values)))


def test_a_sparkline_shows_the_course() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, float("nan"), 0]) == "█ ▁"
