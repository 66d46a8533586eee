"""How long does a notebook wait when an array of 2 GB appears, and how much memory does remembering it take?

python -m benchmarks.state.first_capture --peer-python PEERS/bin/python
"""

from __future__ import annotations

import statistics

from benchmarks.sitting import Timing, added_ms, begin, kernel_with, median_cells, parser, progress, run_cells, scratch

CELLS = (
    "import numpy as np\nsmall = 1",
    "big = np.random.default_rng(0).random({numbers})",
    "small = 2",
    *(f"small = {number}" for number in range(3, 8)),
    "big[0] = 1.0",
    "big[1] = 1.0",
)
MAKE, NEXT, FURTHER, CHANGE, CHANGE_AGAIN = 1, 2, range(3, 8), 8, 9


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--gigabytes", type=float, default=2.0, help="the size of the array (%(default)s)")
    args = options.parse_args()
    cells = [cell.format(numbers=int(args.gigabytes * 125e6)) for cell in CELLS]
    trackers = begin(args)
    timings: dict[str, list[Timing]] = {tracker.name: [] for tracker in trackers}
    for number in range(args.rounds):
        for tracker in trackers:
            progress(f"{tracker.name}, round {number + 1}")
            with scratch() as folder, kernel_with(tracker, folder, cells) as kernel:
                timing = run_cells(kernel, tracker, cells)
                timing.disk_mb = tracker.disk_mb(folder)
                timings[tracker.name].append(timing)
    untracked = timings["untracked"]
    base_peak = statistics.median(timing.peak_mb for timing in untracked)
    print(f"Untracked, the cell takes {median_cells(untracked)[MAKE]:.2f} s and the kernel {base_peak:.0f} MB.\n")
    print(
        "| added: | the cell that makes it, s | the next, ms | five more, ms | one that then changes it, ms | again, ms ",
        end="",
    )
    print("| all is stored s after | disk MB | peak memory |")
    print("| --- " * 9 + "|")
    for tracker in trackers[1:]:
        ours = timings[tracker.name]
        added = added_ms(ours, untracked)
        further = statistics.median(added[index] for index in FURTHER)
        settle, disk, peak = (
            statistics.median(getattr(timing, what) for timing in ours) for what in ("settle_s", "disk_mb", "peak_mb")
        )
        print(
            f"| {tracker.name} | {added[MAKE] / 1e3:.2f} | {added[NEXT]:.1f} | {further:.1f} | {added[CHANGE]:.0f} "
            f"| {added[CHANGE_AGAIN]:.0f} | {settle:.2f} | {disk:.0f} | {peak / base_peak:.2f} x |"
        )
        for line in dict.fromkeys(line for timing in ours for line in (*timing.errors, *timing.trouble)):
            print(f"\n- {tracker.name}: {line}")


if __name__ == "__main__":
    main()
