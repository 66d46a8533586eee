"""Whether anything but some names refers to what their values are made of.

The graph of objects under the values is walked as the garbage collector sees it. An object is closed in when every one of its
references is accounted for: by an object inside, or by a name. What else refers to it, a library's own constants mostly, is
the frontier: few and small things, which are compared by value at each look. A reference that cannot be seen, from C or from
a frame, makes the count larger, and the answer no.
"""

from __future__ import annotations

import array
import collections
import enum
import gc
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from xxhash import xxh3_128_digest

from mlm_jupyter.capture.annotations import held_by_annotations
from mlm_jupyter.capture.displayed import Displayed, find_displayed, own_references
from mlm_jupyter.capture.insides import unseen_dict
from mlm_jupyter.capture.links import is_mutable
from mlm_jupyter.core.type_names import module_of

MOST_OBJECTS: Final = 3_000_000
MOST_DISPLAYED: Final = 50_000
MOST_FRONTIER: Final = 512
MOST_FRONTIER_BYTES: Final = 1 << 16

_HAS_GC: Final = 1 << 14  # Py_TPFLAGS_HAVE_GC
_ATOMS: Final = (str, bytes, int, float, complex, type(None), type(...), range, types.CodeType, types.ModuleType, type)
_CONTAINERS: Final = (
    *(tuple, frozenset, slice, types.MethodType, types.MappingProxyType, property, staticmethod, classmethod),
    *(types.FunctionType, types.BuiltinFunctionType),
)
_PLAIN_MEMORY: Final = (bytearray, array.array)
_OPAQUE_BUT_HARMLESS: Final = (
    *("sklearn.", "numpy.random", "pandas._libs.hashtable"),
    "contourpy._contourpy",
)
"""What the collector does not look into: memory of their own, or labels by their hash, which cannot be changed. What such
an object holds all the same, as a contour its arrays, has a reference too many, and is open."""
_INERT_OF_PANDAS: Final = ("BlockPlacement", "BlockValuesRefs")

Pickle = Callable[[Any], bytes]


class Frontier:
    """What is shared with others of a group that is closed otherwise, and what it was when it was found so."""

    def __init__(self, objects: list[Any], pickle: Pickle, shared: Iterable[int], also: tuple[str, ...] = ()) -> None:
        self.shared = frozenset(shared)
        """The ids of what others have too, what is not compared among it."""
        self.also = also
        """By what names it can be reached, beside those of its variables."""
        self._objects = objects
        self._pickle = pickle
        self._fingerprint = self._take()

    def _take(self) -> bytes | None:
        try:
            pickled = self._pickle(self._objects)
        except Exception:  # foreign code: what cannot be pickled cannot be compared
            return None
        return xxh3_128_digest(pickled) if len(pickled) <= MOST_FRONTIER_BYTES else None

    @property
    def is_known(self) -> bool:
        """Whether it could be pickled, and is small."""
        return self._fingerprint is not None

    def is_same(self) -> bool:
        """Return whether it is as it was."""
        return not self._objects or self._take() == self._fingerprint


def find_frontier(namespace: Mapping[str, Any], names: Iterable[str], pickle: Pickle) -> Frontier | None:
    """Return the frontier of the values of ``names``; None when they are not closed in, or it cannot be known.

    Nothing of ours may refer to anything inside while this runs.
    """
    roots = collections.Counter(id(namespace[name]) for name in names)
    inside = _walk([namespace[name] for name in names])
    if inside is None:
        return None
    held: set[int] = set()
    also: tuple[str, ...] = ()
    while True:
        shared = _find_open(inside, roots)
        open_ = [identity for identity in shared if not _is_inert(inside[identity], inside)]
        if _is_small(inside, open_, roots):
            found = Frontier([inside[identity] for identity in open_], pickle, shared, also)
            if found.is_known:
                return found if _is_tensor_memory_closed(list(inside.values())) else None
            del found  # it refers to what is counted
        displayed = find_displayed(namespace)
        if displayed is None or not _join(inside, roots, held, open_, displayed):
            return None
        also = displayed.names


def _find_open(inside: Mapping[int, Any], roots: Mapping[int, int]) -> list[int]:
    """Return which objects have a reference that is neither from inside nor one of those that ``roots`` counts."""
    references = _references(list(inside.values()))
    weak = collections.Counter(id(weakref.ref.__call__(obj)) for obj in inside.values() if isinstance(obj, weakref.ref))
    weak.update(_held_weakly_by_matplotlib(set(map(type, inside.values()))))
    own = own_references()
    open_: list[int] = []
    for identity in inside:
        strong = sys.getrefcount(inside[identity]) - own - references[identity] - roots.get(identity, 0)
        if strong or weakref.getweakrefcount(inside[identity]) != weak[identity]:
            open_.append(identity)
    return open_


def _is_inert(obj: Any, inside: Mapping[int, Any]) -> bool:
    """Return whether nothing that is captured can be changed through ``obj``: what a frame shares with each part of it.

    Its labels are other objects on the same memory, with the same cache, identity, and list of who looks at that memory (a word
    that leads on from there counts as a way to anywhere, ``core/triggers.py``).
    """
    kind = type(obj)
    if kind is dict:
        index: Any = getattr(sys.modules.get("pandas"), "Index", ())
        return any(obj is vars(other).get("_cache") for other in inside.values() if isinstance(other, index))
    return kind is object or (kind.__module__ == "pandas._libs.internals" and kind.__name__ in _INERT_OF_PANDAS)


def _held_weakly_by_matplotlib(kinds_inside: set[type]) -> Iterator[int]:
    """Yield the ids of axes that share their limits with others: once for each weak reference by which it keeps them.

    Words that lead there count as ways to anywhere (``core/triggers.py``).
    """
    kinds: Any = getattr(sys.modules.get("matplotlib.axes._base"), "_AxesBase", None)
    if kinds is None or not any(issubclass(kind, kinds) for kind in kinds_inside):
        return
    kept: dict[int, Any] = {}
    for name in ("_shared_axes", "_twinned_axes"):
        groupers = getattr(kinds, name, None)
        for grouper in groupers.values() if isinstance(groupers, dict) else [groupers] if groupers else []:
            for mapping in vars(grouper).values():
                if isinstance(mapping, weakref.WeakKeyDictionary):
                    sets = {id(value): value for value in mapping.values() if isinstance(value, weakref.WeakSet)}
                    kept.update((id(ref), ref) for ref in mapping.keyrefs())
                    kept.update((id(ref), ref) for members in sets.values() for ref in vars(members)["data"])
    yield from (id(ref()) for ref in kept.values())


def _is_small(inside: Mapping[int, Any], open_: list[int], roots: Mapping[int, int]) -> bool:
    """Return whether what else is referred to could be some constants of libraries."""
    return len(open_) <= MOST_FRONTIER and all(identity not in roots and _is_librarys(inside[identity]) for identity in open_)


def _join(inside: dict[int, Any], roots: dict[int, int], held: set[int], open_: list[int], displayed: Displayed) -> bool:
    """Take in the displayed values that lead to what is open and are not ``held`` yet; return whether there were any."""
    wanted = set(open_)
    before = len(held)
    left = MOST_DISPLAYED
    while displayed.values and left > 0:
        value = displayed.values.pop()
        identity = id(value)
        if identity in held:
            continue
        walked = None if identity in inside else _walk([value], most=left)
        if identity in inside or (walked is not None and not wanted.isdisjoint(walked)):
            held.add(identity)
            roots[identity] = roots.get(identity, 0) + displayed.references[identity]
            inside.update(walked or {})
        left -= len(walked or ())
    return len(held) > before


def _is_tensor_memory_closed(objects: list[Any]) -> bool:
    """Return whether the memory of the tensors in ``objects`` is theirs alone; another view of it is no reference to them."""
    torch = sys.modules.get("torch")
    if torch is None:
        return True
    if any(type(obj).__module__ == "torch.storage" for obj in objects):
        return False
    tensors = [obj for obj in objects if issubclass(type(obj), torch.Tensor)]
    if not tensors:
        return True
    from mlm_jupyter.capture.tensors import is_memory_closed

    return is_memory_closed(tensors)


class _Way(enum.Enum):
    """Whether a walk goes on from the objects of a type."""

    NONE = "they cannot be changed, or are no part of what is captured"
    SOME = "unless they are a library's own code, or hold only what cannot be changed"
    HIDDEN = "the collector does not look into them"
    ALL = "as the collector does"


class _Ways(dict[type, _Way]):
    """The ways on from the types met in one walk; not kept longer, for it would keep the notebook's classes alive."""

    def __missing__(self, kind: type) -> _Way:
        leads_on = is_mutable(kind) or (issubclass(kind, _CONTAINERS) and not issubclass(kind, _ATOMS))
        if not leads_on or _is_renderer(kind):
            way = _Way.NONE
        elif issubclass(kind, (types.FunctionType, types.BuiltinFunctionType, tuple, frozenset)):
            way = _Way.SOME
        else:
            way = _Way.ALL if kind.__flags__ & _HAS_GC else _Way.HIDDEN
        self[kind] = way
        return way


def _walk(values: list[Any], *, most: int = MOST_OBJECTS) -> dict[int, Any] | None:
    """Return all objects under ``values`` that can be changed, or hold one that can, by id; None when some cannot be seen."""
    inside = {id(value): value for value in values}
    ways, none, some, hidden = _Ways(), _Way.NONE, _Way.SOME, _Way.HIDDEN
    pending = list(inside.values())
    while pending:
        found: list[Any] = []
        for obj in _children(pending):
            if id(obj) in inside or (way := ways[type(obj)]) is none:
                continue
            if way is some and (_is_shared_code(obj) or _is_plain_tuple(obj)):
                continue
            if way is hidden and not _is_plain_memory(obj):
                return None
            inside[id(obj)] = obj
            found.append(obj)
        pending = found
        if len(inside) > most:
            return None
    return inside if all(type(value).__flags__ & _HAS_GC or _is_plain_memory(value) for value in values) else None


def _children(objects: list[Any]) -> Iterator[Any]:
    functions = [obj for obj in objects if isinstance(obj, types.FunctionType)]
    yield from gc.get_referents(*(obj for obj in objects if not isinstance(obj, types.FunctionType)))
    for function in functions:  # not its globals: who can call it can reach those by their names
        yield from (function.__closure__, function.__defaults__, function.__kwdefaults__, function.__dict__)
        yield from held_by_annotations(function)
    yield from _held_unseen(objects)


def _references(objects: list[Any]) -> collections.Counter[int]:
    """Return how many references each object has from ``objects``."""
    counted = collections.Counter(map(id, gc.get_referents(*objects)))
    counted.update(map(id, _held_unseen(objects)))
    return counted


def _held_unseen(objects: list[Any]) -> Iterator[Any]:
    """Yield what objects refer to and the collector is not told: the owner of an array's memory, or its items."""
    array = getattr(sys.modules.get("numpy"), "ndarray", None)
    for obj in objects:
        if type(obj) is not array:
            attributes = unseen_dict(obj)
            if attributes is not None:
                yield attributes
        elif obj.base is not None:
            yield obj.base
        elif obj.dtype.hasobject:
            items: list[Any] = obj.ravel("K").tolist()
            if not all(map(_is_plain_value, set(map(type, items)))):
                yield from items


def _is_shared_code(obj: Any) -> bool:
    """Return whether an object is a library's own function, found by its name."""
    if not isinstance(obj, (types.FunctionType, types.BuiltinFunctionType)):
        return False
    if isinstance(obj, types.BuiltinFunctionType) and not isinstance(obj.__self__, types.ModuleType):
        return type(obj.__self__).__module__ == "pybind11_builtins"  # else a bound method: it refers to what it is bound to
    found: Any = sys.modules.get(obj.__module__ or "")
    if found is None or found.__name__ == "__main__":
        return False
    for part in obj.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is obj


def _is_renderer(kind: type) -> bool:
    """Return whether objects of this type are what a figure was drawn with: pixels, no part of what is captured of it."""
    return module_of(kind).startswith("matplotlib.backends.") and kind.__name__.startswith("Renderer")


def _is_plain_tuple(obj: Any) -> bool:
    return type(obj) in (tuple, frozenset) and all(isinstance(item, _ATOMS) for item in obj)


def _is_plain_memory(obj: Any) -> bool:
    """Return whether an object without references that the collector sees has none at all."""
    kind = type(obj)
    if kind is object or isinstance(obj, _PLAIN_MEMORY) or module_of(kind).startswith(_OPAQUE_BUT_HARMLESS):
        return True
    if kind.__name__ == "PyCapsule":  # by which NumPy's generators are called from C
        return '"BitGenerator"' in repr(obj)
    if kind.__module__ != "numpy" or kind.__name__ != "ndarray":
        return False
    owner = obj.base is None or type(obj.base) is memoryview or type(obj.base).__module__ == "numpy"
    return owner and (obj.dtype.kind == "O" or not obj.dtype.hasobject)


def _is_plain_value(kind: type) -> bool:
    """Return whether an object of this type cannot be changed and holds nothing that can."""
    return issubclass(kind, _ATOMS) or not (kind.__flags__ & _HAS_GC or is_mutable(kind))


def _is_librarys(obj: Any) -> bool:
    """Return whether an object could be a library's constant, not something of the user's that is shared with others."""
    kind = type(obj)
    return kind.__module__ != "__main__" and not isinstance(obj, weakref.ref)
