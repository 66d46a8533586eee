"""c: a loop of 5 million iterations over globals, at the top level and in a function: what watching each access costs."""

from benchmarks.state.workloads import Workload

WORKLOAD = Workload(
    cells=(
        "total = 0; a = 3; b = 7\ndata = list(range(100))",
        "for i in range(5_000_000):\n    total = total + a * b",
        "total",
        "def work(n):\n    global total\n    for j in range(n):\n        total = total + a * b\n",
        "work(5_000_000)",
        "total",
    ),
    restore_to=2,
    checks=("total", "i"),
)
