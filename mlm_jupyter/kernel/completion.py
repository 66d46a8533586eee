"""Tab behind a magic: its verbs and options, references, and names of variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlm_jupyter.kernel.arguments import Signature

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mlm_jupyter.kernel.tracker import Tracker


def complete_magics(shell: InteractiveShell, tracker: Tracker, signatures: Mapping[str, Signature]) -> None:
    """Let ``shell`` complete what these magics take."""
