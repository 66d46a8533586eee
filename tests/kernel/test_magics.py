"""The magics: how their lines are read, and what they do and show in a real kernel."""

from __future__ import annotations

import inspect
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tracked import START, Kernel, Reply, environment, open_kernel

from mlm_jupyter.core.entities import Checkpoint, Run
from mlm_jupyter.errors import InvalidInputError
from mlm_jupyter.kernel.arguments import Argument, Kind, Signature, split, unquoted, without_comment
from mlm_jupyter.kernel.body import adopt_body
from mlm_jupyter.kernel.expressions import read_metrics
from mlm_jupyter.kernel.magics import SIGNATURES, MlmMagics
from mlm_jupyter.maintenance import rebuild
from mlm_jupyter.project import Project, open_project

ignores_jupyter = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

# How a line is read

words = st.text(st.characters(exclude_characters="\"'()[]{}", exclude_categories=("Z", "C")), min_size=1, max_size=8)
values = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
metric_keys = st.from_regex(r"[a-z_][a-z0-9_]*([./-][a-z0-9_]+)?", fullmatch=True).filter(lambda key: key != "--step")


@given(st.lists(words))
def test_words_without_quotes_and_brackets_are_what_stands_between_spaces(texts: list[str]) -> None:
    assert [word.text for word in split("  ".join(texts))] == texts


@given(st.text())
@example("it's a 'text' (with [brackets")
@example("=\"'\\\"' ]){")
def test_every_line_can_be_split_and_only_spaces_are_lost(line: str) -> None:
    found = split(line)
    assert all(line[word.start : word.end] == word.text for word in found)
    gaps = zip([0, *(word.end for word in found)], [*(word.start for word in found), len(line)], strict=True)
    assert all(not line[start:end].strip() for start, end in gaps)


@given(st.text(st.characters(exclude_characters="\\"), max_size=12), st.sampled_from("\"'"))
def test_a_quoted_text_is_one_word_and_loses_its_quotes(text: str, quote: str) -> None:
    escaped = quote + text.replace(quote, f"\\{quote}") + quote
    assert [word.text for word in split(f"--note {escaped} REF")] == ["--note", escaped, "REF"]
    assert unquoted(escaped) == text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--note don't panic", ["--note", "don't", "panic"]),
        ("a='x y' b=[1, 2] c=f(1, ')')", ["a='x y'", "b=[1, 2]", "c=f(1, ')')"]),
        ("sad :( --x", ["sad", ":(", "--x"]),
        ("'it's so' end", ["'it's so'", "end"]),
        ("d={'k': [1, 2]}", ["d={'k': [1, 2]}"]),
    ],
)
def test_apostrophes_are_letters_and_expressions_are_whole(line: str, expected: list[str]) -> None:
    assert [word.text for word in split(line)] == expected


def test_options_repeat_and_swallow_no_verb_in_any_order() -> None:
    signature = SIGNATURES["mlm_track"]
    parts = ["--tag a=1", "--tag b='2 3'", "--params lr,depth", "--params=width", "--manual", "stop"]
    for seed in range(20):
        line = " ".join(random.Random(seed).sample(parts, len(parts)))
        read = signature.read(line)
        assert (read.text("VERB"), read.has("--manual"), read.pairs("--tag")) == ("stop", True, {"a": "1", "b": "2 3"})
        assert set(read.names("--params")) == {"lr", "depth", "width"}


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("before-cleaning  # the raw table, as it's read", "before-cleaning"),
        ("# nothing else", ""),
        ("a #b 'c", "a"),
        ("a --note 'bug # 12' # why", "a --note 'bug # 12'"),
        ("--tag colour=#fff a#b #12", "--tag colour=#fff a#b #12"),
        ("acc=f('a # b', {1: ' # '}) --step 3 # last, of all --step 4", "acc=f('a # b', {1: ' # '}) --step 3"),
        ("params.kind = 'a # b' or (name = ' #') # the good ones", "params.kind = 'a # b' or (name = ' #')"),
    ],
)
def test_a_comment_behind_a_magic_is_passed_over(line: str, left: str) -> None:
    assert without_comment(line) == left


@pytest.mark.parametrize(
    ("magic", "line", "said"),
    [
        ("mlm_track", "strt", "Did you mean start?"),
        ("mlm_track", "stop status", "one verb"),
        ("mlm_track", "--tags a=1", "Did you mean --tag?"),
        ("mlm_track", "--name", "--name needs a value"),
        ("mlm_track", "--name --manual", "--name needs a value"),
        ("mlm_track", "--name a --name b", "given twice"),
        ("mlm_track", "--manual=yes", "takes no value"),
        ("mlm_restore", "", "needs REF"),
        ("mlm_restore", "a b", "quotes"),
        ("mlm_restore", "a --dry", "--dry-run"),
        ("mlm_history", "-m 3", "Did you mean -n?"),
        ("mlm_history", "5", "does not take '5'. Use: %mlm_history [-n N]"),
        ("mlm_diff", "--only", "--only code,outputs,variables,metrics,params,environment. Use: "),
        ("mlm_diff", "--help", "Its help is shown by: %mlm_diff?"),
        ("mlm_run", "a --this", "Use: %mlm_run"),
    ],
)
def test_bad_use_is_told_with_what_was_meant(magic: str, line: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(said)) as caught:
        SIGNATURES[magic].read(line)
    assert "--this-cell" not in str(caught.value)


def test_values_are_checked_for_what_they_are() -> None:
    signature = Signature("%m", Argument("-n", Kind.NUMBER), Argument("--tag", Kind.PAIR, repeats=True))
    assert signature.read("-n -3 --tag a=b=c").number("-n") == -3
    assert signature.read("--tag 'a=b c'").pairs("--tag") == {"a": "b c"}
    with pytest.raises(InvalidInputError, match="whole number"):
        signature.read("-n few").number("-n")
    with pytest.raises(InvalidInputError, match="K=V"):
        signature.read("--tag kind").pairs("--tag")


@pytest.mark.parametrize("magic", SIGNATURES)
def test_the_help_of_a_magic_names_what_it_takes_and_gives_an_example(magic: str) -> None:
    text = inspect.getdoc(getattr(MlmMagics, magic)) or ""
    signature = SIGNATURES[magic]
    assert re.match(r"[A-Z][^%]+[.;:] ?", text)
    assert f"%{magic} " in text.partition("Examples\n--------\n")[2] + " "
    shown = {name for name, option in signature.options.items() if not option.is_hidden}
    assert shown == set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", re.sub(r"(?s)Examples.*", "", text)))


# Metrics as they are typed


@given(st.dictionaries(metric_keys, values, min_size=1, max_size=4), st.none() | st.integers(0, 99), st.booleans())
def test_expressions_are_taken_apart_at_their_commas_only(metrics: dict[str, Any], step: int | None, is_first: bool) -> None:
    line = ", ".join(f"{key}={value!r}" for key, value in metrics.items())
    if step is not None:
        line = f"--step {step} {line}" if is_first else f"{line} --step {step}"
    assert read_metrics(line, {}) == (metrics, step)


def test_a_variable_is_logged_under_its_name_and_a_step_can_be_an_expression() -> None:
    class Model:
        best = 0.9

        def score(self, *parts: int, weight: int = 1) -> int:
            return sum(parts) * weight

    names = {"acc": 0.5, "model": Model(), "losses": [3, 1], "epoch": 4, "lr": 0.1}
    line = "acc, model.best, val/f1=model.score(1, 2, weight=3), last = losses[-1] , ok = acc == 0.5, f=(lambda a, b: b)(1, 2)"
    expected = {"acc": 0.5, "model.best": 0.9, "val/f1": 9, "last": 1, "ok": True, "f": 2}
    assert read_metrics(f"{line} --step epoch+1", names) == (expected, 5)
    assert read_metrics("fold_{epoch}=acc, {lr}_k=$acc, x={acc * 2} --step={epoch}", names) == (
        {"fold_4": 0.5, "0.1_k": 0.5, "x": 1.0},
        4,
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "Nothing to log"),
        ("acc=", "nothing behind"),
        ("acc=f(1", "was never closed"),
        ("1 + 1", "Give the metric a name"),
        ("acc=nosuch", "NameError"),
        ("acc=1/0", "ZeroDivisionError"),
        ("a=1, a=2", "twice"),
        ("a=1 --step", "--step needs"),
        ("a=1 --step 0.5", "whole number"),
        ("a=1 --step None", "whole number"),
    ],
)
def test_what_cannot_be_logged_is_told(line: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(said)):
        read_metrics(line, {})


# The first line of a cell of its own run


def test_only_a_cell_magic_with_a_body_is_taken_over() -> None:
    assert adopt_body(["%%mlm_run a\n", "x = 1\n"]) == ["get_ipython().run_line_magic('mlm_run', '--this-cell a')\n", "x = 1\n"]
    for lines in ([], ["%%mlm_run a\n"], ["%%mlm_run?\n", "x\n"], ["%%mlm_runs\n", "x\n"], ["x = 1\n", "%%mlm_run\n"]):
        assert adopt_body(lines) == lines


# In a kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with open_kernel(tmp_path_factory.mktemp("magics") / "project") as kernel:
        kernel.track(START)
        yield kernel


def track(kernel: Kernel, code: str) -> Checkpoint:
    """Execute code and return its checkpoint, not one that is still on its way."""
    kernel.flush()
    return kernel.track(code)


def runs_of(kernel: Kernel, name: str) -> list[Run]:
    kernel.flush()
    with kernel.project() as project:
        return [run for run in project.runs() if run.name == name]


def only_error(reply: Reply) -> str:
    """Return the one line that a failed cell shows."""
    assert reply.status == "error"
    (output,) = reply.outputs
    (line,) = output["traceback"]
    assert output["output_type"] == "error"
    assert line.startswith("\x1b[31mmlm: ") and line.endswith("\x1b[0m") and "\n" not in line
    assert reply.content["traceback"] == [line]
    return str(line)


@ignores_jupyter
@pytest.mark.parametrize(
    ("line", "name", "said"),
    [
        ("%mlm_restore nosuch", "NotFoundError", "No checkpoint 'nosuch'"),
        ("%mlm_restore latest --only nosuch", "NotFoundError", "No variable 'nosuch'"),
        ("%mlm_track strat", "InvalidInputError", "Did you mean start?"),
        ("%mlm_track --params 'lr depth'", "InvalidInputError", "'lr depth' cannot be a variable"),
        ("%mlm_track status --manual", "InvalidInputError", "not with status. Use: %mlm_track status"),
        ("%mlm_checkpoint latest", "InvalidInputError", "latest"),
        ("%mlm_checkpoint 3", "InvalidInputError", "is no number"),
        ("%mlm_history --run nosuch", "NotFoundError", "No run 'nosuch'"),
        ("%mlm_history -n -1", "InvalidInputError", "0 for all"),
        ("%mlm_diff latest --only colour", "InvalidInputError", "colour"),
        ("%mlm_undo 0", "InvalidInputError", "positive"),
        ("%mlm_log acc=nosuch", "InvalidInputError", "NameError"),
        ("%mlm_log text='a'", "InvalidInputError", "text"),
        ("%mlm_run a --parm x=1", "InvalidInputError", "Did you mean --param?"),
        ("%mlm_run a --end", "InvalidInputError", "stands alone"),
        ("%mlm_runs metrics.acc >", "InvalidInputError", ""),
        ("%%mlm_run a --parm x=1\nnever = 1", "InvalidInputError", "Did you mean --param?"),
    ],
)
def test_bad_use_fails_the_cell_with_one_red_line(kernel: Kernel, line: str, name: str, said: str) -> None:
    reply = kernel.run(f"{line}\nreached = True" if not line.startswith("%%") else line)
    assert said in only_error(reply)
    assert reply.content["ename"] == name
    assert not kernel.ask("'reached' in globals() or 'never' in globals()")


@ignores_jupyter
@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("restore('lates')", "Did you mean 'latest'?"),
        ("restore(3)", "takes the name or id"),
        ("undo('x')", "takes a whole number, not 'x'"),
        ("restore('latest', only='nothing')", "No variable 'nothing'"),
        ("diff('nope')", "No checkpoint 'nope'"),
        ("history(run='\\ud800')", "half a character"),
        ("checkpoint('a b')", "cannot name a checkpoint"),
        ("log_metric('acc', 'high')", "must be a number"),
        ("track(metrics='model.score')", "'model.score' cannot be a variable"),
    ],
)
def test_bad_use_of_a_function_is_one_line_too(kernel: Kernel, call: str, said: str) -> None:
    (error,) = kernel.run(f"__import__('mlm_jupyter').{call}").outputs
    (line,) = error["traceback"]
    assert line.startswith("mlm: ") and said in line


@ignores_jupyter
def test_bad_use_deep_in_the_users_own_code_says_where(kernel: Kernel) -> None:
    (error,) = kernel.run("import mlm_jupyter as mlm\ndef fit():\n    mlm.log_metric('acc', 'high')\nfit()").outputs
    *calls, line = error["traceback"]
    assert line.startswith("mlm: Metric 'acc'") and "in fit" in calls[-1] and not any("mlm_jupyter/" in call for call in calls)


@ignores_jupyter
def test_functions_take_checkpoints_and_one_name_as_a_text(kernel: Kernel) -> None:
    kernel.run("import mlm_jupyter as mlm\nmlm.track(metrics='accuracy')\nmodel, accuracy = 'good', 0.5")
    made = kernel.run("made = mlm.checkpoint(); model = accuracy = 0; mlm.restore(made, only='model')")
    assert made.status == "ok" and kernel.ask("[model, accuracy]") == ["good", 0]
    assert runs_of(kernel, kernel.ask("mlm.status().run"))[0].metrics.keys() >= {"accuracy"}


@ignores_jupyter
def test_the_last_checkpoint_of_a_run_within_a_cell_is_the_cells(tmp_path: Path) -> None:
    runs = "import mlm_jupyter as mlm\nfor i in range(2):\n    with mlm.start_run(f'inner-{i}', params={'i': i}): pass\nx = 1"

    def last(project: Project) -> list[str | None]:
        found = [project.get_run(f"inner-{i}").last_checkpoint_id for i in range(2)]
        assert [project.get_checkpoint(f"inner-{i}").id for i in range(2)] == found
        return found

    with open_kernel(tmp_path) as kernel:
        kernel.run(START)
        made = track(kernel, runs)
        kernel.run("later = 1")
        kernel.flush()
        with kernel.project() as project:
            assert last(project) == [made.id] * 2
        kernel.untracked("with mlm.start_run('unseen'): mlm.log_metric('m', 1)", store_history=False)
        kernel.run("%mlm_track stop")
    with open_project(tmp_path) as project:
        assert project.get_run("unseen").last_checkpoint_id is None
    rebuild(tmp_path)
    with open_project(tmp_path) as project:
        assert last(project) == [made.id] * 2


@ignores_jupyter
def test_an_empty_kernel_is_offered_the_last_state_and_latest_means_it(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "work") as kernel:
        assert "had back" not in kernel.run(START).text
        kernel.track("x = [1]; y = x")
        kernel.flush()
        kernel.kill()
        kernel.start()
        offered = kernel.run(START).text
        assert (command := re.search(r"%mlm_restore \w+", offered)) is not None
        assert kernel.run("%mlm_restore latest").printed.splitlines()[1:] == ["  restored: x, y"]
        assert kernel.ask("x is y")
        assert "unchanged: x, y" in kernel.run(command[0]).printed
        kernel.restart()
        kernel.run("z = 1")
        assert "had back" not in kernel.run(START).text


@ignores_jupyter
def test_an_error_can_be_caught_as_any_other(kernel: Kernel) -> None:
    reply = kernel.run(
        "import mlm_jupyter as mlm\ntry:\n    %mlm_restore nosuch\nexcept mlm.MlmError as e:\n    print('caught', e.code)"
    )
    assert (reply.status, reply.text) == ("ok", "caught not_found\n")


@ignores_jupyter
def test_tracking_again_goes_on_with_its_run_and_tells_where_it_stands(kernel: Kernel) -> None:
    before = kernel.run("%mlm_track status").text
    again = kernel.run("%mlm_track").text
    run = re.search(r"run ([\w-]+)", before)
    assert run is not None
    assert before.startswith("Tracking work.ipynb in ") and f"run {run[1]};" in again
    assert kernel.run("%mlm_track pause").text.startswith("Paused")
    kernel.untracked("unseen = 1")
    assert kernel.run("%mlm_track resume").text.startswith("Tracking")
    checkpoint = track(kernel, "seen = 1")
    assert checkpoint.changes.added == ("seen", "unseen")
    assert kernel.run("%mlm_track --tag kind='a b' --tag seed=7 status").text.startswith("Tracking")
    (found,) = runs_of(kernel, run[1])
    assert found.tags == {"kind": "a b", "seed": "7"}


@ignores_jupyter
def test_pinned_variables_become_params_and_metrics(kernel: Kernel) -> None:
    kernel.run("%mlm_track --name pinned --params lr,net --metrics acc")
    track(kernel, "lr = 0.1; net = {'width': 3, 'act': 'relu'}; acc = 0.5")
    track(kernel, "acc = 0.75; lr = 0.2")
    (run,) = runs_of(kernel, "pinned")
    assert run.params == {"lr": "0.2", "net.width": "3", "net.act": "relu"}
    assert run.metrics == {"acc": 0.75}


@ignores_jupyter
def test_pinned_variables_that_cannot_be_logged_are_told_of_once_and_cost_no_checkpoint_and_no_other(kernel: Kernel) -> None:
    kernel.run("%mlm_track --name odd --params odd_net,odd_lr --metrics odd_scores,odd_acc")
    checkpoint = track(
        kernel, "odd_net = {}; odd_net['odd_net'] = odd_net; odd_lr = 0.1; odd_scores = {'x' * 300: 1.0}; odd_acc = 0.5"
    )
    assert checkpoint.changes.added == ("odd_acc", "odd_lr", "odd_net", "odd_scores")
    told = kernel.told
    track(kernel, "del odd_net['odd_net']; odd_acc = 0.6")
    (run,) = runs_of(kernel, "odd")
    assert (run.params, run.metrics) == ({"odd_lr": "0.1"}, {"odd_acc": 0.6})
    assert told.count("odd_net was not logged: RecursionError") == kernel.told.count("odd_net was not logged") == 1
    assert told.count("odd_scores was not logged: The key of a metric") == kernel.told.count("odd_scores was not logged") == 1


@ignores_jupyter
def test_a_checkpoint_gets_its_name_and_note(kernel: Kernel) -> None:
    reply = kernel.run('%mlm_checkpoint ready --note "it\'s final"')
    with kernel.project() as project:
        checkpoint = project.get_checkpoint("ready")
    assert checkpoint.note == "it's final"
    assert reply.text == f"Checkpoint {checkpoint.ordinal} [ready], {checkpoint.id}\n"
    assert kernel.run("%mlm_checkpoint ready").content["ename"] == "ConflictError"
    track(kernel, "tracked_on = 1")


@ignores_jupyter
def test_history_lists_the_newest_first_and_marks_where_the_kernel_stands(kernel: Kernel) -> None:
    kernel.run("first = 1")
    kernel.run("second = 2")
    lines = kernel.run("%mlm_history -n 2").text.splitlines()
    assert len(lines) == 2
    assert "second = 2" in lines[0] and lines[0].startswith(">") and "+second" in lines[0]
    assert "first = 1" in lines[1]
    assert kernel.run("rows = %mlm_history -n 0\nprint(type(rows[0]).__name__, len(rows))").text == (
        f"Checkpoint {len(kernel.checkpoints()) - 1}\n"
    )
    assert "second = 2" in kernel.run("%mlm_history --all").text


@ignores_jupyter
def test_history_can_be_of_one_run(kernel: Kernel) -> None:
    kernel.run("%mlm_run of-one")
    track(kernel, "inside = 1")
    assert "inside = 1" in kernel.run("%mlm_history --run of-one").text
    assert "first" not in kernel.run("%mlm_history --run of-one").text


@ignores_jupyter
def test_diff_tells_what_a_cell_did_and_what_changed_since(kernel: Kernel) -> None:
    kernel.run("x = 1")
    kernel.run("x = 2; y = 'new'")
    bare = kernel.run("%mlm_diff --only variables").text
    assert re.search(r"~ x +1 → 2", bare) and "+ y" in bare
    kernel.run("x = 3")
    between = kernel.run("%mlm_diff latest~2 latest~1 --only variables").text
    assert re.search(r"~ x +1 → 2", between) and "3" not in between
    since = kernel.run("%mlm_diff latest~2 --only code,variables").text
    assert re.search(r"~ x +1 → 3", since) and since.startswith("Code")


@ignores_jupyter
def test_a_restore_is_reported_once_and_its_report_is_the_value(kernel: Kernel) -> None:
    kernel.run("kept = 1\n%mlm_checkpoint start")
    kernel.run("kept = 2; gone = [1]")
    assert kernel.run("%mlm_restore start --dry-run").text.startswith("Would restore")
    assert kernel.ask("kept") == 2
    reply = kernel.run("%mlm_restore start")
    assert kernel.ask("kept") == 1
    assert {(output["output_type"], output.get("name")) for output in reply.outputs} == {("stream", "stdout")}
    assert reply.text.count("restored: kept") == reply.text.count("removed: gone") == 1
    reply = kernel.run("kept = 3\nreport = %mlm_restore start --only kept --no-save\nprint('on')")
    assert "restored: kept" in reply.text and reply.text.endswith("on\n")
    assert kernel.run("report").text.startswith("Restored checkpoint")
    assert kernel.ask("report.restored") == ["kept"]


@ignores_jupyter
def test_undo_goes_back_by_a_cell(kernel: Kernel) -> None:
    kernel.run("step = 1")
    kernel.run("step = 2")
    assert "restored: step" in kernel.run("%mlm_undo").text
    assert kernel.ask("step") == 1


@ignores_jupyter
def test_metrics_are_logged_from_cells_loops_and_functions(kernel: Kernel) -> None:
    kernel.run("%mlm_run logged")
    kernel.run(
        "def train(lr):\n    for epoch in range(3):\n        loss = lr / (epoch + 1)\n"
        "        %mlm_log loss, double=sum([loss for _ in range(2)]) --step epoch\ntrain(0.6)"
    )
    kernel.run("scores = {'acc': 0.9, 'per': {'a': 1}}\n%mlm_log scores, d={'x': 1}")
    (run,) = runs_of(kernel, "logged")
    assert run.metrics == pytest.approx({"loss": 0.2, "double": 0.4, "scores.acc": 0.9, "scores.per.a": 1, "d.x": 1})
    with kernel.project() as project:
        assert [point.step for point in project.metrics(run, "loss")] == [0, 1, 2]


@ignores_jupyter
def test_a_cell_of_its_own_run_is_a_cell_as_any_other(kernel: Kernel) -> None:
    kernel.run("%mlm_run outer")
    kernel.run("rate = 0.5")
    checkpoint = track(
        kernel,
        "%%mlm_run inner --param lr={rate} --param layers=[1, 2]\nimport asyncio\nprint('so')\n"
        "await asyncio.sleep(0)\n%mlm_log acc=0.9\ninner_value = 6 * 7\ninner_value",
    )
    (outer,), (inner,) = runs_of(kernel, "outer"), runs_of(kernel, "inner")
    assert (inner.status, inner.parent_id, outer.status) == ("finished", outer.id, "running")
    assert (inner.params, inner.metrics) == ({"lr": "0.5", "layers": "[1, 2]"}, {"acc": 0.9})
    assert (checkpoint.run_id, checkpoint.status, "inner_value" in checkpoint.changes.added) == (inner.id, "ok", True)
    assert checkpoint.source is not None and checkpoint.source.startswith("%%mlm_run inner")
    with kernel.project() as project:
        stream, result = project.outputs(checkpoint)
    assert (stream["text"], result["data"]["text/plain"]) == ("so\n", "42")
    assert track(kernel, "after = 1").run_id == outer.id


@ignores_jupyter
def test_a_run_of_a_cell_that_raises_has_failed_and_its_error_is_the_users(kernel: Kernel) -> None:
    reply = kernel.run("%%mlm_run broken\nfine = 1\nfine / 0")
    assert (reply.status, reply.content["ename"], len(reply.outputs)) == ("error", "ZeroDivisionError", 1)
    assert "line 3" in re.sub(r"\x1b\[[\d;]*m", "", "".join(reply.outputs[0]["traceback"]))
    (run,) = runs_of(kernel, "broken")
    assert run.status == "failed"


@ignores_jupyter
@pytest.mark.parametrize(
    "wait", ["import time; time.sleep(30)", "import asyncio\nfor _ in range(3000): await asyncio.sleep(0.01)"]
)
def test_a_run_of_a_cell_that_is_interrupted_has_failed(kernel: Kernel, wait: str) -> None:
    name = f"stopped-{len(wait)}"
    assert kernel.interrupt_after("go", f"%%mlm_run {name}\nprint('go', flush=True)\n{wait}").status == "error"
    (run,) = runs_of(kernel, name)
    assert run.status == "failed"
    assert track(kernel, "going_on = 1").run_id == run.parent_id


@ignores_jupyter
def test_cells_within_the_cell_do_not_end_its_run(kernel: Kernel) -> None:
    kernel.run("%%mlm_run nesting\nget_ipython().run_cell('part = 1'); get_ipython().run_cell('')\n%mlm_log late=1")
    (run,) = runs_of(kernel, "nesting")
    assert (run.status, run.metrics) == ("finished", {"late": 1})
    kernel.run("%%capture shown\n%%mlm_run captured\nprint('hidden')\n5")
    kernel.run("%%mlm_run timing\n%%time\n%mlm_log timed=1")
    assert [runs_of(kernel, name)[0].status for name in ("captured", "timing")] == ["finished", "finished"]
    assert runs_of(kernel, "timing")[0].metrics == {"timed": 1}
    assert kernel.ask("shown.stdout") == "hidden\n"


@ignores_jupyter
def test_a_silent_cell_ends_its_run_too(kernel: Kernel) -> None:
    kernel.run("%%mlm_run silent\nget_ipython().run_cell('part = 2')\n%mlm_log late=1", silent=True)
    kernel.run("%%mlm_run unstored\n%mlm_log late=1", store_history=False)
    runs = [runs_of(kernel, name)[0] for name in ("silent", "unstored")]
    assert [(run.status, run.metrics) for run in runs] == [("finished", {"late": 1})] * 2
    assert runs[0].parent_id == runs[1].parent_id


@ignores_jupyter
def test_a_body_given_as_text_runs_too(kernel: Kernel) -> None:
    assert kernel.run("get_ipython().run_cell_magic('mlm_run', 'text --param a=1', 'as_text = 1\\n')").status == "ok"
    (run,) = runs_of(kernel, "text")
    assert (run.status, run.params, kernel.ask("as_text")) == ("finished", {"a": "1"}, 1)
    reply = kernel.run("get_ipython().run_cell_magic('mlm_run', 'text-broken', '1/0')")
    assert (reply.status, runs_of(kernel, "text-broken")[0].status) == ("error", "failed")


@ignores_jupyter
def test_a_run_over_cells_ends_with_the_next_or_when_told(kernel: Kernel) -> None:
    kernel.run("width = 64")
    assert kernel.run("%mlm_run one --param width={width}").text.startswith("Run one (")
    first = track(kernel, "w = 1")
    kernel.run("%mlm_run two")
    second = track(kernel, "w = 2")
    kernel.run("%mlm_run --end")
    (one,), (two,) = runs_of(kernel, "one"), runs_of(kernel, "two")
    assert (one.status, two.status, one.params) == ("finished", "finished", {"width": "64"})
    assert (first.run_id, second.run_id, track(kernel, "w = 3").run_id) == (one.id, two.id, None)


@ignores_jupyter
def test_runs_are_a_dataframe_and_a_query_may_hold_quotes_and_variables(kernel: Kernel) -> None:
    kernel.run("best = 0.5\n%mlm_run queried --param kind='a b'\n%mlm_log score=0.9")
    kernel.run("%mlm_run other\n%mlm_log score=0.1")
    kernel.run("found = %mlm_runs metrics.score > {best} and params.kind = 'a b' order by metrics.score desc")
    assert kernel.ask("[isinstance(found, __import__('pandas').DataFrame), list(found['name'])]") == [True, ["queried"]]
    assert kernel.run("%mlm_runs \"metrics.score > 0.5 and name = 'queried'\"").text.splitlines()[1].split()[1] == "queried"
    assert "No such runs" in kernel.run("%mlm_runs metrics.score > 77").text


@ignores_jupyter
def test_loading_again_leaves_one_of_everything(kernel: Kernel) -> None:
    kernel.run("%mlm_run kept-on")
    kernel.run("%load_ext mlm_jupyter")
    assert kernel.ask("sum('adopt_body' in repr(t) for t in get_ipython().input_transformers_cleanup)") == 1
    assert kernel.ask("len(get_ipython().Completer.custom_matchers)") == 1


@ignores_jupyter
def test_stopping_ends_the_run_and_tags_it_first(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        assert "%mlm_track" in only_error(kernel.run("%load_ext mlm_jupyter\n%mlm_log acc=1"))
        assert kernel.run("%mlm_track status").text == "Not tracking. Start with: %mlm_track\n"
        kernel.run("%mlm_track --name short --experiment e --exclude 'tmp*' --tag a=1")
        kernel.run("tmp_a = [1]; b = 1")
        kernel.run("%mlm_track --tag end=early stop")
        assert "%mlm_track" in only_error(kernel.run("%mlm_undo"))
        assert "b = 1" in kernel.run("%mlm_history").text
        with kernel.project() as project:
            (run,) = project.runs()
            assert (run.status, run.experiment, run.tags) == ("finished", "e", {"a": "1", "end": "early"})
            assert project.variables("latest")["tmp_a"].status == "excluded"


def test_loading_the_extension_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import json, sys; from IPython.core.interactiveshell import InteractiveShell as S\n"
        "s = S.instance(); before = set(sys.modules); s.run_line_magic('load_ext', 'mlm_jupyter')\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment(tmp_path, None, {}),
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "mlm_jupyter.kernel.magics" in loaded
    heavy = {"ipywidgets", "pandas", "numpy", "nbformat", "nbdime", "matplotlib", "jedi", "mlm_jupyter.kernel.tables"}
    assert not heavy.intersection(loaded)


def test_a_terminal_shows_the_same_in_plain_lines(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    lines = ["%load_ext mlm_jupyter", "%mlm_track --name t", "a = 1", "a = 2", "%mlm_restore nosuch", "%mlm_undo"]
    lines += ["a", "%mlm_history -n 2", "%mlm_runs", "import mlm_jupyter", "mlm_jupyter.restore('nosuch')"]
    typed = "\n".join([*lines, "%mlm_history --run nosuch", ""])
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor", "--no-confirm-exit"],
        input=typed,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(tmp_path, None, {}),
    )
    shown = re.sub(r"(?m)^In \[\d+\]: ", "", done.stdout)
    refused = "mlm: No checkpoint 'nosuch' in this project. List them with: %mlm_history"
    assert shown.splitlines().count(refused) == 2, "the magic and the function say the same, as it is typed here"
    assert "mlm: No run 'nosuch' in this project. List them with: %mlm_runs" in shown.splitlines()
    assert "Traceback" not in shown and "\x1b" not in shown
    assert re.search(r"Out\[6\]: \nRestored checkpoint \w+\.\n  restored: a\n", shown)
    assert "Out[7]: 1" in shown
    assert re.search(r"Out\[8\]: \n>\d \w+ .* a\n", shown)
    assert re.search(r"Out\[9\]: \nid +name +status +started +took\n\w+ +t +running", shown)


@ignores_jupyter
def test_every_magic_takes_a_comment(kernel: Kernel) -> None:
    lines = (
        "%mlm_track status  # of now",
        "%mlm_checkpoint commented --note 'bug # 12'  # it's the raw table",
        "%mlm_diff commented  # what's new?",
        "%mlm_restore commented --dry-run  # --strict",
        "%mlm_run commented-run # of the next cells",
        "%mlm_log loss=len('a # b')  # of all, by far",
        "%mlm_history -n 1 # the last",
        "good = %mlm_runs metrics.loss = 5  # and no other",
    )
    for line in lines:
        assert kernel.run(line).status == "ok", line
    assert kernel.run("%%mlm_run commented-body --param a=1  # and why\nx = 1").status == "ok"
    assert kernel.ask("list(good['name'])") == ["commented-run"]
    assert runs_of(kernel, "commented-body")[0].params == {"a": "1"}
    with kernel.project() as project:
        assert project.get_checkpoint("commented").note == "bug # 12"
    assert kernel.run("%mlm_run --end  # done").status == "ok"
