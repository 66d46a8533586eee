"""Whether something is on the disk, in every Python alike: what cannot be looked at is an error, not a no.

From Python 3.14 on ``Path.exists`` and its like say no of what lies in a folder that may not be read, or on a disk that does
not answer. To us that would be a project that nobody made, a notebook that was renamed, a log that may be passed over.
"""

from __future__ import annotations

import errno
import stat
from pathlib import Path
from typing import Final

_NOTHING_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def is_there(path: Path) -> bool:
    """Return whether there is anything at ``path``; raises OSError where that cannot be known."""
    return _mode_of(path) != 0


def is_file(path: Path) -> bool:
    """Return whether there is a regular file at ``path``; raises OSError where that cannot be known."""
    return stat.S_ISREG(_mode_of(path))


def is_folder(path: Path) -> bool:
    """Return whether there is a folder at ``path``; raises OSError where that cannot be known."""
    return stat.S_ISDIR(_mode_of(path))


def _mode_of(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return 0
        raise
