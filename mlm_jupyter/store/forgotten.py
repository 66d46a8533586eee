"""Checkpoints that the packs have and the database has lost: a byte of its log was damaged, or an older copy put back.

SQLite takes a log that is damaged for one that ends there, and says nothing. A process that is killed just before it commits
leaves a checkpoint in the packs too, but nobody was told that this one is kept. From one that was kept the next goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from mlm_jupyter.store.inventory import Inventory
from mlm_jupyter.store.journal import Change, deleted_ids
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.records import Kind, Record
from mlm_jupyter.store.scan import check_packs, size_of


class _Found(msgspec.Struct):
    """What a manifest says of its place in the history."""

    id: str
    parent_id: str | None = None


def forgotten_checkpoints(packs: Packs, inventory: Inventory) -> list[str]:
    """Return the ids of checkpoints that were acknowledged and are in the packs alone, in order.

    Only what lies in the packs outside of ``inventory`` is read.
    """
    parents: dict[str, str | None] = {}
    deleted: set[str] = set()
    for kind, raw in _outside(packs, inventory):
        with suppress(msgspec.DecodeError):  # of another version
            if kind is Kind.MANIFEST:
                found = msgspec.json.decode(raw, type=_Found)
                parents[found.id] = found.parent_id
            else:
                change = msgspec.json.decode(raw, type=Change)
                deleted.update(change.ids if change.is_deleted else ())
    if not parents:
        return []
    for (id,) in packs.database.connection().execute("SELECT id FROM checkpoints"):
        parents.pop(id, None)  # it was committed meanwhile, or at the second attempt
    for id in deleted | deleted_ids(packs):
        parents.pop(id, None)
    kept = parents.keys() & set(parents.values())
    return sorted(id for id, parent in parents.items() if id in kept or parent in kept)


def _outside(packs: Packs, inventory: Inventory) -> Iterator[tuple[Kind, bytes]]:
    """Yield the manifests and changes that lie in the packs and not in the inventory."""
    ids = dict(packs.database.connection().execute("SELECT name, id FROM packs").fetchall())
    live = Counter[int]()
    for pack, stored_bytes in zip(inventory.packs, inventory.stored_bytes, strict=True):
        live[pack] += stored_bytes
    paths = [path for path in sorted(packs.folder.glob("*.pack")) if size_of(path) > live[ids.get(path.name, -1)]]

    def is_outside(pack: str, record: Record) -> bool:
        return record.kind in (Kind.MANIFEST, Kind.CHANGE) and inventory.find_key(record.digest) is None

    for checked in check_packs(paths, is_wanted=is_outside):
        if checked.reason is None:
            yield checked.record.kind, checked.raw
