"""One sitting: the same cells without and with each tracker, in turns, on one core; medians of the rounds."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import nbformat

from benchmarks.kernels import Kernel
from benchmarks.trackers import MLM, UNTRACKED, Tracker, dill, environment, kishu

PEER_PACKAGES = "kishu dill ipykernel pandas pyarrow scikit-learn matplotlib"


@dataclass
class Timing:
    """What executing some cells cost."""

    seconds: list[float] = field(default_factory=list)
    """Of each cell, as the frontend waits for it."""
    errors: list[str] = field(default_factory=list)
    """Of cells, which happen untracked as well."""
    trouble: list[str] = field(default_factory=list)
    """What a tracker's hooks complained of."""
    cpu_s: float = 0.0
    """Of the whole, until everything is stored."""
    peak_mb: float = 0.0
    disk_mb: float = 0.0
    settle_s: float = 0.0
    """From the end of the last cell until everything is stored."""


@contextmanager
def kernel_with(tracker: Tracker, folder: Path, cells: Sequence[str]) -> Iterator[Kernel]:
    """Start a kernel for a notebook of ``cells`` in ``folder``, with a tracker that works."""
    notebook = folder / "notebook.ipynb"
    document = nbformat.v4.new_notebook()
    document.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(document, notebook)
    env = environment(folder, notebook) | {"SIDE_FILE": str(folder / "side.txt")}
    with Kernel(tracker.python, folder, env) as kernel:
        for code in filter(None, (tracker.load, tracker.start)):
            reply = kernel.run(code, silent=True)
            if reply.error:
                raise SystemExit(f"{tracker.name} does not start: {reply.error}")
        yield kernel


def run_cells(
    kernel: Kernel, tracker: Tracker, cells: Sequence[str], *, after: Mapping[int, Callable[[], None]] | None = None
) -> Timing:
    """Execute cells one right after the other; what is ``after`` one of them, by its index, is not measured.

    Nothing else is asked of the kernel between two cells: a tracker would have to look what that has changed.
    """
    timing = Timing()
    start = kernel.cpu_s()
    for index, cell in enumerate(cells):
        reply = kernel.run(cell)
        timing.seconds.append(reply.seconds)
        timing.errors += [f"cell {index}: {reply.error}"] if reply.error else []
        timing.trouble += [f"cell {index}: {line}" for line in reply.trouble]
        if after and index in after:
            timing.cpu_s += kernel.cpu_s() - start
            after[index]()
            start = kernel.cpu_s()
    if tracker.settle:
        timing.settle_s = kernel.time(tracker.settle).seconds
    timing.cpu_s += kernel.cpu_s() - start
    timing.peak_mb = kernel.peak_mb()
    return timing


def added_ms(tracked: Sequence[Timing], untracked: Sequence[Timing]) -> list[float]:
    """Return how much longer each cell takes with a tracker, the median round of each taken first."""
    return [(one - other) * 1e3 for one, other in zip(median_cells(tracked), median_cells(untracked), strict=True)]


def median_cells(timings: Sequence[Timing]) -> list[float]:
    """Return the seconds of each cell, in the median round."""
    return [statistics.median(cell) for cell in zip(*(timing.seconds for timing in timings), strict=True)]


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of the others are below."""
    return sorted(values)[round(share * (len(values) - 1))]


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder on a real disk (``$TMPDIR``) that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mlm-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all of these commands have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", metavar="PATH", help="the interpreter that has the peers")
    parser.add_argument("--with-dill", action="store_true", help="compare with dill's dump of the session as well")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run; medians are shown (%(default)s)")
    parser.add_argument("--core", type=int, help="the core to run on (the last)")
    return parser


def begin(options: argparse.Namespace) -> list[Tracker]:
    """Bind this process and its kernels to one core, say what is compared on what, and return the trackers."""
    trackers = [UNTRACKED, MLM]
    lines = [f"{date.today()}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"]
    if hasattr(os, "sched_setaffinity"):
        core = max(os.sched_getaffinity(0)) if options.core is None else options.core
        os.sched_setaffinity(0, {core})
        lines.append(f"one core, load {os.getloadavg()[0]:.1f}")
    if options.peer_python and Path(options.peer_python).exists():
        trackers += [kishu(options.peer_python)] + ([dill(options.peer_python)] if options.with_dill else [])
        lines.append(_versions(options.peer_python))
    else:
        print(
            f"No peer: python3.11 -m venv PEERS && PEERS/bin/pip install {PEER_PACKAGES}, then --peer-python PEERS/bin/python",
            file=sys.stderr,
        )
    print(f"{'; '.join(lines)}; {options.rounds} rounds.\n", flush=True)
    return trackers


def _versions(python: str) -> str:
    code = "from importlib.metadata import version as v; print('kishu', v('kishu') + ', dill', v('dill'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def progress(text: str) -> None:
    """Show what is being done, away from the table."""
    print(f"… {text}", file=sys.stderr, flush=True)
