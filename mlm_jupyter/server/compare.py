"""Two notebooks compared, with their outputs sealed: these are compared and passed on as JSON, and hardly ever decoded."""

from __future__ import annotations

from typing import Any

import msgspec

from mlm_jupyter.core.cells import diff_notebooks, without_noise
from mlm_jupyter.core.diff import CellChange, cells_of, diff_cells
from mlm_jupyter.core.digest import canonical_json
from mlm_jupyter.core.outputs import in_one_piece, joined, seal
from mlm_jupyter.errors import InvalidInputError


class Difference(msgspec.Struct, frozen=True):
    """What turns one into the other, in two forms: for reading, without outputs, and in nbdime's."""

    cells: tuple[CellChange, ...]
    diff: tuple[dict[str, Any], ...]


def as_notebook(found: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook that somebody sent, its texts in one piece and its outputs sealed.

    Raises
    ------
    InvalidInputError : it has not the form of one.
    """
    cells = found.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise InvalidInputError("What was sent is no notebook, which has a list of cells: send what the contents API sends")
    return {**found, "cells": [_cell(cell) for cell in cells]}


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    outputs = cell.get("outputs", [])
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise InvalidInputError("What was sent is no notebook: a cell's outputs are not a list of objects")
    whole = {**cell, "cell_type": str(cell.get("cell_type")), "source": str(joined(cell.get("source", "")))}
    shown = {"outputs": seal(canonical_json([in_one_piece(output) for output in outputs]))}
    return whole | (shown if "outputs" in cell else {})


def compare(base: dict[str, Any], other: dict[str, Any], *, has_noise: bool = False) -> Difference:
    """Return the difference of two notebooks, texts as one string and outputs sealed.

    Parameters
    ----------
    has_noise : also changes of execution counts, metadata and cell ids.

    Raises
    ------
    InvalidInputError : one is not a notebook that can be looked through.
    """
    try:
        diff = diff_notebooks(base, other)
    except RecursionError as error:
        raise InvalidInputError("These notebooks hold something that is nested too deeply to be compared") from error
    cells = tuple(map(_without_outputs, diff_cells(cells_of(base), cells_of(other))))
    return Difference(cells, tuple(diff if has_noise else without_noise(diff)))  # type: ignore[arg-type]  # entries are dicts


def _without_outputs(change: CellChange) -> CellChange:
    """Return the change without the outputs that made it one: the other form has them."""
    cells = {side: getattr(change, side) for side in ("before", "after") if hasattr(change, side)}
    return msgspec.structs.replace(change, **{side: msgspec.structs.replace(cell, output="") for side, cell in cells.items()})
