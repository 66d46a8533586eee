"""What was displayed is IPython's to keep and no way around the proof: skipped while nobody can reach it, found if changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shellnotebook import ShellNotebook


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[ShellNotebook]:
    made = ShellNotebook(tmp_path)
    made.skip_all()
    yield made
    made.close()


TABLE = "import numpy as np, pandas as pd\nx = pd.DataFrame(np.zeros((20_000, 4)), columns=list('abcd'))"
DISPLAYED = {
    "rows of it": "x.iloc[:5]",
    "a column": "x['a']",
    "its columns": "x.columns",
    "the whole": "x",
    "several": ["x.iloc[:5]", "x['a'].iloc[:3]", "x", "1", "x.T"],
    "an array on its memory": "x.to_numpy()[:2]",
    "what was displayed of what was displayed": ["x.iloc[:5]", "_.iloc[:2]"],
}


@pytest.mark.parametrize("what", DISPLAYED)
def test_a_table_is_skipped_though_a_part_of_it_was_displayed(notebook: ShellNotebook, what: str) -> None:
    notebook.cell(TABLE)
    shown = DISPLAYED[what]
    for source in [shown] if isinstance(shown, str) else shown:
        notebook.cell(source)
    notebook.settle()
    assert "x" in notebook.looks[-1].skipped
    notebook.cell("[n for _ in range(3) for n in 'ab']")
    notebook.cell("def often():\n    for _ in range(3):\n        pass\noften()")
    notebook.cell("'_'.join('ab')")
    notebook.cell("four = 4")
    assert "x" in notebook.looks[-1].skipped, "an underscore that is thrown away is not what was displayed"
    assert notebook.cell("x.iloc[0, 0] = 7").changes.changed == ("x",)


RECORDS = "x = [{'n': 1}, {'n': 2}]\nx"
NAME = "def name_of(*numbers):\n    return ''.join(map(chr, numbers))\n"  # a name, but no word that is it
WRITE = "[0]['k'] = 1"
ATTACKS = {
    "Out": (RECORDS, f"Out[1]{WRITE}"),
    "_1": (RECORDS, f"_1{WRITE}"),
    "_": (RECORDS, f"_{WRITE}"),
    "__": (RECORDS, None, "1", f"__{WRITE}"),
    "_oh": (RECORDS, f"_oh[1]{WRITE}"),
    "a part displayed": ("x = [{'n': 1}, {'n': 2}]\nx[0]", "_1['k'] = 1"),
    "the list of a part displayed": ("x = [[{'n': 1}], 2]\nx[0]", f"_1{WRITE}"),
    "a function that says _1": ("x = [{'n': 1}]\ndef f():\n    _1[0]['k'] = 1\nx", "f()"),
    "a function that says _": ("x = [{'n': 1}]\ndef f():\n    _[0]['k'] = 1\nx", "f()"),
    "a function that says Out": ("x = [{'n': 1}]\ndef f(n):\n    Out[n][0]['k'] = 1\nx", "f(1)"),
    "a function with a global _": ("x = [{'n': 1}]\ndef f():\n    global _\n    _[0]['k'] = 1\n    _ = 1\nx", "f()"),
    "a lambda": ("x = [{'n': 1}]\nf = lambda: _[0].update(k=1)\nx", "f()"),
    "a default": ("x = [{'n': 1}]\nx", None, "def f(t=_):\n    t[0]['k'] = 1", "f()"),
    "a comprehension over _": (RECORDS, None, "f = (t for t in _)", "next(f)['k'] = 1"),
    "an f-string": (RECORDS, "f'{_[0].update(k=1)}'"),
    "an alias of Out": (RECORDS, None, "kept = Out", f"kept[1]{WRITE}"),
    "an alias that cannot be pickled": (RECORDS, None, "kept = iter(Out.values()), (i for i in ())", f"next(kept[0]){WRITE}"),
    "a method of Out": (RECORDS, None, "kept = Out.get", f"kept(1){WRITE}"),
    "a list of Out": (RECORDS, None, "kept = [*Out.values(), (i for i in ())]", f"kept[0]{WRITE}"),
    "a generator that holds it": (
        "def work(t):\n    yield\n    t[0]['k'] = 1\n    yield\n" + RECORDS,
        None,
        "kept = work(_); next(kept)",
        "next(kept)",
    ),
    "the shell": (RECORDS, None, "ip = get_ipython()", f"ip.displayhook._{WRITE}"),
    "the shell's namespace": (RECORDS, None, "ip = get_ipython()", f"ip.user_ns['_1']{WRITE}"),
    "the shell's completer": (RECORDS, None, "ip = get_ipython()", f"ip.Completer.namespace['_' + str(1)]{WRITE}"),
    "the display hook": (RECORDS, f"import sys\nsys.displayhook._{WRITE}"),
    "the display hook by another name": (RECORDS, None, "import sys\nhook = sys.displayhook", f"hook._{WRITE}"),
    "the display hook's shell": (NAME + RECORDS, "import sys\nsys.displayhook.shell.user_ns['_1']" + WRITE),
    "the latest result": (RECORDS, None, "ip = get_ipython()\nresult = ip.last_execution_result", f"_1{WRITE}"),
    "the history": (RECORDS, None, "ip = get_ipython()\nold = ip.history_manager", f"old.output_hist[1]{WRITE}"),
    "globals()": (NAME + RECORDS, f"globals()[name_of(95, 49)]{WRITE}"),
    "the dict of the module": (NAME + RECORDS, f"import sys\nvars(sys.modules[name_of.__module__])[name_of(95, 49)]{WRITE}"),
    "eval": (NAME + RECORDS, "eval(name_of(95, 49))[0]['k'] = 1"),
    "a magic": (RECORDS, "%time _1[0].update(k=1)"),
    "a cell magic": (RECORDS, "%%capture\n_1[0].update(k=1)"),
    "a magic with Out": (RECORDS, "%timeit -n1 -r1 Out[1][0].update(k=1)"),
    "a value displayed again": (RECORDS, None, "_", f"_1{WRITE}"),
    "a class that changes when it is shown": (
        "class C(list):\n    n = 0\n    def __repr__(self):\n        self[0]['k'] = C.n = C.n + 1\n        return 'C'\n"
        "x = [{'n': 1}]\nC(x)",
        "_1",
    ),
    "a weak reference": (
        "import weakref\nclass C(dict): pass\nx = [C(n=1)]\nx[0]",
        None,
        "kept = weakref.ref(_)",
        "kept()['k'] = 1",
    ),
    "a formatter that keeps": (
        RECORDS.replace("\nx", "\nkept = []\ndef f(t, p, c):\n    kept.append(t)\n    p.text('!')")
        + "\nfrom IPython.core.formatters import PlainTextFormatter\nget_ipython().display_formatter.formatters['text/plain']"
        ".for_type(list, f)\nx",
        f"kept[0]{WRITE}",
    ),
    "rows of a table": (TABLE + "\nx.iloc[:5]", "_1._mgr.blocks[0].values[0, 0] = 7"),
    "rows of a table by Out": (TABLE + "\nx.iloc[:5]", None, "kept = Out[1]", "kept._mgr.blocks[0].values[0, 0] = 7"),
    "rows of a table in a generator": (
        TABLE + "\ndef work(t):\n    yield\n    t._mgr.blocks[0].values[0, 0] = 7\n    yield\nx.iloc[:5]",
        None,
        "kept = work(_1); next(kept)",
        "next(kept)",
    ),
    "an array on its memory": (TABLE + "\nx['a'].array._ndarray", "_1[0] = 7"),
    "a large array in a list": (
        "import numpy as np\nx = [np.zeros(100_000)]\ndef work(t):\n    yield\n    t[0] = 1\n    yield\nx[0]",
        None,
        "kept = work(_); next(kept)",
        "next(kept)",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ATTACKS)
def test_what_reaches_a_value_through_what_was_displayed_is_found(notebook: ShellNotebook, way: str) -> None:
    first, *others = ATTACKS[way]
    notebook.cell(first)
    for source in others:
        notebook.settle()
        before = notebook.value("__import__('pickle').dumps(x)")
        changes = notebook.cell(source).changes if source is not None else None
    assert notebook.value("__import__('pickle').dumps(x)") != before, "the attack does nothing"
    assert changes is not None
    assert "x" in changes.changed
