"""The verb ``trust``: what another key signed, or none, becomes one's own after an explicit yes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mlm_jupyter.commands.options import REFERENCE, add_project, add_yes, is_confirmed, project_of, require_somebody
from mlm_jupyter.commands.text import clean, moment
from mlm_jupyter.core.entities import Checkpoint
from mlm_jupyter.errors import InvalidInputError
from mlm_jupyter.project import Project


def trust_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm trust``."""
    parser.add_argument("ref", metavar="REF", nargs="?", help=REFERENCE)
    parser.add_argument("--all", action="store_true", help="all checkpoints of the project")
    add_yes(parser)
    add_project(parser)


def trust(options: argparse.Namespace) -> int | None:
    """Sign checkpoints with this user's key, after asking."""
    if (options.ref is None) != options.all:
        raise InvalidInputError("Say which checkpoint to trust: mlm trust REF, or mlm trust --all")
    with project_of(options) as project:
        chosen = list(project.checkpoints()) if options.all else [project.get_checkpoint(options.ref)]
        foreign = [checkpoint for checkpoint in chosen if not project.is_trusted(checkpoint)]
        if not foreign:
            print("You trust that already." if chosen else "There is nothing to trust yet.")
            return None
        for line in sorted({_origin(project, checkpoint) for checkpoint in foreign}):
            print(line)
        print(_contents(project, foreign))
        if not options.yes and not _is_confirmed(len(foreign)):
            print("Nothing was changed.")
            return 1
        project.trust(*foreign)
    print(f"Trusted {len(foreign)} {'checkpoint' if len(foreign) == 1 else 'checkpoints'}.")
    return None


def _is_confirmed(count: int) -> bool:
    require_somebody("if you know where this comes from, say so with --yes")
    what = "it" if count == 1 else f"these {count} checkpoints"
    return is_confirmed(f"Loading their values runs code that they bring. Do you trust {what}?")


def _contents(project: Project, checkpoints: Sequence[Checkpoint]) -> str:
    stored = (
        (variable.type, variable.group)
        for checkpoint in checkpoints
        for variable in project.variables(checkpoint).values()
        if variable.group is not None
    )
    values = set(stored)
    types = sorted({package for package, dot, _ in (type.partition(".") for type, _ in values) if dot})
    of_types = f" of Python's own types{' and of ' + clean(', '.join(types)) if types else ''}" if values else ""
    return f"What is loaded: {len(values)} {'value' if len(values) == 1 else 'values'}{of_types}"


def _origin(project: Project, checkpoint: Checkpoint) -> str:
    session = project.get_session(checkpoint.session_id)
    signers = ", ".join(signature.key_id for signature in project.signatures(checkpoint)) or "nobody"
    place = clean(checkpoint.notebook or "a script")
    made = moment(session.started_at)
    return f"{place}: made by {clean(session.author)} on {clean(session.host)}, session of {made}, signed by {signers}"
