"""What a frontend asks a real kernel: every verb, with the user's history, names and random numbers as they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from frontends import Frontend
from tracked import LOOKED, START, UNLOOKED, Kernel, open_kernel

from mlm_jupyter.kernel.frontend import VERBS, ask

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

TRACES = "[In[1:], Out, list(globals()), get_ipython().execution_count, __import__('random').getstate()[1][-1]]"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with open_kernel(tmp_path_factory.mktemp("asked") / "project") as kernel:
        kernel.track(START)
        yield kernel


@pytest.fixture(scope="module")
def page(kernel: Kernel) -> Iterator[Frontend]:
    page = Frontend(kernel)
    yield page
    page.close()


def test_a_life_of_tracking_that_no_cell_tells_of(tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_kernel(tmp_path_factory.mktemp("asked") / "project") as kernel:
        page = Frontend(kernel)
        kernel.run("import random\nrandom.seed(1)\nearly = [1]")
        before = kernel.ask(TRACES)
        assert page.done("status")["state"] == "off"
        status = page.done("track", name="mine", experiment="tries")
        (baseline,) = kernel.checkpoints()
        assert (baseline.kind, baseline.changes.added) == ("baseline", ("early", "random"))
        assert (
            status
            == page.done("status")
            == {
                "state": "tracking",
                "project": str(kernel.folder),
                "notebook": "work.ipynb",
                "run": "mine",
                "current": baseline.id,
            }
        )
        assert page.done("pause")["state"] == "paused"
        assert page.done("resume")["state"] == "tracking"
        assert page.done("track")["run"] == "mine"
        made = page.done("checkpoint", name="asked", note="for it")
        assert (made["kind"], made["name"], made["note"], made["parent_id"]) == ("manual", "asked", "for it", baseline.id)
        assert made["source"] is None
        assert kernel.ask(TRACES) == before
        assert page.done("stop")["state"] == "off"
        page.close()
        with kernel.project() as project:
            (run,) = project.runs()
            assert (run.name, run.experiment, run.status) == ("mine", "tries", "finished")


def test_going_back_by_asking_is_right_for_the_next_cell(kernel: Kernel, page: Frontend) -> None:
    kernel.run("%reset -f")
    first = kernel.track("data = [1]\nscale = 1")
    kernel.track("data.append(2)\nlater = 3")
    report = page.done("restore", ref=first.id, dry_run=True)
    assert (report["is_dry_run"], report["restored"], report["removed"]) == (True, ["data"], ["later"])
    assert kernel.ask("data") == [1, 2]
    report = page.done("restore", ref=first.id)
    assert (report["restored"], report["removed"], report["unchanged"]) == (["data"], ["later"], ["scale"])
    assert "displaced" not in report
    assert kernel.ask("data") == [1]
    kernel.untracked("%mlm_history")  # a cell of only our magics leaves none, whoever went back before it
    after = kernel.track("data.append(9)")
    assert after.parent_id == first.id
    assert (after.changes.added, after.changes.changed, after.changes.between) == ((), ("data",), ())
    assert page.done("undo")["checkpoint_id"] == first.id
    assert kernel.ask("data") == [1]


def test_what_a_question_left_alone_counts_as_untouched(kernel: Kernel, page: Frontend) -> None:
    kernel.run(LOOKED)
    for question in (None, "status", None):
        kernel.run("marks.append(counted)")
        if question:
            page.done(question)
    silent, asked = kernel.ask("[b - a for a, b in zip(marks, marks[1:])]")
    assert silent > 0
    assert asked == silent
    kernel.run(UNLOOKED)


def test_a_comparison_is_one_of_values_and_speaks_json(kernel: Kernel, page: Frontend) -> None:
    base = kernel.track("number = 1.0\ntext = 'a'")
    kernel.track("number = float('nan')\ntext = '\\ud800'")
    found = page.done("diff", base=base.id)
    assert found["diff"]["other"] == "now"
    assert {change["name"] for change in found["diff"]["variables"]} == {"number", "text"}
    assert {name: value["kind"] for name, value in found["values"].items()} == {"number": "replaced", "text": "replaced"}
    same = page.done("diff", base=base.id, other=base.id)
    assert ("variables" in same["diff"], same["values"]) == (False, {})


@pytest.mark.parametrize(
    ("verb", "args", "code"),
    [
        ("restore", {"ref": "no-such-thing"}, "not_found"),
        ("restore", {}, "invalid_input"),
        ("restore", {"ref": 5}, "invalid_input"),
        ("restore", {"ref": "latest", "force": True}, "invalid_input"),
        ("undo", {"n": 0}, "invalid_input"),
        ("undo", {"n": 10**6}, "not_found"),
        ("fly", {}, "invalid_input"),
        ("checkpoint", {"name": "latest"}, "invalid_input"),
        ("checkpoint", {"name": "taken"}, "conflict"),
    ],
)
def test_what_cannot_be_done_is_answered_in_one_line(
    kernel: Kernel, page: Frontend, verb: str, args: dict[str, object], code: str
) -> None:
    if args.get("name") == "taken":
        page.ask("checkpoint", name="taken")
    answer = page.ask(verb, **args)
    assert (answer["ok"], answer["code"]) == (False, code)
    assert answer["message"] and "\n" not in answer["message"]


def test_a_value_whose_own_code_wants_to_leave_does_not_end_the_kernel(kernel: Kernel, page: Frontend) -> None:
    kernel.run("class Leaver:\n    def __setstate__(self, state): raise SystemExit(3)\nleaver = Leaver()\nleaver.it = 1")
    made = page.done("checkpoint")
    kernel.run("leaver = None")
    answer = page.ask("restore", ref=made["id"])
    assert "leaver" in answer["value"]["failed"] if answer["ok"] else answer["message"]
    assert kernel.ask("1") == 1
    kernel.run("del leaver, Leaver")


def test_what_is_told_while_a_frontend_asks_is_shown_in_the_next_cell(kernel: Kernel, page: Frontend) -> None:
    kernel.run("from mlm_jupyter.kernel import extension")
    page.evaluate("extension.find_tracker().tracking.tell('heard')")
    assert kernel.run("del extension").stderr == "mlm: heard\n"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "{}", '{"verb": 1}', '{"verb": "status", "x": 1}', '"\\ud800"', "\ud800"]
)
def test_nothing_that_is_asked_raises(text: str) -> None:
    answer = ask(text)
    assert answer.content["code"] == "invalid_input"
    assert set(answer._repr_mimebundle_()) == {"text/plain", "application/vnd.mlm-jupyter+json"}


def test_outside_a_notebook_every_verb_is_refused() -> None:
    for verb in VERBS:
        args = '{"ref": "latest"}' if verb == "restore" else "{}"
        content = ask(f'{{"verb": "{verb}", "args": {args}}}').content
        assert (content["ok"], content["code"]) == (False, "invalid_input")
