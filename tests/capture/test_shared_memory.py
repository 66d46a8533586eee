"""Memory shared by whatever means comes back shared, or the record of the variable says that it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from livenotebook import LiveNotebook

NP = "import numpy as np\n"
SHELL = NP + "class Shell:\n    def __init__(self, t):\n        self.__array_interface__, self.t = t.__array_interface__, t\n"
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
    "a part of a memoryview": ("a = bytearray(64); b = memoryview(a)[2:]", "a[3] = 7", "b.tolist()"),
}

ITS_OWN = {
    "arrays": NP + "a = np.zeros(8); b = np.zeros(8)",
    "views that only read": ARROW + "a = pa.array([1.0, 2.0]); b = a.to_numpy()",
    "string columns": "import pandas as pd\na = pd.DataFrame({'s': ['x', 'y']}, dtype='str'); b = a[['s']]; c = a['s']",
    "forests": (
        NP + "from sklearn.ensemble import RandomForestRegressor\n"
        "a = RandomForestRegressor(3).fit(np.arange(9.)[:, None], np.arange(9.)); b = {'forest': a}; c = a.estimators_[0]"
    ),
}


@pytest.fixture
def kernels(tmp_path: Path) -> Iterator[Any]:
    made: list[LiveNotebook] = []

    def make() -> LiveNotebook:
        made.append(LiveNotebook(tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.close()


def seen_after(kernel: LiveNotebook, change: str, see: str) -> str:
    """Return what is seen through one name once memory was changed through another."""
    kernel.cell(change)
    return repr(kernel.value(see))


@pytest.mark.parametrize("how", KEPT)
def test_shared_memory_is_shared_when_it_comes_back(kernels: Any, how: str) -> None:
    setup, change, see = KEPT[how]
    kernel, fresh = kernels(), kernels()
    target = kernel.cell(setup)
    assert not kernel.cell("pass").changes
    fresh.restore(target)
    assert not fresh.cell("pass").changes, "the cell after a restore finds nothing changed that was not"
    assert {variable.lossy for variable in kernel.session.checkpoints.variables(target).values()} == {None}
    assert seen_after(fresh, change, see) == seen_after(kernel, change, see)


@pytest.mark.parametrize("how", SAID)
def test_sharing_that_cannot_come_back_is_said(kernels: Any, how: str) -> None:
    setup, change, see = SAID[how]
    kernel, fresh = kernels(), kernels()
    target = kernel.cell(setup)
    before = repr(kernel.value(see))
    record = kernel.session.checkpoints.variables(target)["b"]
    assert record.lossy == "without the memory shared with a" or record.status == "not_captured"
    assert seen_after(kernel, change, see) != before, "nothing is shared"
    fresh.restore(target)
    fresh.cell(change)
    assert "b" not in fresh.namespace or repr(fresh.value(see)) == before, "it comes back shared: say less"


@pytest.mark.parametrize("kind", ITS_OWN)
def test_memory_of_its_own_is_not_said_to_be_shared(kernels: Any, kind: str) -> None:
    kernel = kernels()
    target = kernel.cell(ITS_OWN[kind])
    assert {variable.lossy for variable in kernel.session.checkpoints.variables(target).values()} == {None}


def test_a_view_of_lent_memory_that_becomes_a_copy_is_a_change(kernels: Any) -> None:
    kernel = kernels()
    kernel.cell(NP + "a = np.zeros(8); b = np.from_dlpack(a)")
    apart = kernel.cell("b = b.copy()")
    assert "b" in apart.changes.changed
    fresh = kernels()
    fresh.restore(apart)
    assert seen_after(fresh, "a[3] = 7", "b.tolist()") == repr([0.0] * 8)
