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
    "an attribute of a Counter": (
        "from collections import Counter\nclass Words(Counter):\n    def __init__(self, lang, *counted):\n"
        "        super().__init__(*counted); self.lang = [lang]\nwords = Words('en', 'aab'); lang = words.lang",
        "lang.append('gb'); words.update('b')",
        ("lang", "words"),
        "words, words.lang, words.lang is lang, type(words) is Words",
    ),
    "a defaultdict that makes its own factory": (
        "from collections import defaultdict\nclass Rows(defaultdict):\n    def __init__(self):\n"
        "        super().__init__(list); self.made = []\nrows = Rows(); rows['a'].append(1); a = rows['a']",
        "a.append(2)",
        ("a", "rows"),
        "rows, rows.made, rows['a'] is a, rows.default_factory",
    ),
    "a deque and a dict with an order, made by other arguments": (
        "from collections import OrderedDict, deque\nclass Buffer(deque):\n    def __init__(self, most):\n"
        "        super().__init__(maxlen=most)\n    def append(self, x): super().append((x, len(self)))\n"
        "class Cache(OrderedDict):\n    def __init__(self, most): super().__init__(); self.most = most\n"
        "    def __setitem__(self, k, v): super().__setitem__(k, [v])\n"
        "buffer = Buffer(2); [buffer.append(i) for i in 'abc']\n"
        "cache = Cache(3); cache['a'] = cache['b'] = 1; cache.move_to_end('a')",
        "buffer.append('d'); cache['c'] = 2",
        ("buffer", "cache"),
        "buffer, buffer.maxlen, cache, cache.most",
    ),
    "an exception made by other arguments than it has": (
        "class Bad(ValueError):\n    def __init__(self, code, why='?'): super().__init__(f'{code}: {why}'); self.code = code\n"
        "class Gone(OSError):\n    def __init__(self, path): super().__init__(2, 'gone', path)\nbad = Bad(3); gone = Gone('f')",
        "bad = Bad(4); gone = Gone('g')",
        ("bad", "gone"),
        "str(bad), bad.args, bad.code, str(gone), gone.filename, gone.errno",
    ),
    "a member of an enum of sets": (
        "import enum\nclass Team(frozenset, enum.Enum):\n    RED = 'abc'\n    BLUE = 'de'\nteam = Team.RED",
        "team = Team.BLUE",
        ("team",),
        "sorted(team), team is Team.RED",
    ),
    "a parser of arguments": (
        "import argparse\nparser = argparse.ArgumentParser(prog='fit'); parser.add_argument('--rate', default=0.1)\n"
        "rate = parser._actions[-1]; group = parser.add_argument_group('g', argument_default=argparse.SUPPRESS)",
        "rate.default = 0.2",
        ("group", "parser", "rate"),
        "parser.parse_args([]), parser._actions[-1] is rate, group.argument_default is argparse.SUPPRESS",
    ),
    "a match": (
        "import re\ntext = 'b1 a22 a3'; found = re.search(r'(?P<word>a)(\\d)+', text); again = [found]\n"
        "every = list(re.compile(r'(?<=[ab])\\d').finditer(text, 1, 8)); whole = re.fullmatch('a|(b)', 'b')",
        "found = every = None; again[0] = 1",
        ("again", "every", "found"),
        "found and (found.groups(), found.lastgroup, found.regs, again[0] is found, whole.lastindex), "
        "[(m.span(), m.pos, m.endpos) for m in every or ()]",
    ),
    "the array that a tree of points is on": (
        "import numpy as np\nfrom scipy.spatial import KDTree, cKDTree\npoints = np.arange(6.0).reshape(3, 2)\n"
        "tree = KDTree(points); other = [cKDTree(points, boxsize=9.0)]",
        "points[0, 0] = 0.5",
        ("other", "points", "tree"),
        "tree.data.tolist(), tree.data is points, other[0].data is points, tree.query([5, 5]), other[0].query([5, 5])",
    ),
    "the coefficients of a polynomial": (
        "from numpy.polynomial import Polynomial\nline = Polynomial([1.0, 2.0]); inside = line.coef",
        "inside[0] = 5.0",
        ("inside", "line"),
        "line(1.0), line.coef is inside, line.symbol",
    ),
    "a method that goes by the type of its argument": (
        "import functools\nclass Show:\n    @functools.singledispatchmethod\n    def of(self, x): return 'any'\n"
        "    @of.register\n    def _(self, x: int): return 'int', self.n\nshow = Show(); show.n = 1; show.of(1)",
        "show.n = 2",
        ("show",),
        "show.of('a'), show.of(3), show.of.register is not None",
    ),
    "a distribution as a key": (
        "from scipy import stats\nfits = {stats.norm: 1, stats.poisson: 2}; one = stats.norm; frozen = stats.norm(3, 2)",
        "fits[stats.norm] = 3",
        ("fits",),
        "fits[stats.norm], fits.get(stats.poisson), one is stats.norm, frozen.mean()",
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


def test_a_match_in_what_has_changed_since_is_not_restored(notebook: LiveNotebook) -> None:
    first = notebook.cell("import re\ntext = bytearray(b'xay'); found = re.search(b'a', text); text[1] = 98")
    notebook.cell("found = None")
    assert notebook.restore(first).failed["found"].endswith("a match in what has changed since")


def test_the_environment_of_the_process_is_remembered_by_name(notebook: LiveNotebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLM_TEST_KEY", "hunter2")
    first = notebook.cell("import os\nenv = os.environ; pair = [env]")
    assert notebook.cell("env['MLM_TEST_KEY'] = 'another'").changes.changed == ()
    notebook.cell("env = pair = None")
    assert notebook.restore(first).failed == {}
    assert notebook.value("env is os.environ and pair[0] is env and env['MLM_TEST_KEY']") == "another"
