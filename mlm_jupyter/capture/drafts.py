"""What a look at a namespace found, on its way to the store: values as chunks that may still lie in live memory."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from xxhash import xxh3_128_digest

from mlm_jupyter.capture.pickling import Dump, MemoryBuffer
from mlm_jupyter.capture.scalars import ScalarBuffer
from mlm_jupyter.capture.streams import NO_CHUNKS, Chunks, cut_by_content, fixed_cuts, hash_chunks, tuple_of
from mlm_jupyter.core.entities import Preview, VariableStatus


class BufferDraft:
    """A buffer as chunks, each with its fast hash; the bytes may still lie in live memory.

    What does not lie there may still have to be made, by calling ``data``, and is cut by its content when that is first asked
    for: in the thread that stores it.
    """

    __slots__ = ("_before", "_chunks", "_copies", "_data", "is_live", "is_ours", "is_readonly")

    def __init__(
        self,
        data: bytes | memoryview | Callable[[], bytes],
        chunks: Chunks | None = None,
        *,
        is_live: bool,
        is_ours: bool,
        is_readonly: bool,
    ) -> None:
        self._data: bytes | memoryview | Callable[[], bytes] | None = data
        self._chunks = chunks
        self._before = NO_CHUNKS
        self._copies: dict[int, bytes] = {}
        self.is_live = is_live
        self.is_ours = is_ours
        self.is_readonly = is_readonly

    def _view(self) -> memoryview:
        if callable(self._data):
            self._data = self._data()
        return memoryview(self._data or b"")

    def cut_as(self, before: Chunks) -> None:
        """Expect to be like what was cut into ``before``: what it begins with as that did is cut in no time."""
        self._before = before

    @property
    def chunks(self) -> Chunks:
        """Where each chunk ends, and its fast hash."""
        if self._chunks is None:
            self._chunks = cut_by_content(self._view(), self._before)
        return self._chunks

    @property
    def size_bytes(self) -> int:
        """How long the buffer is."""
        return self.cuts[-1] if self.cuts else 0

    @property
    def cuts(self) -> list[int]:
        """Where each chunk ends."""
        return self.chunks.cuts

    @property
    def hashes(self) -> list[bytes]:
        """The fast hash of each chunk."""
        return self.chunks.hashes

    def sizes(self) -> list[int]:
        """Return how long each chunk is."""
        return [end - start for start, end in zip([0, *self.cuts], self.cuts, strict=False)]

    def unknown_bytes(self, known: Container[bytes]) -> int:
        """Return how many live bytes are still to be written, given the hashes of the chunks that are stored."""
        if not self.is_live:
            return 0
        return sum(size for size, digest in zip(self.sizes(), self.hashes, strict=True) if digest not in known)

    def copy_unknown(self, known: Container[bytes]) -> None:
        """Copy the chunks that are not stored, and let go of the live memory."""
        view = self._view()
        start = 0
        for index, (end, digest) in enumerate(zip(*self.chunks, strict=True)):
            if digest not in known:
                self._copies[index] = bytes(view[start:end])
            start = end
        self.release()

    def release(self) -> None:
        """Let go of the live memory."""
        if self.is_live:
            self._data = None
            self.is_live = False

    def chunk(self, index: int) -> bytes | memoryview | None:
        """Return a chunk that has the hash it had when it was looked at; None when it has changed or is gone."""
        copy = self._copies.get(index)
        if copy is not None:
            return copy
        if self._data is None:
            return None
        piece = self._view()[self.cuts[index - 1] if index else 0 : self.cuts[index]]
        if not self.is_live:
            return piece
        private = bytes(piece)
        return private if xxh3_128_digest(private) == self.hashes[index] else None


class Hasher:
    """Cuts and hashes the buffers met in one look, each piece of memory once however many views there are of it."""

    def __init__(self) -> None:
        self._memory: dict[tuple[int, int], Chunks] = {}

    def draft(self, buffer: MemoryBuffer | ScalarBuffer) -> BufferDraft:
        """Return the buffer as chunks."""
        if isinstance(buffer, ScalarBuffer):
            return BufferDraft(buffer.pickled, is_live=False, is_ours=True, is_readonly=False)
        view = buffer.view
        key = (buffer.address, view.nbytes)
        if key not in self._memory:
            cuts = fixed_cuts(view.nbytes, buffer.period)
            self._memory[key] = Chunks(cuts, hash_chunks(view, cuts))
        return BufferDraft(view, self._memory[key], is_live=True, is_ours=buffer.is_ours, is_readonly=buffer.is_readonly)

    def fingerprint(self, buffer: MemoryBuffer | ScalarBuffer) -> bytes:
        """Return the hash of a buffer that was drafted."""
        if isinstance(buffer, ScalarBuffer):
            return buffer.fingerprint
        return b"".join(self._memory[buffer.address, buffer.view.nbytes].hashes)


class ValueDraft:
    """A dump with its buffers hashed: its fingerprint, and all that storing it takes."""

    __slots__ = ("buffers", "dump", "fingerprint")

    def __init__(self, dump: Dump, hasher: Hasher) -> None:
        self.dump = dump
        self.buffers = [hasher.draft(buffer) for buffer in dump.buffers]
        hashes = map(hasher.fingerprint, dump.buffers)
        self.fingerprint = xxh3_128_digest(b"".join([xxh3_128_digest(dump.stream), *hashes]))

    @property
    def size_bytes(self) -> int:
        """How many bytes the value takes when it is stored alone and not compressed."""
        return self.dump.stream.nbytes + sum(map(_size_of, self.dump.buffers))


def _size_of(buffer: MemoryBuffer | ScalarBuffer) -> int:
    return len(buffer.pickled) if isinstance(buffer, ScalarBuffer) else buffer.view.nbytes


class GroupDraft:
    """An alias group to be stored.

    ``value`` is the one name's, or of a tuple of all names' values; with ``places`` it is the first name's, and the others are
    what its memo has there.
    """

    __slots__ = ("buffers", "is_bound_to_python", "names", "references", "stream")

    def __init__(self, names: tuple[str, ...], value: ValueDraft, places: list[int] | None = None) -> None:
        alone = value.dump.stream

        def with_others() -> bytes:
            return tuple_of(alone, places or [])

        self.names = names
        self.stream = BufferDraft(with_others if places else alone, is_live=False, is_ours=True, is_readonly=True)
        self.buffers = value.buffers
        self.references = tuple(sorted(value.dump.references - set(names)))
        self.is_bound_to_python = bool(value.dump.by_value)


class VariableDraft:
    """A variable whose record is to be written; ``group`` None: its value is not stored."""

    __slots__ = ("fingerprint", "group", "lossy", "name", "preview", "reason", "size_bytes", "status", "type")

    def __init__(
        self,
        name: str,
        *,
        type_: str,
        status: VariableStatus,
        preview: Preview,
        fingerprint: str,
        group: GroupDraft | None = None,
        size_bytes: int | None = None,
        reason: str | None = None,
        lossy: str | None = None,
    ) -> None:
        self.name = name
        self.type = type_
        self.status: VariableStatus = status
        self.preview = preview
        self.fingerprint = fingerprint
        self.group = group
        self.size_bytes = size_bytes
        self.reason = reason
        self.lossy = lossy


class Look:
    """What changed in a namespace since the look before."""

    def __init__(
        self,
        *,
        added: Sequence[str],
        changed: Sequence[str],
        removed: Sequence[str],
        drafts: dict[str, VariableDraft],
        groups: list[GroupDraft],
        skipped: Sequence[str],
    ) -> None:
        self.added = tuple(added)
        self.changed = tuple(changed)
        self.removed = tuple(removed)
        self.drafts = drafts
        """Records to be written: of what was added or changed, and of what is now grouped with other names."""
        self.groups = groups
        self.skipped = tuple(skipped)
        """Names not looked at: it was proved that the cell cannot have reached them."""

    @classmethod
    def joined(cls, looks: Sequence[Look]) -> Look:
        """Return several looks in a row as one."""
        fate: dict[str, str] = {}
        drafts: dict[str, VariableDraft] = {}
        for look in looks:
            for name in look.added:
                fate[name] = "changed" if fate.get(name) == "removed" else "added"
            for name in look.changed:
                fate.setdefault(name, "changed")
            for name in look.removed:
                drafts.pop(name, None)
                if fate.get(name) == "added":
                    del fate[name]
                else:
                    fate[name] = "removed"
            drafts.update(look.drafts)
        kept = {id(draft.group) for draft in drafts.values()}
        return cls(
            added=sorted(name for name, what in fate.items() if what == "added"),
            changed=sorted(name for name, what in fate.items() if what == "changed"),
            removed=sorted(name for name, what in fate.items() if what == "removed"),
            drafts=drafts,
            groups=[group for look in looks for group in look.groups if id(group) in kept],
            skipped=looks[-1].skipped,
        )
