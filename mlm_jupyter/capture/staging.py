"""Stored groups back to live values, in a staging area: nothing here touches a live namespace but to look names up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlm_jupyter.capture.context import CannotCaptureError
from mlm_jupyter.capture.in_place import Rewriting
from mlm_jupyter.capture.inspection import reason_of
from mlm_jupyter.capture.pickling import BufferSource, load
from mlm_jupyter.capture.streams import PYTHON
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Group

Read = Callable[[Digest], bytes | bytearray]
ReadInto = Callable[[Digest, memoryview], None]


class Staging:
    """The values of some groups, loaded one after the other, each after those it refers to.

    Unpickles: the caller has verified that the groups are signed by somebody trusted; ``read`` verifies hashes.

    Attributes
    ----------
    values : what could be loaded, by name.
    failures : why the other names could not.
    rewritings : how live arrays among the values become what they are to be; nothing is written here.
    """

    def __init__(
        self,
        groups: Iterable[Group],
        *,
        read: Read,
        read_into: ReadInto,
        globals_: dict[str, Any],
        live: Mapping[str, Any],
        rewritings: Mapping[str, Rewriting] | None = None,
    ) -> None:
        """Prepare to load ``groups`` for the namespace ``globals_``; names in none of them mean what they mean in ``live``.

        ``rewritings`` tell of arrays that may be rewritten, each the value of a group of one name.
        """
        self.values: dict[str, Any] = {}
        self.failures: dict[str, str] = {}
        self.rewritings: list[Rewriting] = []
        self._rewritable = rewritings or {}
        self._group_of = {name: group for group in groups for name in group.names}
        self._read = read
        self._read_into = read_into
        self._globals = globals_
        self._live = live
        self._loading: set[str] = set()

    def load_all(self) -> None:
        """Load every group; one that will not load is a failure of its names and does not hold the others back."""
        for name in self._group_of:
            if name not in self.values and name not in self.failures:
                self._load(self._group_of[name])

    def _load(self, group: Group) -> None:
        self._loading.update(group.names)
        try:
            if group.python is not None and group.python != PYTHON:
                raise CannotCaptureError(f"it holds bytecode of Python {group.python}; this is Python {PYTHON}")
            for reference in group.references:
                if reference in self._group_of and reference not in self.values and reference not in self._loading:
                    self._load(self._group_of[reference])
            loaded = self._load_group(group)
            self.values.update(zip(group.names, loaded if len(group.names) > 1 else (loaded,), strict=True))
        except Exception as error:  # foreign code: __setstate__, a missing module, a changed class
            self.failures.update(dict.fromkeys(group.names, reason_of(error)))
        finally:
            self._loading.difference_update(group.names)

    def _load_group(self, group: Group) -> Any:
        """Return the value or values of a group: made of the live array that is to be rewritten, where that is all it takes."""
        rewriting = self._rewritable.get(group.names[0])
        if rewriting is not None:
            loaded = self._unpickle(group, rewriting.array)
            if rewriting.gives(loaded):
                self.rewritings.append(rewriting)
                return loaded
        return self._unpickle(group)

    def _unpickle(self, group: Group, array_to_rewrite: Any = None) -> Any:
        return load(
            self._read(group.stream),
            self._buffers(group),
            globals_=self._globals,
            resolve=self._resolve,
            array_to_rewrite=array_to_rewrite,
        )

    def _buffers(self, group: Group) -> BufferSource:
        return BufferSource(
            [(buffer.size_bytes, buffer.is_ours, buffer.is_readonly) for buffer in group.buffers],
            lambda index: bytearray(self._read(group.buffers[index].blob)),
            lambda index, target: self._read_into(group.buffers[index].blob, target),
        )

    def _resolve(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        if name in self._group_of:
            raise CannotCaptureError(
                f"{name}, which it refers to, could not be restored: {self.failures.get(name, 'not loaded')}"
            )
        if name in self._live:
            return self._live[name]
        raise CannotCaptureError(f"{name}, which it refers to, is not there")
