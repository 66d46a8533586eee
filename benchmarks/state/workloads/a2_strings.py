"""a2: a table as it comes from a CSV: half its columns are strings, repeated and unique, str and object."""

from benchmarks.state.workloads import Workload

WORKLOAD = Workload(
    cells=(
        """
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
N = 500_000
df = pd.DataFrame({f"f{i}": rng.normal(size=N) for i in range(6)})
city = np.array(["Lisbon", "Porto", "Braga", "Faro", "Coimbra"])
df["city"] = city[rng.integers(0, 5, N)]
df["kind"] = pd.Series(city[rng.integers(0, 5, N)], dtype=object)
df["user"] = [f"user-{i:07d}" for i in range(N)]
df["mail"] = pd.Series([f"u{i}@example.org" for i in range(N)], dtype=object)
""",
        "df.head()",
        "df.shape",
        'df["city"].value_counts()',
        'df["kind"].nunique()',
        'm = df.groupby("city")["f0"].mean()',
        "m",
        'df["user"].str.len().max()',
        'top = df.nlargest(5, "f3")',
        "top",
        "small = df.iloc[:1000].copy()",
        'small["mail"].head()',
        'n = int((df["f1"] > 1).sum())',
        "n",
        'params = {"lr": 0.1}',
        'params["lr"] = 0.2',
        'df.loc[0, "city"] = "Evora"',  # one string
        'df["city"].iloc[0]',
        'df["domain"] = df["mail"].str.split("@").str[1]',  # a new column of strings
        'df["domain"].nunique()',
        'd = df["domain"].value_counts()',
        "d",
        'df = df.drop(columns=["domain"])',
        "list(df.columns)",
        'small.loc[0, "mail"] = "x"',
        'small.iloc[0]["mail"]',
    ),
    restore_to=17,
    checks=("list(df.columns)", 'df["city"].iloc[0]', 'small["mail"].iloc[0]', "params", "str(df.dtypes.to_dict())"),
)
