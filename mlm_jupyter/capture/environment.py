"""What code ran on: versions, packages, hardware, the state of the git repository, and who is at the keyboard.

Nothing here raises and nothing is asked of the network; what cannot be learnt is empty. All of it together takes about a
tenth of a second, so it belongs in the background.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mlm_jupyter.core.entities import Environment

GIT_TIMEOUT_S: Final = 5.0
_GPU_TIMEOUT_S: Final = 2.0
_CGROUP_LIMITS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def take_environment(folder: Path) -> Environment:
    """Return what code in ``folder`` runs on now."""
    return Environment(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        platform=platform.platform(),
        packages=_packages(),
        cpu=_cpu(),
        cpu_count=_cpu_count(),
        memory_bytes=_memory_bytes(),
        gpus=_gpus(),
        **_repository(folder),
    )


def find_author(environ: Mapping[str, str], folder: Path) -> str:
    """Return who works here: JupyterHub's user, else the name git would sign with, else the account's; empty if unknown."""
    if hub_user := environ.get("JUPYTERHUB_USER", "").strip():
        return hub_user
    if name := (_git(folder, "config", "--get", "user.name") or "").strip():
        return name
    for variable in ("LOGNAME", "USER", "USERNAME"):
        if account := environ.get(variable, "").strip():
            return account
    with suppress(ImportError, KeyError, OSError):
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    return ""


def without_credentials(url: str) -> str:
    """Return a remote's URL without passwords, tokens and query; the user name stays where it is part of the address (ssh)."""
    found = re.match(r"((?:\w+::)?([\w+.-]+)://)([^/?#]*)([^?#]*)", url)
    if found is None:
        return url  # a path, or `git@host:path`, which has no room for a password
    prefix, scheme, authority, path = found.groups()
    user, at, host = authority.rpartition("@")
    if not at and re.search(r":(?!\d*\Z)", authority) and not authority.startswith("["):
        return prefix + path.rpartition("@")[2]  # a password with a slash in it
    if "ssh" in scheme and at:
        return f"{prefix}{user.partition(':')[0]}@{host}{path}"
    return f"{prefix}{host}{path}"


def _packages() -> dict[str, str]:
    from importlib import metadata

    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        time.sleep(0)  # lets the cell that may be running have the interpreter
        with suppress(Exception):  # what others have installed, or half removed
            name, version = distribution.metadata["Name"], distribution.version
            if isinstance(name, str) and isinstance(version, str):
                found.setdefault(name, version)  # the first on the path is the one that is imported
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin" and (name := _ask(["sysctl", "-n", "machdep.cpu.brand_string"], _GPU_TIMEOUT_S)):
        return name.strip()
    return platform.processor() or platform.machine()


def _cpu_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        with suppress(OSError):
            return len(os.sched_getaffinity(0))
    return os.cpu_count() or 0


def _memory_bytes() -> int:
    """Return the machine's memory, or what the container may use of it."""
    total = 0
    with suppress(AttributeError, OSError, ValueError):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):
            total = min(total, int(Path(path).read_text(encoding="ascii")))
    return max(total, 0)


def _gpus() -> tuple[str, ...]:
    said = _ask(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"], _GPU_TIMEOUT_S)
    if said:
        return tuple(line.strip() for line in said.splitlines() if line.strip())
    with suppress(Exception):  # someone else's library, perhaps still being imported
        cuda = sys.modules["torch"].cuda
        if cuda.is_initialized():  # to ask before would take memory of the device and break a later fork
            return tuple(str(cuda.get_device_name(number)) for number in range(cuda.device_count()))
    return ()


def _repository(folder: Path) -> dict[str, Any]:
    said = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if said is None:  # no repository, or one too large to look at in time
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
        return {"git_commit": commit.strip()} if commit else {}
    lines = said.splitlines()
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# ") and " " in line[2:])
    commit, branch = headers.get("branch.oid"), headers.get("branch.head")
    return {
        "git_commit": None if commit == "(initial)" else commit,
        "git_branch": None if branch == "(detached)" else branch,
        "is_git_dirty": any(not line.startswith("#") for line in lines),
        "git_remote": _remote(folder, headers.get("branch.upstream", "")),
    }


def _remote(folder: Path, upstream: str) -> str | None:
    """Return the URL of the remote that the branch follows, else of ``origin``, else of the first there is."""
    listed = (_git(folder, "config", "--get-regexp", r"^remote\..*\.url$") or "").splitlines()
    urls = {key[len("remote.") : -len(".url")]: url for key, _, url in (line.partition(" ") for line in listed)}
    if not urls:
        return None
    followed = [name for name in urls if upstream.startswith(f"{name}/")]
    return without_credentials(urls[max(followed, key=len, default="origin" if "origin" in urls else next(iter(urls)))])


def _git(folder: Path, *arguments: str) -> str | None:
    """Run git in a folder without prompts, locks or the repository's own programs; None when it fails."""
    return _ask(["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments], GIT_TIMEOUT_S)


def _ask(command: list[str], timeout_s: float) -> str | None:
    """Return what a program on the path prints; None without it, in failure or when it takes too long."""
    program = shutil.which(command[0])
    if program is None:
        return None
    redirected = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")  # set inside hooks: another repository
    environ = {name: value for name, value in os.environ.items() if name not in redirected}
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        return subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=True,
            encoding="utf-8",
            errors="replace",
            env=environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            start_new_session=True,  # an interrupt at the keyboard is not for it
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        ).stdout
    return None
