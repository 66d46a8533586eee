"""A stored project, asked without unpickling anything: rows, JSON and bytes.

Every question takes a reference (see ``Reader.get_checkpoint``) or the thing itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.calls import checked
from mlm_jupyter.core.diff import CheckpointDiff, Contents, cells_of, diff_checkpoints
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.document import to_notebook
from mlm_jupyter.core.entities import (
    Artifact,
    CellExecution,
    Checkpoint,
    Environment,
    Manifest,
    Metric,
    Param,
    Run,
    Session,
    Signature,
    Variable,
)
from mlm_jupyter.core.outputs import Output, join
from mlm_jupyter.core.pages import Identified, Pages, by_id
from mlm_jupyter.core.parts import select
from mlm_jupyter.core.query import parse
from mlm_jupyter.errors import NotFoundError
from mlm_jupyter.process import is_alive
from mlm_jupyter.store.checkpoints import Checkpoints
from mlm_jupyter.store.connection import BUSY_SECONDS
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.history import CheckpointFilter
from mlm_jupyter.store.journal import keep_deletion
from mlm_jupyter.store.location import FOLDER_NAME, is_frozen
from mlm_jupyter.store.packs import Packs
from mlm_jupyter.store.reclaim import store_bytes
from mlm_jupyter.store.references import Edge, Role, references
from mlm_jupyter.store.runs import Runs
from mlm_jupyter.store.sealed import LoadOutputs, SealedOutputs

CheckpointRef = str | Checkpoint | Run | Identified
RunRef = str | Run | Identified
"""A name or id, or something that has one: what was read from a project, or a run that is open."""
S = TypeVar("S", bound=msgspec.Struct)


class Reader:
    """A project on disk. Usable from many threads; close it, or use it in a ``with`` statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._packs = Packs(database)
        self._checkpoints = Checkpoints(database, self._packs)
        self._runs = Runs(database)

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, create: bool = False, wait_s: float = BUSY_SECONDS) -> Self:
        """Open the project in ``folder``, the one that holds ``.mlm/``; read-only where nothing can be written.

        Parameters
        ----------
        create : make the project where there is none.
        wait_s : how long to wait for another process that is writing.

        Raises
        ------
        NotFoundError : there is no project.
        IncompatibleError : a newer version of this package wrote it.
        """
        store = Path(folder).expanduser() / FOLDER_NAME
        reader = cls(Database.open(store, create=create, read_only=is_frozen(store), wait_s=wait_s))
        reader.mark_killed()
        return reader

    @property
    def folder(self) -> Path:
        """The folder that holds ``.mlm/``."""
        return self._database.folder.parent

    @property
    def is_readonly(self) -> bool:
        """Whether nothing can be written to the project."""
        return self._database.is_readonly

    @property
    def disk_bytes(self) -> int:
        """What the whole project takes on the disk, its database included."""
        return store_bytes(self._database.folder)

    def require_current(self) -> None:
        """Raise StorageError or IncompatibleError where the project is no longer the one that was opened."""
        self._database.require_current()

    def data_version(self) -> int:
        """Return a number that changes when another thread or process has written; compare only what one thread was given."""
        return self._database.data_version()

    def mark_killed(self) -> None:
        """End the runs whose process is gone."""
        if not self.is_readonly:
            now = now_ms()
            self._runs.mark_killed(lambda session: is_alive(session, now), now)

    def close(self) -> None:
        """Close the project's files."""
        self._database.close()
        self._packs.forget_files()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.folder)!r}>"

    # Checkpoints

    @checked
    def checkpoints(
        self, run: RunRef | None = None, notebook: str | None = None, *, include_saves: bool = True
    ) -> Pages[Checkpoint]:
        """Return the checkpoints, newest first; those of one run or notebook, if asked.

        Parameters
        ----------
        run : a run, its name or id, or a unique prefix of that.
        notebook : the notebook's path as checkpoints have it: relative to the project.
        include_saves : also those that a restore made of what it was about to replace.
        """
        run_id = self.get_run(run).id if run is not None else None

        def fetch(before: str | None, limit: int) -> list[Checkpoint]:
            return self._checkpoints.list(
                notebook=notebook, run_id=run_id, before=before, limit=limit, include_saves=include_saves
            )

        return Pages(lambda size: by_id(fetch, size))

    def checkpoint_page(
        self, wanted: CheckpointFilter, *, before: str | None = None, limit: int = 100
    ) -> tuple[list[Checkpoint], int]:
        """Return a page of the checkpoints wanted, newest first, and how many there are in all pages.

        Parameters
        ----------
        before : the id of the last checkpoint of the page before.
        """
        return self._checkpoints.page(wanted, before=before, limit=limit)

    @checked
    def get_checkpoint(self, ref: CheckpointRef, *, notebook: str | None = None, current: str | None = None) -> Checkpoint:
        """Return the checkpoint that ``ref`` means.

        Parameters
        ----------
        ref : a checkpoint's name; a run's name (its last checkpoint); an id of either or a unique prefix; ``latest``, the
            newest finished one; ``current``, where a kernel stands; each followed by ``~N``, N parents back. A run stands for
            its last checkpoint.
        notebook : whose ``latest`` is meant; None: the project's.
        current : the id of the checkpoint where the kernel stands, if one asks.

        Raises
        ------
        NotFoundError : there is none such.
        AmbiguousError : the prefix fits several; the message lists them.
        """
        if isinstance(ref, Checkpoint):
            return ref
        if isinstance(ref, Run):
            return self._checkpoints.last_of_run(ref.id, ref.name)
        return self._checkpoints.resolve(_text(ref), notebook=notebook, current=current)

    @checked
    def get_meant(self, ref: CheckpointRef, *, notebook: str | None = None, current: str | None = None) -> Checkpoint | Run:
        """Return the run where ``ref`` is the name or id of one, else the checkpoint; as ``get_checkpoint`` finds it."""
        if isinstance(ref, Checkpoint | Run):
            return ref
        run_id = self._checkpoints.find_run_id(_text(ref))
        if run_id is not None:
            return self._runs.get(run_id)
        return self.get_checkpoint(ref, notebook=notebook, current=current)

    def manifest(self, ref: CheckpointRef) -> Manifest:
        """Return all of a checkpoint that never changes."""
        return self._checkpoints.manifest(self.get_checkpoint(ref))

    def variables(self, ref: CheckpointRef) -> dict[str, Variable]:
        """Return what is known of every variable at a checkpoint, by name; their values stay where they are."""
        return self._checkpoints.variables(self.get_checkpoint(ref))

    def execution(self, ref: CheckpointRef) -> CellExecution | None:
        """Return the execution that made a checkpoint; None where no cell did."""
        return self.manifest(ref).execution

    def outputs(self, ref: CheckpointRef) -> list[dict[str, Any]]:
        """Return what the cell showed, as nbformat outputs, with what came after it had ended."""
        return self._load_outputs(self.get_checkpoint(ref), None)

    def _load_outputs(self, checkpoint: Checkpoint, sealed: SealedOutputs | None) -> list[Output]:
        execution = self.execution(checkpoint)
        blob = execution.outputs if execution is not None else None
        return self._outputs_loader(sealed)(blob, self._checkpoints.late_outputs(checkpoint.id))

    def late_output_count(self, ref: CheckpointRef) -> int:
        """Return how often something came after the cell had ended: with the digest it tells whether outputs are the same."""
        return self._checkpoints.late_output_count(self.get_checkpoint(ref).id)

    def output_bytes(self, ref: CheckpointRef) -> int:
        """Return how large what ``outputs`` returns is as JSON, without reading it."""
        checkpoint = self.get_checkpoint(ref)
        execution = self.execution(checkpoint)
        shown = self.blob_bytes(execution.outputs) if execution and execution.outputs else 0
        return shown + self._checkpoints.late_output_bytes(checkpoint.id)

    def widgets(self, ref: CheckpointRef) -> dict[str, Any] | None:
        """Return the state of the widgets that the cell showed, as a notebook's metadata holds it; None: it showed none."""
        execution = self.execution(ref)
        return self._load_json(execution.widgets) if execution and execution.widgets else None

    def shows(self, refs: Iterable[CheckpointRef], blob: Digest) -> bool:
        """Tell whether a blob is the outputs of a cell, or the state of its widgets, of any cell shown at these checkpoints.

        What they share is looked into once.
        """
        seen: set[Digest] = set()
        for ref in refs:
            manifest = self.manifest(ref)
            if manifest.execution is not None and blob in (manifest.execution.outputs, manifest.execution.widgets):
                return True
            pending = [Edge(Role.CELLS, manifest.document.cells)] if manifest.document is not None else []
            while pending:
                role, digest = pending.pop()
                if role is Role.BLOB and digest == blob:
                    return True
                if role is not Role.BLOB and digest not in seen:
                    seen.add(digest)
                    pending += references(role, self._packs.get(digest))
        return False

    def environment(self, ref: CheckpointRef) -> Environment | None:
        """Return what the code ran on; None where it is not known."""
        manifest = self.manifest(ref)
        digest = manifest.environment or self._runs.get_session(manifest.session_id).environment
        return None if digest is None else self._decode(digest, Environment)

    def modules(self, ref: CheckpointRef) -> dict[str, str]:
        """Return the text of each module of the project that was imported, by path."""
        sources = self.manifest(ref).modules
        return {path: bytes(self._packs.get_blob(blob)).decode("utf-8", "replace") for path, blob in sources.items()}

    def logged(self, ref: CheckpointRef) -> tuple[dict[str, str], dict[str, float]]:
        """Return the params and metrics of a checkpoint's run as they were when it was made: the last value of each."""
        checkpoint = self.get_checkpoint(ref)
        metrics = self.manifest(checkpoint).metrics
        if checkpoint.run_id is None:
            return {}, metrics
        params = [param for param in self._runs.params(checkpoint.run_id) if param.logged_at <= checkpoint.created_at]
        until = self._runs.metrics_until(checkpoint.run_id, checkpoint_id=checkpoint.id, created_at=checkpoint.created_at)
        return {param.key: param.value for param in params}, {**until, **metrics}

    def document(self, ref: CheckpointRef, *, sealed: SealedOutputs | None = None) -> dict[str, Any]:
        """Return the notebook as it was, as a JSON object in the form of nbformat 4.5, texts as one string.

        Parameters
        ----------
        sealed : has its outputs; None: they are decoded, all of them.

        Raises
        ------
        NotFoundError : there was no notebook, only a script or a console.
        """
        checkpoint = self.get_checkpoint(ref)
        document = self.manifest(checkpoint).document
        if document is None:
            raise NotFoundError(f"Checkpoint {checkpoint.id} has no notebook. See its code with: mlm show {checkpoint.id}")
        load, late = self._outputs_loader(sealed), self._checkpoints.late_outputs(checkpoint.id)
        return to_notebook(
            document,
            self._packs.get,
            self._load_json,
            lambda cell: load(cell.outputs, late if cell.id == checkpoint.cell_id else ()),
        )

    def _outputs_loader(self, sealed: SealedOutputs | None) -> LoadOutputs:
        if sealed is not None:
            return sealed.of_notebook(self._packs)
        return lambda blob, late: join(self._load_json(blob) if blob is not None else [], late)

    @checked
    def diff(self, base: CheckpointRef, other: CheckpointRef, *, only: Iterable[str] = ()) -> CheckpointDiff:
        """Return what turns ``base`` into ``other``, variables compared by what is known of them.

        Where one is the name or id of a run, its params and metrics are those of that run; of two runs of which one has no
        checkpoint, a script's, nothing else is compared.

        Parameters
        ----------
        only : some of code, outputs, variables, metrics, params, environment; none of them: all.
        """
        before, after = self.get_meant(base), self.get_meant(other)
        if isinstance(before, Run) and isinstance(after, Run) and None in (before.last_checkpoint_id, after.last_checkpoint_id):
            logged = [Contents(id=run.id, params=run.params, metrics=run.metrics) for run in (before, after)]
            return select(diff_checkpoints(*logged), only)
        return select(diff_checkpoints(self.contents(before), self.contents(after)), only)

    def set_name(self, ref: CheckpointRef, name: str | None) -> None:
        """Give a checkpoint a name of its own, or take it away."""
        self._checkpoints.set_name(self.get_checkpoint(ref).id, name)

    def set_note(self, ref: CheckpointRef, note: str | None) -> None:
        """Write a note to a checkpoint, or take it away."""
        self._checkpoints.set_note(self.get_checkpoint(ref).id, note)

    @checked
    def delete(self, ref: CheckpointRef) -> None:
        """Delete a checkpoint, or a run with all that was logged in it (given as a run itself; its checkpoints stay)."""
        if isinstance(ref, str | Checkpoint):
            self._checkpoints.delete(self.get_checkpoint(ref).id)
        else:
            id = self.get_run(ref).id
            self._runs.delete(id)
            keep_deletion(self._packs, id)

    # Runs

    @checked
    def runs(self, query: str | None = None) -> Pages[Run]:
        """Return the runs, newest first; those that ``query`` asks for, in its order.

        Parameters
        ----------
        query : MLflow's filter language: ``metrics.acc > 0.9 and params.lr = '0.1' order by metrics.acc desc``.

        Raises
        ------
        InvalidInputError : the query cannot be read; the message says where.
        """
        parsed = parse(query) if query else None
        return Pages(lambda size: self._runs.pages(parsed, size))

    def run_page(self, query: str | None = None, *, before: str | None = None, limit: int = 100) -> tuple[list[Run], int]:
        """Return a page of the runs that ``query`` asks for, in its order, and how many there are in all pages."""
        parsed = parse(query) if query else None
        return self._runs.list(parsed, before=before, limit=limit), self._runs.count(parsed)

    def set_tags(self, run: RunRef, tags: Mapping[str, str | None]) -> None:
        """Set tags of a run, and take away those whose value is None."""
        self._runs.set_tags(self.get_run(run).id, tags)

    @checked
    def get_run(self, ref: RunRef) -> Run:
        """Return a run by its name (the newest of that name), its id, a unique prefix of that, or ``latest``.

        Raises
        ------
        NotFoundError : there is none such.
        AmbiguousError : the prefix fits several; the message lists them.
        """
        return ref if isinstance(ref, Run) else self._runs.resolve(_text(ref))

    @checked
    def metrics(self, run: RunRef, key: str | None = None, *, points: int | None = None) -> list[Metric]:
        """Return the points of a run's metrics (of one, if asked), by key, then step.

        Parameters
        ----------
        points : thin every curve out to about so many points that look the same when drawn.
        """
        return self._runs.metrics(self.get_run(run).id, key, points=points)

    def params(self, run: RunRef) -> list[Param]:
        """Return every value the params of a run were given, in order of time."""
        return self._runs.params(self.get_run(run).id)

    def artifacts(self, run: RunRef) -> list[Artifact]:
        """Return the files kept with a run, by name."""
        return self._runs.artifacts(self.get_run(run).id)

    def artifact_bytes(self, artifact: Artifact) -> bytes:
        """Return what is in a file kept with a run."""
        return bytes(self._packs.get_blob(artifact.blob))

    def find_artifact(self, blob: Digest) -> Artifact | None:
        """Return a file with these bytes that is kept with any run, or None."""
        return self._runs.find_artifact(blob)

    def sessions(self, *, is_open: bool | None = None) -> list[Session]:
        """Return the sessions, newest first; only those that have not ended (or have), if asked."""
        return self._runs.sessions(is_open=is_open)

    def get_session(self, id: str) -> Session:
        """Return a session by its id: who worked where, with which Python."""
        return self._runs.get_session(id)

    def signatures(self, ref: CheckpointRef) -> list[Signature]:
        """Return who vouches for a checkpoint; whether it is true is for ``trust`` to find out."""
        return self._checkpoints.signatures(self.get_checkpoint(ref))

    # What lies behind a digest

    def blob_bytes(self, blob: Digest) -> int:
        """Return the size of a blob."""
        return self._packs.blob_chunks(blob)[1]

    def blob_chunks(self, blob: Digest) -> tuple[list[Digest], int]:
        """Return the digests of the chunks of a blob, each at most 1 MiB to be had by ``chunk``, and its size."""
        return self._packs.blob_chunks(blob)

    def chunk(self, digest: Digest) -> bytes:
        """Return the bytes of one chunk."""
        return self._packs.get(digest)

    def _decode(self, digest: Digest, kind: type[S]) -> S:
        return msgspec.json.decode(self._packs.get(digest), type=kind)

    def _load_json(self, blob: Digest) -> Any:
        return msgspec.json.decode(self._packs.get_blob(blob))

    def contents(self, ref: CheckpointRef, *, has_cells: bool = True) -> Contents:
        """Return all of a checkpoint that can be compared; its cells, which are most of the work, only if asked.

        Several runs may have ended with one checkpoint: where ``ref`` means a run, the params and metrics are all of that run.
        """
        meant = self.get_meant(ref)
        checkpoint = self.get_checkpoint(meant)
        params, metrics = (meant.params, meant.metrics) if isinstance(meant, Run) else self.logged(checkpoint)
        return Contents(
            id=checkpoint.id,
            variables=self.variables(checkpoint),
            params=params,
            metrics=metrics,
            environment=self.environment(checkpoint),
            modules=self.modules(checkpoint),
            cells=cells_of(self.shown_notebook(checkpoint)) if has_cells else (),
        )

    def shown_notebook(self, checkpoint: Checkpoint, *, sealed: SealedOutputs | None = None) -> dict[str, Any]:
        """Return the notebook as ``document`` does, or one of just the cell that ran where there was none."""
        if self.manifest(checkpoint).document is not None:
            return self.document(checkpoint, sealed=sealed)
        if checkpoint.source is None:
            return {}
        cell = {"cell_type": "code", "source": checkpoint.source, "outputs": self._load_outputs(checkpoint, sealed)}
        return {"cells": [cell | ({"id": checkpoint.cell_id} if checkpoint.cell_id else {})]}


def _text(ref: str | Identified) -> str:
    return ref if isinstance(ref, str) else ref.id
