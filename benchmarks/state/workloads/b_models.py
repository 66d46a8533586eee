"""b: 20 random forests, one a cell, kept in a dict; a list of metrics grows beside it."""

from benchmarks.state.workloads import Workload

_SETUP = """
import numpy as np, pandas as pd
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
X, y = make_classification(n_samples=4000, n_features=20, n_informative=8, random_state=0)
Xtr, Xte, ytr, yte = train_test_split(X, y, random_state=0)
models = {}; metrics = []
"""


def _fit(number: int) -> str:
    return f"""
m = RandomForestClassifier(n_estimators=20, max_depth={4 + number % 10}, random_state={number}).fit(Xtr, ytr)
models["rf{number}"] = m
metrics.append(dict(i={number}, acc=accuracy_score(yte, m.predict(Xte))))
"""


WORKLOAD = Workload(
    cells=(
        _SETUP,
        *map(_fit, range(20)),
        'best = max(metrics, key=lambda r: r["acc"])',
        "pd.DataFrame(metrics).describe()",
    ),
    restore_to=10,
    checks=("sorted(models)", "len(metrics)", 'models["rf9"] is m', "m.predict(Xte)[:50].tolist()"),
)
