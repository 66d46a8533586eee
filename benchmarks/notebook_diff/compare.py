"""How long does a notebook diff take: this package's, and nbdime's own, for the same notebooks?

    python benchmarks/notebook_diff/compare.py [--limit SECONDS]

Every comparison runs in a process of its own, which is ended after the limit. The law
``nbdime.patch_notebook(base, diff) == other`` is checked for each result.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import platform
import random
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Json = dict[str, Any]
Differ = Callable[[Json, Json], list[Any]]

REPEATS = 5  # of what takes less than a second


def table(rng: random.Random, rows: int) -> Json:
    cells = "".join(f"<tr><td>{rng.random()}</td><td>{rng.random()}</td></tr>" for _ in range(rows))
    data = {"text/html": f"<table>{cells}</table>", "text/plain": "table"}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def picture(rng: random.Random) -> Json:
    data = {"image/png": rng.randbytes(50_000).hex(), "text/plain": "<Figure>"}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def notebook(count: int, outputs: Callable[[int], list[Json]], *, has_ids: bool = True, minor: int = 5) -> Json:
    cells = [
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": i + 1,
            "source": f"frame_{i} = load({i})\nframe_{i}['x'] = frame_{i}.a * {i}\nframe_{i}.groupby('k').mean()",
            "outputs": outputs(i),
            **({"id": f"cell-{i}"} if has_ids else {}),
        }
        for i in range(count)
    ]
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": cells}


def run_again(rows: int, count: int, *, has_ids: bool = True) -> tuple[Json, Json]:
    first, second = random.Random(1), random.Random(2)
    minor = 5 if has_ids else 4
    return (
        notebook(count, lambda i: [table(first, rows)], has_ids=has_ids, minor=minor),
        notebook(count, lambda i: [table(second, rows)], has_ids=has_ids, minor=minor),
    )


def edited() -> tuple[Json, Json]:
    base = notebook(400, lambda i: [{"output_type": "stream", "name": "stdout", "text": f"{i}\n"}])
    other = copy.deepcopy(base)
    for cell in other["cells"][::10]:
        cell["source"] = cell["source"].replace(".mean()", ".median()")
    return base, other


def pictures() -> tuple[Json, Json]:
    first, second = random.Random(1), random.Random(2)
    return notebook(60, lambda i: [picture(first)]), notebook(60, lambda i: [picture(second)])


def shuffled() -> tuple[Json, Json]:
    rng = random.Random(3)
    base = notebook(300, lambda i: [table(rng, 10)])
    other = copy.deepcopy(base)
    rng.shuffle(other["cells"])
    for i, cell in enumerate(other["cells"]):
        cell["id"] = f"new-{i}"
    return base, other


CASES: dict[str, Callable[[], tuple[Json, Json]]] = {
    "400 cells, 40 sources edited": edited,
    "60 cells, every 100 kB picture new": pictures,
    "20 cells, tables of 5,000 rows new": lambda: run_again(5_000, 20),
    "300 cells, tables of 100 rows new": lambda: run_again(100, 300),
    "100 cells without ids, tables of 100 rows new": lambda: run_again(100, 100, has_ids=False),
    "300 cells shuffled, new ids": shuffled,
}


def ours(base: Json, other: Json) -> list[Any]:
    from mlm_jupyter.core.cells import diff_notebooks

    return diff_notebooks(base, other)


def nbdimes(base: Json, other: Json) -> list[Any]:
    import nbdime
    import nbformat

    return nbdime.diff_notebooks(nbformat.from_dict(base), nbformat.from_dict(other))


def measure(case: str, differ: Differ, report: Any) -> None:
    """Send the median seconds of a diff and whether it holds the law; what it imports and the notebooks do not count."""
    import nbdime
    from nbdime.diff_utils import to_diffentry_dicts

    base, other = CASES[case]()
    differ(notebook(1, lambda i: []), notebook(2, lambda i: []))
    seconds: list[float] = []
    while not seconds or (len(seconds) < REPEATS and seconds[0] < 1):
        started = time.perf_counter()
        diff = differ(base, other)
        seconds.append(time.perf_counter() - started)
    is_exact = nbdime.patch_notebook(base, to_diffentry_dicts(diff)) == other
    report.send((statistics.median(seconds), is_exact))


def timed(case: str, differ: Differ, limit: float) -> str:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(case, differ, sender))
    process.start()
    if not receiver.poll(limit):
        process.terminate()
        process.join()
        return f"> {limit:g} s"
    seconds, is_exact = receiver.recv()
    process.join()
    return f"{seconds:.3f} s{'' if is_exact else ', not exact'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, default=60, help="seconds after which a comparison is ended")
    limit = parser.parse_args().limit
    print(f"Python {platform.python_version()}, nbdime {version('nbdime')}\n")
    print("| notebooks | mlm_jupyter | nbdime |\n| --- | ---: | ---: |")
    for case in CASES:
        print(f"| {case} | {timed(case, ours, limit)} | {timed(case, nbdimes, limit)} |", flush=True)


if __name__ == "__main__":
    main()
