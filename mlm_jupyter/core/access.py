"""What the source of a cell says about names: for people, what it reads and writes; for a proof, all it could mention.

``reads`` and ``writes`` are what a reader of the cell would say. ``identifiers`` and ``triggers`` err on the other
side: an object whose names are not among the identifiers of a cell, nor of any function it can call, was not touched by
it, provided there are no triggers and nothing but those names refers to the object.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

import msgspec

from mlm_jupyter.core.magics import parse_cell
from mlm_jupyter.core.name_reader import NameReader
from mlm_jupyter.core.triggers import TO_THE_NOTEBOOK
from mlm_jupyter.core.underscores import UNDERSCORES, words_beside_names
from mlm_jupyter.core.words import words_of

UNPARSED: Final = "unparsed"
"""The trigger of a cell that could not be read as Python: nothing is known of what it does."""

_IMPLICIT: Final = frozenset(dir(builtins)) | {"get_ipython", "display", "In", "Out", "_", "__", "___", "exit", "quit"}


class Access(msgspec.Struct, frozen=True):
    """The names in one cell."""

    reads: tuple[str, ...] = ()
    """Names whose value the cell takes from before it, in order; also those that functions it defines will look up."""
    writes: tuple[str, ...] = ()
    """Names it binds, deletes, or whose object it changes by ``x[...] =`` or ``x.a =``, in order."""
    identifiers: frozenset[str] = frozenset()
    """Every word of the cell that could be a name, those in texts and comments included."""
    triggers: frozenset[str] = frozenset()
    """Words and magics that can lead to any object whatever the identifiers are."""
    lasting: frozenset[str] = frozenset()
    """The triggers that count for every later cell too: those in functions that the cell defines, those that act on, and
    those that it keeps, maybe by another name (``run = exec``)."""


def access_of(source: str, *, known: Collection[str] = ()) -> Access:
    """Return what ``source`` says about names, whatever it is: a cell that is no Python has identifiers and a trigger.

    Parameters
    ----------
    source : a cell as typed, or better, as IPython transformed it.
    known : the names of the namespace: a builtin's name counts as read only when it is one of them.
    """
    access = _access_of(source)
    if _IMPLICIT.isdisjoint(access.reads):
        return access
    reads = tuple(name for name in access.reads if name not in _IMPLICIT or name in known)
    return msgspec.structs.replace(access, reads=reads)


def leads_to_notebook(module: str) -> bool:
    """Return whether a module's functions could get at variables of the notebook that nobody passes to them."""
    triggers = access_of(_GUARD.sub("True", module)).triggers
    return UNPARSED in triggers or not TO_THE_NOTEBOOK.isdisjoint(triggers)


_GUARD: Final = re.compile(r"""__name__\s*==\s*(["'])__main__\1""")
"""What stands in most modules, and leads nowhere."""


@lru_cache(maxsize=512)
def _access_of(source: str) -> Access:
    identifiers = words_of(source)
    reader = NameReader()
    try:
        tree = parse_cell(source)
        reader.read(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Access(identifiers=frozenset(identifiers | reader.texts), triggers=frozenset({UNPARSED}))
    identifiers |= reader.texts
    if not UNDERSCORES.isdisjoint(identifiers):
        identifiers -= UNDERSCORES - reader.names.reads - reader.names.writes - words_beside_names(tree)
    private = [word for word in identifiers if word.startswith("__") and not word.endswith("__")]
    identifiers.update(f"_{owner.lstrip('_')}{word}" for owner in reader.classes for word in private)
    return Access(
        tuple(sorted(reader.names.reads)),
        tuple(sorted(reader.names.writes)),
        frozenset(identifiers),
        frozenset(reader.triggers),
        frozenset(reader.lasting),
    )
