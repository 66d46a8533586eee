"""The outputs of stored notebooks as the server passes them on: sealed, bounded, and read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from mlm_jupyter.core.digest import Digest, canonical_json
from mlm_jupyter.core.outputs import Output, join, left_out, seal
from mlm_jupyter.store.packs import Packs

LoadOutputs = Callable[[Digest | None, Sequence[Output]], list[Output]]
"""Gives the outputs of a cell: those of a blob (None: there are none), with what came after the cell had ended."""

_LARGEST_TO_ROOM: Final = 16


class SealedOutputs:
    """Outputs that are wanted sealed (see ``core.outputs``), which spares their decoding.

    What several notebooks have is read once, and shown alike.

    Parameters
    ----------
    most_bytes : a cell whose outputs are larger shows a line instead that says so; and so do those of a notebook for which
        there is no room when outputs of sixteen times as much are there. None: all are shown.
    """

    def __init__(self, *, most_bytes: int | None = None) -> None:
        self._most_bytes = most_bytes
        self._known: dict[Digest, list[Output]] = {}
        self._left_out: set[Digest] = set()

    def of_notebook(self, packs: Packs) -> LoadOutputs:
        """Return what loads the outputs of the cells of one notebook."""
        most_bytes = self._most_bytes
        room = _LARGEST_TO_ROOM * (most_bytes or 0)

        def load(blob: Digest | None, late: Sequence[Output] = ()) -> list[Output]:
            nonlocal room
            if blob is None:
                return _with_late([], late)
            if blob in self._known:
                return self._known[blob] if blob in self._left_out else _with_late(self._known[blob], late)
            size = 0 if most_bytes is None else packs.blob_chunks(blob)[1]
            if size > min(room, most_bytes or 0):
                self._left_out.add(blob)
                self._known[blob] = seal(canonical_json([left_out(size, blob)]))
                return self._known[blob]
            room -= size
            self._known[blob] = seal(packs.get_blob(blob))
            return _with_late(self._known[blob], late)

        return load


def _with_late(outputs: list[Output], late: Sequence[Output]) -> list[Output]:
    if not late:
        return outputs
    return seal(canonical_json(join(msgspec.json.decode(canonical_json(outputs)), late)))
