"""Runs inside the kernels that are measured, whatever interpreter they have: what is there, and what it costs.

It is imported by an expression, never into the user's namespace, so that no tracker has more to look at.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import pickle
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_SHELL = frozenset({"In", "Out", "exit", "quit", "open", "get_ipython", "init_kishu", "kishu", "dill"})


def cpu_s() -> float:
    """Return the CPU seconds of this process and all its threads."""
    return time.process_time()


def peak_mb() -> float:
    """Return the most memory this process had."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would begin with the size of the process that started this one
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def look(namespace: dict[str, Any], checks: Iterable[str]) -> str:
    """Return the fingerprints of all variables and the values of some expressions, as JSON."""
    names = [name for name in dict.keys(namespace) if not name.startswith("_") and name not in _SHELL]
    values = {name: dict.__getitem__(namespace, name) for name in names}  # a tracker's dict must not notice
    variables = {name: repr(fingerprint(value)) for name, value in values.items() if not inspect.ismodule(value)}
    return json.dumps({"variables": variables, "checks": check(namespace, checks)})


def check(namespace: dict[str, Any], checks: Iterable[str]) -> dict[str, str]:
    """Return the values of some expressions, as text."""
    values = {}
    for expression in checks:
        try:
            values[expression] = repr(eval(expression, namespace))
        except Exception as error:
            values[expression] = repr(error)
    return values


def best_ms(work: Callable[[], object], *, times: int = 3) -> float:
    """Return how long ``work`` takes, at best."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return min(took) * 1e3


def pickle_ms(value: object) -> float:
    """Return what Python's own pickle, in C, takes for ``value``."""
    return best_ms(lambda: pickle.dumps(value, protocol=5))


def fingerprint(value: Any) -> object:
    """Return something that is equal for equal values, across kernels."""
    try:
        return _fingerprint(value)
    except Exception as error:
        return ("error", repr(error))


def _fingerprint(value: Any) -> object:
    kind = type(value).__name__
    for fits, describe in _KINDS:
        if fits(value):
            return (kind, describe(value))
    return (kind, _ADDRESS.sub("", repr(value))[:500])


def _array(value: Any) -> object:
    numpy = sys.modules["numpy"]
    data = pickle.dumps(value) if value.dtype.hasobject else numpy.ascontiguousarray(value).view(numpy.uint8)
    return str(value.dtype), value.shape, hashlib.blake2b(data).hexdigest()


def _table(value: Any) -> object:
    hashes = sys.modules["pandas"].util.hash_pandas_object(value)
    kinds, columns = str(getattr(value, "dtypes", None)), repr(getattr(value, "columns", None))
    return kinds, columns, hashlib.blake2b(hashes.values.tobytes()).hexdigest()


def _function(value: Any) -> object:
    if value.__module__ != "__main__":
        return value.__module__, value.__qualname__
    return value.__code__.co_code.hex(), _ADDRESS.sub("", repr(value.__code__.co_consts))


def _estimator(value: Any) -> object:
    import joblib  # type: ignore[import-untyped]

    return joblib.hash(value)


def _is(module: str, *names: str) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        loaded = sys.modules.get(module)
        return loaded is not None and isinstance(value, tuple(getattr(loaded, name) for name in names))

    return fits


_KINDS: list[tuple[Callable[[Any], bool], Callable[[Any], object]]] = [
    (_is("numpy", "ndarray"), _array),
    (_is("pandas", "DataFrame", "Series"), _table),
    (_is("numpy.random", "Generator"), lambda value: repr(value.bit_generator.state)),
    (inspect.isfunction, _function),
    (
        lambda value: isinstance(value, dict),
        lambda value: [(repr(key), fingerprint(item)) for key, item in value.items()],
    ),
    (lambda value: isinstance(value, (list, tuple)), lambda value: [fingerprint(item) for item in value]),
    (lambda value: hasattr(value, "get_params") and hasattr(value, "fit") and not isinstance(value, type), _estimator),
    (
        lambda value: type(value).__module__ == "__main__" and hasattr(value, "__dict__"),
        lambda value: sorted(vars(value)),
    ),
]
