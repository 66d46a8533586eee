"""The rows of sessions and runs, made anew from what is left of the old rows, the journal, and what checkpoints tell."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

import msgspec

from mlm_jupyter.core.digest import Digest, is_digest
from mlm_jupyter.core.entities import Metric, Run, Session
from mlm_jupyter.errors import MlmError
from mlm_jupyter.store.journal import FinishedRun, deleted_ids, points_of, records
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.rebuild_history import insert_left
from mlm_jupyter.store.records import Kind
from mlm_jupyter.store.runs import Runs
from mlm_jupyter.store.salvage import Row, Salvage

RECOVERED: Final = "recovered"
"""The experiment of runs of which only their checkpoints tell."""
_NO_DIGEST: Final = "0" * 64
_LOGGED: Final = ("params", "metrics", "tags", "artifacts")


def rebuild_runs(packs: Packs, old: Salvage) -> tuple[int, int]:
    """Add sessions and runs; return how many runs there are, and of how many only their checkpoints tell."""
    with packs.database.transaction() as connection:
        builder = _Builder(packs, old, connection)
        return builder.run()


class _Builder:
    def __init__(self, packs: Packs, old: Salvage, connection: sqlite3.Connection) -> None:
        self._packs = packs
        self._old = old
        self._connection = connection
        self._runs = Runs(packs.database)

    def run(self) -> tuple[int, int]:
        for session in self._old.structs("sessions", Session):
            if is_digest(session.environment or _NO_DIGEST):
                self._runs.add_session(session)
        rows = {run.id: run for run in self._old.structs("runs", Run)}
        finished = self._finished(set(rows))
        for id, digest in finished.items():
            self._runs.add_session(self._read(digest).session)
            rows.setdefault(id, msgspec.structs.replace(self._read(digest).run, params={}, tags={}))
        stubs = [run for run in self._stubs() if run.id not in rows]
        for run in sorted([*rows.values(), *stubs], key=lambda run: run.id):
            self._start(run)
        for table in _LOGGED:
            for row in self._old.rows(table):
                if table == "artifacts" and not is_digest(str(row.get("blob"))):
                    continue
                insert_left(self._connection, table, row)
        for digest in finished.values():
            self._complete(self._read(digest))
        for run in stubs:
            self._log_from_checkpoints(run)
        self._add_sessions_of_checkpoints()
        return len(rows) + len(stubs), len(stubs)

    def _finished(self, known: set[str]) -> dict[str, Digest]:
        """Return the last record of each run that was not deleted."""
        deleted = deleted_ids(self._packs).difference(known)
        found = records(self._packs, Kind.RUN, FinishedRun)
        return {finished.run.id: digest for digest, finished in found if finished.run.id not in deleted}

    def _read(self, digest: Digest) -> FinishedRun:
        return msgspec.json.decode(self._packs.get(digest), type=FinishedRun)

    def _stubs(self) -> Iterator[Run]:
        query = (
            "SELECT run_id, min(session_id), min(created_at), max(created_at), min(notebook), min(id), max(id)"
            " FROM checkpoints WHERE run_id IS NOT NULL GROUP BY run_id"
        )
        for id, session_id, started, ended, notebook, first, last in self._connection.execute(query):
            yield Run(id, id, RECOVERED, session_id, "killed", started, ended, None, notebook, from_id=first, until_id=last)

    def _start(self, run: Run) -> None:
        self._add_session_of(run)
        has_parent = self._connection.execute("SELECT 1 FROM runs WHERE id = ?", (run.parent_id,)).fetchone()
        self._runs.start(run if has_parent else msgspec.structs.replace(run, parent_id=None))

    def _add_session_of(self, run: Run) -> None:
        self._add_session(run.session_id, run.started_at, run.ended_at or run.started_at, run.notebook)

    def _add_sessions_of_checkpoints(self) -> None:
        query = "SELECT session_id, min(created_at), max(created_at), min(notebook) FROM checkpoints GROUP BY session_id"
        for id, started, ended, notebook in self._connection.execute(query):
            self._add_session(id, started, ended, notebook)

    def _add_session(self, id: str, started_at: int, ended_at: int, notebook: str | None) -> None:
        """Add a session unless its row is there; if it is lost, nobody knows any more who it was and where."""
        session = Session(id, started_at, 0, 0, "", "", "", notebook, heartbeat_at=ended_at, ended_at=ended_at)
        self._runs.add_session(session)

    def _complete(self, finished: FinishedRun) -> None:
        """Put what was logged to a run in place of the rows that are left, unless these are more: it was logged later."""
        id = finished.run.id
        points = self._points(finished)
        logged: dict[str, list[Row]] = {
            "params": [{"run_id": id, **msgspec.structs.asdict(param)} for param in finished.params],
            "metrics": [{"run_id": id, **msgspec.structs.asdict(point)} for point in points],
            "tags": [{"run_id": id, "key": key, "value": value} for key, value in finished.run.tags.items()],
            "artifacts": [msgspec.structs.asdict(artifact) for artifact in finished.artifacts],
        }
        for table, rows in logged.items():
            (left,) = self._connection.execute(f"SELECT count(*) FROM {table} WHERE run_id = ?", (id,)).fetchone()
            if left <= len(rows):
                self._connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (id,))
                for row in rows:
                    insert_left(self._connection, table, row)

    def _points(self, finished: FinishedRun) -> list[Metric]:
        if finished.points is None:
            return []
        try:
            return points_of(self._packs.get_blob(finished.points))
        except (MlmError, msgspec.DecodeError):
            return []

    def _log_from_checkpoints(self, run: Run) -> None:
        query = "SELECT id, created_at, metrics FROM checkpoints WHERE run_id = ? ORDER BY id"
        for checkpoint_id, created_at, metrics in self._connection.execute(query, (run.id,)):
            values = {key: float(value) for key, value in msgspec.json.decode(metrics).items()}
            if values:
                self._runs.log_metrics(run.id, values, logged_at=created_at, checkpoint_id=checkpoint_id)
