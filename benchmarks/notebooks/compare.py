"""What does tracking cost real notebooks, run whole?

    python -m benchmarks.notebooks.compare NOTEBOOK.ipynb... --peer-python PEERS/bin/python

Cells that raise, for want of a network or of a package, raise with every tracker: those that do not are reported.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import nbformat

from benchmarks.sitting import Timing, added_ms, begin, kernel_with, parser, progress, quantile, run_cells, scratch
from benchmarks.trackers import Tracker


def cells_of(notebook: Path) -> list[str]:
    document = nbformat.read(notebook, as_version=4)
    return [cell.source for cell in document.cells if cell.cell_type == "code" and cell.source.strip()]


def run(cells: Sequence[str], tracker: Tracker) -> Timing:
    with scratch() as folder, kernel_with(tracker, folder, cells) as kernel:
        timing = run_cells(kernel, tracker, cells)
        timing.disk_mb = tracker.disk_mb(folder)
        return timing


def row(notebook: Path, tracker: Tracker, timings: Sequence[Timing], untracked: Sequence[Timing]) -> str:
    wall, cpu, disk, peak = (statistics.median(each) for each in zip(*map(_figures, timings), strict=True))
    base_wall, base_cpu, _, base_peak = (statistics.median(each) for each in zip(*map(_figures, untracked), strict=True))
    start = f"| {notebook.stem} | {tracker.name} "
    if timings is untracked:
        cells = f"{len(timings[0].seconds)} cells, {len(timings[0].errors)} raise"
        return f"{start}| {wall:.1f} s | {cpu:.1f} s | {cells} | | {peak:.0f} MB |"
    added = added_ms(timings, untracked)
    return (
        f"{start}| {(wall / base_wall - 1) * 100:+.0f} % | {(cpu / base_cpu - 1) * 100:+.0f} % "
        f"| {statistics.median(added):.1f} / {quantile(added, 0.95):.1f} | {disk:.1f} | {peak / base_peak:.2f} x |"
    )


def _figures(timing: Timing) -> tuple[float, float, float, float]:
    return sum(timing.seconds) + timing.settle_s, timing.cpu_s, timing.disk_mb, timing.peak_mb


def main() -> None:
    options = parser(__doc__)
    options.add_argument("notebooks", nargs="+", type=Path)
    args = options.parse_args()
    trackers = begin(args)
    notes: list[str] = []
    print("| notebook | | wall | CPU | added ms a cell, median / p95 | disk MB | peak memory |")
    print("| --- " * 7 + "|", flush=True)
    for notebook in args.notebooks:
        cells = cells_of(notebook)
        timings: dict[str, list[Timing]] = {tracker.name: [] for tracker in trackers}
        for number in range(args.rounds):
            for tracker in trackers:
                progress(f"{notebook.stem}, {tracker.name}, round {number + 1}")
                timings[tracker.name].append(run(cells, tracker))
        for tracker in trackers:
            ours = timings[tracker.name]
            print(row(notebook, tracker, ours, timings["untracked"]), flush=True)
            wrong = {line.partition(":")[0] for line in ours[0].errors} ^ {
                line.partition(":")[0] for line in timings["untracked"][0].errors
            }
            notes += [f"- {notebook.stem}, {tracker.name}: {each} raises with or without it only" for each in sorted(wrong)]
            notes += [f"- {notebook.stem}, {tracker.name}: {line}" for timing in ours for line in timing.trouble]
    print("", *dict.fromkeys(notes), sep="\n")


if __name__ == "__main__":
    main()
