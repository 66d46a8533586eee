"""A function called ``_``, the name of IPython's last output: what has it in a table keeps it."""

from __future__ import annotations

from pathlib import Path

from tracked import START, open_kernel

FIRST = """
import functools
@functools.singledispatch
def show(x): return "object"
@show.register
def _(x: int): return "int"
alias = _
"""
SECOND = """
@show.register
def _(x: str): return "str"
"""


def test_what_has_the_name_of_no_variable_is_stored_with_what_holds_it(tmp_path: Path) -> None:
    with open_kernel(tmp_path) as kernel:
        kernel.run(START)
        first = kernel.track(FIRST)
        kernel.track(SECOND)
        kernel.run(f"%mlm_restore {first.id}")
        assert kernel.ask("[show(1), show('a'), show.dispatch(int) is alias]") == ["int", "object", True]
        kernel.restart()
        kernel.run(START)
        kernel.run(f"%mlm_restore {first.id}")
        assert kernel.ask("[show(1), show('a'), show.dispatch(int) is alias]") == ["int", "object", True]
