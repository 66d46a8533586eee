"""The source of a cell as Python: IPython's own syntax is turned into calls, by rule of thumb and without IPython.

What the shell really compiles is its own business and better passed on when it is known. This is for sources of which
only the text is there. The result has the form that IPython's own transformer gives:
``get_ipython().run_line_magic(...)``.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Final

_CELL: Final = re.compile(r"\A\s*%%(\w+)[ \t]*([^\n]*)\n?(.*)\Z", re.DOTALL)
_LINE: Final = re.compile(r"(\s*)([\w.,*\[\]'\" \t]+=\s*)?(?:%(\w+)[ \t]*(.*)|!{1,2}(.*))\Z", re.DOTALL)
_HELP: Final = re.compile(r"(\s*)(?:\?{1,2}\s*([%\w.*]+)|([%\w.*]+)\s*\?{1,2})\s*\Z")
_MAY_WARN: Final = re.compile(r"""\\[^\n\\'"abfnrtvNuUx0-3]|[0-9](?:if|else|or|and|in|is|not|for)|\bfinally\b""")


def parse_cell(source: str) -> ast.Module:
    """Return the syntax tree of a cell, typed or already transformed by IPython.

    Raises what ``ast.parse`` raises: SyntaxError, ValueError, RecursionError, MemoryError.
    """
    # Entering `catch_warnings` makes Python forget which warnings it has shown, so only where one can arise.
    if _MAY_WARN.search(source) is None:
        return _parse_either(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _parse_either(source)


def _parse_either(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.parse(as_python(source))


def as_python(source: str) -> str:
    """Return ``source`` with magics, shell commands and help requests written as the calls they stand for."""
    if cell := _CELL.match(source):
        return f"get_ipython().run_cell_magic({cell[1]!r}, {cell[2]!r}, {cell[3]!r})\n"
    lines: list[str] = []
    open_line = ""
    for line in source.split("\n"):
        joined = open_line + line
        if joined.endswith("\\") and _LINE.match(joined):
            open_line = joined[:-1]
            continue
        lines.append(_line_as_python(joined))
        open_line = ""
    return "\n".join([*lines, _line_as_python(open_line)])


def _line_as_python(line: str) -> str:
    if asked := _HELP.match(line):
        return f"{asked[1]}get_ipython().run_line_magic('pinfo', {asked[2] or asked[3]!r})"
    if not (found := _LINE.match(line)):
        return line
    indent, target, magic, argument, command = found.groups()
    if magic is None:
        return f"{indent}{target or ''}get_ipython().{'getoutput' if target else 'system'}({command!r})"
    return f"{indent}{target or ''}get_ipython().run_line_magic({magic!r}, {argument!r})"


_OURS: Final = re.compile(r"\s*(?:#.*|%+mlm_\w+.*|%(?:re)?load_ext\s+mlm_jupyter\s*|)\s*")


def is_ours_alone(source: str) -> bool:
    """Return whether a cell consists of nothing but our line magics."""
    lines = source.splitlines()
    return not source.lstrip().startswith("%%") and all(_OURS.fullmatch(line) for line in lines)
