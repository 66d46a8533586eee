"""Which process is which, and whether it is still there: a run is known to be killed by its process being gone.

A process is named by its host, its number and when it started, because numbers are used again.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from functools import cache
from pathlib import Path
from typing import Final

from mlm_jupyter.core.entities import Session

HEARTBEAT_S: Final = 12.0
_SILENT_MS: Final = 180_000  # a host whose clock or network stutters misses a few heartbeats
_START_TOLERANCE_MS: Final = 2_000  # the kernel knows the time of boot to the second only


def start_session(id: str, *, author: str, started_at: int, notebook: str | None = None) -> Session:
    """Return the session of this process."""
    return Session(
        id=id,
        started_at=started_at,
        pid=os.getpid(),
        process_started_at=find_process_start(os.getpid()) or started_at,
        host=host_name(),
        python=platform.python_version(),
        author=author,
        notebook=notebook,
        heartbeat_at=started_at,
    )


def host_name() -> str:
    """Return the name of this machine, or of the container that stands for one."""
    return socket.gethostname()


def find_process_start(pid: int) -> int | None:
    """Return when a process of this machine started, in UTC milliseconds; None when there is none (or a zombie)."""
    if not sys.platform.startswith("linux"):
        return _ask_psutil(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name before it may hold spaces and parentheses
    if fields[0] in (b"Z", b"X"):
        return None
    return _boot_ms() + int(fields[19]) * 1000 // os.sysconf("SC_CLK_TCK")


def is_alive(session: Session, now: int) -> bool:
    """Tell whether the process of ``session`` still runs.

    On this machine by looking; on another by its heartbeat, which is given three minutes. A process of the right number
    but another start is a stranger, unless the heart still beats: then the clock was set, which moves every start.
    """
    silent_ms = now - (session.heartbeat_at or session.started_at)
    if session.host != host_name():
        return silent_ms < _SILENT_MS
    start = find_process_start(session.pid)
    if start is None:
        return False
    is_same = abs(start - session.process_started_at) <= _START_TOLERANCE_MS
    return is_same or abs(silent_ms) < 3 * HEARTBEAT_S * 1000


def is_recording(session: Session, now: int) -> bool:
    """Tell whether the process of ``session`` writes to the very project that tells of it.

    Its heart beats in that one; of a copy of the project, the process may well be there too.
    """
    return is_alive(session, now) and now - (session.heartbeat_at or session.started_at) < 3 * HEARTBEAT_S * 1000


@cache
def _boot_ms() -> int:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return int(line.split()[1]) * 1000
    return 0


def _ask_psutil(pid: int) -> int | None:
    import psutil

    try:
        process = psutil.Process(pid)
        is_gone = process.status() == psutil.STATUS_ZOMBIE
        return None if is_gone else round(process.create_time() * 1000)
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:  # somebody else's process: it is there, when it started is not ours to know
        return 0
