"""Notebooks without anybody in front of them: parameters as papermill types them, and real kernels."""

from __future__ import annotations

import ast
import keyword
import math
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from papermill.cli import _resolve_type
from papermill.inspection import _infer_parameters

from mlm_jupyter.core.parameters import assignments, value_of
from mlm_jupyter.errors import InvalidInputError, StorageError
from mlm_jupyter.headless import Plan, find_unknown_parameters, read_notebook, run, with_parameters


def is_same(one: Any, other: Any) -> bool:
    both_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
    return both_nan or (type(one) is type(other) and one == other)


@given(st.text() | st.integers().map(str) | st.floats().map(str) | st.sampled_from(["True", "None", "true", "1_0", "1e3"]))
@example("nan")
@example("-inf")
def test_a_parameter_has_the_type_that_papermill_gives_it(text: str) -> None:
    if text[:1] not in ("[", "{"):
        assert is_same(value_of(text), _resolve_type(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [("[1, 2]", [1, 2]), ('{"a": {"b": null}}', {"a": {"b": None}}), ("[1, 2", "[1, 2"), ("{x}", "{x}"), ("", "")],
)
def test_json_lists_and_objects_can_be_given(text: str, value: Any) -> None:
    assert value_of(text) == value


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.from_regex(r"[a-z]\w{0,5}", fullmatch=True).filter(str.isascii), values, max_size=4))
def test_the_injected_cell_gives_the_parameters_their_values(parameters: dict[str, Any]) -> None:
    parameters = {name: value for name, value in parameters.items() if not keyword.iskeyword(name)}
    namespace: dict[str, Any] = {}
    source = assignments(parameters)
    exec(compile(ast.parse(source), "cell", "exec", dont_inherit=True), namespace)
    namespace.pop("__builtins__")
    assert repr(namespace) == repr(parameters)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a;import os", "class"])
def test_what_is_no_name_cannot_be_a_parameter(name: str) -> None:
    with pytest.raises(InvalidInputError, match="parameter"):
        assignments({name: 1})


def tagged(source: str, tag: str) -> nbformat.NotebookNode:
    return new_code_cell(source, metadata={"tags": [tag]})


def sources(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells]


def test_the_injected_cell_stands_where_papermill_would_put_it() -> None:
    marked = new_notebook(cells=[new_markdown_cell("# A"), tagged("x = 1", "parameters"), new_code_cell("print(x)")])
    injected = "# Parameters\nx = 2"
    assert sources(with_parameters(marked, {"x": 2})) == ["# A", "x = 1", injected, "print(x)"]
    assert sources(with_parameters(marked, {"x": 2})) == ["# A", "x = 1", injected, "print(x)"], "the old one goes"
    bare = new_notebook(cells=[new_code_cell("print(x)")])
    assert sources(with_parameters(bare, {"x": 2})) == [injected, "print(x)"]
    assert sources(with_parameters(bare, {})) == [injected, "print(x)"]
    nbformat.validate(marked)


names = st.sampled_from(["lr", "n_trees", "name", "seed"])


@settings(max_examples=30)
@given(
    st.lists(st.tuples(names, st.sampled_from(["{} = 1", "{}: int = 2", "{} = 'x'  # why", "{} = [\n    1\n]"]))),
    st.sets(names),
)
def test_the_parameters_of_a_notebook_are_those_that_papermill_finds(lines: list[tuple[str, str]], asked: set[str]) -> None:
    notebook = new_notebook(
        cells=[tagged("\n".join(line.format(name) for name, line in lines), "parameters"), tagged("print(lr, n_trees)", "use")],
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python"}},
    )
    found = {parameter.name for parameter in _infer_parameters(notebook)}
    assert (find_unknown_parameters(notebook, dict.fromkeys(asked)) is None) == (asked <= found)


UNKNOWN: dict[str, tuple[list[nbformat.NotebookNode], dict[str, Any], str | None]] = {
    "a word misspelt": (
        [tagged("lr = 1\nn_trees = 2", "parameters"), new_code_cell("n_tree = 3")],
        {"n_tree": 5, "lr": 2},
        "no parameter n_tree (did you mean n_trees?). It has: lr, n_trees.",
    ),
    "several": ([tagged("lr = 1", "parameters")], {"x": 1, "lrr": 2}, "no parameters x, lrr (did you mean lr?). It has: lr."),
    "what a run before has put there": ([tagged("lr = 1", "injected-parameters")], {"x": 1}, "no parameter x. It has: lr."),
    "what the cells set themselves": (
        [new_code_cell("lr = 1"), new_code_cell("print(lr)")],
        {"lr": 2},
        "no parameter lr. It has none. Tag the cell that sets the defaults: parameters.",
    ),
    "what nobody has set": ([new_code_cell("def f(): return lr"), new_code_cell("f()")], {"lr": 2}, None),
    "what is set where it is missing": ([new_code_cell("try:\n    lr\nexcept NameError:\n    lr = 1")], {"lr": 2}, None),
    "what a shell is told": ([new_code_cell("!train {lr}"), new_code_cell("%%bash\necho $seed")], {"lr": 2, "seed": 3}, None),
    "what is no Python": ([new_code_cell("lr <- 1 +")], {"lr": 2}, None),
    "a text about it": ([new_markdown_cell("lr"), new_code_cell("1")], {"lr": 1}, "no parameter lr. It has none. Tag"),
    "nothing": ([new_code_cell("1")], {}, None),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_parameter_that_the_notebook_does_not_have_is_said(kind: str) -> None:
    cells, given_parameters, told = UNKNOWN[kind]
    found = find_unknown_parameters(new_notebook(cells=cells), given_parameters)
    assert found is None if told is None else (found or "").startswith(told)


def test_an_old_notebook_is_brought_to_ids(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    old = {
        "cells": [{"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}] * 2,
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 2,
    }
    path.write_text(nbformat.writes(nbformat.from_dict(old)))
    notebook = read_notebook(path)
    assert notebook.nbformat_minor == 5
    assert len({cell.id for cell in notebook.cells}) == 2


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"nbformat": 4, "nbformat_minor": 5, "cells": 3}'])
def test_what_is_no_notebook_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.ipynb"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match="not a notebook") as caught:
        read_notebook(path)
    assert "\n" not in str(caught.value)


def test_a_notebook_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="Cannot read"):
        read_notebook(tmp_path / "gone.ipynb")


def test_where_the_result_cannot_be_written_no_half_of_it_is_left(tmp_path: Path) -> None:
    source, target = tmp_path / "a.ipynb", tmp_path / "results"
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), source)
    target.mkdir()
    with pytest.raises(StorageError, match="Cannot write"):
        run(Plan(source=source, target=target, run_name="x"), lambda progress: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ipynb", "results"]
