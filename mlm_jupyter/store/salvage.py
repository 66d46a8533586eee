"""Reading what can still be read of a damaged database: table by table, row by row, over the damaged pages."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

Row = dict[str, Any]
S = TypeVar("S", bound=msgspec.Struct)

_UNREADABLE: Final = (sqlite3.Error, UnicodeError)  # SQLite's complaint may quote what it could not read
_WIDEST_STEP: Final = 1 << 40
_PATIENCE: Final = 512
"""So many rows are tried one by one where one cannot be read; from there on each step is an eighth longer."""


class Salvage:
    """A database of which anything may be damaged. Nothing of it is changed."""

    def __init__(self, path: Path) -> None:
        self._connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        except sqlite3.Error:
            return
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        self._connection = connection

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of ``table`` that can be read, each once."""
        columns = self._columns(table)
        if not columns:
            return
        seek = self._seek_by_key if self._keys(table) else self._seek_by_rowid
        for row in seek(table):
            yield dict(zip(columns, row, strict=False))

    def structs(self, table: str, type: type[S]) -> Iterator[S]:
        """Yield the rows of ``table`` that can be read and make sense."""
        for row in self.rows(table):
            with suppress(msgspec.ValidationError):
                yield msgspec.convert(row, type)

    def _columns(self, table: str) -> list[str]:
        return [name for _, name, *_ in self._query(f"PRAGMA table_info({table})")]

    def _keys(self, table: str) -> list[str]:
        """Return the primary key of a table without rowids; nothing for others."""
        schema = self._query("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", table)
        if not schema or "WITHOUT ROWID" not in schema[0][0]:
            return []
        parts = [(place, name) for _, name, _, _, _, place in self._query(f"PRAGMA table_info({table})") if place]
        return [name for _, name in sorted(parts)]

    def _query(self, sql: str, *values: object) -> list[Any]:
        if self._connection is None:
            return []
        try:
            return self._connection.execute(sql, values).fetchall()
        except _UNREADABLE:
            return []

    def _seek_by_rowid(self, table: str) -> Iterator[tuple[Any, ...]]:
        last, step, failures = -1, 1, 0
        while step < _WIDEST_STEP:
            try:
                for rowid, *row in self._read(f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid", (last,)):
                    last, step, failures = rowid, 1, 0
                    yield tuple(row)
                return
            except _UNREADABLE:
                failures += 1
                step = step + step // 8 + 1 if failures > _PATIENCE else 1
                last += step

    def _seek_by_key(self, table: str) -> Iterator[tuple[Any, ...]]:
        """Read from both ends to the damage; rows between two damaged pages are lost."""
        keys = self._keys(table)
        seen = set()
        places = [self._columns(table).index(key) for key in keys]
        for direction in ("", " DESC"):
            order = ", ".join(key + direction for key in keys)
            try:
                for row in self._read(f"SELECT * FROM {table} ORDER BY {order}", ()):
                    key = tuple(row[place] for place in places)
                    if key in seen:
                        return
                    seen.add(key)
                    yield row
                return
            except _UNREADABLE:
                continue

    def _read(self, sql: str, values: tuple[object, ...]) -> Iterator[tuple[Any, ...]]:
        assert self._connection is not None
        return iter(self._connection.execute(sql, values))
