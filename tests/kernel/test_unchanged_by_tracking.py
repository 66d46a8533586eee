"""The user's notebook does the same with and without tracking: outputs, random numbers, warnings, memory, ``_`` and ``Out``.

What can be seen of tracking are its threads, whose names begin with ``mlm-``, and its modules.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from recording import as_jupyterlab, without_ids
from tracked import START, open_kernel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

TOUR = Path(__file__).parents[2] / "examples" / "tour.ipynb"

TORTURE = [
    # Random numbers, seeded and as the process was born with them
    "import random\nrandom.seed(1)\nrandom.random(), random.gauss(0, 1)",
    "random.random(), random.sample(range(100), 5)",
    "import sys\nsorted({'numpy', 'pandas', 'nbformat', 'nbdime', 'sklearn', 'matplotlib', 'torch'} & set(sys.modules))",
    "import numpy as np\nnp.random.seed(2)\nrng = np.random.default_rng(3)\nnp.random.rand(2), rng.random()",
    "np.random.randn(), rng.integers(100), random.random()",
    # What IPython keeps
    "1 + 1",
    "_ * 10",
    "_, __, ___",
    "len(Out), len(In), In[-2], _i, _ii",
    "sorted(_oh) == sorted(Out), get_ipython().execution_count",
    "[name for name in dir() if not name.startswith('_')]",
    "%who",
    "%history -n 2-4",
    # Prints, warnings, logs, errors
    "import warnings\nfor _i in range(2): warnings.warn('careful')",
    "warnings.warn('careful')\nwarnings.warn('again', DeprecationWarning)\nsorted(map(str, warnings.filters))",
    "import logging\nlogging.warning('logged')\nlogging.getLogger().handlers, logging.getLogger().level",
    "print('out'); print('err', file=sys.stderr); print('out again')",
    "def broken(): return 1 / 0\nbroken()",
    "repr(sys.last_value), sys.exc_info()",
    "raise KeyError('from') from sys.last_value",
    # Memory: nothing is kept alive, nothing is held
    "class Thing:\n    def __init__(self, name): self.name = name\n    def __del__(self): print('bye', self.name)",
    "import weakref\nthing = Thing('one'); ref = weakref.ref(thing); values = weakref.WeakValueDictionary(t=thing)",
    "del thing\nref() is None, len(values)",
    "thing = Thing('two'); thing = Thing('three')",
    "thing = None",
    "loop = [Thing('four')]; loop.append(loop); del loop\nimport gc; gc.collect() > 0",
    "fresh = object(); listed = [1, 2]; named = np.zeros(10)",
    "[sys.getrefcount(value) for value in (fresh, listed, named)]",
    "small = np.arange(10); large = np.arange(4_000_000.); data = bytearray(b'abc'); more = bytearray(30 << 20)",
    "small.resize(20); large.resize(4_000_001)\ndata.extend(b'def'); more.extend(b'x')\n"
    "small.sum(), large.size, data, len(more)",
    "large.resize(10); del more[5:]; large[3], len(more), large.flags.owndata, large.base is None",
    "import array, mmap\nnumbers = array.array('d', range(1000)); memory = mmap.mmap(-1, 4096); view = memoryview(data)",
    "numbers.append(1); memory.resize(8192); view.release(); data.append(1); len(numbers), len(memory), data",
    "numbers = memory = None",
    # Objects that notice being looked at
    "class Watched:\n    calls = []\n    def __len__(self): self.calls.append('len'); return 1\n"
    "    def __iter__(self): self.calls.append('iter'); return iter(())\n"
    "    def __eq__(self, other): self.calls.append('eq'); return True\n"
    "    def __hash__(self): self.calls.append('hash'); return 1\n"
    "    def __bool__(self): self.calls.append('bool'); return True\n"
    "    @property\n    def costly(self): self.calls.append('property'); print('computed')\n"
    "watched = Watched(); watched_list = [Watched()]",
    "Watched.calls",
    "class Loud:\n    def __repr__(self): print('repr!'); return 'loud'\n"
    "    def __getstate__(self): print('state!'); import warnings; warnings.warn('state?'); return {'a': 1}\n"
    "loud = Loud(); louds = [Loud()]; 1",
    "warnings.warn('state?')\nloud.b = 1",
    "import collections, functools\ncounts = collections.defaultdict(list)\n@functools.lru_cache\n"
    "def slow(n): return n\nslow(1); slow(1)",
    "dict(counts), slow.cache_info()",
    "lines = (line for line in 'abc'); next(lines)",
    "list(lines)",
    # Tables
    "import pandas as pd\nframe = pd.DataFrame({'a': range(3), 'b': list('xyz')}); part = frame['a']; copy = frame[:]",
    "part.iloc[0] = 10; copy.loc[1, 'b'] = 'changed'; frame.loc[2, 'a'] = -1\n"
    "frame, part, copy, np.shares_memory(frame['a'], part)",
    "frame['b'][0] = 'chained'\nframe",
    # The interpreter
    "import signal, threading\n"
    "[str(signal.getsignal(s)).split(' at ')[0] for s in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1)]",
    "sys.gettrace(), sys.getprofile(), threading.gettrace(), sys.getswitchinterval(), sys.getrecursionlimit()",
    "def depth(n=0):\n    try: return depth(n + 1)\n    except RecursionError: return n\ndepth()",
    "gc.isenabled(), gc.get_threshold(), gc.callbacks, gc.get_freeze_count(), gc.get_debug()",
    "[t.name for t in threading.enumerate() if not t.name.startswith('mlm-')]",
    "import os\nos.getcwd() == sys.path[0] or os.path.basename(os.getcwd()), len(sys.path), sys.argv[1:2], sorted(os.environ)",
    "type(sys.stdout), sys.excepthook, sys.displayhook, type(sys.meta_path[0]), sys.flags, sys.getfilesystemencoding()",
    "import asyncio, contextvars\nawait asyncio.sleep(0)\nlen(asyncio.all_tasks())",
    "var = contextvars.ContextVar('var', default=0); token = var.set(5)",
    "var.get()",
    "import decimal, locale, os\ndecimal.getcontext().prec, os.umask(0o22) and os.umask(0o22)",
    # Pictures and files
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots(); ax.plot([1, 3, 2]); plt.show()",
    "plt.get_fignums(), len(fig.axes), ax.figure is fig, fig._cid_gen if hasattr(fig, '_cid_gen') else None",
    "file = open('written.txt', 'w'); file.write('hello')",
    "file.tell(), file.closed, open('written.txt').read()",
    "file.close(); open('written.txt').read()",
    "%reset -f",
    "[name for name in dir() if not name.startswith('_')]",
]


def assert_unchanged(sources: list[str], tmp_path: Path) -> None:
    """Run the cells in two kernels, of which one tracks, and compare what each shows."""
    folders = [tmp_path / "plain" / "here", tmp_path / "tracked" / "here"]
    for folder in folders:
        folder.parent.mkdir()
    with open_kernel(folders[0], PYTHONHASHSEED="0") as plain, open_kernel(folders[1], PYTHONHASHSEED="0") as tracked:
        plain.run("pass")
        tracked.run(START)
        shown = [[kernel.run(source).outputs for kernel in (plain, tracked)] for source in sources]
        assert [checkpoint.source for checkpoint in tracked.checkpoints()[1:]] == sources, "it was tracked"
    different = [
        f"{source}\n  untracked: {one}\n  tracked:   {other}"
        for source, outputs in zip(sources, shown, strict=True)
        for one, other in [[without_ids(as_jupyterlab(each)) for each in outputs]]
        if one != other
    ]
    assert not different, "\n\n".join(different)


def test_a_notebook_that_looks_closely_sees_nothing(tmp_path: Path) -> None:
    assert_unchanged(TORTURE, tmp_path)


def test_the_tour_shows_the_same(tmp_path: Path) -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert_unchanged([source for source in sources if "mlm" not in source], tmp_path)
