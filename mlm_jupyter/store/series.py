"""The points of a metric: the last of each without reading the others, and as many as a chart can show."""

from __future__ import annotations

import json
import math
import sqlite3
from typing import Any, Final

from mlm_jupyter.core.entities import Metric

_SERIES: Final = """
    WITH RECURSIVE series (run_id, key) AS (
        SELECT wanted.value, (SELECT min(m.key) FROM metrics m WHERE m.run_id = wanted.value) FROM json_each(?) wanted
        UNION ALL
        SELECT run_id, (SELECT min(m.key) FROM metrics m WHERE m.run_id = series.run_id AND m.key > series.key)
        FROM series WHERE key IS NOT NULL
    )
"""
_LAST: Final = """
    (SELECT m.{} FROM metrics m WHERE m.run_id = series.run_id AND m.key = series.key
     ORDER BY m.step DESC, m.id DESC LIMIT 1)
"""
LAST_VALUES: Final = f"{_SERIES} SELECT run_id, key, {_LAST.format('value')} FROM series WHERE key IS NOT NULL"
"""Rows (run_id, key, last value) of the runs in a JSON list; it hops along the index, two seeks a metric."""

LAST_LOGGED: Final = f"""
    {_SERIES} SELECT run_id, max({_LAST.format("logged_at")}) FROM series WHERE key IS NOT NULL GROUP BY run_id
"""
"""Rows (run_id, logged_at of its latest last point)."""

VALUES_UNTIL: Final = f"""
    {_SERIES} SELECT m.key, m.value FROM metrics m WHERE m.id IN (
        SELECT (SELECT m.id FROM metrics m WHERE m.run_id = series.run_id AND m.key = series.key AND
                CASE WHEN m.checkpoint_id IS NULL THEN m.logged_at <= ? ELSE m.checkpoint_id <= ? END
                ORDER BY m.step DESC, m.id DESC LIMIT 1)
        FROM series WHERE key IS NOT NULL)
"""
"""Rows (key, last value) of the runs in a JSON list as they were at a time, and at the checkpoint of this id."""

_PAGE: Final = 250_000  # rows read at a time; finding where a page begins costs as much as counting up to it
_COLUMNS: Final = "key, value, step, logged_at, checkpoint_id"
_IN_ORDER: Final = "FROM metrics WHERE run_id = ? AND key = ? ORDER BY step, id"


def read_points(connection: sqlite3.Connection, run_id: str, key: str | None, points: int | None) -> list[Metric]:
    """Return the points of one metric of a run, or of all: by key, then by step, then as they came."""
    rows: list[tuple[Any, ...]] = []
    for each in _keys(connection, run_id) if key is None else [key]:
        if points is None or _count(connection, run_id, each) <= points:
            rows += connection.execute(f"SELECT {_COLUMNS} {_IN_ORDER}", (run_id, each))
        else:
            ids = json.dumps(_telling(connection, run_id, each, points))
            chosen = "(SELECT value FROM json_each(?))"
            rows += connection.execute(f"SELECT {_COLUMNS} FROM metrics WHERE id IN {chosen} ORDER BY step, id", (ids,))
    return [Metric(name, math.nan if value is None else value, *rest) for name, value, *rest in rows]


def _keys(connection: sqlite3.Connection, run_id: str) -> list[str]:
    rows = connection.execute(f"{_SERIES} SELECT key FROM series WHERE key IS NOT NULL", (json.dumps([run_id]),))
    return sorted(key for (key,) in rows)


def _count(connection: sqlite3.Connection, run_id: str, key: str) -> int:
    return int(connection.execute("SELECT count(*) FROM metrics WHERE run_id = ? AND key = ?", (run_id, key)).fetchone()[0])


def _telling(connection: sqlite3.Connection, run_id: str, key: str, points: int) -> list[int]:
    """Return the ids of at most ``points`` points: the first, the last, the lowest and highest of every stretch."""
    count = _count(connection, run_id, key)
    stretch = math.ceil(count / max(1, (points - 2) // 2))
    page = stretch * math.ceil(_PAGE / stretch)
    chosen: list[int] = []
    for offset in range(0, count, page):
        sql = f"SELECT id, value {_IN_ORDER} LIMIT ? OFFSET ?"
        rows = connection.execute(sql, (run_id, key, page, offset)).fetchall()
        chosen += [rows[0][0]] if offset == 0 else []
        for start in range(0, len(rows), stretch):
            numbers = [(value, id) for id, value in rows[start : start + stretch] if value is not None]
            chosen += [min(numbers)[1], max(numbers)[1]] if numbers else [rows[start][0]]
    return [*chosen, rows[-1][0]]
