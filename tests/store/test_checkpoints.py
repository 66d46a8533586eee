"""The history as rows, and what a reference means."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import canonical_json
from mlm_jupyter.core.entities import (
    CellExecution,
    Changes,
    Checkpoint,
    Manifest,
    Preview,
    Run,
    Session,
    Signature,
    State,
    Variable,
)
from mlm_jupyter.errors import AmbiguousError, ConflictError, InvalidInputError, MlmError, NotFoundError
from mlm_jupyter.store.checkpoints import Checkpoints
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import Kind, Packs
from mlm_jupyter.store.runs import Runs

NOTEBOOKS = (None, "a.ipynb", "b.ipynb")


class History:
    """A store and a short way to add to it."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.open(folder / ".mlm", create=True)
        self.packs = Packs(self.database)
        self.checkpoints = Checkpoints(self.database, self.packs)
        self.runs = Runs(self.database)
        self.runs.add_session(Session("s1", 1, 1, 1, "here", "3.13", "ada"))

    def add_run(self, id: str, name: str, **fields: str | None) -> None:
        self.runs.start(Run(id, name, "tour", "s1", "running", 1, **fields))  # type: ignore[arg-type]

    def add(
        self,
        id: str,
        *,
        signature: Signature | None = None,
        name: str | None = None,
        note: str | None = None,
        variables: Sequence[Variable] = (),
        **fields: object,
    ) -> Checkpoint:
        with self.packs.batch() as batch:
            items = [(variable.name, batch.put_json(Kind.VARIABLE, variable)) for variable in variables]
            manifest = Manifest(
                **{  # type: ignore[arg-type]
                    "id": id,
                    "kind": "cell",
                    "created_at": 1,
                    "session_id": "s1",
                    "ordinal": 1,
                    "variables": tree.build(items, lambda data: batch.put(Kind.NODE, data)),
                    "state": batch.put_json(Kind.STATE, State("/", ())),
                    **fields,
                }
            )
            row = self.checkpoints.add(batch, manifest, sign=lambda digest: signature, name=name, note=note)
            return batch.commit(row)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def test_a_checkpoint_comes_back_as_it_was_added(history: History) -> None:
    execution = CellExecution("x = 1", "ok", 5, 2.5, "cell-1", 7)
    variable = Variable("x", "int", "stored", Preview("1", number=1.0), "f1")
    changes = Changes(added=("x",), between=("x",))
    added = history.add(
        "0a",
        execution=execution,
        name="first",
        note="a note",
        variables=[variable],
        changes=changes,
        metrics={"acc": 0.5},
        notebook="a.ipynb",
    )
    assert history.checkpoints.get("0a") == added == history.checkpoints.find("0a")
    assert (added.source, added.cell_id, added.execution_count, added.status, added.duration_ms) == (
        "x = 1",
        "cell-1",
        7,
        "ok",
        2.5,
    )
    assert (added.name, added.note, added.changes, added.metrics) == ("first", "a note", changes, {"acc": 0.5})
    assert history.checkpoints.variables(added) == {"x": variable}
    manifest = history.checkpoints.manifest(added)
    assert (manifest.id, manifest.changes) == ("0a", changes)
    assert history.packs.get(added.digest) == canonical_json(manifest)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.floats() | st.sampled_from([math.nan, math.inf, -math.inf])
    )
)
@settings(max_examples=30, deadline=None)
def test_metrics_that_are_no_numbers_come_back(metrics: dict[str, float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder))
        added = history.add("0a", metrics=metrics)
        assert repr(history.checkpoints.get("0a").metrics) == repr(
            {key: metrics[key] for key in sorted(metrics, key=str.encode)}
        )
        read = history.checkpoints.manifest(added).metrics
        assert {key: repr(value) if math.isfinite(value) else "nan" for key, value in metrics.items()} == {
            key: repr(value) for key, value in read.items()
        }
        history.database.close()


def test_a_source_that_is_no_unicode_does_not_cost_the_checkpoint(history: History) -> None:
    added = history.add("0a", execution=CellExecution("x = '\ud800'", "ok", 1, 1.0))
    assert history.checkpoints.get("0a") == added
    assert added.source == "x = '\ufffd'"


def test_lists_are_newest_first_and_paged(history: History) -> None:
    for number in range(1, 8):
        history.add(
            f"0{number}",
            notebook=NOTEBOOKS[number % 3],
            kind="save" if number == 7 else "cell",
            session_id="s1" if number < 5 else "s2",
        )

    def ids(**wishes: object) -> str:
        return "".join(checkpoint.id[1] for checkpoint in history.checkpoints.list(**wishes))  # type: ignore[arg-type]

    assert ids() == "7654321"
    assert ids(limit=3) == "765"
    assert ids(limit=3, before="05") == "432"
    assert ids(notebook="a.ipynb") == "741"
    assert ids(notebook="a.ipynb", include_saves=False) == "41"
    assert ids(session_id="s2") == "765"
    assert ids(run_id="r") == ""


def test_the_next_ordinal_counts_each_notebook_for_itself(history: History) -> None:
    history.add("01", notebook="a.ipynb", ordinal=1)
    history.add("02", notebook="a.ipynb", ordinal=2)
    history.add("03", ordinal=1)
    assert [history.checkpoints.next_ordinal(notebook) for notebook in NOTEBOOKS] == [2, 3, 1]


IDS = st.text("0ab", min_size=2, max_size=4)
NAMES = st.sampled_from(["best", "tuned", "a0", "latest", "b~1"])


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[dict[str, str | None]], dict[str, Run]]:
    """Checkpoints of two sessions, each with a parent before it, and runs by id, of the first."""
    ends = st.none() | IDS
    runs = {
        id: Run(id, name, "tour", "s1", "running", 1, from_id=draw(ends), until_id=draw(ends), ended_on_id=draw(ends))
        for id, name in draw(st.dictionaries(IDS, NAMES, max_size=3)).items()
    }
    rows: list[dict[str, str | None]] = []
    names = {"best", "tuned", "a0"}
    for id in sorted(draw(st.sets(IDS.filter(lambda id: id not in runs), max_size=8))):
        name = draw(st.none() | st.sampled_from(sorted(names))) if names else None
        names -= {name}
        rows.append(
            {
                "id": id,
                "name": name,
                "parent_id": draw(st.none() | st.sampled_from([str(row["id"]) for row in rows])) if rows else None,
                "session_id": draw(st.sampled_from(["s1", "s1", "s2"])),
                "notebook": draw(st.sampled_from(NOTEBOOKS)),
                "kind": draw(st.sampled_from(["cell", "save"])),
            }
        )
    return rows, runs


def made_in(run: Run, rows: list[dict[str, str | None]]) -> list[str]:
    """The checkpoints that were made while a run was open, newest first."""
    first, last = run.from_id or run.id, run.until_id or "~"
    return sorted(
        (str(row["id"]) for row in rows if row["session_id"] == "s1" and first <= str(row["id"]) <= last), reverse=True
    )


def meant(
    ref: str, rows: list[dict[str, str | None]], runs: dict[str, Run], notebook: str | None, current: str | None
) -> str | None:
    """What a reference means, in plain Python; None where it must be refused."""

    def last_of(run: str) -> str | None:
        if any(row["id"] == runs[run].ended_on_id for row in rows):
            return runs[run].ended_on_id
        return max(made_in(runs[run], rows), default=None)

    def named(name: str) -> tuple[bool, str | None]:
        for row in rows:
            if row["name"] == name:
                return True, row["id"]
        fitting = [id for id in runs if runs[id].name == name]
        return (True, last_of(max(fitting))) if fitting else (False, None)

    is_named, id = named(ref)
    if is_named:
        return id
    base, tilde, steps = ref.rpartition("~")
    if not tilde:
        base, steps = ref, "0"
    is_named, id = named(base)
    if not is_named:
        ids = {str(row["id"]): row["id"] for row in rows} | {run: last_of(run) for run in runs}
        fitting = [base] if base in ids else [known for known in ids if known.startswith(base)]
        if fitting:
            id = ids[fitting[0]] if len(fitting) == 1 else None
        elif base == "latest":
            id = max((row["id"] for row in rows if row["kind"] != "save" and notebook in (None, row["notebook"])), default=None)
        elif base == "current":
            id = current
    parents = {row["id"]: row["parent_id"] for row in rows}
    for _ in range(int(steps)):
        id = parents.get(id)
    return id


@settings(max_examples=150, deadline=None)
@given(histories(), st.data())
def test_a_reference_means_what_the_grammar_says(
    case: tuple[list[dict[str, str | None]], dict[str, Run]], data: st.DataObject
) -> None:
    rows, runs = case
    base = st.sampled_from(["latest", "current", "best", "tuned", "a0", "b~1"]) | st.text("0ab", min_size=1, max_size=4)
    refs = data.draw(st.lists(base | st.builds("{}~{}".format, base, st.integers(0, 3)), min_size=1, max_size=6))
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder))
        for run in runs.values():
            history.runs.start(run)
        for row in rows:
            history.add(**{**row, "name": None})  # type: ignore[arg-type]
            with history.database.transaction() as connection:  # past the check: a name that hides an id may be of before
                connection.execute("UPDATE checkpoints SET name = :name WHERE id = :id", row)
        notebook = data.draw(st.sampled_from(NOTEBOOKS))
        current = data.draw(st.none() | st.sampled_from([str(row["id"]) for row in rows])) if rows else None
        for ref in refs:
            expected = meant(ref, rows, runs, notebook, current)
            try:
                found = history.checkpoints.resolve(ref, notebook=notebook, current=current).id
            except (NotFoundError, AmbiguousError) as error:
                assert "\n" not in str(error)
                found = None
            assert found == expected, ref
        for run in runs.values():
            assert [one.id for one in history.checkpoints.list(run_id=run.id)] == made_in(run, rows)
        history.database.close()


@pytest.mark.parametrize(
    ("ref", "error", "says"),
    [
        ("beseline", NotFoundError, "Did you mean 'baseline'?"),
        ("lates", NotFoundError, "Did you mean 'latest'?"),
        ("zzz", NotFoundError, "mlm history"),
        ("", NotFoundError, "mlm history"),
        ("0", AmbiguousError, "fits several: checkpoint 01 (baseline), checkpoint 02, run 0r (svm). Type more of the id."),
        ("baseline~1", NotFoundError, "nothing comes before checkpoint 01 (baseline). Give a smaller number, or none."),
        ("02~2", NotFoundError, "checkpoint 01 (baseline), 1 back, is the first."),
        ("latest~", NotFoundError, "as in latest~1"),
        ("latest~x", NotFoundError, "as in latest~1"),
        ("latest~99999999999999999999", NotFoundError, "goes back too far"),
        ("current", NotFoundError, "latest"),
        ("svm", NotFoundError, "has no checkpoint"),
    ],
)
def test_what_cannot_be_found_is_answered_with_the_next_step(
    history: History, ref: str, error: type[MlmError], says: str
) -> None:
    history.add("01", name="baseline")
    history.add("02", parent_id="01")
    history.add_run("0r", "svm")
    with pytest.raises(error) as raised:
        history.checkpoints.resolve(ref)
    assert says in str(raised.value)


def test_ids_are_accepted_in_capitals(history: History) -> None:
    assert history.add("0abc") == history.checkpoints.resolve("0AB")


def test_an_empty_project_says_how_to_make_a_checkpoint(history: History) -> None:
    with pytest.raises(NotFoundError, match="%mlm_checkpoint"):
        history.checkpoints.resolve("latest")


def test_a_name_is_one_checkpoints_only(history: History) -> None:
    history.add("01", name="best")
    history.add("02")
    with pytest.raises(ConflictError, match="'best' already"):
        history.checkpoints.set_name("02", "best")
    with pytest.raises(ConflictError, match="'best' already"):
        history.add("03", name="best")
    assert history.checkpoints.find("03") is None
    history.checkpoints.set_name("01", None)
    history.checkpoints.set_name("02", "best")
    assert history.checkpoints.resolve("best").id == "02"
    with pytest.raises(ConflictError, match="never changed"):
        history.add("02", metrics={"other": 1.0})


@pytest.mark.parametrize(
    "name",
    [
        *("", "latest", "current", "now", "Latest", "latest~2", "a~1", "two words", "tab\t", "new\nline", "\ud800", "-n"),
        *("0", "12", "#12", "#a", "\u0663", "0t37bwtv000001", "0t37b", "0T37B", "0t37bwtv000002", "0t37bwtv000002".upper()),
    ],
)
def test_a_name_that_means_something_else_is_refused(history: History, name: str) -> None:
    id = history.add("0t37bwtv000001").id
    history.add_run("0t37bwtv000002", "svm")
    with pytest.raises(InvalidInputError, match="cannot name a checkpoint: "):
        history.checkpoints.set_name(id, name)
    with pytest.raises(InvalidInputError):
        history.add("0v", name=name)


def test_names_that_only_look_like_ids_are_names(history: History) -> None:
    id = history.add("0t37bwtv000001").id
    for name in ("best", "v2", "2nd", "1.5", "0t37bwtv000009", "a#1", "latest-good", "nowhere", "svm"):
        history.checkpoints.set_name(id, name)
        assert history.checkpoints.resolve(name).name == name


def test_a_name_of_before_that_would_be_refused_now_can_be_used_and_taken_away(history: History) -> None:
    first, second = history.add("0t37bwtv000001"), history.add("0t37bwtv000002")
    history.database.connection().execute("UPDATE checkpoints SET name = '0t37bwtv000001' WHERE id = ?", (second.id,))
    assert history.checkpoints.resolve(first.id).id == second.id
    history.checkpoints.set_name(second.id, first.id)
    history.checkpoints.set_name(second.id, None)
    assert history.checkpoints.resolve(first.id).id == first.id


def test_notes_are_written_and_removed(history: History) -> None:
    history.add("01")
    history.checkpoints.set_note("01", "two words\nand a line")
    assert history.checkpoints.get("01").note == "two words\nand a line"
    history.checkpoints.set_note("01", None)
    assert history.checkpoints.get("01").note is None
    with pytest.raises(NotFoundError):
        history.checkpoints.set_note("02", "x")


def test_the_children_of_a_deleted_checkpoint_go_on_from_its_parent(history: History) -> None:
    history.add("01")
    middle = history.add("02", parent_id="01", signature=Signature("d" * 64, "hmac-sha256", "k", "e" * 64))
    history.add("03", parent_id="02", parent=middle.digest)
    history.checkpoints.add_late_output("02", {"text": "late"}, 5)
    history.checkpoints.delete("02")
    child = history.checkpoints.get("03")
    assert child.parent_id == "01"
    assert history.checkpoints.manifest(child).parent == middle.digest
    assert history.checkpoints.resolve("03~1").id == "01"
    assert history.checkpoints.late_outputs("02") == []
    with pytest.raises(NotFoundError):
        history.checkpoints.delete("02")


def test_signatures_are_kept_one_a_key(history: History) -> None:
    checkpoint = history.add("01")
    first = Signature(checkpoint.digest, "hmac-sha256", "k1", "1" * 64)
    history.checkpoints.add_signatures([first])
    history.checkpoints.add_signatures([msgspec.structs.replace(first, value="2" * 64)])
    history.checkpoints.add_signatures([msgspec.structs.replace(first, key_id="k0")])
    assert [(signature.key_id, signature.value) for signature in history.checkpoints.signatures(checkpoint)] == [
        ("k0", "1" * 64),
        ("k1", "2" * 64),
    ]


def test_late_outputs_come_in_order_of_arrival(history: History) -> None:
    history.add("01")
    outputs = [{"output_type": "stream", "text": text} for text in ("b", "a\ud800")]
    for output in outputs:
        history.checkpoints.add_late_output("01", output, 5)
    assert [output["text"] for output in history.checkpoints.late_outputs("01")] == ["b", "a\ufffd"]
