"""The verbs of a project as a whole: ``init`` and ``status``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlm_jupyter.clock import now_ms
from mlm_jupyter.commands.listing import history_lines
from mlm_jupyter.commands.options import add_json, add_project, project_of, write_json, write_lines
from mlm_jupyter.commands.text import Ink, age, clean, size, terminal_width
from mlm_jupyter.files import is_folder
from mlm_jupyter.project import Project


def init_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm init``."""
    parser.add_argument("folder", nargs="?", default=".", help="where the notebooks are (here)")


def init(options: argparse.Namespace) -> None:
    """Make a project, or say that there is one."""
    folder = Path(options.folder).expanduser().resolve()
    is_new = not is_folder(folder / ".mlm")
    with Project.open(folder, create=True) as project:
        print(f"{'Made a project' if is_new else 'There is a project already'} in {project.folder}")
    if is_new:
        print("In a notebook there:  %load_ext mlm_jupyter  then  %mlm_track")


def status_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm status``."""
    add_project(parser)
    add_json(parser)


def status(options: argparse.Namespace) -> None:
    """Tell where the project is, how large, what runs in it and what came last."""
    with project_of(options) as project:
        running = list(project.runs("status = 'running'"))
        sessions = project.sessions(is_open=True)
        newest = project.checkpoints().first()
        run = project.runs().first()
        stored_bytes = project.disk_bytes
    if options.json:
        write_json(
            {
                "folder": str(project.folder),
                "stored_bytes": stored_bytes,
                "sessions": sessions,
                "running": running,
                "latest": newest,
            }
        )
        return
    now = now_ms()
    print(f"Project   {project.folder}  ({size(stored_bytes)})")
    for session in sessions:
        what = clean(session.notebook or f"process {session.pid}")
        print(f"Kernel    {what}  on {clean(session.host)}, {age(session.started_at, now)}")
    for going in running:
        print(f"Running   {clean(going.name)}  since {age(going.started_at, now)}")
    if newest is None and run is not None:  # of a script
        print(f"Latest    run {clean(run.name)}, {run.status}, started {age(run.started_at, now)} ago")
    elif newest is None:
        print("Nothing recorded yet. In a notebook:  %load_ext mlm_jupyter  then  %mlm_track")
    else:
        print("Latest")
        write_lines(history_lines([newest], now=now, width=terminal_width(), ink=Ink()))
