"""What a kernel records of every kind of cell, in a real kernel and as a frontend sees it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from tracked import START, Kernel, open_kernel, wait_for_file

from mlm_jupyter.core.entities import CellExecution, Checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with open_kernel(tmp_path_factory.mktemp("tracking") / "project") as kernel:
        kernel.track(START)
        yield kernel


def execution_of(kernel: Kernel, checkpoint: Checkpoint) -> CellExecution:
    with kernel.project() as project:
        execution = project.execution(checkpoint)
    assert execution is not None
    return execution


def outputs_of(kernel: Kernel, checkpoint: Checkpoint) -> list[dict[str, Any]]:
    with kernel.project() as project:
        return project.outputs(checkpoint)


# What is recorded of a cell


def test_a_cell_leaves_its_code_outputs_names_and_count(kernel: Kernel) -> None:
    kernel.track("base = 20")
    checkpoint = kernel.track("total = base + 22\nprint('so')\ntotal", cell_id="a-cell")
    assert (checkpoint.kind, checkpoint.status, checkpoint.cell_id) == ("cell", "ok", "a-cell")
    assert checkpoint.execution_count == kernel.ask("len(In) - 1")
    assert checkpoint.changes.added == ("total",)
    execution = execution_of(kernel, checkpoint)
    assert (execution.reads, execution.writes) == (("base",), ("total",))
    stream, result = outputs_of(kernel, checkpoint)
    assert (stream["text"], result["data"]["text/plain"]) == ("so\n", "42")


def test_what_ipython_binds_for_itself_is_no_variable(kernel: Kernel) -> None:
    checkpoint = kernel.track("!exit 3\nlisted = !echo one\n_exit_code, In[-1][:5]")
    assert checkpoint.changes.added == ("listed",)
    kernel.run("del listed")


def test_a_failing_cell_leaves_what_it_did_before_and_its_traceback(kernel: Kernel) -> None:
    checkpoint = kernel.track("half = 1\n1 / 0")
    error = execution_of(kernel, checkpoint).error
    assert (checkpoint.status, checkpoint.changes.added) == ("error", ("half",))
    assert error is not None
    assert error.name == "ZeroDivisionError"
    assert "1 / 0" in "".join(error.traceback)
    assert outputs_of(kernel, checkpoint)[-1]["ename"] == "ZeroDivisionError"


def test_code_that_is_no_python_is_recorded_as_an_error(kernel: Kernel) -> None:
    checkpoint = kernel.track("print('never'))")
    error = execution_of(kernel, checkpoint).error
    assert (checkpoint.status, checkpoint.source) == ("error", "print('never'))")
    assert error is not None
    assert error.name == "SyntaxError"


BUSY = {
    "a sleep": "import time\nprint('ready', flush=True)\ntime.sleep(30)",
    "a loop": "print('ready', flush=True)\nwhile True: pass",
    "a call into C that ends": "print('ready', flush=True)\nfor i in range(10**9): sum(range(10**6))",
    "an async cell": "import asyncio\nprint('ready', flush=True)\nfor _ in range(3000): await asyncio.sleep(0.01)",
}


@pytest.mark.parametrize("kind", BUSY)
def test_an_interrupted_cell_leaves_a_checkpoint_and_no_word_of_ours(kernel: Kernel, kind: str) -> None:
    before = kernel.newest()
    reply = kernel.interrupt_after("ready", f"reached = {kind!r}\n{BUSY[kind]}\nreached = None")
    kernel.flush()
    checkpoint = kernel.newest()
    assert checkpoint is not None and checkpoint != before
    assert checkpoint.status == "interrupted"
    assert kernel.ask("reached") == kind
    assert reply.stderr == ""
    assert outputs_of(kernel, checkpoint)[-1]["ename"] in ("KeyboardInterrupt", "CancelledError")


@pytest.mark.parametrize(
    ("source", "added"),
    [
        ("%%time\ntimed = 1", "timed"),
        ("%%capture caught\nprint(1)", "caught"),
        ("import asyncio\nawait asyncio.sleep(0.01)\nawaited = 1", "awaited"),
        ("get_ipython().run_cell('nested = 1')", "nested"),
        ("%matplotlib inline\nlistable = 1", "listable"),
        ("shelled = !echo hi", "shelled"),
    ],
)
def test_every_kind_of_cell_is_one_checkpoint_with_its_code_as_typed(kernel: Kernel, source: str, added: str) -> None:
    kernel.flush()
    before = kernel.checkpoints()
    checkpoint = kernel.track(source)
    assert kernel.checkpoints() == [*before, checkpoint]
    assert checkpoint.source == source
    assert checkpoint.status == "ok"
    assert added in checkpoint.changes.added


def test_a_cell_under_mlm_run_is_a_run_of_its_own(kernel: Kernel) -> None:
    outer = kernel.track("before = 1").run_id
    checkpoint = kernel.track("%%mlm_run short --param width=3\nimport mlm_jupyter as mlm\nmlm.log_metric('acc', 0.5)")
    after = kernel.track("after = 1").run_id
    with kernel.project() as project:
        run = project.get_run("short")
    assert checkpoint.run_id == run.id != outer == after
    assert (run.status, run.parent_id, run.params, run.metrics) == ("finished", outer, {"width": "3"}, {"acc": 0.5})
    assert checkpoint.metrics == {"acc": 0.5}


def test_a_run_left_open_by_an_exception_is_ended_as_failed(kernel: Kernel) -> None:
    outer = kernel.track("import mlm_jupyter as mlm").run_id
    kernel.track("mlm.start_run('broken')\nmlm.log_metric('loss', 3)\n1 / 0")
    with kernel.project() as project:
        assert project.get_run("broken").status == "failed"
    assert kernel.track("x = 1").run_id == outer


def test_what_is_answered_to_input_is_no_output(kernel: Kernel) -> None:
    checkpoint = kernel.track("name = input('name? ')\nprint('hello', name)", answers=["ada"])
    assert kernel.ask("name") == "ada"
    assert [output["text"] for output in outputs_of(kernel, checkpoint)] == ["hello ada\n"]


def test_a_display_updated_by_a_later_cell_is_updated_where_it_is_shown(kernel: Kernel) -> None:
    first = kernel.track("handle = display('one', display_id=True)\nhandle.update('two')")
    assert outputs_of(kernel, first)[0]["data"]["text/plain"] == "'two'"
    kernel.track("handle.update('three')")
    kernel.flush()
    assert outputs_of(kernel, first)[0]["data"]["text/plain"] == "'three'"


def test_what_a_thread_prints_later_comes_to_its_cell(kernel: Kernel) -> None:
    speak = "import os, threading, time\ndef speak():\n    while not os.path.exists('speak'): time.sleep(0.01)\n"
    speak += "    print('late', flush=True)\n    open('spoken', 'w').close()\n"
    checkpoint = kernel.track(speak + "threading.Thread(target=speak).start()\nprint('soon')", cell_id="threaded")
    (kernel.folder / "speak").touch()
    wait_for_file(kernel.folder / "spoken")
    kernel.flush()
    assert [output["text"] for output in outputs_of(kernel, checkpoint)] == ["soon\nlate\n"]


def test_widgets_are_kept_with_their_state(kernel: Kernel) -> None:
    source = "import ipywidgets\nslider = ipywidgets.IntSlider(value=7)\nslider"
    checkpoint = kernel.track(source, cell_id="with-widget")
    with kernel.project() as project:
        notebook = project.notebook(checkpoint)
    nbformat.validate(notebook)
    cell = next(cell for cell in notebook.cells if cell.id == "with-widget")
    model = cell.outputs[0].data["application/vnd.jupyter.widget-view+json"].model_id
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"].state
    assert states[model].state.value == 7


def test_a_figure_is_an_output_and_a_variable(kernel: Kernel) -> None:
    checkpoint = kernel.track("%matplotlib inline\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 3])")
    shown = [output["data"] for output in outputs_of(kernel, checkpoint) if "data" in output]
    assert any("image/png" in data for data in shown)
    assert {"fig", "ax"} <= set(checkpoint.changes.added)
    assert not kernel.track("y = 1").changes.changed, "drawing is over; a figure nobody touched is as it was"


def test_names_in_any_script_are_recorded(kernel: Kernel) -> None:
    checkpoint = kernel.track("größe = 1\n변수 = 2\n変数 = 3\nname_ﬁ = 4")
    assert set(checkpoint.changes.added) == {"größe", "변수", "変数", "name_fi"}
    assert {"größe", "変数", "name_fi"} <= set(execution_of(kernel, checkpoint).writes)


def test_lone_surrogates_and_nul_in_code_and_outputs_do_no_harm(kernel: Kernel) -> None:
    """Of the surrogates ipykernel itself can send only those that stand for a byte that is no UTF-8."""
    checkpoint = kernel.track("odd = '\\ud800 and \\x00'\nprint('nul \\x00 byte \\udc80')\nodd")
    assert (checkpoint.status, checkpoint.changes.added) == ("ok", ("odd",))
    printed, result = outputs_of(kernel, checkpoint)
    assert (printed["text"], result["data"]["text/plain"]) == ("nul \x00 byte \ufffd\n", repr("\ud800 and \x00"))
    failing = kernel.track("raise ValueError('\\udc80 \\x00')")
    assert failing.status == "error"
    assert kernel.track("'\x00 in the code'").source == "'\x00 in the code'"
    kernel.run("odd = None")
    kernel.run(f"%mlm_restore {checkpoint.id}")
    assert kernel.ask("odd == chr(0xd800) + ' and ' + chr(0)")


# What makes a checkpoint


def test_cells_of_our_magics_alone_leave_none(kernel: Kernel) -> None:
    for source in ("%mlm_history", "%mlm_diff", "# look\n%mlm_track status", "%mlm_restore no-such-thing"):
        kernel.untracked(source)


def test_a_cell_that_makes_a_checkpoint_makes_that_one(kernel: Kernel) -> None:
    before = kernel.checkpoints()
    kernel.run("%mlm_checkpoint here --note 'as I like it'")
    *rest, made = kernel.checkpoints()
    assert rest == before
    assert (made.kind, made.name, made.note, made.parent_id) == ("manual", "here", "as I like it", before[-1].id)


def test_a_name_goes_with_the_cell_that_gives_it_each_time_that_runs(kernel: Kernel) -> None:
    for cell_id in ("named-here", None):
        name = f"again-{cell_id}"
        source = f"again = 1\n%mlm_checkpoint {name}"
        kernel.run(source, cell_id=cell_id)
        *_, first, _ = kernel.checkpoints()
        assert (first.kind, first.name, first.source, first.cell_id) == ("manual", name, source, cell_id)
        reply = kernel.run(source, cell_id=cell_id)
        *_, second, _ = kernel.checkpoints()
        assert (reply.status, second.name) == ("ok", name)
        assert reply.stderr.startswith(f"mlm: The name {name} moved to checkpoint {second.ordinal}, from checkpoint")
        assert reply.stderr.count("\n") == 1
        assert [one.id for one in kernel.checkpoints() if one.name == name] == [second.id]
        assert any(one.id == first.id for one in kernel.checkpoints())


def test_a_name_that_another_cell_gave_is_taken(kernel: Kernel) -> None:
    kernel.run("%mlm_checkpoint mine", cell_id="the-first")
    holder = kernel.checkpoints()[-1]
    reply = kernel.run("%mlm_checkpoint mine", cell_id="another")
    assert (reply.status, reply.content["ename"]) == ("error", "ConflictError")
    assert kernel.checkpoints()[-1] == holder
    assert kernel.run("%mlm_checkpoint mine --note 'edited'", cell_id="the-first").status == "ok"


def test_run_all_in_a_new_kernel_moves_its_names(tmp_path: Path) -> None:
    for _ in range(2):
        with open_kernel(tmp_path / "project") as kernel:
            kernel.run(START)
            kernel.run("x = 1")
            assert kernel.run("%mlm_checkpoint ready").status == "ok"
            kernel.run("y = 1")
            checkpoints = kernel.checkpoints()
    assert [one.session_id == checkpoints[-1].session_id for one in checkpoints if one.name == "ready"] == [True]
    with open_kernel(tmp_path / "project", notebook="other.ipynb") as kernel:
        kernel.run(START)
        assert kernel.run("%mlm_checkpoint ready").status == "error"


def test_what_the_history_does_not_keep_leaves_none_and_is_between_cells(kernel: Kernel) -> None:
    kernel.track("seen = []")
    kernel.untracked("seen.append(1)", silent=True)
    kernel.untracked("seen.append(2)\nunkept = 1", store_history=False)
    changes = kernel.track("other = 1").changes
    assert (changes.added, changes.changed) == (("other", "unkept"), ("seen",))
    assert set(changes.between) == {"seen", "unkept"}


def test_run_all_goes_on_with_its_run(kernel: Kernel) -> None:
    run = kernel.track("again = 1").run_id
    kernel.untracked(START)
    assert kernel.track("again = 2").run_id == run


def test_pausing_makes_none_until_it_goes_on_and_then_tells_what_changed(kernel: Kernel) -> None:
    kernel.track("kept = 1")
    kernel.untracked("%mlm_track pause")
    kernel.untracked("paused = 1\nkept = 2")
    kernel.untracked("%mlm_track resume")
    changes = kernel.track("resumed = 1").changes
    assert (changes.added, changes.changed) == (("paused", "resumed"), ("kept",))
    assert set(changes.between) == {"kept", "paused"}


def test_logging_inside_a_cell_is_part_of_its_checkpoint(kernel: Kernel) -> None:
    kernel.track("import mlm_jupyter as mlm")
    checkpoint = kernel.track("for step in range(3):\n    mlm.log_metric('inside', step / 10, step=step)\n%mlm_log magic=1+1")
    assert checkpoint.metrics == {"inside": 0.2, "magic": 2.0}
    assert kernel.track("x = 1").metrics == {}
    with kernel.project() as project:
        points = project.metrics(checkpoint.run_id or "", "inside")
    assert [(point.step, point.checkpoint_id) for point in points] == [(step, checkpoint.id) for step in range(3)]


def test_a_checkpoint_that_changes_nothing_weighs_less_than_two_kilobytes(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        kernel.track(START, cell_id="first")  # ids made up would, one time in eight, cut the list of cells in two
        kernel.run("globals().update({f'v{number}': [number] for number in range(300)})", cell_id="second")
        weights = [weight_after(kernel, cells) for cells in (20, 200)]
        assert (weights[1] - weights[0]) / 200 < 2_000


def weight_after(kernel: Kernel, cells: int) -> int:
    """Return what the objects and the database take when so many cells have run that change nothing."""
    for _ in range(cells):
        kernel.run("pass", cell_id="same")
    kernel.flush()
    with closing(sqlite3.connect(kernel.folder / ".mlm" / "mlm.db")) as database:
        ((objects,),) = database.execute("SELECT sum(stored_bytes + 52) FROM objects")
        ((pages,),) = database.execute("PRAGMA page_count")
        ((page_bytes,),) = database.execute("PRAGMA page_size")
    return int(objects + pages * page_bytes)


# A kernel's life


def test_a_life_of_starting_pinning_stopping_and_restarting(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        kernel.run("early = 1\nlr = 0.1")
        options = "--name first --params lr,config --metrics acc,scores --exclude 'raw_*' --experiment tuning --tag kind=test"
        baseline = kernel.track(f"here = 2\n%load_ext mlm_jupyter\n%mlm_track {options}\nthere = 3")
        assert (baseline.kind, baseline.execution_count) == ("baseline", 2)
        assert set(baseline.changes.added) == {"early", "here", "lr", "there"}

        kernel.track("config = {'depth': 3, 'net': {'width': 4}, 'names': ['a']}\nacc = 0.5\nraw_data = [1]")
        kernel.track("acc = 0.5\nscores = {'f1': 0.25}")
        kernel.track("quiet = 1")
        kernel.track("scores['f1'] = 0.75\nlr = 0.2")
        newest = kernel.newest()
        with kernel.project() as project:
            run = project.get_run("first")
            assert (run.experiment, run.tags) == ("tuning", {"kind": "test"})
            assert run.params == {"lr": "0.2", "config.depth": "3", "config.net.width": "4"}
            assert [param.value for param in project.params(run) if param.key == "lr"] == ["0.1", "0.2"]
            assert [point.value for point in project.metrics(run, "acc")] == [0.5, 0.5]
            assert [point.value for point in project.metrics(run, "scores.f1")] == [0.25, 0.75]
            assert newest is not None
            assert newest.metrics == {"scores.f1": 0.75}
            assert project.variables(newest)["raw_data"].status == "excluded"

        kernel.untracked("%mlm_track stop")
        kernel.run("untold = 1")
        with kernel.project() as project:
            assert project.get_run("first").status == "finished"
        again = kernel.track("%mlm_track --name second --manual")
        assert again.kind == "baseline"
        kernel.untracked("manual = 1")
        made = kernel.track("%mlm_checkpoint by-hand")
        assert "manual" in made.changes.added
        kernel.track("%mlm_track stop\n%mlm_track --name third")

        kernel.restart()
        fresh = kernel.track(START)
        assert (fresh.kind, fresh.parent_id, fresh.notebook) == ("baseline", None, "work.ipynb")
        with kernel.project() as project:
            assert project.get_run("third").status == "finished", "the kernel was asked to leave, and ended its run"
        assert fresh.ordinal == made.ordinal + 2


def test_a_fresh_kernel_gets_everything_back(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        kernel.track(START)
        kernel.track(
            "import numpy as np, pandas as pd, random\n"
            "class Node:\n    def __init__(self, value): self.value = value\n"
            "def bump():\n    global count\n    count += 1\n    return count\n"
            "count = 0\nnode = Node(3)\nnodes = [node]\nbase = np.arange(100_000.)\nview = base[10:20]\n"
            "frame = pd.DataFrame({'a': range(5), 'b': list('vwxyz')})\nrandom.seed(7); np.random.seed(7)"
        )
        kept = kernel.track("np.random.rand(3); bump()")
        expected = kernel.ask("[random.random(), float(np.random.rand())]")
        kernel.kill()
        kernel.start()
        kernel.track(START)
        reply = kernel.run(f"%mlm_restore {kept.id}")
        assert reply.status == "ok", reply.content
        assert kernel.ask("[random.random(), float(np.random.rand())]") == expected
        kernel.flush()
        restored = kernel.newest()
        assert restored is not None
        assert restored.parent_id == kept.id
        assert kernel.ask("isinstance(node, Node) and nodes[0] is node and node.value == 3")
        assert kernel.ask("view.base is base and frame['b'].tolist() == list('vwxyz') and pd.__name__ == 'pandas'")
        after = kernel.track("bumped = bump(); view[0] = -1; frame.loc[0, 'a'] = 9")
        assert kernel.ask("(count, bumped, base[10], int(frame.a[0]))") == [2, 2, -1, 9]
        assert after.changes.added == ("bumped",)
        assert set(after.changes.changed) == {"count", "base", "view", "frame"}


def test_a_project_can_have_its_notebooks_tracked_without_a_word(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.mlm]\ntrack_automatically = true\n")
    with open_kernel(folder) as kernel:
        assert kernel.track("%load_ext mlm_jupyter\nx = 1").changes.added == ("x",)
        assert kernel.track("y = 1").kind == "cell"


def test_two_kernels_on_one_notebook_share_its_history(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as one, open_kernel(tmp_path / "project") as other:
        first, second = one.track(START), other.track(START)
        mine = one.track("x = 'one'")
        theirs = other.track("x = 'other'")
        assert (mine.parent_id, theirs.parent_id) == (first.id, second.id)
        assert [checkpoint.ordinal for checkpoint in one.checkpoints()] == [1, 2, 3, 4]
        one.run(f"%mlm_restore {theirs.id}")
        assert one.ask("x") == "other"
