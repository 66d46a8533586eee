"""Values of libraries that need not be installed: torch and polars, where they are."""

from __future__ import annotations

import copy

import pytest

from mlm_jupyter.capture.preview import preview
from mlm_jupyter.capture.value_arrays import ArrayDiff
from mlm_jupyter.capture.value_tables import Retyped, TableDiff
from mlm_jupyter.capture.values import Unchanged, diff_values, text_lines
from mlm_jupyter.core.type_names import type_name


def test_tensors_are_shown_and_compared() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.arange(6.0).reshape(2, 3)
    shown = preview(tensor)
    assert (shown.text, shown.shape, shown.dtype) == ("2 x 3 of float32 on cpu: [0, 1, 2, …]", (2, 3), "float32")
    assert preview(torch.tensor(2.5)).number == 2.5
    assert type_name(tensor) == "torch.Tensor"
    other = tensor.clone()
    other[1, 1] = float("nan")
    assert text_lines(diff_values(tensor, other), "x") == ["x: 1 of 6 elements differ", "  x[1, 1]: 4.0 → nan"]
    for each in (
        tensor.to(torch.bfloat16),
        tensor.to_sparse(),
        tensor.to(torch.cfloat).conj(),
        tensor.requires_grad_(),
    ):
        assert diff_values(each, each.clone()) == Unchanged()
        diff = diff_values(each, each * 2)
        assert isinstance(diff, ArrayDiff) and diff.differing == 5


def test_networks_and_optimizers_are_compared_by_their_state() -> None:
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    assert preview(network).text == "Sequential, 6 parameters, in training mode\n0: Linear\n1: ReLU"
    other, other_optimizer = copy.deepcopy((network, optimizer))
    assert diff_values(network, other) == diff_values(optimizer, other_optimizer) == Unchanged()
    other_optimizer.param_groups[0]["lr"] = 0.2
    with torch.no_grad():
        other[0].bias[0] += 0.5
    assert text_lines(diff_values(network, other), "net") == [
        "net.0.bias: <Tensor 2>  (1 of 2 elements differ, by at most 0.5)"
    ]
    assert text_lines(diff_values(optimizer, other_optimizer), "opt") == ["opt.param_groups[0]['lr']: 0.1 → 0.2"]


def test_polars_frames_are_tables() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"n": [1, None, 3], "s": ["a", "b", "c"]})
    shown = preview(frame)
    assert shown.rows == (("0", "1", "a"), ("1", "None", "b"), ("2", "3", "c"))
    assert preview(frame.lazy()).text == "polars.LazyFrame, a plan that was not computed to be shown"
    assert diff_values(frame, frame.clone()) == Unchanged()
    diff = diff_values(frame, frame.with_columns(s=polars.Series(["a", "x", "c"]), n=frame["n"].cast(polars.Int32)))
    assert isinstance(diff, TableDiff)
    assert diff.columns_retyped == (Retyped("n", "Int64", "Int32"),)
    assert (diff.cells_changed, diff.examples[0].row, diff.examples[0].after) == (1, "1", "x")
