"""Large arrays put back where they lie: what differs is written into the live array, and no other as large is made beside it.

Only into an array to which nothing leads but its name and what looks at a part of its memory that stays as it is, so nobody can
tell it from a new one. Nothing is written before all of it has been read and verified, and the namespace is swapped.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.capture.arrays import bytes_in_memory, has_numbers, is_array
from mlm_jupyter.capture.displayed import find_displayed, own_references
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Chunk

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SMALLEST: Final = 1 << 20
"""Arrays of fewer bytes are not worth the care."""


class Rewriting:
    """A live array that owns its memory, and the bytes that are to be written over some of that."""

    def __init__(self, array: Array, pieces: Sequence[tuple[int, bytearray]]) -> None:
        self.array = array
        self._pieces = pieces

    def gives(self, value: Any) -> bool:
        """Return whether a value is the array or a view of it, and nothing else beside."""
        return value is self.array or (is_array(value) and value.base is self.array)

    def write(self) -> None:
        """Change the array."""
        memory = bytes_in_memory(self.array)
        for start, piece in self._pieces:
            memory[start : start + len(piece)] = piece


def plan_rewriting(
    namespace: Mapping[str, Any], name: str, chunks: Sequence[Chunk], read_into: Callable[[Digest, memoryview], None]
) -> Rewriting | None:
    """Return how to write ``chunks`` into the memory of the array bound to ``name``; None where a new one has to be made.

    ``read_into`` writes the verified bytes of a chunk, and raises what it raises for one that is damaged.
    """
    held: dict[str, Any] = {"value": namespace.get(name)}
    if not is_array(held["value"]):
        return None
    held["owner"] = held["value"] if held["value"].base is None else held["value"].base
    if not _is_plain(held["owner"]) or 2 * sum(chunk.size_bytes for chunk in chunks) > held["owner"].nbytes:
        return None
    views = _find_views(namespace, held)
    if views is None:
        return None
    pieces = [(chunk.start, bytearray(chunk.size_bytes)) for chunk in chunks]
    for chunk, (_, piece) in zip(chunks, pieces, strict=True):
        read_into(chunk.digest, memoryview(piece))
    return Rewriting(held["owner"], pieces) if all(_looks_the_same(view, held["owner"], pieces) for view in views) else None


def _is_plain(owner: Any) -> bool:
    """Return whether something is an array of numbers with memory of its own, large enough to be worth the care."""
    if not is_array(owner) or owner.nbytes < SMALLEST or not has_numbers(owner):
        return False
    dtype, flags = owner.dtype, owner.flags
    return bool(dtype.names is None and not dtype.metadata and flags.owndata and flags.writeable and flags.forc)


def _find_views(namespace: Mapping[str, Any], held: Mapping[str, Any]) -> list[Array] | None:
    """Return the displayed views of the held owner's memory, but for the held value; None when anything else leads there."""
    displayed = find_displayed(namespace)
    values = displayed.values if displayed else []
    views = [one for one in values if is_array(one) and one.base is held["owner"] and one is not held["value"]]
    del displayed, values  # what was displayed may be the array itself
    is_view = held["value"] is not held["owner"]
    unknown = {name: sys.getrefcount(held[name]) - own_references() for name in held}
    known = {"value": 1, "owner": 1 + len(views)} if is_view else dict.fromkeys(held, 2 + len(views))
    return views if unknown == known and not any(map(weakref.getweakrefcount, held.values())) else None


def _looks_the_same(view: Array, array: Array, pieces: Sequence[tuple[int, bytearray]]) -> bool:
    """Return whether no byte that ``view`` can look at is another one after the ``pieces`` of ``array`` are written."""
    import numpy as np

    first, _ = np.lib.array_utils.byte_bounds(array)
    low, high = (bound - first for bound in np.lib.array_utils.byte_bounds(view))
    memory = bytes_in_memory(array)
    for start, piece in pieces:
        begin, end = max(start, low), min(start + len(piece), high)
        if begin < end and memory[begin:end] != piece[begin - start : end - start]:
            return False
    return True
