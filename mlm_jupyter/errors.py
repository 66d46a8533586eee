"""Every error a user can meet: one base, one class per thing the caller would do about it.

The message of an error says what went wrong, which thing, and what to do next, in one line. Errors are raised
where the fact is known and turned into a red line, an exit status or an HTTP status once, at the door.
"""

from __future__ import annotations

import os
import traceback
from itertools import takewhile
from pathlib import Path
from typing import Literal

_OURS = f"{Path(__file__).parent}{os.sep}"
_SHELLS = f"{os.sep}IPython{os.sep}core{os.sep}"


class MlmError(Exception):
    """Something this package was asked to do and cannot; ``str(error)`` is the whole story in one line.

    Parameters
    ----------
    listed_by : the verb that lists what there is instead; the advice is the command, and in a notebook the magic.
    """

    code = "error"

    def __init__(self, message: str, *, listed_by: Literal["history", "runs"] | None = None) -> None:
        super().__init__(message)
        self.message = f"{message} List them with: mlm {listed_by}" if listed_by else message
        self.message_in_notebook = f"{message} List them with: %mlm_{listed_by}" if listed_by else message

    def __str__(self) -> str:
        return self.message

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: one line, and above it the user's own calls where it is deeper than the cell."""
        frames = takewhile(lambda one: not one.filename.startswith(_OURS), traceback.extract_tb(self.__traceback__))
        own = [one for one in frames if _SHELLS not in one.filename]
        calls = traceback.format_list(own) if len(own) > 1 else []
        return [*(call.rstrip("\n") for call in calls), f"mlm: {line_of(self, in_notebook=True)}"]


class NotFoundError(MlmError, LookupError):
    """The thing named does not exist in this project."""

    code = "not_found"


class AmbiguousError(MlmError, LookupError):
    """A reference fits several things; the message lists them."""

    code = "ambiguous"


class InvalidInputError(MlmError, ValueError):
    """What was typed cannot be meant: a bad option, an unknown verb, an unreadable query."""

    code = "invalid_input"


class ConflictError(MlmError):
    """The wish contradicts what is there: a name already given, a run that has ended."""

    code = "conflict"


class StorageError(MlmError):
    """The disk or the database will not do it now: full, read-only, locked."""

    code = "storage"


class CorruptError(MlmError):
    """Stored bytes are not what their digest says."""

    code = "corrupt"


class UntrustedError(MlmError):
    """Nobody this user trusts signed it, so nothing of it is unpickled."""

    code = "untrusted"


class IncompatibleError(MlmError):
    """Written by a newer version of this package, or for another version of Python."""

    code = "incompatible"


def line_of(error: MlmError | OSError, *, in_notebook: bool = False) -> str:
    """Return what a door says of an error, in one line; of one of the system's, what cannot be done and with which file."""
    if isinstance(error, MlmError):
        text = error.message_in_notebook if in_notebook else error.message
    elif error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = error.strerror or str(error)
    return " ".join(text.split())
