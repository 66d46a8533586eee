"""e: one row of an array of 400 MB changed in place, six times; small unrelated variables beside it."""

from benchmarks.state.workloads import Workload

WORKLOAD = Workload(
    cells=(
        """
import numpy as np
big = np.random.default_rng(0).random((50_000, 1000))
small = np.arange(10)
cfg = {"k": 1}
""",
        *(f"big[{i * 100}] = {i}.5" for i in range(1, 7)),
        'cfg["k"] = 2',
        "small[0] = 9",
        "big[0, :3]",
        'cfg["k"] = 3',
    ),
    restore_to=3,
    checks=("float(big[100,0])", "float(big[300,0])", "float(big[400,0])==4.5", "cfg", "small.tolist()"),
)
