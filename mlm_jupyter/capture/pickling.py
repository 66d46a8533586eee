"""One value to a pickle and back: the standard library's C pickler, told what to do with the kinds it loses or spoils.

Each dump is made for two readers: the hash that says whether a value changed, and the store. Buffers of arrays are not in
the stream; they are given beside it as they lie in memory, and nothing is copied.
"""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, Final

from mlm_jupyter.capture.context import LoadContext, loading, notebook_object
from mlm_jupyter.capture.insides import with_own_dict
from mlm_jupyter.capture.memory import SharedMemory
from mlm_jupyter.capture.reducers import reducer_for
from mlm_jupyter.capture.scalars import ScalarBuffer, ScalarWatch
from mlm_jupyter.capture.streams import UnframedFile

Reduced = tuple[Any, ...]
Memo = dict[int, tuple[int, Any]]
PROTOCOL: Final = 5
OUT_OF_BAND_FROM: Final = 1 << 16


class MemoryBuffer:
    """Memory of a live object; ``is_ours``: loaded by our reducers, which fill memory they own."""

    __slots__ = ("address", "is_ours", "is_readonly", "period", "view")

    def __init__(self, view: memoryview, *, is_ours: bool, address: int = 0, period: int = 0) -> None:
        self.view = view
        self.is_ours = is_ours
        self.is_readonly = view.readonly
        self.address = address or id(self)
        self.period = period


class Links:
    """The ids of some objects of a pickle, not copied to be compared with others: a figure has ten thousand."""

    __slots__ = ("_memo", "_unlinked")

    def __init__(self, memo: Memo, unlinked: set[int]) -> None:
        self._memo = memo
        self._unlinked = unlinked

    def __and__(self, ids: Set[int]) -> Set[int]:
        return (self._memo.keys() & ids) - self._unlinked

    def copy(self) -> Set[int]:
        """Return the ids alone, without a reference to the objects."""
        return self._memo.keys() - self._unlinked


class Dump:
    """A value as a stream and its buffers, with what the pickler learnt on the way."""

    __slots__ = (
        *("buffers", "by_value", "guarded", "identity", "index_data", "lent", "lossy"),
        *("memo", "references", "stream", "unlinked"),
    )

    def __init__(self, value: Any, stream: memoryview, pickler: ValuePickler) -> None:
        self.identity = id(value)
        self.stream = stream
        self.buffers = pickler.own_buffers + pickler.foreign_buffers
        self.memo: Memo = pickler.memo.copy()
        self.references = pickler.references
        self.by_value = pickler.by_value
        self.index_data = pickler.index_data
        self.guarded = pickler.guarded
        self.unlinked = pickler.unlinked | (pickler.index_references - pickler.block_references)
        self.lent = pickler.lent
        self.lossy = pickler.lossy

    @property
    def links(self) -> Links:
        """The objects that could make it one group with another value that has them."""
        return Links(self.memo, self.unlinked)


def _collect(buffers: list[MemoryBuffer | ScalarBuffer], lent: list[Any]) -> Callable[[pickle.PickleBuffer], bool]:
    def collect(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        lent.append(view)
        if view.nbytes < OUT_OF_BAND_FROM:
            return True  # in-band: a small buffer costs more than its bytes
        buffers.append(MemoryBuffer(view, is_ours=False))
        return False

    return collect


class ValuePickler(pickle.Pickler):
    """A C pickler whose reducers are in ``reducers.py``."""

    def __init__(
        self,
        file: UnframedFile,
        *,
        namespace: Mapping[str, Any],
        roots: Mapping[int, str],
        scalars: ScalarWatch,
        is_hidden: Callable[[str], bool],
        shared: SharedMemory | None = None,
        insides: set[int] | None = None,
    ) -> None:
        """Prepare to dump the objects named in ``roots`` (by ``id``), which are pickled by value, never by name."""
        self.own_buffers: list[MemoryBuffer | ScalarBuffer] = []
        self.foreign_buffers: list[MemoryBuffer | ScalarBuffer] = []
        self.lent: list[Any] = []
        collect = _collect(self.foreign_buffers, self.lent)  # a bound method would be a cycle
        super().__init__(file, PROTOCOL, buffer_callback=collect)
        self.shared = shared
        self.namespace = namespace
        self.is_hidden = is_hidden
        self.roots = roots
        self.modules = sys.modules
        self.main = sys.modules.get("__main__")
        self.references: set[str] = set()
        self.by_value: set[int] = set()
        self.index_references: set[int] = set()
        self.block_references: set[int] = set()
        self.unlinked: set[int] = set()
        self.index_data: set[int] = set()
        self.guarded: set[int] = set()
        self.insides = set() if insides is None else insides
        self.function_cells: set[int] = set()
        self.type_parameters: set[int] = set()
        self.lossy: set[str] = set()
        self._scalars = scalars
        self._globals: dict[int, dict[str, Any]] = {}

    def reducer_override(self, obj: Any) -> Any:
        """Reduce ``obj`` by the table of reducers; C asks here for all but the plainest types."""
        reducer = reducer_for(type(obj))
        reduced = NotImplemented if reducer is None else reducer(self, obj)
        return with_own_dict(obj, self.insides) if reduced is NotImplemented and self.insides else reduced

    def add_memory(self, view: memoryview, address: int, period: int) -> int:
        """Keep ``view`` beside the stream and return the number by which the stream refers to it."""
        self.own_buffers.append(MemoryBuffer(view, is_ours=True, address=address, period=period))
        return len(self.own_buffers) - 1

    def add_scalars(self, array: Any, flat: Any) -> int | None:
        """Keep an object array of plain scalars beside the stream; None when it is not one."""
        buffer = self._scalars.look(array, flat)
        if buffer is None:
            return None
        self.own_buffers.append(buffer)
        return len(self.own_buffers) - 1

    def by_name(self, obj: Any, name: str) -> Reduced | None:
        """Return how to refer to a function or class by ``name``, if that is what the variable means in the notebook.

        What is no variable is not restored: ``_``, by which many functions are called, means IPython's last output too.
        """
        if id(obj) in self.roots or self.namespace.get(name) is not obj or self.is_hidden(name):
            return None
        self.references.add(name)
        return notebook_object, (name,)

    def globals_of(self, function: types.FunctionType) -> dict[str, Any]:
        """Return the globals that a function of no importable module is to have: one dict for all that share theirs."""
        own = function.__globals__
        if id(own) not in self._globals:
            kept: dict[str, Any] = {key: own[key] for key in ("__name__", "__package__", "__path__", "__file__") if key in own}
            if type(kept.get("__path__")) is list:  # the package's own would link all that came from it
                kept["__path__"] = list(kept["__path__"])
            self._globals[id(own)] = kept
        return self._globals[id(own)]

    def never_links(self, obj: Any) -> None:
        """Say that sharing ``obj`` (and the memory it looks at) does not make two variables one group."""
        self.unlinked.update(memory_of(obj))


def memory_of(obj: Any) -> Iterator[int]:
    """Yield the ids of an array and of all that it is a view of."""
    while obj is not None:
        yield id(obj)
        obj = getattr(obj, "base", None)


def dump(
    value: Any,
    *,
    namespace: Mapping[str, Any],
    roots: Mapping[int, str],
    scalars: ScalarWatch,
    is_hidden: Callable[[str], bool] = lambda name: False,
    shared: SharedMemory | None = None,
    insides: set[int] | None = None,
) -> Dump:
    """Return ``value`` as a pickle; raises whatever foreign code raises when it cannot be pickled.

    Parameters
    ----------
    roots : the objects (by ``id``) that are variables, and their names: pickled by value, never by name.
    is_hidden : says of a name in ``namespace`` that it is no variable.
    shared : the memory that several objects in ``value`` look at.
    insides : the dicts (by ``id``) that are variables and the ``__dict__`` of an object too; those that will be are taken out.
    """
    file = UnframedFile()
    pickler = ValuePickler(
        file, namespace=namespace, roots=roots, scalars=scalars, is_hidden=is_hidden, shared=shared, insides=insides
    )
    pickler.dump(value)
    stream = memoryview(file.getvalue())  # not the file's own buffer, which complains where it ends in a cycle
    return Dump(value, stream, pickler)


class BufferSource:
    """The stored buffers of one pickle: how long each is, and how to read it."""

    def __init__(
        self,
        sizes: list[tuple[int, bool, bool]],
        read: Callable[[int], bytearray],
        read_into: Callable[[int, memoryview], None],
    ) -> None:
        """``sizes``: for each buffer its bytes, whether it is our reducers', whether it is read-only."""
        self.sizes = sizes
        self.read = read
        self.read_into = read_into

    def foreign(self) -> Iterator[bytes | bytearray]:
        """Yield, as they are asked for, the buffers that other libraries' pickles take from us."""
        for index, (_, is_ours, is_readonly) in enumerate(self.sizes):
            if not is_ours:
                yield bytes(self.read(index)) if is_readonly else self.read(index)


def load(
    stream: bytes | bytearray | memoryview,
    buffers: BufferSource,
    *,
    globals_: dict[str, Any],
    resolve: Callable[[str], Any],
    array_to_rewrite: Any = None,
) -> Any:
    """Return the value of a pickle made by ``dump``. Executes what is in it: verify hash and signature first.

    Parameters
    ----------
    globals_ : the namespace in which the notebook's functions are to run.
    resolve : gives the function or class of the notebook that a name means; raises ``LookupError`` when there is none.
    array_to_rewrite : a live array that will be made what the one buffer is; it may be returned for it.
    """
    context = LoadContext(
        globals_=globals_,
        resolve=resolve,
        read=buffers.read,
        read_into=buffers.read_into,
        array_to_rewrite=array_to_rewrite,
    )
    with loading(context):
        return pickle.loads(stream, buffers=buffers.foreign())
