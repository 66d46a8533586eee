"""The names users type and other programs call: once published, they stay."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import mlm_jupyter as mlm
from mlm_jupyter import errors
from mlm_jupyter.project import Project

FUNCTIONS = {
    "track": "name=None, *, experiment=None, tags=None, params=(), metrics=(), exclude=(), manual=False",
    "stop": "",
    "pause": "",
    "resume": "",
    "status": "",
    "checkpoint": "name=None, *, note=None",
    "restore": "ref, *, only=None, dry_run=False, strict=False, save=True",
    "undo": "n=1",
    "diff": "base=None, other=None",
    "start_run": "name=None, *, params=None, tags=None, experiment=None",
    "end_run": "status='finished'",
    "log_metric": "key, value, *, step=None",
    "log_metrics": "metrics, *, step=None",
    "log_param": "key, value",
    "log_params": "params",
    "set_tag": "key, value",
    "log_artifact": "path_or_object, name=None",
    "flush": "",
    "open_project": "path=None",
}
PROJECT_METHODS = {
    "runs": "query=None",
    "checkpoints": "run=None, notebook=None",
    "get_checkpoint": "ref",
    "get_run": "ref",
    "metrics": "run, key=None",
    "to_dataframe": "",
    "diff": "base, other",
    "notebook": "ref",
    "delete": "ref",
    "load_variables": "ref, names=None",
}
VERBS = {
    *("init", "status", "history", "show", "diff", "name", "delete", "runs", "metrics", "execute", "export", "trust"),
}


def parameters(function: object) -> list[tuple[str, object, bool]]:
    """Return the name, default and keyword-onlyness of each parameter, ``self`` left out."""
    assert callable(function)
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.default, p.kind is p.KEYWORD_ONLY) for p in found if p.name != "self"]


def promised(signature: str) -> list[tuple[str, object, bool]]:
    return parameters(eval(f"lambda {signature}: None"))


def assert_keeps(function: object, signature: str) -> None:
    """Names, order and defaults are as promised; what comes beside them is optional."""
    wanted, there = promised(signature), parameters(function)
    assert (
        there[: len(wanted)] == wanted
        or {entry[0]: entry for entry in there}.items() >= {entry[0]: entry for entry in wanted}.items()
    )
    extra = [entry for entry in there if entry[0] not in {name for name, _, _ in wanted}]
    assert all(default is not inspect.Parameter.empty for _, default, _ in extra), extra


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_can_be_called_as_documented(name: str) -> None:
    assert_keeps(getattr(mlm, name), FUNCTIONS[name])


@pytest.mark.parametrize("name", PROJECT_METHODS)
def test_every_question_to_a_project_can_be_asked_as_documented(name: str) -> None:
    assert_keeps(getattr(Project, name), PROJECT_METHODS[name])


def test_history_is_a_function_too() -> None:
    assert callable(mlm.history)


def test_the_names_are_listed_for_completion_and_help() -> None:
    assert FUNCTIONS.keys() <= set(mlm.__all__)
    assert set(mlm.__all__) <= set(dir(mlm))
    assert all(inspect.getdoc(getattr(mlm, name)) for name in FUNCTIONS)
    assert all(inspect.getdoc(getattr(Project, name)) for name in PROJECT_METHODS)


def test_every_error_is_one_of_ours_with_a_code_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.MlmError)]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert str(errors.NotFoundError("no such thing")) == "no such thing"


def test_the_command_line_has_the_published_verbs() -> None:
    text = subprocess.run([sys.executable, "-m", "mlm_jupyter", "--help"], capture_output=True, text=True, check=True).stdout
    assert set(text.split()) >= VERBS
