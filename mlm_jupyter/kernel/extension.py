"""``%load_ext mlm_jupyter``: the tracker of a shell, its magics and its hooks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mlm_jupyter.kernel.tracker import Tracker

_trackers: dict[int, Tracker] = {}


def load(shell: InteractiveShell) -> Tracker:
    """Add magics and hooks to a shell, once; tracking starts with ``%mlm_track`` or the setting ``track_automatically``."""
    from mlm_jupyter.kernel.magics import MlmMagics
    from mlm_jupyter.kernel.tracker import Tracker

    tracker = _trackers.get(id(shell))
    if tracker is None:
        tracker = _trackers[id(shell)] = Tracker(shell)
        tracker.register()
        shell.register_magics(MlmMagics(shell, tracker))
        tracker.start_if_automatic()
    return tracker


def unload(shell: InteractiveShell) -> None:
    """Stop tracking and take the hooks out; the magics stay until the kernel ends, as IPython has it."""
    tracker = _trackers.pop(id(shell), None)
    if tracker is not None:
        tracker.unregister()


def find_shell() -> InteractiveShell | None:
    """Return the shell this code runs in, without importing IPython where there is none."""
    ipython: Any = sys.modules.get("IPython")
    shell: InteractiveShell | None = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return shell


def find_tracker() -> Tracker | None:
    """Return the tracker of the shell this code runs in; None outside IPython and before the extension is loaded."""
    shell = find_shell()
    return None if shell is None else _trackers.get(id(shell))
