"""What changes, written once more into the packs, so that names and finished runs outlive a lost database.

The database is where these facts live and are asked for. Only ``mlm verify --rebuild`` reads what is here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Artifact, Metric, Param, Run, Session
from mlm_jupyter.errors import MlmError
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.records import Kind
from mlm_jupyter.store.runs import Runs

S = TypeVar("S", bound=msgspec.Struct)

IN_ORDER: Final = "SELECT digest FROM objects JOIN packs ON packs.id = pack_id WHERE kind = ? ORDER BY name, offset"
"""The objects of a kind, in the order in which they were written."""


def _now() -> int:
    return time.time_ns() // 1_000_000


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody changed of checkpoints, or that runs were deleted; later ones count."""

    ids: tuple[str, ...]
    name: str | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET
    is_dropped: bool = False
    is_deleted: bool = False
    parent_id: str | None = None
    """Of what was deleted."""
    at: int = msgspec.field(default_factory=_now)


class FinishedRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run as it had ended, but for its metrics, which are the last of its points."""

    run: Run
    session: Session
    params: tuple[Param, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    points: Digest | None = None
    """A blob: a JSON list of ``[key, value, step, logged_at, checkpoint_id]``; a value that is not finite as text."""


_Point = tuple[str, float | str, int | None, int, str | None]
_decode_points: Final = msgspec.json.Decoder(list[_Point]).decode


def keep_run(packs: Packs, runs: Runs, id: str) -> None:
    """Write a run that has ended to the packs."""
    run = runs.get(id)
    points = [_to_point(point) for point in runs.metrics(id)]
    with packs.batch() as batch:
        finished = FinishedRun(
            run=msgspec.structs.replace(run, metrics={}),
            session=runs.get_session(run.session_id),
            params=tuple(runs.params(id)),
            artifacts=tuple(runs.artifacts(id)),
            points=batch.put_blob(msgspec.json.encode(points)) if points else None,
        )
        batch.put_json(Kind.RUN, finished)
        batch.commit()


def keep_deletion(packs: Packs, id: str) -> None:
    """Write to the packs that a run was deleted."""
    with packs.batch() as batch:
        batch.put_json(Kind.CHANGE, Change((id,), is_deleted=True))
        batch.commit()


def records(packs: Packs, kind: Kind, type: type[S]) -> Iterator[tuple[Digest, S]]:
    """Yield the objects of a kind that can be read as ``type``, in the order in which they were written."""
    for (key,) in packs.database.connection().execute(IN_ORDER, (kind,)):
        try:
            yield key.hex(), msgspec.json.decode(packs.get(key.hex()), type=type)
        except (MlmError, msgspec.DecodeError):
            continue


def deleted_ids(packs: Packs) -> set[str]:
    """Return the ids of checkpoints and runs that were deleted."""
    changes = (change for _, change in records(packs, Kind.CHANGE, Change))
    return {id for change in changes if change.is_deleted for id in change.ids}


def points_of(data: bytes | bytearray) -> list[Metric]:
    """Return the points that ``keep_run`` stored."""
    return [Metric(key, float(value), step, at, checkpoint) for key, value, step, at, checkpoint in _decode_points(data)]


def _to_point(point: Metric) -> _Point:
    value = point.value if math.isfinite(point.value) else str(point.value)
    return (point.key, value, point.step, point.logged_at, point.checkpoint_id)
