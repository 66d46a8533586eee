"""Which objects an object refers to: the edges of the graph that begins at checkpoints and the rows of runs.

What bytes mean depends on who refers to them (somebody may keep a file that spells a group), so an edge says it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Artifact
from mlm_jupyter.core.tree import Node
from mlm_jupyter.errors import CorruptError
from mlm_jupyter.store.batch import Parts
from mlm_jupyter.store.records import Kind


class Role(enum.Enum):
    """What an object is to the one that refers to it."""

    MANIFEST = enum.auto()
    VARIABLES = enum.auto()
    """A node of the tree of variables."""
    VARIABLE = enum.auto()
    GROUP = enum.auto()
    CELLS = enum.auto()
    """A node of the tree of cells."""
    CELL = enum.auto()
    STATE = enum.auto()
    RUN = enum.auto()
    BLOB = enum.auto()
    """A LIST, or a chunk, which refers to nothing."""
    LEAF = enum.auto()


class Edge(NamedTuple):
    """A reference."""

    role: Role
    digest: Digest


# The entities again with nothing but their references, which msgspec reads several times faster than all of them.


class _Variable(msgspec.Struct):
    group: Digest | None = None


class _Buffer(msgspec.Struct):
    blob: Digest


class _Group(msgspec.Struct):
    stream: Digest
    buffers: tuple[_Buffer, ...] = ()


class _Outputs(msgspec.Struct):
    outputs: Digest | None = None
    widgets: Digest | None = None


class _Document(msgspec.Struct):
    cells: Digest
    metadata: Digest | None = None


class _Manifest(msgspec.Struct):
    variables: Digest
    state: Digest
    execution: _Outputs | None = None
    document: _Document | None = None
    modules: dict[str, Digest] = {}
    environment: Digest | None = None


class _State(msgspec.Struct):
    random: dict[str, Digest] = {}


class _Run(msgspec.Struct):
    points: Digest | None = None
    artifacts: tuple[Artifact, ...] = ()


_manifest: Final = msgspec.json.Decoder(_Manifest).decode
_node: Final = msgspec.json.Decoder(Node).decode
_variable: Final = msgspec.json.Decoder(_Variable).decode
_group: Final = msgspec.json.Decoder(_Group).decode
_outputs: Final = msgspec.json.Decoder(_Outputs).decode
_state: Final = msgspec.json.Decoder(_State).decode
_run: Final = msgspec.json.Decoder(_Run).decode
_parts: Final = msgspec.json.Decoder(Parts).decode


def references(role: Role, data: bytes) -> list[Edge]:
    """Return what the object with these bytes refers to, in order; its parent, for a manifest, is not among it.

    Parameters
    ----------
    role : where it is a BLOB, ``data`` is that of a LIST.

    Raises
    ------
    CorruptError : it is nothing of that kind.
    """
    try:
        return list(_READERS[role](data))
    except msgspec.DecodeError as error:
        what = f"A stored {role.name.lower()} cannot be read: {error}."
        raise CorruptError(f"{what} See what else is with: mlm verify") from error


def parts_of(manifest: bytes) -> Iterator[tuple[str, Edge]]:
    """Yield what the manifest with these bytes refers to, and what people call it."""
    found = _manifest(manifest)
    yield "variables", Edge(Role.VARIABLES, found.variables)
    yield "random state", Edge(Role.STATE, found.state)
    if found.execution is not None:
        yield from (("outputs", edge) for edge in _shown(found.execution))
    if found.document is not None:
        yield "notebook", Edge(Role.CELLS, found.document.cells)
        if found.document.metadata is not None:
            yield "notebook", Edge(Role.BLOB, found.document.metadata)
    if found.environment is not None:
        yield "environment", Edge(Role.LEAF, found.environment)
    yield from (("modules", Edge(Role.BLOB, blob)) for blob in found.modules.values())


def _of_node(inner: Role, leaf: Role) -> Callable[[bytes], Iterator[Edge]]:
    def of_node(data: bytes) -> Iterator[Edge]:
        node = _node(data)
        role = inner if node.level else leaf
        return (Edge(role, digest) for _, digest in node.items)

    return of_node


def _of_variable(data: bytes) -> Iterator[Edge]:
    group = _variable(data).group
    if group is not None:
        yield Edge(Role.GROUP, group)


def _of_group(data: bytes) -> Iterator[Edge]:
    group = _group(data)
    yield Edge(Role.BLOB, group.stream)
    for buffer in group.buffers:
        yield Edge(Role.BLOB, buffer.blob)


def _shown(found: _Outputs) -> list[Edge]:
    return [Edge(Role.BLOB, blob) for blob in (found.outputs, found.widgets) if blob is not None]


def _of_run(data: bytes) -> Iterator[Edge]:
    run = _run(data)
    if run.points is not None:
        yield Edge(Role.BLOB, run.points)
    for artifact in run.artifacts:
        yield Edge(Role.BLOB, artifact.blob)


_READERS: Final[dict[Role, Callable[[bytes], Iterator[Edge]]]] = {
    Role.MANIFEST: lambda data: (edge for _, edge in parts_of(data)),
    Role.VARIABLES: _of_node(Role.VARIABLES, Role.VARIABLE),
    Role.VARIABLE: _of_variable,
    Role.GROUP: _of_group,
    Role.CELLS: _of_node(Role.CELLS, Role.CELL),
    Role.CELL: lambda data: iter(_shown(_outputs(data))),
    Role.STATE: lambda data: (Edge(Role.BLOB, blob) for blob in _state(data).random.values()),
    Role.RUN: _of_run,
    Role.BLOB: lambda data: (Edge(Role.BLOB, part) for part in _parts(data).parts),
    Role.LEAF: lambda data: iter(()),
}

ROLES: Final[dict[Kind, Role]] = {
    Kind.LIST: Role.BLOB,
    Kind.NODE: Role.VARIABLES,
    Kind.VARIABLE: Role.VARIABLE,
    Kind.GROUP: Role.GROUP,
    Kind.CELL: Role.CELL,
    Kind.STATE: Role.STATE,
    Kind.MANIFEST: Role.MANIFEST,
    Kind.RUN: Role.RUN,
}
"""The role in which an object of a kind was most likely stored, good for finding what it refers to."""
