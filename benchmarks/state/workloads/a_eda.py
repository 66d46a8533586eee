"""a: 41 small cells on a table of 100 MB. Most read a column or two, four write."""

from benchmarks.state.workloads import Workload

WORKLOAD = Workload(
    cells=(
        """
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
N = 1_250_000
df = pd.DataFrame({f"f{i}": rng.normal(size=N) for i in range(9)})
df["grp"] = rng.integers(0, 50, size=N)
""",
        "df.head()",
        "df.shape",
        'df["f0"].mean()',
        'm1 = df["f1"].median()',
        'df["grp"].value_counts().head()',
        's = df["f2"].describe()',
        's["std"]',
        'top = df.nlargest(5, "f3")',
        "top",
        "cols = list(df.columns)",
        "cols[:3]",
        "small = df.iloc[:1000].copy()",
        "small.describe()",
        'small["f0"].hist if False else None',
        "corr = small.corr()",
        'corr.loc["f0","f1"]',
        'g = df.groupby("grp")["f0"].mean()',
        "g.idxmax()",
        'q = np.quantile(df["f4"], [.1,.5,.9])',
        "q",
        'df["ratio"] = df["f0"] / (1 + df["f1"].abs())',  # a new column
        'df["ratio"].mean()',
        'params = {"lr": 0.1, "depth": 3}',
        'params["depth"] = 4',
        "params",
        'mask = df["f5"] > 2',
        "int(mask.sum())",
        "outl = df[mask]",
        "len(outl)",
        'df.loc[mask, "f5"] = 2.0',  # in place
        'df["f5"].max()',
        'x = small["f1"].to_numpy()',
        "x[:5]",
        "hist, edges = np.histogram(x, bins=20)",
        "hist.sum()",
        'df = df.drop(columns=["ratio"])',  # bound anew
        "df.columns.size",
        'note = "done"',
        'small.loc[0, "f0"] = 99.0',
        'small.iloc[0]["f0"]',
    ),
    restore_to=20,
    checks=("list(df.columns)", 'float(df["f5"].max())', 'float(small.loc[0,"f0"])', '"params" in globals()'),
)
