"""The verbs of checkpoints: ``history``, ``show``, ``name`` and ``delete``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping

from mlm_jupyter.clock import now_ms
from mlm_jupyter.commands.listing import changes_text, history_lines, metrics_text
from mlm_jupyter.commands.options import (
    REFERENCE,
    add_count,
    add_json,
    add_project,
    add_yes,
    is_confirmed,
    project_of,
    require_somebody,
    write_json,
    write_lines,
)
from mlm_jupyter.commands.text import Ink, clean, clean_line, moment, size, span, table, terminal_width
from mlm_jupyter.core.diff import output_text
from mlm_jupyter.core.entities import Checkpoint, Run, Variable
from mlm_jupyter.errors import InvalidInputError, NotFoundError
from mlm_jupyter.project import Project


def history_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm history``."""
    parser.add_argument("--run", metavar="REF", help="only this run's: its name, its id or the start of that")
    parser.add_argument("--notebook", metavar="PATH", help="only this notebook's: its path from the project's folder")
    add_count(parser, 20)
    add_json(parser)
    add_project(parser)


def history(options: argparse.Namespace) -> None:
    """List the checkpoints, newest first."""
    with project_of(options) as project:
        run = None if options.run is None else project.get_run(options.run)
        found = project.checkpoints(run=run, notebook=options.notebook).take(options.count)
    if not found and run is not None:
        raise NotFoundError(f"No checkpoint was made in run {run.name!r}. Look at what it logged with: mlm metrics {run.id}")
    if not found and options.notebook is not None:
        raise NotFoundError(f"No checkpoint of the notebook {options.notebook}. List those of all with: mlm history")
    if options.json:
        write_json(found)
    elif found:
        write_lines(history_lines(found, now=now_ms(), width=terminal_width(), ink=Ink()))
    else:
        print("No checkpoints yet. In a notebook:  %load_ext mlm_jupyter  then  %mlm_track", file=sys.stderr)


def show_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm show``."""
    parser.add_argument("ref", metavar="REF", help=REFERENCE)
    add_json(parser)
    add_project(parser)


def show(options: argparse.Namespace) -> None:
    """Show all that is known of a checkpoint but the values themselves."""
    with project_of(options) as project:
        checkpoint = project.get_checkpoint(options.ref)
        if options.json:
            write_json(
                {
                    "checkpoint": checkpoint,
                    "manifest": project.manifest(checkpoint),
                    "execution": project.execution(checkpoint),
                    "outputs": project.outputs(checkpoint),
                    "variables": list(project.variables(checkpoint).values()),
                    "environment": project.environment(checkpoint),
                }
            )
        else:
            write_lines(_lines(project, checkpoint, Ink()))


def _lines(project: Project, checkpoint: Checkpoint, ink: Ink) -> Iterator[str]:
    yield from _heading(project, checkpoint, ink)
    if checkpoint.source is not None:
        yield from _section("Code", checkpoint.source.splitlines(), ink)
    outputs = [output_text(output).rstrip("\n") for output in project.outputs(checkpoint)]
    yield from _section("Outputs", "\n".join(filter(None, outputs)).splitlines(), ink)
    yield from _section("Variables", _variable_lines(project.variables(checkpoint)), ink)
    environment = project.environment(checkpoint)
    if environment is not None:
        facts = [f"Python {environment.python} on {environment.platform}, {len(environment.packages)} packages"]
        if environment.git_commit:
            state = ", with uncommitted changes" if environment.is_git_dirty else ""
            facts.append(f"git {environment.git_commit[:12]} on {environment.git_branch or 'no branch'}{state}")
        yield from _section("Environment", facts, ink)


def _heading(project: Project, checkpoint: Checkpoint, ink: Ink) -> Iterator[str]:
    name = f"  [{clean(checkpoint.name)}]" if checkpoint.name else ""
    yield ink(f"Checkpoint {checkpoint.id}{name}", "bold")
    count = "" if checkpoint.execution_count is None else f", In [{checkpoint.execution_count}]"
    facts = {
        "made": f"{moment(checkpoint.created_at)}, number {checkpoint.ordinal}"
        + (f" of {clean(checkpoint.notebook)}" if checkpoint.notebook else "")
        + count,
        "kind": checkpoint.kind + (", its values were dropped by retention" if checkpoint.is_dropped else ""),
        "result": "" if checkpoint.status is None else f"{checkpoint.status} after {span(checkpoint.duration_ms or 0)}",
        "parent": checkpoint.parent_id or "",
        "run": _run_text(project, checkpoint),
        "note": clean(checkpoint.note or ""),
        "changed": changes_text(checkpoint.changes),
        "between": clean(" ".join(checkpoint.changes.between)),
        "metrics": metrics_text(checkpoint.metrics),
    }
    for label, fact in facts.items():
        if fact:
            yield f"{label:<9}{fact}"


def _run_text(project: Project, checkpoint: Checkpoint) -> str:
    if checkpoint.run_id is None:
        return ""
    try:
        run = project.get_run(checkpoint.run_id)
    except NotFoundError:
        return f"{checkpoint.run_id} (deleted)"
    return f"{clean(run.name)} ({run.id}), {run.status}"


def _section(heading: str, lines: list[str], ink: Ink) -> Iterator[str]:
    if lines:
        yield ""
        yield ink(heading, "bold")
        yield from (f"  {clean_line(line)}" for line in lines)


def _variable_lines(variables: Mapping[str, Variable]) -> list[str]:
    if not variables:
        return []
    rows = [["name", "type", "size", "value"]]
    for variable in variables.values():
        taken = "" if variable.size_bytes is None else size(variable.size_bytes)
        rows.append([variable.name, variable.type.rpartition(".")[2], taken, _value_text(variable)])
    return table(rows, right=(2,), width=terminal_width() - 2)


def _value_text(variable: Variable) -> str:
    preview = variable.preview
    shape = f"{' x '.join(map(str, preview.shape))}  " if preview.shape else ""
    state = "" if variable.status in ("stored", "reference") else f"({variable.status.replace('_', ' ')})  "
    return state + (variable.reason or "" if state else shape + preview.text.partition("\n")[0])


def name_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm name``."""
    parser.add_argument("ref", metavar="REF", help=REFERENCE)
    parser.add_argument("name", metavar="NAME", nargs="?", help="its name, unique in the project")
    parser.add_argument("--note", metavar="TEXT", help="a note to it")
    parser.add_argument("--clear", action="store_true", help="take its name away")
    add_project(parser)


def name(options: argparse.Namespace) -> None:
    """Give a checkpoint a name or a note, or take its name away."""
    if (options.name is None) == (not options.clear) and options.note is None:
        raise InvalidInputError("Say the name: mlm name REF NAME, or take it away: mlm name REF --clear")
    with project_of(options) as project:
        checkpoint = project.get_checkpoint(options.ref)
        if options.name is not None or options.clear:
            project.set_name(checkpoint, options.name)
            print(f"{checkpoint.id} is now {options.name}" if options.name else f"{checkpoint.id} has no name now")
        if options.note is not None:
            project.set_note(checkpoint, options.note or None)
            print(f"{checkpoint.id} has a note now" if options.note else f"{checkpoint.id} has no note now")


def delete_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm delete``."""
    parser.add_argument("ref", metavar="REF", help=REFERENCE)
    parser.add_argument(
        "--run", action="store_true", help="REF is a run: delete it and what was logged in it; its checkpoints stay"
    )
    add_yes(parser)
    add_project(parser)


def delete(options: argparse.Namespace) -> int | None:
    """Delete one checkpoint or run, after asking."""
    with project_of(options) as project:
        thing = project.get_run(options.ref) if options.run else project.get_meant(options.ref)
        if isinstance(thing, Run) and not options.run:
            last = thing.last_checkpoint_id
            other = f"; its last checkpoint with: mlm delete {last}" if last is not None else ""
            raise InvalidInputError(f"{options.ref!r} is a run. Delete it with: mlm delete --run {thing.id}{other}")
        if isinstance(thing, Checkpoint):
            what = f"checkpoint {thing.id}" + (f" [{clean(thing.name)}]" if thing.name else "")
        else:
            what = f"run {clean(thing.name)} ({thing.id})"
        if not options.yes:
            require_somebody("look with mlm show, then say so with --yes")
            if not is_confirmed(f"Delete {what}? It cannot be undone."):
                print("Nothing was deleted.")
                return 1
        project.delete(thing)
        print(f"Deleted {what}.")
    return None
