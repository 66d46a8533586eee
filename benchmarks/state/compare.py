"""What does tracking cost a notebook, and does going back bring back what was there?

    python -m benchmarks.state.compare [a a2 b c d e f] --peer-python PEERS/bin/python

Each workload is run untracked, with mlm_jupyter, and with the peers, in turns. A checkpoint in its middle is then restored
in the same kernel, there again when the last one has been, and in a fresh one, and every variable and check compared with
what was there.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.kernels import PROBE, Kernel
from benchmarks.sitting import (
    Timing,
    added_ms,
    begin,
    kernel_with,
    median_cells,
    parser,
    progress,
    quantile,
    run_cells,
    scratch,
)
from benchmarks.state.workloads import NAMES, Workload, load
from benchmarks.trackers import Tracker

HEAD = (
    "| workload | | CPU | added ms a cell, median / p95 | longest cell | disk MB "
    "| restore s, same kernel / again / fresh kernel | peak memory | equal |\n" + "| --- " * 9 + "|"
)


@dataclass
class Restore:
    """How going back went in one kernel."""

    seconds: float
    differences: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """One workload with one tracker."""

    timing: Timing
    restores: list[Restore] = field(default_factory=list)


def run(workload: Workload, tracker: Tracker, folder: Path) -> Outcome:
    moment: dict[str, dict[str, str]] = {}
    with kernel_with(tracker, folder, workload.cells) as kernel:

        def look() -> None:
            moment.update(_look(kernel, workload))

        timing = run_cells(kernel, tracker, workload.cells, after={workload.restore_to: look})
        timing.disk_mb = tracker.disk_mb(folder)
        if not tracker.restore:
            return Outcome(timing)
        made = kernel.evaluate(tracker.checkpoints)[-len(workload.cells) :]
        target = made[workload.restore_to]
        same = restore(kernel, workload, tracker.restore.format(id=target), moment)
        kernel.time(tracker.restore.format(id=made[-1]))
        again = restore(kernel, workload, tracker.restore.format(id=target), moment)
    with kernel_with(tracker, folder, workload.cells) as kernel:
        kernel.run("pass")
        fresh = restore(kernel, workload, tracker.restore.format(id=target), moment)
    return Outcome(timing, [same, again, fresh])


def restore(kernel: Kernel, workload: Workload, expression: str, moment: dict[str, dict[str, str]]) -> Restore:
    reply = kernel.time(expression)
    now = _look(kernel, workload)
    differences = [reply.error] if reply.error else []
    differences += _differences(moment["checks"] | dict(workload.expected), now["checks"])
    if workload.compares_variables:
        differences += _differences(moment["variables"], now["variables"])
    if workload.then:
        kernel.run(workload.then)
        after = kernel.evaluate(f"{PROBE}.check(get_ipython().user_ns, {list(workload.then_expected)!r})")
        differences += [f"afterwards, {line}" for line in _differences(workload.then_expected, after)]
    return Restore(reply.seconds, differences)


def _look(kernel: Kernel, workload: Workload) -> dict[str, dict[str, str]]:
    seen: dict[str, dict[str, str]] = json.loads(
        kernel.evaluate(f"{PROBE}.look(get_ipython().user_ns, {list(workload.checks)!r})")
    )
    return seen


def _differences(expected: object, found: object) -> list[str]:
    assert isinstance(expected, dict)
    assert isinstance(found, dict)
    names = sorted(expected.keys() | found.keys())
    different = [name for name in names if expected.get(name) != found.get(name)]
    return [f"{name}: {str(expected.get(name))[:80]} became {str(found.get(name))[:80]}" for name in different]


def row(letter: str, tracker: Tracker, outcomes: Sequence[Outcome], base: Sequence[Outcome]) -> str:
    timings, untracked = [each.timing for each in outcomes], [each.timing for each in base]
    cpu, base_cpu = (statistics.median(timing.cpu_s for timing in them) for them in (timings, untracked))
    peak, base_peak = (statistics.median(timing.peak_mb for timing in them) for them in (timings, untracked))
    cells, base_cells = median_cells(timings), median_cells(untracked)
    longest = max(range(len(base_cells)), key=base_cells.__getitem__)
    if outcomes is base:
        at = f"{statistics.median(cells) * 1e3:.1f} / {quantile(cells, 0.95) * 1e3:.1f} in all"
        return f"| {letter} | {tracker.name} | {cpu:.2f} s | {at} | {cells[longest]:.2f} s | | | {peak:.0f} MB | |"
    added = added_ms(timings, untracked)
    restored = " / ".join(
        f"{statistics.median(each.restores[i].seconds for each in outcomes):.2f}" if outcomes[0].restores else ""
        for i in range(3)
    )
    is_equal = not any(restore.differences for each in outcomes for restore in each.restores)
    return (
        f"| {letter} | {tracker.name} | {(cpu / base_cpu - 1) * 100:+.0f} % "
        f"| {statistics.median(added):.1f} / {quantile(added, 0.95):.1f} | {cells[longest] / base_cells[longest]:.2f} x "
        f"| {statistics.median(timing.disk_mb for timing in timings):.1f} | {restored} "
        f"| {peak / base_peak:.2f} x | {'yes' if is_equal else 'no'} |"
    )


def remarks(letter: str, tracker: Tracker, outcomes: Sequence[Outcome]) -> list[str]:
    """Return what was wrong, each once."""
    lines = [line for each in outcomes for line in each.timing.trouble]
    lines += [line for each in outcomes for where in each.restores for line in where.differences]
    return [f"- {letter}, {tracker.name}: {line}" for line in dict.fromkeys(lines)]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("workloads", nargs="*", default=NAMES, help="which; all")
    args = options.parse_args()
    trackers = begin(args)
    notes: list[str] = []
    print(HEAD, flush=True)
    for name in args.workloads:
        workload = load(name)
        letter = name.partition("_")[0]
        outcomes: dict[str, list[Outcome]] = {tracker.name: [] for tracker in trackers}
        for number in range(args.rounds):
            for tracker in trackers:
                progress(f"{letter}, {tracker.name}, round {number + 1}")
                with scratch() as folder:
                    outcomes[tracker.name].append(run(workload, tracker, folder))
        for tracker in trackers:
            print(row(letter, tracker, outcomes[tracker.name], outcomes["untracked"]), flush=True)
            notes += remarks(letter, tracker, outcomes[tracker.name])
    print("", *notes, sep="\n")


if __name__ == "__main__":
    main()
