"""Annotations, type parameters and type aliases: what Python works out only when somebody asks comes back unasked."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from kernels import Kernel
from livenotebook import LiveNotebook

DEFINED = {
    "a class": ("class K:\n    a: int\n    b: list[str] = ()", "K.__annotations__"),
    "a function": ("def f(a: int, *, b: list[str] = ()) -> None: pass", "f.__annotations__"),
    "a method, its class's names": ("class K:\n    Z = int\n    def m(self, a: Z): pass", "K.m.__annotations__"),
    "a method without its class": ("class K:\n    Z = int\n    def m(self, a: Z): pass\nf = K.m\ndel K", "f.__annotations__"),
    "a closure": ("def make(kind):\n    def f(x: kind): return x\n    return f\nf = make(int)", "f.__annotations__"),
    "a data class": (
        "import dataclasses\n@dataclasses.dataclass\nclass K:\n    a: int\n    b: int = dataclasses.field(default=2)",
        "(K.__annotations__, K(1), K.__init__.__annotations__)",
    ),
    "a data class with slots": (
        "import dataclasses\n@dataclasses.dataclass(slots=True)\nclass K:\n    a: int\n    def m(self, z: int): pass",
        "(K.__annotations__, K(1), K.m.__annotations__)",
    ),
    "a named tuple": (
        "import typing\nclass K(typing.NamedTuple):\n    a: int\n    b: str = ''",
        "(K.__annotations__, K(1))",
    ),
    "a typed dict": ("import typing\nclass K(typing.TypedDict):\n    a: int", "(K.__annotations__, K(a=1))"),
    "a protocol": (
        "import typing\nclass K(typing.Protocol):\n    a: int\n    def m(self, x: int) -> str: ...",
        "K.__annotations__",
    ),
    "an enum": ("import enum\nclass K(enum.Enum):\n    a: int\n    R = 1", "(K.__annotations__, K.R)"),
    "a wrapped function": (
        "import functools\ndef wrap(f):\n    @functools.wraps(f)\n    def inner(*a): return f(*a)\n    return inner\n"
        "@wrap\ndef f(a: int) -> int: return a",
        "(f.__annotations__, f.__wrapped__.__annotations__)",
    ),
    "annotations changed where they are": (
        "def f(x: int): pass\nf.__annotations__['x'] = str\nclass K:\n    a: int\nK.__annotations__['a'] = str",
        "(f.__annotations__, K.__annotations__)",
    ),
    "other annotations": (
        "def f(x: int): pass\nf.__annotations__ = {'x': str}\nclass K:\n    a: int\nK.__annotations__ = {'a': str}",
        "(f.__annotations__, K.__annotations__)",
    ),
    "a type variable": ("import typing\nT = typing.TypeVar('T', bound=int, covariant=True)\nt = [T]", "(T, T.__bound__, t)"),
    "the parameters of a call": (
        "import typing\ndef make():\n    return typing.ParamSpec('P'), typing.TypeVarTuple('Ts')\nmade = make()",
        "made",
    ),
}
if sys.version_info >= (3, 12):
    DEFINED |= {
        "a type alias": ("type A = list[int]", "(A, A.__value__, A.__module__)"),
        "a type alias of what it is an alias of": ("type J = dict[str, J] | int", "(J.__value__, J.__value__.__args__[0])"),
        "a type alias of what is still to come": ("type A = Later", "A"),
        "a type alias with parameters": ("type P[T] = tuple[T, T]", "(P[int], P.__value__, P.__type_params__)"),
        "a function with parameters": (
            "def f[T: int, *Ts, **P](x: list[T]) -> T:\n    return x",
            "(f.__type_params__, f.__annotations__, f.__type_params__[0].__bound__, f.__type_params__[0].__infer_variance__)",
        ),
        "a class with parameters": (
            "class C[T: (int, str)]:\n    def m[U](self, x: T, y: U) -> T: return x",
            "(C.__type_params__, C[int], C.m.__annotations__, C.__orig_bases__, C.__type_params__[0].__constraints__,"
            " C.m.__annotations__['x'] is C.__type_params__[0])",
        ),
    }
if sys.version_info >= (3, 13):
    DEFINED["a parameter with a default"] = ("class D[T = int]:\n    pass", "D.__type_params__[0].__default__")
if sys.version_info >= (3, 14):
    DEFINED |= {
        "a class of what is still to come": ("class K:\n    a: Later", "K.__annotate__.__name__"),
        "a function of what is still to come": ("def f(a: Later): pass", "f.__annotate__.__name__"),
        "a template": ("v = [1]\nt = t'a{v!r:>{3}}b'", "(t, t.values[0] is v)"),
    }


def executed(source: str) -> Kernel:
    kernel = Kernel()
    execute(kernel, source)
    return kernel


def execute(kernel: Kernel, source: str) -> None:
    exec(compile(source, "<cell>", "exec", dont_inherit=True), kernel.live)


def asked(kernel: Kernel, expression: str) -> str:
    found: Any = eval(expression, kernel.live)
    return re.sub(r" at 0x\w+", "", repr(found))


@pytest.mark.parametrize("kind", DEFINED)
def test_it_comes_back_in_a_fresh_kernel_and_asking_for_it_is_no_change(kind: str) -> None:
    source, ask = DEFINED[kind]
    kernel = executed(source)
    kernel.look()
    fresh = Kernel(shelf=kernel.shelf)
    fresh.restore({name: record for name, record in kernel.records.items() if record[1] is not None})
    assert asked(fresh, ask) == asked(kernel, ask)
    assert kernel.look().changed == ()
    assert fresh.look().changed == ()


@pytest.mark.parametrize("definition", ["def f(a: note()): pass", "class f:\n    a: note()\n    def m(self, b: note()): pass"])
def test_a_look_asks_for_no_annotation(definition: str) -> None:
    kernel = executed(f"asked = []\ndef note():\n    asked.append(1)\n    return int\n{definition}")
    before = len(kernel.live["asked"])
    kernel.look()
    execute(kernel, "other = 1")
    kernel.look()
    assert len(kernel.live["asked"]) == before


@pytest.mark.parametrize("definition", ["def f(a: int): pass", "class f:\n    a: int"])
@pytest.mark.parametrize("change", ["f.__annotations__['a'] = str", "f.__annotations__ = {'a': str}"])
def test_other_annotations_are_a_change(definition: str, change: str) -> None:
    kernel = executed(definition)
    kernel.look()
    execute(kernel, change)
    assert kernel.look().changed == ("f",)


MAKE = (
    "import types, typing\n"
    "def hold(t):\n    yield\n    t.append('more') if isinstance(t, list) else vars(t).update(n=2)\n"
    "def make(t):\n    def f(a: t): pass\n    kept = hold(*getattr(t, '__metadata__', (t,)))\n"
    "    next(kept)\n    return f, kept\n"
)


@pytest.mark.parametrize("ask", ["", "f.__annotations__"])
@pytest.mark.parametrize("holder", ["f", "box = [f]; del f"])
@pytest.mark.parametrize("held", ["['one']", "types.SimpleNamespace(n=1)", "typing.Annotated[int, [1]]"])
def test_what_changes_inside_an_annotation_is_a_change_whoever_changes_it(
    tmp_path: Path, held: str, holder: str, ask: str
) -> None:
    notebook = LiveNotebook(tmp_path)
    notebook.skip_all()
    for source in (f"{MAKE}f, kept = make({held})\n{ask}\n{holder}", "one = 1", "two = 2", "three = 3"):
        notebook.cell(source)
    changed = notebook.cell("next(kept, None)").changes.changed
    notebook.close()
    assert {"f", "box"} & set(changed)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are new in Python 3.12")
def test_a_bound_that_leads_back_to_its_class_is_said_to_be_none_of_what_can_be_kept() -> None:
    kernel = executed("class Node[T: Node]:\n    pass")
    kernel.look()
    draft, _ = kernel.records["Node"]
    assert (draft.status, draft.reason) == ("not_captured", "a type parameter whose bound leads back to it")
