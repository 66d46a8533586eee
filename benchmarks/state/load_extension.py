"""How long does loading take in a running kernel, and what does it import?

python -m benchmarks.state.load_extension --peer-python PEERS/bin/python
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from benchmarks.kernels import Kernel
from benchmarks.sitting import begin, parser, progress, scratch
from benchmarks.trackers import Tracker, environment

HEAVY = ("pandas", "numpy", "nbformat", "nbdime", "jupyterlab", "jupyter_server", "sklearn", "matplotlib", "sqlite3")


@dataclass
class Load:
    """What loading and starting took, and the modules there were before, between and after."""

    load_ms: float
    start_ms: float
    modules: list[set[str]]


def run(tracker: Tracker, before: str) -> Load:
    with scratch() as folder:
        notebook = folder / "notebook.ipynb"
        notebook.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
        with Kernel(tracker.python, folder, environment(folder, notebook)) as kernel:
            kernel.run(before)
            kernel.run("x = 1")
            modules = [loaded(kernel)]
            took = []
            for code in (tracker.load, tracker.start):
                reply = kernel.run(code)
                if reply.error:
                    raise SystemExit(f"{tracker.name} does not start: {reply.error}")
                took.append(reply.seconds * 1e3)
                modules.append(loaded(kernel))
            return Load(took[0], took[1], modules)


def loaded(kernel: Kernel) -> set[str]:
    return set(kernel.evaluate("sorted(__import__('sys').modules)"))


def row(tracker: Tracker, title: str, loads: list[Load]) -> str:
    load, start = (statistics.median(getattr(each, what) for each in loads) for what in ("load_ms", "start_ms"))
    before, between, after = loads[0].modules
    heavy = [", ".join(name for name in HEAVY if name in new) or "none" for new in (between - before, after - between)]
    return (
        f"| {title} | {tracker.name} | {load:.0f} | {len(between - before)}, of these {heavy[0]} "
        f"| {start:.0f} | {len(after - between)}, of these {heavy[1]} |"
    )


def main() -> None:
    args = parser(__doc__).parse_args()
    trackers = begin(args)[1:]
    print("| kernel | | load, ms | imports modules | start tracking, ms | imports modules |")
    print("| --- " * 6 + "|", flush=True)
    for title, before in (("new", "pass"), ("with pandas", "import pandas")):
        loads: dict[str, list[Load]] = {tracker.name: [] for tracker in trackers}
        for number in range(args.rounds):
            for tracker in trackers:
                progress(f"{title}, {tracker.name}, round {number + 1}")
                loads[tracker.name].append(run(tracker, before))
        for tracker in trackers:
            print(row(tracker, title, loads[tracker.name]), flush=True)


if __name__ == "__main__":
    main()
