"""The memory of a notebook: every cell run is a checkpoint you can list, compare and restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlm_jupyter.api import (
    checkpoint,
    diff,
    end_run,
    flush,
    history,
    log_artifact,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    open_project,
    pause,
    restore,
    resume,
    set_tag,
    start_run,
    status,
    stop,
    track,
    undo,
)
from mlm_jupyter.errors import MlmError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = [
    "MlmError",
    "checkpoint",
    "diff",
    "end_run",
    "flush",
    "history",
    "log_artifact",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "open_project",
    "pause",
    "restore",
    "resume",
    "set_tag",
    "start_run",
    "status",
    "stop",
    "track",
    "undo",
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add ``%mlm_track`` and its kin to a notebook; called by ``%load_ext mlm_jupyter``."""
    from mlm_jupyter.kernel.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Stop tracking; called by ``%unload_ext mlm_jupyter``."""
    from mlm_jupyter.kernel.extension import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Name the server's half; called by Jupyter's server, which alone pays for importing it."""
    from mlm_jupyter.server.extension import MlmServer

    return [{"module": "mlm_jupyter", "app": MlmServer}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Name the browser's half; called by ``jupyter labextension develop``."""
    return [{"src": "labextension", "dest": "mlm-jupyter"}]


def __getattr__(name: str) -> str:
    if name == "__version__":  # read from the metadata only when asked for
        from importlib.metadata import version

        return version("mlm_jupyter")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
