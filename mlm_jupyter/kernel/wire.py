"""The kernel's outgoing messages, read in the order and at the place they leave for the frontends.

Everything a notebook shows passes through ``IOPubThread._really_send``: displays of any thread and subshell, errors (which
ipykernel sends directly), what forked children print. Reading there instead of wrapping ``OutStream.write`` gives the very
text that frontends get, with their interleaving of stdout and stderr, their parent and their JSON, and costs a write
nothing: it runs in ipykernel's IO thread, five times a second for a cell that prints.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

Receive = Callable[[str, str | None, Mapping[str, Any], int], None]
"""Takes a message: its type, its parent's id, its content, and the content's size in bytes of JSON."""

OUTPUT_KINDS: Final = frozenset({"stream", "display_data", "execute_result", "error"})
"""Types of messages that add an output."""

_KINDS: Final = OUTPUT_KINDS | {"update_display_data", "clear_output", "status", "comm_open", "comm_msg", "comm_close"}
_NEEDLES: Final = {"comm_open": (b"OutputModel",), "comm_msg": (b"msg_id", b"outputs"), "status": (b"idle",)}
"""Of these only messages that hold one of the words matter; the others may be megabytes, and are not unpacked."""
_METHODS: Final = ("_really_send", "send_multipart")
"""Where to read: the first is called in the order of sending; the second, public, in that of publishing."""

_DELIMITER: Final = b"<IDS|MSG>"
_PATIENCE_S: Final = 2.0

_stream_decoder = msgspec.json.Decoder(dict[str, str])


class Wire:
    """Hands every message on the IOPub channel of an ipykernel to ``receive``, in the IO thread, as it is sent.

    Whatever goes wrong here, the message is sent; ``failure`` then says what went wrong first.
    """

    def __init__(self, io_thread: Any, unpack: Callable[[bytes], Any], receive: Receive) -> None:
        self.failure: str | None = None
        self._io_thread = io_thread
        self._unpack = unpack
        self._receive = receive
        self._streams = (sys.stdout, sys.stderr)
        self._pid = os.getpid()
        self._is_on = False
        self._method = next(name for name in _METHODS if hasattr(io_thread, name))
        self._send: Any = None
        self._wrapper: Any = None

    def install(self) -> None:
        """Begin to listen."""
        self._is_on = True
        if self._wrapper is not None:
            return
        send = self._send = getattr(self._io_thread, self._method)

        def read_and_send(frames: Any, *args: Any, **kwargs: Any) -> Any:
            if self._is_on and os.getpid() == self._pid:
                try:
                    self._read(frames)
                except BaseException as error:
                    self.failure = self.failure or f"{type(error).__name__}: {error}"
            return send(frames, *args, **kwargs)

        self._wrapper = read_and_send
        setattr(self._io_thread, self._method, read_and_send)

    def uninstall(self) -> None:
        """Leave the thread as it was; if somebody wrapped it after us, ours stays below theirs and only passes on."""
        self._is_on = False
        thread, name = self._io_thread, self._method
        if self._wrapper is None or vars(thread).get(name) is not self._wrapper:
            return
        if getattr(self._send, "__func__", None) is getattr(type(thread), name):
            delattr(thread, name)
        else:
            setattr(thread, name, self._send)
        self._wrapper = None

    def begin(self) -> None:
        """Nothing needs to be done when a cell starts: messages name their parent."""

    def drain(self) -> None:
        """Wait until everything this thread has put out was sent, and so received."""
        streams = {id(stream): stream for stream in (*self._streams, sys.stdout, sys.stderr)}
        for stream in streams.values():
            if getattr(stream, "pub_thread", None):
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
            self._receive(kind, parent_id, self._unpack_content(kind, content), len(content))

    def _unpack_content(self, kind: str, content: bytes) -> Any:
        if kind == "stream":
            try:  # a third of the time for the only messages that come in bulk
                return _stream_decoder.decode(content)
            except (msgspec.MsgspecError, UnicodeDecodeError):  # another packer, or bytes that are no UTF-8
                pass
        return self._unpack(content)


def _bytes(frame: Any) -> bytes:
    return frame if isinstance(frame, bytes) else bytes(frame)
