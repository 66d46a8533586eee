"""Names that cells give: under Run All, the cell that named a checkpoint names another, and the name goes with it."""

from __future__ import annotations

from collections.abc import Callable

from mlm_jupyter.core.entities import Checkpoint
from mlm_jupyter.errors import NotFoundError
from mlm_jupyter.store.checkpoints import Checkpoints


def find_holder(checkpoints: Checkpoints, name: str, is_ours: Callable[[Checkpoint], bool]) -> Checkpoint | None:
    """Return the checkpoint that has a name and has to give it away, or None where the name is free.

    Raises
    ------
    InvalidInputError : it cannot be a name.
    ConflictError : who has it is not ``is_ours``, and keeps it.
    """
    checkpoints.check_name(name)
    try:
        holder = checkpoints.resolve(name)
    except NotFoundError:
        return None
    if holder.name != name:  # a run is called so
        return None
    if not is_ours(holder):
        checkpoints.require_free(name)
    return holder


def move_name(checkpoints: Checkpoints, before: Checkpoint, after: Checkpoint) -> tuple[Checkpoint, str]:
    """Give a checkpoint the name that another has; return it, and a line that says so."""
    checkpoints.set_name(before.id, None)
    checkpoints.set_name(after.id, before.name)
    return checkpoints.get(after.id), (
        f"The name {before.name} moved to checkpoint {after.ordinal}, from checkpoint {before.ordinal} ({before.id}),"
        " which this cell made when it ran before."
    )
