"""The kernel's outgoing messages, read in the order and at the place they leave for the frontends.

Everything a notebook shows passes through ``IOPubThread._really_send``: displays of any thread and subshell, errors (which
ipykernel sends directly), what forked children print. Reading there instead of wrapping ``OutStream.write`` gives exactly the
frontends' text, with their interleaving of stdout and stderr, their parent and their JSON, and costs nothing a write: it runs
in ipykernel's IO thread, five times a second for a cell that prints.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

Receive = Callable[[str, str | None, Mapping[str, Any], int], None]
"""Takes a message: its type, its parent's id, its content, and the content's size in bytes of JSON."""

OUTPUT_KINDS: Final = frozenset({"stream", "display_data", "execute_result", "error"})
"""Types of messages that add an output."""

_KINDS: Final = OUTPUT_KINDS | {"update_display_data", "clear_output", "status", "comm_open", "comm_msg", "comm_close"}
_NEEDLES: Final = {"comm_open": (b"OutputModel",), "comm_msg": (b"msg_id", b"outputs"), "status": (b"idle",)}
"""Of these only messages that hold one of the words matter; the others may be megabytes, and are not unpacked."""
_DELIMITER: Final = b"<IDS|MSG>"
_PATIENCE_S: Final = 2.0


class Wire:
    """Hands every message on the IOPub channel of an ipykernel to ``receive``, in the IO thread, as it is sent.

    Whatever goes wrong here, the message is sent; ``failure`` then says what went wrong first.
    """

    def __init__(self, io_thread: Any, unpack: Callable[[bytes], Any], receive: Receive) -> None:
        self.failure: str | None = None
        self._io_thread = io_thread
        self._unpack = unpack
        self._receive = receive
        self._streams = [stream for stream in (sys.stdout, sys.stderr) if hasattr(stream, "pub_thread")]
        self._pid = os.getpid()
        self._is_on = False
        self._send: Any = None
        self._wrapper: Any = None

    def install(self) -> None:
        """Begin to listen."""
        self._is_on = True
        if self._wrapper is not None:
            return
        send = self._send = self._io_thread._really_send

        def read_and_send(frames: Any, *args: Any, **kwargs: Any) -> Any:
            if self._is_on and os.getpid() == self._pid:
                try:
                    self._read(frames)
                except BaseException as error:
                    self.failure = self.failure or f"{type(error).__name__}: {error}"
            return send(frames, *args, **kwargs)

        self._wrapper = self._io_thread._really_send = read_and_send

    def uninstall(self) -> None:
        """Leave the thread as it was; if somebody wrapped it after us, ours stays below theirs and only passes on."""
        self._is_on = False
        if vars(self._io_thread).get("_really_send") is not self._wrapper or self._wrapper is None:
            return
        if getattr(self._send, "__func__", None) is type(self._io_thread)._really_send:
            del self._io_thread._really_send
        else:
            self._io_thread._really_send = self._send
        self._wrapper = None

    def begin(self) -> None:
        """Nothing needs to be done when a cell starts: messages name their parent."""

    def drain(self) -> None:
        """Wait until everything this thread has put out was sent, and so received."""
        for stream in self._streams:
            stream.flush()
        thread = self._io_thread.thread
        if thread.is_alive() and thread is not threading.current_thread():
            is_sent = threading.Event()
            self._io_thread.schedule(is_sent.set)
            is_sent.wait(_PATIENCE_S)

    def _read(self, frames: Any) -> None:
        start = 1 + next(place for place, frame in enumerate(frames) if frame == _DELIMITER)
        header, parent, content = (_bytes(frames[start + offset]) for offset in (1, 2, 4))
        kind = self._unpack(header)["msg_type"]
        if kind in _KINDS and any(needle in content for needle in _NEEDLES.get(kind, (b"",))):
            parent_id = self._unpack(parent).get("msg_id")
            self._receive(kind, parent_id, self._unpack(content), len(content))


def _bytes(frame: Any) -> bytes:
    return frame if isinstance(frame, bytes) else bytes(frame)
