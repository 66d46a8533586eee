"""An array that only its name leads to is skipped; one that anything else leads to is not, however it does."""

from __future__ import annotations

import pytest
from livenotebook import LiveNotebook

MADE = {
    "an array": "x = np.zeros(9)",
    "a reshaped one": "x = np.zeros(9).reshape(3, 3)[0]",
    "every second": "x = np.zeros(9)[::2]",
}
HOLDERS = {
    "a list": ("kept = [x]", "kept[0][1] = 5"),
    "a view": ("kept = x[1:]", "kept[0] = 5"),
    "a memory view": ("kept = memoryview(x)", "np.asarray(kept)[1] = 5"),
    "a weak reference": ("import weakref\nkept = weakref.ref(x)", "kept()[1] = 5"),
    "a generator": ("def steps(a):\n    yield\n    a[1] = 5\n    yield\nkept = steps(x); next(kept)", "next(kept)"),
    "a default": ("def kept(a=x):\n    a[1] = 5", "kept()"),
    "a closure": ("def make(a):\n    def put():\n        a[1] = 5\n    return put\nkept = make(x)", "kept()"),
    "a callback": ("import functools\nkept = functools.partial(np.ndarray.__setitem__, x, 1, 5)", "kept()"),
    "what it is a view of": ("kept = x.base if x.base is not None else x", "kept.reshape(-1)[:] = 5"),
    "an iterator": ("kept = np.nditer(x, op_flags=['readwrite'])", "for item in kept: item[...] = 5\ndel item"),
}


@pytest.mark.parametrize("who", HOLDERS)
@pytest.mark.parametrize("what", MADE)
def test_a_change_through_what_else_leads_to_an_array_is_found(notebook: LiveNotebook, what: str, who: str) -> None:
    hold, change = HOLDERS[who]
    looks = notebook.watch_looks()
    notebook.cell(f"import numpy as np\n{MADE[what]}\n{hold}")
    notebook.cell("one = 1")
    notebook.cell("two = 2")
    made = notebook.cell(f"{change}\ndel kept")
    assert "x" in made.changes.changed
    notebook.cell("steps = make = put = item = None")
    for quiet in ("three = 3", "four = 4"):
        notebook.cell(quiet)
    assert ("x" in looks[-1].skipped) == (who != "a default"), "which any cell could call by its name"
    assert notebook.cell("x[1] = 7").changes.changed == ("x",)
    notebook.restore(made)
    assert notebook.value("x[1]") == 5


def test_an_array_that_is_bound_anew_is_another(notebook: LiveNotebook) -> None:
    looks = notebook.watch_looks()
    notebook.cell("import numpy as np\nx = np.zeros(9)\ny = np.zeros(9)")
    notebook.cell("one = 1")
    notebook.cell("two = 2")
    assert {"x", "y"} <= set(looks[-1].skipped)
    assert notebook.cell("globals()['x'] = np.ones(9)").changes.changed == ("x",)
    assert notebook.cell("x, y = y, x").changes.changed == ("x", "y")
    notebook.session.namespace.forget(["y"])
    assert notebook.cell("three = 3").changes.changed == ("y",)
