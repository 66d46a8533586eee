"""What a project holds and what it costs: counts, bytes by kind, what sharing and compression save, what is large."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.tree import Node
from mlm_jupyter.store.inventory import Inventory
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.reclaim import store_bytes
from mlm_jupyter.store.records import HEADER_BYTES, Kind
from mlm_jupyter.store.references import Edge, Role, references

_COUNTS: Final = """
    SELECT count(*), coalesce(sum(is_dropped), 0), count(DISTINCT notebook),
        (SELECT count(*) FROM runs), (SELECT count(*) FROM sessions) FROM checkpoints
"""
_BY_KIND: Final = f"""
    SELECT kind, count(*), sum(raw_bytes), sum(stored_bytes + {HEADER_BYTES}) FROM objects GROUP BY kind ORDER BY 4 DESC
"""


class KindStats(msgspec.Struct, frozen=True):
    """The objects of one kind."""

    kind: str
    objects: int
    raw_bytes: int
    stored_bytes: int
    """What they take in the packs."""


class VariableStats(msgspec.Struct, frozen=True):
    """What the values a variable has had take."""

    name: str
    checkpoints: int
    """At so many it has a value."""
    values: int
    """So many different ones are stored."""
    stored_bytes: int
    """In the packs; what it shares with another variable is counted where it is larger."""


class Stats(msgspec.Struct, frozen=True):
    """A project in numbers."""

    checkpoints: int
    dropped_checkpoints: int
    """Of these, so many have lost their values to retention."""
    notebooks: int
    runs: int
    sessions: int
    kinds: tuple[KindStats, ...]
    variables: tuple[VariableStats, ...]
    """The largest first."""
    logical_bytes: int
    """What the values would take, were they stored in full at every checkpoint."""
    raw_bytes: int
    """What they take as objects, each once."""
    stored_bytes: int
    """The same, compressed."""
    disk_bytes: int
    """The whole project with its database."""


def take_stats(packs: Packs, *, most_variables: int = 10) -> Stats:
    """Return the project in numbers; every part of the history is looked at once, however often it occurs."""
    connection = packs.database.connection()
    checkpoints, dropped, notebooks, runs, sessions = connection.execute(_COUNTS).fetchone()
    values = _Values(packs)
    kinds = [KindStats(Kind(kind).name.lower(), *rest) for kind, *rest in connection.execute(_BY_KIND)]
    values.count()
    variables = values.variables()
    return Stats(
        checkpoints=checkpoints,
        dropped_checkpoints=dropped,
        notebooks=notebooks,
        runs=runs,
        sessions=sessions,
        kinds=tuple(kinds),
        variables=tuple(variables[:most_variables]),
        logical_bytes=values.logical_bytes,
        raw_bytes=values.raw_bytes,
        stored_bytes=values.stored_bytes,
        disk_bytes=store_bytes(packs.database.folder),
    )


class _Sized(msgspec.Struct):
    """Of a variable, what is needed here."""

    group: Digest | None = None
    size_bytes: int | None = None


_node: Final = msgspec.json.Decoder(Node).decode
_sized: Final = msgspec.json.Decoder(_Sized).decode


class _Values:
    """The values of all variables at all checkpoints, added up."""

    def __init__(self, packs: Packs) -> None:
        self.logical_bytes = 0
        self.raw_bytes = 0
        self.stored_bytes = 0
        self._packs = packs
        self._inventory = Inventory(packs.database)
        self._checkpoints: Counter[str] = Counter()
        self._groups: defaultdict[str, set[Digest]] = defaultdict(set)
        self._sizes: Counter[str] = Counter()

    def count(self) -> None:
        """Add up what all checkpoints have."""
        sized: dict[Digest, _Sized] = {}
        for name, digest, times in self._variables():
            if digest not in sized:
                sized[digest] = self._read(digest)
                self._sizes[name] += sized[digest].size_bytes or 0
            variable = sized[digest]
            if variable.group is not None and self._inventory.find(variable.group) is not None:
                self.logical_bytes += times * (variable.size_bytes or 0)
                self._checkpoints[name] += times
                self._groups[name].add(variable.group)

    def variables(self) -> list[VariableStats]:
        """Return what each variable takes, the largest first."""
        found = []
        for name, _ in self._sizes.most_common():
            groups = self._groups[name]
            if groups:
                stored_bytes = sum(map(self._count_group, groups))
                found.append(VariableStats(name, self._checkpoints[name], len(groups), stored_bytes))
        return sorted(found, key=lambda variable: -variable.stored_bytes)

    def _variables(self) -> Iterator[tuple[str, Digest, int]]:
        """Yield name and record of every variable with the number of its checkpoints, each part of their trees read once."""
        pending: Counter[Digest] = Counter()
        for (digest,) in self._packs.database.connection().execute("SELECT digest FROM checkpoints"):
            edges = self._references(Edge(Role.MANIFEST, digest))
            pending.update(edge.digest for edge in edges if edge.role is Role.VARIABLES)
        while pending:
            below: Counter[Digest] = Counter()
            for digest, times in pending.items():
                node = _node(self._packs.get(digest))
                for name, inner in node.items:
                    if node.level:
                        below[inner] += times
                    else:
                        yield name, inner, times
            pending = below

    def _read(self, digest: Digest) -> _Sized:
        return _sized(self._packs.get(digest))

    def _count_group(self, group: Digest) -> int:
        """Return what a group takes that was not counted before."""
        stored_bytes = 0
        pending = [Edge(Role.GROUP, group)]
        while pending:
            edge = pending.pop()
            number = self._inventory.find(edge.digest)
            if number is None or self._inventory.marks[number]:
                continue
            self._inventory.marks[number] = 1
            stored_bytes += self._inventory.stored_bytes[number]
            if edge.role is Role.GROUP or self._inventory.kinds[number] == Kind.LIST:
                pending += self._references(edge)
            else:
                self.raw_bytes += self._inventory.raw_bytes[number]
        self.stored_bytes += stored_bytes
        return stored_bytes

    def _references(self, edge: Edge) -> list[Edge]:
        return references(edge.role, self._packs.get(edge.digest))
