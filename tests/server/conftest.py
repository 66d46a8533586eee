from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from past import Past

pytest_plugins = ("pytest_jupyter.jupyter_server",)


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"mlm_jupyter": True}, "allow_unauthenticated_access": False}}


@pytest.fixture
def past(jp_root_dir: Path) -> Iterator[Past]:
    """A project in a folder under the server's root, being written to by a kernel."""
    folder = jp_root_dir / "work"
    folder.mkdir()
    (folder / "train.ipynb").write_text("{}")
    past = Past(folder)
    yield past
    past.close()
