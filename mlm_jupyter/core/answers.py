"""What is answered over HTTP and to a frontend, where a noun alone will not do: pages, and several nouns together."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from mlm_jupyter.core.diff import CheckpointDiff
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import (
    Artifact,
    CellExecution,
    Checkpoint,
    Environment,
    Metric,
    MetricValue,
    Param,
    Run,
    Session,
    Variable,
)


class ProjectInfo(msgspec.Struct, frozen=True):
    """A project that the server can show."""

    id: str
    """What stands for it in a URL; it says nothing of where it lies."""
    name: str
    """The name of its folder."""
    folder: str
    """Where it lies: relative to the server's root, or the full path where it lies above that."""
    notebook: str | None = None
    """The path, as checkpoints of the project have it, of the notebook that was asked for."""
    is_writable: bool = True


class ProjectList(msgspec.Struct, frozen=True):
    """The projects known to the server; with a notebook given, the one it belongs to, if any."""

    items: tuple[ProjectInfo, ...]


class CheckpointPage(msgspec.Struct, frozen=True):
    """Checkpoints, newest first. A source of more than 20,000 characters is cut off there; its detail has it all."""

    items: tuple[Checkpoint, ...]
    cursor: str | None
    """Ask with it for the next page; None: this is the last."""
    total: int
    """How many there are in all pages."""


class RunPage(msgspec.Struct, frozen=True):
    """Runs, in the order of the query; newest first without one."""

    items: tuple[Run, ...]
    cursor: str | None
    total: int


class LeftOut(msgspec.Struct, frozen=True):
    """Something too large to be sent with the rest; its bytes can be downloaded."""

    what: Literal["outputs", "widgets"]
    blob: Digest
    size_bytes: int


class CheckpointDetail(msgspec.Struct, frozen=True):
    """All that is shown of one checkpoint, but for its variables and its notebook."""

    checkpoint: Checkpoint
    execution: CellExecution | None
    outputs: tuple[dict[str, Any], ...]
    """What the cell showed, as nbformat outputs, late ones too."""
    widgets: dict[str, Any] | None
    """The state of the widgets among the outputs, as a notebook's metadata holds it."""
    author: str
    session: Session
    environment: Environment | None
    run: Run | None
    modules: dict[str, str]
    """The text of each imported module of the project, by path."""
    left_out: tuple[LeftOut, ...] = ()
    """What of it was too large; a line among the outputs says so too."""


class VariableList(msgspec.Struct, frozen=True):
    """What is known of every variable at a checkpoint, by name."""

    items: tuple[Variable, ...]


class Logged(msgspec.Struct, frozen=True):
    """What had been logged in a checkpoint's run when it was made: the last value of each."""

    params: dict[str, str]
    metrics: dict[str, MetricValue]


class RunDetail(msgspec.Struct, frozen=True):
    """All that is shown of one run, but for the points of its metrics."""

    run: Run
    session: Session
    params: tuple[Param, ...]
    """Every value each was given, in order of time."""
    artifacts: tuple[Artifact, ...]
    children: tuple[Run, ...]


class MetricList(msgspec.Struct, frozen=True):
    """The points of a run's metrics, by key, then step."""

    items: tuple[Metric, ...]


class NotebookDiff(msgspec.Struct, frozen=True):
    """A notebook and what turns it into another, in nbdime's diff format.

    Changes of execution counts, metadata and cell ids are left out unless they were asked for.
    """

    base: dict[str, Any]
    diff: tuple[dict[str, Any], ...]


class CheckpointComparison(msgspec.Struct, frozen=True):
    """Two moments compared by what can be known without loading a value."""

    base: Checkpoint
    other: Checkpoint | None
    """None: the notebook as it was sent, which is ``now``."""
    diff: CheckpointDiff
    notebook: NotebookDiff | None
    """None: neither has a notebook."""


class Failure(msgspec.Struct, frozen=True):
    """Why a request was refused."""

    code: str
    message: str


class TrackingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What tracking is doing in a kernel."""

    state: Literal["off", "tracking", "paused", "manual"]
    project: str | None = None
    """The folder that holds ``.mlm/``."""
    notebook: str | None = None
    run: str | None = None
    """The name of the run of the cells."""
    current: str | None = None
    """The name or id of the checkpoint where the kernel stands."""

    def __repr__(self) -> str:
        if self.state == "off":
            return "Not tracking. Start with: %mlm_track"
        where = f"{self.notebook or 'this kernel'} in {self.project}; run {self.run or 'none'}"
        standing = f"; standing on {self.current}" if self.current else ""
        if self.state == "paused":
            return f"Paused, tracking {where}{standing}. Go on with: %mlm_track resume"
        by_hand = "; checkpoints are made only with: %mlm_checkpoint" if self.state == "manual" else "."
        return f"Tracking {where}{standing}{by_hand}"


class ProjectChanged(msgspec.Struct, frozen=True):
    """The event: something was written to a project, by whichever process."""

    project: str
