"""The verb ``diff``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import msgspec

from mlm_jupyter.commands.options import REFERENCE, add_json, add_project, project_of, write_json, write_lines
from mlm_jupyter.commands.text import Colour, Ink, clean, clean_line
from mlm_jupyter.comparison import Comparison
from mlm_jupyter.core.parts import PARTS

_COLOURS: dict[str, Colour] = {"+": "green", "-": "red", "~": "yellow", "@": "cyan"}


def diff_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm diff``."""
    parser.add_argument("base", metavar="A", nargs="?", help=f"{REFERENCE}; without it: the parent of B")
    parser.add_argument("other", metavar="B", nargs="?", default="latest", help="the same; without it: latest")
    parser.add_argument("--only", metavar="PARTS", default="", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--no-values", action="store_true", help="load no values: compare by what is known of them")
    add_json(parser)
    add_project(parser)


def diff(options: argparse.Namespace) -> None:
    """Show what turns one checkpoint into another."""
    parts = [part.strip() for part in options.only.split(",") if part.strip()]
    with project_of(options) as project:
        other = project.get_meant(options.other)
        start = options.base if options.base is not None else f"{project.get_checkpoint(other).id}~1"
        base = project.get_meant(start)
        if options.no_values:
            found = Comparison(project.diff(base, other, only=parts))
        else:
            found = project.compare(base, other, only=parts)
    if options.json:
        write_json({**msgspec.to_builtins(found.diff), "values": found.values})
        return
    ink = Ink()
    print(ink(clean(f"From {base.name or base.id} to {other.name or other.id}"), "bold"))
    write_lines(coloured(found.lines(), ink))


def coloured(lines: Iterable[str], ink: Ink) -> Iterable[str]:
    """Return the lines of a comparison, those marked ``+``, ``-`` and ``~`` in colour and headings bold.

    What was printed, logged or named can hold a terminal's commands, and somebody else's project may: they are not passed on.
    """
    for line in map(clean_line, lines):
        mark = line.strip()[:1]
        yield ink(line, "bold" if line and not line.startswith(" ") else _COLOURS.get(mark))
