"""The comm between a real kernel and the pages that show it: documents in, news out, and no trace in the notebook."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import pytest
from frontends import Frontend, cell
from nbformat.v4 import new_code_cell, new_notebook
from tracked import LOOKED, START, UNLOOKED, Kernel, open_kernel

from mlm_jupyter.core.entities import Checkpoint
from mlm_jupyter.kernel.link import TARGET

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with open_kernel(tmp_path_factory.mktemp("linked") / "project") as kernel:
        yield kernel


@pytest.fixture(scope="module")
def page(kernel: Kernel) -> Iterator[Frontend]:
    page = Frontend(kernel)
    page.run(START, cell_id="start")
    yield page
    page.close()


def shown(kernel: Kernel, checkpoint: Checkpoint) -> list[tuple[str, str, str]]:
    with kernel.project() as project:
        document = project.notebook(checkpoint)
        nbformat.validate(document)
    return [(cell.id, cell.cell_type, cell.source) for cell in document.cells]


def newest(kernel: Kernel) -> Checkpoint:
    return kernel.checkpoints()[-1]


def test_the_comm_opens_with_tracking_and_says_how_it_stands(kernel: Kernel, page: Frontend) -> None:
    assert page.comm_id is not None
    assert page.heard[0]["status"]["state"] == "tracking"
    assert page.find_comm() == page.comm_id
    other = Frontend(kernel)
    assert other.find_comm() == page.comm_id
    other.close()


def test_a_checkpoint_holds_the_document_as_it_was_told_unsaved_edits_included(kernel: Kernel, page: Frontend) -> None:
    cells = [cell("title", "# One", "markdown"), cell("start", START), cell("a", "a = 1"), cell("b", "never ran")]
    order = [one["id"] for one in cells]
    page.run("a = 1", cell_id="a", cells=cells, order=order, metadata={"title": "mine"})
    first = newest(kernel)
    assert shown(kernel, first) == [(one["id"], one["cell_type"], one["source"]) for one in cells]
    page.run("a = 2", cell_id="a", cells=[cell("a", "a = 2"), cell("title", "# Two", "markdown")])
    second = newest(kernel)
    assert shown(kernel, second)[0] == ("title", "markdown", "# Two")
    assert shown(kernel, second)[2] == ("a", "code", "a = 2")
    page.run("a = 3", cell_id="a", cells=[cell("a", "a = 3")], order=["a", "start"])
    assert [id for id, _, _ in shown(kernel, newest(kernel))] == ["a", "start"]
    assert shown(kernel, first)[2] == ("a", "code", "a = 1")
    with kernel.project() as project:
        assert project.notebook(first).metadata["title"] == "mine"


def test_what_is_told_just_before_each_of_many_requests_belongs_to_that_one(kernel: Kernel, page: Frontend) -> None:
    sources = [f"step = {number}" for number in range(8)]
    for number, source in enumerate(sources):  # all in the kernel's queue at once, as Run All does
        page.tell({"document": {"cells": [cell("step", source)], "order": ["step"]}})
        page.send(source, cell_id="step") if number < len(sources) - 1 else page.run(source, cell_id="step")
    made = kernel.checkpoints()[-len(sources) :]
    assert [checkpoint.source for checkpoint in made] == sources
    assert [shown(kernel, checkpoint) for checkpoint in made] == [[("step", "code", source)] for source in sources]


def test_the_kernel_asks_for_cells_it_was_never_told_of(kernel: Kernel, page: Frontend) -> None:
    page.run("1", cells=[cell("known", "1")], order=["known", "unknown", "other"])
    assert page.last("missing") == ["unknown", "other"]


def test_news_of_cells_runs_and_restores_are_heard_by_every_page(kernel: Kernel, page: Frontend) -> None:
    other = Frontend(kernel)
    other.find_comm()
    for one in (page, other):
        one.request("comm_info_request", {})
    before = len(page.heard), len(other.heard)
    page.run("saved = '\\ud83d'", cell_id="s")
    made = newest(kernel)
    page.run("%mlm_run another")
    answer = page.done("restore", ref=made.id)
    other.request("comm_info_request", {})
    for one, count in zip((page, other), before, strict=True):
        assert one.heard[count] == {
            "saving": {"id": made.id, "source": "saved = '\\ud83d'", "cell_id": "s", "created_at": made.created_at}
        }
        assert one.last("report") == answer
        assert one.last("status")["run"] == "another"
    other.close()


def test_a_page_without_the_extension_closes_the_comm_for_itself_only(kernel: Kernel, page: Frontend) -> None:
    page.request_close()
    assert page.find_comm() is not None
    page.run("open = 1", cell_id="o", cells=[cell("o", "open = 1")], order=["o"])
    assert shown(kernel, newest(kernel)) == [("o", "code", "open = 1")]


@pytest.mark.parametrize(
    "data",
    [None, [], "text", {"document": 1}, {"document": {"cells": [{"id": 1}]}}, {"document": {"cells": [None]}}, {"author": {}}],
)
def test_what_is_malformed_breaks_nothing(kernel: Kernel, page: Frontend, data: Any) -> None:
    page.run("x = 1", cell_id="x", cells=[cell("x", "x = 1")], order=["x"])
    page.tell(data)
    page.run("x = 1", cell_id="x")
    assert shown(kernel, newest(kernel)) == [("x", "code", "x = 1")]


def test_what_is_malformed_is_told_once(kernel: Kernel, page: Frontend) -> None:
    for _ in range(3):
        page.tell({"document": 1})
        page.run("pass")
    assert page.printed.count("in a form that is not known") == 1


def test_the_frontend_s_identity_is_the_author(kernel: Kernel, page: Frontend) -> None:
    page.tell({"author": "Ada Lovelace"})
    page.run("authored = 1")
    kernel.flush()
    with kernel.project() as project:
        assert [session.author for session in project.sessions()] == ["Ada Lovelace"]


def test_each_checkpoint_has_the_author_who_ran_it_and_the_session_who_came_first(kernel: Kernel, page: Frontend) -> None:
    other, silent = Frontend(kernel), Frontend(kernel)
    page.tell({"author": "Ada Lovelace"})
    other.find_comm()
    other.tell({"author": "Bob"})
    for who in (other, page, silent):  # what Bob told last is not what Ada is
        who.run("ran = 1")
    made = kernel.checkpoints()[-3:]
    with kernel.project() as project:
        assert [project.manifest(one).author for one in made] == ["Bob", "Ada Lovelace", None]
        assert [session.author for session in project.sessions()] == ["Ada Lovelace"]
    other.close()
    silent.close()


def test_nothing_of_it_is_in_the_notebook_or_in_the_user_s_names(kernel: Kernel, page: Frontend) -> None:
    names = kernel.ask("sorted(name for name in globals() if not name.startswith('_'))")
    page.run("print('shown')", cell_id="p", cells=[cell("p", "print('shown')")], order=["p"])
    made = newest(kernel)
    with kernel.project() as project:
        assert project.outputs(made) == [{"output_type": "stream", "name": "stdout", "text": "shown\n"}]
    assert kernel.ask("sorted(name for name in globals() if not name.startswith('_'))") == names
    assert "comm" not in kernel.ask("[name for name in globals()]")


def test_telling_is_no_reason_to_look_at_everything(kernel: Kernel, page: Frontend) -> None:
    page.run(LOOKED)
    page.run("marks.append(counted)")
    page.run("marks.append(counted)")
    page.run("marks.append(counted)", cells=[cell("t", "after = 2")], order=["t"])
    silent, told = kernel.ask("[b - a for a, b in zip(marks, marks[1:])]")
    assert silent > 0
    assert told == silent
    page.run(UNLOOKED)


def test_sending_costs_a_cell_next_to_nothing(kernel: Kernel, page: Frontend) -> None:
    page.run(
        "import time as clock\nfrom mlm_jupyter.kernel.link import Saving\n"
        "from mlm_jupyter.kernel.extension import find_tracker\n"
        "def spend():\n    start = clock.perf_counter()\n"
        "    find_tracker().tell_frontends(Saving('0' * 14, 'x = 1\\n' * 50, 'id', 1))\n"
        "    return clock.perf_counter() - start\nspent = sorted(spend() for _ in range(300))"
    )
    assert kernel.ask("spent[len(spent) // 2]") < 0.001  # 0.1 ms measured on an idle machine
    page.run("del spend, spent, Saving, find_tracker, clock")


def test_nothing_is_sent_until_a_page_has_spoken_which_is_told_at_once_how_it_stands(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        client = kernel.connect()
        kernel.run(START)
        kernel.run("x = 1")
        kernel.run("%mlm_run alone")
        kernel.run("x = 2")
        sent = messages(client)
        assert [one["msg_type"] for one in sent if one["msg_type"].startswith("comm")] == ["comm_open"]
        page = Frontend(kernel)
        assert page.find_comm() == TARGET
        page.request("comm_info_request", {})
        assert page.heard == [{"status": page.done("status")}]
        assert page.last("status")["run"] == "alone"
        page.run("x = 3")
        assert [list(one) for one in page.heard[1:]] == [["saving"]]
        client.stop_channels()
        page.close()


def test_a_program_that_executes_a_notebook_hears_of_no_comm_and_a_page_that_comes_later_does(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        client = kernel.connect()
        kernel.run(START, is_attended=False)
        kernel.run("x = 1", is_attended=False)
        assert [one["msg_type"] for one in messages(client) if one["msg_type"].startswith("comm")] == []
        page = Frontend(kernel)
        assert page.find_comm() is None
        page.done("listen")
        assert page.find_comm() == TARGET
        client.stop_channels()
        page.close()


def test_a_kernel_that_ends_closes_no_comm_for_a_page_has_forgotten_it_by_then(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        page = Frontend(kernel)
        page.done("track")
        client = kernel.connect()
        kernel.close()
        sent = messages(client)
        assert [one["msg_type"] for one in sent if one["msg_type"].startswith("comm")] == ["comm_msg"]
        client.stop_channels()
        page.close()


def messages(client: Any) -> list[Any]:
    """Return what was broadcast until now."""
    found = []
    with suppress(queue.Empty):
        while True:
            found.append(client.get_iopub_msg(timeout=1))
    return found


def test_a_comm_that_fails_fails_nobody_s_cell(kernel: Kernel, page: Frontend) -> None:
    page.run(
        "from mlm_jupyter.kernel.extension import find_tracker as found\n"
        "good, found()._link._comm = found()._link._comm, object()"
    )
    page.printed = ""
    assert page.run("fine = 1")["status"] == "ok"
    assert page.printed == ""
    assert newest(kernel).source == "fine = 1"
    page.run("found()._link._comm = good\ndel good, found, fine")


def test_stopping_closes_the_comm_and_starting_again_opens_one(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        page = Frontend(kernel)
        page.done("track")
        page.done("stop")
        assert page.last("status")["state"] == "off"
        assert page.comm_id is None
        assert page.find_comm() is None
        page.done("track")
        assert page.comm_id is not None
        page.close()


def test_what_is_told_before_tracking_starts_is_the_document_of_a_whole_run_all(tmp_path: Path) -> None:
    cells = [cell("start", START), cell("a", "a = 1"), cell("b", "b = 2"), cell("c", "never saved")]
    with open_kernel(tmp_path / "project") as kernel:
        page = Frontend(kernel)
        page.done("listen")
        assert page.comm_id == TARGET
        page.tell({"author": "Ada", "document": {"cells": cells, "order": [one["id"] for one in cells]}})
        for one in cells[:2]:  # all in the kernel's queue at once: what the first opens nobody has heard yet
            page.send(one["source"], cell_id=one["id"])
        page.run("b = 2", cell_id="b")
        made = kernel.checkpoints()
        assert [one.kind for one in made] == ["baseline", "cell", "cell"]
        for one in made:
            assert shown(kernel, one) == [(one["id"], "code", one["source"]) for one in cells]
        with kernel.project() as project:
            assert [session.author for session in project.sessions()] == ["Ada"]
        page.close()


def test_after_a_stop_nothing_is_left_of_what_was_told(tmp_path: Path) -> None:
    with open_kernel(tmp_path / "project") as kernel:
        page = Frontend(kernel)
        page.done("listen")
        page.run(START, cells=[cell("old", "old")], order=["old"])
        page.done("stop")
        page.run(START, cell_id="start")
        assert shown(kernel, newest(kernel)) == [("start", "code", START)]
        page.close()


# Where the notebook is


def notebook_at(path: Path, *sources: str) -> list[Any]:
    cells = [new_code_cell(source) for source in sources]
    nbformat.write(new_notebook(cells=cells), path)
    return cells


@pytest.mark.parametrize("told_before", [True, False])
def test_the_history_goes_along_with_a_notebook_that_is_renamed(tmp_path: Path, told_before: bool) -> None:
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    notebook_at(folder / "work.ipynb", START)
    with open_kernel(folder) as kernel:
        page = Frontend(kernel)
        page.run(START)
        page.run("x = 1", **({"path": "project/work.ipynb"} if told_before else {}))
        (folder / "work.ipynb").rename(folder / "sub" / "better.ipynb")
        page.run("y = 2", path="project/sub/better.ipynb")
        page.done("checkpoint", name="after")
        assert {one.notebook for one in kernel.checkpoints()} == {"sub/better.ipynb"}
        assert [one.ordinal for one in kernel.checkpoints()] == [1, 2, 3, 4]
        assert page.last("status")["notebook"] == "sub/better.ipynb"
        with kernel.project() as project:
            assert {run.notebook for run in project.runs()} == {"sub/better.ipynb"}
            assert {session.notebook for session in project.sessions()} == {"sub/better.ipynb"}
            assert [one.source for one in project.notebook("after").cells] == [START, "x = 1", "y = 2"]
        report = page.done("restore", ref="latest~1")
        assert (report["restored"], report["unchanged"]) == ([], ["x", "y"])
        page.close()


def test_tracking_takes_along_what_the_notebook_left_by_former_names_and_nothing_of_another_s(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("first", "second", "other"):
        notebook_at(folder / f"{name}.ipynb", START)
        with open_kernel(folder, notebook=f"{name}.ipynb") as kernel:
            kernel.run(START)
    (folder / "first.ipynb").unlink()
    (folder / "second.ipynb").rename(folder / "third.ipynb")
    with open_kernel(folder, notebook="third.ipynb") as kernel:  # a kernel that never had the other names
        page = Frontend(kernel)
        page.done("listen")
        before = [f"project/{name}.ipynb" for name in ("second", "first", "other", "never", "third")] + ["bad\0"]
        page.run(START, path="project/third.ipynb", before=before)
        made = kernel.checkpoints()
        assert [one.notebook for one in made] == ["third.ipynb", "third.ipynb", "other.ipynb", "third.ipynb"]
        page.close()


def test_a_page_that_has_not_heard_of_a_new_name_takes_nothing_back(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    notebook_at(folder / "work.ipynb", START)
    with open_kernel(folder) as kernel:
        page, late = Frontend(kernel), Frontend(kernel)
        page.run(START)
        late.find_comm()
        page.run("x = 1", path="project/work.ipynb")
        (folder / "work.ipynb").rename(folder / "better.ipynb")
        page.run("x = 2", path="project/better.ipynb")
        late.run("x = 3", path="project/work.ipynb")
        assert {one.notebook for one in kernel.checkpoints()} == {"better.ipynb"}
        page.close()
        late.close()


def test_saved_under_another_name_the_old_history_stays_with_the_old_file(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    notebook_at(folder / "work.ipynb", START)
    with open_kernel(folder) as kernel:
        page = Frontend(kernel)
        page.run(START)
        page.run("x = 1", path="project/work.ipynb")
        notebook_at(folder / "copy.ipynb", START)
        page.run("y = 2", path="project/copy.ipynb")
        assert [one.notebook for one in kernel.checkpoints()] == ["work.ipynb", "work.ipynb", "copy.ipynb"]
        page.run("z = 3", path="project/../../nowhere.txt")
        assert newest(kernel).notebook == "copy.ipynb"
        page.close()
