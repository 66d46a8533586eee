"""What tests in every folder may ask for: live notebooks, and hypothesis as it is where others use the machine too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from livenotebook import LiveNotebook, Open

settings.register_profile("shared-machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared-machine")


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
