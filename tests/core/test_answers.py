"""What is answered in words: how tracking stands, and what to do where it does not go by itself."""

from __future__ import annotations

import pytest

from mlm_jupyter.core.answers import TrackingStatus


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("tracking", "Tracking a.ipynb in /p; run r; standing on c."),
        ("paused", "Paused, tracking a.ipynb in /p; run r; standing on c. Go on with: %mlm_track resume"),
        ("manual", "Tracking a.ipynb in /p; run r; standing on c; checkpoints are made only with: %mlm_checkpoint"),
        ("off", "Not tracking. Start with: %mlm_track"),
    ],
)
def test_a_status_says_how_it_stands_and_how_to_go_on(state: str, text: str) -> None:
    fields = {"project": "/p", "notebook": "a.ipynb", "run": "r", "current": "c"} if state != "off" else {}
    assert repr(TrackingStatus(state=state, **fields)) == text  # type: ignore[arg-type]


def test_a_kernel_without_notebook_run_or_checkpoint_has_a_status_too() -> None:
    assert repr(TrackingStatus(state="tracking", project="/p")) == "Tracking this kernel in /p; run none."
