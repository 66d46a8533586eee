"""A stored project, asked without unpickling."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import nbformat
import pytest
from past import NOTEBOOK, Past, stream

from mlm_jupyter.core.diff import Changed
from mlm_jupyter.core.diff_text import text_lines
from mlm_jupyter.core.entities import Environment
from mlm_jupyter.core.parts import PARTS
from mlm_jupyter.errors import AmbiguousError, InvalidInputError, NotFoundError
from mlm_jupyter.reader import Reader
from mlm_jupyter.store.artifacts import add_files


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    story = Past(tmp_path)
    yield story
    story.close()


@pytest.fixture
def reader(past: Past) -> Iterator[Reader]:
    with Reader.open(past.folder) as opened:
        yield opened


def test_checkpoints_come_newest_first_however_many_pages_they_are(past: Past, reader: Reader) -> None:
    made = [past.execute(f"x = {i}") for i in range(103)]
    listed = reader.checkpoints()
    assert list(listed) == made[::-1]
    made.append(past.execute("y = 1"))
    assert list(listed) == made[::-1], "a listing is read anew each time"
    assert listed.first() == made[-1]
    assert listed.take(102) == made[:-103:-1]
    assert listed.take(3) == made[:-4:-1]
    assert listed.take(0) == []
    with pytest.raises(InvalidInputError, match="Cannot take -1"):
        listed.take(-1)


def test_only_the_pages_looked_at_are_read(past: Past, reader: Reader) -> None:
    for i in range(120):
        past.execute(f"x = {i}")
    listed = iter(reader.checkpoints())
    first = next(listed)
    for checkpoint in reader.checkpoints():
        reader.delete(checkpoint)
    assert first.source == "x = 119"
    assert len(list(listed)) == 99, "the rest of the first page; the second was not there any more"
    assert not reader.checkpoints()


def test_checkpoints_of_a_run_or_a_notebook_alone(past: Past, reader: Reader) -> None:
    outside = past.execute()
    past.start_run("first")
    inside = [past.execute(), past.execute()]
    assert list(reader.checkpoints(run="first")) == inside[::-1]
    assert list(reader.checkpoints(notebook=NOTEBOOK)) == [*inside[::-1], outside]
    assert list(reader.checkpoints(notebook="other.ipynb")) == []


def test_saves_can_be_left_out(past: Past, reader: Reader) -> None:
    cell, save = past.execute(), past.execute(kind="save")
    assert list(reader.checkpoints()) == [save, cell]
    assert list(reader.checkpoints(include_saves=False)) == [cell]


def test_a_checkpoint_is_found_by_each_kind_of_reference(past: Past, reader: Reader) -> None:
    first = past.execute(name="good")
    past.start_run("trial")
    second = past.execute()
    third = past.execute()
    found = {ref: reader.get_checkpoint(ref) for ref in ("good", "trial", second.id, "latest", "latest~1", "trial~2")}
    assert found == {
        "good": first,
        "trial": third,
        second.id: second,
        "latest": third,
        "latest~1": second,
        "trial~2": first,
    }
    assert reader.get_checkpoint("current~1", current=second.id) == first
    assert reader.get_checkpoint(second) is second


def test_a_run_is_found_by_name_id_or_the_start_of_that(past: Past, reader: Reader) -> None:
    older, newer = past.start_run("trial"), past.start_run("trial")
    assert reader.get_run("trial").id == newer.id
    assert reader.get_run(older.id).id == older.id
    assert reader.get_run("latest").id == newer.id
    time.sleep(0.002)
    last = past.start_run("last")
    assert reader.get_run(last.id[:9].upper()).id == last.id
    with pytest.raises(AmbiguousError, match=older.id):
        reader.get_run(last.id[:2])
    with pytest.raises(NotFoundError, match="mlm runs"):
        reader.get_run("nothing of the kind")
    with pytest.raises(NotFoundError):
        reader.get_run("")


def test_runs_answer_a_query_in_its_order(past: Past, reader: Reader) -> None:
    for i in range(130):
        past.start_run(f"run-{i}", lr=str(i / 10))
        past.log(acc=(i * 7 % 130) / 130)
    found = list(reader.runs("metrics.acc > 0.5 and params.lr >= 1 order by metrics.acc desc"))
    values = [run.metrics["acc"] for run in found]
    assert values == sorted(values, reverse=True)
    assert {run.name for run in found} == {f"run-{i}" for i in range(10, 130) if i * 7 % 130 > 65}
    with pytest.raises(InvalidInputError):
        reader.runs("metrics.acc >")


def test_metrics_and_params_keep_their_past(past: Past, reader: Reader) -> None:
    run = past.start_run("trial", lr="1")
    for step in range(3):
        past.log(loss=1 / (step + 1), step=step)
    past.runs.log_params(run.id, {"lr": "2"}, logged_at=run.started_at + 1)
    assert [(point.step, point.value) for point in reader.metrics("trial", "loss")] == [(0, 1), (1, 0.5), (2, 1 / 3)]
    assert [param.value for param in reader.params("trial")] == ["1", "2"]
    assert reader.get_run("trial").params == {"lr": "2"}


def test_an_artifact_is_read_back_byte_for_byte(past: Past, reader: Reader) -> None:
    run = past.start_run("trial")
    content = bytes(range(256)) * 10_000  # more than one chunk
    add_files(past.packs, past.runs, lambda: run.id, [("plots/roc.png", content), ("none.txt", b"")], 1)
    found = {artifact.name: (reader.artifact_bytes(artifact), artifact.media_type) for artifact in reader.artifacts("trial")}
    assert found == {"plots/roc.png": (content, "image/png"), "none.txt": (b"", "text/plain")}


def test_outputs_have_what_came_after_the_cell_had_ended(past: Past, reader: Reader) -> None:
    checkpoint = past.execute("start()", outputs=[stream("a\n")])
    past.checkpoints.add_late_output(checkpoint.id, {"output_type": "stream", "name": "stderr", "text": "b\n"}, 1)
    late = {"output_type": "stream", "name": "stderr", "text": "b\n"}
    assert reader.outputs(checkpoint) == [stream("a\n"), late]
    assert reader.document(checkpoint)["cells"][-1]["outputs"] == [stream("a\n"), late]


def test_a_document_is_a_valid_notebook(past: Past, reader: Reader) -> None:
    past.execute("a = 1", cell_id="one")
    checkpoint = past.execute("print(a)", cell_id="two", outputs=[stream("1\n")])
    document = reader.document(checkpoint)
    nbformat.validate(document)
    assert [(cell["id"], cell["source"]) for cell in document["cells"]] == [("one", "a = 1"), ("two", "print(a)")]
    assert document["metadata"] == {"title": "Training"}


def test_where_no_notebook_was_that_is_said(past: Past, reader: Reader) -> None:
    checkpoint = past.execute(has_notebook=False)
    with pytest.raises(NotFoundError, match="no notebook"):
        reader.document(checkpoint)


def test_a_diff_has_each_part_that_differs(past: Past, reader: Reader) -> None:
    before = Environment(python="3.11.7", implementation="CPython", platform="Linux", packages={"numpy": "1"})
    after = msgspec.structs.replace(before, packages={"numpy": "2"})
    past.start_run("one", lr="0.1")
    past.log(acc=0.5)
    base = past.execute(
        "a = 1", {"a": 1, "b": 2}, cell_id="x", outputs=[stream("1")], environment=before, modules={"m.py": "v = 1"}
    )
    past.start_run("two", lr="0.2")
    past.log(acc=0.6)
    other = past.execute(
        "a = 2", {"a": 2, "b": 2}, cell_id="x", outputs=[stream("2")], environment=after, modules={"m.py": "v = 2"}
    )
    diff = reader.diff(base, other)
    assert [change.name for change in diff.variables] == ["a"]
    assert [change.name for change in diff.params] == ["lr"]
    assert [(change.name, change.before, change.after) for change in diff.metrics if isinstance(change, Changed)] == [
        ("acc", 0.5, 0.6)
    ]
    assert [change.name for change in diff.environment.packages] == ["numpy"]
    assert [change.name for change in diff.modules] == ["m.py"]
    assert len(diff.cells) == 1
    assert not reader.diff(base, base)
    assert reader.diff(other, base).variables[0].name == "a"


@pytest.mark.parametrize("part", PARTS)
def test_a_diff_of_one_part_has_that_part_alone(past: Past, reader: Reader, part: str) -> None:
    environment = Environment(python="3.11.7", implementation="CPython", platform="Linux")
    past.start_run("one", lr="0.1")
    past.log(acc=0.5)
    base = past.execute("a = 1", {"a": 1}, cell_id="x", outputs=[stream("1")], environment=environment)
    past.start_run("two", lr="0.2")
    past.log(acc=0.6)
    newer = msgspec.structs.replace(environment, python="3.12.1")
    other = past.execute("a = 2", {"a": 2}, cell_id="x", outputs=[stream("2")], environment=newer)
    diff = reader.diff(base, other, only=[part])
    cells = [
        (change.before.source != change.after.source, change.before.output != change.after.output)
        for change in diff.cells
        if change.before_position == 0  # type: ignore[union-attr]
    ]
    there = {
        "code": cells == [(True, False)],
        "outputs": cells == [(False, True)],
        "variables": bool(diff.variables),
        "metrics": bool(diff.metrics),
        "params": bool(diff.params),
        "environment": bool(diff.environment),
    }
    assert there == {name: name == part for name in PARTS}


def test_the_code_of_an_added_cell_comes_without_its_outputs(past: Past, reader: Reader) -> None:
    base = past.execute("a = 1", {"a": 1}, cell_id="x")
    other = past.execute("print(2)", {"a": 1}, cell_id="y", outputs=[stream("2")])
    assert text_lines(reader.diff(base, other, only=["code"])) == ["Code", "  + cell 2", "    +print(2)"]
    assert text_lines(reader.diff(other, base, only=["code"])) == ["Code", "  - cell 2", "    -print(2)"]


def test_a_part_that_does_not_exist_is_refused(past: Past, reader: Reader) -> None:
    checkpoint = past.execute()
    with pytest.raises(InvalidInputError, match="variables"):
        reader.diff(checkpoint, checkpoint, only=["variable"])


def test_params_and_metrics_of_a_diff_are_those_of_the_time(past: Past, reader: Reader) -> None:
    run = past.start_run("trial", lr="1")
    base = past.execute()
    time.sleep(0.002)
    past.log(acc=0.5)
    past.runs.log_params(run.id, {"lr": "2"}, logged_at=base.created_at + 1)
    other = past.execute()
    diff = reader.diff(base, other)
    assert [(type(change).__name__, change.name) for change in diff.metrics] == [("Added", "acc")]
    assert [(type(change).__name__, change.name) for change in diff.params] == [("Changed", "lr")]


def test_names_and_notes_can_be_given_and_taken_away(past: Past, reader: Reader) -> None:
    checkpoint = past.execute()
    reader.set_name(checkpoint.id, "good")
    reader.set_note("good", "before the holidays")
    found = reader.get_checkpoint("good")
    assert (found.id, found.note) == (checkpoint.id, "before the holidays")
    reader.set_name("good", None)
    with pytest.raises(NotFoundError):
        reader.get_checkpoint("good")


def test_deleting_a_checkpoint_leaves_its_children_their_history(past: Past, reader: Reader) -> None:
    first, second, third = past.execute(), past.execute(), past.execute()
    reader.delete(second.id)
    assert list(reader.checkpoints()) == [reader.get_checkpoint(third.id), first]
    assert reader.get_checkpoint("latest~1") == first


def test_deleting_a_run_leaves_its_checkpoints(past: Past, reader: Reader) -> None:
    past.start_run("trial")
    checkpoint = past.execute()
    reader.delete(reader.get_run("trial"))
    assert list(reader.runs()) == []
    assert list(reader.checkpoints()) == [checkpoint]
    assert not reader.diff(checkpoint, checkpoint)


def test_a_run_whose_process_is_gone_was_killed(past: Past) -> None:
    code = (
        "import os, sys; from pathlib import Path; from past import Past\n"
        "Past(Path(sys.argv[1])).start_run('doomed'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(past.folder)], cwd=Path(__file__).parent, check=False)
    past.start_run("alive")
    with Reader.open(past.folder) as reader:
        assert {run.name: run.status for run in reader.runs()} == {"doomed": "killed", "alive": "running"}


def test_many_threads_may_ask_at_once(past: Past, reader: Reader) -> None:
    made = [past.execute(f"x = {i}", {"x": i}) for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda checkpoint: (reader.document(checkpoint), reader.variables(checkpoint)), made * 5))
    assert [len(document["cells"]) for document, _ in answers] == [*range(1, 21)] * 5
    assert [variables["x"].preview.number for _, variables in answers] == [*range(20)] * 5


def test_a_project_that_was_closed_has_none_of_its_files_open(past: Past) -> None:
    past.execute("a = 1", {"a": 1.0})
    (pack,) = (past.folder / ".mlm" / "packs").glob("*.pack")
    before = count_open(pack)
    reader = Reader.open(past.folder)
    assert "a" in reader.variables("latest")
    assert count_open(pack) == before + 1
    reader.close()
    assert count_open(pack) == before


def count_open(path: Path) -> int:
    """Return how often this process has a file open."""
    return sum(fd.exists() and fd.samefile(path) for fd in Path("/dev/fd").iterdir())


def test_where_there_is_no_project_the_way_to_one_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="mlm init"):
        Reader.open(tmp_path)
