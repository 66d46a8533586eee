"""Code is the same bytes wherever it ran: what is a set in it has another order in each process."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

from kernels import Kernel

from mlm_jupyter.capture.values import Unchanged, diff_values

WORDS = ", ".join(f"'word {number}'" for number in range(12))
DEFINED = f"""
import abc
def test(word): return word in {{{WORDS}, (1, 'one'), 0x{"f" * 5000}, None, ...}}
def inside(): return [each for each in 'ab' if each in {{'a', 'b', 'c'}}], lambda one: one in {{'x', 'y', 'z'}}
class Own:
    def method(self): return {{'a', 'b', 'c', 'd'}}
class Abstract(abc.ABC):
    @abc.abstractmethod
    def first(self): ...
    @abc.abstractmethod
    def second(self): ...
    @abc.abstractmethod
    def third(self): ...
"""


def kernel_of(source: str) -> Kernel:
    kernel = Kernel()
    exec(compile(source, "<cell>", "exec", dont_inherit=True), kernel.live)
    kernel.look()
    return kernel


def test_the_same_source_has_the_same_fingerprints_in_every_process() -> None:
    tell = f"{Path(__file__).stem}.kernel_of({Path(__file__).stem}.DEFINED).fingerprints()"
    program = f"import {Path(__file__).stem}; print({tell})"
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert "Abstract" in found.pop()


def test_what_is_restored_has_the_sets_it_had_and_is_no_change() -> None:
    kernel = kernel_of(DEFINED)
    fresh = Kernel(shelf=kernel.shelf)
    fresh.restore({name: record for name, record in kernel.records.items() if record[1] is not None})
    constants = kernel.live["test"].__code__.co_consts
    assert frozenset in map(type, constants)
    assert fresh.live["test"].__code__.co_consts == constants
    assert list(map(type, fresh.live["test"].__code__.co_consts)) == list(map(type, constants))
    assert fresh.live["Abstract"].__abstractmethods__ == {"first", "second", "third"}
    assert type(fresh.live["Abstract"].__abstractmethods__) is frozenset
    assert (kernel.look().changed, fresh.look().changed) == ((), ())


def test_functions_of_one_code_are_two_variables() -> None:
    kernel = kernel_of("def make(n):\n    def f(x): return x in {'a', 'b'}, n\n    return f\none, other = make(1), make(2)")
    assert {group.names for _, group in kernel.records.values() if group is not None} == {("make",), ("one",), ("other",)}


def test_the_order_in_which_a_set_of_code_was_made_is_no_difference() -> None:
    one = kernel_of("f = lambda x: x in {0, 8}").live["f"]
    kept = one.__code__.co_consts
    one, other = (
        types.FunctionType(
            one.__code__.replace(co_consts=tuple(made if type(const) is frozenset else const for const in kept)), {}
        )
        for made in (frozenset([0, 8]), frozenset([8, 0]))
    )
    assert repr(one.__code__.co_consts) != repr(other.__code__.co_consts)
    assert diff_values(one, other) == Unchanged()
