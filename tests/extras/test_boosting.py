"""Boosted trees: models whose inside is a C++ library's, pickled by their own means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from livenotebook import LiveNotebook

SETUPS = {
    "xgboost": (
        "import xgboost\nmodel = xgboost.XGBClassifier(n_estimators=8, max_depth=3).fit(X, y)\nbooster = model.get_booster()\n"
        "matrix = xgboost.DMatrix(X, y)",
        ["model.predict_proba(X).tolist()", "booster.num_boosted_rounds()", "model.get_params()"],
        "model = xgboost.XGBClassifier(n_estimators=2).fit(X, 1 - y); booster = model.get_booster()",
        "booster.set_attr(note='later')",
        {"booster", "model"},
    ),
    "lightgbm": (
        "import lightgbm\nmodel = lightgbm.LGBMClassifier(n_estimators=8, min_child_samples=2, verbose=-1).fit(X, y)\n"
        "booster = model.booster_",
        ["model.predict_proba(X).tolist()", "booster.num_trees()", "booster is model.booster_"],
        "model = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(X, 1 - y); booster = None",
        "model.set_params(n_estimators=3)",
        {"model"},
    ),
}


@pytest.mark.parametrize("library", SETUPS)
@pytest.mark.filterwarnings("ignore")
def test_a_restored_model_predicts_what_it_predicted(library: str, tmp_path: Path) -> None:
    pytest.importorskip(library)
    setup, checks, spoil, write, changed = SETUPS[library]
    with_data = "import numpy as np\nX = np.random.RandomState(0).rand(80, 4)\ny = (X[:, 0] > .5).astype(int)\n"
    for notebook in opened(tmp_path):
        target = notebook.cell(with_data + setup)
        expected = {check: repr(notebook.value(check)) for check in checks}
        assert not notebook.cell("pass").changes, "predicting changed nothing, nor did looking"
        assert set(notebook.cell(write).changes.changed) == changed
        notebook.cell(spoil)
    for kernel in opened(tmp_path):
        report = kernel.restore(target)
        assert set(report.failed) <= {"matrix"}, "data on its way into the library has no form but its source's"
        assert {check: repr(kernel.value(check)) for check in checks} == expected
        assert not kernel.cell("pass").changes


def opened(folder: Path) -> Iterator[LiveNotebook]:
    """Yield one kernel and close it."""
    kernel = LiveNotebook(folder)
    try:
        yield kernel
    finally:
        kernel.close()
