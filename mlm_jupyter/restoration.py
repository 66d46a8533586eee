"""Going back: from a checkpoint and what is live now to a plan, from a plan to a namespace put back in one step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mlm_jupyter.capture.staging import Staging
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Group, Variable
from mlm_jupyter.errors import MlmError, NotFoundError, StorageError
from mlm_jupyter.store.packs import Packs

_GROUP = msgspec.json.Decoder(Group)


class RestoreReport(msgspec.Struct, kw_only=True):
    """What a restore did, by name.

    Attributes
    ----------
    restored : names that have their value of the checkpoint again.
    unchanged : names whose value was that already.
    removed : names that did not exist at the checkpoint.
    kept : live objects that cannot be rewound (a connection, a lock): the object of the checkpoint, its inside as it is now.
    failed : names that could not be brought back, and why; they are unbound.
    displaced : the objects that were bound to failed and removed names.
    lossy : restored names whose value lacks something, and what.
    notes : what else is to be known.
    """

    checkpoint_id: str
    is_dry_run: bool = False
    restored: list[str] = []
    unchanged: list[str] = []
    removed: list[str] = []
    kept: list[str] = []
    failed: dict[str, str] = {}
    displaced: dict[str, Any] = {}
    lossy: dict[str, str] = {}
    notes: list[str] = []

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        would = "Would restore" if self.is_dry_run else "Restored"
        lines = [f"{would} checkpoint {self.checkpoint_id}."]
        for label, names in (
            ("restored", self.restored),
            ("unchanged", self.unchanged),
            ("removed", self.removed),
            ("kept, its inside is not rewound", self.kept),
        ):
            if names:
                lines.append(f"  {label}: {', '.join(names)}")
        if not any((self.restored, self.unchanged, self.removed, self.kept, self.failed)):
            lines.append("  It has no variables.")
        lines += [f"  not restorable: {name}: {reason}" for name, reason in sorted(self.failed.items())]
        lines += [f"  {name} came back {what}" for name, what in sorted(self.lossy.items())]
        return lines + [f"  {note}" for note in self.notes]


class RestoreError(MlmError):
    """A strict restore in which something could not be brought back; nothing was changed."""

    code = "not_restorable"


class Plan:
    """What restoring a checkpoint takes, given what is live; made without unpickling anything.

    Parameters
    ----------
    target : the variables of the checkpoint.
    live : the names bound now.
    is_equal : whether a live name has the value, and the aliases, that it had at the checkpoint.
    is_same_object : whether a name is bound to the very object it was bound to at the checkpoint.
    only : the names to restore; None: all, and remove what did not exist.
    """

    def __init__(
        self,
        packs: Packs,
        target: Mapping[str, Variable],
        *,
        live: Iterable[str],
        is_equal: Callable[[Variable], bool],
        is_same_object: Callable[[Variable], bool],
        only: Iterable[str] | None,
    ) -> None:
        self.target = target
        self.notes: list[str] = []
        self._packs = packs
        self._groups: dict[Digest, Group] = {}
        wanted = set(target) if only is None else self._close_over(list(only))
        self.unchanged = sorted(name for name in wanted if is_equal(target[name]))
        changed = sorted(wanted.difference(self.unchanged))
        self.kept = [name for name in changed if target[name].group is None and is_same_object(target[name])]
        self.failed = {
            name: target[name].reason or f"its value is {target[name].status.replace('_', ' ')}"
            for name in changed
            if target[name].group is None and name not in self.kept
        }
        digests = {digest for name in changed if (digest := target[name].group) is not None}
        self.groups: list[Group] = []
        for digest in sorted(digests):
            try:
                self.groups.append(self._group(digest))
            except MlmError as error:
                self.failed.update({name: str(error) for name in changed if target[name].group == digest})
        self.restored = sorted(name for group in self.groups for name in group.names)
        self.unchanged = [name for name in self.unchanged if name not in set(self.restored)]
        self.removed = sorted(set(live).difference(target)) if only is None else []

    def _group(self, digest: Digest) -> Group:
        if digest not in self._groups:
            self._groups[digest] = _GROUP.decode(self._packs.get(digest))
        return self._groups[digest]

    def _close_over(self, names: list[str]) -> set[str]:
        """Return ``names`` with all of their alias groups and the classes and functions these refer to."""
        closed: set[str] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            if name in closed:
                continue
            if name not in self.target:
                raise NotFoundError(
                    f"No variable {name!r} at that checkpoint. It has: {', '.join(sorted(self.target)[:20]) or 'none'}"
                )
            closed.add(name)
            digest = self.target[name].group
            if digest is not None:
                group = self._group(digest)
                pending += [*group.names, *(reference for reference in group.references if reference in self.target)]
        more = sorted(closed.difference(names))
        if more:
            self.notes.append(f"With {', '.join(sorted(names))} come the names that share objects with them: {', '.join(more)}")
        return closed

    def size_bytes(self) -> int:
        """Return how much memory the values to be loaded take."""
        return sum(group.stream_bytes + sum(buffer.size_bytes for buffer in group.buffers) for group in self.groups)

    def check_memory(self, free_bytes: int | None) -> None:
        """Raise StorageError when the values will not fit in memory."""
        if free_bytes is not None and self.size_bytes() > free_bytes:
            raise StorageError(
                f"Restoring needs {self.size_bytes() / 1e9:.1f} GB of memory and {free_bytes / 1e9:.1f} GB are free. "
                "Free some, or restore a part with --only NAMES."
            )

    def stage(self, namespace: dict[str, Any]) -> Staging:
        """Load the values; the namespace is only looked at."""
        staging = Staging(
            self.groups,
            read=self._packs.get_blob,
            read_into=self._packs.read_blob_into,
            globals_=namespace,
            live=namespace,
        )
        staging.load_all()
        return staging

    def report(self, checkpoint_id: str, staging: Staging | None) -> RestoreReport:
        """Return what was (or, without a staging area, would be) done."""
        failures = {**self.failed, **(staging.failures if staging else {})}
        restored = [name for name in self.restored if name not in failures]
        return RestoreReport(
            checkpoint_id=checkpoint_id,
            is_dry_run=staging is None,
            restored=restored,
            unchanged=self.unchanged,
            removed=self.removed,
            kept=self.kept,
            failed=failures,
            lossy={name: lossy for name in restored if (lossy := self.target[name].lossy)},
            notes=list(self.notes),
        )


def swap(namespace: dict[str, Any], report: RestoreReport, values: Mapping[str, Any]) -> None:
    """Bind the restored values and unbind what is removed or failed, in one step that no interrupt divides."""
    with _uninterrupted():
        for name in (*report.removed, *report.failed):
            if name in namespace:
                report.displaced[name] = namespace.pop(name)
        namespace.update(values)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold an interrupt back until the block is over."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: arrived.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if arrived:
            signal.raise_signal(signal.SIGINT)


def free_memory() -> int | None:
    """Return how many bytes of memory are free for use; None where the system does not tell simply."""
    try:
        with Path("/proc/meminfo").open() as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None
