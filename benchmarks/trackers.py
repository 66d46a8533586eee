"""The ways to remember a notebook that are compared: none, ours, and the peers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

_DILL = """
import os as _os, dill as _dill
def _dump(result):
    _os.makedirs("dill", exist_ok=True)
    _dill.dump_session("dill/%04d.dill" % len(_os.listdir("dill")))
get_ipython().events.register("post_run_cell", _dump)
"""


@dataclass(frozen=True)
class Tracker:
    """How a tracker is used from outside the kernel. All are code for the kernel, or expressions."""

    name: str
    python: str = sys.executable
    load: str = ""
    start: str = ""
    settle: str = ""
    """An expression that returns when everything is stored."""
    checkpoints: str = "[]"
    """An expression: the ids of the checkpoints, oldest first."""
    restore: str = ""
    """An expression, with ``{id}``, that goes back to one."""
    files: str = ""
    """A pattern: the files in the folder of the notebook that hold what was stored."""

    def disk_mb(self, folder: Path) -> float:
        """Return how much is stored in a folder."""
        files = folder.glob(self.files) if self.files else []
        return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


UNTRACKED = Tracker("untracked")

MLM = Tracker(
    "mlm_jupyter",
    load="%load_ext mlm_jupyter",
    start="%mlm_track",
    settle="__import__('mlm_jupyter').flush()",
    checkpoints="[each.id for each in __import__('mlm_jupyter').open_project().checkpoints()][::-1]",
    restore="__import__('mlm_jupyter').restore({id!r})",
    files=".mlm/**/*",
)


def kishu(python: str) -> Tracker:
    """Return kishu, installed for an interpreter of its own."""
    return Tracker(
        "kishu",
        python,
        load="from kishu import init_kishu",
        start="init_kishu()",
        checkpoints="[each.commit_id for each in _kishu._kishu_graph.list_history()][::-1]",
        restore="_kishu.checkout({id!r})",
        files="*.kishudb*",
    )


def dill(python: str) -> Tracker:
    """Return dill's dump of the whole session after each cell."""
    return Tracker(
        "dill",
        python,
        start=_DILL,
        checkpoints="sorted(__import__('os').listdir('dill'))",
        restore="__import__('dill').load_session('dill/' + {id!r})",
        files="dill/*",
    )


def environment(folder: Path, notebook: Path) -> dict[str, str]:
    """Return what trackers need to know of a notebook, and what keeps them out of the user's own folders."""
    return {
        "JPY_SESSION_NAME": str(notebook),
        "IPYTHONDIR": str(folder / "ipython"),
        "MLM_PROJECT": str(folder),
        "MLM_KEY_FILE": str(folder / "key"),
        "TEST_NOTEBOOK_PATH": str(notebook),
        "ENV_KISHU_TEST_MODE": "true",
        "KISHU_PATH_ROOT": str(folder),
    }
