"""What a kernel has beside variables: global random generators, the working directory, the module search path."""

from __future__ import annotations

import os
import pickle
import random
import sys
from collections.abc import Mapping
from pathlib import Path


def take_random() -> dict[str, bytes]:
    """Return the pickled state of each global generator of the libraries that are loaded."""
    taken = {"random": pickle.dumps(random.getstate(), 5)}
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        taken["numpy.random"] = pickle.dumps(numpy.get_state(), 5)
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        taken["torch"] = torch.get_rng_state().numpy().tobytes()
    return taken


def set_random(states: Mapping[str, bytes | bytearray]) -> None:
    """Put global generators back; a library that is not loaded keeps its own. Unpickles: verify first."""
    if "random" in states:
        random.setstate(pickle.loads(states["random"]))
    numpy = sys.modules.get("numpy.random")
    if numpy is not None and "numpy.random" in states:
        numpy.set_state(pickle.loads(states["numpy.random"]))
    torch = sys.modules.get("torch")
    if torch is not None and "torch" in states:
        torch.set_rng_state(torch.frombuffer(bytearray(states["torch"]), dtype=torch.uint8))


def take_place() -> tuple[str, tuple[str, ...]]:
    """Return the working directory ("" when it is gone) and the module search path."""
    try:
        cwd = str(Path.cwd())
    except OSError:
        cwd = ""
    return cwd, tuple(str(path) for path in sys.path)


def set_place(cwd: str, path: tuple[str, ...]) -> list[str]:
    """Go back to a working directory and a search path; return, in words, what was not possible."""
    sys.path[:] = path
    if not cwd:
        return []
    try:
        os.chdir(cwd)
    except OSError as error:
        return [f"the working directory was {cwd}: {error.strerror}"]
    return []
