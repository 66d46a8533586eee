"""d: objects that several variables share, changed in place through one of them."""

from benchmarks.state.workloads import Workload

WORKLOAD = Workload(
    cells=(
        "import numpy as np, pandas as pd",
        'base = [1, 2, 3]\nalias = base\nbox = {"l": base, "n": 1}',
        'df = pd.DataFrame({"a": [1., 2, 3], "b": [4., 5, 6]})\ndf2 = df\nview = df["a"]',
        "arr = np.arange(10.)\nsl = arr[2:5]\nindep = np.zeros(4)",
        """
class Node:
    def __init__(self, p): self.p = p; self.kids = []
root = Node(None); child = Node(root); root.kids.append(child)
""",
        "alias.append(4)",  # base and box change
        'df2.loc[0, "a"] = 100.',
        "sl[:] = -1",  # arr changes
        'child.p.kids.append("x")',
        """
counter = 0
def bump():
    global counter
    counter = counter + 1
    base.append("b%d" % counter)
""",
        "bump()",
        "bump(); bump()",
        'box["l"].clear()',
        'arr[:] = 5; df.drop(columns=["b"], inplace=True)',
        "root.kids.clear(); counter = 99; del alias",
        "indep += 1",
    ),
    restore_to=11,
    checks=(
        "base",
        "alias",
        'box["l"]',
        "base is alias",
        'box["l"] is base',
        "df.values.tolist()",
        "df2 is df",
        "arr.tolist()",
        "np.shares_memory(arr, sl)",
        "sl.tolist()",
        "child.p is root",
        "len(root.kids)",
        "root.kids[0] is child",
        "counter",
        "bump.__globals__ is globals()",
        "indep.tolist()",
    ),
    then='alias.append("post"); sl[0] = 77.; bump()',
    then_expected={"base[-2:]": "['post', 'b4']", "float(arr[2])": "77.0", "counter": "4"},
)
