"""The verb ``export``: a notebook, or its code, as it was at a checkpoint."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlm_jupyter.commands.options import REFERENCE, add_project, project_of
from mlm_jupyter.core.magics import as_python
from mlm_jupyter.errors import ConflictError, InvalidInputError


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm export``."""
    parser.add_argument("ref", metavar="REF", help=REFERENCE)
    parser.add_argument("--to", metavar="FILE", required=True, type=Path, help="FILE.ipynb or FILE.py")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    add_project(parser)


def export(options: argparse.Namespace) -> None:
    """Write the notebook of a checkpoint to a file."""
    target: Path = options.to
    if target.suffix not in (".ipynb", ".py"):
        raise InvalidInputError(f"Cannot write {target.name}: the name of the file ends in .ipynb or .py.")
    if target.exists() and not options.force:
        raise ConflictError(f"{target} is there already; overwrite it with --force, or choose another name.")
    with project_of(options) as project:
        checkpoint = project.get_checkpoint(options.ref)
        if target.suffix == ".ipynb":
            import nbformat

            text = nbformat.writes(project.notebook(checkpoint)) + "\n"
        else:
            text = script_of(project.document(checkpoint))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(f"Wrote {target} as it was at {checkpoint.name or checkpoint.id}.")


def script_of(notebook: Mapping[str, Any]) -> str:
    """Return the cells of ``notebook`` as a script in percent format, which editors open as cells.

    Text cells become comments; magics and shell lines the calls they stand for, which IPython can run.
    """
    return "\n".join(line for cell in notebook["cells"] for line in _cell_lines(cell))


def _cell_lines(cell: Mapping[str, Any]) -> Iterator[str]:
    source = str(cell["source"])
    if cell["cell_type"] == "code":
        yield "# %%"
        yield from _python_lines(source)
    else:
        yield f"# %% [{cell['cell_type']}]"
        yield from _as_comments(source)
    yield ""


def _python_lines(source: str) -> Iterable[str]:
    for text in (source, as_python(source)):
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        return text.splitlines()
    return _as_comments(source)  # half a cell, never run


def _as_comments(source: str) -> Iterable[str]:
    return (f"# {line}".rstrip() for line in source.splitlines())
