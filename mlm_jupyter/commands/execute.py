"""The verb ``execute``: a notebook headless, tracked, with its progress shown."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

from mlm_jupyter import headless
from mlm_jupyter.clock import new_id
from mlm_jupyter.commands.listing import first_line
from mlm_jupyter.commands.options import whole_number
from mlm_jupyter.commands.text import RedrawnLine, clean, cut, span, terminal_width
from mlm_jupyter.core.parameters import value_of
from mlm_jupyter.core.surrogates import storable
from mlm_jupyter.errors import InvalidInputError, MlmError
from mlm_jupyter.files import is_folder

_BAR = 20


def execute_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm execute``."""
    parser.add_argument("notebook", metavar="NOTEBOOK", type=Path, help="it is read, never written")
    parser.add_argument(
        "-p", "--param", metavar="K=V", dest="parameters", action="append", default=[], help="set a parameter; repeat it"
    )
    parser.add_argument("--output", metavar="NB", type=Path, help="where the result goes; else NOTEBOOK-<id>.ipynb")
    parser.add_argument("--name", metavar="RUN", help="the run's name; else that of the output")
    parser.add_argument("--experiment", metavar="E", help="the experiment the run is part of; else the notebook's name")
    parser.add_argument("--tag", metavar="K=V", dest="tags", action="append", default=[], help="tag the run; repeat it")
    parser.add_argument("--kernel", metavar="NAME", help="the kernel to run it; else the notebook's own")
    parser.add_argument("--cwd", metavar="FOLDER", help="where the kernel works; else in the notebook's folder")
    parser.add_argument("--timeout", metavar="SECONDS", type=whole_number(1), help="the longest a cell may take; else no limit")
    parser.add_argument("--project", metavar="FOLDER", help="the project to record in; else that of the notebook")


def execute(options: argparse.Namespace) -> int:
    """Run the notebook; 1 when a cell failed, and the notebook is saved up to there."""
    source: Path = options.notebook.resolve()
    id = new_id()
    target = (options.output or source.with_name(f"{source.stem}-{id}.ipynb")).resolve()
    if target == source or (target.exists() and source.exists() and target.samefile(source)):
        raise InvalidInputError(f"The output would overwrite {source}; give another file with --output.")
    if options.project is not None:
        os.environ["MLM_PROJECT"] = str(_folder(options.project, "Make a project there with: mlm init FOLDER"))
    plan = headless.Plan(
        source=source,
        target=target,
        run_name=options.name or target.stem,
        parameters=_parameters(options.parameters),
        experiment=options.experiment or source.stem,
        tags=dict(_pair(text, "--tag") for text in options.tags),
        kernel_name=options.kernel,
        cwd=None if options.cwd is None else _folder(options.cwd, "The kernel works in one that is there."),
        timeout_s=options.timeout,
    )
    screen = _Screen(sys.stderr)
    try:
        headless.run(plan, screen.show, lambda line: screen.say(f"mlm: {clean(line)}"))
    except headless.NotebookFailedError as error:
        screen.end()
        reason = clean(str(error)).rstrip(".")
        if not screen.position:
            raise MlmError(f"No cell was run: {reason}.") from error
        where = f"cell {screen.position} of {screen.total}"
        screen.say(f"mlm: {where}, {reason}. Up to there it is in {_short(target)}")
        return 1
    screen.end()
    print(f"Wrote {_short(target)}, run {plan.run_name}, {span(screen.elapsed_ms)}.")
    return 0


def _folder(name: str, advice: str) -> Path:
    """Return a folder that is there: another one was mistyped, and would be made by what works in it."""
    folder = Path(name).expanduser().resolve()
    if not is_folder(folder):
        raise InvalidInputError(f"There is no folder {folder}. {advice}")
    return folder


def _parameters(texts: Sequence[str]) -> dict[str, Any]:
    return {key: value_of(value) for key, value in (_pair(text, "-p") for text in texts)}


def _pair(text: str, option: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if storable(text) != text:
        raise InvalidInputError(f"{option} {text!r} holds half a character; type that part again.")
    if not sign or not key:
        raise InvalidInputError(f"{option} {text} is not of the form K=V, for example: {option} alpha=0.1")
    return key, value


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


class _Screen:
    """Progress on a terminal as a bar that redraws itself; elsewhere, a line for each cell.

    Where nobody reads any more, a pager that was left or a pipe into ``head``, the notebook runs on unseen.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = RedrawnLine(stream)
        self._started_s = perf_counter()
        self.position = 0
        self.total = 0

    @property
    def elapsed_ms(self) -> float:
        """How long it has been running."""
        return (perf_counter() - self._started_s) * 1000

    def show(self, progress: headless.Progress) -> None:
        """Take note of a cell that starts or has ended."""
        self.position, self.total = progress.position, progress.total
        if self._line.is_possible:
            with self._read_or_not():
                self._draw(progress)
        elif progress.duration_ms is not None:
            mark = "ok" if progress.error is None else "error"
            counted = f"cell {progress.position:>{len(str(progress.total))}} of {progress.total}"
            line = f"{counted}  {mark:<5}  {span(progress.duration_ms):>8}  {first_line(progress.source)}"
            self.say(cut(line, terminal_width()))

    def say(self, line: str) -> None:
        """Write a line."""
        with self._read_or_not():
            print(line, file=self._stream, flush=True)

    @contextmanager
    def _read_or_not(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def _draw(self, progress: headless.Progress) -> None:
        done = progress.position - (progress.duration_ms is None)
        filled = _BAR * done // max(1, progress.total)
        bar = "#" * filled + "-" * (_BAR - filled)
        head = f"[{bar}] {progress.position}/{progress.total}  {span(self.elapsed_ms)}  "
        self._line.draw(cut(head + first_line(progress.source), terminal_width() - 1))

    def end(self) -> None:
        """Leave the line of the bar."""
        with self._read_or_not():
            self._line.end()
