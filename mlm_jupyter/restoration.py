"""Going back: from a checkpoint and what is live now to a plan, from a plan to a namespace put back in one step."""

from __future__ import annotations

import builtins
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from mlm_jupyter.capture.in_place import Rewriting, plan_rewriting
from mlm_jupyter.capture.staging import Staging
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Chunk, Group, Variable
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
    kept : live objects that cannot be rewound (a connection, a lock, what was excluded): the object of the checkpoint, its
        inside as it is now.
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
    stored : returns what is stored of the present value of a name; None: nothing is.
    is_kept : whether a name whose value is not stored still means the object that it meant at the checkpoint.
    only : the names to restore; None: all, and remove what did not exist.
    """

    def __init__(
        self,
        packs: Packs,
        target: Mapping[str, Variable],
        *,
        live: Iterable[str],
        stored: Callable[[str], Variable | None],
        is_kept: Callable[[Variable], bool],
        only: Iterable[str] | None,
    ) -> None:
        self.target = target
        self.notes: list[str] = []
        self._packs = packs
        self._stored = stored
        self._groups: dict[Digest, Group] = {}
        wanted = set(target) if only is None else self._close_over(list(only))
        self.unchanged = sorted(name for name in wanted if self._is_equal(name))
        changed = sorted(wanted.difference(self.unchanged))
        self.kept = [name for name in changed if target[name].group is None and is_kept(target[name])]
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

    def _is_equal(self, name: str) -> bool:
        """Return whether a name has the value, and the aliases, that it had at the checkpoint."""
        then, now = self.target[name], self._stored(name)
        return now is not None and then.group is not None and (now.group, now.fingerprint) == (then.group, then.fingerprint)

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

    def stage(self, namespace: dict[str, Any]) -> Staging:
        """Load the values; the namespace is only looked at.

        Raises StorageError when the values will not fit in memory.
        """
        rewritings = self._find_rewritings(namespace)
        size_bytes = sum(_size_bytes(group) for group in self.groups if group.names[0] not in rewritings)
        _check_memory(size_bytes, free_memory())
        staging = Staging(
            self.groups,
            read=self._packs.get_blob,
            read_into=self._packs.read_blob_into,
            globals_=namespace,
            live=namespace,
            rewritings=rewritings,
        )
        staging.load_all()
        return staging

    def _find_rewritings(self, namespace: Mapping[str, Any]) -> dict[str, Rewriting]:
        """Return which live arrays can become what they were by writing what differs over it."""
        found: dict[str, Rewriting] = {}
        for group in self.groups:
            with suppress(MlmError):  # what is damaged is met again, and named, when the group is loaded
                chunks = self._differing_chunks(group)
                rewriting = plan_rewriting(namespace, group.names[0], chunks, self._packs.read_blob_into) if chunks else None
                if rewriting is not None:
                    found[group.names[0]] = rewriting
        return found

    def _differing_chunks(self, group: Group) -> list[Chunk] | None:
        """Return where the one buffer of one name differs from its present one; None when there is more to it."""
        now = self._stored(group.names[0])
        if len(group.names) != 1 or len(group.buffers) != 1 or now is None or now.group is None:
            return None
        present = self._group(now.group)
        if present.names != group.names or len(present.buffers) != 1:
            return None
        return self._packs.differing_chunks(group.buffers[0].blob, present.buffers[0].blob)

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


def _size_bytes(group: Group) -> int:
    return group.stream_bytes + sum(buffer.size_bytes for buffer in group.buffers)


def _check_memory(needed_bytes: int, free_bytes: int | None) -> None:
    if free_bytes is not None and needed_bytes > free_bytes:
        raise StorageError(
            f"Restoring needs {needed_bytes / 1e9:.1f} GB of memory and {free_bytes / 1e9:.1f} GB are free. "
            "Free some, or restore a part with --only NAMES."
        )


def swap(namespace: dict[str, Any], report: RestoreReport, staging: Staging) -> None:
    """Bind the restored values and unbind what is removed or failed, in one step that no interrupt divides."""
    with _uninterrupted():
        for rewriting in staging.rewritings:
            rewriting.write()
        for name in (*report.removed, *report.failed):
            if name in namespace:
                report.displaced[name] = namespace.pop(name)
        namespace.update(staging.values)


def load_values(packs: Packs, variables: Mapping[str, Variable], names: Iterable[str] | None) -> tuple[Staging, Plan]:
    """Load stored variables apart from any kernel; their functions find each other in a namespace of their own.

    Unpickles: verify the signature of what ``variables`` come from first.

    Raises
    ------
    NotFoundError : one of ``names`` is not among ``variables``.
    StorageError : the values do not fit in memory.
    """
    plan = Plan(packs, variables, live=(), stored=_nothing, is_kept=_never, only=names)
    namespace: dict[str, Any] = {"__builtins__": builtins}
    staging = plan.stage(namespace)
    namespace.update(staging.values)
    return staging, plan


def _nothing(name: str) -> None:
    return None


def _never(variable: Variable) -> bool:
    return False


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
