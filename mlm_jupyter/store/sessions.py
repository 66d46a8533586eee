"""What is learnt of a session while it lives: who sits at it, and where its notebook went."""

from __future__ import annotations

from mlm_jupyter.store.database import Database


def set_author(database: Database, session_id: str, author: str) -> None:
    """Note who works in a session."""
    with database.transaction() as connection:
        connection.execute("UPDATE sessions SET author = ? WHERE id = ?", (author, session_id))


def set_notebook(database: Database, session_id: str, notebook: str) -> None:
    """Note which notebook a session goes on with; what it did before stays with the old one."""
    with database.transaction() as connection:
        connection.execute("UPDATE sessions SET notebook = ? WHERE id = ?", (notebook, session_id))


def set_restored(database: Database, session_id: str, checkpoint_id: str) -> None:
    """Note that a session's kernel is being put back to a checkpoint, whose values it needs until its next one is stored."""
    with database.transaction() as connection:
        connection.execute("UPDATE sessions SET restored_id = ? WHERE id = ?", (checkpoint_id, session_id))


def move_notebook(database: Database, before: str, after: str) -> None:
    """Let the whole history of a notebook go by its new name: the file was renamed or moved.

    Rows say where a notebook is, manifests where it was when they were signed; those never change.
    """
    with database.transaction() as connection:
        for table in ("checkpoints", "runs", "sessions"):
            connection.execute(f"UPDATE {table} SET notebook = ? WHERE notebook = ?", (after, before))
