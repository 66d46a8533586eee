"""Bring the last checkpoint of a project back in a kernel that has run nothing: python in_a_fresh_kernel.py [FOLDER]."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

import mlm_jupyter as mlm


def show(message: dict[str, Any]) -> None:
    """Print the text of an output."""
    content = message["content"]
    text = content.get("text") or content.get("data", {}).get("text/plain", "")
    if text:
        print(text.rstrip("\n"), flush=True)


def main(folder: Path) -> None:
    """Print what a fresh kernel has before the restore and after it."""
    with mlm.open_project(folder) as project:
        checkpoint = project.get_checkpoint("latest")
    manager, client = start_new_kernel(cwd=str(folder), stderr=subprocess.DEVNULL)  # where it warns of its own transport
    try:
        for cell in (
            "%load_ext mlm_jupyter\n%mlm_track",
            "'fitted' in globals()",
            f"%mlm_restore {checkpoint.id}",
            "best_name, round(best_r2, 3), features.shape",
            "fitted[best_name].predict(X_test)[:3].round(1)",
        ):
            print("\n".join(f"In:  {line}" for line in cell.splitlines()), flush=True)
            reply = client.execute_interactive(cell, timeout=120, output_hook=show)
            if reply["content"]["status"] != "ok":
                sys.exit(f"{reply['content']['ename']}: {reply['content']['evalue']}")
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
