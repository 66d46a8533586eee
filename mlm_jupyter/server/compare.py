"""The work of comparing two notebooks, in a process of its own: what takes too long can be ended there.

No bound on the size of a notebook bounds the time that matching its lines can take, and a thread cannot be stopped.
Run as a program it reads a ``Pair`` from its standard input and writes a ``Difference``.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

import msgspec

from mlm_jupyter.core.cells import diff_notebooks, without_noise
from mlm_jupyter.core.diff import CellChange, cells_of, diff_cells
from mlm_jupyter.core.outputs import in_one_piece, joined
from mlm_jupyter.errors import InvalidInputError, MlmError

LONGEST_S: Final = 20.0


class TooLongError(MlmError):
    """It would take too long to find out."""

    code = "too_long"


class Pair(msgspec.Struct, frozen=True):
    """Two notebooks in nbformat 4's form, texts as one string."""

    base: dict[str, Any]
    other: dict[str, Any]
    has_noise: bool = False
    """Also changes of execution counts, metadata and cell ids."""


class Difference(msgspec.Struct, frozen=True):
    """What turns one into the other, in two forms: for reading, and in nbdime's."""

    cells: tuple[CellChange, ...]
    diff: tuple[dict[str, Any], ...]


def as_notebook(found: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook that somebody sent, its texts in one piece.

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
    return whole | ({"outputs": [in_one_piece(output) for output in outputs]} if "outputs" in cell else {})


def compare(pair: Pair, *, longest_s: float = LONGEST_S) -> Difference:
    """Return the difference of two notebooks.

    Raises
    ------
    TooLongError : it was not found in ``longest_s`` seconds.
    InvalidInputError : one is not a notebook.
    """
    command = [sys.executable, "-P", "-m", __name__]  # -P: the working folder is the user's, whose re.py is not ours
    try:
        done = subprocess.run(command, input=msgspec.json.encode(pair), capture_output=True, timeout=longest_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise TooLongError(
            f"These two notebooks are so different that comparing them takes more than {longest_s:.0f} seconds;"
            " compare them without a limit with: mlm diff A B"
        ) from error
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise InvalidInputError(f"What was sent cannot be compared as a notebook: {last[:300]}")
    return msgspec.json.decode(done.stdout, type=Difference)


def main() -> None:
    """Compare the pair on standard input."""
    pair = msgspec.json.decode(sys.stdin.buffer.read(), type=Pair)
    diff = diff_notebooks(pair.base, pair.other)
    cells = diff_cells(cells_of(pair.base), cells_of(pair.other))
    shown = diff if pair.has_noise else without_noise(diff)
    sys.stdout.buffer.write(msgspec.json.encode({"cells": cells, "diff": shown}))


if __name__ == "__main__":
    main()
