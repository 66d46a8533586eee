"""The bytes of artifacts on their way into the packs, and the rows that give them to a run."""

from __future__ import annotations

import io
import mimetypes
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Artifact
from mlm_jupyter.errors import StorageError
from mlm_jupyter.store.packs import CHUNK_BYTES, Batch, Kind, Packs
from mlm_jupyter.store.runs import Runs

_MEDIA_TYPES: Final = {
    ".ipynb": "application/x-ipynb+json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def add_files(
    packs: Packs, runs: Runs, run_id: Callable[[], str], files: Iterable[tuple[str, Path | bytes]], logged_at: int
) -> list[Artifact]:
    """Keep named files with a run, all or none; a large one passes through memory one chunk at a time.

    Parameters
    ----------
    run_id : asked for the run when all files could be read.

    Raises
    ------
    StorageError : one of them cannot be read, or not be stored.
    """
    with packs.batch() as batch:
        stored = [(name, *_put(batch, content)) for name, content in files]
        id = run_id()
        artifacts = [Artifact(id, name, blob, size, _media_type(name), logged_at) for name, blob, size in stored]
        batch.commit(runs.adding(artifacts))
    return artifacts


def _put(batch: Batch, content: Path | bytes) -> tuple[Digest, int]:
    parts = list(_chunks(batch, content))
    return batch.put_parts(parts), sum(size for _, size in parts)


def _media_type(name: str) -> str:
    known = _MEDIA_TYPES.get(PurePosixPath(name).suffix.lower()) or mimetypes.guess_type(name)[0]
    return known or "application/octet-stream"


def _chunks(batch: Batch, content: Path | bytes) -> Iterator[tuple[Digest, int]]:
    try:
        with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
            while piece := file.read(CHUNK_BYTES):
                yield batch.put(Kind.CHUNK, piece), len(piece)
    except OSError as error:
        raise StorageError(f"Cannot read {str(content)!r}: {error.strerror or error}.") from error
