"""What may be asked: the query strings and bodies of the routes, checked before any work is done."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from mlm_jupyter.core.entities import CheckpointKind, ExecutionStatus

MOST_ITEMS: Final = 1000

Limit = Annotated[int, Meta(ge=1, le=MOST_ITEMS, description="The most items of a page.")]
Cursor = Annotated[str | None, Meta(description="The `cursor` of the page before.")]


class Nothing(msgspec.Struct, frozen=True):
    """No query."""


class ProjectQuery(msgspec.Struct, frozen=True):
    """Which projects."""

    notebook: Annotated[
        str | None, Meta(description="The path of a notebook, as the contents API spells it: its project is asked for.")
    ] = None


class CheckpointQuery(msgspec.Struct, frozen=True):
    """Which checkpoints, and which page of them."""

    notebook: Annotated[str | None, Meta(description="The notebook's path, as the project has it.")] = None
    run: Annotated[str | None, Meta(description="A run: its name or id, or the beginning of one.")] = None
    text: Annotated[str | None, Meta(description="Some of the source, the name or the note, in capitals or not.")] = None
    variable: Annotated[str | None, Meta(description="A variable that was added, changed or removed.")] = None
    cell: Annotated[str | None, Meta(description="The id of a cell.")] = None
    status: ExecutionStatus | None = None
    kind: CheckpointKind | None = None
    cursor: Cursor = None
    limit: Limit = 100


class RunQuery(msgspec.Struct, frozen=True):
    """Which runs, and which page of them."""

    query: Annotated[str | None, Meta(description="MLflow's filter language: metrics.acc > 0.9 and tags.kind = 'x'")] = None
    cursor: Cursor = None
    limit: Limit = 100


class MetricQuery(msgspec.Struct, frozen=True):
    """Which points."""

    key: Annotated[str | None, Meta(description="Of one metric only.")] = None
    points: Annotated[
        int, Meta(ge=4, le=1_000_000, description="Thin every curve out to about so many points that look the same.")
    ] = 5000


class DiffQuery(msgspec.Struct, frozen=True):
    """Which two checkpoints."""

    base: Annotated[str, Meta(description="A reference to a checkpoint.")]
    other: Annotated[str, Meta(description="A reference to a checkpoint.")]
    noise: Annotated[
        bool, Meta(description="Also tell of changes of execution counts, metadata and cell ids in the notebook.")
    ] = False


class LiveDiff(msgspec.Struct, frozen=True):
    """A checkpoint, and a notebook to compare it with."""

    base: str
    notebook: dict[str, Any]
    """In the form of nbformat 4, as the contents API sends it."""
    noise: bool = False


class CheckpointChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to change of a checkpoint; null takes it away, what is left out stays."""

    name: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    note: Annotated[str, Meta(max_length=20_000)] | UnsetType | None = UNSET


class RunChange(msgspec.Struct, frozen=True):
    """Tags to set; null takes one away."""

    tags: Annotated[dict[str, Annotated[str, Meta(max_length=20_000)] | None], Meta(max_length=MOST_ITEMS)]


class BlobQuery(msgspec.Struct, frozen=True):
    """Where the blob is known to be."""

    checkpoint: Annotated[
        str | None,
        Meta(description="The checkpoint that shows it; without it artifacts and the newest checkpoints are looked through."),
    ] = None
