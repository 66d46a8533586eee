"""Where a kernel stands in its history: the checkpoint that is the next one's parent, and what is stored of each variable.

A draft becomes the next checkpoint in one commit. What could not be stored is remembered until a later one has it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from mlm_jupyter.capture.drafts import BufferDraft, GroupDraft, Look, VariableDraft
from mlm_jupyter.capture.streams import NO_CHUNKS, PYTHON, Chunks
from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import Digest, canonical_json
from mlm_jupyter.core.entities import (
    NO_CHANGES,
    Buffer,
    CellExecution,
    Changes,
    Checkpoint,
    CheckpointKind,
    Document,
    DocumentCell,
    Group,
    Manifest,
    Signature,
    State,
    Variable,
)
from mlm_jupyter.errors import ConflictError, MlmError
from mlm_jupyter.store.checkpoints import Checkpoints
from mlm_jupyter.store.packs import Batch, Kind, Packs

MOST_KNOWN: Final = 400_000
"""Chunks whose digest is remembered: 100 MB of memory, 400 GB of arrays."""

_PRUNED: Final = "its stored value was freed while it was in use; the next checkpoint has it again"

Output = dict[str, Any]


class Shelf:
    """Puts the parts of a document in a batch."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.has = batch.has

    def put_json(self, value: dict[str, Any] | list[Output]) -> Digest:
        """Store metadata, or the outputs of a cell, as a blob."""
        return self._batch.put_blob(canonical_json(value))

    def put_cell(self, cell: DocumentCell) -> Digest:
        """Store a cell."""
        return self._batch.put_json(Kind.CELL, cell)

    def put_node(self, node: bytes) -> Digest:
        """Store a node of the tree of cells."""
        return self._batch.put(Kind.NODE, node)


class CheckpointDraft(msgspec.Struct, kw_only=True):
    """A checkpoint on its way to the store."""

    id: str
    key: str = ""
    """What the outputs of the execution are asked for by."""
    kind: CheckpointKind
    created_at: int
    look: Look
    names: frozenset[str]
    """All variables there were."""
    between: tuple[str, ...] = ()
    """Those of the look's changes that happened before the cell started."""
    random: dict[str, bytes]
    cwd: str
    sys_path: tuple[str, ...]
    execution: CellExecution | None = None
    outputs: Callable[[], tuple[list[Output], Output | None]] | None = None
    """Gives the outputs of the execution and the state of the widgets they show."""
    document: Callable[[Shelf, CellExecution | None], Document | None] = lambda shelf, execution: None
    modules: dict[str, bytes] = {}
    run_id: str | None = None
    author: str | None = None
    metrics: dict[str, float] = {}
    name: str | None = None
    note: str | None = None
    are_outputs_final: threading.Event = msgspec.field(default_factory=threading.Event)
    done: threading.Event = msgspec.field(default_factory=threading.Event)
    checkpoint: Checkpoint | None = None
    error: MlmError | None = None

    def groups_in_live_memory(self) -> list[GroupDraft]:
        """Return the groups of which something is still to be read from the user's objects."""
        return [group for group in self.look.groups if any(buffer.is_live for buffer in group.buffers)]

    def secure(self, known: Container[bytes], most_copied: int) -> None:
        """Copy what is small of the live memory that is to be written, so that the user may change it at once."""
        live = [(buffer, buffer.unknown_bytes(known)) for group in self.look.groups for buffer in group.buffers]
        copies = sum(size for _, size in live) <= most_copied
        for buffer, size in live:
            if copies:
                buffer.copy_unknown(known)
            elif not size:
                buffer.release()


class _Standing(NamedTuple):
    """The variables as they were stored last: while nothing was deleted since, no object of theirs need be looked for."""

    deletions: int
    root: Digest
    keys: frozenset[bytes]
    """Of the tree's nodes, the variables and their groups."""


class Head:
    """The end of one kernel's history, where checkpoint drafts are appended, by one thread.

    Parameters
    ----------
    sign : returns the signature of a manifest's digest.
    on_lost : told the names whose values could not be stored, so that the next look finds them changed.
    """

    def __init__(
        self,
        packs: Packs,
        checkpoints: Checkpoints,
        *,
        session_id: str,
        notebook: str | None,
        sign: Callable[[Digest], Signature | None],
        on_lost: Callable[[Iterable[str]], None],
    ) -> None:
        self.notebook = notebook
        self.environment: Digest | None = None
        self.records: dict[str, tuple[Digest, Variable]] = {}
        self.current: Checkpoint | None = None
        self.chunks: dict[bytes, Digest] = {}
        """Those that were stored, by their fast hash."""
        self._packs = packs
        self._checkpoints = checkpoints
        self._session_id = session_id
        self._sign = sign
        self._on_lost = on_lost
        self._unstored: dict[str, VariableDraft] = {}
        self._untimely: set[str] = set()
        self._states: dict[str, tuple[bytes, Digest]] = {}
        self._standing: _Standing | None = None
        self._streams: dict[tuple[str, ...], Chunks] = {}
        """How the streams of the groups were cut, of those of several chunks."""

    @property
    def is_behind(self) -> bool:
        """Whether something changed in a checkpoint that could not be stored, and is in no later one."""
        return bool(self._unstored)

    def append(self, draft: CheckpointDraft) -> None:
        """Store ``draft`` as the next checkpoint and stand on it."""
        try:
            try:
                self._store(draft)
            except ConflictError:  # chunks were pruned while they were about to be used again
                self._store(draft)
        except Exception:
            self._on_lost(draft.look.drafts)
            self._unstored.update(draft.look.drafts)
            self._untimely.update(draft.look.drafts, draft.look.removed)
            raise

    def stand_on(self, checkpoint: Checkpoint, records: dict[str, tuple[Digest, Variable]]) -> None:
        """Make ``checkpoint`` the parent of the next one, and ``records`` what is known of the variables."""
        self.current = checkpoint
        self.records = records
        self._standing = None
        self._unstored = {}
        self._untimely = set()

    def _store(self, draft: CheckpointDraft) -> None:
        batch = self._packs.batch()
        try:
            records, known, lost = self._store_variables(batch, draft)
            execution = _with_outputs(draft, batch)
            standing = self._store_tree(batch, records)
            manifest = self._manifest(batch, draft, standing.root, execution)
            insert = self._checkpoints.add(batch, manifest, sign=self._sign, name=draft.name, note=draft.note)
            stored = batch.commit(insert)
        except BaseException:
            batch.abandon()
            self._states.clear()
            self._standing = None
            raise
        draft.checkpoint = self.current = stored
        self.records = records
        self._standing = standing
        if len(self.chunks) > MOST_KNOWN:
            self.chunks.clear()
        self.chunks.update(known)
        self._unstored = {name: self._unstored[name] for name in self._inherited_unstored(draft)}
        self._untimely = (self._untimely - draft.look.drafts.keys()) | set(lost)
        if lost:
            self._on_lost(lost)

    def _store_variables(
        self, batch: Batch, draft: CheckpointDraft
    ) -> tuple[dict[str, tuple[Digest, Variable]], dict[bytes, Digest], list[str]]:
        known: dict[bytes, Digest] = {}
        groups: dict[int, tuple[Digest | None, str | None]] = {}
        lost: list[str] = []
        self._streams = {names: chunks for names, chunks in self._streams.items() if draft.names.issuperset(names)}
        for group in draft.look.groups:
            group.stream.cut_as(self._streams.pop(group.names, NO_CHUNKS))
            digest = self._store_group(batch, group, known)
            groups[id(group)] = (digest, None if digest else "it changed while it was being stored")
            if digest is None:
                lost += group.names
            elif len(group.stream.cuts) > 1:
                self._streams[group.names] = group.stream.chunks
        records = {name: record for name, record in self.records.items() if name in draft.names}
        for name in self._pruned(batch, records, draft):
            record = msgspec.structs.replace(records[name][1], status="not_captured", group=None, reason=_PRUNED)
            records[name] = (batch.put_json(Kind.VARIABLE, record), record)
            lost.append(name)
        for name in self._inherited_unstored(draft):
            record = record_of(self._unstored[name], None, "it could not be stored when it changed")
            records[name] = (batch.put_json(Kind.VARIABLE, record), record)
        for name, found in draft.look.drafts.items():
            record = record_of(found, *groups.get(id(found.group), (None, None)))
            records[name] = (batch.put_json(Kind.VARIABLE, record), record)
        return records, known, lost

    def _store_group(self, batch: Batch, group: GroupDraft, known: dict[bytes, Digest]) -> Digest | None:
        blobs = [self._store_buffer(batch, buffer, known) for buffer in (group.stream, *group.buffers)]
        stream, *buffers = blobs
        if stream is None or None in buffers:
            return None
        return batch.put_json(
            Kind.GROUP,
            Group(
                names=group.names,
                stream=stream,
                stream_bytes=group.stream.size_bytes,
                buffers=tuple(
                    Buffer(blob, buffer.size_bytes, is_ours=buffer.is_ours, is_readonly=buffer.is_readonly)
                    for blob, buffer in zip(buffers, group.buffers, strict=True)
                    if blob is not None
                ),
                references=group.references,
                python=PYTHON if group.is_bound_to_python else None,
            ),
        )

    def _store_buffer(self, batch: Batch, buffer: BufferDraft, known: dict[bytes, Digest]) -> Digest | None:
        parts: list[tuple[Digest, int]] = []
        for index, (fast, size) in enumerate(zip(buffer.hashes, buffer.sizes(), strict=True)):
            digest = known.get(fast) or self.chunks.get(fast)
            if digest is None or not batch.has(digest):
                data = buffer.chunk(index)
                if data is None:
                    return None
                digest = known[fast] = batch.put(Kind.CHUNK, data)
            parts.append((digest, size))
        buffer.release()
        return batch.put_parts(parts)

    def _store_tree(self, batch: Batch, records: dict[str, tuple[Digest, Variable]]) -> _Standing:
        """Store the tree of the variables, unless it is the one that was stored last."""
        if self._standing is not None and records == self.records and self._is_standing(batch):
            return self._standing
        keys = {bytes.fromhex(digest) for digest, _ in records.values()}
        keys |= {bytes.fromhex(record.group) for _, record in records.values() if record.group is not None}

        def save(node: bytes) -> Digest:
            digest = batch.put(Kind.NODE, node)
            keys.add(bytes.fromhex(digest))
            return digest

        root = tree.build(sorted((name, digest) for name, (digest, _) in records.items()), save)
        return _Standing(batch.deletions, root, frozenset(keys))

    def _is_standing(self, batch: Batch) -> bool:
        """Return whether all is there that was stored last; the commit makes sure that it still is."""
        return self._standing is not None and batch.relies_on(self._standing.keys, deletions=self._standing.deletions)

    def _manifest(
        self,
        batch: Batch,
        draft: CheckpointDraft,
        variables: Digest,
        execution: CellExecution | None,
    ) -> Manifest:
        parent = self.current
        return Manifest(
            id=draft.id,
            kind=draft.kind,
            created_at=draft.created_at,
            session_id=self._session_id,
            ordinal=self._checkpoints.next_ordinal(self.notebook),
            variables=variables,
            state=self._store_state(batch, draft),
            parent=parent.digest if parent else None,
            parent_id=parent.id if parent else None,
            run_id=draft.run_id,
            notebook=self.notebook,
            execution=execution,
            document=draft.document(Shelf(batch), execution),
            modules={path: batch.put_blob(source) for path, source in draft.modules.items()},
            environment=self.environment,
            changes=self._changes(draft) or NO_CHANGES,
            metrics=draft.metrics,
            author=draft.author,
        )

    def _changes(self, draft: CheckpointDraft) -> Changes:
        """Return what is different from the parent; the look says what is from the last, which may not have been stored."""
        look = draft.look
        different = {*look.added, *look.changed, *self._inherited_unstored(draft)}
        removed = self.records.keys() - draft.names
        late = {*draft.between, *self._untimely} & (different | removed)
        return Changes(
            added=tuple(sorted(different - self.records.keys())),
            changed=tuple(sorted(different & self.records.keys())),
            removed=tuple(sorted(removed)),
            between=tuple(sorted(late)),
        )

    def _pruned(self, batch: Batch, records: Mapping[str, tuple[Digest, Variable]], draft: CheckpointDraft) -> list[str]:
        """Return the names that have not changed but whose stored values are gone: of a restored old checkpoint, say.

        The commit makes sure that those of the others are still there.
        """
        if self._is_standing(batch):
            return []
        return [
            name
            for name, (digest, record) in records.items()
            if name not in draft.look.drafts and not (batch.has(digest) and (record.group is None or batch.has(record.group)))
        ]

    def _inherited_unstored(self, draft: CheckpointDraft) -> list[str]:
        """Return the names that changed before ``draft``, in a checkpoint that could not be stored, and not in it."""
        return [name for name in self._unstored if name in draft.names and name not in draft.look.drafts]

    def _store_state(self, batch: Batch, draft: CheckpointDraft) -> Digest:
        for generator, pickled in draft.random.items():
            known, digest = self._states.get(generator, (b"", ""))
            if known != pickled or not batch.has(digest):
                self._states[generator] = (pickled, batch.put_blob(pickled))
        random = {generator: self._states[generator][1] for generator in draft.random}
        return batch.put_json(Kind.STATE, State(cwd=draft.cwd, sys_path=draft.sys_path, random=random))


def _with_outputs(draft: CheckpointDraft, batch: Batch) -> CellExecution | None:
    """Return the draft's execution with its outputs put in the batch."""
    if draft.execution is None or draft.outputs is None:
        return draft.execution
    outputs, widgets = draft.outputs()
    return msgspec.structs.replace(
        draft.execution,
        outputs=batch.put_blob(canonical_json(outputs)) if outputs else None,
        widgets=batch.put_blob(canonical_json(widgets)) if widgets else None,
    )


def record_of(draft: VariableDraft, group: Digest | None = None, reason: str | None = None) -> Variable:
    """Return what is known of a variable; ``reason`` is why its value, which could be captured, was not stored."""
    is_lost = reason is not None
    return Variable(
        name=draft.name,
        type=draft.type,
        status="not_captured" if is_lost else draft.status,
        preview=draft.preview,
        fingerprint=draft.fingerprint,
        group=group,
        size_bytes=draft.size_bytes,
        reason=reason if is_lost else draft.reason,
        lossy=draft.lossy,
    )
