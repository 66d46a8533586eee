"""The nouns of the house, each spelled once: a row, an argument, a JSON object and (generated) a TypeScript interface.

Every ``*_at`` is UTC milliseconds since the Unix epoch, every ``*_bytes`` a number of bytes, every ``*_ms`` milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from mlm_jupyter.core.digest import Digest

RunStatus = Literal["running", "finished", "failed", "killed"]
ExecutionStatus = Literal["ok", "error", "interrupted"]
CheckpointKind = Literal["baseline", "cell", "manual", "save"]
"""Why a checkpoint was made: tracking started; a cell ran; somebody asked; a restore saved what it was to replace."""

MetricValue = Annotated[float, msgspec.Meta(extra_json_schema={"nullable": True})]
"""A number. JSON has no word for one that is not finite: it is ``null`` there."""

VariableStatus = Literal["stored", "reference", "not_captured", "excluded", "secret", "dropped"]
"""``stored``: its value can be restored. ``reference``: a module or a library's own object, imported again on restore.
``not_captured``: see ``reason``. ``excluded``, ``secret``: by a setting. ``dropped``: retention freed the bytes."""


class Changes(msgspec.Struct, frozen=True):
    """The names of the variables in which a checkpoint differs from its parent, each list in order."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    """Those of the above that changed outside this cell: by a thread, a silent execution, or some time before."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


NO_CHANGES: Final = Changes()


class Session(msgspec.Struct, frozen=True):
    """One kernel's life with one notebook (or one script's)."""

    id: str
    started_at: int
    pid: int
    process_started_at: int
    host: str
    python: str
    author: str
    notebook: str | None = None
    environment: Digest | None = None
    heartbeat_at: int | None = None
    ended_at: int | None = None


class Run(msgspec.Struct, frozen=True):
    """One recorded attempt, start to end.

    The checkpoints made while it was open, those of the cells it began and ended in too, are those of its session whose ids lie
    between ``from_id`` (None: its own id) and ``until_id`` (None: the end of the session).
    """

    id: str
    name: str
    experiment: str
    session_id: str
    status: RunStatus
    started_at: int
    ended_at: int | None = None
    parent_id: str | None = None
    notebook: str | None = None
    from_id: str | None = None
    """The id kept for the checkpoint of the cell it began in."""
    until_id: str | None = None
    """The last id that a checkpoint made in it can have: that kept for the one of the cell it ended in, or the moment's."""
    ended_on_id: str | None = None
    """The checkpoint the kernel stood on when it ended, if the cell it ended in left none: it may be one gone back to."""
    params: dict[str, str] = {}
    metrics: dict[str, MetricValue] = {}
    """The last value of each metric: the one with the highest step, the later where steps are equal or absent."""
    tags: dict[str, str] = {}
    last_checkpoint_id: str | None = None
    """Whose state it ended with, as far as that is stored; of a run that is open or was killed, the last made in it."""


class Metric(msgspec.Struct, frozen=True):
    """One point of one metric. A value that is not finite is ``nan``, ``inf`` or ``-inf``; in JSON it is ``null``."""

    key: str
    value: MetricValue
    step: int | None
    logged_at: int
    checkpoint_id: str | None = None


class Param(msgspec.Struct, frozen=True):
    """One value a parameter was given; the last one counts."""

    key: str
    value: str
    logged_at: int


class Artifact(msgspec.Struct, frozen=True):
    """A file, or an object written as one, kept with a run."""

    run_id: str
    name: str
    blob: Digest
    size_bytes: int
    media_type: str
    logged_at: int


class CellError(msgspec.Struct, frozen=True):
    """The exception that ended a cell, as the user saw it."""

    name: str
    value: str
    traceback: tuple[str, ...] = ()


class CellExecution(msgspec.Struct, frozen=True):
    """One execution of one cell."""

    source: str
    status: ExecutionStatus
    started_at: int
    duration_ms: float
    cell_id: str | None = None
    execution_count: int | None = None
    error: CellError | None = None
    outputs: Digest | None = None
    """A blob: a JSON list of nbformat outputs."""
    widgets: Digest | None = None
    """A blob: the state of the widgets that the outputs show, as a notebook's metadata holds it."""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


class Column(msgspec.Struct, frozen=True):
    """One column of a table's preview."""

    name: str
    dtype: str


class Preview(msgspec.Struct, frozen=True, omit_defaults=True):
    """What can be shown of a value without having it. Small: at most a few kilobytes as JSON."""

    text: str
    """A short text for people, at most 2,000 characters: a number itself, the head of a list, a model's parameters."""
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    length: int | None = None
    columns: tuple[Column, ...] | None = None
    rows: tuple[tuple[str, ...], ...] | None = None
    """The head of a table, cells as text; the first entry of each row is its index label."""
    number: float | None = None
    """A scalar's own value, where it is finite."""
    source: str | None = None
    """The source of a function or class defined in the notebook."""
    is_truncated: bool = False


class Variable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name in the kernel's namespace and what is known of its value at a checkpoint."""

    name: str
    type: str
    """Where the type lives and its name, ``pandas.DataFrame``; builtins without a module."""
    status: VariableStatus
    preview: Preview
    fingerprint: str
    """Equal fingerprints mean equal values (a value may come back with another one: ``1`` and ``True`` do not)."""
    group: Digest | None = None
    """The alias group that holds the value."""
    size_bytes: int | None = None
    reason: str | None = None
    """Why the value is not stored."""
    lossy: str | None = None
    """What a restored value will lack, ``without .grad``."""


class Buffer(msgspec.Struct, frozen=True):
    """One out-of-band buffer of a pickle (PEP 574)."""

    blob: Digest
    size_bytes: int
    is_ours: bool
    """Read by our reducers, by its number; otherwise handed to whoever asked for it, in order."""
    is_readonly: bool


class Chunk(NamedTuple):
    """A part of a blob: its digest, where its bytes begin in the blob, and how many they are."""

    digest: Digest
    start: int
    size_bytes: int


class Group(msgspec.Struct, frozen=True, omit_defaults=True):
    """Variables that share mutable objects: one pickle, so that aliases survive.

    The pickle is of the value where there is one name, of a tuple of the values in the order of the names where there are more.
    """

    names: tuple[str, ...]
    stream: Digest
    """A blob: the pickle, protocol 5, without FRAME opcodes."""
    stream_bytes: int
    buffers: tuple[Buffer, ...] = ()
    references: tuple[str, ...] = ()
    """Names of functions and classes of the notebook that the pickle refers to by name."""
    python: str | None = None
    """The only minor version of Python that can load it (it holds bytecode), ``3.13``; None: any."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a kernel has beside variables: where it stands and its random generators."""

    cwd: str
    sys_path: tuple[str, ...]
    random: dict[str, Digest] = {}
    """For each global generator (``random``, ``numpy.random``, ``torch``) a blob: the pickle of its state."""


class DocumentCell(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cell of the notebook as it was."""

    id: str
    cell_type: str
    source: str
    metadata: dict[str, Any] = {}
    attachments: dict[str, Any] | None = None
    execution_count: int | None = None
    outputs: Digest | None = None
    widgets: Digest | None = None
    """The state of the widgets that the outputs show."""


class Document(msgspec.Struct, frozen=True, omit_defaults=True):
    """The notebook as it was."""

    cells: Digest
    """The tree of ``(cell id, digest of a DocumentCell)``."""
    metadata: Digest | None = None
    """A blob: the notebook's metadata as JSON, which can hold megabytes of widgets; None: it has none."""


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of a checkpoint that never changes; its digest is the checkpoint's, and what is signed."""

    id: str
    kind: CheckpointKind
    created_at: int
    session_id: str
    ordinal: int
    variables: Digest
    """The tree of ``(name, digest of a Variable)``, sorted by name."""
    state: Digest
    parent: Digest | None = None
    parent_id: str | None = None
    run_id: str | None = None
    notebook: str | None = None
    execution: CellExecution | None = None
    document: Document | None = None
    modules: dict[str, Digest] = {}
    """Sources of the imported modules that lie in the project: path to blob."""
    environment: Digest | None = None
    changes: Changes = NO_CHANGES
    metrics: dict[str, MetricValue] = {}
    """The last value of each metric logged while the cell ran."""
    author: str | None = None
    """Who asked for it, where a frontend said: several may work in one session."""
    format: int = 1


class Signature(msgspec.Struct, frozen=True):
    """Who vouches for a manifest. ``value`` is over the 64 ASCII characters of its digest."""

    manifest: Digest
    scheme: Literal["hmac-sha256"]
    key_id: str
    value: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Checkpoint(msgspec.Struct, frozen=True):
    """The state after one cell execution (or on demand), as it is listed; the rest is behind ``digest``."""

    id: str
    digest: Digest
    kind: CheckpointKind
    created_at: int
    session_id: str
    ordinal: int
    """Its number among the checkpoints of its notebook, from 1."""
    parent_id: str | None = None
    run_id: str | None = None
    notebook: str | None = None
    name: str | None = None
    note: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    source: str | None = None
    status: ExecutionStatus | None = None
    duration_ms: float | None = None
    changes: Changes = NO_CHANGES
    metrics: dict[str, MetricValue] = {}
    is_dropped: bool = False
    """Retention freed the values that only this checkpoint needed."""


class Environment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What code ran on: taken once a session."""

    python: str
    implementation: str
    platform: str
    packages: dict[str, str] = {}
    cpu: str = ""
    cpu_count: int = 0
    memory_bytes: int = 0
    gpus: tuple[str, ...] = ()
    git_commit: str | None = None
    git_branch: str | None = None
    is_git_dirty: bool | None = None
    git_remote: str | None = None
