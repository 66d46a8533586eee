"""What refers to what: a field with a digest in it that nobody follows would be pruned, and missed by nobody but the user."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mlm_jupyter.core import entities
from mlm_jupyter.core.digest import Digest, canonical_json, digest_of, is_digest
from mlm_jupyter.core.tree import Node
from mlm_jupyter.errors import CorruptError
from mlm_jupyter.store.batch import Parts
from mlm_jupyter.store.journal import FinishedRun
from mlm_jupyter.store.references import Role, references

ROLES: dict[Role, type[msgspec.Struct]] = {
    Role.MANIFEST: entities.Manifest,
    Role.VARIABLE: entities.Variable,
    Role.GROUP: entities.Group,
    Role.CELL: entities.DocumentCell,
    Role.STATE: entities.State,
    Role.RUN: FinishedRun,
    Role.BLOB: Parts,
}
NOT_FOLLOWED = {("Manifest", "parent"), ("Session", "environment")}
"""A checkpoint outlives its parent; sessions have rows of their own."""
NESTED = ("Buffer", "Artifact", "Session", "Run", "CellExecution", "Document")


def full(kind: type[msgspec.Struct], counter: Iterator[int], digests: set[Digest]) -> Any:
    """Return the JSON of a ``kind`` with a digest of its own wherever there can be one; notes in ``digests`` which."""

    def new_digest(field: str) -> Digest:
        digest = digest_of(b"%d" % next(counter))
        if (kind.__name__, field) not in NOT_FOLLOWED:
            digests.add(digest)
        return digest

    values: dict[str, Any] = {}
    for field, annotation in kind.__annotations__.items():
        inner = next((name for name in NESTED if name in annotation), None)
        if annotation in ("Digest", "Digest | None"):
            values[field] = new_digest(field)
        elif annotation == "dict[str, Digest]":
            values[field] = {"key": new_digest(field)}
        elif annotation == "tuple[Digest, ...]":
            values[field] = [new_digest(field), new_digest(field)]
        elif inner is not None and annotation.startswith(("tuple", inner)) and not annotation.startswith("RunStatus"):
            made = full(getattr(entities, inner), counter, digests)
            values[field] = [made] if annotation.startswith("tuple") else made
        elif annotation in ("int", "str"):
            values[field] = 1 if annotation == "int" else "text"
        else:
            assert "Digest" not in annotation, f"{kind.__name__}.{field} has digests in a form this test does not know"
    return values


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_digest_of_an_entity_is_a_reference(role: Role) -> None:
    digests: set[Digest] = set()
    data = canonical_json(full(ROLES[role], itertools.count(), digests))
    found = references(role, data)
    assert digests and {edge.digest for edge in found} == digests
    assert all(is_digest(edge.digest) for edge in found)


@pytest.mark.parametrize("role", [Role.VARIABLES, Role.CELLS])
def test_a_node_refers_to_nodes_above_the_lowest_level_and_to_items_there(role: Role) -> None:
    items = tuple((str(number), digest_of(b"%d" % number)) for number in range(3))
    leaf = Role.VARIABLE if role is Role.VARIABLES else Role.CELL
    for level, inner in ((0, leaf), (1, role), (2, role)):
        found = references(role, canonical_json(Node(level, items)))
        assert [(edge.role, edge.digest) for edge in found] == [(inner, digest) for _, digest in items]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.LEAF], ids=lambda role: role.name)
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"variables": 3, "outputs": 4, "points": 5, "random": 6}'])
def test_what_is_nothing_of_its_kind_is_damage(role: Role, data: bytes) -> None:
    if data.startswith(b'{"') and role in (Role.VARIABLE,):
        pytest.skip("it has none of these fields")
    with pytest.raises(CorruptError):
        references(role, data)
