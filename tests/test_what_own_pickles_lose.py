"""What the pickles of the standard library and of the libraries of a notebook leave out or spoil comes back all the same."""

from __future__ import annotations

import pytest
from livenotebook import LiveNotebook, Open

PD = "import pandas as pd\n"

KEPT = {
    # what is made, what is changed and in which variables that is seen, what shows it
    "an attribute of a frame": (
        PD + "df = pd.DataFrame({'a': [1]}); df.name = 'train'; s = df['a']; s.note = [1]; note = s.note",
        "df.name = 'test'",
        ("df",),
        "df.name, s.note, s.note is note",
    ),
    "an attribute that a frame's class has too": (
        PD + "class Rows(pd.DataFrame):\n    source = None\nrows = Rows({'a': [1]}); rows.source = 'web'",
        "rows.source = 'disk'",
        ("rows",),
        "rows.source, type(rows) is Rows",
    ),
    "the attrs of a frame": (
        PD + "df = pd.DataFrame({'a': [1]}); about = df.attrs; about['unit'] = 'm'",
        "about['unit'] = 'km'",
        ("about", "df"),
        "df.attrs, df.attrs is about",
    ),
    "second names of an enum's members": (
        "import enum\nclass Color(enum.Enum):\n    RED = 1\n    CRIMSON = 1\n    BLUE = 2\n"
        "class Perm(enum.Flag):\n    R = 1\n    W = 2\n    RW = 3\ncolor = Color['CRIMSON']; perm = Perm.RW",
        "color = Color.BLUE; perm = Perm.R",
        ("color", "perm"),
        "list(Color.__members__), color is Color['CRIMSON'], list(Perm.__members__), perm, perm is Perm.RW, list(Perm)",
    ),
}


@pytest.mark.parametrize("kind", KEPT)
def test_what_is_set_on_a_value_or_shared_with_it_comes_back(notebook: LiveNotebook, fresh: Open, kind: str) -> None:
    setup, change, changed, shown = KEPT[kind]
    first = notebook.cell(setup)
    expected = repr(notebook.value(shown))
    assert notebook.cell("pass").changes.changed == ()
    assert notebook.cell(change).changes.changed == changed
    assert repr(notebook.value(shown)) != expected
    for book in (notebook, fresh()):
        assert book.restore(first).failed == {}
        assert repr(book.value(shown)) == expected
        assert book.cell(change).changes.changed == changed
