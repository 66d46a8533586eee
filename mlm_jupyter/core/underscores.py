"""Whether code means what was displayed last by ``_``, or throws something away under that name.

The latest results are IPython's ``_``, ``__`` and ``___``, so a function with ``for _ in range(n)`` in it would count for ever
as one that can reach them. Of other names every word of a cell counts; of these only where the name is not a function's own.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from mlm_jupyter.core.words import words_of

UNDERSCORES: Final = frozenset({"_", "__", "___"})
_NO_CODE: Final = re.compile(r"[\s_.,:;|/-]*")


def words_beside_names(tree: ast.AST) -> set[str]:
    """Return the words that may mean something though they are no names of the code.

    They are its attributes, the names it passes arguments by, and texts like code.
    """
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg is not None:
            found.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            if not _NO_CODE.fullmatch(text):  # as in "_".join
                found |= words_of(text)
    return found
