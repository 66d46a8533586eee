"""What does a checkpoint weigh and cost that changes nothing: with many variables, and after many checkpoints?

python -m benchmarks.state.growth --peer-python PEERS/bin/python
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kernels import Kernel
from benchmarks.sitting import begin, kernel_with, parser, progress, scratch
from benchmarks.trackers import MLM, Tracker

WINDOW = 100
KINDS = (
    "v{n} = {n}",
    "v{n} = 'text {n}'",
    "v{n} = list(range({n}, {n} + 20))",
    "v{n} = {{'a': {n}, 'b': [1, 2, {n}]}}",
    "v{n} = np.arange(100) + {n}",
    "v{n} = pd.Series([{n}, 1.5, 2.5])",
)


@dataclass
class Window:
    """What some cells in a row took, each, until all of them were stored."""

    ms: float
    cpu_ms: float
    disk_mb: float
    """What was stored when they had ended."""


def setup(variables: int) -> str:
    lines = [KINDS[number % len(KINDS)].format(n=number) for number in range(variables)]
    return "\n".join(["import numpy as np, pandas as pd", *lines])


def window(kernel: Kernel, tracker: Tracker, folder: Path) -> Window:
    start = kernel.cpu_s()
    seconds = [kernel.run("pass").seconds for _ in range(WINDOW)]
    if tracker.settle:
        kernel.time(tracker.settle)
    return Window(statistics.median(seconds) * 1e3, (kernel.cpu_s() - start) / WINDOW * 1e3, tracker.disk_mb(folder))


def run(tracker: Tracker, variables: int, checkpoints: int) -> tuple[Window, Window]:
    """Return what ``WINDOW`` cells took at the beginning, and at the end of ``checkpoints`` cells."""
    with scratch() as folder, kernel_with(tracker, folder, [setup(variables), "pass"]) as kernel:
        kernel.run(setup(variables))
        for _ in range(9):
            kernel.run("pass")
        early = window(kernel, tracker, folder)
        for _ in range(checkpoints - 10 - 2 * WINDOW):
            kernel.run("pass")
        return early, window(kernel, tracker, folder)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoints", type=int, default=3_000, help="how many in the long history (%(default)s)")
    options.add_argument("--peer-checkpoints", type=int, default=300, help="the same of a peer (%(default)s)")
    args = options.parse_args()
    trackers = begin(args)
    print("| variables | | checkpoints | bytes each | added ms at 10 / at the end | CPU ms at 10 / at the end | grows |")
    print("| --- " * 7 + "|", flush=True)
    for variables in (300, 3000):
        base: Window | None = None
        for tracker in trackers:
            checkpoints = args.peer_checkpoints if tracker is not MLM else args.checkpoints // (variables // 300)
            if base is None:
                checkpoints = 10 + 2 * WINDOW
            progress(f"{variables} variables, {tracker.name}, {checkpoints} checkpoints")
            early, late = run(tracker, variables, checkpoints)
            if base is None:
                base = late
                continue
            added = [each.ms - base.ms for each in (early, late)]
            cpu = [each.cpu_ms - base.cpu_ms for each in (early, late)]
            weight = (late.disk_mb - early.disk_mb) * 1e6 / (checkpoints - 10 - WINDOW)
            print(
                f"| {variables} | {tracker.name} | {checkpoints} | {weight:.0f} | {added[0]:.2f} / {added[1]:.2f} "
                f"| {cpu[0]:.2f} / {cpu[1]:.2f} | {added[1] / added[0]:.2f} x, CPU {cpu[1] / cpu[0]:.2f} x |",
                flush=True,
            )


if __name__ == "__main__":
    main()
