"""``mlm`` as a person or a script meets it: what it prints, what it returns, what it refuses."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from past import Past, stream

from mlm_jupyter.commands import main
from mlm_jupyter.commands.verbs import VERBS
from mlm_jupyter.core.entities import Environment

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mlm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in a folder of its own and returns status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MLM_PROJECT", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(arguments)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def past(tmp_path: Path, mlm: Run) -> Iterator[Past]:
    """A project with two runs of two checkpoints each."""
    story = Past(tmp_path)
    for number, name in enumerate(("first", "second"), 1):
        story.start_run(name, lr=f"0.{number}")
        story.execute(f"x = {number}", {"x": number}, cell_id="set")
        story.log(acc=0.5 + number / 10, step=1)
        story.log(acc=0.55 + number / 10, step=2)
        time.sleep(0.002)
        story.execute("print(x)", {"x": number}, cell_id="show", outputs=[stream(f"{number}\n")])
        story.end_run()
        time.sleep(0.002)
    yield story
    story.close()


def test_init_makes_a_project_once(mlm: Run, tmp_path: Path) -> None:
    status, out, _ = mlm("init")
    assert (status, out.splitlines()[0]) == (0, f"Made a project in {tmp_path}")
    assert (tmp_path / ".mlm" / "mlm.db").is_file()
    assert mlm("init")[:2] == (0, f"There is a project already in {tmp_path}\n")
    assert mlm("init", "deep/er")[0] == 0
    assert (tmp_path / "deep" / "er" / ".mlm").is_dir()


def test_without_a_project_every_verb_says_how_to_make_one(mlm: Run) -> None:
    for arguments in (["status"], ["history"], ["runs"], ["show", "x"], ["diff"], ["delete", "x"], ["metrics", "x"]):
        status, out, err = mlm(*arguments)
        assert (status, out) == (1, "")
        assert "mlm init" in err
        assert err.count("\n") == 1


def test_an_empty_project_says_how_to_begin(mlm: Run) -> None:
    mlm("init")
    assert mlm("status")[0] == 0
    assert "%mlm_track" in mlm("status")[1]
    status, out, err = mlm("history")
    assert (status, out) == (0, "")
    assert "%mlm_track" in err
    assert mlm("history", "--json") == (0, "[]\n", "")
    status, out, err = mlm("runs")
    assert (status, out) == (0, "") and "mlm_jupyter.start_run()" in err


def test_history_lists_the_newest_first(mlm: Run, past: Past) -> None:
    lines = mlm("history")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["4", "3", "2", "1"]
    assert "print(x)" in lines[0]
    assert "x = 1" in lines[3]
    assert all(len(line) <= 80 for line in lines)
    assert mlm("history", "-n", "1")[1].splitlines() == lines[:1]
    assert [line.split()[0] for line in mlm("history", "--run", "first")[1].splitlines()] == ["2", "1"]
    assert mlm("history", "--notebook", "other.ipynb")[1] == ""


def test_json_has_all_fields_and_the_same_order(mlm: Run, past: Past) -> None:
    listed = json.loads(mlm("history", "--json")[1])
    assert [entry["ordinal"] for entry in listed] == [4, 3, 2, 1]
    assert listed[0]["changes"] == {"added": ["x"], "changed": [], "removed": [], "between": []}
    runs = json.loads(mlm("runs", "--json")[1])
    assert [(run["name"], run["params"], run["metrics"]) for run in runs] == [
        ("second", {"lr": "0.2"}, {"acc": 0.75}),
        ("first", {"lr": "0.1"}, {"acc": 0.65}),
    ]
    assert {"checkpoint", "manifest", "outputs", "variables"} <= json.loads(mlm("show", "latest", "--json")[1]).keys()


def test_numbers_that_are_not_finite_are_null_in_json(mlm: Run, past: Past) -> None:
    past.start_run("lost")
    past.log(loss=float("nan"), acc=float("inf"))
    runs = json.loads(mlm("runs", "--json")[1])
    assert runs[0]["metrics"] == {"loss": None, "acc": None}


def test_runs_answers_a_query(mlm: Run, past: Past) -> None:
    out = mlm("runs", "metrics.acc > 0.6 and params.lr = 0.1")[1]
    assert [line.split()[1] for line in out.splitlines()] == ["name", "first"]
    assert mlm("runs", "tags.x = 'y'") == (0, "", "No run fits the query. List all with: mlm runs\n")
    status, out, err = mlm("runs", "metrics.acc >")
    assert (status, out) == (2, "")
    assert err.startswith("mlm: Cannot read the query")


def test_metrics_shows_the_course(mlm: Run, past: Past) -> None:
    lines = mlm("metrics", "first")[1].splitlines()
    assert [line.split()[:5] for line in lines] == [
        ["metric", "last", "lowest", "highest", "points"],
        ["acc", "0.65", "0.6", "0.65", "2"],
    ]
    assert mlm("metrics", "first", "acc")[1].split() == ["step", "value", "1", "0.6", "2", "0.65"]
    status, out, err = mlm("metrics", "first", "loss")
    assert (status, out) == (1, "") and err.endswith("has no metric 'loss'. It has: acc\n")
    assert len(json.loads(mlm("metrics", "latest", "--json")[1])) == 2
    bare = past.start_run("bare")
    assert mlm("metrics", "bare") == (0, "", f"Run bare ({bare.id}) has no metrics. Log one with: mlm_jupyter.log_metric\n")
    past.end_run()


def test_show_tells_code_outputs_and_variables(mlm: Run, past: Past) -> None:
    past.execute("y = 3\nx", {"x": 2, "y": 3}, name="best", environment=Environment("3.12.1", "CPython", "Linux"))
    out = mlm("show", "best")[1]
    for words in ("[best]", "number 5 of train.ipynb", "ok after 12 ms", "  y = 3", "Python 3.12.1 on Linux", "float"):
        assert words in out
    assert "second (" in mlm("show", "second")[1], "a run's name means its last checkpoint"
    assert "  2\n" in mlm("show", "second")[1]


def test_diff_compares_with_the_parent_by_default(mlm: Run, past: Past) -> None:
    whole = mlm("diff")[1]
    assert "-1\n    +2" in whole, "the output of the cell that ran last"
    assert "+ acc" in whole
    assert "~ x" not in whole, "it was set in the cell before"
    out = mlm("diff", "first", "second")[1]
    assert "~ x" in out
    assert "~ lr" in out
    assert "~ acc" in out
    only = mlm("diff", "first", "second", "--only", "params,metrics")[1]
    assert "~ x" not in only
    assert "~ lr" in only
    assert mlm("diff", "latest", "latest")[1].endswith("No differences.\n")
    assert json.loads(mlm("diff", "first", "--json")[1])["params"][0]["name"] == "lr"
    assert mlm("diff", "first", "--only", "colour")[0] == 2


def test_a_name_can_be_given_and_taken_away(mlm: Run, past: Past) -> None:
    assert mlm("name", "latest~1", "good", "--note", "before the break")[0] == 0
    assert "[good]" in mlm("history")[1]
    assert "before the break" in mlm("show", "good")[1]
    status, _, err = mlm("name", "latest", "good")
    assert (status, err.count("\n")) == (1, 1)
    assert mlm("name", "latest", "two words")[0] == 2
    assert mlm("name", "latest")[0] == 2
    assert mlm("name", "good", "--clear")[0] == 0
    assert mlm("show", "good")[0] == 1


def test_delete_deletes_exactly_what_it_says(mlm: Run, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for refused in (("latest",), ("--run", "first")):
        status, out, err = mlm("delete", *refused)
        assert (status, out) == (2, "") and len(err.splitlines()) == 1 and "--yes" in err
    assert len(mlm("history")[1].splitlines()) == 4
    status, out, _ = mlm("delete", "latest", "--yes")
    assert status == 0
    assert out.startswith("Deleted checkpoint ")
    assert len(mlm("history")[1].splitlines()) == 3
    assert mlm("delete", "--run", "first", "-y")[1].startswith("Deleted run first (")
    assert len(mlm("history")[1].splitlines()) == 3, "the checkpoints of a run stay"
    assert "first" not in mlm("runs")[1]


def test_deleting_by_the_name_of_a_run_asks_for_which_of_both(mlm: Run, past: Past) -> None:
    run = past.runs.find_by_name("first")
    assert run is not None and run.last_checkpoint_id is not None
    for ref in ("first", run.id):
        status, _, err = mlm("delete", ref, "--yes")
        assert (status, err.count("\n")) == (2, 1)
        assert f"mlm delete --run {run.id}" in err and f"mlm delete {run.last_checkpoint_id}" in err
    assert len(mlm("history")[1].splitlines()) == 4 and len(past.runs.list()) == 2


def test_two_runs_that_ended_with_one_checkpoint_are_told_apart(mlm: Run, past: Past) -> None:
    made = past.execute("both = 1")
    for name, lr in (("one", "0.1"), ("two", "0.2")):
        past.start_run(name, lr=lr)
        past.log(acc=float(lr))
        past.runs.end(past.runs.find_by_name(name).id, "finished", made.created_at, until_id=made.id)  # type: ignore[union-attr]
    out = mlm("diff", "one", "two")[1]
    assert "From one to two" in out and "0.1 → 0.2" in out and "Code" not in out


def test_runs_of_scripts_are_compared_by_what_they_logged(mlm: Run, past: Past) -> None:
    for name, lr in (("one", "0.1"), ("two", "0.2")):
        past.start_run(name, lr=lr)
        past.log(acc=float(lr))
        past.end_run()
    out = mlm("diff", "one", "two")[1]
    assert out.splitlines()[0] == "From one to two" and out.count("0.1 → 0.2") == 2 and "Code" not in out
    assert mlm("diff", "one", "first")[0] == 0
    status, out, err = mlm("history", "--run", "one")
    assert (status, out) == (1, "") and err.startswith("mlm: No checkpoint was made in run 'one'.")


@pytest.mark.parametrize(("answer", "is_deleted"), [("y\n", True), ("\n", False), ("no\n", False), ("", False)])
def test_where_somebody_can_answer_delete_asks(
    mlm: Run, past: Past, monkeypatch: pytest.MonkeyPatch, answer: str, is_deleted: bool
) -> None:
    stdin = io.StringIO(answer)
    stdin.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", stdin)
    assert mlm("delete", "latest")[0] == (0 if is_deleted else 1)
    assert len(mlm("history")[1].splitlines()) == 4 - is_deleted


def test_export_writes_the_notebook_and_its_code(mlm: Run, past: Past, tmp_path: Path) -> None:
    past.execute("%matplotlib inline\nx = 3", cell_id="magic")
    past.execute("%%bash\necho hi", cell_id="bash")
    past.execute("half a cell (", cell_id="half", error="SyntaxError")
    assert mlm("export", "latest", "--to", "out/was.ipynb")[0] == 0
    notebook = nbformat.read(tmp_path / "out" / "was.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == ["set", "show", "magic", "bash", "half"]
    assert mlm("export", "latest", "--to", "was.py")[0] == 0
    script = (tmp_path / "was.py").read_text()
    compile(script, "was.py", "exec")
    assert script.count("# %%") == 5
    assert "print(x)" in script
    assert "run_cell_magic('bash'" in script
    assert "# half a cell (" in script


def test_export_overwrites_nothing_unasked(mlm: Run, past: Past, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("precious")
    status, _, err = mlm("export", "latest", "--to", "mine.py")
    assert (status, (tmp_path / "mine.py").read_text()) == (1, "precious")
    assert "--force" in err
    assert mlm("export", "latest", "--to", "mine.py", "--force")[0] == 0
    assert mlm("export", "latest", "--to", "mine.txt")[0] == 2


def test_status_tells_what_runs(mlm: Run, past: Past) -> None:
    past.start_run("going on")
    out = mlm("status")[1]
    assert "going on" in out
    assert "train.ipynb" in out
    told: dict[str, Any] = json.loads(mlm("status", "--json")[1])
    assert [run["name"] for run in told["running"]] == ["going on"]
    assert told["latest"]["ordinal"] == 4
    assert told["stored_bytes"] == json.loads(mlm("stats", "--json")[1])["disk_bytes"]


def test_the_project_is_found_from_below_and_by_option(
    mlm: Run, past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert len(mlm("history")[1].splitlines()) == 4
    monkeypatch.setenv("MLM_PROJECT", str(below))
    assert mlm("history")[0] == 1
    assert len(mlm("history", "--project", str(tmp_path))[1].splitlines()) == 4
    status, out, err = mlm("history", "--project", str(below / "mistyped"))
    assert (status, out, err) == (
        1,
        "",
        f"mlm: There is no {below / 'mistyped'}. Give the folder of a project, or anything in it.\n",
    ), "and not what is above it"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["histroy"], "Did you mean: mlm history?"),
        (["restore", "latest"], "Type there: %mlm_restore"),
        (["history", "-n", "x"], "a whole number, 0 or more, not 'x'"),
        (["xyzzy"], "mlm --help"),
        (["history", "--nope"], "--nope"),
        (["help"], "Did you mean: mlm --help?"),
        (["--verison"], "no option '--verison'. Did you mean: mlm --version?"),
        (["--json"], "List them with: mlm --help"),
        (["verify", "--rebuld"], "verify has no option '--rebuld' (did you mean --rebuild?). See: mlm verify --help"),
        (["diff", "a", "b", "c"], "does not take 'c'"),
        (["runs", "status", "=", "'failed'"], "does not take '='; a text of several words needs quotes. See: mlm runs --help"),
        (["history", "-n", "-1"], "-n"),
        (["show"], "REF"),
        (["export", "latest"], "--to"),
    ],
)
def test_bad_use_is_one_line_and_status_2(mlm: Run, arguments: list[str], words: str) -> None:
    status, out, err = mlm(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_what_the_system_refuses_is_said_of_the_file_and_without_a_number(mlm: Run, past: Past, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, out, err = mlm("export", "latest", "--to", "file/was.py")
    assert (status, out, err) == (1, "", "mlm: file: File exists\n")


def test_without_a_stream_to_write_to_there_is_nothing_to_fail(past: Past, tmp_path: Path) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        command = f"{sys.executable} -m mlm_jupyter history {closed}"
        result = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, ""), closed


def test_an_unknown_reference_is_one_line_and_status_1(mlm: Run, past: Past) -> None:
    status, out, err = mlm("show", "no-such-thing")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("mlm: ")


@pytest.mark.parametrize("verb", ["show", "history --run", "history --notebook", "metrics", "name latest --note", "runs"])
def test_bytes_that_are_no_text_are_bad_use_and_no_traceback(mlm: Run, past: Past, verb: str) -> None:
    status, out, err = mlm(*verb.split(), os.fsdecode(b"\xff"))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "half a character" in err


def test_the_number_of_a_checkpoint_is_answered_with_its_id(mlm: Run, past: Past) -> None:
    listed = {line.split()[0]: line.split()[1] for line in mlm("history")[1].splitlines()}
    for number in ("2", "#2"):
        status, out, err = mlm("diff", "latest", number)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert f"Number {number} has the id {listed['2']}" in err
    assert mlm("show", "99999999999999999999")[0] == 1


def test_the_status_is_the_same_with_json(mlm: Run, past: Past) -> None:
    bare = past.start_run("bare")
    past.end_run()
    for arguments in (["history", "--notebook", "no.ipynb"], ["history", "--run", "bare"], ["metrics", bare.id, "acc"]):
        answer = mlm(*arguments)
        assert answer == mlm(*arguments, "--json")
        assert answer[:2] == (1, "") and answer[2].count("\n") == 1
    assert mlm("history", "--json")[0] == mlm("metrics", "bare", "--json")[0] == 0


def test_a_notebook_without_checkpoints_is_said_to_be_that(mlm: Run, past: Past) -> None:
    assert "No checkpoint of the notebook nosuch.ipynb" in mlm("history", "--notebook", "nosuch.ipynb")[2]


def test_every_verb_has_help(mlm: Run) -> None:
    for verb in VERBS:
        status, out, _ = mlm(verb.name, "--help")
        assert status == 0
        assert "usage: mlm " + verb.name in out
        assert "None" not in out
    assert mlm("--help")[0] == 0
    assert mlm()[0] == 2
    assert mlm("--version")[1].startswith("mlm ")


def test_a_pipe_that_closes_early_is_no_error(past: Past, tmp_path: Path) -> None:
    for i in range(300):
        past.runs.log_metrics(past.runs.list()[0].id, {f"m{i}": 1.0}, logged_at=i)
    command = f"{sys.executable} -m mlm_jupyter metrics second --json | head -n 1; echo ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout == "[\n0\n"
    assert result.stderr == ""


def test_nothing_that_was_stored_commands_the_terminal(mlm: Run, past: Past) -> None:
    evil = "\x1b[31mred\x07\x9b2J\u202e"
    for number in (1, 2):
        run = past.start_run(f"{number}{evil}", **{f"p{evil}": f"{number}{evil}"})
        past.log(**{f"m{evil}": number})
        past.execute(f"x = '{number}{evil}'", {"x": number}, cell_id="one", outputs=[stream(f"{number}{evil}\n")])
        past.end_run()
    for arguments in (
        ["history"],
        ["history", "--run", run.id],
        ["show", "latest"],
        ["diff"],
        ["runs"],
        ["status"],
        ["stats"],
        ["metrics", run.id],
        ["metrics", run.id, f"m{evil}"],
        ["metrics", run.id, evil],
        ["trust", "--all", "--yes"],
        ["show", evil],
        ["runs", evil],
        [evil],
        ["delete", "--run", run.id, "-y"],
    ):
        _, out, err = mlm(*arguments)
        assert (out + err).replace("\n", "").isprintable(), arguments


def test_status_tells_of_the_runs_of_scripts(mlm: Run, past: Past, tmp_path: Path) -> None:
    mlm("init", "scripts")
    script = Past(tmp_path / "scripts")
    script.start_run("sweep", lr="1")
    script.end_run()
    script.close()
    out = mlm("status", "--project", "scripts")[1]
    assert "Latest    run sweep, finished" in out and "Nothing" not in out


def test_a_terminal_that_knows_ascii_only_is_no_error(past: Past, tmp_path: Path) -> None:
    past.execute("print('ünï → 漢字')")
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "mlm_jupyter", "history", "-n", "1"]
    result = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "print('" in result.stdout


def test_trust_is_given_after_a_yes_only(mlm: Run, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    status, out, err = mlm("trust", "latest")
    assert (status, err.count("\n")) == (2, 1)
    assert "made by ada" in out
    assert "signed by nobody" in out
    for answer, status in (("no\n", 1), ("yes\n", 0)):
        stdin = io.StringIO(answer)
        stdin.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", stdin)
        assert mlm("trust", "latest")[0] == status
    assert mlm("trust", "latest")[:2] == (0, "You trust that already.\n")
    assert mlm("trust", "--all", "--yes")[1].endswith("Trusted 3 checkpoints.\n")
    assert mlm("trust")[0] == 2
    assert mlm("trust", "latest", "--all")[0] == 2
