"""What tests in every folder may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from livenotebook import LiveNotebook, Open


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Open]:
    """Open one more kernel on the test's project."""
    made: list[LiveNotebook] = []

    def make(**options: Any) -> LiveNotebook:
        made.append(LiveNotebook(tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def notebook(fresh: Open) -> LiveNotebook:
    """A kernel on the test's project."""
    return fresh()
