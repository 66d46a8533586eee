"""What do cells cost beside a graph of many small objects, and those that change it?

    python -m benchmarks.state.large_graphs [dicts figures arrays] --peer-python PEERS/bin/python

After the cell that makes the graph come eight that do not mention it and four that change one thing in it. Beside them: what
Python's own pickle, in C, takes for the graph.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.kernels import PROBE
from benchmarks.sitting import Timing, added_ms, begin, kernel_with, parser, progress, run_cells, scratch
from benchmarks.trackers import Tracker


@dataclass(frozen=True)
class Graph:
    """Something large made of small things, bound to the name ``graph``."""

    title: str
    make: str
    change: str


GRAPHS = {
    "dicts": Graph(
        "300,000 dicts in a list",
        "graph = [{'id': i, 'name': f'n{i}', 'score': i / 7, 'tags': ['a', 'b']} for i in range(300_000)]",
        "graph[{n}]['score'] = -1.0",
    ),
    "figures": Graph(
        "200 figures in a list",
        """
import numpy as np, matplotlib.pyplot as plt
graph = []
for i in range(200):
    figure, axes = plt.subplots()
    axes.plot(np.arange(100), np.random.default_rng(i).normal(size=100), label=f"run {{i}}")
    axes.legend()
    plt.close(figure)
    graph.append(figure)
del figure, axes
""".replace("{{i}}", "{i}"),
        "graph[{n}].axes[0].set_title('changed')",
    ),
    "arrays": Graph(
        "100,000 arrays in nested dicts",
        "import numpy as np\ngraph = {i: {'w': np.arange(8) + i, 'meta': {'n': i}} for i in range(100_000)}",
        "graph[{n}]['w'][0] = -1",
    ),
}
ASIDE = range(2, 10)
CHANGES = range(10, 14)


def cells(graph: Graph) -> list[str]:
    aside = [f"aside_{number} = {number}" for number in range(len(ASIDE))]
    return ["first = 1", graph.make, *aside, *(graph.change.format(n=number * 7) for number in range(len(CHANGES)))]


def run(graph: Graph, tracker: Tracker) -> tuple[Timing, float]:
    with scratch() as folder, kernel_with(tracker, folder, cells(graph)) as kernel:
        timing = run_cells(kernel, tracker, cells(graph))
        return timing, float(kernel.evaluate(f"{PROBE}.pickle_ms(get_ipython().user_ns['graph'])"))


def row(graph: Graph, tracker: Tracker, timings: Sequence[Timing], untracked: Sequence[Timing], pickle_ms: float) -> str:
    added = added_ms(timings, untracked)
    aside = statistics.median(added[index] for index in ASIDE)
    changing = statistics.median(added[index] for index in CHANGES)
    return (
        f"| {graph.title} | {tracker.name} | {added[1]:.0f} | {aside:.1f} | {changing:.0f} "
        f"| {pickle_ms:.0f} | {changing / pickle_ms:.1f} x |"
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("graphs", nargs="*", default=list(GRAPHS), help="which; all")
    args = options.parse_args()
    trackers = begin(args)
    notes: list[str] = []
    print("| graph | added ms: | the cell that makes it | cells aside | cells that change it | C pickle | |")
    print("| --- " * 7 + "|", flush=True)
    for name in args.graphs:
        graph = GRAPHS[name]
        timings: dict[str, list[Timing]] = {tracker.name: [] for tracker in trackers}
        pickles = []
        for number in range(args.rounds):
            for tracker in trackers:
                progress(f"{graph.title}, {tracker.name}, round {number + 1}")
                timing, pickle_ms = run(graph, tracker)
                timings[tracker.name].append(timing)
                if not tracker.start:
                    pickles.append(pickle_ms)
                notes += [f"- {graph.title}, {tracker.name}: {line}" for line in (*timing.errors, *timing.trouble)]
        for tracker in trackers[1:]:
            print(row(graph, tracker, timings[tracker.name], timings["untracked"], statistics.median(pickles)), flush=True)
    print("", *dict.fromkeys(notes), sep="\n")


if __name__ == "__main__":
    main()
