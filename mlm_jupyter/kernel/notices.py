"""What the user is told, one line at a time, where they will see it."""

from __future__ import annotations

import collections
import sys
import threading
from typing import Any, Final

SOON_S: Final = 1.0


class Notices:
    """Lines for the user; they go to stderr, away from what a cell shows as its result.

    Most come from the thread that writes, when the cell they are about has ended. A line printed there would land in the
    cell that started the thread, far up in the notebook. So it is shown in the cell that runs next, which every
    frontend shows, headless ones too; or, where none comes soon, in the last cell.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._waiting: collections.deque[str] = collections.deque()
        self._last_parent: dict[str, Any] = {}

    def tell(self, message: str) -> None:
        """Show a line as soon as there is a good place for it."""
        self._waiting.append(f"mlm: {message}")
        if threading.get_ident() == self._thread:
            self.show()
            return
        timer = threading.Timer(SOON_S, self._show_in_last_cell)
        timer.daemon = True
        timer.name = "mlm-notices"
        timer.start()

    def enter_cell(self, parent: dict[str, Any]) -> None:
        """Show what waits: a cell has begun, by the request ``parent``."""
        self._last_parent = parent
        self.show()

    def show(self) -> None:
        """Show what waits, here and now."""
        while self._waiting:
            print(self._waiting.popleft(), file=sys.stderr)

    def _show_in_last_cell(self) -> None:
        set_parent = getattr(sys.stderr, "set_thread_parent", None)  # of ipykernel's streams
        if set_parent is not None and self._last_parent:
            set_parent(self._last_parent)
        self.show()
