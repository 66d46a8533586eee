"""Parameters of a notebook that is run headless: what is typed, the cell that gives them their values, which there are.

As papermill has it, so that the same command line gives the same run.
"""

from __future__ import annotations

import json
import keyword
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from mlm_jupyter.core.access import access_of
from mlm_jupyter.errors import InvalidInputError

_MOST_LISTED: Final = 12


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


def find_unknown(given: Iterable[str], *, defaults: str | None, cells: Iterable[str]) -> str | None:
    """Return which of the parameters ``given`` a notebook does not have, and which it has, to be said; None: it has them all.

    Parameters
    ----------
    defaults : the source of the cell that sets them; None: there is none, and a parameter is what some cell takes from before.
    cells : the sources of the code cells, looked at where there are no ``defaults``.
    """
    if defaults is not None:
        known = has = set(access_of(defaults).writes)
    else:
        known, has = _taken_from_before(cells)
    unknown = [name for name in given if name not in known]
    if not unknown:
        return None
    near = {name: get_close_matches(name, sorted(has), 1) for name in unknown}
    named = ", ".join(f"{name} (did you mean {near[name][0]}?)" if near[name] else name for name in unknown)
    listed = ", ".join([*sorted(has)[:_MOST_LISTED], *(["…"] if len(has) > _MOST_LISTED else [])])
    which = f"It has: {listed}." if has else "It has none."
    hint = " Tag the cell that sets the defaults: parameters." if defaults is None else ""
    return f"no parameter{'s' if len(unknown) > 1 else ''} {named}. {which}{hint}"


def _taken_from_before(cells: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return the names that a cell mentions before any has set it, in whatever way, and those that one surely reads so."""
    mentioned: set[str] = set()
    read: set[str] = set()
    is_set: set[str] = set()
    for access in map(access_of, cells):
        is_set_here = is_set.union(access.writes)
        read |= set(access.reads) - is_set
        mentioned |= (access.identifiers - is_set_here) | read
        is_set = is_set_here
    return mentioned, read


def _literal(value: Any) -> str:
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return f'float("{value}")'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
