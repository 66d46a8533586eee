"""What tests of the server ask and get."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from past import Past
from tornado.httputil import HTTPHeaders


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: HTTPHeaders
    bytes: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.bytes)

    @property
    def failure(self) -> tuple[int, str]:
        """The status and code of an error, whose message is one line."""
        assert set(self.body) == {"code", "message"}, self.body
        assert self.body["message"] and "\n" not in self.body["message"] and "Traceback" not in self.body["message"]
        return self.status, self.body["code"]


Ask = Callable[..., Awaitable[Reply]]
"""Asks the server for a path under ``mlm/``."""

Find = Callable[[], Awaitable[str]]
"""Asks for the project by its notebook, and returns the beginning of the paths of its routes."""


def make_past(folder: Path, *, store: Path | None = None) -> Past:
    """Return a new project with an empty notebook; where ``store`` is given, ``.mlm`` is a link to it."""
    folder.mkdir()
    if store is not None:
        store.mkdir()
        (folder / ".mlm").symlink_to(store)
    (folder / "train.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    return Past(folder)
