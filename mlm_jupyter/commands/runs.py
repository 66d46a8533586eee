"""The verbs of runs: ``runs`` and ``metrics``."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from mlm_jupyter.clock import now_ms
from mlm_jupyter.commands.listing import runs_rows
from mlm_jupyter.commands.options import add_count, add_json, add_project, project_of, write_json, write_lines
from mlm_jupyter.commands.text import Ink, clean, number, table, terminal_width
from mlm_jupyter.core.entities import Metric
from mlm_jupyter.errors import NotFoundError

_BARS: Final = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH: Final = 24


def runs_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm runs``."""
    parser.add_argument(
        "query",
        metavar="QUERY",
        nargs="?",
        help="for example: \"metrics.acc > 0.9 and params.lr = '0.1' order by metrics.acc desc\"",
    )
    add_count(parser, 20)
    add_json(parser)
    add_project(parser)


def runs(options: argparse.Namespace) -> None:
    """List the runs, newest first unless the query orders them."""
    with project_of(options) as project:
        found = project.runs(options.query).take(options.count)
    if options.json:
        write_json(found)
    elif found:
        heading, *lines = table(runs_rows(found, now=now_ms()), right=(3, 4), width=terminal_width())
        write_lines([Ink()(heading, "bold"), *lines])
    else:
        none = "No runs yet. Start one with %mlm_track in a notebook, or mlm_jupyter.start_run() in a script."
        print(none if options.query is None else "No run fits the query. List all with: mlm runs", file=sys.stderr)


def metrics_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm metrics``."""
    parser.add_argument("run", metavar="RUN", help="its name, its id or the start of that, or latest")
    parser.add_argument("key", metavar="KEY", nargs="?", help="only this metric, point by point")
    add_json(parser)
    add_project(parser)


def metrics(options: argparse.Namespace) -> None:
    """Show each metric of a run with its course, or one of them point by point."""
    with project_of(options) as project:
        run = project.get_run(options.run)
        points = project.metrics(run, options.key)
    if not points and options.key is not None:
        known = ", ".join(sorted(run.metrics)) or "none"
        raise NotFoundError(f"Run {run.name} ({run.id}) has no metric {options.key!r}. It has: {known}")
    if options.json:
        write_json(points)
        return
    if not points:
        print(f"Run {clean(run.name)} ({run.id}) has no metrics. Log one with: mlm_jupyter.log_metric", file=sys.stderr)
        return
    rows = _summary(points) if options.key is None else _course(points)
    heading, *lines = table(rows, right=(1, 2, 3, 4) if options.key is None else (0, 1), width=terminal_width())
    write_lines([Ink()(heading, "bold"), *lines])


def _summary(points: Sequence[Metric]) -> list[list[str]]:
    rows = [["metric", "last", "lowest", "highest", "points", ""]]
    for key, group in groupby(points, key=lambda point: point.key):
        values = [point.value for point in group]
        finite = [value for value in values if math.isfinite(value)] or [math.nan]
        rows.append([key, *map(number, (values[-1], min(finite), max(finite))), str(len(values)), sparkline(values)])
    return rows


def _course(points: Sequence[Metric]) -> list[list[str]]:
    return [
        ["step", "value"],
        *(["" if point.step is None else str(point.step), number(point.value)] for point in points),
    ]


def sparkline(values: Sequence[float]) -> str:
    """Return the course of ``values`` in at most 24 characters; a space where one is not finite, none for one value."""
    if len(values) < 2:
        return ""
    if len(values) > _SPARK_WIDTH:
        values = [values[i * (len(values) - 1) // (_SPARK_WIDTH - 1)] for i in range(_SPARK_WIDTH)]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    spread = (high - low) or 1.0
    return "".join(
        _BARS[min(7, int((value - low) / spread * 8))] if math.isfinite(value) and math.isfinite(spread) else " "
        for value in values
    )
