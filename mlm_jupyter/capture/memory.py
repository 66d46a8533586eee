"""Memory that several objects look at where no object of Python's tells: DLPack, ``torch.from_numpy``, an array interface.

An alias is one object met twice, and that a pickle keeps by itself. Memory lent across libraries is found by its addresses: two
ranges that overlap though neither object leads to the other. Where both can be, they are stored as views of one array. What
cannot (a tree of scikit-learn, Arrow on NumPy) comes back with memory of its own, and says so.
"""

from __future__ import annotations

import array
import collections
import ctypes
import operator
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mlm_jupyter.capture.arrays import root_of

if TYPE_CHECKING:
    from mlm_jupyter.capture.pickling import Dump


class Region(NamedTuple):
    """Memory that one object looks at."""

    start: int
    end: int
    name: str
    obj: Any
    is_lent: bool
    is_writable: bool


def find_overlaps(dumps: Mapping[str, Dump]) -> Iterator[tuple[Region, Region]]:
    """Yield each two regions of different objects that overlap: their pickles hold the same memory twice."""
    if all(map(_is_closed, dumps.values())):
        return
    lenders: dict[int, str] = {}
    regions = [region for name, dump in dumps.items() for region in _lent_by(name, dump, lenders)]
    smallest = min((region.end - region.start for region in regions), default=0)
    regions += [region for name, dump in dumps.items() for region in _owned_by(name, dump, smallest)]
    regions.sort(key=lambda region: (region.start, -region.end))
    open_: list[Region] = []
    for region in regions:
        open_ = [other for other in open_ if other.end > region.start]
        for other in open_:
            if other.obj is not region.obj and (other.is_lent or region.is_lent) and (other.is_writable or region.is_writable):
                yield other, region
        open_.append(region)


def _owner_of(obj: Any) -> Any:
    """Return what owns the memory that a lent object looks at, where it can be seen; else the object itself."""
    return root_of(obj) if type(obj).__name__ == "ndarray" else obj


def _is_closed(dump: Dump) -> bool:
    """Return whether all that lends memory to a pickle is in it too, is known to have allocated it, and lends it to no more."""
    lends: collections.Counter[int] = collections.Counter()
    for obj in dump.lent:
        owner = _owner_of(obj)
        kind = type(owner)
        lends[id(owner)] += 1
        is_tree = kind.__name__ == "Tree" and kind.__module__ == "sklearn.tree._tree"
        if not is_tree or id(owner) not in dump.memo or lends[id(owner)] > _ARRAYS_OF_A_TREE:
            return False
    return True


_ARRAYS_OF_A_TREE: Final = 2


def _lent_by(name: str, dump: Dump, lenders: dict[int, str]) -> Iterator[Region]:
    """Yield what a pickle holds of memory whose owner it does not know.

    Where the owner is in the pickle too, as a tree of a forest is, it is an alias in whatever else it is in: what it lends is
    yielded for the first of those alone, which ``lenders`` remembers.
    """
    for obj in dump.lent:
        owner = id(_owner_of(obj))
        if owner in dump.memo and lenders.setdefault(owner, name) != name:
            continue
        start, size = _place_of(obj)
        if size:
            yield Region(start, start + size, name, obj, is_lent=True, is_writable=_is_writable(obj))


def _owned_by(name: str, dump: Dump, smallest: int) -> Iterator[Region]:
    """Yield the memory of the objects in a pickle that own some, and at least ``smallest`` bytes."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    kinds: set[type] = {bytearray, array.array}
    kinds |= {numpy.ndarray} if numpy is not None else set()
    kinds |= {torch.UntypedStorage} if torch is not None and hasattr(torch, "UntypedStorage") else set()
    if kinds.isdisjoint(map(type, map(operator.itemgetter(1), dump.memo.values()))):
        return
    lent = set(map(id, dump.lent))
    for _, obj in dump.memo.values():
        if type(obj) in kinds and id(obj) not in lent and getattr(obj, "base", None) is None:
            start, size = _place_of(obj)
            if size >= smallest:
                yield Region(start, start + size, name, obj, is_lent=False, is_writable=_is_writable(obj))


def _is_writable(obj: Any) -> bool:
    """Return whether memory can be changed through an object; through Arrow's it cannot, whatever its buffers say."""
    if type(obj) is memoryview:
        return type(obj.obj).__module__ == "numpy" and not obj.readonly
    flags = getattr(obj, "flags", None)
    return flags is None or bool(flags.writeable)


def _place_of(obj: Any) -> tuple[int, int]:
    """Return the address of what an object looks at, and how many bytes it is at most."""
    kind = type(obj)
    if kind.__name__ == "UntypedStorage":
        return (obj.data_ptr(), obj.nbytes()) if obj.device.type == "cpu" else (0, 0)
    if kind is array.array:
        return obj.buffer_info()[0], len(obj) * obj.itemsize
    import numpy as np

    if kind in (bytearray, memoryview):
        obj = np.frombuffer(obj, np.uint8) if len(obj) else np.empty(0, np.uint8)
    if not obj.size or obj.dtype.hasobject:
        return 0, 0
    if obj.flags.forc:
        plain = obj if obj.dtype.names is None else obj.view(f"V{obj.itemsize}")  # whose interface is quicker to describe
        return plain.__array_interface__["data"][0], obj.nbytes
    start, end = np.lib.array_utils.byte_bounds(obj)
    return start, end - start


class SharedMemory:
    """The arrays that stand for memory which several objects of a group look at.

    Where one of them is an array, a ``bytearray`` or the like that owns all of it, that one stands for it; else an array made
    here, which nobody else knows and the restored objects share.
    """

    def __init__(self, overlaps: Iterable[tuple[Region, Region]], dumps: Iterable[Dump]) -> None:
        """Merge what overlaps, as far as it can be made views; ``dumps``: the pickles it was found in."""
        memos = [dump.memo for dump in dumps]
        regions = {id(region.obj): region for pair in overlaps for region in pair if _is_mendable(region, memos)}
        self._places: dict[int, tuple[Any, int]] = {}
        merged: list[list[Region]] = []
        end = 0
        for region in sorted(regions.values(), key=lambda region: region.start):
            if region.start >= end:
                merged.append([])
            merged[-1].append(region)
            end = max(end, region.end)
        for together in merged:
            if len(together) > 1:
                standing, start = _array_over(together), together[0].start
                self._places |= {id(region.obj): (standing, region.start - start) for region in together}
        self._held = list(regions.values())

    def __bool__(self) -> bool:
        return bool(self._places)

    def stands(self, array: Any) -> bool:
        """Return whether an array is one that stands for memory."""
        return any(standing is array for standing, _ in self._places.values())

    def find(self, obj: Any) -> tuple[Any, int] | None:
        """Return the array that stands for an object's memory, and at which of its bytes that begins; None: it has its own."""
        place = self._places.get(id(obj))
        return None if place is None or place[0] is obj else place


def _is_mendable(region: Region, memos: Iterable[dict[int, tuple[int, Any]]]) -> bool:
    """Return whether an object can be made a view of an array: not so a temporary one that a library pickles itself by."""
    if type(region.obj) is memoryview:
        return False
    if not region.is_lent or type(region.obj).__name__ == "UntypedStorage":
        return True
    owner = root_of(region.obj)
    return all(id(owner) not in memo for memo in memos)


def _array_over(regions: list[Region]) -> Any:
    import numpy as np

    start, end = regions[0].start, max(region.end for region in regions)
    for region in regions:
        if not region.is_lent and (region.start, region.end) == (start, end) and type(region.obj).__name__ != "UntypedStorage":
            return region.obj if isinstance(region.obj, np.ndarray) else np.frombuffer(region.obj, np.uint8)
    memory: Any = (ctypes.c_char * (end - start)).from_address(start)
    memory.owners = [region.obj for region in regions]  # as long as anybody looks at it
    return np.frombuffer(memory, np.uint8)
