"""Write a project with the history of one notebook, ``train.ipynb``, for the benchmarks of what shows it.

Usage: history.py FOLDER COUNT

Forty cells are run again and again, in runs of 200 that log a metric; every tenth fails, some have a name or a note.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from past import NOTEBOOK, Past, stream

CELLS = 40
RUN = 200


def main() -> None:
    """Do what the arguments say."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    kernelspec = {"name": "python3", "display_name": "Python 3"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernelspec}, "cells": []}
    (folder / NOTEBOOK).write_text(json.dumps(notebook))
    past = Past(folder)
    for number in range(count):
        if number % RUN == 0:
            if past.run:
                past.end_run()
            past.start_run(f"run {number // RUN}", rate=str(number / count))
        cell = number % CELLS
        made = past.execute(
            f"step_{cell} = train(model, epoch={number})\nprint(step_{cell})",
            {f"v{at}": float(number + at) for at in range(cell % 8)},
            outputs=[stream(f"loss {number}\n")],
            cell_id=f"cell-{cell}",
            error="ValueError" if number % 10 == 9 else None,
            name=f"best-{number}" if number % 97 == 0 else None,
        )
        if number % 89 == 0:
            past.checkpoints.set_note(made.id, "looks good")
        if number % 5 == 0:
            past.log(loss=1 / (number + 1), step=number)
    past.close()


if __name__ == "__main__":
    main()
