"""Sessions, runs, and what was logged with them.

``log_metrics`` is the hot path: one statement is one transaction, and its point survives ``kill -9`` when it returns.
There is no table of last values to keep up with it: the index (run, key, step) finds the last point of a metric in one
seek and hops from key to key without reading the points between, so a listing costs the same with a million of them.
"""

from __future__ import annotations

import builtins
import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Artifact, Metric, Param, Run, RunStatus, Session
from mlm_jupyter.core.pages import by_id
from mlm_jupyter.core.query import Query
from mlm_jupyter.core.scalars import key_text
from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.errors import AmbiguousError, ConflictError, NotFoundError
from mlm_jupyter.store.filters import count, is_counted, select_ids
from mlm_jupyter.store.history import LAST_OF_RUN
from mlm_jupyter.store.series import LAST_LOGGED, LAST_VALUES, VALUES_UNTIL, read_points

if TYPE_CHECKING:
    from mlm_jupyter.store.database import Database

_CANDIDATES: Final = 5
_SESSION_COLUMNS: Final = ", ".join(Session.__struct_fields__)
_COLUMNS: Final = Run.__struct_fields__[: Run.__struct_fields__.index("params")]
_LOADED: Final = (*_COLUMNS, "last_checkpoint_id")
_INSERT_METRIC: Final = "INSERT INTO metrics (run_id, key, value, step, logged_at, checkpoint_id) VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_PARAM: Final = """
    INSERT INTO params (run_id, key, value, logged_at) SELECT :run_id, :key, :value, :logged_at
    WHERE :value IS NOT (SELECT value FROM params WHERE run_id = :run_id AND key = :key ORDER BY id DESC LIMIT 1)
"""
_THESE: Final = "(SELECT value FROM json_each(?))"
_LAST_PARAMS: Final = f"SELECT run_id, key, value, max(id) FROM params WHERE run_id IN {_THESE} GROUP BY run_id, key"
_TAGS: Final = f"SELECT run_id, key, value FROM tags WHERE run_id IN {_THESE}"
_RUNS: Final = f"""
    SELECT {", ".join(f"runs.{column}" for column in _COLUMNS)}, {LAST_OF_RUN}
    FROM json_each(?) wanted CROSS JOIN runs ON runs.id = wanted.value ORDER BY wanted.key
"""


class Runs:
    """The runs of one project. Usable from many threads and processes: each has its own connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_session(self, session: Session) -> None:
        """Add ``session``, unless it is there."""
        marks = ", ".join("?" for _ in Session.__struct_fields__)
        values = [getattr(session, name) for name in Session.__struct_fields__]
        with self._database.transaction() as connection:
            connection.execute(f"INSERT OR IGNORE INTO sessions ({_SESSION_COLUMNS}) VALUES ({marks})", values)

    def newest_id(self) -> str | None:
        """Return the last id, in order, that anything of the project has; None where it has nothing."""
        tables = " UNION ALL ".join(f"SELECT max(id) AS id FROM {table}" for table in ("checkpoints", "runs", "sessions"))
        (id,) = self._database.connection().execute(f"SELECT max(id) FROM ({tables})").fetchone()
        return id  # type: ignore[no-any-return]

    def get_session(self, id: str) -> Session:
        """Return a session by its id."""
        connection = self._database.connection()
        row = connection.execute(f"SELECT {_SESSION_COLUMNS} FROM sessions WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise NotFoundError(f"No session {id!r} in this project.")
        return Session(*row)

    def sessions(self, *, is_open: bool | None = None) -> builtins.list[Session]:
        """Return the sessions, newest first; only those that have not ended (or have), if asked."""
        where = {None: "1", True: "ended_at IS NULL", False: "ended_at IS NOT NULL"}[is_open]
        connection = self._database.connection()
        rows = connection.execute(f"SELECT {_SESSION_COLUMNS} FROM sessions WHERE {where} ORDER BY id DESC").fetchall()
        return [Session(*row) for row in rows]

    def touch_session(self, id: str, heartbeat_at: int) -> None:
        """Note that the session lives. If it was taken for dead (a laptop that slept), its runs run again."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT heartbeat_at, ended_at FROM sessions WHERE id = ?", (id,)).fetchone()
            if row is not None and row[1] is not None:
                connection.execute(
                    "UPDATE runs SET status = 'running', ended_at = NULL, until_id = NULL, ended_on_id = NULL "
                    "WHERE session_id = ? AND status = 'killed' AND ended_at >= ?",
                    (id, row[0]),
                )
            connection.execute("UPDATE sessions SET heartbeat_at = ?, ended_at = NULL WHERE id = ?", (heartbeat_at, id))

    def set_session_environment(self, id: str, environment: Digest) -> None:
        """Note what the session's code runs on."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE sessions SET environment = ? WHERE id = ?", (environment, id))

    def end_session(self, id: str, ended_at: int) -> None:
        """End a session; a run it leaves open counts as killed."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE sessions SET ended_at = ? WHERE id = ?", (ended_at, id))
            connection.execute(
                "UPDATE runs SET status = 'killed', ended_at = ? WHERE session_id = ? AND status = 'running'",
                (ended_at, id),
            )

    def mark_killed(self, is_alive: Callable[[Session], bool], now: int) -> builtins.list[str]:
        """End the sessions whose process is gone, and as ``killed`` the runs they left open; return the ids of those.

        They ended at the last sign of life, not now: the last heartbeat, or the last metric if that was later.
        """
        dead = [session for session in self.sessions(is_open=True) if not is_alive(session)]
        killed: builtins.list[str] = []
        for session in dead:
            heartbeat = min(session.heartbeat_at or session.started_at, now)
            with self._database.transaction() as connection:
                running = connection.execute(
                    "SELECT id, started_at FROM runs WHERE session_id = ? AND status = 'running'", (session.id,)
                ).fetchall()
                logged = dict(connection.execute(LAST_LOGGED, (json.dumps([id for id, _ in running]),)))
                ends = [(max(start, heartbeat, min(logged.get(id, 0), now)), id) for id, start in running]
                connection.executemany("UPDATE runs SET status = 'killed', ended_at = ? WHERE id = ?", ends)
                connection.execute(
                    "UPDATE sessions SET ended_at = ? WHERE id = ?",
                    (max([heartbeat, *(end for end, _ in ends)]), session.id),
                )
            killed += [id for _, id in ends]
        return killed

    def start(self, run: Run) -> None:
        """Add a run, its experiment if that is new, and the params and tags it comes with."""
        values = [getattr(run, name) for name in _COLUMNS]
        marks = ", ".join("?" for _ in values)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO experiments VALUES (?, ?)", (run.experiment, run.started_at))
            connection.execute(f"INSERT INTO runs ({', '.join(_COLUMNS)}) VALUES ({marks})", values)
            _write_params(connection, run.id, run.params, run.started_at)
            _write_tags(connection, run.id, run.tags)

    def end(
        self, id: str, status: RunStatus, ended_at: int, *, until_id: str | None = None, ended_on_id: str | None = None
    ) -> None:
        """End a run that runs, or that was taken for killed.

        Parameters
        ----------
        until_id : the last id that a checkpoint made while it was open can have; None: its session has ended too.
        ended_on_id : the checkpoint whose state it ended with, if that is another than the last made in it.
        """
        with self._database.transaction() as connection:
            done = connection.execute(
                "UPDATE runs SET status = ?, ended_at = ?, until_id = ?, ended_on_id = ? "
                "WHERE id = ? AND status IN ('running', 'killed')",
                (status, ended_at, until_id, ended_on_id, id),
            )
            if done.rowcount == 0:
                _check_run(connection, id)
                raise ConflictError(f"Run {id} has already ended.")

    def delete(self, id: str) -> None:
        """Delete a run and what was logged with it. Runs inside it move up; its checkpoints stay."""
        with self._writing(id) as connection:
            connection.execute(
                "UPDATE runs SET parent_id = (SELECT parent_id FROM runs WHERE id = ?) WHERE parent_id = ?", (id, id)
            )
            connection.execute("DELETE FROM runs WHERE id = ?", (id,))

    def get(self, id: str) -> Run:
        """Return a run by its id."""
        connection = self._database.connection()
        found = _load(connection, [id])
        if not found:
            raise _no_run(id)
        return found[0]

    def find_by_name(self, name: str) -> Run | None:
        """Return the newest run of that name."""
        connection = self._database.connection()
        row = connection.execute("SELECT max(id) FROM runs WHERE name = ?", (name,)).fetchone()
        return next(iter(_load(connection, [row[0]])), None)

    def resolve(self, ref: str) -> Run:
        """Return the run that ``ref`` means: a name (the newest run of it), an id, a unique prefix of one, or ``latest``.

        Raises
        ------
        NotFoundError, AmbiguousError : the message lists what may have been meant.
        """
        found = self.find_by_name(ref)
        if found is not None:
            return found
        id = ref.lower()
        fitting = self._find_ids(id)
        if len(fitting) > 1 and id not in fitting:
            more = ", ..." if len(fitting) > _CANDIDATES else ""
            raise AmbiguousError(f"{ref!r} fits several runs: {', '.join(fitting[:_CANDIDATES])}{more}. Write more of the id.")
        if fitting:
            return self.get(fitting[0])
        newest = self.list(limit=1) if ref == "latest" else []
        if not newest:
            raise _no_run(ref)
        return newest[0]

    def _find_ids(self, prefix: str) -> builtins.list[str]:
        """Return the ids that begin with ``prefix``, some of very many; first the one that is it."""
        if not prefix:
            return []
        connection = self._database.connection()
        rows = connection.execute(
            "SELECT id FROM runs WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT ?", (len(prefix), prefix, _CANDIDATES + 1)
        )
        return [id for (id,) in rows]

    def list(self, query: Query | None = None, *, before: str | None = None, limit: int = 100) -> builtins.list[Run]:
        """Return one page of the runs that ``query`` asks for, newest first unless it orders.

        Parameters
        ----------
        before : the id of the last run of the page before; its own ``limit`` a query counts over all pages.
        limit : the most runs to return.
        """
        connection = self._database.connection()
        return _load(connection, select_ids(connection, query or Query(), before=before, limit=limit))

    def pages(self, query: Query | None, size: int) -> Iterator[builtins.list[Run]]:
        """Yield all the runs that ``query`` asks for, ``size`` at a time.

        Where a place is known only by counting, the order is found once, at the first page: as long as one page's, however
        many there are, and a run that changes meanwhile comes neither twice nor not at all.
        """
        if query is None or not is_counted(query):
            yield from by_id(lambda before, limit: self.list(query, before=before, limit=limit), size)
            return
        ids = select_ids(self._database.connection(), query)
        for start in range(0, len(ids), size):
            yield _load(self._database.connection(), ids[start : start + size])

    def count(self, query: Query | None = None) -> int:
        """Return how many runs ``query`` asks for."""
        return count(self._database.connection(), query or Query())

    def log_metrics(
        self,
        run_id: str,
        values: Mapping[str, float],
        *,
        step: int | None = None,
        logged_at: int,
        checkpoint_id: str | None = None,
    ) -> None:
        """Add a point to each of these metrics, all or none, durable when this returns."""
        points = [(run_id, key_text(key), value, step, logged_at, checkpoint_id) for key, value in values.items()]
        if len(points) != 1:
            with self._writing(run_id) as connection:
                connection.executemany(_INSERT_METRIC, points)
            return
        try:
            self._database.write(_INSERT_METRIC, points[0])
        except sqlite3.IntegrityError as error:
            raise _no_run(run_id) from error

    def log_params(self, run_id: str, values: Mapping[str, str], logged_at: int) -> None:
        """Give params values; what already has that value is left alone, earlier values are kept."""
        with self._writing(run_id) as connection:
            _write_params(connection, run_id, values, logged_at)

    def set_tags(self, run_id: str, values: Mapping[str, str | None]) -> None:
        """Set tags, and delete those whose value is None."""
        with self._writing(run_id) as connection:
            _write_tags(connection, run_id, {key: value for key, value in values.items() if value is not None})
            gone = [(run_id, key) for key, value in values.items() if value is None]
            connection.executemany("DELETE FROM tags WHERE run_id = ? AND key = ?", gone)

    def adding(self, artifacts: Iterable[Artifact]) -> Callable[[sqlite3.Connection], None]:
        """Return what adds ``artifacts``, in place of those of their names, inside the transaction that commits their bytes."""
        columns = Artifact.__struct_fields__
        sql = f"INSERT OR REPLACE INTO artifacts ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"

        def add(connection: sqlite3.Connection) -> None:
            for artifact in artifacts:
                _check_run(connection, artifact.run_id)
                connection.execute(sql, [getattr(artifact, name) for name in columns])

        return add

    def artifacts(self, run_id: str) -> builtins.list[Artifact]:
        """Return the artifacts of a run, by name."""
        columns = ", ".join(Artifact.__struct_fields__)
        connection = self._database.connection()
        rows = connection.execute(f"SELECT {columns} FROM artifacts WHERE run_id = ? ORDER BY name", (run_id,))
        return [Artifact(*row) for row in rows]

    def find_artifact(self, blob: Digest) -> Artifact | None:
        """Return an artifact with these bytes, or None."""
        columns = ", ".join(Artifact.__struct_fields__)
        connection = self._database.connection()
        row = connection.execute(f"SELECT {columns} FROM artifacts WHERE blob = ? LIMIT 1", (blob,)).fetchone()
        return None if row is None else Artifact(*row)

    def metrics(self, run_id: str, key: str | None = None, *, points: int | None = None) -> builtins.list[Metric]:
        """Return the points of a run's metrics (of one, if asked): by key, then by step, then as they came.

        Parameters
        ----------
        points : about how many of each metric to keep, at least 4. The first, the last and the extremes of every
            stretch stay (the idea of M4, Jugel et al., VLDB 2014), so a line drawn through them looks the same.
        """
        connection = self._database.connection()
        return read_points(connection, run_id, key, points)

    def metrics_until(self, run_id: str, *, checkpoint_id: str, created_at: int) -> dict[str, float]:
        """Return the last value of each metric as it was when a checkpoint was made.

        A point is older if its own checkpoint is: ids are in order of time, also within a millisecond. One that has none
        goes by the clock.
        """
        connection = self._database.connection()
        rows = connection.execute(VALUES_UNTIL, (json.dumps([run_id]), created_at, checkpoint_id))
        return {key: math.nan if value is None else value for key, value in rows}

    def params(self, run_id: str) -> builtins.list[Param]:
        """Return every value the params of a run were given, in order of time."""
        connection = self._database.connection()
        rows = connection.execute("SELECT key, value, logged_at FROM params WHERE run_id = ? ORDER BY id", (run_id,))
        return [Param(*row) for row in rows]

    @contextmanager
    def _writing(self, run_id: str) -> Iterator[sqlite3.Connection]:
        with self._database.transaction() as connection:
            _check_run(connection, run_id)
            yield connection


def _check_run(connection: sqlite3.Connection, id: str) -> None:
    if connection.execute("SELECT 1 FROM runs WHERE id = ?", (id,)).fetchone() is None:
        raise _no_run(id)


def _no_run(id: str) -> NotFoundError:
    return NotFoundError(f"No run {id!r} in this project.", listed_by="runs")


def _load(connection: sqlite3.Connection, ids: Iterable[str | None]) -> list[Run]:
    """Return these runs in this order, leaving out what is not there: four statements, however many they are."""
    wanted = json.dumps([id for id in ids if id is not None])
    rows = connection.execute(_RUNS, (wanted,)).fetchall()
    params = _by_run(connection.execute(_LAST_PARAMS, (wanted,)))
    tags = _by_run(connection.execute(_TAGS, (wanted,)))
    metrics = _by_run(connection.execute(LAST_VALUES, (wanted,)))
    runs = []
    for row in rows:
        fields: dict[str, Any] = dict(zip(_LOADED, row, strict=True))
        last = {key: math.nan if value is None else value for key, value in metrics.get(row[0], {}).items()}
        runs.append(Run(**fields, params=params.get(row[0], {}), metrics=last, tags=tags.get(row[0], {})))
    return runs


def _by_run(rows: Iterable[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for run_id, key, value, *_ in rows:
        found[run_id][key] = value
    return found


def _write_params(connection: sqlite3.Connection, run_id: str, values: Mapping[str, str], logged_at: int) -> None:
    rows = [
        {"run_id": run_id, "key": key_text(key), "value": storable(value), "logged_at": logged_at}
        for key, value in values.items()
    ]
    connection.executemany(_INSERT_PARAM, rows)


def _write_tags(connection: sqlite3.Connection, run_id: str, values: Mapping[str, str]) -> None:
    rows = [(run_id, key_text(key), storable(value)) for key, value in values.items()]
    connection.executemany("INSERT OR REPLACE INTO tags (run_id, key, value) VALUES (?, ?, ?)", rows)
