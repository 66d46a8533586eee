"""Code that reaches a value without naming it: each way must be found as a change, though quiet cells were skipped before.

Every group, however cheap to look at, is skipped here as soon as that is thought safe, so a hole in the proof is a change
that is missed. An attack is three pieces: what lays the path to ``x`` (naming it is allowed), and a cell that walks it
without saying ``x``.
"""

from __future__ import annotations

import builtins
import gc
import logging
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from livenotebook import LiveNotebook

RECORDS = "x = [{'n': 1}, {'n': 2}]\n"
WRITER = RECORDS + ("def make(t):\n    def write(*_, **__):\n        t[0]['k'] = t[0].get('k', 0) + 1\n    return write\n")
ARRAY = "import numpy as np\nx = np.zeros(1000)\n"
OBJECTS = "import numpy as np\nx = np.empty(2, object)\nx[:] = [{'n': 1}, {'n': 2}]\n"
HOLD = "def hold(d, do):\n    yield\n    do(d)\n"
DRAWN = (
    "import io, matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\nfig, x = plt.subplots(2)\n"
    "_ = x[0].plot([1, 2])\nfig.savefig(io.BytesIO(), bbox_inches='tight')\nplt.close('all')\n"
)
SHARED = DRAWN.replace("plt.subplots(2)", "plt.subplots(2, sharex=True)")
TABLE = (
    "import numpy as np, pandas as pd\nx = pd.DataFrame(np.zeros((3, 2)), columns=pd.Index(['a', 'b'], dtype=object))\n"
    "part, top, row = x.iloc[:2].copy(), x.nlargest(2, 'a'), x.index\nsome = x[x['a'] > 1]\n"
)
NAME = "def name_of(number):\n    return chr(number)\n"  # the name, but no word that is it


ATTACKS = {
    "axes that share their limits": (
        SHARED,
        "for one in list(plt.Axes._shared_axes['x']._mapping):\n    one.set_title('other')",
    ),
    # what a table shares with its parts
    "the labels of a part": (TABLE, "part.columns._data[0] = 'z'"),
    "the name of the rows": (TABLE, "row.name = 'number'"),
    "the list of who looks at the labels": (TABLE, "part.columns._references.referenced_blocks[0]().name = 'z'"),
    # functions with names of their own that are the same
    "a global in a nested function": (
        RECORDS + "def outer(x):\n    def inner():\n        global x\n        x[0]['k'] = 1\n    return inner\nrun = outer(0)",
        "run()",
    ),
    "a default of a nested function": (
        RECORDS + "def outer():\n    def inner(x=x):\n        x[0]['k'] = 1\n    inner()",
        "outer()",
    ),
    "the body of a class": (
        RECORDS + "def outer(x):\n    class C:\n        x[0]['k'] = 1\n        x = 2\n",
        "outer(0)",
    ),
    "a function beside one that has its own": (
        RECORDS + "def own(x):\n    return x\ndef other():\n    x[0]['k'] = 1",
        "other()",
    ),
    "a name that is global where it is assigned": (
        RECORDS + "def change():\n    global x\n    x = [*x, 1]",
        "change()",
    ),
    # what an array of objects holds, which the collector is not told
    "an element of an array of objects": (
        OBJECTS + HOLD + "kept = hold(x[0], lambda d: d.update(k=1))\nnext(kept)",
        "next(kept, None)",
    ),
    "a view of an array of objects": (
        OBJECTS + HOLD + "kept = hold(x[1:], lambda d: d[0].update(k=1))\nnext(kept)",
        "next(kept, None)",
    ),
    "axes of a figure that was drawn": (
        DRAWN + HOLD + "kept = hold(x[0], lambda a: a.set_title('other'))\nnext(kept)",
        "next(kept, None)",
    ),
    # what runs by itself
    "a logging handler": (
        RECORDS + "import logging\nclass H(logging.Handler):\n    def __init__(self, t):\n        super().__init__()\n"
        "        self.t = t\n"
        "    def emit(self, r):\n        self.t[0]['k'] = 1\nlogging.getLogger('mlm-attack').addHandler(H(x))",
        "logging.getLogger('mlm-attack').warning('!')",
    ),
    "a gc callback": (WRITER + "import gc\ngc.callbacks.append(make(x))", "many = [[] for _ in range(100_000)]"),
    "a weakref callback": (
        WRITER + "import weakref\nclass C: pass\nmortal = C()\nref = weakref.ref(mortal, make(x))",
        "del mortal",
    ),
    "a finalizer": (WRITER + "import weakref\nclass C: pass\nmortal = C()\nweakref.finalize(mortal, make(x))", "del mortal"),
    "__del__": (
        RECORDS + "class C:\n    def __init__(self, t):\n        self.t = t\n    def __del__(self):\n"
        "        self.t[0]['k'] = 1\nmortal = C(x)",
        "mortal = None",
    ),
    "sys.excepthook": (WRITER + "import sys\nsys.excepthook = make(x)", "sys.excepthook(ValueError, ValueError(), None)"),
    "sys.displayhook": (WRITER + "import sys\nsys.displayhook = make(x)", "sys.displayhook(3)"),
    "warnings.showwarning": (
        WRITER + "import warnings\nwarnings.showwarning = make(x)",
        "with warnings.catch_warnings():\n    warnings.simplefilter('always')\n    warnings.warn('!')",
    ),
    "a signal handler": (
        WRITER + "import signal, os\nsignal.signal(signal.SIGUSR1, make(x))",
        "signal.raise_signal(signal.SIGUSR1)",
    ),
    "a thread that waited": (
        RECORDS + "import threading\ngo = threading.Event()\ndef work(t):\n    go.wait()\n    t[0]['k'] = 1\n"
        "thread = threading.Thread(target=work, args=(x,))\nthread.start()",
        "go.set(); thread.join()",
    ),
    "a timer": (WRITER + "import threading\ntimer = threading.Timer(1e6, make(x))", "timer.function()"),
    "a pool of threads": (
        RECORDS + "import concurrent.futures\npool = concurrent.futures.ThreadPoolExecutor(1)\n"
        "pool.submit(int).result()\n"
        "def write(t):\n    t[0]['k'] = 1\njobs = [(write, x)]",
        "pool.submit(*jobs[0]).result(); pool.shutdown()",
    ),
    "an asyncio task": (
        RECORDS + "import asyncio\nasync def work(t):\n    await asyncio.sleep(0)\n    t[0]['k'] = 1\n"
        "loop = asyncio.new_event_loop()\ntask = loop.create_task(work(x))",
        "loop.run_until_complete(task); loop.close()",
    ),
    "a callback of an event loop": (
        WRITER + "import asyncio\nloop = asyncio.new_event_loop()\nhandle = loop.call_soon(make(x))",
        "loop.call_soon(loop.stop); loop.run_forever(); loop.close()",
    ),
    "a future's callback": (
        WRITER + "import concurrent.futures\nfuture = concurrent.futures.Future()\nfuture.add_done_callback(make(x))",
        "future.set_result(1)",
    ),
    "an exit stack": (WRITER + "import contextlib\nstack = contextlib.ExitStack()\nstack.callback(make(x))", "stack.close()"),
    "a scheduler": (
        WRITER + "import sched\nplanner = sched.scheduler()\nplanned = planner.enter(0, 1, make(x))",
        "planner.run()",
    ),
    "a trace function": (WRITER + "import sys\nfollow = make(x)\nbegin = sys.settrace", "begin(follow); make(0); begin(None)"),
    "a hook of the importer": (
        WRITER + "import sys\nclass Finder:\n    @staticmethod\n    def find_spec(*a):\n        Finder.go()\n"
        "Finder.go = make(x)\n"
        "sys.meta_path.append(Finder)",
        "try:\n    import no_such_module_at_all\nexcept ImportError:\n    sys.meta_path.remove(Finder)",
    ),
    "the breakpoint hook": (WRITER + "import sys\nsys.breakpointhook = make(x)", "sys.breakpointhook()"),
    "a print to a stream": (
        RECORDS + "import sys\nclass S:\n    def __init__(self, t):\n        self.t = t\n    def write(self, s):\n"
        "        self.t[0]['k'] = 1\n"
        "    def flush(self): pass\nstream = S(x)",
        "print('!', file=stream)",
    ),
    "a sqlite function": (
        WRITER + "import sqlite3\nbase = sqlite3.connect(':memory:')\nbase.create_function('touch', 0, make(x))",
        "row = list(base.execute('select touch()')); base.close()",
    ),
    # what is kept
    "a generator that waits": (
        RECORDS + "def work(t):\n    yield\n    t[0]['k'] = 1\n    yield\nrunning = work(x)\nnext(running)",
        "next(running)",
    ),
    "a coroutine that waits": (
        RECORDS + "async def work(t):\n    t[0]['k'] = 1\nrunning = work(x)",
        "try:\n    running.send(None)\nexcept StopIteration: pass",
    ),
    "a generator that holds a large array in it": (
        "import numpy as np\nx = [np.zeros(100_000)]\ndef work(t):\n    yield\n    t[0] = 1\n    yield\nrunning = work(x[0])\n"
        "next(running)",
        "next(running)",
    ),
    "a generator that holds an attribute of a text in it": (
        "class T(str): pass\nx = [T('a')]\nx[0].note = [1]\ndef work(t):\n    yield\n    t.append(1)\n    yield\n"
        "running = work(x[0].note)\nnext(running)",
        "next(running)",
    ),
    "a generator over it": (RECORDS + "walk = (item for item in x)", "next(walk)['k'] = 1"),
    "a bound method in a list": (RECORDS + "hold = [x[0].update]", "hold[0](k=1)"),
    "a method-wrapper": (RECORDS + "put = x[0].__setitem__", "put('k', 1)"),
    "a closure": (WRITER + "write = make(x)", "write()"),
    "a default argument": (
        RECORDS + "def make(t):\n    def write(t=t):\n        t[0]['k'] = 1\n    return write\nwrite = make(x)",
        "write()",
    ),
    "functools.partial": (RECORDS + "import functools\nput = functools.partial(dict.update, x[0], k=1)", "put()"),
    "functools.lru_cache": (
        RECORDS + "import functools\n@functools.lru_cache\ndef keep(n):\n    return held.pop()\nheld = [x]\nkeep(1)",
        "keep(1)[0]['k'] = 1",
    ),
    "a decorator's registry": (
        RECORDS + "def registrar():\n    known = []\n    def register(t):\n        known.append(t)\n"
        "        return lambda: known\n    return register\n"
        "register = registrar()\nknown_of = register(x)",
        "known_of()[0][0]['k'] = 1",
    ),
    "operator.methodcaller": (
        RECORDS + "import operator\ncall = operator.methodcaller('update', k=1)\nfirst = iter([x[0]])",
        "call(next(first))",
    ),
    "a class attribute": (RECORDS + "class C: pass\nC.t = x", "C.t[0]['k'] = 1"),
    "a class attribute by setattr": (RECORDS + "class C: pass\nsetattr(C, 't', x)", "C().t[0]['k'] = 1"),
    "a property": (WRITER + "class C: pass\nC.p = property(make(x))", "C().p"),
    "a descriptor": (
        RECORDS + "class D:\n    def __init__(self, t):\n        self.t = t\n    def __get__(self, *a):\n"
        "        self.t[0]['k'] = 1\n"
        "class C: pass\nC.d = D(x)",
        "C().d",
    ),
    "a metaclass": (
        RECORDS + "class M(type):\n    def __call__(cls):\n        M.t[0]['k'] = 1\nM.t = x\nclass C(metaclass=M): pass",
        "C()",
    ),
    "a subclass hook": (
        WRITER + "class Base:\n    def __init_subclass__(cls):\n        Base.go()\nBase.go = staticmethod(make(x))",
        "class Child(Base): pass",
    ),
    "an abstract base's registry": (
        RECORDS + "import abc\nclass A(abc.ABC): pass\nclass C: pass\nC.t = x\nA.register(C)",
        "C.t[0]['k'] = 1",
    ),
    "a module made by hand": (RECORDS + "import types\nmodule = types.ModuleType('m')\nmodule.t = x", "module.t[0]['k'] = 1"),
    "a module in sys.modules": (
        RECORDS + "import sys, types\nsys.modules['mlm_attack'] = types.ModuleType('mlm_attack')\n"
        "sys.modules['mlm_attack'].t = x",
        "import mlm_attack\nmlm_attack.t[0]['k'] = 1",
    ),
    "a library's module": (RECORDS + "import colorsys\ncolorsys.held = x", "colorsys.held[0]['k'] = 1"),
    "a module's __getattr__": (
        WRITER + "import types\nmodule = types.ModuleType('m')\nmodule.__getattr__ = make(x)",
        "module.whatever",
    ),
    "a builtin made by hand": (RECORDS + "import builtins\nbuiltins.held_by_mlm_test = x", "held_by_mlm_test[0]['k'] = 1"),
    "an environment of contextvars": (
        RECORDS + "import contextvars\nvar = contextvars.ContextVar('v')\ntoken = var.set(x)",
        "var.get()[0]['k'] = 1",
    ),
    "a thread's local": (RECORDS + "import threading\nlocal = threading.local()\nlocal.t = x", "local.t[0]['k'] = 1"),
    "a weak dictionary": (
        RECORDS + "import weakref\nclass C(dict): pass\nx.append(C())\nweak = weakref.WeakValueDictionary(a=x[2])",
        "weak['a']['k'] = 1",
    ),
    "a weak reference": (
        RECORDS + "import weakref\nclass C(dict): pass\nx.append(C())\nweak = weakref.ref(x[2])",
        "weak()['k'] = 1",
    ),
    "a proxy": (RECORDS + "import weakref\nclass C(dict): pass\nx.append(C())\nweak = weakref.proxy(x[2])", "weak['k'] = 1"),
    "an exception's traceback": (
        RECORDS + "def fail(t):\n    raise ValueError(t)\ntry:\n    fail(x)\nexcept ValueError as error:\n    kept = error",
        "kept.args[0][0]['k'] = 1",
    ),
    "a list iterator": (RECORDS + "walk = iter(x)", "next(walk)['k'] = 1"),
    "a reversed iterator": (RECORDS + "walk = reversed(x)", "next(walk)['k'] = 1"),
    "zip": (RECORDS + "walk = zip(x, [1, 2])", "next(walk)[0]['k'] = 1"),
    "map": (RECORDS + "walk = map(dict.popitem, x)", "next(walk)"),
    "itertools": (RECORDS + "import itertools\nwalk = itertools.chain(x, [])", "next(walk)['k'] = 1"),
    "itertools.cycle": (RECORDS + "import itertools\nwalk = itertools.cycle(x)\nnext(walk)", "next(walk)['k'] = 1"),
    "itertools.tee": (RECORDS + "import itertools\nwalk, _rest = itertools.tee(x)", "next(walk)['k'] = 1"),
    "enumerate": (RECORDS + "walk = enumerate(x)", "next(walk)[1]['k'] = 1"),
    "a view of a dict": ("x = {'a': {'n': 1}}\nlooked = x.values()", "list(looked)[0]['k'] = 1"),
    "an iterator over a dict": ("x = {'a': {'n': 1}}\nwalk = iter(x.values())", "next(walk)['k'] = 1"),
    "a mapping proxy": ("import types\nx = {'a': {'n': 1}}\nproxy = types.MappingProxyType(x)", "proxy['a']['k'] = 1"),
    "a chain map": ("import collections\nx = {'n': 1}\nchain = collections.ChainMap(x)", "chain['k'] = 1"),
    "a user dict": ("import collections\nx = {'n': 1}\nshell = collections.UserDict()\nshell.data = x", "shell['k'] = 1"),
    "a simple namespace": (RECORDS + "import types\nspace = types.SimpleNamespace(t=x)", "space.t[0]['k'] = 1"),
    "a queue": (RECORDS + "import queue\nline = queue.SimpleQueue()\nline.put(x)", "line.get()[0]['k'] = 1"),
    "a dataclass's default": (
        "import dataclasses\nx = [1]\n@dataclasses.dataclass\nclass D:\n"
        "    t: object = dataclasses.field(default_factory=(lambda t: lambda: t)(x))",
        "D().t.append(1)",
    ),
    "an object array": (RECORDS + "import numpy as np\nboxed = np.array([None])\nboxed[0] = x", "boxed[0][0]['k'] = 1"),
    "a frame of objects": (
        RECORDS + "import pandas as pd\nframe = pd.DataFrame({'a': [x[0]]}, dtype=object)",
        "frame['a'][0]['k'] = 1",
    ),
    "a frame's attributes": (
        RECORDS + "import pandas as pd\nframe = pd.DataFrame({'a': [1]})\nframe.attrs['t'] = x",
        "frame.attrs['t'][0]['k'] = 1",
    ),
    "vectorize": (WRITER + "import numpy as np\ncall = np.vectorize(make(x), otypes=[object])", "call([1])"),
    "frompyfunc": (WRITER + "import numpy as np\ncall = np.frompyfunc(make(x), 1, 1)", "call([1])"),
    "the attributes of an object": (
        "import colorsys\nclass P: pass\nx = [P()]\nx[0].n = 1\ncolorsys.held = vars(x[0])",
        "colorsys.held['n'] = 2",
    ),
    "attributes that a generator holds": (
        "class P: pass\nx = [P()]\nx[0].n = 1\n" + HOLD + "kept = hold(vars(x[0]), lambda d: d.update(n=2))\nnext(kept)",
        "next(kept, None)",
    ),
    "an attribute that a generator holds": (
        "class P: pass\nx = [P()]\nx[0].n = [1]\n" + HOLD + "kept = hold(x[0].n, lambda n: n.append(2))\nnext(kept)",
        "next(kept, None)",
    ),
    # memory
    "a slice of an array": (ARRAY + "part = x[5:]", "part[0] = 1"),
    "a view of a view": (ARRAY + "part = x[5:][::2].view('i8')", "part[0] = 1"),
    "a view in a list": (ARRAY + "parts = [x[5:]]", "parts[0][0] = 1"),
    "a memoryview": (ARRAY + "view = memoryview(x)", "view[0] = 1.0"),
    "a flat iterator": (ARRAY + "flat = x.flat", "flat[0] = 1"),
    "an nditer": (ARRAY + "walk = np.nditer(x, op_flags=['readwrite'])", "walk[0][...] = 1"),
    "a broadcast": (ARRAY + "pair = np.broadcast(x, 1).iters", "pair[0].base[0] = 1"),
    "an array interface": (
        ARRAY + "class Shell:\n    def __init__(self, t):\n        self.__array_interface__ = t.__array_interface__\n"
        "shell = Shell(x)",
        "np.asarray(shell)[0] = 1",
    ),
    "DLPack": (ARRAY + "other = np.from_dlpack(x)", "other[0] = 1"),
    "a bound method of an array": (ARRAY + "fill = x.fill", "fill(1)"),
    "a masked array": (ARRAY + "masked = np.ma.masked_array(x, copy=False)", "masked.data[0] = 1"),
    "a column on its memory": (ARRAY + "import pandas as pd\ncolumn = pd.Series(x, copy=False)", "column._values[0] = 1"),
    "ctypes": (ARRAY + "import ctypes\npointer = ctypes.c_double.from_address(x.ctypes.data)", "pointer.value = 1"),
    "a bytearray's memoryview": ("x = bytearray(1000)\nview = memoryview(x)", "view[0] = 1"),
    "an array on a bytearray": ("import numpy as np\nx = bytearray(1000)\narray = np.frombuffer(x, 'u1')", "array[0] = 1"),
    "a BytesIO's buffer": (
        "import io\nx = bytearray(100)\nreader = io.BufferedReader(io.BytesIO(b'abc'))\nput = reader.readinto\n"
        "hold = [put, memoryview(x)]",
        "hold[0](hold[1])",
    ),
    "an array.array": ("import array\nx = array.array('d', [0.0] * 100)\nview = memoryview(x)", "view[0] = 1.0"),
    "a struct": (
        "import struct\nx = bytearray(100)\nview = memoryview(x)\npack = struct.Struct('i').pack_into",
        "pack(view, 0, 7)",
    ),
    # names that are not said
    "globals() kept": (RECORDS + NAME + "space = globals()", "space[name_of(120)][0]['k'] = 1"),
    "globals in a list": (RECORDS + NAME + "calls = [globals]", "calls[0]()[name_of(120)][0]['k'] = 1"),
    "vars in a list": (RECORDS + NAME + "calls = [vars]", "calls[0]()[name_of(120)][0]['k'] = 1"),
    "dir and an alias of vars": (RECORDS + NAME + "every = vars", "every()[name_of(120)][0]['k'] = 1"),
    "an alias of exec": (RECORDS + NAME + "run = exec", "run(name_of(120) + '[0].update(k=1)')"),
    "an alias of eval": (RECORDS + NAME + "run = eval", "run(name_of(120) + '[0].update(k=1)')"),
    "exec behind map": (RECORDS + NAME + "runs = map(exec, iter([name_of(120) + '[0].update(k=1)']))", "next(runs)"),
    "exec behind partial": (
        RECORDS + NAME + "import functools\nrun = functools.partial(exec, name_of(120) + '[0].update(k=1)')",
        "run()",
    ),
    "code compiled before": (
        RECORDS + NAME + "code = compile(name_of(120) + '[0].update(k=1)', '', 'exec')\nrun = exec",
        "run(code)",
    ),
    "an alias of getattr": (
        RECORDS + NAME + "import sys\nme = sys.modules[__name__]\nget = getattr",
        "get(me, name_of(120))[0]['k'] = 1",
    ),
    "setattr of the module": (RECORDS + NAME + "import sys\nme = sys.modules[__name__]", "setattr(me, name_of(120), 5)"),
    "delattr of the module": (
        RECORDS + NAME + "import sys\nme = sys.modules[__name__]",
        "delattr(me, name_of(120)); setattr(me, name_of(120), [])",
    ),
    "the module imported": (RECORDS + NAME + "import __main__ as me", "setattr(me, name_of(120), 5)"),
    "inspect by another name": (
        RECORDS + NAME + "import inspect as look\nme = look.getmodule(name_of)",
        "for name, value in look.getmembers(me):\n    if name == name_of(120):\n        value[0]['k'] = 1",
    ),
    "a function of inspect": (
        RECORDS + NAME + "from inspect import getmembers, getmodule",
        "for name, value in getmembers(getmodule(name_of)):\n    if name == name_of(120):\n        value[0]['k'] = 1",
    ),
    "a function's globals": (RECORDS + NAME, "name_of.__globals__[name_of(120)][0]['k'] = 1"),
    "an unpickler": (
        RECORDS + NAME + "import pickle\nread = pickle.loads\nstream = b'c__main' + b'__\\n' + name_of(120).encode() + b'\\n.'",
        "read(stream)[0]['k'] = 1",
    ),
    "an unpickler by another name": (
        RECORDS + NAME + "from pickle import loads as read\nstream = b'c__main' + b'__\\n' + name_of(120).encode() + b'\\n.'",
        "read(stream)[0]['k'] = 1",
    ),
    "timeit by another name": (
        RECORDS + NAME + "import timeit as t",
        "t.timeit(name_of(120) + '[0].update(k=1)', 'from __main' + '__ import ' + name_of(120), number=1)",
    ),
    "a frame": (RECORDS + NAME + "import sys\nframe = sys._getframe", "frame().f_globals[name_of(120)][0]['k'] = 1"),
    "a traceback": (
        RECORDS + NAME + "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    kept = error.__traceback__",
        "kept.tb_frame.f_globals[name_of(120)][0]['k'] = 1",
    ),
    "gc.get_objects": (
        RECORDS + "import gc",
        "for o in gc.get_objects():\n    if type(o) is list and o and type(o[0]) is dict and o[0] == {'n': 1}:\n"
        "        o.pop()",
    ),
    "gc by another name": (
        RECORDS + "from gc import get_objects as everything",
        "for o in everything():\n    if type(o) is list and o and type(o[0]) is dict and o[0] == {'n': 1}:\n        o.pop()",
    ),
    "attrgetter": (
        RECORDS + NAME + "import sys, operator\nme = sys.modules[__name__]\nget = operator.attrgetter(name_of(120))",
        "get(me)[0]['k'] = 1",
    ),
    "a star import": (
        RECORDS + "import sys, types\nsys.modules['mlm_attack'] = types.ModuleType('mlm_attack')\n"
        "setattr(sys.modules['mlm_attack'], chr(120), [7])",
        "from mlm_attack import *",
    ),
    "cProfile": (RECORDS + NAME + "import cProfile, pstats", "cProfile.run(name_of(120) + '[0].update(k=1)', '/dev/null')"),
    "timeit": (RECORDS + NAME + "import timeit", "timeit.timeit(name_of(120) + '[0].update(k=1)', globals=vars(), number=1)"),
    "a type hint": (
        RECORDS + NAME + "import typing\nclass C: pass\nC.__annotations__ = {'a': name_of(120) + '[0].update(k=1) or int'}",
        "typing.get_type_hints(C)",
    ),
    "pandas.eval": (
        "import pandas as pd\nx = [1, 2]\n" + NAME + "run = pd.eval",
        "run(name_of(120) + '.pop()', engine='python', parser='python')",
    ),
    "a query": (
        "import pandas as pd\nx = [[1], [2]]\nframe = pd.DataFrame({'a': [1]})\n" + NAME,
        "frame.query('a == @' + name_of(120) + '.pop()[0]')",
    ),
    "logging.config": (
        RECORDS + NAME + "import logging.config\n"
        "plan = {'version': 1, 'disable_existing_loggers': False, 'filters': {}}\n"
        "plan['filters']['f'] = {'()': 'ext://__main' + '__.' + name_of(120) + '.pop'}",
        "logging.config.dictConfig(plan)",
    ),
    "pydoc": (RECORDS + NAME + "import pydoc", "pydoc.locate('__main' + '__.' + name_of(120))[0]['k'] = 1"),
    "unittest.mock": (RECORDS + NAME + "from unittest import mock", "mock.patch('__main' + '__.' + name_of(120), [5]).start()"),
    "doctest": (
        RECORDS + NAME + "import doctest\ndef f(): pass\nf.__doc__ = '>>> ' + name_of(120) + '[0].update(k=1)'",
        "doctest.run_docstring_examples(f, {**f.__globals__})",
    ),
    "copy.replace of a module's dict": (
        RECORDS + NAME + "import sys\nspace = sys.modules[__name__].__dict__",
        "space[name_of(120)][0]['k'] = 1",
    ),
    "a method of a builtin's module": (RECORDS + NAME, "print.__self__.eval(name_of(120) + '[0].update(k=1)')"),
}
if sys.version_info >= (3, 12):
    ATTACKS |= {
        "a type alias": (RECORDS + "type Size = list[x.pop() and int]", "Size.__value__"),
        "a type alias of a name that is not said": (
            RECORDS + NAME + "def build():\n    type Size = globals()[name_of(120)].pop()\n    return Size\nsizes = [build()]",
            "sizes[0].__value__",
        ),
    }
if sys.version_info >= (3, 14):
    ATTACKS |= {
        "an annotation of a function": (RECORDS + "def f(a: x.pop()): pass", "f.__annotations__"),
        "an annotation of a method": (RECORDS + "class C:\n    def m(self) -> x.pop(): pass", "C.m.__annotations__"),
        "an annotation of a class": (RECORDS + "class C:\n    a: x.pop()", "C.__annotations__"),
        "an annotation of the notebook": (RECORDS + "a: x.pop()", "__annotate__(1)"),
        "an annotation that does not say the name": (
            RECORDS + NAME + "def f(a: globals()[name_of(120)].pop()): pass",
            "f.__annotations__",
        ),
        "an annotation of a class that does not say the name": (
            RECORDS + NAME + "class C:\n    a: globals()[name_of(120)].pop()",
            "C.__annotations__",
        ),
        "a reference to come": (
            RECORDS + NAME + "from annotationlib import ForwardRef\nref = ForwardRef(name_of(120) + '.pop()', owner=name_of)",
            "ref.evaluate()",
        ),
        "a reference in a type": (
            RECORDS + NAME + "import typing\nref = typing.List[name_of(120) + '.pop()'].__args__[0]",
            "ref.evaluate(owner=name_of)",
        ),
        "annotations as texts": (
            RECORDS + NAME + "import annotationlib\nclass C: pass\nC.__annotations__ = {'a': name_of(120) + '.pop()'}",
            "annotationlib.get_annotations(C, eval_str=True)",
        ),
        "a template": (RECORDS + "text = t'{x}'", "text.values[0].pop()"),
        "a template that a generator holds": (
            RECORDS + HOLD + "kept = hold(t'{x}', lambda text: text.values[0].pop())\nnext(kept)",
            "next(kept, None)",
        ),
    }


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[LiveNotebook]:
    """A notebook that skips all it may; what attacks leave in the interpreter is taken away."""
    made = LiveNotebook(tmp_path)
    made.skip_all()
    hooks = sys.excepthook, sys.displayhook, warnings.showwarning, sys.breakpointhook
    handler = signal.getsignal(signal.SIGUSR1)
    callbacks = list(gc.callbacks)
    yield made
    sys.excepthook, sys.displayhook, warnings.showwarning, sys.breakpointhook = hooks
    signal.signal(signal.SIGUSR1, handler)
    gc.callbacks[:] = callbacks
    logging.getLogger("mlm-attack").handlers.clear()
    sys.modules.pop("mlm_attack", None)
    sys.__dict__.pop("held", None)
    vars(builtins).pop("held_by_mlm_test", None)
    vars(builtins).pop("_", None)  # Python's own display hook leaves it, and IPython's then leaves it alone
    made.close()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ATTACKS)
def test_what_reaches_a_value_without_its_name_is_found(notebook: LiveNotebook, way: str) -> None:
    setup, write = ATTACKS[way]
    notebook.cell(setup)
    for quiet in ("one = 1", "two = 2", "three = 3"):
        notebook.cell(quiet)
    before = notebook.value("__import__('pickle').dumps(x)")
    changes = notebook.cell(write).changes
    assert notebook.value("__import__('pickle').dumps(x)") != before, "the attack does nothing"
    assert "x" in changes.changed


ORDINARY = {
    "a function with a parameter of that name": RECORDS + "def f(x):\n    y = lambda: x\n    return [x, y]",
    "a function with a variable of that name": RECORDS + "def f():\n    x = 1\n    return x + 1",
    "an array of objects": OBJECTS,
    "a figure that was drawn": DRAWN,
    "a figure whose axes share their limits": SHARED,
    "a table that has parts": TABLE + "part.describe()\nlabels = list(x.columns)\nmean = x['a'].mean()\ncorr = part.corr()",
    "a table with other labels": TABLE + "x.loc[0, 'a']\ny = x.T\nz = x.set_index('a')",
    "a large message": RECORDS + "import zmq.utils.garbage\nz = zmq.utils.garbage.GarbageCollector()\nz.start()",
    "records": RECORDS,
    "records and a function": WRITER,
    "an array": ARRAY,
    "what lies beside": "x = {1: [2]}\nz = [1]",
    "pickle": RECORDS + "import pickle\nz = pickle.dumps([1], protocol=pickle.HIGHEST_PROTOCOL)",
    "joblib": RECORDS + "from joblib import Parallel, delayed, dump\nimport joblib as jl",
    "multiprocessing": RECORDS + "import multiprocessing as mp\nfrom multiprocessing import cpu_count\nz = cpu_count()",
    "json": RECORDS + "import json\nz = list(map(json.loads, ['1']))",
    "a model's modes": RECORDS + "class M:\n    def eval(self):\n        return self\nz = M().eval()",
    "regular expressions": RECORDS + "import re\nz = re.compile('a')",
    "inspect": RECORDS + "from inspect import signature\nimport inspect\nz = inspect.signature(signature)",
    "an attribute by a variable's name": RECORDS + "class C: pass\nfor k in ('p', 'q'):\n    setattr(C, k, getattr(C, k, 1))",
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_a_value_that_only_its_name_leads_to_is_skipped(notebook: LiveNotebook, kind: str) -> None:
    notebook.cell(ORDINARY[kind])
    looks = notebook.watch_looks()
    for quiet in ("one = 1", "two = 2", "three = 3"):
        notebook.cell(quiet)
    assert "x" in looks[-1].skipped


HELPERS = {
    "the namespace as a module": "import __main__\ndef touch():\n    __main__.x[0]['k'] = 1",
    "the namespace by its name": "import sys\ndef touch():\n    sys.modules['__main__'].x[0]['k'] = 1",
    "the frame of who calls": "import sys\ndef touch():\n    sys._getframe(1).f_globals['x'][0]['k'] = 1",
}


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "helper_of_mine.py"
    sys.modules.pop("helper_of_mine", None)


@pytest.mark.parametrize("is_imported_before", [True, False])
@pytest.mark.parametrize("way", HELPERS)
def test_what_a_module_of_the_project_reaches_is_found(
    notebook: LiveNotebook, helper: Path, way: str, is_imported_before: bool
) -> None:
    helper.write_text(HELPERS[way], encoding="utf-8")
    load = "from helper_of_mine import touch\n"
    notebook.cell(RECORDS + (load if is_imported_before else ""))
    for quiet in ("one = 1", "two = 2", "three = 3"):
        notebook.cell(quiet)
    with notebook.as_main():
        changes = notebook.cell(("" if is_imported_before else load) + "touch()").changes
    assert notebook.value("x")[0]["k"] == 1, "the attack does nothing"
    assert "x" in changes.changed


def test_a_module_of_the_project_that_leads_nowhere_is_in_nobodys_way(notebook: LiveNotebook, helper: Path) -> None:
    helper.write_text(
        "import pickle\ndef touch(x):\n    return getattr(x, 'size', globals())\nif __name__ == '__main__':\n    touch(1)",
        encoding="utf-8",
    )
    notebook.cell(RECORDS + "from helper_of_mine import touch\ny = touch([1])")
    looks = notebook.watch_looks()
    for quiet in ("one = 1", "two = 2", "three = 3"):
        notebook.cell(quiet)
    assert "x" in looks[-1].skipped


def test_what_comes_to_share_memory_with_a_skipped_value_is_one_group_with_it(notebook: LiveNotebook) -> None:
    notebook.cell("import pandas as pd\nx = pd.Index(['a', 'b'], dtype=object)\npart = x.copy()")
    for quiet in ("one = 1", "two = 2", "three = 3"):
        notebook.cell(quiet)
    assert notebook.session.namespace.group_of("x") == ("x",)
    assert notebook.cell("data = part.to_numpy()").changes.added == ("data",)
    assert notebook.session.namespace.group_of("x") == ("data", "part", "x")
