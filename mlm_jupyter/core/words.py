"""All that could be an identifier in a text: more than Python would find, never less."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ASCII: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_BETWEEN: Final = re.compile(r"[^A-Za-z_0-9\x80-\U0010ffff]+")


def words_of(text: str | bytes) -> set[str]:
    """Return the words of a text that could name something, as typed and as Python normalises them (NFKC)."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if text.isascii():
        return set(_ASCII.findall(text))
    # `\w` lacks the combining marks that names in many scripts need.
    letters = (letter for letter in set(text) if not letter.isascii())
    strange: dict[str, str | int | None] = {letter: " " for letter in letters if not f"a{letter}".isidentifier()}
    words = set(_BETWEEN.split(text.translate(str.maketrans(strange))))
    words |= {word.lstrip("0123456789") for word in words}
    return {form for word in words for form in (word, unicodedata.normalize("NFKC", word)) if form}
