"""Options that several verbs have, and how their answers are written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from mlm_jupyter.errors import InvalidInputError
from mlm_jupyter.project import Project, open_project

REFERENCE = "a name, an id or the start of one, a run (its last checkpoint) or latest; REF~N is N parents back"


def add_project(parser: argparse.ArgumentParser) -> None:
    """Let ``parser`` take the project to work in."""
    parser.add_argument("--project", metavar="FOLDER", help="the project's folder; else found from here upwards")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let ``parser`` take the wish for JSON."""
    parser.add_argument("--json", action="store_true", help="write JSON")


def add_count(parser: argparse.ArgumentParser, default: int) -> None:
    """Let ``parser`` take how many entries to list."""
    parser.add_argument(
        "-n", dest="count", metavar="N", type=_count, default=default, help=f"list the first N ({default}); 0: all"
    )


def _count(text: str) -> int:
    return whole_number(0)(text) or sys.maxsize


def whole_number(least: int) -> Callable[[str], int]:
    """Return what reads a whole number from ``least`` on, and else raises ArgumentTypeError."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"a whole number, {least} or more, not {text!r}")
        return int(text)

    return read


def add_yes(parser: argparse.ArgumentParser) -> None:
    """Let ``parser`` take the wish not to be asked."""
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")


def require_somebody(otherwise: str) -> None:
    """Raise InvalidInputError where nobody is there to answer a question; ``otherwise`` says what to do there."""
    if not sys.stdin.isatty():
        raise InvalidInputError(f"Nobody is here to answer; {otherwise}.")


def is_confirmed(question: str) -> bool:
    """Ask whether to go on; nothing but a yes is one."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        print()
        return False


def project_of(options: argparse.Namespace) -> Project:
    """Open the project the options mean."""
    return open_project(options.project)


def write_json(value: Any) -> None:
    """Write ``value`` as indented JSON; numbers that are not finite as ``null``."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output."""
    for line in lines:
        print(line)
