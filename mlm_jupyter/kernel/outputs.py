"""The outputs of every cell execution, as the notebook shows them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.core.outputs import LIMIT_BYTES, Output, OutputArea, display_id_of
from mlm_jupyter.kernel.terminal import Terminal
from mlm_jupyter.kernel.widgets import OutputWidgets
from mlm_jupyter.kernel.wire import OUTPUT_KINDS, Wire

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_REMEMBERED: Final = 1000


class OutputRecorder:
    """Collects what each execution puts out, and what arrives for it after it was taken.

    An execution goes through ``begin``, ``end`` and ``final``. What comes after ``final`` is late: ``on_late`` tells of
    it, once until ``take_late`` hands it out. All methods can be called from any thread. The callbacks are called in the
    thread that publishes (ipykernel's IO thread) and must not wait.

    Parameters
    ----------
    shell : an ipykernel's shell, or IPython's in a terminal.
    limit_bytes : how much is kept of one execution; see `OutputArea`.

    Attributes
    ----------
    on_idle : called with the key of an execution when the kernel has told the frontends that it is over. Its outputs are
        complete, but for background work, so that this is the moment to call ``final``. Never called in a terminal.
    on_late : called with the key of an execution that has late output.
    """

    def __init__(self, shell: InteractiveShell, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.on_idle: Callable[[str], None] | None = None
        self.on_late: Callable[[str], None] | None = None
        self._limit_bytes = limit_bytes
        self._lock = threading.RLock()
        self._keys: dict[str | None, str] = {}
        self._areas: dict[str, OutputArea] = {}
        self._late: dict[str, None] = {}
        self._widgets = OutputWidgets(limit_bytes)
        io_thread = getattr(getattr(shell, "kernel", None), "iopub_thread", None)
        session = getattr(shell.display_pub, "session", None)
        self._source = (
            Wire(io_thread, session.unpack, self._receive) if io_thread and session else Terminal(shell, self._receive)
        )

    @property
    def failure(self) -> str | None:
        """What went wrong first while recording, if anything did: outputs may be missing since."""
        return self._source.failure

    @property
    def widget_outputs(self) -> Mapping[str, list[Output]]:
        """What each Output widget shows, by the widget's model id."""
        with self._lock:
            return self._widgets.outputs()

    def install(self) -> None:
        """Begin to record; doing it twice is doing it once."""
        self._source.install()

    def uninstall(self) -> None:
        """Stop recording and leave IPython and ipykernel as they were found."""
        self._source.uninstall()

    def begin(self, parent_id: str | None, key: str) -> None:
        """Collect what the request ``parent_id`` puts out under ``key``, from now on.

        Parameters
        ----------
        parent_id : ``shell.get_parent()["header"]["msg_id"]``; None in a terminal, where it means whoever writes.
        key : names this execution; not used before.
        """
        if parent_id in self._keys:
            self._source.drain()
        with self._lock:
            self._keys[parent_id] = key
            self._areas[key] = OutputArea(self._limit_bytes)
            if len(self._areas) > _REMEMBERED:
                self._forget(next(iter(self._areas)))
        self._source.begin()

    def end(self, key: str) -> list[Output]:
        """Return the outputs so far: everything that the calling thread has put out is there.

        In an ipykernel this waits for the IO thread, about 0.3 ms; who waits for ``on_idle`` need not call it.
        """
        self._source.drain()
        with self._lock:
            area = self._areas.get(key)
            return area.snapshot() if area else []

    def final(self, key: str) -> list[Output]:
        """Return the outputs and forget them; what comes later is late. A second time, and for an unknown key: []."""
        with self._lock:
            area = self._areas.get(key)
            return area.take() if area and not area.is_taken else []

    def take_late(self) -> list[tuple[str, list[Output]]]:
        """Return the late records since the last time, by key; ``core.outputs.join`` applies them to the outputs.

        Many prints and updates become few records, so it pays to ask seldom: when a cell has ended, and while none runs
        every few seconds.
        """
        with self._lock:
            late = [(key, self._areas[key].take()) for key in self._late if key in self._areas]
            self._late.clear()
        return [(key, records) for key, records in late if records]

    def _forget(self, key: str) -> None:
        del self._areas[key]
        for parent_id in [parent for parent, of_parent in self._keys.items() if of_parent == key]:
            del self._keys[parent_id]

    def _receive(self, kind: str, parent_id: str | None, content: Mapping[str, Any], size_bytes: int) -> None:
        with self._lock:
            late = self._record(kind, parent_id, content, size_bytes)
            late = [key for key in late if key not in self._late]
            self._late |= dict.fromkeys(late)
            ended = self._keys.get(parent_id) if kind == "status" else None
        if self.on_late:
            for key in late:
                self.on_late(key)
        if ended and self.on_idle:
            self.on_idle(ended)

    def _record(self, kind: str, parent_id: str | None, content: Mapping[str, Any], size_bytes: int) -> list[str]:
        """Put a message where it belongs and return the keys for which it is late."""
        if kind.startswith("comm_"):
            self._widgets.receive(kind, content)
            return []
        changed = self._update(content, size_bytes) if kind in ("display_data", "update_display_data") else []
        if kind in OUTPUT_KINDS or kind == "clear_output":
            capturing = self._widgets.find_capturing(parent_id)
            key = self._keys.get(parent_id)
            if capturing:
                capturing.add(kind, content, size_bytes)
            elif key is not None:
                self._areas[key].add(kind, content, size_bytes)
                changed.append(key)
        return [key for key in changed if self._areas[key].is_taken]

    def _update(self, content: Mapping[str, Any], size_bytes: int) -> list[str]:
        """Update the outputs that have this display id, in whatever cell; return the keys of those cells."""
        display_id = display_id_of(content)
        if not display_id:
            return []
        return [key for key, area in self._areas.items() if area.update(display_id, content, size_bytes)]
