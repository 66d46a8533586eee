"""Real stores in temporary folders, and real disks that are small or not to be written to."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import Packs


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / ".mlm", create=True)
    yield database
    database.close()


@pytest.fixture
def packs(database: Database) -> Packs:
    return Packs(database)


@pytest.fixture
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """A function that mounts a disk of its own, in memory: ``mount(size="1m")``, and again with ``remount="ro"``."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a disk to fill")
    folder = tmp_path_factory.mktemp("disk") / "mounted"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"this machine mounts no disks: {made.stderr.strip()}")

    def remount(options: str) -> Path:
        subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)
        return folder

    yield remount
    subprocess.run(["umount", "-l", str(folder)], check=True)
