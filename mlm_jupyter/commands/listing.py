"""Checkpoints and runs as lines: what ``mlm history`` and ``%mlm_history``, ``mlm runs`` and ``%mlm_runs`` show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from mlm_jupyter.commands.text import Colour, Ink, age, clean, cut, display_width, number, pad, span
from mlm_jupyter.core.entities import Changes, Checkpoint, Run

_SHORTEST_ID: Final = 8  # characters; that many are the whole time an id was made at
_SHORTEST_SOURCE: Final = 20
_WIDEST_NAME: Final = 24
_MARKS: Final[dict[str, tuple[str, Colour | None]]] = {
    "ok": ("ok", "green"),
    "error": ("error", "red"),
    "interrupted": ("stopped", "yellow"),
    "cell": ("cell", None),
    "baseline": ("start", "dim"),
    "manual": ("made", "dim"),
    "save": ("saved", "dim"),
    "running": ("running", "cyan"),
    "finished": ("finished", "green"),
    "failed": ("failed", "red"),
    "killed": ("killed", "yellow"),
}
_MOST_METRICS: Final = 4


def history_lines(
    checkpoints: Sequence[Checkpoint], *, now: int, width: int, ink: Ink, current: str | None = None
) -> list[str]:
    """Return a line for each checkpoint, in the order given; where they are of several notebooks, it says of which.

    Parameters
    ----------
    current : the id of the checkpoint where the kernel stands; it is marked with ``>``.
    """
    if not checkpoints:
        return []
    prefix = _prefix_length([checkpoint.id for checkpoint in checkpoints])
    heads = [
        (
            f"{'>' if checkpoint.id == current else ''}{checkpoint.ordinal}",
            checkpoint.id[:prefix],
            age(checkpoint.created_at, now),
            _MARKS[checkpoint.status or checkpoint.kind],
            "" if checkpoint.duration_ms is None else span(checkpoint.duration_ms),
        )
        for checkpoint in checkpoints
    ]
    ordinals = max(display_width(head[0]) for head in heads)
    ages = max(display_width(head[2]) for head in heads)
    marks = max(display_width(head[3][0]) for head in heads)
    spans = max(display_width(head[4]) for head in heads)
    notebooks = [_last_of(notebook, width // 5) for notebook in notebooks_of(checkpoints)]
    widest = max(map(display_width, notebooks))
    room = width - (ordinals + prefix + ages + marks + spans + 5 + (widest and widest + 1))
    lines = []
    for checkpoint, (ordinal, id, when, (mark, colour), took), notebook in zip(checkpoints, heads, notebooks, strict=True):
        start = " ".join(
            (
                pad(ordinal, ordinals, is_right=True),
                ink(id, "yellow"),
                pad(when, ages, is_right=True),
                ink(pad(mark, marks), colour),
                pad(took, spans, is_right=True),
                *([pad(notebook, widest)] if widest else []),
            )
        )
        lines.append(f"{start} {_what(checkpoint, room, ink)}".rstrip())
    return lines


def notebooks_of(checkpoints: Sequence[Checkpoint]) -> list[str]:
    """Return of which notebook each checkpoint is, as far as that tells them apart: where all are of one, texts are empty."""
    notebooks = [clean(checkpoint.notebook or "") for checkpoint in checkpoints]
    return notebooks if len(set(notebooks)) > 1 else [""] * len(notebooks)


def _last_of(path: str, width: int) -> str:
    """Return the end of a path, which says most, in ``width`` columns."""
    return cut(path[::-1], width)[::-1]


def _what(checkpoint: Checkpoint, room: int, ink: Ink) -> str:
    """Return name, first line of code, changes and metrics, the code cut first where they do not all fit."""
    details = _details(checkpoint, room - _SHORTEST_SOURCE - 2)
    name = f"[{clean(checkpoint.name)}] " if checkpoint.name else ""
    line = name + first_line(checkpoint.source or checkpoint.note or "")
    width = room - (display_width(details) + 2 if details else 0)
    shown = cut(line, max(1, width))
    padded = pad(shown, width) if details else shown
    if name and padded.startswith(name):
        padded = ink(name, "bold") + padded[len(name) :]
    return f"{padded}  {ink(details, 'dim')}" if details else padded


def first_line(source: str) -> str:
    """Return the first line of code that is no comment, or else the first that is not empty."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return clean(next((line for line in lines if not line.startswith("#")), lines[0] if lines else ""))


def _details(checkpoint: Checkpoint, room: int) -> str:
    """Return the changed names and metrics; where there is no room for them, how many names, then what fits."""
    metrics = metrics_text(checkpoint.metrics)
    for changes in (changes_text(checkpoint.changes), _counts(checkpoint.changes)):
        text = "  ".join(filter(None, (changes, metrics)))
        if display_width(text) <= room:
            return text
    return cut(text, room)


def changes_text(changes: Changes) -> str:
    """Return the names of variables that changed, marked ``+`` added, ``~`` changed, ``-`` removed."""
    marked = (("+", changes.added), ("~", changes.changed), ("-", changes.removed))
    return clean(" ".join(f"{mark}{name}" for mark, names in marked for name in names))


def _counts(changes: Changes) -> str:
    marked = (("+", changes.added), ("~", changes.changed), ("-", changes.removed))
    return " ".join(f"{mark}{len(names)}" for mark, names in marked if names)


def metrics_text(metrics: dict[str, float]) -> str:
    """Return the first few metrics as ``key=value``."""
    shown = [f"{key}={value:.4g}" for key, value in sorted(metrics.items())[:_MOST_METRICS]]
    return clean(" ".join(shown + (["…"] if len(metrics) > _MOST_METRICS else [])))


def runs_rows(runs: Iterable[Run], *, now: int) -> list[list[str]]:
    """Return the table of these runs, its headings first: what they are, then a column for each metric and param."""
    listed = list(runs)
    prefix = _prefix_length([run.id for run in listed])
    metrics = _commonest(key for run in listed for key in run.metrics)
    params = _commonest(key for run in listed for key in run.params)
    rows = [["id", "name", "status", "started", "took", *metrics, *params]]
    for run in listed:
        took = span(run.ended_at - run.started_at) if run.ended_at is not None else ""
        values = [number(run.metrics[key]) if key in run.metrics else "" for key in metrics]
        settings = [run.params.get(key, "") for key in params]
        rows.append(
            [run.id[:prefix], cut(run.name, _WIDEST_NAME), run.status, age(run.started_at, now), took, *values, *settings]
        )
    return rows


def _commonest(keys: Iterable[str]) -> list[str]:
    counts = Counter(keys)
    return sorted(counts, key=lambda key: (-counts[key], key))[:_MOST_METRICS]


def _prefix_length(ids: Sequence[str]) -> int:
    """Return how many characters tell these ids apart."""
    ordered = sorted(set(ids))
    shared = (_shared(one, other) for one, other in pairwise(ordered))
    return max(_SHORTEST_ID, max(shared, default=0) + 1)


def _shared(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
