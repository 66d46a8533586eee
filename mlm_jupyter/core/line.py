"""The line a stream is being written on: where carriage returns and backspaces still change what was printed."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 1_048_576
"""A line is given up to be what it is beyond so many characters, so that text without newlines costs linear time."""


class Line:
    """The unfinished last line of a stream.

    The rules are those of JupyterLab 4's ``OutputAreaModel``: what follows a carriage return overwrites character by
    character and erases nothing; a newline goes to the end of the line wherever the cursor is; a backspace deletes the
    character before the cursor and, when the cursor is inside the line, the one under it as well.
    """

    def __init__(self) -> None:
        self.text = ""
        self.cursor = 0

    def write(self, text: str) -> str:
        """Write ``text`` and return what nothing written later can change: the lines it finished."""
        if "\r" not in text and "\b" not in text:
            return self._write_plain(text)
        *lines, last = text.replace("\r\n", "\n").split("\n")
        finished: list[str] = []
        for line in lines:
            self._delete(line)
            finished += self.text, "\n"
            self.text, self.cursor = "", 0
        self._delete(last)
        return "".join(finished) + self._overflow()

    def _write_plain(self, text: str) -> str:
        start = 0
        if self.cursor < len(self.text):
            start = text.find("\n")
            self._put(text if start < 0 else text[:start])
            if start < 0:
                return self._overflow()
        stop = text.rfind("\n") + 1
        finished = self.text + text[start:stop] if stop else ""
        self.text = text[stop:] if stop else self.text + text
        self.cursor = len(self.text)
        return finished + self._overflow()

    def _delete(self, text: str) -> None:
        first, *others = text.split("\b")
        self._return(first)
        for part in others:
            if self.cursor:
                self.text = self.text[: self.cursor - 1] + self.text[self.cursor + 1 :]
                self.cursor -= 1
            self._return(part)

    def _return(self, text: str) -> None:
        first, *others = text.split("\r")
        self._put(first)
        if not others:
            return
        # Of a thousand texts over one another the last is read whole, and of the others only what sticks out behind it.
        texts = [self.text, *others]
        longest = max(map(len, texts))
        line = texts.pop()
        while len(line) < longest:
            line += texts.pop()[len(line) :]
        self.text, self.cursor = line, len(others[-1])

    def _put(self, text: str) -> None:
        self.text = self.text[: self.cursor] + text + self.text[self.cursor + len(text) :]
        self.cursor += len(text)

    def _overflow(self) -> str:
        if len(self.text) <= LONGEST:
            return ""
        finished, self.text, self.cursor = self.text, "", 0
        return finished
