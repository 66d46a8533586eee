"""The query language: what can be read, what it means, and how an error helps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_jupyter.core.entities import Run
from mlm_jupyter.core.query import Field, Query, number_of, parse
from mlm_jupyter.core.selection import compare_texts, is_like, matches, sort
from mlm_jupyter.errors import InvalidInputError


def a_run(**fields: object) -> Run:
    start = {"id": "1", "name": "calm-otter-1", "experiment": "tour", "session_id": "s", "status": "finished"}
    return Run(**{**start, "started_at": 1_800_000_000_000, "ended_at": 1_800_000_060_000, **fields})


RUN = a_run(
    params={"lr": "0.10", "model": "cnn", "depth": "12", "model.kind": "b"},
    metrics={"acc": 0.93, "val acc": 0.9, "loss": math.nan},
    tags={"kind": "x", "it's": "it's", "größe": "L"},
)

FITTING = [
    "",
    "metrics.acc > 0.9",
    "METRICS.acc>=.93 AND params.lr = '0.1' and tags.kind = 'x'",
    "metric.acc = 0.93 and parameter.model = 'cnn' and tag.kind == \"x\" and run.name != 'y'",
    'metrics.`val acc` < 1e0 and metrics."val acc" > -1',
    "params.depth > 9 and params.depth > '9' and params.depth in (3, 12.0)",
    "params.model > 'abc' and params.model < '9z' or params.model like 'c%n'",
    "params.model.kind = 'b'",
    "params.model ILIKE 'C_N' and params.model not like 'C%'",
    "not metrics.acc < 0.9 and not (status = 'failed' or status in ('running', 'KILLED'))",
    "metrics.f1 is null and metrics.acc IS NOT NULL and metrics.loss is not null",
    "tags.`it's` = 'it''s' and tags.größe not in ('S', 'M')",
    "attributes.status = 'FINISHED' and run_name like 'calm-%' and experiment = 'tour'",
    "duration_ms = 60000 and started_at > '2026-11-21' and ended_at < '2027-01-15T08:02:00+00:00'",
    "parent_id is null and notebook is null",
]


@pytest.mark.parametrize("text", FITTING)
def test_a_query_finds_the_run_it_describes(text: str) -> None:
    assert matches(parse(text), RUN)


MISSING = [
    "metrics.f1 > 0",
    "metrics.f1 != 0",
    "not metrics.f1 > 0",
    "metrics.f1 not in (1, 2)",
    "params.seed not like 'a%'",
    "metrics.loss < 1 or metrics.loss >= 1 or metrics.loss != 1",
    "metrics.acc > 0.9 and metrics.f1 > 0",
    "notebook = 'a.ipynb' or notebook != 'a.ipynb'",
]


@pytest.mark.parametrize("text", MISSING)
def test_what_a_run_does_not_have_fits_no_comparison_and_no_negation_of_one(text: str) -> None:
    assert not matches(parse(text), RUN)


UNREADABLE = [
    ("metrics.acc >", "at its end: expected a number"),
    ("metrics.acc > 'high'", "near \"'high'\" at character 15: expected a number"),
    ("metrics.acc ! 3", "near '!' at character 13"),
    ("acc > 1", "write metrics.acc or params.acc"),
    ("metric.acc > 1 metrics.b > 2", "near 'metrics.b' at character 16: expected 'and', 'or'"),
    ("order by metrics.a descending", "near 'descending' at character 20: expected 'asc', 'desc', a comma, 'limit'"),
    ("limit 3 order by name", "near 'order' at character 9: expected the end: 'limit' comes last"),
    ("foo.acc > 1", "a name starts with metrics, params, tags or attributes"),
    ("attributes.colour = 'x'", "attributes are duration_ms"),
    ("status = finished", "expected text in quotes, such as 'finished'"),
    ("status = 'done'", "a status is one of running, finished, failed, killed"),
    ("tags.fold > 9", "expected text in quotes, such as '9'"),
    ("name = 'x", "at character 8: close the quote"),
    ("(metrics.a > 1", "the closing ')'"),
    ("metrics.a like '1%'", "like and ilike are for text"),
    ("params.a is 3", "'is null'"),
    ("params.a not 3", "'not in'"),
    ("params.a in ()", "expected a number, or text in quotes"),
    ("params.a in 3", "'in' takes a list"),
    ("started_at > 'yesterday'", "a date such as '2026-11-21'"),
    ("order metrics.a", "'order' goes on with 'by'"),
    ("limit 0", "a whole number above 0"),
    ("limit 1.5", "a whole number above 0"),
    ("limit 2147483648", "below 2,147,483,648"),
    (f"limit 0000000000000000001{'9' * 5000}", "a whole number above 0"),
    ("and", "expected what to compare"),
    ("not " * 60 + "status = 'failed'", "nested deeper"),
    ("(" * 10_000, "nested deeper"),
    ("params.a in (" + "1," * 1000 + "1)", "more than 500"),
    ("name is null or " * 1000 + "name is null", "more than 500"),
    ("name = '" + "x" * 100_001 + "'", "longer than"),
    ("name = '\ud800'", "lone surrogate"),
]


@pytest.mark.parametrize(("text", "hint"), UNREADABLE)
def test_an_error_says_where_and_what_may_stand_there_in_one_line(text: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(text)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


WORDS = [
    "metrics.a",
    "params.b",
    "name",
    "(",
    ")",
    "not",
    "and",
    "or",
    "in",
    "is",
    "null",
    "like",
    "'",
    "'a'",
    "=",
    ">",
]


@given(st.text(max_size=40) | st.lists(st.sampled_from([*WORDS, "1", ",", "order", "by", "limit"])).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(parse(text), Query)
    except InvalidInputError as error:
        assert "\n" not in str(error)


def test_order_by_sorts_numbers_as_numbers_and_puts_what_is_missing_last() -> None:
    runs = [
        a_run(id="1", params={"lr": "10"}, metrics={"acc": 0.5}),
        a_run(id="2", params={"lr": "9"}, metrics={"acc": 0.5}),
        a_run(id="3", params={"lr": "auto"}, metrics={"acc": math.nan}),
        a_run(id="4"),
    ]

    def ids(text: str) -> str:
        return "".join(run.id for run in sort(parse(text), runs))

    assert ids("") == "4321"
    assert ids("order by params.lr") == "2134"
    assert ids("order by params.lr DESC") == "3124"
    assert ids("order by metrics.acc desc, params.lr asc limit 2") == "2134"


def test_a_key_may_hold_anything_in_backticks() -> None:
    query = parse('order by metrics.`a "b" (%)`, params.val/acc@5, attr.name')
    assert [term.field for term in query.order] == [
        Field("metric", 'a "b" (%)'),
        Field("param", "val/acc@5"),
        Field("attribute", "name"),
    ]


@given(st.integers(-(2**70), 2**70), st.integers(-(2**70), 2**70))
def test_whole_numbers_of_64_bits_compare_exactly(left: int, right: int) -> None:
    if max(abs(left), abs(right)) < 2**63:
        assert compare_texts(str(left), str(right)) == (left > right) - (left < right)
    assert compare_texts(str(left), str(left)) == 0


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_000", " 1", "0x10", "1e", "\u0663", "1.2.3", "True"])
def test_what_only_looks_like_a_number_is_text(text: str) -> None:
    assert number_of(text) is None


@given(st.text("ab%_", max_size=8), st.text("ab%_", max_size=6))
def test_like_means_what_its_regular_expression_means(text: str, pattern: str) -> None:
    import re

    expression = "".join({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)
    assert is_like(text, pattern) == (re.fullmatch(expression, text, re.DOTALL) is not None)


def test_a_pattern_of_many_wildcards_takes_no_time() -> None:
    assert not is_like("a" * 2000, "%a" * 40 + "b")
