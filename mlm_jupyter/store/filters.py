"""A query of runs as SQL. Whatever a user typed travels as a bound parameter; the text of a statement is ours alone.

What SQL has no word for (a param compares as a number if both sides are; ``like`` minds capitals) is in ``store.functions``.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from mlm_jupyter.core.query import Comparison, Condition, Every, Field, Not, Order, Query, Scalar, Some

_Sql = tuple[str, list[Scalar]]

_COLUMNS: Final = (
    "id",
    "name",
    "experiment",
    "status",
    "notebook",
    "parent_id",
    "session_id",
    "started_at",
    "ended_at",
)
_ATTRIBUTES: Final = {
    **{name: f"runs.{name}" for name in _COLUMNS},
    "duration_ms": "(runs.ended_at - runs.started_at)",
}
_VALUES: Final = {
    "metric": "(SELECT value FROM metrics m WHERE run_id = runs.id AND key = ? ORDER BY step DESC, m.id DESC LIMIT 1)",
    "param": "(SELECT value FROM params p WHERE run_id = runs.id AND key = ? ORDER BY p.id DESC LIMIT 1)",
    "tag": "(SELECT value FROM tags WHERE run_id = runs.id AND key = ?)",
}


def is_counted(query: Query) -> bool:
    """Tell whether a place in the list that ``query`` asks for is known only by counting: to it, all before it is read."""
    return bool(query.order) or query.limit is not None


def select_ids(connection: sqlite3.Connection, query: Query, *, before: str | None = None, limit: int = -1) -> list[str]:
    """Return ids of the runs that ``query`` asks for, in its order: at most ``limit`` (-1: all) of those after ``before``."""
    where, operands = _condition(query.where) if query.where else ("1", [])
    if is_counted(query):
        order, keys = _order(query.order)
        sql = f"SELECT runs.id FROM runs WHERE {where} ORDER BY {order} LIMIT ?"
        ids = [id for (id,) in connection.execute(sql, [*operands, *keys, query.limit or -1])]
        start = 0 if before is None else ids.index(before) + 1 if before in ids else len(ids)
        return ids[start:] if limit < 0 else ids[start : start + limit]
    cursor: _Sql = (" AND runs.id < ?", [before]) if before is not None else ("", [])
    sql = f"SELECT runs.id FROM runs WHERE ({where}){cursor[0]} ORDER BY runs.id DESC LIMIT ?"
    return [id for (id,) in connection.execute(sql, [*operands, *cursor[1], limit])]


def count(connection: sqlite3.Connection, query: Query) -> int:
    """Return how many runs ``query`` asks for."""
    where, operands = _condition(query.where) if query.where else ("1", [])
    (found,) = connection.execute(f"SELECT count(*) FROM runs WHERE {where}", operands).fetchone()
    return int(found) if query.limit is None else min(int(found), query.limit)


def _condition(condition: Condition) -> _Sql:
    match condition:
        case Comparison():
            return _comparison(condition)
        case Not(term):
            sql, operands = _condition(term)
            return f"NOT ({sql})", operands
        case Every(terms):
            return _join(" AND ", terms)
        case Some(terms):
            return _join(" OR ", terms)


def _join(word: str, terms: tuple[Condition, ...]) -> _Sql:
    parts = [_condition(term) for term in terms]
    return word.join(f"({sql})" for sql, _ in parts), [operand for _, operands in parts for operand in operands]


def _comparison(comparison: Comparison) -> _Sql:
    field, operator, values = comparison.field, comparison.operator, comparison.values
    value, key = _value(field)
    if operator == "is null":
        if field.kind == "metric":  # nan is stored as NULL and is not missing
            return "NOT EXISTS (SELECT 1 FROM metrics m WHERE m.run_id = runs.id AND m.key = ?)", key
        return f"{value} IS NULL", key
    if operator in ("like", "ilike"):
        return f"mlm_{operator}({value}, ?)", [*key, *values]
    if field.kind == "param":
        symbol = "=" if operator == "in" else operator
        tests = [f"mlm_compare({value}, ?) {symbol} 0" for _ in values]
        return " OR ".join(tests), [part for operand in values for part in (*key, operand)]
    if operator == "in":
        return f"{value} IN ({', '.join('?' for _ in values)})", [*key, *values]
    return f"{value} {operator} ?", [*key, *values]


def _order(terms: tuple[Order, ...]) -> _Sql:
    parts: list[str] = []
    keys: list[Scalar] = []
    for term in terms:
        value, key = _value(term.field)
        direction = "DESC" if term.is_descending else "ASC"
        ranks = [f"{value} IS NULL"]
        if term.field.kind == "param":
            ranks += [f"mlm_number({value}) IS NULL {direction}", f"mlm_number({value}) {direction}"]
        ranks.append(f"{value} {direction}")
        parts += ranks
        keys += key * len(ranks)
    return ", ".join([*parts, "runs.id DESC"]), keys


def _value(field: Field) -> _Sql:
    if field.kind == "attribute":
        return _ATTRIBUTES[field.key], []
    return _VALUES[field.kind], [field.key]
