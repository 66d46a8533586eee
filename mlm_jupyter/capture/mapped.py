"""Objects that SQLAlchemy keeps in step with a database: their pickle leaves the session behind."""

from __future__ import annotations

from typing import Any


def reduce_state(pickler: Any, state: Any) -> Any:
    """Reduce what makes an object a row, as SQLAlchemy does."""
    if state.session_id is not None:
        pickler.lossy.add("without its database session")
    return NotImplemented
