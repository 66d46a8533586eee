"""What is shared by whatever means comes back shared, or the record of the variable says that it does not."""

from __future__ import annotations

import pytest
from livenotebook import LiveNotebook, Open

NP = "import numpy as np\n"
SHELL = NP + "class Shell:\n    def __init__(self, t):\n        self.__array_interface__, self.t = t.__array_interface__, t\n"
PD = NP + "import pandas as pd\n"
ARROW = NP + "import pyarrow as pa\n"

KEPT = {
    # what is made, how it is changed through one name, where that is seen through another
    "a slice": (NP + "a = np.zeros(8); b = a[2:]", "b[1] = 7", "a.tolist()"),
    "a bytearray": (NP + "a = bytearray(64); b = np.frombuffer(a, 'u1')", "a[3] = 7", "b.tolist()"),
    "a hidden bytearray": (
        NP + "x = bytearray(64); a = np.frombuffer(x, 'u1'); b = np.frombuffer(x, 'u1'); del x",
        "a[3] = 7",
        "b.tolist()",
    ),
    "a part of a bytearray": (NP + "a = bytearray(64); b = np.asarray(memoryview(a)[8:])", "a[9] = 7", "b.tolist()"),
    "an array.array": (NP + "import array\na = array.array('d', [0] * 8); b = np.asarray(a)", "a[3] = 7", "b.tolist()"),
    "a hidden array.array": (
        NP + "import array\nx = array.array('d', [0] * 8); a = np.frombuffer(x); b = np.frombuffer(x); del x",
        "a[3] = 7",
        "b.tolist()",
    ),
    "an array's memoryview": (NP + "a = np.zeros(8); b = np.asarray(memoryview(a))", "a[3] = 7", "b.tolist()"),
    "DLPack": (NP + "a = np.zeros(8); b = np.from_dlpack(a)", "a[3] = 7", "b.tolist()"),
    "DLPack of much": (NP + "a = np.zeros(80_000); b = np.from_dlpack(a)", "a[3] = 7", "b[3]"),
    "DLPack of a part": (NP + "a = np.zeros((8, 4)); b = np.from_dlpack(a[2:, 1])", "a[3] = 7", "b.tolist()"),
    "DLPack inside one value": (NP + "a = [np.zeros(8)]; a.append(np.from_dlpack(a[0]))", "a[0][3] = 7", "a[1].tolist()"),
    "hidden parts that overlap": (
        NP + "x = np.zeros(8); a = np.from_dlpack(x[:6]); b = np.from_dlpack(x[2:]); del x",
        "a[3] = 7",
        "b.tolist()",
    ),
    "an array interface": (SHELL + "a = np.zeros(8); b = np.asarray(Shell(a))", "a[3] = 7", "b.tolist()"),
    "a pointer": (
        NP + "import ctypes\nx = (ctypes.c_double * 8)(); a = np.ctypeslib.as_array(x); b = np.frombuffer(x); del x",
        "a[3] = 7",
        "b.tolist()",
    ),
    "an array of ctypes": (
        NP + "import ctypes\na = (ctypes.c_double * 8)(); b = np.ctypeslib.as_array(a)",
        "a[3] = 7",
        "b.tolist()",
    ),
    "arrays of a notebook's class": (
        NP + "class A(np.ndarray): pass\na = A((8,)); a[:] = 0; a.note = [1]; b = a[2:].view(np.ndarray); c = a.note",
        "a[3] = 7; a.note.append(1)",
        "(b.tolist(), c)",
    ),
    "a record": (NP + "a = np.zeros(4, [('x', 'f8'), ('y', 'i4')]); b = a[1]", "a['x'][1] = 7", "float(b['x'])"),
    "a record of a record array": (
        NP + "a = np.zeros(4, [('x', 'f8'), ('y', 'i4')]).view(np.recarray); b = a[1]",
        "a['x'][1] = 7",
        "float(b['x'])",
    ),
    "a record's copy": (NP + "a = np.zeros(1, [('x', 'f8')])[0].copy(); b = [a]", "a['x'] = 5", "float(b[0]['x'])"),
    "a view that may write where its array may not": (
        NP + "a = np.zeros(8); b = a[2:]; a.flags.writeable = False",
        "b[1] = 7",
        "(a.tolist(), a.flags.writeable)",
    ),
    "an Index": (PD + "a = pd.Index([1, 2], name='n'); b = pd.Series([1, 2], index=a)", "a.name = 'z'", "b.index.name"),
    "an Index of two tables": (
        PD + "a = pd.DataFrame({'x': [1, 2]}); b = a * 2; c = a.columns",
        "a.columns.name = 'z'",
        "(b.columns.name, c is a.columns)",
    ),
    "an Index on an array": (PD + "a = np.zeros(8); b = pd.Index(a, copy=False)", "a[3] = 7", "b.tolist()"),
    "the dict of an object": ("class C: pass\na = C(); a.x = 1; b = vars(a)", "b['x'] = 5", "a.x"),
    "the dict of a class": ("class a: x = 1\nb = vars(a)", "a.x = 5", "b['x']"),
    "a mapping proxy": ("import types\na = {'x': 1}; b = types.MappingProxyType(a)", "a['y'] = 1", "dict(b)"),
    "a date of a notebook's class": (
        "import datetime\nclass D(datetime.date): pass\na = D(2026, 1, 1); a.note = 1; b = [a]",
        "a.note = 2",
        "b[0].note",
    ),
    "a text of a notebook's class": ("class T(str): pass\na = T('x'); b = [a]", "a.note = 2", "b[0].note"),
    "a tuple of a notebook's class": ("class T(tuple): pass\na = T('x'); b = [a]", "a.note = 2", "b[0].note"),
    "members of an enum": (
        "import enum\nclass E(enum.Enum):\n    R = (1, 2)\n    def __init__(self, x, y):\n        self.x, self.y = x, [y]\n"
        "a = E.R; a.note = 'kept'; b = a.y",
        "b.append(5); E.R.note += '!'",
        "(a.x, a.y, a.note)",
    ),
    "combined flags": (
        "import enum\nclass F(enum.Flag):\n    A = 1\n    B = 2\na = F.A | F.B; a.note = [1]; b = F(3)",
        "a.note.append(1)",
        "b.note",
    ),
    "a type variable": ("import typing\na = typing.TypeVar('a'); b = [a]", "pass", "b[0] is a"),
}

SAID = {
    "Arrow on an array": (ARROW + "a = np.zeros(8); b = pa.array(a)", "a[3] = 7", "b.tolist()"),
    "Arrow on a bytearray": (ARROW + "a = bytearray(64); b = pa.py_buffer(a)", "a[3] = 7", "b.to_pybytes()"),
    "Arrow on a table": (
        ARROW + "import pandas as pd\na = pd.DataFrame({'x': np.zeros(8)}); b = pa.Table.from_pandas(a)",
        "a.loc[3, 'x'] = 7",
        "b['x'].to_pylist()",
    ),
    "the insides of an estimator": (
        NP + "from sklearn.tree import DecisionTreeRegressor\n"
        "a = DecisionTreeRegressor().fit(np.arange(4.)[:, None], np.arange(4.)); b = a.tree_.value",
        "b[:] = 7",
        "float(a.tree_.value.sum())",
    ),
    "a buffer of a BytesIO": (
        NP + "import io\na = io.BytesIO(bytes(8)); b = np.frombuffer(a.getbuffer(), 'u1')",
        "b[3] = 7",
        "a.getvalue()",
    ),
    "texts of any length": (NP + "a = np.array(['x', 'yy'], np.dtypes.StringDType()); b = a[1:]", "a[1] = 'z'", "b.tolist()"),
    "the dict of a function": ("def a(): pass\na.x = 1; b = vars(a)", "b['x'] = 5", "a.x"),
    "the dict of an estimator": (
        "from sklearn.linear_model import Ridge\na = Ridge(); b = vars(a)",
        "b['alpha'] = 5",
        "a.alpha",
    ),
    "a ctypes object at an address": (
        NP + "import ctypes\na = np.zeros(8); b = ctypes.c_double.from_address(a.ctypes.data)",
        "a[0] = 7",
        "b.value",
    ),
    "the cause of an exception": (
        "a = ValueError(); a.note = 1; b = KeyError(); b.__cause__ = a",
        "a.note = 2",
        "b.__cause__ and b.__cause__.note",
    ),
    "a part of a memoryview": ("a = bytearray(64); b = memoryview(a)[2:]", "a[3] = 7", "b.tolist()"),
}

ITS_OWN = {
    "arrays": NP + "a = np.zeros(8); b = np.zeros(8)",
    "views that only read": ARROW + "a = pa.array([1.0, 2.0]); b = a.to_numpy()",
    "texts of any length": (NP + "a = np.array(['x', 'yy'], np.dtypes.StringDType()); b = a.dtype.char"),
    "a dict in a list": "a = {'x': [1]}; b = [a]; c = {'d': a}",
    "the namespace": "a = globals(); b = 1",
    "string columns": "import pandas as pd\na = pd.DataFrame({'s': ['x', 'y']}, dtype='str'); b = a[['s']]; c = a['s']",
    "forests": (
        NP + "from sklearn.ensemble import RandomForestRegressor\n"
        "a = RandomForestRegressor(3).fit(np.arange(9.)[:, None], np.arange(9.)); b = {'forest': a}; c = a.estimators_[0]"
    ),
    "slices of Cython's": (
        NP + "from sklearn.ensemble import BaggingRegressor\n"
        "a = BaggingRegressor(n_estimators=3).fit(np.arange(9.)[:, None], np.arange(9.)); b = [a.estimators_features_]"
    ),
}
APART = {
    "records of one kind": NP
    + "kind = np.dtype([('n', 'i8'), ('x', 'f8')])\na = np.zeros(8, kind); b = np.zeros(9, kind)\ndel kind",
    "models of one kind": (
        NP + "from sklearn.tree import DecisionTreeRegressor as Tree\n"
        "a, b = (Tree(max_depth=n).fit(np.arange(9.)[:, None], np.arange(9.)) for n in (1, 2))"
    ),
}


@pytest.mark.parametrize("kind", APART)
def test_what_has_only_its_kind_in_common_is_stored_apart(notebook: LiveNotebook, kind: str) -> None:
    notebook.cell(APART[kind])
    assert notebook.session.namespace.group_of("a") == ("a",)
    assert notebook.session.namespace.group_of("b") == ("b",)


def seen_after(kernel: LiveNotebook, change: str, see: str) -> str:
    """Return what is seen through one name once memory was changed through another."""
    kernel.cell(change)
    return repr(kernel.value(see))


@pytest.mark.parametrize("how", KEPT)
def test_shared_memory_is_shared_when_it_comes_back(notebook: LiveNotebook, fresh: Open, how: str) -> None:
    setup, change, see = KEPT[how]
    other = fresh()
    target = notebook.cell(setup)
    assert not notebook.cell("pass").changes
    other.restore(target)
    assert not other.cell("pass").changes, "the cell after a restore finds nothing changed that was not"
    assert {variable.lossy for variable in notebook.session.checkpoints.variables(target).values()} == {None}
    assert seen_after(other, change, see) == seen_after(notebook, change, see)


@pytest.mark.parametrize("how", SAID)
def test_sharing_that_cannot_come_back_is_said(notebook: LiveNotebook, fresh: Open, how: str) -> None:
    setup, change, see = SAID[how]
    other = fresh()
    target = notebook.cell(setup)
    before = repr(notebook.value(see))
    notebook.cell(change)
    record = notebook.session.checkpoints.variables(target)["b"]
    assert record.lossy is not None or record.status == "not_captured"
    seen = repr(notebook.value(see))
    assert seen != before, "nothing is shared"
    other.restore(target)
    other.cell(change)
    assert "b" not in other.namespace or repr(other.value(see)) != seen, "it comes back shared: say less"


@pytest.mark.parametrize("kind", ITS_OWN)
def test_memory_of_its_own_is_not_said_to_be_shared(notebook: LiveNotebook, kind: str) -> None:
    target = notebook.cell(ITS_OWN[kind])
    assert {variable.lossy for variable in notebook.session.checkpoints.variables(target).values()} == {None}


def test_a_view_of_lent_memory_that_becomes_a_copy_is_a_change(notebook: LiveNotebook, fresh: Open) -> None:
    notebook.cell(NP + "a = np.zeros(8); b = np.from_dlpack(a)")
    apart = notebook.cell("b = b.copy()")
    assert "b" in apart.changes.changed
    other = fresh()
    other.restore(apart)
    assert seen_after(other, "a[3] = 7", "b.tolist()") == repr([0.0] * 8)


def test_arrays_keep_their_types(notebook: LiveNotebook, fresh: Open) -> None:
    other = fresh()
    target = notebook.cell(
        "import numpy as np\nt = np.array([['x', None]], np.dtypes.StringDType(na_object=None))\n"
        "r = np.zeros(2, [('x', 'f8')]).view(np.recarray)\nclass A(np.ndarray): pass\na = np.ones(3).view(A)"
    )
    other.restore(target)
    for see in ("t.dtype", "t.tolist()", "type(r) is np.recarray", "r.x.tolist()", "type(a) is A", "float(a.sum())"):
        assert repr(other.value(see)) == repr(notebook.value(see)), see


def test_tables_that_share_an_index_are_one_group_and_those_that_do_not_are_not(notebook: LiveNotebook) -> None:
    target = notebook.cell("import pandas as pd\ndf = pd.DataFrame({'x': [1., 2, 3]})\nhalf = df / 2\nfew = df[df.x > 1]")
    variables = notebook.session.checkpoints.variables(target)
    assert variables["df"].group == variables["half"].group
    assert variables["df"].group != variables["few"].group
