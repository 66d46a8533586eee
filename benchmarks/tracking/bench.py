"""What does logging cost, and what survives ``kill -9``? One peer and one scenario in one fresh process.

Usage: bench.py PEER points|runs|search|kill|read WORKDIR [N]

``points`` logs N (10,000) points, one call each; ``runs`` records N (200) runs of 10 params and 10 metrics; ``search``
lists what ``runs`` left in the same folder; ``kill`` starts a writer, kills it after N (3) seconds and compares what it
was told is kept with what is there; ``read`` is its second half. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import PEERS, Peer, loss

clock = time.perf_counter


def main() -> None:
    name, scenario, folder = sys.argv[1:4]
    number = int(sys.argv[4]) if len(sys.argv) > 4 else None
    work = Path(folder).absolute()
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    real_stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a peer prints goes to stderr
    if scenario == "kill":
        result = kill(name, work, number or 3)
    else:
        before = clock()
        peer = PEERS[name](work)
        result = {"init_s": round(clock() - before, 3)} | SCENARIOS[scenario](peer, number)
    print(json.dumps({"peer": name, "scenario": scenario} | result), file=real_stdout, flush=True)


def points(peer: Peer, number: int | None) -> dict[str, Any]:
    number = number or 10_000
    times = []
    begin = clock()
    peer.start()
    for step in range(number):
        before = clock()
        peer.log(step, loss(step))
        times.append(clock() - before)
    logged = clock()
    peer.end()
    times.sort()
    return {
        "n": number,
        "total_s": round(clock() - begin, 3),
        "end_s": round(clock() - logged, 3),
        "p50_us": round(1e6 * times[number // 2], 1),
        "p99_us": round(1e6 * times[int(number * 0.99)], 1),
        "max_ms": round(1e3 * times[-1], 1),
        "disk_kb": disk_kb(peer.work),
    }


def runs(peer: Peer, number: int | None) -> dict[str, Any]:
    number = number or 200
    times = []
    for each in range(number):
        before = clock()
        peer.one_run(each)
        times.append(clock() - before)
    total = sum(times)
    times.sort()
    return {
        "n": number,
        "total_s": round(total, 3),
        "ms_per_run": round(1e3 * total / number, 2),
        "p50_ms": round(1e3 * times[number // 2], 2),
        "p99_ms": round(1e3 * times[int(number * 0.99)], 2),
        "disk_kb": disk_kb(peer.work),
    }


def search(peer: Peer, number: int | None) -> dict[str, Any]:
    import pandas  # noqa: F401  its import is not what is measured

    times = []
    frame = None
    for _ in range(number or 4):
        before = clock()
        frame = peer.search()
        times.append(clock() - before)
    shape = None if frame is None else list(frame.shape)
    return {"first_s": round(times[0], 4), "warm_s": round(sorted(times[1:])[len(times) // 2 - 1], 4), "shape": shape}


def write(peer: Peer, number: int | None) -> dict[str, Any]:
    """Log for ever; the number of calls that returned is in a file, whose pages survive a SIGKILL."""
    told = os.open(peer.work / "told", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    peer.start()
    step = 0
    while True:
        peer.log(step, loss(step))
        step += 1
        os.pwrite(told, b"%012d" % step, 0)


def read(peer: Peer, number: int | None) -> dict[str, Any]:
    kept, info = peer.read_back()
    told = int((peer.work / "told").read_text())
    return {"told": told, "kept": kept, "lost": max(0, told - kept), "info": info}


def kill(name: str, work: Path, seconds: int) -> dict[str, Any]:
    command = [sys.executable, __file__, name]
    writer = subprocess.Popen([*command, "write", str(work)], stdout=subprocess.DEVNULL, start_new_session=True)
    while not (work / "told").exists() or not (work / "told").read_text():
        time.sleep(0.05)
    time.sleep(seconds)
    os.killpg(writer.pid, signal.SIGKILL)
    writer.wait()
    done = subprocess.run([*command, "read", str(work)], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else {"error": done.stderr.strip().splitlines()[-1]}


def disk_kb(work: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in work.rglob("*") if path.is_file()) // 1024


Scenario = Callable[[Peer, int | None], dict[str, Any]]
SCENARIOS: dict[str, Scenario] = {"points": points, "runs": runs, "search": search, "write": write, "read": read}

if __name__ == "__main__":
    main()
