"""What the functions of mlm_jupyter are called with: what cannot be meant is one line that names the argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from past import Past

import mlm_jupyter as mlm
from mlm_jupyter.core.calls import checked
from mlm_jupyter.errors import InvalidInputError
from mlm_jupyter.project import Project


class Strange:
    """An object that is nothing one could mean, and does not like to be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("do not show me")


CHECKED = [getattr(mlm, name) for name in mlm.__all__ if hasattr(getattr(mlm, name), "__wrapped__")]
ASKED = [Project.runs, Project.checkpoints, Project.get_checkpoint, Project.get_run, Project.metrics, Project.load_variables]


def arguments(functions: list[Any]) -> Iterator[tuple[Any, str]]:
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            if name != "self" and parameter.annotation != "object":
                yield function, name


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    past = Past(tmp_path)
    past.start_run("first")
    past.execute("x = 1", {"x": 1})
    past.end_run()
    with Project.open(tmp_path) as opened:
        yield opened


def refused(function: Callable[..., object], *args: object, **kwargs: object) -> str:
    with pytest.raises(InvalidInputError) as caught:
        function(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("function", "name"), [*arguments(CHECKED)], ids=lambda each: getattr(each, "__name__", each))
def test_a_function_names_the_argument_that_cannot_be_meant(
    function: Callable[..., object], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    needed = {key: "x" for key, one in inspect.signature(function).parameters.items() if one.default is one.empty}
    message = refused(function, **{**needed, name: Strange()})
    assert message.startswith(f"{function.__name__}({name}=...) takes ")
    assert message.endswith(", not test_calls.Strange.")
    assert not any(tmp_path.iterdir()), "nothing was opened for it"


@pytest.mark.parametrize(("function", "name"), [*arguments(ASKED)], ids=lambda each: getattr(each, "__name__", each))
def test_a_question_to_a_project_names_the_argument_that_cannot_be_meant(
    project: Project, function: Callable[..., object], name: str
) -> None:
    needed = {"ref": "latest"} if "ref" in inspect.signature(function).parameters else {}
    needed |= {"run": "first"} if function is Project.metrics else {}
    assert f"({name}=...) takes " in refused(function, project, **{**needed, name: Strange()})


@pytest.mark.parametrize("ask", [Project.diff, Project.notebook, Project.delete, Project.variables, Project.compare])
def test_what_is_no_reference_is_said_whatever_is_asked(project: Project, ask: Callable[..., object]) -> None:
    others = ["latest"] if ask in (Project.diff, Project.compare) else []
    said = refused(ask, project, 3, *others)
    assert said.endswith("=...) takes the name or id of a checkpoint or run, or one itself, not 3.")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mlm.undo("x"), "undo(n=...) takes a whole number, not 'x'."),  # type: ignore[arg-type]
        (lambda: mlm.undo(True), "undo(n=...) takes a whole number, not True."),
        (lambda: mlm.checkpoint(name=3), "checkpoint(name=...) takes a text, not 3."),  # type: ignore[arg-type]
        (lambda: mlm.restore(None), "restore(ref=...) takes the name or id of a checkpoint or run, or one itself, not None."),  # type: ignore[arg-type]
        (lambda: mlm.restore("x", only=[3]), "restore(only=...) takes names, as in ['x', 'y'], not list."),  # type: ignore[list-item]
        (lambda: mlm.restore("x", dry_run="no"), "restore(dry_run=...) takes True or False, not 'no'."),  # type: ignore[arg-type]
        (lambda: mlm.track(tags=["a"]), "track(tags=...) takes a dict, as in {'kind': 'test'}, not list."),  # type: ignore[arg-type]
        (lambda: mlm.history("x" * 99), "history(n=...) takes a whole number, not str."),  # type: ignore[arg-type]
        (lambda: mlm.open_project(3), "open_project(path=...) takes a path, not 3."),  # type: ignore[arg-type]
    ],
)
def test_the_line_says_what_to_give(call: Callable[[], object], message: str) -> None:
    assert refused(call) == message


def test_an_iterator_of_names_is_not_used_up() -> None:
    @checked
    def listed(names: Iterable[str]) -> list[str]:
        return list(names)

    assert listed(iter(["a"])) == ["a"]


def test_what_python_says_of_a_call_it_says_itself() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'ref'"):
        mlm.restore()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes from 0 to 1 positional arguments"):
        mlm.undo(1, 2)  # type: ignore[call-arg]


def test_a_run_that_is_open_stands_for_itself_in_every_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    from mlm_jupyter.clock import new_id, now_ms
    from mlm_jupyter.process import start_session
    from mlm_jupyter.recorder import Recorder

    recorder = Recorder(project._database, start_session(new_id(), author="ada", started_at=now_ms()))
    with recorder.start_run("open") as run:
        recorder.log_metric("acc", 0.5)
        assert project.get_run(run).name == "open"
        assert [point.value for point in project.metrics(run)] == [0.5]
        assert list(project.checkpoints(run=run)) == []
    project.delete(run)
    assert [found.name for found in project.runs()] == ["first"]
    assert len(list(project.checkpoints())) == 1
    recorder.close()
