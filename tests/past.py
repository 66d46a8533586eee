"""Projects with a past, written through the real store as a kernel would, for tests that read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import canonical_json
from mlm_jupyter.core.entities import (
    CellExecution,
    Changes,
    Checkpoint,
    CheckpointKind,
    Document,
    DocumentCell,
    Environment,
    Manifest,
    Preview,
    Run,
    State,
    Variable,
)
from mlm_jupyter.process import start_session
from mlm_jupyter.store.checkpoints import Checkpoints
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import Batch, Kind, Packs
from mlm_jupyter.store.runs import Runs

NOTEBOOK = "train.ipynb"


class Past:
    """A project being written to by one kernel with one notebook."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database.open(folder / ".mlm", create=True)
        self.packs = Packs(self.database)
        self.checkpoints = Checkpoints(self.database, self.packs)
        self.runs = Runs(self.database)
        self.session = start_session(new_id(), author="ada", started_at=now_ms(), notebook=NOTEBOOK)
        self.runs.add_session(self.session)
        self.run: Run | None = None
        self.cells: dict[str, DocumentCell] = {}
        self._parent: Checkpoint | None = None

    def start_run(self, name: str, **params: str) -> Run:
        """Start the run that what follows belongs to."""
        self.run = Run(
            id=new_id(),
            name=name,
            experiment="train",
            session_id=self.session.id,
            status="running",
            started_at=now_ms(),
            notebook=NOTEBOOK,
            params=params,
        )
        self.runs.start(self.run)
        return self.run

    def log(self, *, step: int | None = None, **metrics: float) -> None:
        """Log metrics to the run."""
        assert self.run is not None
        time.sleep(0.002)  # later than the checkpoint before
        self.runs.log_metrics(self.run.id, metrics, step=step, logged_at=now_ms())

    def end_run(self, status: str = "finished") -> None:
        """End the run."""
        assert self.run is not None
        self.runs.end(self.run.id, status, now_ms(), until_id=new_id())  # type: ignore[arg-type]
        self.run = None

    def note_environment(self, environment: Environment) -> None:
        """Find out what the session runs on, which its first checkpoints do not say."""
        batch = self.packs.batch()
        digest = batch.put_json(Kind.ENVIRONMENT, environment)
        batch.commit()
        self.runs.set_session_environment(self.session.id, digest)

    def execute(
        self,
        source: str = "pass",
        values: Mapping[str, float] | None = None,
        *,
        outputs: Sequence[dict[str, Any]] = (),
        cell_id: str | None = None,
        error: str | None = None,
        kind: CheckpointKind = "cell",
        name: str | None = None,
        environment: Environment | None = None,
        modules: Mapping[str, str] | None = None,
        has_notebook: bool = True,
    ) -> Checkpoint:
        """Leave the checkpoint of one cell, after which the variables are ``values``."""
        batch = self.packs.batch()
        shown = batch.put_blob(canonical_json(list(outputs)))
        cell_id = cell_id or f"cell-{len(self.cells)}"
        execution = CellExecution(
            source=source,
            status="error" if error else "ok",
            started_at=now_ms(),
            duration_ms=12.0,
            cell_id=cell_id,
            execution_count=len(self.cells) + 1,
            outputs=shown,
        )
        self.cells[cell_id] = DocumentCell(
            id=cell_id, cell_type="code", source=source, execution_count=execution.execution_count, outputs=shown
        )
        manifest = Manifest(
            id=new_id(),
            kind=kind,
            created_at=now_ms(),
            session_id=self.session.id,
            ordinal=self.checkpoints.next_ordinal(NOTEBOOK),
            variables=_put_variables(batch, values or {}),
            state=batch.put_json(Kind.STATE, State(cwd="/", sys_path=())),
            parent=self._parent.digest if self._parent else None,
            parent_id=self._parent.id if self._parent else None,
            run_id=self.run.id if self.run else None,
            notebook=NOTEBOOK,
            execution=execution,
            document=self._put_document(batch) if has_notebook else None,
            environment=batch.put_json(Kind.ENVIRONMENT, environment) if environment else None,
            modules={path: batch.put_blob(text.encode()) for path, text in (modules or {}).items()},
            changes=Changes(added=tuple(values or {})),
        )
        self._parent = batch.commit(self.checkpoints.add(batch, manifest, name=name))
        return self._parent

    def _put_document(self, batch: Batch) -> Document:
        items = [(id, batch.put_json(Kind.CELL, cell)) for id, cell in self.cells.items()]
        root = tree.build(items, lambda node: batch.put(Kind.NODE, node))
        return Document(root, batch.put_blob(b'{"title":"Training"}'))

    def close(self) -> None:
        """Close the project, as a kernel that ends."""
        self.runs.end_session(self.session.id, now_ms())
        self.database.close()


def _put_variables(batch: Batch, values: Mapping[str, float]) -> str:
    variables = [
        Variable(
            name=name,
            type="builtins.float",
            status="stored",
            preview=Preview(text=repr(value), number=value),
            fingerprint=repr(value),
            size_bytes=24,
        )
        for name, value in sorted(values.items())
    ]
    items = [(variable.name, batch.put_json(Kind.VARIABLE, variable)) for variable in variables]
    return tree.build(items, lambda node: batch.put(Kind.NODE, node))


def stream(text: str) -> dict[str, Any]:
    """Return the output that a print leaves."""
    return {"output_type": "stream", "name": "stdout", "text": text}
