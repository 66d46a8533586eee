"""What does Jupyter's server pay for watching projects that nobody writes to?

Usage: python benchmarks/browser/watcher.py [SECONDS]

A real ``jupyter server`` is left alone for SECONDS (60), first before anybody asked for a project, then with one watched,
then with five; the CPU time of the process is told, and what watching adds to it. Target: 0.5 % of a core.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

COUNT = 2000
MANY = 5
HERE = Path(__file__).parent


def main() -> None:
    """Measure, and print a table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with tempfile.TemporaryDirectory(prefix="mlm-bench-") as name:
        root = Path(name)
        for number in range(MANY):
            (root / f"p{number}").mkdir()
            subprocess.run([sys.executable, HERE / "history.py", root / f"p{number}", str(COUNT)], check=True)
        port = free_port()
        server = subprocess.Popen(command(port, root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            rows = measure(psutil.Process(server.pid), f"http://localhost:{port}", seconds)
        finally:
            server.terminate()
            server.wait()
    print(f"| for {seconds:g} s | CPU of the server | added by watching | target |\n| --- | --- | --- | --- |")
    for name, percent in rows:
        added = f"{percent - rows[0][1]:.2f} %" if name != rows[0][0] else ""
        print(f"| {name} | {percent:.2f} % | {added} | {'0.5 %' if added else ''} |")
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def measure(server: psutil.Process, url: str, seconds: float) -> list[tuple[str, float]]:
    """Return for each situation which share of a core the server took, in percent."""
    wait_for(f"{url}/api")
    rows = [("nothing is watched", share(server, seconds))]
    look_at(url, 0)
    rows.append(("one project is watched", share(server, seconds)))
    for number in range(1, MANY):
        look_at(url, number)
    rows.append((f"{MANY} projects are watched", share(server, seconds)))
    return rows


def share(server: psutil.Process, seconds: float) -> float:
    """Return the share of a core, once what was asked for before is done."""
    time.sleep(3)
    before, began = server.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after = server.cpu_times()
    spent: float = after.user + after.system - before.user - before.system
    return 100 * spent / (time.monotonic() - began)


def look_at(url: str, number: int) -> None:
    """Ask for a project as a panel does: from then on it is watched."""
    projects = json.load(urlopen(f"{url}/mlm/projects?notebook=p{number}/train.ipynb"))
    project = projects["items"][0]["id"]
    urlopen(f"{url}/mlm/projects/{project}/checkpoints?limit=200").read()


def command(port: int, root: Path) -> list[str]:
    """Return how to start a server that anybody on this machine may ask."""
    options = {
        "ServerApp.port": port,
        "ServerApp.root_dir": root,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.jpserver_extensions": '{"mlm_jupyter": True}',
        "IdentityProvider.token": "",
    }
    return [sys.executable, "-m", "jupyter_server", *(f"--{name}={value}" for name, value in options.items())]


def free_port() -> int:
    """Return a port that nobody listens to."""
    with socket.socket() as one:
        one.bind(("localhost", 0))
        port: int = one.getsockname()[1]
        return port


def wait_for(url: str) -> None:
    """Wait until something answers, a minute at most."""
    for _ in range(300):
        try:
            urlopen(url).read()
            return
        except URLError:
            time.sleep(0.2)
    raise TimeoutError(f"Nothing answers at {url}")


if __name__ == "__main__":
    main()
