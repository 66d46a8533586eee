"""torch models, tensors and optimizers: captured without copies, restored with their aliases, changed when they changed."""

from __future__ import annotations

import msgspec
import pytest
from livenotebook import LiveNotebook, Open

from mlm_jupyter.core.entities import Group

pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # torch warns of its own code


MODEL = """
import torch
from torch import nn
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(300, 200)
        self.norm = nn.BatchNorm1d(200)
        self.last = nn.Linear(200, 1)
    def forward(self, x):
        return self.last(torch.relu(self.norm(self.first(x))))
model = Net()
opt = torch.optim.Adam(model.parameters(), lr=0.01)
X = torch.randn(32, 300)
def train(steps):
    for _ in range(steps):
        opt.zero_grad()
        loss = (model(X) ** 2).mean()
        loss.backward()
        opt.step()
    return float(loss.detach())
"""

SETUPS = {
    "a model and its optimizer": (
        MODEL + "train(2)",
        "train(3); model.norm.eval(); opt.param_groups[0]['lr'] = 1.0",
        [
            "[p.sum().item() for p in model.parameters()]",
            "all(a is b for a, b in zip(opt.param_groups[0]['params'], model.parameters(), strict=True))",
            "sorted(opt.state[model.first.weight])",
            "opt.state[model.first.weight]['exp_avg'].sum().item()",
            "opt.param_groups[0]['lr']",
            "model.norm.running_mean.sum().item()",
            "model.norm.training",
            "isinstance(model, Net)",
        ],
        "after = train(2)",
    ),
    "views of one storage": (
        "import torch\nbase = torch.arange(100_000.)\nhalf = base[50_000:]\n"
        "odd = base[1::2]\nsquare = base.view(100, 1000).t()\nsmall = torch.zeros(4)\nsame = small",
        "base[0] = -1; half[0] = -2; small += 1; square[3, 3] = 9",
        [
            "base.sum().item()",
            "half[0].item()",
            "square.stride()",
            "half.data_ptr() - base.data_ptr()",
            "odd.untyped_storage().data_ptr() == base.untyped_storage().data_ptr()",
            "square.is_contiguous()",
            "small.tolist()",
            "same is small",
        ],
        "half[3] = 7.; odd[0] = 3.; small.resize_(8).fill_(1)",
    ),
    "tensors of many kinds": (
        "import torch\nkinds = [torch.tensor(3), torch.empty(0), torch.tensor([True]), torch.ones(3, dtype=torch.bfloat16),\n"
        "    torch.tensor([1 + 2j]), torch.ones(2, 3).to_sparse(),\n"
        "    torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8), torch.tensor([1+2j]).conj()]\n"
        "leaf = torch.ones(3, requires_grad=True)\n"
        "parameter = torch.nn.Parameter(torch.ones(2), requires_grad=False)\nwide = torch.ones(3, 1).expand(3, 70_000)\n"
        "dtype = torch.float16\nshape = kinds[5].shape",
        "kinds[0] += 1; del leaf; parameter.data[0] = 5; wide = None; dtype = None",
        [
            "[(k.dtype, k.shape, k.layout, k.is_quantized, k.is_conj()) for k in kinds]",
            "[(k.to_dense() if k.is_sparse else k.dequantize() if k.is_quantized else k).tolist() for k in kinds]",
            "leaf.requires_grad",
            "(type(parameter), parameter.requires_grad)",
            "wide.stride()",
            "dtype",
            "shape",
        ],
        "leaf.sum().backward(); got = leaf.grad.tolist()",
    ),
    "memory that torch and NumPy share": (
        "import numpy as np, torch\narray = np.arange(20_000.)\nlent = torch.from_numpy(array[10:])\n"
        "owned = torch.arange(10_000.)\nseen = owned.numpy()[::2]",
        "array[10] = 5; owned[0] = 9; lent[3] = 4",
        ["lent[0].item()", "array[13]", "float(seen[0])", "seen.strides", "array.flags.owndata"],
        "array[11] = -1; lent[2] = -2; seen[1] = -3; result = (lent[1].item(), array[12], owned[2].item())",
    ),
    "memory shared where no name owns it": (
        "import numpy as np, torch\nhidden = np.arange(100.)\none = torch.from_numpy(hidden)\n"
        "other = torch.from_numpy(hidden[10:])\ndel hidden\nnested = {'array': np.zeros(5)}\n"
        "nested['lent'] = torch.from_numpy(nested['array'])\n"
        "raw = bytearray(16)\nread = torch.frombuffer(raw, dtype=torch.uint8)\n"
        "tensor = torch.zeros(8)\nlooked = np.from_dlpack(tensor)\nagain = torch.from_dlpack(tensor)",
        "one[10] = 5; nested['array'][0] = 9; raw[3] = 4; tensor[2] = 4",
        ["other[0].item()", "nested['lent'].tolist()", "read.tolist()", "looked.tolist()", "again.tolist()"],
        "one[11] = -1; nested['lent'][2] = -2; raw[1] = 7; tensor[1] = -3",
    ),
    "a state kept aside": (
        MODEL + "best = {k: v.clone() for k, v in model.state_dict().items()}\nlive = model.state_dict()",
        "train(1)",
        ["best['first.weight'].sum().item()", "live['first.weight'].data_ptr() == model.first.weight.data_ptr()"],
        "model.load_state_dict(best)",
    ),
}


@pytest.mark.parametrize("kind", SETUPS)
@pytest.mark.parametrize("where", ["the same kernel", "a fresh kernel"])
def test_restored_tensors_are_and_behave_as_they_were(notebook: LiveNotebook, fresh: Open, kind: str, where: str) -> None:
    setup, spoil, checks, after = SETUPS[kind]
    target = notebook.cell(setup)
    variables = notebook.session.checkpoints.variables(target)
    assert {name: variable.reason for name, variable in variables.items() if variable.reason} == {}
    expected = {check: repr(notebook.value(check)) for check in checks}
    assert not notebook.cell("pass").changes, "looking twice finds nothing"
    notebook.cell(after)
    behaved = {check: repr(notebook.value(check)) for check in checks}
    notebook.restore(target)
    notebook.cell(spoil)

    kernel = notebook if where == "the same kernel" else fresh()
    report = kernel.restore(target)

    assert report.failed == {}
    assert {check: repr(kernel.value(check)) for check in checks} == expected
    assert not kernel.cell("pass").changes
    kernel.cell(after)
    assert {check: repr(kernel.value(check)) for check in checks} == behaved


WRITES = {
    "an optimizer's step": ("train(1)", {"model", "opt"}),
    "an addition behind autograd's back": ("model.last.weight.data.add_(1)", {"model", "opt"}),
    "a write through NumPy": ("model.first.weight.detach().numpy()[0, 0] = 5", {"model", "opt"}),
    "an in-place operation": ("X.mul_(2)", {"X"}),
    "freezing a layer": ("model.last.bias.requires_grad_(False)", {"model", "opt"}),
    "the mode of a layer": ("model.eval()", {"model"}),
    "the learning rate": ("opt.param_groups[0]['lr'] *= 2", {"opt"}),
}


@pytest.mark.parametrize("way", WRITES)
def test_a_change_of_a_model_is_found_however_it_was_made(notebook: LiveNotebook, way: str) -> None:
    notebook.cell(MODEL + "train(1)")
    for quiet in ("one = 1", "two = 2", "three = 3"):
        assert set(notebook.cell(quiet).changes.changed) == set()
    write, names = WRITES[way]
    assert set(notebook.cell(write).changes.changed) == names


def test_what_a_restored_tensor_lacks_is_said(notebook: LiveNotebook) -> None:
    target = notebook.cell(MODEL + "train(1)\nlost = (model(X) ** 2).mean()\nclean = X * 2")
    variables = notebook.session.checkpoints.variables(target)
    assert variables["model"].lossy == "without .grad"
    assert variables["lost"].lossy == "without the graph it was computed by"
    assert variables["X"].lossy is variables["clean"].lossy is None
    notebook.cell("lost = model = None")
    report = notebook.restore(target)
    assert report.lossy["model"] == "without .grad"
    assert notebook.value("model.first.weight.grad is None and lost.requires_grad and lost.is_leaf")


def test_two_models_are_two_groups(notebook: LiveNotebook) -> None:
    target = notebook.cell(
        "import torch\nfrom torch import nn\n"
        "one = nn.Sequential(nn.Linear(2, 2), nn.ReLU())\nother = nn.Sequential(nn.Linear(2, 2), nn.ReLU())\n"
        "opt = torch.optim.SGD(one.parameters(), lr=0.1, momentum=0.9)\nsecond = torch.optim.SGD(other.parameters(), lr=0.1)\n"
        "t = torch.ones(3)\nu = torch.ones(3)"
    )
    groups = {name: variable.group for name, variable in notebook.session.checkpoints.variables(target).items()}
    assert groups["one"] == groups["opt"]
    assert groups["other"] == groups["second"]
    assert len({groups[name] for name in ("one", "other", "t", "u")}) == 4


def test_a_storage_is_written_once_however_many_views_there_are(notebook: LiveNotebook) -> None:
    target = notebook.cell("import torch\nbig = torch.rand(1_000_000)\nviews = [big[i:] for i in range(9)]\nother = big[::2]")
    record = msgspec.json.decode(
        notebook.session.packs.get(notebook.session.checkpoints.variables(target)["big"].group), type=Group
    )
    assert set(record.names) == {"big", "other", "views"}
    assert [buffer.size_bytes for buffer in record.buffers] == [4_000_000]
    assert record.stream_bytes < 2_000


def test_a_model_that_a_cell_cannot_reach_is_skipped(notebook: LiveNotebook) -> None:
    notebook.skip_all()
    notebook.cell(MODEL.partition("def train")[0] + "model(X).sum().backward(); opt.step()")
    looks = notebook.watch_looks()
    for quiet in ("one = 1", "two = 2", "three = 3"):
        notebook.cell(quiet)
    assert {"model", "opt", "X"} <= set(looks[-1].skipped)


HIDDEN = {
    "a view in a generator": (
        "def work(t):\n    yield\n    t.fill_(5)\n    yield\nrunning = work(x[1:])\nnext(running)",
        "next(running)",
    ),
    "an iterator over it": ("walk = iter(x)", "next(walk).fill_(5)"),
    "a view in a logging handler": (
        "import logging\nclass H(logging.Handler):\n    def __init__(self, t):\n        super().__init__(); self.t = t\n"
        "    def emit(self, r):\n        self.t.fill_(5)\nlogging.getLogger('mlm-torch').addHandler(H(x.detach()))",
        "logging.getLogger('mlm-torch').warning('!')",
    ),
    "an array in a generator": (
        "def work(t):\n    yield\n    t[0] = 5\n    yield\nrunning = work(x.numpy())\nnext(running)",
        "next(running)",
    ),
    "DLPack in a generator": (
        "def work(t):\n    yield\n    t[0] = 5\n    yield\nrunning = work(np.from_dlpack(x))\nnext(running)",
        "next(running)",
    ),
    "its storage in a generator": (
        "def work(t):\n    yield\n    t.fill_(1)\n    yield\nrunning = work(x.untyped_storage())\nnext(running)",
        "next(running)",
    ),
    "the array it was made of": (
        "def work(t):\n    yield\n    t[0] = 5\n    yield\nmemory = np.zeros(1000)\n"
        "x = torch.from_numpy(memory)\nrunning = work(memory)\n"
        "next(running)\ndel memory",
        "next(running)",
    ),
    "a graph that waits": (
        "y = (x.requires_grad_(False) * 1)\nclass Keep(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, a, b):\n"
        "        ctx.mark_non_differentiable(b)\n        ctx.save_for_backward(b)\n        return a * 1\n"
        "    @staticmethod\n    def backward(ctx, g):\n"
        "        ctx.saved_tensors[0].data.fill_(7)\n        return g, None\n"
        "leaf = torch.ones(1, requires_grad=True)\nend = [iter([Keep.apply(leaf, x[:])])]",
        "next(end[0]).sum().backward()",
    ),
}


@pytest.mark.parametrize("way", HIDDEN)
def test_memory_that_something_else_holds_is_watched(notebook: LiveNotebook, way: str) -> None:
    notebook.skip_all()
    setup, write = HIDDEN[way]
    notebook.cell(f"import numpy as np, torch\nx = torch.zeros(1000)\n{setup}")
    for quiet in ("one = 1", "two = 2", "three = 3"):
        notebook.cell(quiet)
    before = notebook.value("x.sum().item()")
    changes = notebook.cell(write).changes
    assert notebook.value("x.sum().item()") != before, "the attack does nothing"
    assert "x" in changes.changed


def test_a_tensor_that_comes_back_without_its_hooks_says_so(notebook: LiveNotebook) -> None:
    first = notebook.cell(
        "import torch\nx = torch.ones(2, requires_grad=True); x.register_hook(lambda g: g * 2)\n"
        "layer = torch.nn.Linear(1, 1); layer.weight.register_post_accumulate_grad_hook(lambda p: None); plain = torch.ones(1)"
    )
    notebook.cell("x = layer = plain = None")
    assert notebook.restore(first).lossy == dict.fromkeys(("x", "layer"), "without its hooks")
