"""The parts of a comparison that can be asked for by name, the same at every door."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from mlm_jupyter.core.diff import CellAdded, CellChange, CellChanged, CheckpointDiff, EnvironmentDiff
from mlm_jupyter.errors import InvalidInputError

PARTS: Final = ("code", "outputs", "variables", "metrics", "params", "environment")


def select(diff: CheckpointDiff, only: Iterable[str]) -> CheckpointDiff:
    """Return the named parts of ``diff``; all of it where none is named. The code of imported modules counts as code."""
    parts = set(only)
    unknown = sorted(parts - set(PARTS))
    if unknown:
        raise InvalidInputError(f"{unknown[0]!r} is no part of a comparison; the parts are {', '.join(PARTS)}.")
    if not parts:
        return diff
    return msgspec.structs.replace(
        diff,
        cells=_select_cells(diff.cells, has_code="code" in parts, has_outputs="outputs" in parts),
        variables=diff.variables if "variables" in parts else (),
        metrics=diff.metrics if "metrics" in parts else (),
        params=diff.params if "params" in parts else (),
        environment=diff.environment if "environment" in parts else EnvironmentDiff(),
        modules=diff.modules if "code" in parts else (),
    )


def _select_cells(changes: tuple[CellChange, ...], *, has_code: bool, has_outputs: bool) -> tuple[CellChange, ...]:
    """Return the changes of cells, of which only the outputs, or only the code, are told apart if so wished."""
    if has_code and has_outputs:
        return changes
    selected: list[CellChange] = []
    for change in changes:
        if isinstance(change, CellChanged):
            is_code_changed = change.before.source != change.after.source
            is_output_changed = change.before.output != change.after.output
            if has_code and is_code_changed:
                selected.append(_with_before(change, output=change.after.output))
            elif has_outputs and is_output_changed:
                selected.append(_with_before(change, source=change.after.source))
        elif has_code:  # a cell that one notebook has is shown by its code alone
            side = "after" if isinstance(change, CellAdded) else "before"
            cell = msgspec.structs.replace(getattr(change, side), output="")
            selected.append(msgspec.structs.replace(change, **{side: cell}))
    return tuple(selected)


def _with_before(change: CellChanged, **fields: str) -> CellChanged:
    return msgspec.structs.replace(change, before=msgspec.structs.replace(change.before, **fields))
