"""Parameters of a notebook that is run headless: what is typed, and the cell that gives them their values.

As papermill has it, so that the same command line gives the same run.
"""

from __future__ import annotations

import json
import keyword
from collections.abc import Mapping
from typing import Any

from mlm_jupyter.errors import InvalidInputError


def value_of(text: str) -> Any:
    """Return what a parameter typed on the command line means: papermill's numbers, ``True``, ``False`` and ``None``.

    Beyond that a list or object of JSON; everything else is the text itself.
    """
    constants = {"True": True, "False": False, "None": None}
    if text in constants:
        return constants[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def assignments(parameters: Mapping[str, Any]) -> str:
    """Return the source of the cell that gives ``parameters`` their values.

    Raises
    ------
    InvalidInputError : a name that no variable can have.
    """
    for name in parameters:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise InvalidInputError(f"{name!r} cannot be a parameter: give the name of a variable, such as learning_rate.")
    return "\n".join(["# Parameters", *(f"{name} = {_literal(value)}" for name, value in parameters.items())])


def _literal(value: Any) -> str:
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return f'float("{value}")'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
