"""One walk over a cell's syntax tree: the names of the notebook it reads and writes, and the words that lead anywhere."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from mlm_jupyter.core import triggers
from mlm_jupyter.core.magics import parse_cell
from mlm_jupyter.core.scopes import Scopes
from mlm_jupyter.core.words import words_of

ANNOTATIONS_RUN_LATER: Final = sys.version_info >= (3, 14)
"""Whether annotations are code that runs when they are asked for, not where they stand."""
_NOT_CODE: Final = frozenset({"ctx", "op", "ops", "type_comment"})
_OPTION: Final = re.compile(r"-[\w-]+(?:[ \t]*[0-9]+)?(?:[ \t]+|\Z)")
_BY_NAME: Final = frozenset({"getattr", "setattr", "delattr"})
_SHELL_CALLS: Final = {"run_line_magic": 2, "run_cell_magic": 3, "system": 1, "getoutput": 1, "getsystem": 1}


class NameReader:
    """Reads syntax trees of a cell; afterwards its public sets, and those of ``names``, are the result."""

    def __init__(self) -> None:
        self.names = Scopes()
        self.texts: set[str] = set()
        self.classes: set[str] = set()
        self.triggers: set[str] = set()
        self.lasting: set[str] = set()

    def read(self, tree: ast.AST) -> None:
        """Take in a cell, or code in its magics."""
        self._visit(tree)

    # Words that lead anywhere

    def _word(self, word: str) -> None:
        if word in triggers.NAMES:
            self._trigger(word)

    def _attribute_word(self, word: str) -> None:
        if word in triggers.ATTRIBUTES:
            self._trigger(word)

    def _trigger(self, word: str) -> None:
        self.triggers.add(word)
        if self.names.is_in_function or word in triggers.LASTING:
            self.lasting.add(word)

    def _keep(self, word: str) -> None:
        """Note that a trigger may be known by another name from here on (``run = exec``)."""
        if word not in triggers.IN_PASSING:
            self.lasting.add(word)

    # The walk

    def _visit(self, node: ast.AST) -> None:
        visit = _VISITORS.get(type(node))
        if visit is not None:
            visit(self, node)
            return
        for field in node._fields:
            if field in _NOT_CODE:
                continue
            child = getattr(node, field, None)
            if type(child) is list:
                self._visit_all(child)
            elif isinstance(child, ast.AST):
                self._visit(child)

    def _visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if isinstance(node, ast.AST):  # a default may be None, and MatchClass has names
                self._visit(node)

    def _branches(self, *branches: Iterable[ast.AST]) -> None:
        """Visit blocks of which one will run; what all of them bind is bound afterwards."""
        self.names.either(*(partial(self._visit_all, branch) for branch in branches))

    def _name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.id in triggers.NAMES:
                self._keep(node.id)
            self._name_in_place(node)
        else:
            self.names.bind(node.id)

    def _name_in_place(self, node: ast.Name) -> None:
        """Take in a name that is called or looked into where it stands, so that nothing is kept of it."""
        self._word(node.id)
        self.names.use(node.id)

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        if not isinstance(value, (str, bytes)):
            return
        words = words_of(value)
        self.texts |= words
        for word in words & triggers.ANYWHERE:
            self._trigger(word)
        if isinstance(value, str):
            self._attribute_word(value)

    def _attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.attr in triggers.ATTRIBUTES:
                self._keep(node.attr)
            if isinstance(node.value, ast.Name) and node.value.id in triggers.NAMES:
                if node.attr in triggers.NAMES:
                    self.lasting.add(node.attr)
                elif not triggers.is_harmless(node.attr):
                    self._keep(node.value.id)
        self._attribute_in_place(node)

    def _attribute_in_place(self, node: ast.Attribute) -> None:
        self._attribute_word(node.attr)
        self._part(node)

    def _part(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            base: ast.expr = node.value
            while isinstance(base, (ast.Attribute, ast.Subscript)):
                base = base.value
            if isinstance(base, ast.Name):
                self.names.use(base.id, changes=True)
        self._visit_in_place(node.value)
        if isinstance(node, ast.Subscript):
            self._visit(node.slice)

    def _visit_in_place(self, node: ast.expr) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self._name_in_place(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            self._attribute_in_place(node)
        else:
            self._visit(node)

    def _call(self, node: ast.Call) -> None:
        function, arguments = node.func, node.args
        if isinstance(function, ast.Attribute):
            if function.attr in _SHELL_CALLS and _is_shell(function.value):
                texts = [argument.value for argument in arguments if isinstance(argument, ast.Constant)]
                if len(texts) == len(arguments) == _SHELL_CALLS[function.attr]:
                    self._shell_call(function.attr, [str(text) for text in texts])
                    return
            if function.attr == "eval" and not arguments and not node.keywords:  # PyTorch's `model.eval()`
                self._visit(function.value)
                return
            if function.attr == "evaluate" and any(keyword.arg == "owner" for keyword in node.keywords):
                self._trigger("evaluate")  # a text that stands for a type, among the names of its owner
        is_plain_access = isinstance(function, ast.Name) and function.id in _BY_NAME and _has_literal_name(arguments)
        if not is_plain_access:
            self._visit_in_place(function)
        self._visit_all(arguments)
        self._visit_all(node.keywords)

    def _keyword(self, node: ast.keyword) -> None:
        if node.arg is not None:
            self._word(node.arg)
        self._visit(node.value)

    # Statements that bind

    def _assign(self, node: ast.Assign) -> None:
        self._visit(node.value)
        self._visit_all(node.targets)

    def _annotated(self, node: ast.AnnAssign) -> None:
        self._annotations([node.annotation])
        if node.value is not None:
            self._visit(node.value)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self._visit(node.target)

    def _augmented(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.names.use(node.target.id)
        self._visit(node.value)
        self._visit(node.target)

    def _walrus(self, node: ast.NamedExpr) -> None:
        self._visit(node.value)
        self.names.bind_outside(node.target.id)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.ImportFrom):
            for word in (node.module or "").split("."):
                self._attribute_word(word)
        for alias in node.names:
            for word in alias.name.split("."):
                self._word(word)
                self._attribute_word(word)
            if alias.name == "*":
                self._trigger("import *")
            else:
                self.names.bind(alias.asname or alias.name.partition(".")[0])
            if alias.asname or isinstance(node, ast.ImportFrom):
                self._import_as(alias, node.module or "" if isinstance(node, ast.ImportFrom) else "")

    def _import_as(self, alias: ast.alias, module: str) -> None:
        """Note what leads anywhere and is called by a name from now on that does not say so."""
        if (alias.asname or alias.name) in triggers.NAMES or triggers.is_harmless(alias.name):
            return
        if alias.name in triggers.NAMES and module:
            self.lasting.add(alias.name)
        for word in {*module.split("."), *alias.name.split(".")} & (triggers.NAMES | triggers.ATTRIBUTES):
            self._keep(word)

    def _declare(self, node: ast.Global | ast.Nonlocal) -> None:
        self.names.declare(node.names, is_global=isinstance(node, ast.Global))

    def _capture(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
        for field in node._fields:
            child = getattr(node, field)
            if field in ("name", "rest"):
                if child is not None:
                    self.names.bind(child)
            elif isinstance(child, list):
                self._visit_all(child)
            elif child is not None:
                self._visit(child)

    # Blocks

    def _if(self, node: ast.If) -> None:
        self._visit(node.test)
        self._branches(node.body, node.orelse)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        if isinstance(node, ast.While):
            self._visit(node.test)
            self._branches(node.body, ())
        else:
            self._visit(node.iter)
            self._branches([node.target, *node.body], ())
        self._branches(node.orelse, ())

    def _try(self, node: Any) -> None:
        self._branches([*node.body, *node.orelse], *([handler] for handler in node.handlers))
        self._visit_all(node.finalbody)

    def _handler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self._visit(node.type)
        if node.name is not None:
            self.names.bind(node.name)
        self._visit_all(node.body)

    def _match(self, node: ast.Match) -> None:
        self._visit(node.subject)
        self._branches(*([case] for case in node.cases), ())

    # Scopes

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args
        everyone = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        names = [argument for argument in everyone if argument is not None]
        annotations = [argument.annotation for argument in names]
        generic = getattr(node, "type_params", [])
        if not isinstance(node, ast.Lambda):
            self._visit_all(node.decorator_list)
            annotations.append(node.returns)
        self._visit_all([*arguments.defaults, *arguments.kw_defaults])
        if generic:
            self.names.enter("parameters")
            self._visit_all(generic)
        self._annotations(annotations)
        self.names.enter("function")
        for argument in names:
            self.names.bind(argument.arg)
        self._visit_all([node.body] if isinstance(node, ast.Lambda) else node.body)
        self.names.leave()
        if generic:
            self.names.leave()
        if not isinstance(node, ast.Lambda):
            self.names.bind(node.name)

    def _annotations(self, annotations: Iterable[ast.expr | None]) -> None:
        if ANNOTATIONS_RUN_LATER:
            self._worked_out_later(annotations)
        else:
            self._visit_all(annotations)

    def _worked_out_later(self, nodes: Iterable[ast.expr | None]) -> None:
        self.names.enter("annotation")
        self._visit_all(nodes)
        self.names.leave()

    def _class(self, node: ast.ClassDef) -> None:
        self.classes.add(node.name)
        self._visit_all(node.decorator_list)
        parameters = getattr(node, "type_params", ())
        if parameters:  # they have a scope of their own around the bases
            self.names.enter("parameters")
        self._visit_all([*parameters, *node.bases, *node.keywords])
        self.names.enter("class")
        self._visit_all(node.body)
        self.names.leave()
        if parameters:
            self.names.leave()
        self.names.bind(node.name)

    def _type_alias(self, node: Any) -> None:
        self._visit(node.name)
        self.names.enter("parameters")
        self._visit_all(node.type_params)
        self._worked_out_later([node.value])
        self.names.leave()

    def _type_parameter(self, node: Any) -> None:
        self.names.bind(node.name)
        self._worked_out_later([getattr(node, "bound", None), getattr(node, "default_value", None)])

    def _comprehension(self, node: Any) -> None:
        self._visit(node.generators[0].iter)
        self.names.enter("comprehension")
        for position, generator in enumerate(node.generators):
            if position:
                self._visit(generator.iter)
            self._visit(generator.target)
            self._visit_all(generator.ifs)
        self._visit_all(getattr(node, field) for field in ("elt", "key", "value") if hasattr(node, field))
        self.names.leave()

    # The shell

    def _shell_call(self, kind: str, texts: list[str]) -> None:
        self._argument(texts[-1] if len(texts) == 1 else texts[1])
        if not kind.startswith("run_"):
            return
        name, argument, body = texts[0], texts[1], texts[2] if len(texts) == 3 else None
        name = name.lstrip("%")
        if not triggers.is_safe_magic(name):
            self._trigger(f"%{name}")
        if name == "capture" and argument and not argument.startswith("-"):
            self.names.bind(argument.split()[0])
        if name not in triggers.PYTHON_MAGICS:
            return
        code = "" if name in ("capture", "mlm_run") else _OPTION.sub("", argument)
        if name == "timeit":
            self.names.enter("comprehension")
        self._visit_all(parse_cell(part) for part in (code, body) if part)
        if name == "timeit":
            self.names.leave()

    def _argument(self, text: str) -> None:
        """Take in what IPython may evaluate in the argument of a magic or command: ``$name`` and ``{expression}``."""
        words = words_of(text)
        self.texts |= words
        if "{" in text or "=" in text:
            for word in words:
                self._attribute_word(word)
                self._word(word)
        if "{" in text and "\\" in text:
            self._trigger("{")


def _is_shell(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_ipython"


def _has_literal_name(arguments: list[ast.expr]) -> bool:
    return len(arguments) > 1 and isinstance(arguments[1], ast.Constant) and isinstance(arguments[1].value, str)


def _visitors() -> dict[type[ast.AST], Callable[[NameReader, Any], None]]:
    reader = NameReader
    table: dict[str, Callable[[NameReader, Any], None]] = {
        "Name": reader._name, "Constant": reader._constant, "Attribute": reader._attribute, "Subscript": reader._part,
        "Call": reader._call, "keyword": reader._keyword, "Assign": reader._assign, "AnnAssign": reader._annotated,
        "AugAssign": reader._augmented, "NamedExpr": reader._walrus, "Import": reader._import,
        "ImportFrom": reader._import, "Global": reader._declare, "Nonlocal": reader._declare,
        "MatchAs": reader._capture, "MatchStar": reader._capture, "MatchMapping": reader._capture, "If": reader._if,
        "For": reader._loop, "AsyncFor": reader._loop, "While": reader._loop, "Try": reader._try,
        "TryStar": reader._try, "ExceptHandler": reader._handler, "Match": reader._match,
        "FunctionDef": reader._function, "AsyncFunctionDef": reader._function, "Lambda": reader._function,
        "ClassDef": reader._class, "TypeAlias": reader._type_alias, "TypeVar": reader._type_parameter,
        "ParamSpec": reader._type_parameter, "TypeVarTuple": reader._type_parameter, "ListComp": reader._comprehension,
        "SetComp": reader._comprehension, "GeneratorExp": reader._comprehension, "DictComp": reader._comprehension,
    }  # fmt: skip
    return {getattr(ast, name): visit for name, visit in table.items() if hasattr(ast, name)}


_VISITORS: Final = _visitors()
