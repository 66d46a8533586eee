"""A checkpoint and the row that it is in the database, each made from the other."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from mlm_jupyter.core.digest import Digest, canonical_json
from mlm_jupyter.core.entities import CellExecution, Changes, Checkpoint, Manifest, Signature
from mlm_jupyter.errors import CorruptError

COLUMNS: Final = ", ".join(Checkpoint.__struct_fields__)
_INSERT: Final = (
    f"INSERT INTO checkpoints ({COLUMNS}) VALUES ({', '.join(':' + name for name in Checkpoint.__struct_fields__)})"
)
_SIGNATURES: Final = "SELECT lower(hex(manifest)), scheme, key_id, lower(hex(value)) FROM signatures"


def decode_manifest(data: bytes) -> Manifest:
    """Return the manifest that ``data`` spells; a metric that was not finite is ``nan``, for JSON has no word for it."""
    try:
        return _decode_strict_manifest(data)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(data)
        fields["metrics"] = {key: math.nan if value is None else value for key, value in fields["metrics"].items()}
        return msgspec.convert(fields, Manifest)


_decode_strict_manifest: Final = msgspec.json.Decoder(Manifest).decode
_decode_changes: Final = msgspec.json.Decoder(Changes).decode
_clean_execution: Final = msgspec.json.Decoder(CellExecution).decode


def to_checkpoint(digest: Digest, manifest: Manifest, name: str | None = None, note: str | None = None) -> Checkpoint:
    """Return the checkpoint that this manifest makes."""
    execution = manifest.execution
    if execution is not None:
        execution = _clean_execution(canonical_json(execution))  # SQLite takes no lone surrogates
    return Checkpoint(
        id=manifest.id,
        digest=digest,
        kind=manifest.kind,
        created_at=manifest.created_at,
        session_id=manifest.session_id,
        ordinal=manifest.ordinal,
        parent_id=manifest.parent_id,
        run_id=manifest.run_id,
        notebook=manifest.notebook,
        name=name,
        note=note,
        cell_id=execution.cell_id if execution else None,
        execution_count=execution.execution_count if execution else None,
        source=execution.source if execution else None,
        status=execution.status if execution else None,
        duration_ms=execution.duration_ms if execution else None,
        changes=manifest.changes,
        metrics=manifest.metrics,
    )


def _to_row(checkpoint: Checkpoint) -> dict[str, object]:
    row = {field: getattr(checkpoint, field) for field in Checkpoint.__struct_fields__}
    row["changes"] = canonical_json(checkpoint.changes or {}).decode()
    row["metrics"] = canonical_json({key: _to_json(value) for key, value in checkpoint.metrics.items()}).decode()
    return row


def from_row(row: Iterable[Any]) -> Checkpoint:
    """Return the checkpoint of a row, its columns in the order of the fields; raises CorruptError where they are damaged."""
    fields = dict(zip(Checkpoint.__struct_fields__, row, strict=True))
    try:
        fields["changes"] = _decode_changes(fields["changes"])
        fields["metrics"] = {key: float(value) for key, value in json.loads(fields["metrics"]).items()}
        fields["is_dropped"] = bool(fields["is_dropped"])
        return msgspec.convert(fields, Checkpoint)
    except (ValueError, TypeError, AttributeError) as error:
        raise CorruptError(
            f"The row of checkpoint {fields['id']!r} is damaged ({error}); make the database anew with: mlm verify --rebuild"
        ) from error


def as_made(checkpoint: Checkpoint) -> Checkpoint:
    """Return what of a checkpoint is the same in its row as in its manifest, whatever was done to it since."""
    return msgspec.structs.replace(checkpoint, name=None, note=None, notebook=None, parent_id=None, is_dropped=False)


def _to_json(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)  # "nan", "inf", "-inf": JSON has no numbers for them


def insert_checkpoint(connection: sqlite3.Connection, checkpoint: Checkpoint) -> None:
    """Add the row of a checkpoint."""
    connection.execute(_INSERT, _to_row(checkpoint))


def insert_signature(connection: sqlite3.Connection, signature: Signature) -> None:
    """Add the row of a signature, in place of one by the same key."""
    connection.execute(
        "INSERT OR REPLACE INTO signatures (manifest, scheme, key_id, value) VALUES (?, ?, ?, ?)",
        (bytes.fromhex(signature.manifest), signature.scheme, signature.key_id, bytes.fromhex(signature.value)),
    )


def select_signatures(connection: sqlite3.Connection, manifest: Digest | None = None) -> list[Signature]:
    """Return who vouches for a manifest, by key; without one, all there are."""
    if manifest is None:
        rows = connection.execute(_SIGNATURES)
    else:
        rows = connection.execute(f"{_SIGNATURES} WHERE manifest = ? ORDER BY key_id", (bytes.fromhex(manifest),))
    return [Signature(*row) for row in rows]
