"""What capture and restore promise, held against real code, real objects and a real store."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from livenotebook import LiveNotebook, Open

from mlm_jupyter.capture import namespace as namespace_module
from mlm_jupyter.capture.pickling import Dump
from mlm_jupyter.errors import CorruptError, UntrustedError
from mlm_jupyter.restoration import RestoreError
from mlm_jupyter.settings import Settings
from mlm_jupyter.trust import key_of

SETUPS = {
    "aliases in lists and dicts": (
        "base = [1, 2, 3]\nalias = base\nbox = {'l': base, 'n': 1}",
        "base.append(4); box['l'].append(5); alias = list(alias)",
        ["base", "alias", "box", "base is alias", "box['l'] is base"],
        "alias.append('post')",
    ),
    "objects that refer to each other": (
        "class Node:\n    count = 0\n    def __init__(self, p):\n        self.p = p\n        self.kids = []\n"
        "root = Node(None)\nchild = Node(root)\nroot.kids.append(child)",
        "root.kids.clear(); Node.count = 5; root.p = 1",
        ["child.p is root", "root.kids[0] is child", "Node.count", "type(child) is Node", "isinstance(root, Node)", "root.p"],
        "child.p.kids.append('x')",
    ),
    "functions that change globals": (
        "counter = 0\nlog = []\ndef bump(by=1):\n    global counter\n    counter += by\n    log.append(counter)\n    return counter",
        "bump(); bump(10); del log[0]",
        ["counter", "log", "bump.__globals__ is globals()", "bump.__defaults__"],
        "bump()",
    ),
    "closures that share a cell": (
        "def pair():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n        return n\n    return up, lambda: n\nup, get = pair()\nup()",
        "up(); up()",
        ["get()"],
        "up()",
    ),
    "numpy views": (
        "import numpy as np\narr = np.arange(10.)\nsl = arr[2:5]\nback = arr[::-1]\ncol = np.arange(12).reshape(3, 4)[:, 1]\nindep = np.zeros(4)",
        "sl[:] = -1; arr[0] = 100; col[:] = 0; arr.shape = (2, 5)",
        [
            "arr.tolist()",
            "sl.tolist()",
            "back.tolist()",
            "np.shares_memory(arr, sl)",
            "np.shares_memory(arr, back)",
            "col.tolist()",
        ],
        "sl[0] = 77.; back[0] = 5",
    ),
    "big arrays and their views": (
        "import numpy as np\nbig = np.arange(300_000.).reshape(300, 1000)\nrow = big[7]\ncube = np.empty((8, 100, 50)).transpose(1, 2, 0)\ncube[:] = 1\nf = np.asfortranarray(big)",
        "row[:] = 0; big[9] = 1; cube[0] = 3; f[:] = 2",
        [
            "float(big.sum())",
            "row.tolist() == big[7].tolist()",
            "cube.strides",
            "float(cube.sum())",
            "f.flags.f_contiguous",
            "float(f.sum())",
            "big.flags.owndata",
        ],
        "row[0] = -5",
    ),
    "frames under copy-on-write": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1., 2, 3], 'b': list('xyz')})\ns = df['a']\ndf2 = df\nidx = pd.Index(df['a'])\nview = df[:]",
        "df.loc[0, 'a'] = 100.; df['c'] = 1; s.iloc[1] = -1",
        ["df.values.tolist()", "s.tolist()", "df2 is df", "idx.tolist()", "view.values.tolist()", "str(df.dtypes.to_dict())"],
        "df.loc[1, 'a'] = 9.; view.loc[2, 'a'] = 4.",
    ),
    "string columns": (
        "import pandas as pd\ndf = pd.DataFrame({'u': [f'user-{i}' for i in range(5000)], 'o': pd.Series([f'o{i}' for i in range(5000)], dtype=object)})\n"
        "df['o'].iloc[3]\nnames = df['o'].to_numpy()",
        "df.loc[0, 'u'] = 'x'; df.loc[1, 'o'] = None; df = df.drop(columns=['u'])",
        ["list(df.columns)", "df['u'].iloc[0]", "df['o'].tolist()[:3]", "str(df.dtypes.to_dict())", "names[:2].tolist()"],
        "df.loc[4, 'o'] = 'late'",
    ),
    "an estimator in a dict": (
        "import numpy as np\nfrom sklearn.ensemble import RandomForestClassifier\nX = np.random.RandomState(0).rand(60, 4); y = (X[:, 0] > .5).astype(int)\n"
        "m = RandomForestClassifier(5, random_state=0).fit(X, y)\nmodels = {'rf': m}",
        "m.set_params(n_estimators=9); m.fit(X, 1 - y); models['other'] = 1",
        ["m.predict(X).tolist()", "models['rf'] is m", "sorted(models)", "m.n_estimators"],
        "m.fit(X, y)",
    ),
    "figures": (
        "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt, numpy as np\nfig, ax = plt.subplots()\nline, = ax.plot([1, 2, 3])\nax.set_title('before')\nplt.close(fig)\n"
        "other, ax2 = plt.subplots(); plt.close(other)\ndef pixels(f):\n    f.canvas.draw()\n    return int(np.asarray(f.canvas.buffer_rgba()).sum())",
        "ax.set_title('after'); line.set_ydata([3, 2, 1])",
        ["ax.get_title()", "line.get_ydata().tolist()", "line in ax.lines", "fig.axes[0] is ax", "plt.get_fignums()"],
        "ax.set_xlabel('x')",
    ),
    "a class whose base was changed": (
        "class Base:\n    def hello(self):\n        return 'old'\nclass Child(Base):\n    pass\nch = Child()",
        "Base.hello = lambda self: 'patched'",
        ["issubclass(Child, Base)", "ch.hello()", "Child().hello()", "type(ch) is Child"],
        "ch.x = 1",
    ),
    "classes of many kinds": (
        "import dataclasses, enum, typing, collections, functools\n"
        "@dataclasses.dataclass\nclass D:\n    y: int = 3\n    tags: list = dataclasses.field(default_factory=list)\n"
        "class E(enum.Enum):\n    R = 1\n    G = 2\n"
        "P = collections.namedtuple('P', 'x y')\n"
        "T = typing.TypedDict('T', {'a': int})\nN = typing.NewType('N', int)\n"
        "class C:\n    @functools.cached_property\n    def big(self):\n        return 41\n    def __init__(self):\n        super().__init__()\n"
        "@functools.lru_cache\ndef fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n"
        "@functools.singledispatch\ndef kind(x):\n    return 'any'\n@kind.register\ndef _int(x: int):\n    return 'int'\n"
        "d = D(5); e = E.R; p = P(1, 2); c = C()",
        "d.y = 6; d.tags.append(1); e = E.G; del p; D.z = 1\nclass C:\n    pass",
        [
            "d.y",
            "d.tags",
            "e is E.R",
            "p.x",
            "isinstance(d, D)",
            "isinstance(p, P)",
            "isinstance(c, C)",
            "C().big",
            "fib(20)",
            "kind(3)",
            "kind('')",
            "hasattr(D, 'z')",
            "T(a=1)",
            "N(3)",
        ],
        "d.tags.append(2)",
    ),
    "classes that others are told of": (
        "told = []\n"
        "class Base:\n    def __init_subclass__(cls, *, key, **others):\n        super().__init_subclass__(**others)\n        told.append(key)\n"
        "class Child(Base, key='child'):\n    pass\n"
        "class Meta(type):\n    def __new__(meta, name, bases, members):\n        told.append(name)\n        return super().__new__(meta, name, bases, members)\n"
        "class Made(metaclass=Meta):\n    pass\n"
        "child, made = Child(), Made()",
        "Child.x = Made.x = 1",
        ["told", "isinstance(child, Child)", "isinstance(child, Base)", "type(type(made)) is Meta", "hasattr(Child, 'x')"],
        "class Later(Base, key='later'):\n    pass\nclass More(metaclass=Meta):\n    pass",
    ),
    "classes as their statements made them": (
        "import collections, typing\nclass Row(typing.NamedTuple):\n    one: int\n    two: str = 'z'\n"
        "V = typing.TypeVar('V')\nclass Box(typing.NamedTuple, typing.Generic[V]):\n    what: V\n"
        "class Must(typing.TypedDict):\n    x: int\nclass May(Must, total=False):\n    y: int\n"
        "def make():\n    class Inner:\n        pass\n    return Inner\n"
        "Inner = make()\nclass Settings:\n    zeta = 1\n    alpha = 2\n    mid = 3\n"
        "def use(may: May):\n    pass\n"
        "row, box = Row(1), Box([1])",
        "del Row, Box, Inner, Settings, row, box, Must, May, use",
        [
            "row",
            "Row(2)",
            "row._asdict()",
            "Row.__orig_bases__",
            "box",
            "Box[int]",
            "isinstance(row, Row)",
            "Inner",
            "May.__required_keys__, May.__optional_keys__, Must.__orig_bases__",
            "use.__annotations__['may'] is May",
            "[name for name in vars(Settings) if name[0] != '_']",
        ],
        "Settings.omega = 4",
    ),
    "dataclasses and what they tell by identity": (
        "import dataclasses, io\n"
        "@dataclasses.dataclass\nclass Base:\n    one: int\n    two: list = dataclasses.field(default_factory=list)\n    _: dataclasses.KW_ONLY\n    three: int = 3\n"
        "@dataclasses.dataclass\nclass Other:\n    one: int = 1\n"
        "base = Base(1); missing = [dataclasses.MISSING]; memory = io.BytesIO(b'abc'); text = io.StringIO('abc')\n"
        "memory.read(1); text.read(2); memory.note = 'mine'",
        "Base = Other = None; base.two.append(1); missing.append(2); memory.read(); text.read()",
        [
            "base, Base(4)",
            "missing[0] is dataclasses.MISSING",
            "[field.default is dataclasses.MISSING for field in dataclasses.fields(Base)]",
            "dataclasses.make_dataclass('Sub', [('four', int, 4)], bases=(Base,))(7)",
            "memory.getvalue(), memory.tell(), memory.note",
            "text.getvalue(), text.tell()",
        ],
        "base.two.append(2); memory.read(1)",
    ),
    "functions of a script that was run": (
        "script = {'__name__': '__main__'}\n"
        "exec('kept = []\\ndef add(x):\\n    kept.append(x)\\n    return kept\\nclass Adder:\\n    def add(self, x):\\n        return add(x)', script)\n"
        "kept, add, Adder = script['kept'], script['add'], script['Adder']\nadder = Adder()\ndel script",
        "add(2); Adder = add = None",
        ["kept", "add.__globals__['kept'] is kept", "add.__globals__ is not globals()", "isinstance(adder, Adder)"],
        "adder.add(3)",
    ),
    "objects whose class has code for being filled": (
        "kept = []\n"
        "class Log(dict):\n    def __init__(self):\n        self.log = []\n"
        "    def __setitem__(self, key, value):\n        super().__setitem__(key, value)\n        self.log.append(key)\n        kept.append(key)\n"
        "class Stack(list):\n    def extend(self, items):\n        kept.append(1 / 0)\n    append = extend\n"
        "class Any:\n    __slots__ = ('__dict__', 'slot')\n    def __getattr__(self, name):\n        return name\n"
        "log = Log()\nlog['one'] = log\nstack = Stack([1, log])\nany_ = Any()\nany_.real = stack\nany_.slot = log",
        "dict.__setitem__(log, 'two', 2); del stack[0]; any_.real = any_.slot = None",
        [
            "sorted(log)",
            "log['one'] is log",
            "log.log",
            "kept",
            "len(stack), stack[1] is log",
            "any_.real is stack, any_.slot is log, any_.other",
        ],
        "log['three'] = 3",
    ),
    "what is in other containers": (
        "import collections, datetime, decimal, pathlib\nq = collections.deque([1, 2], maxlen=3)\nc = collections.Counter('hello')\nod = collections.OrderedDict(a=[1])\n"
        "dd = collections.defaultdict(list, x=[1])\nst = {1, 2}\nfs = frozenset({3})\nba = bytearray(b'abc')\nwhen = datetime.datetime(2026, 1, 1)\npath = pathlib.Path('x')\nkeys = od.keys()\nrng = range(3)",
        "q.append(3); q.append(4); c['z'] = 9; od['a'].append(2); od['b'] = 1; dd['y'].append(1); st.add(9); ba += b'd'",
        [
            "list(q)",
            "q.maxlen",
            "c['l']",
            "dict(od)",
            "dict(dd)",
            "dd.default_factory is list",
            "st",
            "fs",
            "bytes(ba)",
            "when.year",
            "str(path)",
            "list(keys)",
            "list(rng)",
        ],
        "dd['new'].append(1); od['later'] = 1",
    ),
}


@pytest.mark.parametrize("kind", SETUPS)
@pytest.mark.parametrize("where", ["the same kernel", "a fresh kernel"])
def test_a_restored_namespace_is_and_behaves_as_it_was(notebook: LiveNotebook, fresh: Open, kind: str, where: str) -> None:
    setup, spoil, checks, after = SETUPS[kind]
    target = notebook.cell(setup)
    expected = {check: repr(notebook.value(check)) for check in checks}
    notebook.cell(after)
    behaved = {check: repr(notebook.value(check)) for check in checks}
    notebook.restore(target)
    notebook.cell(spoil)

    kernel = notebook if where == "the same kernel" else fresh()
    report = kernel.restore(target)

    assert report.failed == {}
    assert {check: repr(kernel.value(check)) for check in checks} == expected
    quiet = kernel.cell("pass")
    assert not quiet.changes, "the cell after a restore finds nothing changed that was not"
    assert quiet.parent_id == target.id
    kernel.cell(after)
    assert {check: repr(kernel.value(check)) for check in checks} == behaved, "and its objects behave as before"


def test_looking_twice_finds_nothing_and_leaves_objects_as_they_were(notebook: LiveNotebook) -> None:
    for setup, _, checks, _ in SETUPS.values():
        notebook.cell(setup)
        before = {check: repr(notebook.value(check)) for check in checks}
        assert not notebook.cell("pass").changes
        assert {check: repr(notebook.value(check)) for check in checks} == before


HIDDEN_WRITES = {
    "a global statement": ("x = 0\ndef f():\n    global x\n    x = 1", "f()", "x"),
    "globals().update": ("x = 0", "globals().update(x=1)", "x"),
    "exec": ("x = [0]", "exec('x' + '.append(1)')", "x"),
    "a private name": ("_priv = []", "_priv.append(1)", "_priv"),
    "another view": ("import numpy as np\nx = np.zeros(200_000)\ny = x[5:]", "y[0] = 1", "x"),
    "a default argument": ("def f(seen=[]):\n    seen.append(1)", "f()", "f"),
    "a class attribute": ("class C:\n    items = []", "C().items.append(1)", "C"),
    "a logging handler": (
        "import logging\nx = [{} for _ in range(30_000)]\nclass H(logging.Handler):\n    def __init__(self, t):\n        super().__init__(); self.t = t\n"
        "    def emit(self, r):\n        self.t[0]['k'] = 1\nh = H(x); logging.getLogger('mlm-test').addHandler(h)",
        "logging.getLogger('mlm-test').warning('!')",
        "x",
    ),
    "the garbage collector": (
        "import gc\nx = [{} for _ in range(30_000)]\nflag = []\ndef cb(phase, info, t=x, flag=flag):\n    if flag:\n        t[0]['k'] = 1\ngc.callbacks.append(cb)",
        "flag.append(1); gc.collect(); gc.callbacks.remove(cb)",
        "x",
    ),
    "a bound method kept elsewhere": (
        "import atexit, types\nx = [[] for _ in range(30_000)]\nholder = types.SimpleNamespace(f=x[0].append)",
        "holder.f(1)",
        "x",
    ),
    "a name made from pieces": ("x = [[] for _ in range(30_000)]\nname = 'x'", "globals()[name][0].append(1)", "x"),
    "a function defined long ago": ("x = [[] for _ in range(30_000)]\ndef touch():\n    x[0].append(1)", "touch()", "x"),
    "an exchange of equal values": ("a = [[1]]\nb = [1]", "a[0] = b", "a"),
}


@pytest.mark.parametrize("way", HIDDEN_WRITES)
def test_a_change_is_found_however_it_was_made(notebook: LiveNotebook, way: str) -> None:
    setup, write, name = HIDDEN_WRITES[way]
    notebook.cell(setup)
    for quiet in ("one = 1", "two = 2", "three = 3"):  # time enough to prove what cannot be reached, and to skip it
        assert name not in notebook.cell(quiet).changes.changed
    assert name in notebook.cell(write).changes.changed


def test_a_large_graph_is_skipped_by_cells_that_cannot_reach_it_and_only_by_them(notebook: LiveNotebook) -> None:
    notebook.cell("big = [{'a': i} for i in range(50_000)]")
    looks = notebook.watch_looks()
    notebook.cell("y = 1")
    notebook.cell("y = 2")
    assert "big" in looks[-1].skipped
    assert "big" in notebook.cell("big[7]['a'] = 'changed'").changes.changed
    notebook.cell("y = 3")
    notebook.cell("kept = [big[5]]")
    notebook.cell("kept[0]['a'] = 0")
    assert set(notebook.cell("kept[0]['a'] = 1").changes.changed) == {"big", "kept"}


def test_figures_are_skipped_too_and_a_changed_one_is_found(notebook: LiveNotebook) -> None:
    notebook.cell("import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt")
    notebook.cell(
        "figs = []\nfor k in range(3):\n    fig, ax = plt.subplots()\n    ax.plot([k, 1])\n    plt.close(fig)\n    figs.append(fig)"
    )
    looks = notebook.watch_looks()
    for quiet in ("y = 1", "y = 2", "y = 3"):
        assert notebook.cell(quiet).changes.changed in ((), ("y",))
    assert {"figs", "fig", "ax"} <= set(looks[-1].skipped)
    assert set(notebook.cell("figs[2].axes[0].set_title('new')").changes.changed) == {"figs", "fig", "ax"}
    notebook.cell("y = 4")
    notebook.cell("plt.rcParams['font.size'] = 11.0")
    assert set(notebook.cell("t = figs[0].axes[0].title\nt.set_text('other')").changes.changed) == {"figs"}


def test_what_only_garbage_refers_to_is_skipped_once_that_is_collected(notebook: LiveNotebook, monkeypatch: Any) -> None:
    space, looks, thresholds = notebook.session.namespace, notebook.watch_looks(), gc.get_threshold()
    space.rules = msgspec.structs.replace(space.rules, dear_ms=0.0, patience=1e9)
    space._proofs._sweep_ms = 0.0
    monkeypatch.setattr("mlm_jupyter.capture.proofs.LEAST_MS", 0.0)  # so that the first proof is tried at once
    monkeypatch.setattr(gc, "callbacks", [])  # hypothesis has one in this process
    gc.set_threshold(0)
    try:
        notebook.cell("class Frame: pass\nbig = [[n] for n in range(1000)]\nf = Frame(); f.me, f.big = f, big; del f")
        for quiet in range(5):
            notebook.cell(f"n{quiet} = {quiet}")
    finally:
        gc.set_threshold(*thresholds)
    assert "big" in looks[-1].skipped


def test_what_was_skipped_is_found_again_if_it_could_not_be_stored(notebook: LiveNotebook) -> None:
    notebook.skip_all()
    looks = notebook.watch_looks()
    notebook.cell("big = [[n] for n in range(1000)]")
    for quiet in range(3):
        notebook.cell(f"n{quiet} = {quiet}")
    assert "big" in looks[-1].skipped
    notebook.session.namespace.forget(["big"])
    assert notebook.cell("m = 1").changes.changed == ("big",)


def test_what_could_not_be_stored_is_found_again_though_a_look_had_begun(notebook: LiveNotebook) -> None:
    notebook.namespace["forget"] = lambda: notebook.session.namespace.forget(["early"])
    notebook.cell(
        "early = [1]\ndoes = []\nclass Late:\n    def __reduce__(self):\n        does and does.pop()()\n        return Late, ()\nlate = Late()"
    )
    notebook.cell("does.append(forget)")
    assert "early" in notebook.cell("x = 1").changes.changed


def test_silent_code_between_cells_is_blamed_on_no_cell(notebook: LiveNotebook) -> None:
    notebook.cell("x = [1]\ny = 1")
    notebook.value("x.append(2)")
    notebook.session.went_unseen()
    changes = notebook.cell("y = 2").changes
    assert changes.changed == ("x", "y")
    assert changes.between == ("x",)


def test_what_cannot_be_captured_is_named_with_the_reason_and_kept_while_it_is_the_same_object(notebook: LiveNotebook) -> None:
    target = notebook.cell("import threading\nlock = threading.Lock()\ngen = (i for i in range(3))\nx = 1")
    variables = notebook.session.checkpoints.variables(target)
    assert variables["lock"].status == variables["gen"].status == "not_captured"
    assert "lock" in (variables["lock"].reason or "")
    notebook.cell("x = 2\ngen = (i for i in range(3))")
    gc.collect()
    report = notebook.restore(target)
    assert report.kept == ["lock"]
    assert list(report.failed) == ["gen"]
    assert "gen" not in notebook.namespace
    assert next(report.displaced["gen"]) == 0, "the displaced object stays reachable"


@pytest.mark.parametrize("step", ["find_places", "find_sharing", "find_overlaps"])
def test_a_value_that_a_look_fails_at_is_named_and_the_others_are_captured(
    notebook: LiveNotebook, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    notebook.cell("class Hostile:\n    pass\nx = [1]")
    kind = notebook.namespace["Hostile"]
    original = getattr(namespace_module, step)

    def fail(dumps: Mapping[str, Dump], *rest: Any) -> Any:
        if any(type(obj) is kind for dump in dumps.values() for _, obj in dump.memo.values()):
            raise AttributeError("what no object should do")
        return original(dumps, *rest)

    monkeypatch.setattr(namespace_module, step, fail)
    target = notebook.cell("hostile = Hostile()\nx.append(2)")
    variables = notebook.session.checkpoints.variables(target)
    assert (variables["hostile"].status, variables["hostile"].reason) == (
        "not_captured",
        "AttributeError: what no object should do",
    )
    assert notebook.cell("x.append(3)").changes.changed == ("x",)
    assert notebook.restore(target).kept == ["hostile"]
    assert notebook.namespace["x"] == [1, 2]
    monkeypatch.undo()
    healed = notebook.cell("hostile = Hostile()")
    assert notebook.session.checkpoints.variables(healed)["hostile"].status == "stored"


def test_what_is_excluded_is_kept_while_it_is_the_same(fresh: Open) -> None:
    notebook = fresh(settings=Settings(exclude=("raw_*",), max_variable_bytes=10_000))
    target = notebook.cell(
        "import numpy as np\nraw_rows = [[1]]\nraw_number = 1.5\nlarge = np.arange(5_000)\nother = large + 1\nx = 1"
    )
    statuses = {name: one.status for name, one in notebook.session.checkpoints.variables(target).items()}
    assert {name for name, status in statuses.items() if status == "excluded"} == {"raw_rows", "raw_number", "large", "other"}
    notebook.cell("raw_rows[0].append(2)\nother[0] = 9\nx = 2")
    report = notebook.restore(target)
    assert (report.restored, report.kept, list(report.failed)) == (["x"], ["large", "raw_number", "raw_rows"], ["other"])
    assert notebook.namespace["raw_rows"] == [[1, 2]]
    notebook.cell("raw_rows = [[1]]\nx = 3")
    assert list(notebook.restore(target).failed) == ["other", "raw_rows"]


BEGIN = "import hashlib\ndigest = hashlib.sha256()\nx = 1"
REBIND = "x = 2\ndef other():\n    global digest\n    del digest\n    digest = hashlib.sha256()"


@pytest.mark.parametrize(
    ("cells", "is_kept"),
    [
        (["x = 2", "n = digest.update(b'1')"], True),
        (["def add(x):\n    return digest.update(x)", "x = add(b'1')"], True),
        (["x = 2", "digest = hashlib.sha256()"], False),
        (["x = 2\ndel digest\ndigest = hashlib.sha256()"], False),
        ([REBIND, "x = 3", "other()"], False),
        (["x = 2", "exec('del dig' 'est; dig' 'est = hashlib.sha256()')"], False),
    ],
)
def test_an_object_that_only_its_address_tells_is_kept_where_no_cell_could_bind_another(
    notebook: LiveNotebook, cells: list[str], *, is_kept: bool
) -> None:
    target = notebook.cell(BEGIN)
    assert notebook.session.checkpoints.variables(target)["digest"].status == "not_captured"
    for source in cells:
        last = notebook.cell(source)
    for goal in (target, last, target) if is_kept else (target,):
        report = notebook.restore(goal)
        assert (report.kept == ["digest"]) is is_kept
        assert ("digest" in notebook.namespace) is is_kept
        notebook.session.went_unseen(bound_none=True)  # as comparing does
        notebook.cell("y = 1")


def test_an_open_file_is_never_touched(notebook: LiveNotebook, tmp_path: Path) -> None:
    notebook.namespace["PATH"] = str(tmp_path / "log.txt")
    target = notebook.cell("fh = open(PATH, 'w'); fh.write('hello\\n'); fh.flush()")
    notebook.cell("fh.write('more\\n'); fh.flush()")
    report = notebook.restore(target)
    assert report.kept == ["fh"]
    assert (tmp_path / "log.txt").read_text() == "hello\nmore\n"
    notebook.cell("fh.close()")


def test_strict_restores_all_or_nothing(notebook: LiveNotebook) -> None:
    target = notebook.cell("gen = (i for i in range(3)); x = 1")
    notebook.cell("gen = None; x = 2")
    with pytest.raises(RestoreError, match="gen"):
        notebook.restore(target, strict=True)
    assert notebook.value("x") == 2


def test_only_brings_the_whole_alias_group_and_says_so(notebook: LiveNotebook) -> None:
    target = notebook.cell("a = [1]; b = {'a': a}; c = 1\nclass K:\n    v = 1\nk = K()")
    notebook.cell("a.append(2); c = 2; K.v = 2")
    report = notebook.restore(target, only=["a"])
    assert set(report.restored) == {"a", "b"}
    assert any("b" in note for note in report.notes)
    assert notebook.value("(a, b['a'] is a, c)") == ([1], True, 2)
    assert set(notebook.restore(target, only=["k"]).restored) == {"K", "k"}
    assert notebook.value("(K.v, isinstance(k, K))") == (1, True)


def test_a_dry_run_changes_nothing_and_foretells_the_restore(notebook: LiveNotebook) -> None:
    target = notebook.cell("x = [1]; y = 1")
    notebook.cell("x.append(2); z = 3")
    foretold = notebook.restore(target, dry_run=True)
    assert notebook.value("(x, z)") == ([1, 2], 3)
    report = notebook.restore(target)
    assert (report.restored, report.unchanged, report.removed) == (foretold.restored, foretold.unchanged, foretold.removed)


def test_restoring_saves_what_is_there_and_undo_comes_back(notebook: LiveNotebook) -> None:
    first = notebook.cell("x = 1")
    second = notebook.cell("x = 2")
    notebook.value("globals().update(x=3)")
    notebook.restore(first)
    saves = [c for c in notebook.session.checkpoints.list(notebook="test.ipynb") if c.kind == "save"]
    assert [save.parent_id for save in saves] == [second.id]
    notebook.restore(saves[0])
    assert notebook.value("x") == 3
    notebook.way_back.undo(1)
    assert notebook.value("x") == 2


def test_random_numbers_the_folder_and_the_path_come_back_with_a_full_restore(notebook: LiveNotebook, tmp_path: Path) -> None:
    target = notebook.cell("import random, numpy as np, os, sys\nrandom.seed(3); np.random.seed(3); random.random()")
    there = notebook.value("os.getcwd()")
    expected = notebook.value("(random.random(), float(np.random.rand()))")
    try:
        notebook.namespace["TMP"] = str(tmp_path)
        notebook.cell("os.chdir(TMP); sys.path.append('/nowhere/at/all'); random.random()")
        notebook.restore(target)
        assert notebook.value("(random.random(), float(np.random.rand()))") == expected
        assert notebook.value("os.getcwd()") == there
        assert notebook.value("'/nowhere/at/all' in sys.path") is False
    finally:
        import os

        os.chdir(there)


def test_another_users_checkpoint_is_refused_before_anything_is_unpickled(notebook: LiveNotebook, fresh: Open) -> None:
    target = notebook.cell("class Boom:\n    def __reduce__(self):\n        return print, ('ran',)\nx = Boom()")
    with pytest.raises(UntrustedError, match="mlm trust"):
        fresh(key=key_of(b"o" * 32)).restore(target)


def test_a_flipped_byte_is_refused_by_name_and_the_rest_comes_back(notebook: LiveNotebook, fresh: Open, tmp_path: Path) -> None:
    marker = "a text that stands in the pack as it is, for it is too short to compress"
    target = notebook.cell(f"good = [1]\nbad = [{marker!r}]")
    notebook.session.flush()
    flipped = 0
    for pack in (tmp_path / ".mlm" / "packs").glob("*.pack"):
        data = bytearray(pack.read_bytes())
        entry = notebook.session.packs.get(notebook.session.checkpoints.variables(target)["bad"].group or "")
        position = data.find(marker.encode())
        if position >= 0:
            data[position] ^= 1
            pack.write_bytes(data)
            flipped += 1
        assert entry
    if not flipped:
        pytest.fail("the marker was not found in a pack: store it uncompressed or choose another")
    kernel = fresh()
    report = kernel.restore(target)
    assert list(report.failed) == ["bad"]
    assert kernel.value("good") == [1]
    assert CorruptError.code == "corrupt"


def test_secrets_are_not_stored_and_say_so(notebook: LiveNotebook) -> None:
    target = notebook.cell("api_key = 'sk-123456'\ntokenizer = 'words'\nn_tokens = 3")
    variables = notebook.session.checkpoints.variables(target)
    assert variables["api_key"].status == "secret"
    assert variables["api_key"].group is None
    assert "sk-123456" not in variables["api_key"].preview.text
    assert variables["tokenizer"].status == variables["n_tokens"].status == "stored"


def test_what_the_user_excludes_is_not_stored(fresh: Open) -> None:
    kernel = fresh(settings=Settings(exclude=("tmp_*",), exclude_types=("dict",), max_variable_bytes=1000))
    target = kernel.cell("tmp_a = 1\nd = {}\nbig = 'x' * 5000\nkept = 1")
    variables = kernel.session.checkpoints.variables(target)
    assert {name: variables[name].status for name in ("tmp_a", "d", "big", "kept")} == {
        "tmp_a": "excluded",
        "d": "excluded",
        "big": "excluded",
        "kept": "stored",
    }


def test_a_store_over_its_limit_drops_old_values_and_says_so_and_keeps_the_rest(fresh: Open, monkeypatch: Any) -> None:
    kernel = fresh(settings=Settings(retention_bytes=3_000_000, retention_free_share=0.0))
    kernel.session.packs.batch()
    first = kernel.cell("import os\nx = os.urandom(1_000_000)")
    named = kernel.cell("x = os.urandom(1_000_000)")
    kernel.session.checkpoints.set_name(named.id, "kept")
    for _ in range(4):
        kernel.cell("x = os.urandom(1_000_000)")
    kernel.session.retention._last_s = 0.0  # five minutes have gone by
    last = kernel.cell("y = 1")
    kernel.session.flush()
    assert any("over its limit" in line for line in kernel.told)
    report = kernel.restore(first)
    assert "freed" in report.failed["x"]
    assert kernel.session.checkpoints.variables(first)["x"].preview.text
    assert kernel.restore("kept").restored == ["x"]
    assert "x" in kernel.restore(last).restored


HOSTILE = {
    "__reduce__ raises": "class X:\n    def __reduce__(self):\n        raise ValueError('no')",
    "__eq__ raises": "class X:\n    def __eq__(self, other):\n        raise ValueError('no')\n    __hash__ = None",
    "__repr__ raises": "class X:\n    def __repr__(self):\n        raise ValueError('no')",
    "__getattr__ raises": "class X:\n    def __getattr__(self, name):\n        raise RuntimeError('no')",
    "__getattribute__ raises": "class X:\n    def __getattribute__(self, name):\n        raise RuntimeError('no')",
    "__class__ lies": "class X:\n    @property\n    def __class__(self):\n        raise RuntimeError('no')",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_objects_harm_neither_the_cell_nor_the_others(notebook: LiveNotebook, kind: str) -> None:
    notebook.cell("y = [1]")
    target = notebook.cell(f"{HOSTILE[kind]}\nx = X()\ny.append(2)")
    assert "y" in target.changes.changed
    notebook.cell("y.append(3)")
    notebook.restore(target)
    assert notebook.value("y") == [1, 2]
    assert notebook.told == []


def test_pickling_code_that_hangs_is_interrupted_and_named(fresh: Open) -> None:
    kernel = fresh()
    kernel.session.namespace._timebox._seconds = 0.4
    target = kernel.cell(
        "import time\nclass Slow:\n    def __reduce__(self):\n        while True:\n            time.sleep(0.01)\nx = Slow()\ny = 1"
    )
    variables = kernel.session.checkpoints.variables(target)
    assert variables["x"].status == "not_captured"
    assert "more than 0.4 s" in (variables["x"].reason or "")
    assert variables["y"].status == "stored"


def test_an_interrupt_while_the_present_is_saved_restores_nothing_and_loses_nothing(notebook: LiveNotebook) -> None:
    target = notebook.cell(
        "stops = []\nclass Slow:\n    def __reduce__(self):\n        if stops:\n            raise KeyboardInterrupt\n"
        "        return Slow, (), vars(self)\nslow = Slow()\nx = slow.n = 1"
    )
    present = notebook.cell("x = slow.n = 2")
    notebook.namespace.update(x=3, stops=[1])
    notebook.namespace["slow"].n = 3
    with pytest.raises(KeyboardInterrupt):
        notebook.restore(target)
    assert notebook.value("(x, slow.n)") == (3, 3)
    notebook.namespace["stops"] = []
    notebook.restore(target)
    assert notebook.value("(x, slow.n)") == (1, 1)
    saved = next(made for made in notebook.session.checkpoints.list(limit=9) if made.kind == "save")
    assert saved.parent_id == present.id
    notebook.restore(saved)
    assert notebook.value("(x, slow.n)") == (3, 3)


def test_a_module_of_the_project_that_was_rewritten_is_named(
    notebook: LiveNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "rewritten_later.py"
    module.write_text("def rate():\n    return 1\n", encoding="utf-8")
    target = notebook.cell("from rewritten_later import rate\nimport rewritten_later\nx = 1")
    notebook.cell("x = 2")
    assert notebook.restore(target).notes == []
    module.write_text("def rate():\n    return 2  # better\n", encoding="utf-8")
    notebook.cell("import importlib\nrate = importlib.reload(rewritten_later).rate\nx = 3")
    [note] = notebook.restore(target).notes
    assert note == "rewritten_later.py is another than at the checkpoint: what was imported from it is as it is now"
    assert notebook.value("(x, rate())") == (1, 2)
    sys.modules.pop("rewritten_later")


def test_an_object_of_a_module_says_that_it_comes_back_as_a_copy(
    notebook: LiveNotebook, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "conf.py").write_text("RATES = {'a': 1}\nNAME = 'x'\ndef rate():\n    return RATES['a']\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        made = notebook.cell("from conf import NAME, RATES, rate\nfrom scipy.stats import norm\nown = {'a': 1}")
        notebook.cell("RATES['a'] = own['a'] = 2")
        report = notebook.restore(made)
    finally:
        sys.modules.pop("conf", None)
    assert report.lossy == {"RATES": "as a copy of conf.RATES, which stays as it is"}
    assert notebook.value("(RATES['a'], rate(), own['a'])") == (1, 2, 1)


def test_a_dict_that_only_a_name_has_costs_no_walk_over_all_objects(
    notebook: LiveNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def walk(*_: object) -> None:
        raise AssertionError("a walk over all objects")

    notebook.cell("x = 1")  # before the first, functions are sought that were there before
    monkeypatch.setattr(gc, "get_referrers", walk)
    notebook.cell("class Model: pass\nmodels = {}")
    made = notebook.cell("model = Model()\nmodels['first'] = model")
    assert notebook.session.namespace.group_of("model") == ("model", "models")
    assert notebook.session.checkpoints.variables(made)["models"].status == "stored"
    held = notebook.cell("attributes = vars(model)")
    assert "walk over all objects" in (notebook.session.checkpoints.variables(held)["attributes"].reason or "")


def test_definitions_of_one_kind_share_nothing(notebook: LiveNotebook) -> None:
    notebook.cell(
        "import abc, collections, dataclasses, enum, functools, typing\n"
        "V = typing.TypeVar('V')\nP1, P2 = (collections.namedtuple(name, 'a b') for name in ('P1', 'P2'))"
        + "".join(
            f"\n@dataclasses.dataclass\nclass D{n}:\n    y: int = {n}\n    z: list = dataclasses.field(default_factory=list)"
            f"\nclass A{n}(abc.ABC):\n    @abc.abstractmethod\n    def f(self): return {n}"
            f"\nclass E{n}(enum.Enum):\n    A = {n}\nclass T{n}(typing.TypedDict):\n    a: int"
            f"\nclass N{n}(typing.NamedTuple):\n    a: int\nclass R{n}(typing.Protocol):\n    a: int"
            f"\nclass G{n}(typing.Generic[V]):\n    a = {n}\nclass M{n}(dict[str, V]):\n    a = {n}"
            f"\n@functools.lru_cache\ndef l{n}(): return {n}\n@functools.singledispatch\ndef s{n}(x): return {n}"
            for n in (1, 2)
        )
    )
    space = notebook.session.namespace
    assert {space.group_of(name) for name in space.names()} == {(name,) for name in space.names()}


def test_deep_nesting_and_recursive_structures_are_captured_or_named(notebook: LiveNotebook) -> None:
    target = notebook.cell(
        "deep = []\nfor _ in range(10_000):\n    deep = [deep]\nloop = [1]\nloop.append(loop)\nd = {}\nd['self'] = d\nλ = 'Übung'"
    )
    variables = notebook.session.checkpoints.variables(target)
    assert variables["loop"].status == variables["d"].status == variables["λ"].status == "stored"
    assert variables["deep"].status == "stored" or "ecursion" in (variables["deep"].reason or "")
    notebook.cell("loop.append(2); d.clear(); λ = ''; deep = None")
    notebook.restore(target)
    assert notebook.value("(loop[1] is loop, len(loop), d['self'] is d, λ)") == (True, 2, True, "Übung")
    notebook.namespace.pop("deep", None)


def test_a_secret_that_is_the_same_as_then_stays(notebook: LiveNotebook) -> None:
    target = notebook.cell("api_key = ' '.join(['se', 'cret']); x = 1")
    notebook.cell("api_key = 'secret'[:2] + ' cret'; x = 2")  # an equal text
    report = notebook.restore(target)
    assert (report.restored, report.kept, report.failed) == (["x"], ["api_key"], {})
    assert notebook.value("api_key") == "se cret"
    notebook.cell("api_key = 'another'")
    report = notebook.restore(target)
    assert report.kept == [] and "secret" in report.failed["api_key"]
    assert "api_key" not in notebook.namespace


def test_an_iterator_over_a_dict_says_that_it_comes_back_as_one_over_what_was_left(notebook: LiveNotebook) -> None:
    target = notebook.cell("numbers = {1: 'one', 2: 'two', 3: 'three'}\nleft = iter(numbers)\nnext(left)\nplain = iter([1, 2])")
    notebook.cell("left = plain = None")
    report = notebook.restore(target)
    assert list(notebook.value("left")) == [2, 3]
    assert report.lossy == {"left": "without the dict or set that it went over, with what was left of it"}


def test_a_value_whose_error_cannot_even_be_printed_is_said_not_to_be_captured(notebook: LiveNotebook) -> None:
    made = notebook.cell(
        "class Mute(Exception):\n"
        "    def __str__(self): raise RuntimeError\n"
        "class Odd:\n"
        "    def __reduce__(self): raise Mute\n"
        "odd, even = Odd(), 2"
    )
    variables = notebook.session.checkpoints.variables(made)
    assert (variables["odd"].status, variables["odd"].reason) == ("not_captured", "Mute")
    assert variables["even"].status == "stored"
