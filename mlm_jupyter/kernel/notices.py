"""What the user is told, one line at a time, where they will see it; and what goes wrong kept away from their cells."""

from __future__ import annotations

import collections
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

SOON_S: Final = 1.0


class Notices:
    """Lines for the user; they go to stderr, away from what a cell shows as its result.

    Most come from the thread that writes, when the cell they are about has ended. A line printed there would land in the
    cell that started the thread, far up in the notebook; one printed while a frontend's question is answered, nowhere. So it
    is shown in the cell that runs next, which every frontend shows, headless ones too; or, where none comes soon, in the
    last cell.

    Parameters
    ----------
    is_in_cell : whether what is printed now lands in a cell that the user sees.
    """

    def __init__(self, is_in_cell: Callable[[], bool]) -> None:
        self._is_in_cell = is_in_cell
        self._thread = threading.get_ident()
        self._waiting: collections.deque[str] = collections.deque()
        self._last_parent: dict[str, Any] = {}

    def tell(self, message: str) -> None:
        """Show a line as soon as there is a good place for it."""
        self._waiting.append(f"mlm: {message}")
        if threading.get_ident() == self._thread and self._is_in_cell():
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
        elif set_parent is not None:  # no cell yet: the first will show it
            return
        self.show()

    @contextmanager
    def guard(self, when: str) -> Iterator[None]:
        """Keep whatever goes wrong in the block away from the user's cell, and say it in one line."""
        try:
            yield
        except KeyboardInterrupt:
            self.tell("interrupted while looking at the variables; what changed is in the next checkpoint.")
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            what = f"{type(error).__name__}: {error} ({place})"
            self.tell(f"{when} tracking failed: {what}. Your code is not affected; the history may lack what it did.")
