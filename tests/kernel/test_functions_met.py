"""Functions that no tracked cell defined: what they change is seen, though cells that do not name it are skipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from livenotebook import LiveNotebook, Open
from tracked import START, open_kernel

RECORDS = "x = [{'n': i} for i in range(20_000)]\n"
WAYS = {
    "a function": ("def run(): x[0]['k'] = x[0].get('k', 0) + 1", "run()"),
    "a function in a dict": ("tools = {'run': lambda: x[0].update(k=len(x[0]) + 1)}", "tools['run']()"),
    "a method": ("class C:\n    def run(self):\n        x.append(1)\nc = C()", "c.run()"),
    "a property": ("class C:\n    @property\n    def run(self): x.append(1)\nc = C()", "c.run"),
    "a closure": ("def make():\n    def inner():\n        x.append(1)\n    return inner\nrun = make()\ndel make", "run()"),
    "a function that binds": ("def run():\n    global x\n    x = 5", "run()"),
    "a name made of two": ("def run(name): globals()[name].append(1)", "run('x'[:1])"),
    "a function that nobody has the source of": (
        "exec(\"def run(): eval('ZZ'.replace('Z', '') + chr(120)).append(1)\")",
        "run()",
    ),
}


LATER = ("%run -i script.py", "exec(open('script.py').read())", "%%time\ndef run(): x[0]['k'] = len(x[0]) + 1")


@pytest.mark.parametrize("way", WAYS)
def test_what_a_restored_function_changes_is_seen(notebook: LiveNotebook, fresh: Open, way: str) -> None:
    setup, call = WAYS[way]
    last = notebook.cell(RECORDS + setup)
    book = fresh()
    book.skip_all()
    assert book.restore(last).failed == {}
    for n in range(4):
        assert book.cell(f"n = {n}").changes.changed == (("n",) if n else ())
    assert "x" in book.cell(call).changes.changed


def test_what_functions_change_that_no_cell_tells_of_is_seen(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("def run(): x[0]['k'] = 1")
    with open_kernel(tmp_path) as kernel:
        kernel.run(RECORDS + "before = {'run': lambda: x[0].update(k=1)}")
        kernel.run("def steps():\n    while True:\n        x[0]['k'] = 1\n        yield\nhalf = steps()\nnext(half)\ndel steps")
        kernel.run(START)
        for define, call in [("pass", "before['run']()"), ("pass", "next(half)"), *((each, "run()") for each in LATER)]:
            kernel.run(f"x[0].pop('k', 0)\n{define}" if not define.startswith("%%") else define)
            for n in range(6):
                kernel.run(f"n = {n}")
            kernel.run(call)
            kernel.flush()
            assert kernel.newest().changes.changed == ("x",), define
