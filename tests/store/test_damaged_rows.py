"""A database of which some bytes are damaged: whatever is asked, the answer is right as far as can be known, or says so."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stock import Stock

from mlm_jupyter import maintenance
from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.retention import Policy
from mlm_jupyter.errors import CorruptError, MlmError
from mlm_jupyter.reader import Reader


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which nothing is damaged, closed; do not change it."""
    stock = Stock(tmp_path_factory.mktemp("sound"))
    run = stock.start_run("train")
    for number in range(12):
        made = stock.add(
            {"a": b"%d" % number, "b": b"same" * 500}, source=f"a = {number}", run=run, metrics={"acc": number / 7}
        )
        stock.runs.log_metrics(run.id, {"acc": number / 7}, logged_at=now_ms(), checkpoint_id=made.id)
    stock.checkpoints.set_name(made.id, "best")
    stock.runs.log_params(run.id, {"lr": "0.1"}, now_ms())
    stock.runs.set_tags(run.id, {"kind": "x"})
    stock.add_artifact(run, b"model" * 100)
    stock.close()
    yield stock.folder


@pytest.fixture
def project(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "copy"))


def read(folder: Path) -> object:
    with Reader.open(folder) as reader:
        newest = reader.get_checkpoint("latest")
        return (
            [one.source for one in reader.checkpoints()],
            [(run.name, run.params, run.metrics) for run in reader.runs("metrics.acc > 0.1 order by params.lr")],
            reader.diff("latest~3", newest),
            reader.outputs(newest),
        )


def plan(folder: Path) -> int:
    with maintenance.plan_prune(folder, Policy(3, 0, 0), now=now_ms()) as found:
        return len(found.checkpoints)


QUESTIONS: tuple[Callable[[Path], object], ...] = (read, plan, maintenance.take_stats, maintenance.verify)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), size=st.sampled_from([1, 1, 8, 200]), mask=st.integers(1, 255))
def test_whatever_is_damaged_is_answered_or_said(project: Path, sound: Path, place: float, size: int, mask: int) -> None:
    shutil.rmtree(project)
    shutil.copytree(sound, project)
    path = project / ".mlm" / "mlm.db"
    data = bytearray(path.read_bytes())
    start = int(place * len(data))
    data[start : start + size] = bytes(byte ^ mask for byte in data[start : start + size])
    path.write_bytes(data)
    for question in QUESTIONS:
        try:
            question(project)
        except MlmError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE checkpoints SET source = 'a = 77' WHERE ordinal = 3",
        "UPDATE checkpoints SET created_at = created_at + 1 WHERE ordinal = 3",
        "UPDATE checkpoints SET metrics = '{\"acc\":1.0}' WHERE ordinal = 3",
        "UPDATE checkpoints SET changes = '{\"added\":' WHERE ordinal = 3",
        "UPDATE checkpoints SET kind = 'cexl' WHERE ordinal = 3",
        "UPDATE checkpoints SET metrics = '[]' WHERE ordinal = 3",
        "UPDATE checkpoints SET source = x'ff00' WHERE ordinal = 3",
    ],
)
def test_a_row_that_says_something_else_than_what_was_signed_is_named_and_made_anew(project: Path, change: str) -> None:
    before = read(project)
    with closing(sqlite3.connect(project / ".mlm" / "mlm.db")) as connection:
        ((id,),) = connection.execute("SELECT id FROM checkpoints WHERE ordinal = 3")
        connection.execute(change)
        connection.commit()
    found = maintenance.verify(project)
    assert not found.is_sound and len(found.database) == 1 and id in found.database[0]
    maintenance.rebuild(project)
    assert maintenance.verify(project).is_sound
    assert read(project) == before


@pytest.mark.parametrize(
    "value",
    ["kind = 99", "kind = 'x'", "kind = -1", "offset = -5", "offset = 'x'", "stored_bytes = 1 << 50", "raw_bytes = 1.5"],
)
def test_an_index_that_says_what_cannot_be_is_damaged(project: Path, value: str) -> None:
    with closing(sqlite3.connect(project / ".mlm" / "mlm.db")) as connection:
        connection.execute(f"UPDATE objects SET {value}")
        connection.commit()
    for question in QUESTIONS:
        with pytest.raises(CorruptError, match=r"its database is damaged .*: mlm verify --rebuild"):
            question(project)
    maintenance.rebuild(project)
    assert maintenance.verify(project).is_sound
