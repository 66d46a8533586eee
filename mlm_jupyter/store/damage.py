"""Who has lost something: which checkpoints, and which of their variables, need objects that are damaged or missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.tree import Node
from mlm_jupyter.errors import MlmError
from mlm_jupyter.store.inventory import Inventory
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.records import Kind
from mlm_jupyter.store.references import Edge, Role, parts_of, references

_SOUND: Final = 1
_TOUCHED: Final = 2
_KNOWN: Final = (None, False, True)  # what a mark says of whether an object leads to a bad one
_node: Final = msgspec.json.Decoder(Node).decode


class TouchedCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint that has lost something."""

    id: str
    ordinal: int
    notebook: str | None = None
    name: str | None = None
    variables: tuple[str, ...] = ()
    """The names whose values are lost."""
    parts: tuple[str, ...] = ()
    """What else of it is: ``notebook``, ``outputs``; ``everything`` where its manifest is."""


class TouchedArtifact(msgspec.Struct, frozen=True):
    """A file of a run that is lost."""

    run_id: str
    name: str


class DamageMap:
    """What leads to bad objects.

    Attributes
    ----------
    met : those of the bad objects that something leads to.
    """

    def __init__(self, packs: Packs, inventory: Inventory, bad: set[Digest]) -> None:
        self.met: set[Digest] = set()
        self._packs = packs
        self._connection = packs.database.connection()
        self._inventory = inventory
        self._inventory.marks[:] = bytes(len(inventory))
        self._bad = bad
        self._outside: dict[Digest, bool] = {}

    def checkpoints(self) -> list[TouchedCheckpoint]:
        """Return the checkpoints that have lost something, the oldest first."""
        rows = self._connection.execute("SELECT id, ordinal, notebook, name, digest FROM checkpoints ORDER BY id").fetchall()
        touched = []
        for id, ordinal, notebook, name, digest in rows:
            root = Edge(Role.MANIFEST, digest)
            if self._leads_to_bad(root):
                variables, parts = self._losses(root)
                touched.append(TouchedCheckpoint(id, ordinal, notebook, name, variables, parts))
        return touched

    def artifacts(self) -> list[TouchedArtifact]:
        """Return the artifacts that are lost."""
        rows = self._connection.execute("SELECT run_id, name, blob FROM artifacts ORDER BY run_id, name").fetchall()
        return [TouchedArtifact(run_id, name) for run_id, name, blob in rows if self._leads_to_bad(Edge(Role.BLOB, blob))]

    def _losses(self, root: Edge) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if root.digest in self._bad:
            return (), ("everything",)
        names: list[str] = []
        parts: set[str] = set()
        for part, edge in parts_of(self._packs.get(root.digest)):
            if not self._leads_to_bad(edge):
                continue
            if edge.role is Role.VARIABLES:
                names += self._lost_names(edge.digest)
            else:
                parts.add(part)
        if "" in names:
            parts.add("some variables")
        return tuple(filter(None, names)), tuple(sorted(parts))

    def _lost_names(self, node: Digest) -> Iterator[str]:
        """Yield the names of the variables under ``node`` whose values are lost; an empty one for those of a lost node."""
        if node in self._bad:
            yield ""
            return
        read = _node(self._packs.get(node))
        for name, digest in read.items:
            if read.level:
                yield from self._lost_names(digest)
            elif self._leads_to_bad(Edge(Role.VARIABLE, digest)):
                yield name

    def _leads_to_bad(self, edge: Edge) -> bool:
        number = self._inventory.find(edge.digest)
        known = self._outside.get(edge.digest) if number is None else _KNOWN[self._inventory.marks[number]]
        if known is not None:
            return known
        if edge.digest in self._bad:
            self.met.add(edge.digest)
            is_touched = True
        else:
            inner = [self._leads_to_bad(inner) for inner in self._references(edge)]  # all of them, so that all are met
            is_touched = any(inner)
        if number is None:
            self._outside[edge.digest] = is_touched
        else:
            self._inventory.marks[number] = _TOUCHED if is_touched else _SOUND
        return is_touched

    def _references(self, edge: Edge) -> list[Edge]:
        if edge.role is Role.LEAF or (edge.role is Role.BLOB and self._packs.find_kind(edge.digest) is not Kind.LIST):
            return []
        try:
            return references(edge.role, self._packs.get(edge.digest))
        except MlmError:  # freed by retention
            return []
