"""Where a project lives: the folder that holds ``.mlm/``, found from the place where somebody works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from mlm_jupyter.files import is_file, is_folder, is_there

FOLDER_NAME: Final = ".mlm"
_MARKERS: Final = (".git", "pyproject.toml")

# File systems that another machine writes to as well: shared memory between processes, which SQLite's write-ahead log
# needs (https://sqlite.org/wal.html, point 2), does not reach across. Folders that a virtual machine shares are some.
_NETWORK_TYPES: Final = {
    *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "afpfs", "webdav", "davfs", "coda"),
    *("lustre", "gpfs", "beegfs", "ceph", "glusterfs", "orangefs", "pvfs2", "ocfs2", "gfs2", "panfs", "wekafs"),
    *("9p", "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "macfuse", "osxfuse"),
}
_LOCAL_FUSE_TYPES: Final = {"fuse.ntfs-3g", "fuse.bindfs", "fuse.mergerfs", "fuse.fuse-overlayfs"}


def find_project(start: Path, *, environ: Mapping[str, str]) -> Path | None:
    """Return the folder that holds the ``.mlm/`` in which work at ``start`` is recorded, or None where there is none.

    ``MLM_PROJECT`` names it, else it is the nearest ancestor; the search ends at the home folder and at mount points.
    """
    named = _named_project(environ)
    if named is not None:
        return named if is_folder(named / FOLDER_NAME) else None
    return next((folder for folder in _ancestors(start, environ) if is_folder(folder / FOLDER_NAME)), None)


def choose_project(start: Path, *, environ: Mapping[str, str]) -> Path:
    """Return the folder in which the project of work at ``start`` is, or is to be made.

    The project that is there, else the nearest ancestor with ``.git`` or ``pyproject.toml``, else ``start`` itself.
    A home folder that is a repository (of dotfiles, say) does not become the project of everything under it.
    """
    found = _named_project(environ) or find_project(start, environ=environ)
    if found is not None:
        return found
    home = _home(environ)
    for folder in _ancestors(start, environ):
        if folder != home and any(is_there(folder / marker) for marker in _MARKERS):
            return folder
    return _folder_of(start)


def is_frozen(store: Path) -> bool:
    """Tell whether there is a ``.mlm`` folder at ``store`` in which nothing can be written, so that it is only read."""
    return is_folder(store) and not os.access(store, os.W_OK)


def _named_project(environ: Mapping[str, str]) -> Path | None:
    name = environ.get("MLM_PROJECT", "")
    if not name:
        return None
    folder = Path(name).expanduser().resolve()
    return folder.parent if folder.name == FOLDER_NAME else folder


def _ancestors(start: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    home = _home(environ)
    nearest = _folder_of(start)
    for folder in (nearest, *nearest.parents):
        yield folder
        if folder == home or os.path.ismount(folder):
            return


def _folder_of(start: Path) -> Path:
    start = start.resolve()
    return start.parent if is_file(start) else start


def _home(environ: Mapping[str, str]) -> Path | None:
    home = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(home).resolve() if home else None


def is_network_filesystem(path: Path) -> bool:
    """Tell whether ``path``, or the nearest ancestor of it that exists, is on a disk that several machines may share."""
    path = path.resolve()
    if sys.platform == "linux":
        try:
            mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape"))
        except OSError:
            return False
    elif sys.platform == "darwin":
        listing = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
        mounts = parse_mount_listing(listing)
    else:
        return False
    return is_network_type(type_of_mount(path, mounts))


def parse_mountinfo(text: str) -> list[tuple[str, str]]:
    """Return ``(mount point, type)`` of every line of Linux's ``/proc/self/mountinfo``, in order (proc(5))."""
    mounts = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        if dash:
            point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), before.split(" ")[4])
            mounts.append((point, after.split(" ")[0]))
    return mounts


def parse_mount_listing(text: str) -> list[tuple[str, str]]:
    """Return ``(mount point, type)`` of every line that macOS's ``mount`` prints: ``disk on /point (type, options)``."""
    return re.findall(r"^.*? on (/.*) \(([^,)]+)", text, re.MULTILINE)


def type_of_mount(path: Path, mounts: list[tuple[str, str]]) -> str:
    """Return the type of the file system ``path`` is on: the deepest mount point above it, the last mounted there."""
    found, depth = "", -1
    for point, kind in mounts:
        parts = len(Path(point).parts)
        if parts >= depth and path.is_relative_to(point):
            found, depth = kind, parts
    return found


def is_network_type(kind: str) -> bool:
    """Tell whether file systems of this type are shared between machines; of FUSE's, all but the local disks are."""
    return kind in _NETWORK_TYPES or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE_TYPES)
