"""What IPython shows in a terminal, where there are no messages to read: its methods and the streams' are wrapped."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlm_jupyter.core.surrogates import storable

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mlm_jupyter.kernel.wire import Receive


class Terminal:
    """Hands what a terminal's IPython shows to ``receive``, as the messages that a kernel would have sent.

    Methods are wrapped on the objects themselves, so that streams stay what they are (``isatty``, ``fileno``...), and
    they are called first: what was not shown is not told. What IPython prints to show a display, a result or a traceback
    is not the text of a stream. Whatever goes wrong here, the user's call returns; ``failure`` says what went wrong first.
    """

    def __init__(self, shell: InteractiveShell, receive: Receive) -> None:
        self.failure: str | None = None
        self._shell = shell
        self._receive = receive
        self._wrapped: dict[tuple[int, str], tuple[Any, Any, Any]] = {}
        self._local = threading.local()
        self._is_on = False
        self._is_running = False

    def install(self) -> None:
        """Begin to listen."""
        if self._is_on:
            return
        self._is_on = True
        hook, publisher = self._shell.displayhook, self._shell.display_pub
        self._wrap_streams()
        self._wrap(publisher, "publish", self._on_publish)
        self._wrap(publisher, "clear_output", lambda wait=False: self._tell("clear_output", {"wait": wait}))
        self._wrap(hook, "write_output_prompt", lambda: None)
        self._wrap(hook, "write_format_data", self._on_result)
        self._wrap(hook, "finish_displayhook", lambda: None)
        self._wrap(self._shell, "_showtraceback", self._on_traceback)

    def uninstall(self) -> None:
        """Leave every object as it was found; a wrapper that somebody wrapped meanwhile only passes on."""
        self._is_on = False
        while self._wrapped:
            (_, name), (owner, wrapper, before) = self._wrapped.popitem()
            if vars(owner).get(name) is not wrapper:
                continue
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

    def begin(self) -> None:
        """Listen to the main thread too: a cell runs."""
        self._is_running = True
        if self._is_on:
            self._wrap_streams()

    def _wrap_streams(self) -> None:
        """Wrap the streams of this cell: around each, IPython 9 puts back the ``write`` that was there when the cell began."""
        for name, stream in {id(stream): (name, stream) for name, stream in _streams()}.values():
            self._wrap(stream, "write", functools.partial(self._on_write, name))

    def _on_write(self, name: str, text: str) -> None:
        self._tell("stream", {"name": name, "text": storable(text)})

    def drain(self) -> None:
        """Listen to other threads only: what the main thread writes after a cell is the prompt. Nothing is on its way."""
        self._is_running = False

    def _wrap(self, owner: Any, name: str, tell: Callable[..., None]) -> None:
        before = vars(owner).get(name) if hasattr(owner, "__dict__") else None
        if before is not None and before is self._wrapped.get((id(owner), name), (None, None))[1]:
            return
        method = getattr(owner, name)
        local = self._local

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if getattr(local, "is_inside", False):
                return method(*args, **kwargs)
            local.is_inside = True
            try:
                value = method(*args, **kwargs)
                if self._is_on and (self._is_running or threading.current_thread() is not threading.main_thread()):
                    self._try(tell, *args, **kwargs)
                return value
            finally:
                local.is_inside = False

        try:
            setattr(owner, name, wrapper)
        except (AttributeError, TypeError) as error:
            self.failure = self.failure or f"{type(error).__name__}: {error}"
        else:
            self._wrapped[id(owner), name] = (owner, wrapper, before)

    def _try(self, tell: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        try:
            tell(*args, **kwargs)
        except Exception as error:
            self.failure = self.failure or f"{type(error).__name__}: {error}"

    def _tell(self, kind: str, content: Mapping[str, Any], size_bytes: int = 0) -> None:
        self._receive(kind, None, content, size_bytes)

    def _on_publish(
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        source: object = None,
        *,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **_: object,
    ) -> None:
        kind = "update_display_data" if update else "display_data"
        self._tell_data(kind, data, {"transient": transient})

    def _on_result(self, format_dict: Mapping[str, Any], md_dict: Mapping[str, Any] | None = None) -> None:
        self._tell_data("execute_result", format_dict, {"execution_count": self._shell.displayhook.prompt_count})

    def _tell_data(self, kind: str, data: Mapping[str, Any], rest: Mapping[str, Any]) -> None:
        if "text/plain" in data:  # the one type a terminal shows
            text = storable(str(data["text/plain"]))
            self._tell(kind, {"data": {"text/plain": text}, "metadata": {}, **rest}, len(text))

    def _on_traceback(self, etype: type[BaseException], evalue: BaseException | None, stb: Sequence[str]) -> None:
        lines = [storable(line) for line in stb]
        self._tell("error", {"ename": etype.__name__, "evalue": storable(str(evalue)), "traceback": lines})


def _streams() -> Iterator[tuple[str, Any]]:
    """Give the streams by name; stdout last, whose name is the one of a stream that is both."""
    yield "stderr", sys.stderr
    yield "stdout", sys.stdout
