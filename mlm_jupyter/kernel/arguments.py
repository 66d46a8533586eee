"""What is typed behind a magic: one table a magic says what it takes; reading a line and completing it both go by it."""

from __future__ import annotations

import difflib
import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from mlm_jupyter.errors import InvalidInputError

_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_QUOTES: Final = "\"'"
_COMMENT: Final = re.compile(r"#(?!\d+\Z)")


class Kind(enum.Enum):
    """What an argument is, and so what can be suggested for it."""

    FLAG = "flag"
    TEXT = "TEXT"
    NUMBER = "N"
    PAIR = "K=V"
    REFERENCE = "REF"
    RUN = "RUN"
    QUERY = "QUERY"
    """All the rest of the line."""
    NAMES = "NAMES"
    CHOICE = "choice"
    CHOICES = "choices"


_TEXTS: Final = (Kind.TEXT, Kind.REFERENCE, Kind.RUN)
"""What can have spaces in it, the name of a run too."""


class Argument(NamedTuple):
    """One thing that a magic takes: an option, whose name starts with a dash, or a word in its place."""

    name: str
    kind: Kind
    choices: Sequence[str] = ()
    """The words that can be said, of a CHOICE one of them, of CHOICES some, separated by commas."""
    repeats: bool = False
    is_required: bool = False
    is_hidden: bool = False
    """Typed by nobody, so never shown."""

    @property
    def is_option(self) -> bool:
        """Whether it is called by its name, not by its place."""
        return self.name.startswith("-")

    @property
    def value(self) -> str:
        """What is given for it, as its usage shows it."""
        return (",".join if self.kind is Kind.CHOICES else "|".join)(self.choices) or self.kind.value

    def __str__(self) -> str:
        text = self.name
        if self.is_option and self.kind is not Kind.FLAG:
            text = f"{self.name} {self.value}"
        elif self.choices:
            text = self.value
        return text if self.is_required else f"[{text}]{'...' if self.repeats else ''}"


class Word(NamedTuple):
    """One word of a line: what it says, and where it stands."""

    text: str
    start: int
    end: int


class Given:
    """What a line gives for the arguments of a magic, by name; each is asked for as what it is."""

    def __init__(self, values: Mapping[str, list[str]], usage: str) -> None:
        self._values = values
        self._usage = usage

    def has(self, name: str) -> bool:
        """Return whether it was given."""
        return name in self._values

    def options(self) -> list[str]:
        """Return the options that were given."""
        return [name for name in self._values if name.startswith("-")]

    def text(self, name: str) -> str | None:
        """Return what was given, the last time if repeatedly."""
        values = self._values.get(name)
        return values[-1] if values else None

    def texts(self, name: str) -> list[str]:
        """Return all that was given."""
        return self._values.get(name, [])

    def names(self, name: str) -> list[str]:
        """Return the entries of comma-separated lists."""
        return [part.strip() for value in self.texts(name) for part in value.split(",") if part.strip()]

    def number(self, name: str) -> int | None:
        """Return a whole number."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            raise InvalidInputError(f"{name} takes a whole number, not {text!r}. Use: {self._usage}") from None

    def pairs(self, name: str) -> dict[str, str]:
        """Return what was given as K=V."""
        found: dict[str, str] = {}
        for value in self.texts(name):
            key, sign, rest = unquoted(value).partition("=")
            if not sign or not key.strip():
                raise InvalidInputError(f"{name} takes K=V, as in {name} {key.strip() or 'kind'}=value, not {value!r}.")
            found[key.strip()] = unquoted(rest)
        return found


class Signature:
    """What a magic takes."""

    def __init__(self, magic: str, *arguments: Argument) -> None:
        self.magic = magic
        self.options = {argument.name: argument for argument in arguments if argument.is_option}
        self.places = [argument for argument in arguments if not argument.is_option]

    def __str__(self) -> str:
        shown = [argument for argument in (*self.places, *self.options.values()) if not argument.is_hidden]
        return " ".join([self.magic, *map(str, shown)])

    def read(self, line: str) -> Given:
        """Return what ``line`` gives.

        Raises
        ------
        InvalidInputError : an unknown option or verb, one too many or too few; the message names the nearest.
        """
        values: dict[str, list[str]] = {}
        words = [word.text for word in split(without_comment(line))]
        placed = 0
        while words:
            word = words.pop(0)
            if self.is_option(word):
                self._read_option(word, words, values)
                continue
            if placed == len(self.places):
                raise InvalidInputError(self._surplus(word))
            place = self.places[placed]
            if place.kind is Kind.CHOICE and word not in place.choices:
                raise InvalidInputError(f"{self.magic} has no {word!r}. {self._hint(word, place.choices)}")
            values[place.name] = [unquoted(word)]
            placed += 1
        missing = next((place for place in self.places[placed:] if place.is_required), None)
        if missing is not None:
            raise InvalidInputError(f"{self.magic} needs {missing.name}. Use: {self}")
        return Given(values, str(self))

    def is_option(self, word: str) -> bool:
        """Return whether a word calls an option, known or not."""
        return word.startswith("-") and re.fullmatch(r"-|-\d+", word) is None

    def _read_option(self, word: str, words: list[str], values: dict[str, list[str]]) -> None:
        name, sign, value = word.partition("=")
        option = self.options.get(name)
        if option is None:
            raise InvalidInputError(f"{self.magic} has no option {name!r}. {self._hint(name, self.options)}")
        if option.kind is Kind.FLAG:
            if sign:
                raise InvalidInputError(f"{name} takes no value. Use: {self}")
            values[name] = []
            return
        if not sign:
            if not words or words[0].partition("=")[0] in self.options:
                raise InvalidInputError(f"{name} needs a value: {name} {option.value}. Use: {self}")
            value = words.pop(0)
        if name in values and not option.repeats:
            raise InvalidInputError(f"{name} was given twice. Use: {self}")
        values.setdefault(name, []).append(unquoted(value))

    def _surplus(self, word: str) -> str:
        verbs = next((place.choices for place in self.places if place.kind is Kind.CHOICE), ())
        if word in verbs:
            return f"{self.magic} takes one verb, and {word!r} is a second. Use: {self}"
        is_text = any(place.kind in _TEXTS for place in self.places)
        quotes = "; put quotes around a text of several words" if is_text else ""
        return f"{self.magic} does not take {word!r}{quotes}. Use: {self}"

    def _hint(self, word: str, known: Iterable[str]) -> str:
        if word in ("-h", "--help"):
            return f"Its help is shown by: {self.magic}?"
        known = [name for name in known if name not in self.options or not self.options[name].is_hidden]
        near = difflib.get_close_matches(word, known, 1, cutoff=0.5)
        return f"Did you mean {near[0]}?" if near else f"Use: {self}"


def split(line: str) -> list[Word]:
    """Return the words of a line.

    Quotes and brackets that are closed keep together what is inside; one that is not closed, like an apostrophe, is a
    character as any other. So ``lr=[1, 2]`` and ``kind='a b'`` are one word each, and ``don't`` is not the start of a text.
    """
    words = []
    place = 0
    while place < len(line):
        if line[place].isspace():
            place += 1
            continue
        end = _end_of_word(line, place)
        words.append(Word(line[place:end], place, end))
        place = end
    return words


def without_comment(line: str) -> str:
    """Return ``line`` up to a ``#`` that begins a word outside quotes and brackets, as in Python; ``#12`` is a number."""
    start = next((word.start for word in split(line) if _COMMENT.match(word.text)), len(line))
    return line[:start].rstrip()


def unquoted(text: str) -> str:
    """Return ``text`` without the quotes around it, if there are."""
    if len(text) < 2 or text[0] not in _QUOTES or _end_of_quoted(text, 0) != len(text):
        return text
    return text[1:-1].replace(f"\\{text[0]}", text[0])


def _end_of_word(line: str, start: int) -> int:
    place = start
    while place < len(line) and not line[place].isspace():
        is_fresh = place == start or line[place - 1] in "=,"
        if line[place] in _QUOTES and is_fresh:
            place = _end_of_quoted(line, place) or place + 1
        elif line[place] in _CLOSING:
            place = _end_of_bracket(line, place) or place + 1
        else:
            place += 1
    return place


def _end_of_quoted(line: str, start: int) -> int | None:
    """Return where the text ends that a quote opens: at the same quote in front of a space, a comma or the end."""
    quote = line[start]
    for place in range(start + 1, len(line)):
        is_last = place + 1 == len(line) or line[place + 1].isspace() or line[place + 1] == ","
        if line[place] == quote and line[place - 1] != "\\" and is_last:
            return place + 1
    return None


def _end_of_bracket(line: str, start: int) -> int | None:
    """Return where the bracket is closed again; None if it is not, strings inside left alone."""
    expected = [_CLOSING[line[start]]]
    place = start + 1
    while place < len(line):
        character = line[place]
        if character in _QUOTES:
            closing = line.find(character, place + 1)
            place = closing if closing > 0 else place
        elif character in _CLOSING:
            expected.append(_CLOSING[character])
        elif character == expected[-1]:
            expected.pop()
            if not expected:
                return place + 1
        place += 1
    return None
