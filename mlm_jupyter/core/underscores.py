"""Whether code means what was displayed last by ``_``, or throws something away under that name.

The latest results are IPython's ``_``, ``__`` and ``___``, so a function with ``for _ in range(n)`` in it would count for ever
as one that can reach them. Of other names every word of a cell counts; of these only where the name is not a function's own.
"""

from __future__ import annotations

import ast
import re
import symtable
from typing import Final

from mlm_jupyter.core.magics import parse_cell
from mlm_jupyter.core.words import words_of

UNDERSCORES: Final = frozenset({"_", "__", "___"})
_NO_CODE: Final = re.compile(r"[\s_.,:;|/-]*")


def underscores_in(source: str) -> frozenset[str]:
    """Return which of the names a cell may mean: as a global name, an attribute, or in a text that could be code."""
    try:
        found = set(_in_tree(parse_cell(source)))
        table = symtable.symtable(source, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return UNDERSCORES
    return UNDERSCORES & (found | _global_in(table))


def _in_tree(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            if not _NO_CODE.fullmatch(text):  # as in "_".join
                found |= words_of(text)
    return found


def _global_in(table: symtable.SymbolTable) -> set[str]:
    is_module = table.get_type() == "module"
    found = {symbol.get_name() for symbol in table.get_symbols() if is_module or symbol.is_global()}
    for child in table.get_children():
        found |= _global_in(child)
    return found
