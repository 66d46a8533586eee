"""What an output area keeps of a kernel's messages: JupyterLab's rules as a law, the limit, and late records."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from mlm_jupyter.core import line as line_module
from mlm_jupyter.core.line import Line
from mlm_jupyter.core.outputs import OutputArea, join

Message = tuple[str, dict[str, Any]]

TEXTS = st.text(alphabet="abcd\n\r\b", max_size=12)
DISPLAY_IDS = st.sampled_from(["p", "q", None])


def stream(name: str, text: str) -> Message:
    return "stream", {"name": name, "text": text}


def display(kind: str, text: str, display_id: str | None) -> Message:
    transient = {"display_id": display_id} if display_id else {}
    return kind, {"data": {"text/plain": text}, "metadata": {"a": 1}, "transient": transient, "execution_count": 1}


MESSAGES = st.lists(
    st.one_of(
        st.builds(stream, st.sampled_from(["stdout", "stderr"]), TEXTS),
        st.builds(display, st.sampled_from(["display_data", "update_display_data"]), TEXTS, DISPLAY_IDS),
        st.builds(display, st.just("execute_result"), TEXTS, st.none()),
        st.just(("error", {"ename": "E", "evalue": "v", "traceback": ["t"]})),
        st.builds(lambda wait: ("clear_output", {"wait": wait}), st.booleans()),
    ),
    max_size=25,
)


def put(area: OutputArea, messages: Sequence[Message]) -> None:
    for kind, content in messages:
        if display_id := content.get("transient", {}).get("display_id"):
            area.update(display_id, content)
        if kind != "update_display_data":
            area.add(kind, content)


def outputs_of(messages: Sequence[Message], limit_bytes: int = 10_000_000) -> list[dict[str, Any]]:
    area = OutputArea(limit_bytes)
    put(area, messages)
    return area.snapshot()


def typed(text: str) -> str:
    """What stands on a screen of JupyterLab's when ``text`` was typed, one character at a time."""
    screen: list[str] = []
    cursor = 0
    for character in text:
        if character == "\n":
            screen.append("\n")
            cursor = len(screen)
        elif character == "\r":
            while cursor and screen[cursor - 1] != "\n":
                cursor -= 1
        elif character == "\b":
            if cursor and screen[cursor - 1] != "\n":
                del screen[cursor - 1 : cursor + 1]
                cursor -= 1
        else:
            screen[cursor : cursor + 1] = [character]
            cursor += 1
    return "".join(screen)


@given(st.lists(TEXTS, max_size=8))
def test_text_written_in_any_portions_stands_as_if_typed_character_by_character(texts: list[str]) -> None:
    line = Line()
    finished = "".join(line.write(text) for text in texts)
    assert finished + line.text == typed("".join(texts))


@given(st.lists(TEXTS, max_size=8))
def test_what_a_line_has_finished_never_changes(texts: list[str]) -> None:
    line = Line()
    finished = ""
    for position, text in enumerate(texts):
        finished += line.write(text)
        assert typed("".join(texts[: position + 1])) == finished + line.text


@given(MESSAGES, st.lists(st.integers(0, 25), max_size=4))
def test_outputs_joined_with_late_records_are_the_outputs_of_all_messages(messages: list[Message], cuts: list[int]) -> None:
    area = OutputArea()
    joined: list[dict[str, Any]] = []
    bounds = [0, *sorted(cuts), len(messages)]
    for start, stop in pairwise(bounds):
        put(area, messages[start:stop])
        joined = join(joined, area.take())
    assert joined == outputs_of(messages)


def test_late_records_go_with_what_is_there_where_others_were_lost() -> None:
    update = {"output_type": "update_display_data", "targets": [0, 1], "data": {"text/plain": "new"}, "metadata": {}}
    more = {"output_type": "stream", "name": "stdout", "text": "100 %", "erase": 4}
    display = {"output_type": "display_data", "data": {"text/plain": "old"}, "metadata": {}}
    text = {"output_type": "stream", "name": "stdout", "text": "100 %"}
    assert join([], [update, more]) == [text]
    assert join([display], [update]) == [display | {"data": {"text/plain": "new"}}]
    assert join([display], [more]) == [display, text]


@given(MESSAGES)
def test_a_snapshot_is_what_a_take_would_give_and_takes_nothing(messages: list[Message]) -> None:
    area = OutputArea()
    put(area, messages)
    first = area.snapshot()
    assert area.snapshot() == first
    assert area.take() == first
    assert area.take() == []


@given(MESSAGES, st.integers(0, 2000))
def test_the_limit_bounds_what_is_kept_and_the_outputs_stay_valid(messages: list[Message], limit_bytes: int) -> None:
    outputs = outputs_of(messages, limit_bytes)
    assert sum(len(output.get("text", "")) for output in outputs) <= limit_bytes + 200
    cell = new_code_cell("", outputs=nbformat.from_dict(outputs))
    nbformat.validate(new_notebook(cells=[cell]))


def test_a_flood_keeps_its_head_and_its_tail_and_says_how_much_is_missing() -> None:
    lines = [f"line {number}\n" for number in range(200_000)]
    messages = [stream("stdout", "".join(lines[start : start + 1000])) for start in range(0, len(lines), 1000)]
    head, notice, tail = outputs_of(messages, 100_000)
    assert head["text"].startswith("line 0\nline 1\n")
    assert tail["text"].endswith("line 199998\nline 199999\n")
    assert 80_000 < len(head["text"]) + len(tail["text"]) <= 100_000
    missing = sum(map(len, lines)) - len(head["text"]) - len(tail["text"])
    assert notice["name"] == "stderr"
    assert f"[{missing / 1e6:.2f} MB" in notice["text"]


def test_a_million_progress_updates_are_one_line() -> None:
    area = OutputArea(1000)
    for start in range(0, 1_000_000, 10_000):
        area.add(*stream("stderr", "".join(f"\r{number:7} it" for number in range(start, start + 10_000))))
    assert area.snapshot() == [{"output_type": "stream", "name": "stderr", "text": " 999999 it"}]


def test_displays_beyond_the_limit_are_left_out_and_updating_them_does_no_harm() -> None:
    area = OutputArea(10_000)
    for number in range(100):
        area.add(*display("display_data", f"{number}", str(number)), size_bytes=1000)
    for number in range(100):
        area.update(str(number), display("update_display_data", f"new {number}", None)[1], size_bytes=1000)
    texts = [output["data"]["text/plain"] if "data" in output else "..." for output in area.snapshot()]
    assert texts == ["new 0", "new 1", "new 2", "new 3", "...", *(f"new {number}" for number in range(96, 100))]


def test_updates_that_grow_are_held_to_the_limit_too() -> None:
    area = OutputArea(10_000)
    area.add(*display("display_data", "small", "a"), size_bytes=10)
    area.update("a", display("update_display_data", "x" * 20_000, None)[1], size_bytes=20_000)
    area.add(*stream("stdout", "after\n"))
    assert [output["output_type"] for output in area.snapshot()] == ["stream", "stream"]
    assert area.snapshot()[-1]["text"] == "after\n"


def test_late_output_without_end_is_kept_only_up_to_the_limit() -> None:
    area = OutputArea(1000)
    area.take()
    records = []
    for number in range(100):
        area.add(*stream("stdout", f"{number:099}\n"))
        records += area.take()
    *texts, notice = [record["text"] for record in records]
    assert texts == [f"{number:099}\n" for number in range(len(texts))]
    assert 0 < len(texts) < 10
    assert "is not kept" in notice


def test_many_updates_of_a_taken_display_are_one_record() -> None:
    area = OutputArea()
    area.add(*display("display_data", "first", "a"))
    area.take()
    for number in range(1000):
        area.update("a", display("update_display_data", str(number), None)[1])
    (record,) = area.take()
    assert record["targets"] == [0]
    assert record["data"] == {"text/plain": "999"}


def test_text_without_a_newline_costs_linear_time_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "LONGEST", 100)
    line = Line()
    text = "".join(line.write("0123456789" * 7) for _ in range(50)) + line.text
    assert text == "0123456789" * 350
    assert len(line.text) <= 100


def test_values_that_their_type_does_not_allow_become_text() -> None:
    data = {"text/plain": 5, "application/json": {"a": None}, "text/html": ["<b>", "</b>"], "application/x+json": 1.5}
    (output,) = outputs_of([("display_data", {"data": data | {"model/gltf+json": {}}, "metadata": None})])
    assert output["data"] == data | {"text/plain": "5", "model/gltf+json": "{}"}
    assert output["metadata"] == {}
    nbformat.validate(new_notebook(cells=[new_code_cell("", outputs=nbformat.from_dict([output]))]))
