"""How things look on a terminal and in a notebook's text output: lines of a given width, and what colours mean.

No colour says anything that a word or a sign does not say too.
"""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

Colour = Literal["bold", "dim", "red", "green", "yellow", "cyan"]
_CODES: Final[Mapping[Colour, str]] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))
_NARROWEST: Final = 6  # a column of less is left out rather than cut to it
_OLD_MS: Final = 30 * 86_400_000
_INVISIBLE: Final = {"Cc": "\ufffd", "Cs": "\ufffd", "Cf": ""}


class Ink:
    """Colours for text that goes to ``stream``; none where it is no terminal, or ``NO_COLOR`` is set (no-color.org)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._is_on = not os.environ.get("NO_COLOR") and _is_terminal(stream or sys.stdout)

    def __call__(self, text: str, colour: Colour | None) -> str:
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self._is_on and colour and text else text


class RedrawnLine:
    """A line of a terminal that is drawn again and again; ``is_possible`` tells whether ``stream`` is one that can."""

    def __init__(self, stream: TextIO) -> None:
        self.is_possible = _is_terminal(stream)
        self._stream = stream
        self._drawn = ""

    def draw(self, text: str) -> None:
        """Let the line be ``text``, which fits on it."""
        if text != self._drawn:
            self._stream.write("\r" + pad(text, display_width(self._drawn)))
            self._stream.flush()
            self._drawn = text

    def end(self) -> None:
        """Leave the line, empty."""
        if self._drawn:
            self.draw("")
            self._stream.write("\r")
            self._stream.flush()


def _is_terminal(stream: TextIO) -> bool:
    """Return whether what is written to a stream can move the cursor and have a colour."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """Return how many characters fit on a line: the terminal's, 80 where there is none."""
    return max(40, shutil.get_terminal_size((80, 24)).columns)


def display_width(text: str) -> int:
    """Return how many columns ``text`` takes: two for each wide character of East Asia, none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def clean(text: str) -> str:
    """Return ``text`` as one line without what could move the cursor or does not encode."""
    return clean_line(" ".join(text.split()))


def clean_line(line: str) -> str:
    """Return ``line`` with its spaces, without what could move the cursor or does not encode."""
    if line.isprintable():
        return line
    return "".join(_INVISIBLE.get(unicodedata.category(character), character) for character in line.expandtabs())


def cut(text: str, width: int) -> str:
    """Return ``text`` shortened to ``width`` columns, with an ellipsis where something is left out."""
    if display_width(text) <= width:
        return text
    kept, taken = "", 0
    for character in text:
        taken += _columns(character)
        if taken > width - 1:
            break
        kept += character
    return kept.rstrip() + "…" if width > 0 else ""


def pad(text: str, width: int, *, is_right: bool = False) -> str:
    """Return ``text`` with spaces up to ``width`` columns."""
    space = " " * max(0, width - display_width(text))
    return space + text if is_right else text + space


def age(at: int, now: int) -> str:
    """Return how long ago a moment was: ``5 s``, ``3 min``, ``2 h``, ``9 d``; the date after a month."""
    passed = now - at
    if passed < 1_000:
        return "now"
    if passed > _OLD_MS:
        return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
    unit, size = next(entry for entry in _UNITS if passed >= entry[1])
    return f"{passed // size} {unit}"


def span(ms: float) -> str:
    """Return a duration with the digits that matter: ``4 ms``, ``1.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_950:
        return f"{ms / 1000:.1f} s"
    seconds = round(ms / 1000)
    if seconds < 3_600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3_600} h {seconds % 3_600 // 60:02d} min"


def size(count: int) -> str:
    """Return a number of bytes in decimal units: ``512 B``, ``1.2 MB``."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.95 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def moment(at: int) -> str:
    """Return a time of this place, to the second."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def number(value: float) -> str:
    """Return a metric's value in at most six significant digits."""
    return f"{value:.6g}"


def table(rows: Sequence[Sequence[str]], *, right: Iterable[int] = (), width: int) -> list[str]:
    """Return ``rows`` (the first one the headings) as lines with aligned columns.

    Where they do not all fit, the last columns are left out, which an ellipsis in the headings says, and the last one there
    is is cut.
    """
    rights = set(right)
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(display_width, column)) for column in zip(*cells, strict=True)]
    fitting = len(widths)
    while fitting > 1 and sum(widths[: fitting - 1]) + 2 * fitting + _NARROWEST > width:
        fitting -= 1
    if fitting < len(widths):
        cells = [[*row[:fitting], "…" if i == 0 else ""] for i, row in enumerate(cells)]
        widths = [*widths[:fitting], 1]
    lines = []
    for row in cells:
        padded = [pad(cell, wide, is_right=i in rights) for i, (cell, wide) in enumerate(zip(row, widths, strict=True))]
        lines.append(cut("  ".join(padded).rstrip(), width))
    return lines
