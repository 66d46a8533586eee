"""The line to the frontends that show this kernel: what they tell of their document, and what they are told of tracking.

It is one comm, opened by the kernel. Its messages go to every frontend; whoever comes later finds it by its target's name, and
who asks for it may speak at once, for its id is known. A frontend without our extension closes what it does not know: for the
others it stays open. Each page of ours speaks as soon as it knows of the comm; until one has, there is nobody to be told
anything. For a program that executes a notebook (nbclient, papermill) it is not even opened, until a page asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mlm_jupyter.core.digest import canonical_json
from mlm_jupyter.errors import InvalidInputError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

TARGET: Final = "mlm_jupyter"
"""The name of its target, and its id."""


class ToldDocument(msgspec.Struct, frozen=True):
    """The notebook as a frontend shows it: what is new or has changed since it told before."""

    cells: list[dict[str, Any]] = []
    order: list[str] | None = None
    metadata: dict[str, Any] | None = None
    path: str | None = None
    before: list[str] = []
    """Its paths before it was renamed, as far as the page has seen that; told with the path."""


class Told(msgspec.Struct, frozen=True):
    """What a frontend says, just before it asks for an execution."""

    document: ToldDocument | None = None
    author: str | None = None


class Saving(msgspec.Struct, frozen=True):
    """A cell's checkpoint that was made and is not on disk yet."""

    id: str
    source: str
    cell_id: str | None
    created_at: int


class Link:
    """A comm with whatever frontends there are; silent where there can be none.

    Parameters
    ----------
    hear : told what a frontend says; may raise InvalidInputError. What it returns is sent.
    tell : told, once, of a message that is not known.

    Attributes
    ----------
    is_heard : whether a page of ours has spoken since the kernel started; until then nothing is sent.
    """

    def __init__(self, shell: InteractiveShell, hear: Callable[[Told], Mapping[str, Any]], tell: Callable[[str], None]) -> None:
        self._shell = shell
        self._hear = hear
        self._tell = tell
        self._comm: Any = None
        self._has_told = False
        self.is_heard = False

    def open(self, **data: Any) -> None:
        """Open the comm, its first message ``data``, or send that where it is open; only an ipykernel has frontends."""
        if self._comm is not None:
            self.send(**data)
            return
        if getattr(self._shell, "kernel", None) is None:
            return
        with suppress(Exception):  # no tracking depends on being shown
            from comm import create_comm

            self._comm = create_comm(target_name=TARGET, comm_id=TARGET, data=plain(data))
            self._comm.on_msg(self._receive)
            self._comm.on_close(self._stay_open)

    def listen(self) -> None:
        """Open the comm for a page that has asked for it: it is there to hear."""
        self.is_heard = True
        self.open()

    def send(self, **data: Any) -> None:
        """Send to all frontends; nothing when nobody can be reached, or listens."""
        if self._comm is not None and self.is_heard:
            with suppress(Exception):
                self._comm.send(plain(data))

    def close(self, **data: Any) -> None:
        """Send a last message and close the comm."""
        self.send(**data)
        comm, self._comm = self._comm, None
        if comm is not None:
            with suppress(Exception):
                comm.on_close(None)
                comm.close()

    def end(self, **data: Any) -> None:
        """Send a last message. The comm ends with the process: JupyterLab, which has begun anew, would know none to close."""
        self.send(**data)
        comm, self._comm = self._comm, None
        if comm is not None:
            comm._closed = True

    def _receive(self, message: Mapping[str, Any]) -> None:
        try:
            answer = self._hear(msgspec.convert(plain(message["content"]["data"]), Told))
        except (msgspec.ValidationError, InvalidInputError, KeyError, TypeError) as error:
            if not self._has_told:
                self._has_told = True
                self._tell(
                    f"The page told of its notebook in a form that is not known here; after an upgrade, reload it. {error}"
                )
            return
        self.is_heard = True
        if answer:
            self.send(**answer)

    def _stay_open(self, message: object) -> None:
        """Undo what one frontend's closing did: the manager has forgotten the comm, the other frontends have not."""
        with suppress(Exception):
            from comm import get_comm_manager

            self._comm._closed = False
            get_comm_manager().register_comm(self._comm)


def plain(value: Any) -> Any:
    """Return what JSON, UTF-8 and SQLite can carry of ``value``: NaN is None, half a character is U+FFFD, a tuple is a list."""
    return msgspec.json.decode(canonical_json(value))
