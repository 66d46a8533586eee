"""What a cell's source says about names, attacked from every side it could hide a name on."""

from __future__ import annotations

import ast
import keyword
import re
import symtable
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from types import CodeType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from mlm_jupyter.core.access import UNPARSED, access_of
from mlm_jupyter.core.triggers import ANYWHERE, AS_CODE, NEVER_AS_ATTRIBUTE
from mlm_jupyter.core.words import words_of


def reads(source: str, known: tuple[str, ...] = ()) -> set[str]:
    return set(access_of(source, known=known).reads)


def writes(source: str) -> set[str]:
    return set(access_of(source).writes)


def compiled_names(source: str) -> set[str]:
    """Return every name that the compiled source can look up, nested functions' and the words in constants included."""
    found: set[str] = set()
    pending = [compile(source, "cell", "exec", dont_inherit=True)]
    while pending:
        code = pending.pop()
        found.update(code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        for constant in leaves(code.co_consts):
            if isinstance(constant, CodeType):
                pending.append(constant)
            elif isinstance(constant, (str, bytes)):  # where a class was defined is no text of the source
                found |= words_of(constant.replace("<locals>", "") if isinstance(constant, str) else constant)
    return found


def leaves(constants: Iterable[object]) -> Iterator[object]:
    for constant in constants:
        if isinstance(constant, (tuple, frozenset)):
            yield from leaves(constant)
        elif isinstance(constant, slice):
            yield from leaves((constant.start, constant.stop, constant.step))
        else:
            yield constant


# What people see -----------------------------------------------------------------------------------------------------

NEWER = [
    ("type A[T: b] = list[T, c]", "b c", "A"),
    ("type A = B\nB = 1", "", "A B"),
    ("def f[T](x: T, y: a) -> T: return z", "a z", "f"),
    ("class A[T: b](C[T]):\n    k = 1\n    def m[U](self, x: k) -> T: return k", "b C k", "A"),
    ("f'{a:{f'{b}'}}'", "a b", ""),
]
NEWEST = [
    ("t'{a!r:{b}}c'", "a b", ""),
    ("def f(x: A) -> A: pass\nclass A:\n    y: B\nclass B: pass", "", "f A B"),
    ("x: A = b\nA = 1", "b", "x A"),
    ("class C:\n    k = 1\n    x: k\n    def m(self, y: k): return k", "k", "C"),
]


@pytest.mark.parametrize(
    ("source", "read", "written"),
    [
        ("a = b + c", "b c", "a"),
        ("a = a + 1", "a", "a"),
        ("a += 1", "a", "a"),
        ("a = 1\nb = a", "", "a b"),
        ("a: int = b", "b", "a"),
        ("a: int", "", ""),
        ("del a", "", "a"),
        ("del a[0], b.x", "a b", "a b"),
        ("x[i] = v", "x i v", "x"),
        ("x.a.b[0].c = v", "x v", "x"),
        ("f(x)[0] = v", "f x v", ""),
        ("(a, *b), c.d = v", "v c", "a b c"),
        ("x.append(1)", "x", ""),
        ("import a.b, c as d\nfrom e import f, g as h\nfrom i import *", "", "a d f h"),
        ("for i in n:\n    i, j = i", "n", "i j"),
        ("with o(p) as (a, b): a", "o p", "a b"),
        ("try:\n    a = f()\nexcept E as e:\n    print(e)\n    a = None\na", "f E", "a e"),
        ("if c:\n    a = 1\na", "c a", "a"),
        ("if c:\n    a = 1\nelse:\n    a = 2\na", "c", "a"),
        ("while c: a = a + 1", "c a", "a"),
        ("[i * k for i in n if i]", "n k", ""),
        ("[y := i for i in n]\nz = y", "n y", "y z"),
        ("{i: j for i in n for j in i}", "n", ""),
        ("sum(x for x in x)", "x", ""),
        ("if (n := f()) > 1: n", "f", "n"),
        ("def f(a, b=c, *d: e, **g) -> h:\n    z = a + k\n    return z", "c e h k", "f"),
        ("def f():\n    global g\n    g = g + 1", "g", "f g"),
        ("def f():\n    n = 1\n    def h():\n        nonlocal n\n        n += m\n    return h", "m", "f"),
        ("def f():\n    return later\nlater = 1", "", "f later"),
        ("def f(d):\n    d['k'] = 1\n    e['k'] = 1", "e", "f e"),
        ("f = lambda a, b=c: a + b + d", "c d", "f"),
        ("@wrap\nclass A(B, metaclass=M):\n    x = y\n    def m(self): return x + __class__.z", "wrap B M y x", "A"),
        ("match p:\n    case {'k': v, **r}: v\n    case [Q(w=1), *s] as t: s", "p Q", "v r s t"),
        ("global a\na = 1", "", "a"),
        ("async def f(): return await g()\nawait f()", "g", "f"),
        ("f'{a!r:>{b}}'", "a b", ""),
        ("print(len(a))", "a", ""),
        *(NEWER if sys.version_info >= (3, 12) else []),
        *(NEWEST if sys.version_info >= (3, 14) else []),
    ],
)
def test_reads_and_writes_are_what_a_reader_of_the_cell_would_say(source: str, read: str, written: str) -> None:
    access = access_of(source)
    assert set(access.reads) - {"print", "sum", "__class__"} == set(read.split())
    assert set(access.writes) == set(written.split())
    assert list(access.reads) == sorted(access.reads)
    assert list(access.writes) == sorted(access.writes)


def test_a_builtin_is_read_only_when_the_notebook_has_a_variable_of_that_name() -> None:
    assert reads("list(a)") == {"a"}
    assert reads("list(a)", ("list",)) == {"a", "list"}


NAMES = st.sampled_from(["a", "b", "c", "d"])


SIMPLE = [
    *("{x} = {y}", "{x} += {y}", "[{x} for {y} in {z} if {y}]", "{x}[{y}] = {z}", "(lambda {x}: {x} + {y})", "{x}: {y} = {z}"),
    "{{{x}: {y} for {x} in {z} for {y} in {x}}}",
]
BLOCKS = ["def {x}({y}={z}):", "class {x}({y}):", "for {x} in {y}:", "if {x}:", "def {x}({y}: {z}) -> {x}:"]
if sys.version_info >= (3, 12):
    SIMPLE.append("type {x}[{y}] = {z}")
    BLOCKS += ["class {x}[{y}: {z}]({y}):", "def {x}[{y}]({z}: {y}):", "def {x}[{y}: {z}]({z}={y}):"]


@st.composite
def programs(draw: st.DrawFn, depth: int = 2) -> str:
    """Small programs with every kind of scope."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        statement = draw(st.sampled_from([*SIMPLE, *BLOCKS] if depth else SIMPLE))
        lines.append(statement.format(x=draw(NAMES), y=draw(NAMES), z=draw(NAMES)))
        if statement in BLOCKS:
            lines += ["    " + line for line in draw(programs(depth - 1)).splitlines()]
    return "\n".join(lines)


class _Generators(ast.NodeTransformer):
    """Makes generators of comprehensions: the same names, in a table of their own, which Python 3.12 inlines for the others."""

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def _kind_of(table: symtable.SymbolTable) -> str:
    kind = str(getattr(table.get_type(), "value", table.get_type()))
    return kind if kind in ("module", "class", "function") else "annotation"


def _by_symtable(source: str) -> tuple[set[str], set[str]]:
    """Every name looked up in, and bound in, the module: CPython's own opinion."""
    top = symtable.symtable(ast.unparse(_Generators().visit(ast.parse(source))), "cell", "exec")
    used: set[str] = set()
    waiting: list[tuple[symtable.SymbolTable, set[str]]] = [(top, set())]
    while waiting:
        table, of_class = waiting.pop()
        symbols = table.get_symbols()
        looked_up = {symbol.get_name() for symbol in symbols if symbol.is_referenced() and symbol.is_global()}
        if _kind_of(table) == "annotation":  # which looks in the class around it first
            looked_up -= of_class
        else:
            is_class = _kind_of(table) == "class"
            of_class = {symbol.get_name() for symbol in symbols if symbol.is_assigned()} if is_class else set()
        used |= looked_up - {"__conditional_annotations__"}
        waiting += [(child, of_class) for child in table.get_children()]
    return used, {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned()}


@given(programs())
@example("class a(a):\n    class b(b):\n        a = a")
@example("[a for a in b if a]")
def test_scopes_are_resolved_as_the_compiler_resolves_them(source: str) -> None:
    used, bound = _by_symtable(source)
    access = access_of(source)
    augmented, annotations = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AugAssign):
            augmented.add(ast.unparse(node.target))
        elif isinstance(node, ast.AnnAssign):  # in a function it never runs
            annotations.add(ast.unparse(node.annotation))
    assert set(access.reads) <= used | augmented | annotations
    assert used - bound <= set(access.reads)
    assert bound <= set(access.writes)


# IPython ------------------------------------------------------------------------------------------------------------

IPYTHON_CELLS = [
    ("%time a = f(b)", "f b", "a", ""),
    ("%timeit -n 10 -r 3 a = f(b)", "f b", "", ""),
    ("%%time\na = b", "b", "a", ""),
    ("%%timeit c = d\na = c", "d", "", ""),
    ("%%capture out --no-stderr\na = b", "b", "a out", ""),
    ("%%time\n%matplotlib inline\n!ls\nx = a", "a", "x", ""),
    ("files = !ls {folder}\nn = files", "", "files n", ""),
    ("!pip install a \\\n  b\nx = 1", "", "x", ""),
    ("x = 1\n?x\nx?\nx.y??\n%pinfo x", "", "x", ""),
    ("if a:\n    %cd there\n    !ls", "a", "", ""),
    ("%%html\n<b>eval this < nonsense", "", "", ""),
    ("%%bash\nfor x in *; do echo $x; done", "", "", ""),
    ("%load_ext mlm_jupyter\n%mlm_track --name first", "", "", ""),
    ("%%mlm_run first --param a=1\nx = y", "y", "x", ""),
    ("%run other.py", "", "", "%run"),
    ("%%cython\nx = 1", "", "", "%cython"),
    ("%reset -f", "", "", "%reset"),
    ("%time %run other.py", "", "", "%run"),
    ("x = %sql select 1", "", "x", "%sql"),
    ("%autoreload 2", "", "", "%autoreload"),
    ("%time globals()", "", "", "globals"),
    ("%mlm_log acc=vars()", "", "", "vars"),
    ("!echo {eval('x')}", "", "", "eval"),
]


@pytest.mark.parametrize("is_transformed", [False, True])
@pytest.mark.parametrize(("source", "read", "written", "triggers"), IPYTHON_CELLS)
def test_magics_and_commands_are_understood_as_typed_and_as_ipython_transforms_them(
    source: str, read: str, written: str, triggers: str, is_transformed: bool
) -> None:
    if is_transformed:
        source = TransformerManager().transform_cell(source)
    access = access_of(source)
    assert set(access.reads) == set(read.split())
    assert set(access.writes) == set(written.split())
    assert access.triggers == set(triggers.split())


@given(st.text() | st.text(alphabet="%!?=()[]{}'\"\\ \n\tab1.:#@"))
def test_nothing_that_can_be_typed_makes_it_fail(source: str) -> None:
    access = access_of(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    assert UNPARSED not in access.triggers
    assert {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} <= access.identifiers


@pytest.mark.parametrize("source", ["def", "x = = 1", "a\0b", "(" * 5000, "1 +" * 50_000 + "1", "\ud800 = 1"])
def test_what_is_no_python_has_its_words_and_says_that_nothing_is_known(source: str) -> None:
    access = access_of(source + "\nprice = 2")
    assert access.triggers == {UNPARSED}
    assert "price" in access.identifiers


def test_a_source_that_python_warns_about_makes_no_noise() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert access_of(r"a = '\d' if 1or b else '\777'").triggers == set()
        assert access_of("def f():\n    try: pass\n    finally: return 1").triggers == set()


# The proof: no name can hide ----------------------------------------------------------------------------------------

PRICE = [
    "price",
    "x.price = 1",
    "f(price=1)",
    "'price'",
    "x = b'price'",
    "f'{price}'",
    "f'{x:price}'",
    "df.query('cost > @price')",
    "'a\\nprice'",
    "'\\x70rice'",
    "'\\u0070ri\\N{LATIN SMALL LETTER C}e'",
    "x = b'\\160rice'",
    "'pri' 'ce'",
    "'pri' \\\n 'ce'",
    "('pri'\n # why\n 'ce')",
    "'pri\\\nce'",
    "\uff50\uff52\uff49\uff43\uff45",
    "\U0001d429rice = 1",
    "# price",
    "%time price",
    "%time f('\\x70rice')",
    "!echo $price",
    "!echo {price}",
    "price?",
    "%%time\nprice",
    "%%timeit\nf('\\x70rice')",
    "get_ipython().run_line_magic('time', 'f(\"\\\\x70rice\")')",
    "def f():\n    def g(): return price",
    "lambda: price",
    "import price",
    "from price import x",
    "from x import price as y",
    "global price",
    "del price",
    "match x:\n    case price: pass",
    "try: pass\nexcept E as price: pass",
    "x = {'k': ('a', {'price'})}",
    "def f(x: price) -> int: pass",
    "class C:\n    x: list[price]",
]
if sys.version_info >= (3, 12):
    PRICE += ["f'{f'{'\\x70rice'}'}'", "f'{x:{f'{price}'}}'", "type T = price", "type price = int", "def f[price](): pass"]
    PRICE += ["class C[T: (price, int)]: pass", "def f[*Ts, **P](x: price): pass", "type T[U: 'price'] = U"]
if sys.version_info >= (3, 13):
    PRICE += ["class C[T = price]: pass"]
if sys.version_info >= (3, 14):
    PRICE += ["t'{price}'", "t'price{x}'", "t'{x!r:{t'{price}'}}'", "rt'{x:\\x70rice}{price}'"]
    PRICE += ["try: pass\nexcept A, price: pass"]


@pytest.mark.parametrize("source", PRICE)
def test_a_name_cannot_hide_in_a_cell(source: str) -> None:
    access = access_of(source)
    assert "price" in access.identifiers
    assert UNPARSED not in access.triggers


@pytest.mark.parametrize("source", [text for text in PRICE if text not in ("# price", "global price")])
def test_a_name_cannot_hide_in_compiled_code(source: str) -> None:
    indented = re.sub(r"(?<!\\)\n", "\n ", TransformerManager().transform_cell(source))
    found = compiled_names(f"async def function():\n {indented}")
    assert "price" in found or {"get_ipython", "x70rice"} <= found  # the text of a magic is compiled when it runs


def test_a_private_name_that_a_class_mangles_is_found_as_the_global_it_becomes() -> None:
    source = "class _Deep:\n    def m(self): return __price"
    assert "_Deep__price" in access_of(source).identifiers
    assert "_Deep__price" in compiled_names(source)


IDENTIFIERS = st.from_regex(r"\A[\w\u0300-\u0310\u0900-\u0960]{1,8}\Z").filter(
    lambda name: name.isidentifier() and not keyword.iskeyword(unicodedata.normalize("NFKC", name))
)


@example("_", "f({}=1)")
@given(IDENTIFIERS, st.sampled_from(["{} = 1", "x = 'a\u2013{}\u2014b'", "f({}=1)", "\u00ab{}\u00bb", "x.{}", "f'{{{}}}'"]))
def test_names_of_every_script_are_found_as_the_compiler_spells_them(name: str, template: str) -> None:
    spelled = unicodedata.normalize("NFKC", name)
    assert spelled in access_of(template.format(name)).identifiers


@given(programs())
def test_a_cell_has_every_name_that_its_compiled_code_has(source: str) -> None:
    compiled = {name for name in compiled_names(source) if not name.startswith((".", "__"))}
    compiled -= {"return", "format"}  # what the compiler calls parts of annotations
    assert compiled <= access_of(source).identifiers


# The proof: nothing that leads anywhere goes unseen -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "trigger"),
    [
        ("globals()['pr' + 'ice']", "globals"),
        ("exec(code)", "exec"),
        ("eval(text)", "eval"),
        ("df.eval(text)", "eval"),
        ("df.query(text)", "query"),
        ("f = model.eval", "eval"),
        ("compile(text, '', 'exec')", "compile"),
        ("from builtins import compile as c", "compile"),
        ("import gc as g; g.get_objects()", "gc"),
        ("import sys; sys.modules['__ma' + 'in__']", "modules"),
        ("from sys import modules", "modules"),
        ("import sys; sys._getframe()", "_getframe"),
        ("try: 1/0\nexcept Exception as e: e.__traceback__.tb_frame", "tb_frame"),
        ("getattr(f, '__glo' + 'bals__')", "getattr"),
        ("getattr(f, '__globals__')", "__globals__"),
        ("getattr(f, '\\x5f_globals__')", "__globals__"),
        ("g = getattr", "getattr"),
        ("'{0.__globals__[price]}'.format(f)", "__globals__"),
        ("ip.user_ns", "user_ns"),
        ("ip.ex(text)", "ex"),
        ("get_ipython().run_cell(text)", "get_ipython"),
        ("get_ipython().run_line_magic(name, '')", "get_ipython"),
        ("df.agg('eval', 0, text)", "eval"),
        ("f(**{'allow_pickle': True})", "allow_pickle"),
        ("np.load(path, allow_pickle=True)", "allow_pickle"),
        ("\U0001d486val(text)", "eval"),
        ("reset -f", "reset"),
    ],
)
def test_a_way_to_the_namespace_is_seen(source: str, trigger: str) -> None:
    assert trigger in access_of(source).triggers


@pytest.mark.parametrize("word", sorted((ANYWHERE | AS_CODE) - NEVER_AS_ATTRIBUTE))
def test_every_word_on_the_list_counts_as_a_name_an_attribute_and_an_import(word: str) -> None:
    assert word in access_of(f"x = {word}").triggers
    assert word in access_of(f"x.{word}(1)").triggers
    assert word in access_of(f"from x import {word} as y").triggers
    assert word in access_of(f"import {word}.x as y").triggers


@pytest.mark.parametrize(
    "source",
    [
        "import re; re.compile('a+')",
        "model.eval()",
        "model.compile(optimizer='adam')",
        "getattr(x, 'shape')",
        "try: f()\nexcept Exception as ex: print(ex)",
        "print('the eval of exec summary and vars')",
        "# globals()",
        "import sys; print(sys.version, sys.path)",
        "df.to_csv('data.pickle.csv')",
        "%matplotlib inline\nimport pandas as pd\ndf = pd.read_csv('a.csv').query_string",
        "from IPython.display import display; display(df)",
        "tokenizer.load_factor",
    ],
)
def test_ordinary_cells_are_not_suspected(source: str) -> None:
    assert access_of(source).triggers == set()


def test_what_a_function_can_do_later_lasts_and_what_ran_does_not() -> None:
    assert access_of("globals()").lasting == set()
    assert access_of("def f():\n    return globals()").lasting == {"globals"}
    assert access_of("f = lambda: [exec(t) for t in ts]").lasting == {"exec"}
    assert access_of("class A:\n    vars()\n    def m(self): eval(self.t)").lasting == {"eval"}
    assert access_of("import sys\nsys.settrace(f)").lasting == {"settrace"}
    assert access_of("%load_ext autoreload\n%autoreload 2").lasting == {"%autoreload"}
