"""A page of the history has what was asked for: the law, for any filter over any history."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from past import Past

from mlm_jupyter.core.entities import Checkpoint
from mlm_jupyter.store.history import CheckpointFilter

TEXTS = ["fit(x)", "FIT", "100%_\\", "straße", "STRASSE", "É", "a'b\"c", "%", "_", "\\", ""]
NAMES = ["x", "X", 'a"b', "added", "é", "[1]"]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    past = Past(tmp_path_factory.mktemp("history"))
    for number, text in enumerate(TEXTS * 2):
        if number % 5 == 0:
            if past.run is not None:
                past.end_run()
            past.start_run(f"run {number}")
        made = past.execute(
            f"{text}\n{number}",
            dict.fromkeys(NAMES[number % len(NAMES) :: 2], 1.0),
            cell_id=f"c{number % 3}",
            error="E" if number % 4 == 0 else None,
            kind="manual" if number % 7 == 0 else "cell",
        )
        if number % 6 == 0:
            past.checkpoints.set_note(made.id, TEXTS[number // 6])
    return past


def is_wanted(checkpoint: Checkpoint, wanted: CheckpointFilter) -> bool:
    """Say the same in Python."""
    changes = checkpoint.changes
    places = (checkpoint.source, checkpoint.name, checkpoint.note)
    return (
        wanted.notebook in (None, checkpoint.notebook)
        and wanted.run_id in (None, checkpoint.run_id)  # no two runs are open at a time here
        and wanted.cell_id in (None, checkpoint.cell_id)
        and wanted.status in (None, checkpoint.status)
        and wanted.kind in (None, checkpoint.kind)
        and (wanted.text is None or any(wanted.text.lower() in (place or "").lower() for place in places))
        and (wanted.variable is None or wanted.variable in (*changes.added, *changes.changed, *changes.removed))
    )


FILTERS = st.builds(
    CheckpointFilter,
    notebook=st.sampled_from([None, None, "train.ipynb", "other.ipynb"]),
    cell_id=st.sampled_from([None, None, "c0", "c1"]),
    status=st.sampled_from([None, None, "ok", "error"]),
    kind=st.sampled_from([None, None, "cell", "manual"]),
    text=st.sampled_from([None, *(text for text in TEXTS if text), "it(", "1", "x" * 2000, "zz"]),
    variable=st.sampled_from([None, None, *NAMES, "between"]),
)


@given(FILTERS, st.integers(1, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_pages_are_the_wanted_checkpoints_newest_first(past: Past, wanted: CheckpointFilter, limit: int) -> None:
    expected = [one.id for one in past.checkpoints.list(limit=1000) if is_wanted(one, wanted)]
    found: list[str] = []
    before: str | None = None
    while True:
        page, total = past.checkpoints.page(wanted, before=before, limit=limit)
        assert total == len(expected)
        found += [one.id for one in page]
        if len(page) < limit:
            break
        before = page[-1].id
    assert found == expected


def test_the_filter_of_a_run(past: Past) -> None:
    run = past.runs.list(limit=1)[0]
    page, total = past.checkpoints.page(CheckpointFilter(run_id=run.id))
    assert total == len(page) > 0 and {one.run_id for one in page} == {run.id}
