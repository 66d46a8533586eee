"""The schema, as numbered steps that are only ever appended to; ``PRAGMA user_version`` is the last one applied."""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE packs (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    );
    CREATE TABLE objects (
        digest BLOB PRIMARY KEY,
        kind INTEGER NOT NULL,
        pack_id INTEGER NOT NULL REFERENCES packs,
        offset INTEGER NOT NULL,
        stored_bytes INTEGER NOT NULL,
        raw_bytes INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE deletions (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        count INTEGER NOT NULL
    );
    INSERT INTO deletions VALUES (1, 0);
    CREATE TRIGGER objects_deleted AFTER DELETE ON objects BEGIN
        UPDATE deletions SET count = count + 1;
    END;
    CREATE TABLE tombstones (
        digest BLOB PRIMARY KEY,
        raw_bytes INTEGER NOT NULL,
        reason TEXT NOT NULL,
        dropped_at INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        started_at INTEGER NOT NULL,
        pid INTEGER NOT NULL,
        process_started_at INTEGER NOT NULL,
        host TEXT NOT NULL,
        python TEXT NOT NULL,
        author TEXT NOT NULL,
        notebook TEXT,
        environment TEXT,
        heartbeat_at INTEGER,
        ended_at INTEGER,
        restored_id TEXT
    );
    CREATE TABLE experiments (
        name TEXT PRIMARY KEY,
        created_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        experiment TEXT NOT NULL REFERENCES experiments,
        session_id TEXT NOT NULL REFERENCES sessions,
        status TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        parent_id TEXT REFERENCES runs,
        notebook TEXT,
        from_id TEXT,
        until_id TEXT,
        ended_on_id TEXT
    );
    CREATE INDEX runs_by_name ON runs (name, started_at);
    CREATE INDEX runs_by_status ON runs (status) WHERE status = 'running';
    CREATE TABLE params (
        id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        logged_at INTEGER NOT NULL
    );
    CREATE INDEX params_by_run ON params (run_id, key);
    CREATE TABLE metrics (
        id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        key TEXT NOT NULL,
        value REAL,
        step INTEGER,
        logged_at INTEGER NOT NULL,
        checkpoint_id TEXT
    );
    CREATE INDEX metrics_by_run ON metrics (run_id, key, step);
    CREATE TABLE tags (
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (run_id, key)
    ) WITHOUT ROWID;
    CREATE TABLE artifacts (
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        name TEXT NOT NULL,
        blob TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        media_type TEXT NOT NULL,
        logged_at INTEGER NOT NULL,
        PRIMARY KEY (run_id, name)
    ) WITHOUT ROWID;

    CREATE TABLE checkpoints (
        id TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        kind TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        session_id TEXT NOT NULL,
        ordinal INTEGER NOT NULL,
        parent_id TEXT,
        run_id TEXT,
        notebook TEXT,
        name TEXT,
        note TEXT,
        cell_id TEXT,
        execution_count INTEGER,
        source TEXT,
        status TEXT,
        duration_ms REAL,
        changes TEXT NOT NULL,
        metrics TEXT NOT NULL,
        is_dropped INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX checkpoints_by_notebook ON checkpoints (notebook, id);
    CREATE INDEX checkpoints_by_ordinal ON checkpoints (notebook, ordinal);
    CREATE INDEX checkpoints_by_session ON checkpoints (session_id, id);
    CREATE UNIQUE INDEX checkpoints_by_name ON checkpoints (name) WHERE name IS NOT NULL;
    CREATE TABLE signatures (
        manifest BLOB NOT NULL,
        scheme TEXT NOT NULL,
        key_id TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (manifest, key_id)
    ) WITHOUT ROWID;
    CREATE TABLE late_outputs (
        id INTEGER PRIMARY KEY,
        checkpoint_id TEXT NOT NULL,
        output TEXT NOT NULL,
        received_at INTEGER NOT NULL
    );
    CREATE INDEX late_outputs_by_checkpoint ON late_outputs (checkpoint_id);
    """,
)
