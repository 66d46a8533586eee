"""Half characters: Python's texts can hold them (of a file's name, of a cut emoji), and no UTF-8 can carry them."""

from __future__ import annotations


def storable(text: str) -> str:
    """Return ``text`` with U+FFFD for every lone surrogate, so that it can be encoded; a pair becomes its character."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
