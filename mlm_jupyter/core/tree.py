"""A persistent, canonical list of ``(key, digest)`` items: the variables of a checkpoint, the cells of a notebook.

The list is cut into nodes after every key whose hash ends in four zero bits (about 16 items a node), the list of nodes
after every last key whose hash ends in eight, and so on, until one node is left: the root. Where the cuts fall depends on
the keys alone, so a list of which one value changed shares every node but one a level with the list before, and equal
lists have equal roots. (The structure is the prolly tree of Noms and Dolt.)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec
import xxhash

from mlm_jupyter.core.digest import Digest, canonical_json

Item = tuple[str, Digest]
Save = Callable[[bytes], Digest]
Load = Callable[[Digest], bytes]

_BITS_A_LEVEL: Final = 4


class Node(msgspec.Struct, frozen=True):
    """One node: at level 0 its items are the list's own, above that ``(last key, digest of a node)``."""

    level: int
    items: tuple[Item, ...]


_decoder = msgspec.json.Decoder(Node)


def build(items: Iterable[Item], save: Save) -> Digest:
    """Save the nodes of the list ``items`` with ``save`` and return the digest of the root.

    ``save`` is called for nodes that may be stored already; it must give equal bytes an equal digest.
    """
    level = 0
    nodes = _cut(list(items), level)
    while True:
        saved = [(node[-1][0] if node else "", save(canonical_json(Node(level, tuple(node))))) for node in nodes]
        if len(saved) == 1:
            return saved[0][1]
        level += 1
        nodes = _cut(saved, level)


@functools.lru_cache(maxsize=1 << 16)
def _hash_of(key: str) -> int:
    return xxhash.xxh3_64_intdigest(key.encode("utf-8", "surrogatepass"))


def _cut(items: list[Item], level: int) -> list[list[Item]]:
    mask = (1 << (_BITS_A_LEVEL * (level + 1))) - 1
    nodes: list[list[Item]] = []
    start = 0
    for position, (key, _) in enumerate(items, 1):
        if _hash_of(key) & mask == 0:
            nodes.append(items[start:position])
            start = position
    if start < len(items) or not nodes:
        nodes.append(items[start:])
    return nodes


def walk(root: Digest, load: Load) -> Iterator[Item]:
    """Yield the items of the list under ``root`` in order, reading nodes with ``load``."""
    node = _decoder.decode(load(root))
    if node.level == 0:
        yield from node.items
        return
    for _, child in node.items:
        yield from walk(child, load)


def nodes(root: Digest, load: Load) -> Iterator[Digest]:
    """Yield the digest of every node under ``root``, itself first."""
    yield root
    node = _decoder.decode(load(root))
    if node.level > 0:
        for _, child in node.items:
            yield from nodes(child, load)


def difference(before: Digest, after: Digest, load: Load) -> tuple[dict[str, Digest], dict[str, Digest]]:
    """Return the items that are only in ``before`` and those only in ``after``; nodes they share are not read twice."""
    shared = set(nodes(before, load)) & set(nodes(after, load))
    return _items_outside(before, shared, load), _items_outside(after, shared, load)


def _items_outside(root: Digest, shared: set[Digest], load: Load) -> dict[str, Digest]:
    found: dict[str, Digest] = {}
    pending = [root]
    while pending:
        digest = pending.pop()
        if digest in shared:
            continue
        node = _decoder.decode(load(digest))
        if node.level == 0:
            found.update(node.items)
        else:
            pending += [child for _, child in node.items]
    return found
