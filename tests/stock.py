"""Projects whose checkpoints have values, written through the real store, for tests of what looks after them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import Digest, canonical_json
from mlm_jupyter.core.entities import (
    Buffer,
    CellExecution,
    Changes,
    Checkpoint,
    Document,
    DocumentCell,
    Group,
    Manifest,
    Preview,
    Run,
    State,
    Variable,
)
from mlm_jupyter.process import start_session
from mlm_jupyter.store.artifacts import add_files
from mlm_jupyter.store.checkpoints import Checkpoints
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.packs import Batch, Kind, Packs
from mlm_jupyter.store.runs import Runs
from mlm_jupyter.trust import key_of, sign

KEY = key_of(b"k" * 32)


class Stock:
    """A project, and one process that writes to it; each notebook goes on from its newest checkpoint."""

    def __init__(self, folder: Path, *, is_ended: bool = True) -> None:
        self.folder = folder
        self.database = Database.open(folder / ".mlm", create=True)
        self.packs = Packs(self.database)
        self.checkpoints = Checkpoints(self.database, self.packs)
        self.runs = Runs(self.database)
        self.session = start_session(new_id(), author="ada", started_at=now_ms(), notebook="a.ipynb")
        self.runs.add_session(self.session)
        if is_ended:
            self.runs.end_session(self.session.id, now_ms())
        self._parents: dict[str | None, Checkpoint] = {}

    def reopen(self) -> None:
        """Go on as another process would: with new packs, and no memory."""
        self.close()
        self.database = Database.open(self.folder / ".mlm")
        self.packs = Packs(self.database)
        self.checkpoints = Checkpoints(self.database, self.packs)
        self.runs = Runs(self.database)

    def start_run(self, name: str = "run") -> Run:
        """Start a run and return it."""
        run = Run(new_id(), name, "train", self.session.id, "running", now_ms(), notebook="a.ipynb")
        self.runs.start(run)
        return run

    def add_artifact(self, run: Run, content: bytes, name: str = "model.bin") -> None:
        """Keep a file with a run."""
        add_files(self.packs, self.runs, lambda: run.id, [(name, content)], now_ms())

    def add(
        self,
        values: Mapping[str, bytes],
        *,
        name: str | None = None,
        notebook: str | None = "a.ipynb",
        run: Run | None = None,
        outputs: str = "",
        created_at: int | None = None,
        source: str = "pass",
        metrics: dict[str, float] | None = None,
    ) -> Checkpoint:
        """Add the checkpoint of a cell after which the variables have these values, each in a group of its own."""
        parent = self._parents.get(notebook)
        if parent is not None and self.checkpoints.find(parent.id) is None:
            parent = None
        with self.packs.batch() as batch:
            shown = batch.put_blob(canonical_json([{"output_type": "stream", "name": "stdout", "text": outputs}]))
            execution = CellExecution(source, "ok", now_ms(), 1.0, cell_id="c1", execution_count=1, outputs=shown)
            cell = batch.put_json(Kind.CELL, DocumentCell("c1", "code", source, outputs=shown))
            cells = tree.build([("c1", cell)], lambda node: batch.put(Kind.NODE, node))
            manifest = Manifest(
                id=new_id(),
                kind="cell",
                created_at=created_at or now_ms(),
                session_id=self.session.id,
                ordinal=self.checkpoints.next_ordinal(notebook),
                variables=self._put_variables(batch, values),
                state=batch.put_json(Kind.STATE, State(cwd="/", sys_path=(), random={"random": batch.put_blob(b"seed" * 40)})),
                parent=parent.digest if parent else None,
                parent_id=parent.id if parent else None,
                run_id=run.id if run else None,
                notebook=notebook,
                execution=execution,
                document=Document(cells, batch.put_blob(b'{"title":"Training"}')),
                modules={"helpers.py": batch.put_blob(b"def f(): ...")},
                changes=Changes(added=tuple(values)),
                metrics=metrics or {},
            )
            add = self.checkpoints.add(batch, manifest, sign=lambda digest: sign(digest, KEY), name=name)
            made = self._parents[notebook] = batch.commit(add)
        return made

    def _put_variables(self, batch: Batch, values: Mapping[str, bytes]) -> Digest:
        items = []
        for name, value in sorted(values.items()):
            stream, blob = batch.put_blob(b"pickle of " + value[:20]), batch.put_blob(value)
            buffers = (Buffer(blob, len(value), is_ours=True, is_readonly=False),)
            group = batch.put_json(Kind.GROUP, Group((name,), stream, 10 + len(value[:20]), buffers))
            variable = Variable(name, "bytes", "stored", Preview(repr(value[:20])), "f", group=group, size_bytes=len(value))
            items.append((name, batch.put_json(Kind.VARIABLE, variable)))
        return tree.build(items, lambda node: batch.put(Kind.NODE, node))

    def read(self, checkpoint: Checkpoint) -> dict[str, bytes]:
        """Return the values of all variables, or raise as reading them does."""
        values = {}
        for name, variable in self.checkpoints.variables(checkpoint).items():
            assert variable.group is not None
            group = msgspec.json.decode(self.packs.get(variable.group), type=Group)
            values[name] = bytes(self.packs.get_blob(group.buffers[0].blob))
            assert self.packs.get_blob(group.stream) == b"pickle of " + values[name][:20]
        return values

    def read_record(self, checkpoint: Checkpoint) -> str:
        """Return what a checkpoint keeps for good: what its cell printed. Everything else but the values is read too."""
        manifest = self.checkpoints.manifest(checkpoint)
        state = msgspec.json.decode(self.packs.get(manifest.state), type=State)
        assert self.packs.get_blob(state.random["random"]) == b"seed" * 40
        assert self.packs.get_blob(manifest.modules["helpers.py"]) == b"def f(): ..."
        assert list(self.checkpoints.variables(checkpoint)) == sorted(checkpoint.changes.added)
        execution, document = manifest.execution, manifest.document
        assert execution is not None and document is not None
        assert self.packs.get_blob(document.metadata or "") == b'{"title":"Training"}'
        ((_, cell),) = tree.walk(document.cells, self.packs.get)
        assert msgspec.json.decode(self.packs.get(cell), type=DocumentCell).outputs == execution.outputs
        (output,) = msgspec.json.decode(bytes(self.packs.get_blob(execution.outputs or "")))
        return str(output["text"])

    def close(self) -> None:
        """Close the database and the packs, as a process that ends does."""
        self.packs.forget_files()
        self.database.close()
