"""Runs on a real database: SQL means what plain Python means, and nothing acknowledged is lost."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_jupyter.core.entities import Artifact, Metric, Run, Session
from mlm_jupyter.core.query import Comparison, Every, Field, Not, Order, Query, Some
from mlm_jupyter.core.selection import matches, sort
from mlm_jupyter.errors import AmbiguousError, ConflictError, InvalidInputError, NotFoundError, StorageError
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.runs import Runs

SESSION = Session("s1", 1000, 1, 1000, "here", "3.13", "ada", heartbeat_at=1000)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    database = Database.open(tmp_path / ".mlm", create=True)
    runs = Runs(database)
    runs.add_session(SESSION)
    yield runs
    database.close()


@pytest.fixture(scope="module")
def reused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A store for properties, emptied by each example."""
    database = Database.open(tmp_path_factory.mktemp("reused") / ".mlm", create=True)
    runs = Runs(database)
    runs.add_session(SESSION)
    yield runs
    database.close()


def emptied(runs: Runs) -> Runs:
    with runs._database.transaction() as connection:
        connection.execute("DELETE FROM runs")
    return runs


def start(runs: Runs, id: str, **fields: object) -> Run:
    base = {"name": f"name-{id}", "experiment": "tour", "session_id": "s1", "status": "running", "started_at": 2000}
    run = Run(**{**base, "id": id, **fields})
    runs.start(run)
    return run


def add_artifact(runs: Runs, artifact: Artifact) -> None:
    with runs._database.transaction() as connection:
        runs.adding([artifact])(connection)


def plain(run: Run) -> Run:
    """A run that can be compared: nan, which equals nothing, as a text."""
    return msgspec.structs.replace(run, metrics={key: repr(value + 0.0) for key, value in run.metrics.items()})


def add(runs: Runs, run: Run) -> None:
    runs.start(run)
    for key, value in run.metrics.items():
        for decoy, step in ((-1.0, 2), (value, 3), (1.0, 1), (9.0, None)):
            runs.log_metrics(run.id, {key: decoy}, step=step, logged_at=1)


# The alphabets are small, so that runs and queries meet; they hold what SQL, LIKE or numbers could trip over.
KEYS = st.sampled_from(["a", "b", "it's", "ß ü"])
TEXTS = st.sampled_from(["", "1", "1.0", "01", "10", "9", "1e1", "nan", "abc", "aBc", "a%c", "a_c", "ÄÖ", "äö", "'", "\0x"])
NUMBERS = st.sampled_from([0, 1, -1, 2**53 + 1, 0.5, 1e300, -0.0, math.inf, -math.inf])
MOMENTS = st.integers(0, 5)


@st.composite
def generated_runs(draw: st.DrawFn) -> list[Run]:
    ids = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=6))
    return [
        Run(
            id=id,
            name=draw(TEXTS),
            experiment=draw(TEXTS),
            session_id="s1",
            status=draw(st.sampled_from(["running", "finished", "failed"])),
            started_at=draw(MOMENTS),
            ended_at=draw(st.none() | MOMENTS),
            notebook=draw(st.none() | TEXTS),
            params=draw(st.dictionaries(KEYS, TEXTS, max_size=3)),
            metrics={k: float(v) for k, v in draw(st.dictionaries(KEYS, NUMBERS | st.just(math.nan), max_size=3)).items()},
            tags=draw(st.dictionaries(KEYS, TEXTS, max_size=3)),
        )
        for id in ids
    ]


@st.composite
def fields(draw: st.DrawFn) -> Field:
    kind = draw(st.sampled_from(["metric", "param", "tag", "attribute"]))
    names = ["id", "name", "experiment", "status", "notebook", "parent_id", "session_id"]
    names += ["started_at", "ended_at", "duration_ms"]
    return Field(kind, draw(KEYS if kind != "attribute" else st.sampled_from(names)))


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    field = draw(fields())
    operators = ["=", "!=", ">", ">=", "<", "<=", "in", "is null"] + ["like", "ilike"] * (not field.is_number)
    operator = draw(st.sampled_from(operators))
    values = (NUMBERS | MOMENTS) if field.is_number else TEXTS | st.text("aAcC%_äÄ1", max_size=4)
    if operator == "is null":
        return Comparison(field, operator)
    return Comparison(field, operator, tuple(draw(st.lists(values, min_size=1, max_size=3 if operator == "in" else 1))))


CONDITIONS = st.recursive(
    comparisons(),
    lambda terms: (
        terms.map(Not)
        | st.lists(terms, min_size=1, max_size=3).map(lambda some: Every(tuple(some)))
        | st.lists(terms, min_size=1, max_size=3).map(lambda some: Some(tuple(some)))
    ),
    max_leaves=5,
)
ORDERS = st.lists(st.builds(Order, fields(), st.booleans()), max_size=3).map(tuple)
QUERIES = st.builds(Query, st.none() | CONDITIONS, ORDERS, st.none() | st.integers(1, 4))


@settings(max_examples=150, deadline=None)
@given(generated_runs(), st.lists(QUERIES, min_size=1, max_size=15), st.integers(1, 3))
def test_sql_finds_the_same_runs_in_the_same_order_as_plain_python(
    reused: Runs, made: list[Run], queries: list[Query], page: int
) -> None:
    runs = emptied(reused)
    with runs._database.transaction():
        for run in made:
            add(runs, run)
    for query in queries:
        wanted = [run.id for run in sort(query, [run for run in made if matches(query, run)])][: query.limit]
        assert [run.id for run in runs.list(query)] == wanted
        paged: list[str] = []
        while found := runs.list(query, before=paged[-1] if paged else None, limit=page):
            paged += [run.id for run in found]
        assert paged == wanted
        assert [run.id for found in runs.pages(query, page) for run in found] == wanted
    assert [plain(run) for run in runs.list()] == [plain(run) for run in sort(Query(), made)]


def test_a_list_in_an_order_of_its_own_is_put_in_order_once(runs: Runs) -> None:
    for id in "abcdefg":
        start(runs, id)
        runs.log_metrics(id, {"m": float(ord(id))}, step=1, logged_at=1)
    pages = runs.pages(Query(order=(Order(Field("metric", "m"), is_descending=True),)), 2)
    assert [run.id for run in next(pages)] == ["g", "f"]
    runs.log_metrics("f", {"m": 0.0}, step=2, logged_at=2)  # the last of all now, and so would the place to go on from be
    runs.delete("e")
    assert [[run.id for run in page] for page in pages] == [["d"], ["c", "b"], ["a"]]


@given(st.lists(st.tuples(st.none() | st.integers(-2, 3), st.floats(allow_nan=True)), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_last_value_is_that_of_the_highest_step_and_the_later_where_steps_are_equal(
    reused: Runs, points: list[tuple[int | None, float]]
) -> None:
    runs = emptied(reused)
    start(runs, "r")
    last: tuple[float, float] | None = None
    for step, value in points:
        runs.log_metrics("r", {"m": value}, step=step, logged_at=1)
        rank = -math.inf if step is None else step
        last = (rank, value) if last is None or rank >= last[0] else last
    assert last is not None
    assert repr(runs.get("r").metrics) == repr({"m": last[1] + 0.0})  # SQLite keeps no sign of zero
    assert len(runs.metrics("r", "m")) == len(points)


def test_values_that_are_not_finite_come_back_as_they_were(runs: Runs) -> None:
    start(runs, "r")
    values = {"a": math.nan, "b": math.inf, "c": -math.inf}
    runs.log_metrics("r", values, step=None, logged_at=5, checkpoint_id="c1")
    assert repr(runs.get("r").metrics) == repr(values)
    assert [(m.key, repr(m.value), m.checkpoint_id) for m in runs.metrics("r")] == [
        (key, repr(value), "c1") for key, value in values.items()
    ]


def test_the_last_value_of_a_param_counts_and_its_history_keeps_each_change(runs: Runs) -> None:
    start(runs, "r", params={"lr": "0.1"})
    for moment, value in enumerate(["0.1", "0.2", "0.2", "0.1"]):
        runs.log_params("r", {"lr": value}, moment)
    assert runs.get("r").params == {"lr": "0.1"}
    assert [(param.value, param.logged_at) for param in runs.params("r")] == [("0.1", 2000), ("0.2", 1), ("0.1", 3)]


def test_a_tag_is_set_replaced_and_deleted(runs: Runs) -> None:
    start(runs, "r", tags={"kind": "x"})
    runs.set_tags("r", {"kind": "y", "other": "z"})
    assert runs.get("r").tags == {"kind": "y", "other": "z"}
    runs.set_tags("r", {"kind": None})
    assert runs.get("r").tags == {"other": "z"}


def test_an_artifact_replaces_the_one_of_its_name(runs: Runs) -> None:
    start(runs, "r")
    first = Artifact("r", "a/b.png", "0" * 64, 10, "image/png", 1)
    second = msgspec.structs.replace(first, blob="1" * 64)
    for artifact in (first, second):
        add_artifact(runs, artifact)
    assert runs.artifacts("r") == [second]


def test_a_lone_surrogate_is_kept_as_a_replacement_character(runs: Runs) -> None:
    start(runs, "r")
    runs.log_params("r", {"\ud800key": "a\udc00"}, 1)
    assert runs.get("r").params == {"\ufffdkey": "a\ufffd"}


def test_a_key_must_be_there_and_not_too_long(runs: Runs) -> None:
    start(runs, "r")
    for key in ("", "k" * 251):
        with pytest.raises(InvalidInputError, match="1 to 250"):
            runs.log_metrics("r", {"good": 1.0, key: 1.0}, logged_at=1)
    assert runs.metrics("r") == []


def test_what_belongs_to_no_run_is_an_error_that_says_so(runs: Runs) -> None:
    writes = [
        lambda: runs.log_metrics("x", {"a": 1.0}, logged_at=1),
        lambda: runs.log_metrics("x", {"a": 1.0, "b": 1.0}, logged_at=1),
        lambda: runs.log_params("x", {"a": "1"}, 1),
        lambda: runs.set_tags("x", {"a": "1"}),
        lambda: add_artifact(runs, Artifact("x", "a", "0" * 64, 1, "text/plain", 1)),
        lambda: runs.end("x", "finished", 1),
        lambda: runs.get("x"),
        lambda: runs.delete("x"),
    ]
    for write in writes:
        with pytest.raises(NotFoundError, match="No run 'x'"):
            write()


def test_a_run_ends_once(runs: Runs) -> None:
    start(runs, "r")
    runs.end("r", "finished", 3000)
    with pytest.raises(ConflictError, match="already ended"):
        runs.end("r", "failed", 4000)
    ended = runs.get("r")
    assert (ended.status, ended.ended_at) == ("finished", 3000)


def test_a_deleted_run_takes_its_rows_along_and_its_children_move_up(runs: Runs) -> None:
    start(runs, "a")
    start(runs, "b", parent_id="a", params={"x": "1"})
    start(runs, "c", parent_id="b")
    runs.log_metrics("b", {"m": 1.0}, logged_at=1)
    runs.delete("b")
    assert [(run.id, run.parent_id) for run in runs.list()] == [("c", "a"), ("a", None)]
    assert runs.metrics("b") == [] and runs.params("b") == []


def test_the_newest_run_of_a_name_is_found(runs: Runs) -> None:
    start(runs, "a", name="same")
    start(runs, "b", name="same")
    found = runs.find_by_name("same")
    assert found is not None and found.id == "b"
    assert runs.find_by_name("other") is None


def test_a_reference_is_a_name_an_id_the_beginning_of_one_or_latest(runs: Runs) -> None:
    with pytest.raises(NotFoundError, match="No run 'latest'"):
        runs.resolve("latest")
    for id in ("ab", "abc", "ad", "b", *(f"c{number}" for number in range(7))):
        start(runs, id)
    start(runs, "z", name="ab")
    assert runs.resolve("ab").id == "z", "a name comes before an id"
    runs.delete("z")
    wanted = {"ab": "ab", "AB": "ab", "abc": "abc", "b": "b", "B": "b", "name-ad": "ad", "latest": "c6"}
    assert {ref: runs.resolve(ref).id for ref in wanted} == wanted
    for ref, listed in (("a", "ab, abc, ad. "), ("c", r"c0, c1, c2, c3, c4, \.\.\. ")):
        with pytest.raises(AmbiguousError, match=f"fits several runs: {listed}".rstrip()):
            runs.resolve(ref)
    for ref in ("", "%", "bb"):
        with pytest.raises(NotFoundError, match="List them with"):
            runs.resolve(ref)


def test_runs_of_a_dead_session_are_killed_at_their_last_sign_of_life(runs: Runs) -> None:
    start(runs, "a", started_at=1500)
    start(runs, "b", started_at=9000)
    start(runs, "c", started_at=1500)
    start(runs, "d", started_at=1500)
    runs.log_metrics("c", {"m": 1.0}, step=1, logged_at=7500)
    runs.log_metrics("c", {"n": 1.0}, step=9, logged_at=7000)
    runs.end("d", "finished", 1600)
    runs.touch_session("s1", 6000)
    assert runs.mark_killed(lambda session: True, 10_000) == []
    assert sorted(runs.mark_killed(lambda session: False, 10_000)) == ["a", "b", "c"]
    ended = {run.id: (run.status, run.ended_at) for run in runs.list()}
    assert ended == {"a": ("killed", 6000), "b": ("killed", 9000), "c": ("killed", 7500), "d": ("finished", 1600)}
    assert runs.get_session("s1").ended_at == 9000
    assert runs.mark_killed(lambda session: False, 11_000) == []


def test_a_session_that_was_taken_for_dead_comes_back_with_its_runs(runs: Runs) -> None:
    start(runs, "a")
    start(runs, "b")
    runs.end("b", "killed", 900)
    runs.mark_killed(lambda session: False, 5000)
    runs.touch_session("s1", 6000)
    assert [(run.id, run.status, run.ended_at) for run in runs.list()] == [("b", "killed", 900), ("a", "running", None)]
    assert runs.get_session("s1").ended_at is None
    runs.mark_killed(lambda session: False, 7000)
    runs.end("a", "finished", 8000)
    assert runs.get("a").status == "finished"


def test_a_session_that_ends_leaves_no_run_open(runs: Runs) -> None:
    start(runs, "a")
    runs.end_session("s1", 5000)
    assert (runs.get("a").status, runs.sessions(is_open=True)) == ("killed", [])
    assert [session.id for session in runs.sessions(is_open=False)] == ["s1"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.just(math.nan) | st.floats(-10, 10), min_size=1, max_size=300), st.integers(4, 40))
def test_few_points_keep_the_first_the_last_and_the_extremes(reused: Runs, values: list[float], points: int) -> None:
    runs = emptied(reused)
    start(runs, "r")
    with runs._database.transaction():
        for step, value in reversed(list(enumerate(values))):
            runs.log_metrics("r", {"m": value}, step=step, logged_at=step)
    everything = runs.metrics("r", "m")
    few = runs.metrics("r", points=points)
    assert [point.step for point in everything] == list(range(len(values)))
    assert len(few) <= points or few == everything
    assert (few[0].step, few[-1].step) == (0, len(values) - 1)
    assert set(map(repr, few)) <= set(map(repr, everything))
    assert [point.step for point in few] == sorted({point.step or 0 for point in few})
    numbers, kept = ([m.value for m in series if not math.isnan(m.value)] for series in (everything, few))
    assert not numbers or (min(numbers), max(numbers)) == (min(kept), max(kept))


def test_a_listing_costs_the_same_beside_a_run_of_very_many_points(runs: Runs) -> None:
    for number in range(100):
        start(runs, f"r{number:03}", params={f"p{key}": "1" for key in range(10)})
        runs.log_metrics(f"r{number:03}", {f"m{key}": 1.0 for key in range(10)}, logged_at=1)

    def listing_s() -> float:
        times = []
        for _ in range(5):
            before = time.thread_time()
            assert len(runs.list()) == 100
            times.append(time.thread_time() - before)
        return min(times)

    alone = listing_s()
    rows = (("r000", "m0", 1.0, step, 1) for step in range(200_000))
    with runs._database.transaction() as connection:
        connection.executemany("INSERT INTO metrics (run_id, key, value, step, logged_at) VALUES (?, ?, ?, ?, ?)", rows)
    assert listing_s() < 4 * alone + 0.01
    assert runs.metrics("r000", "m0", points=500)[-1] == Metric("m0", 1.0, 199_999, 1)


POINTS = st.tuples(
    st.sampled_from(["a", "b"]),
    st.none() | st.integers(0, 3),
    st.sampled_from([1.0, 2.0, math.nan]),
    st.integers(1, 4),
    st.none() | st.sampled_from(["c1", "c2", "c3"]),
)


@given(st.lists(POINTS, max_size=10), st.integers(1, 4), st.sampled_from(["c1", "c2", "c3"]))
@settings(max_examples=80, deadline=None)
def test_metrics_until_a_checkpoint_are_the_last_of_its_own_and_older_points(
    reused: Runs, points: list[tuple[str, int | None, float, int, str | None]], created_at: int, id: str
) -> None:
    runs = emptied(reused)
    start(runs, "r")
    for key, step, value, logged_at, checkpoint_id in points:
        runs.log_metrics("r", {key: value}, step=step, logged_at=logged_at, checkpoint_id=checkpoint_id)
    older = [
        point
        for point in runs.metrics("r")
        if (point.logged_at <= created_at if point.checkpoint_id is None else point.checkpoint_id <= id)
    ]
    expected = {point.key: point.value for point in older}
    assert repr(sorted(runs.metrics_until("r", checkpoint_id=id, created_at=created_at).items())) == repr(
        sorted(expected.items())
    )


@pytest.mark.parametrize("is_another_there", [False, True])
@pytest.mark.parametrize("values", [{"a": 1.0}, {"a": 1.0, "b": 2.0}])
def test_what_would_be_written_to_a_project_that_is_gone_is_refused(
    runs: Runs, tmp_path: Path, values: dict[str, float], is_another_there: bool
) -> None:
    start(runs, "r")
    runs.log_metrics("r", values, logged_at=1)
    (tmp_path / ".mlm").rename(tmp_path / "away")
    if is_another_there:
        Database.open(tmp_path / ".mlm", create=True).close()
    with pytest.raises(StorageError, match="was replaced by another" if is_another_there else "moved or removed"):
        runs.log_metrics("r", values, logged_at=2)
