"""Kernels that remember in a dict: the capture and restore of values alone, with no session, store or disk."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mlm_jupyter.capture.drafts import BufferDraft, GroupDraft, Look, VariableDraft
from mlm_jupyter.capture.namespace import Namespace
from mlm_jupyter.capture.rules import Rules
from mlm_jupyter.capture.staging import Staging
from mlm_jupyter.core.digest import digest_of
from mlm_jupyter.core.entities import Buffer, Group

Record = tuple[VariableDraft, Group | None]


class Shelf:
    """Every blob ever put, by digest."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def put(self, buffer: BufferDraft) -> str:
        """Store a buffer as one blob."""
        chunks = [buffer.chunk(index) for index in range(len(buffer.cuts))]
        assert None not in chunks, "it changed while it was being stored"
        data = b"".join(chunk for chunk in chunks if chunk is not None)
        assert len(data) == buffer.size_bytes
        digest = digest_of(data)
        self.blobs[digest] = data
        buffer.release()
        return digest

    def put_group(self, draft: GroupDraft) -> Group:
        """Store a group as the writer does."""
        return Group(
            draft.names,
            self.put(draft.stream),
            draft.stream.size_bytes,
            tuple(
                Buffer(self.put(buffer), buffer.size_bytes, is_ours=buffer.is_ours, is_readonly=buffer.is_readonly)
                for buffer in draft.buffers
            ),
            draft.references,
        )

    def read_into(self, digest: str, target: memoryview) -> None:
        """Fill ``target`` with a blob."""
        target[:] = self.blobs[digest]


@contextmanager
def as_main(main: types.ModuleType) -> Iterator[None]:
    """Make ``main`` the ``__main__`` of this process, as a kernel's namespace is."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def new_main() -> types.ModuleType:
    """Return an empty ``__main__``."""
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    return main


class Kernel:
    """A namespace that is looked at, remembered and put back; ``shelf`` may be shared with other kernels."""

    def __init__(self, main: types.ModuleType | None = None, shelf: Shelf | None = None) -> None:
        self.main = main or new_main()
        self.live: dict[str, Any] = self.main.__dict__
        self.shelf = shelf or Shelf()
        self.records: dict[str, Record] = {}
        self.namespace = Namespace(self.live, is_hidden=lambda name: name.startswith("__"), rules=Rules())

    def look(self, *, mentions: Callable[[Iterable[str]], bool] | None = None) -> Look:
        """Look at the namespace and store what is different."""
        with as_main(self.main):
            look = self.namespace.look(mentions=mentions)
            groups = {id(group): self.shelf.put_group(group) for group in look.groups}
        for name in look.removed:
            del self.records[name]
        for name, draft in look.drafts.items():
            self.records[name] = draft, groups.get(id(draft.group))
        assert self.records.keys() == set(self.namespace.names())
        return look

    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprint of every variable."""
        return {name: draft.fingerprint for name, (draft, _) in self.records.items()}

    def restore(self, records: Mapping[str, Record]) -> None:
        """Put the namespace back to what ``records`` hold, all of it, and take that as known."""
        with as_main(self.main):
            staging = Staging(
                {group.names: group for _, group in records.values() if group is not None}.values(),
                read=self.shelf.blobs.__getitem__,
                read_into=self.shelf.read_into,
                globals_=self.live,
                live=self.live,
            )
            staging.load_all()
            assert staging.failures == {}
            for name in self.namespace.names():
                del self.live[name]
            self.live.update(staging.values)
            self.namespace.adopt()
        self.records = dict(records)
