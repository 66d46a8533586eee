"""Whether anything but some names refers to what their values are made of.

The graph of objects under the values is walked as the garbage collector sees it. An object is closed in when every one of its
references is accounted for: by an object inside, or by a name. What else refers to it, a library's own constants mostly, is
the frontier: few and small things, which are compared by value at each look. A reference that cannot be seen, from C or from
a frame, makes the count larger, and the answer no.
"""

from __future__ import annotations

import array
import collections
import gc
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from xxhash import xxh3_128_digest

from mlm_jupyter.capture.links import is_mutable

MOST_OBJECTS: Final = 3_000_000
MOST_FRONTIER: Final = 64
MOST_FRONTIER_BYTES: Final = 1 << 16

_HAS_GC: Final = 1 << 14  # Py_TPFLAGS_HAVE_GC
_ATOMS: Final = (str, bytes, int, float, complex, type(None), type(...), range, types.CodeType, types.ModuleType, type)
_CONTAINERS: Final = (
    *(tuple, frozenset, slice, types.MethodType, types.MappingProxyType, property, staticmethod, classmethod),
    *(types.FunctionType, types.BuiltinFunctionType),
)
_PLAIN_MEMORY: Final = (bytearray, array.array)

Pickle = Callable[[Any], bytes]


class Frontier:
    """What is shared with others of a group that is closed otherwise, and what it was when it was found so."""

    def __init__(self, objects: list[Any], pickle: Pickle) -> None:
        self._objects = objects
        self._pickle = pickle
        self._fingerprint = self._take()

    def _take(self) -> bytes | None:
        try:
            pickles = [self._pickle(obj) for obj in self._objects]
        except Exception:  # foreign code: what cannot be pickled cannot be compared
            return None
        if sum(map(len, pickles)) > MOST_FRONTIER_BYTES:
            return None
        return xxh3_128_digest(b"".join(map(xxh3_128_digest, pickles)))

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
    inside = _walk([namespace[name] for name in names])
    if inside is None:
        return None
    roots = collections.Counter(id(namespace[name]) for name in names)
    objects = list(inside.values())
    inside.clear()
    if not _is_tensor_memory_closed(objects):
        return None
    references = _references(objects)
    weak = collections.Counter(id(weakref.ref.__call__(obj)) for obj in objects if isinstance(obj, weakref.ref))
    own = _own_references()
    frontier: list[int] = []
    for position in range(len(objects)):
        identity = id(objects[position])
        strong = sys.getrefcount(objects[position]) - own - references[identity]
        weakly = weakref.getweakrefcount(objects[position]) - weak[identity]
        if identity in roots:
            if strong != roots[identity] or weakly:
                return None
        elif strong or weakly:
            frontier.append(position)
    if len(frontier) > MOST_FRONTIER or not all(_is_librarys(objects[position]) for position in frontier):
        return None
    found = Frontier([objects[position] for position in frontier], pickle)
    return found if found.is_known else None


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


def _walk(values: list[Any]) -> dict[int, Any] | None:
    """Return all objects under ``values`` that can be changed, or hold one that can, by id; None when some cannot be seen."""
    inside = {id(value): value for value in values}
    pending = list(inside.values())
    while pending:
        found: list[Any] = []
        for obj in _children(pending):
            if isinstance(obj, _ATOMS) or id(obj) in inside:
                continue
            kind = type(obj)
            if not (issubclass(kind, _CONTAINERS) or is_mutable(kind)) or _is_shared_code(obj) or _is_plain_tuple(obj):
                continue
            if not kind.__flags__ & _HAS_GC and not _is_plain_memory(obj):
                return None
            inside[id(obj)] = obj
            found.append(obj)
        pending = found
        if len(inside) > MOST_OBJECTS:
            return None
    return inside if all(type(value).__flags__ & _HAS_GC or _is_plain_memory(value) for value in values) else None


def _children(objects: list[Any]) -> Iterator[Any]:
    functions = [obj for obj in objects if isinstance(obj, types.FunctionType)]
    yield from gc.get_referents(*(obj for obj in objects if not isinstance(obj, types.FunctionType)))
    for function in functions:  # not its globals: who can call it can reach those by their names
        yield from (function.__closure__, function.__defaults__, function.__kwdefaults__, function.__dict__)
    yield from (obj.base for obj in objects if type(obj).__name__ == "ndarray" and getattr(obj, "base", None) is not None)


def _references(objects: list[Any]) -> collections.Counter[int]:
    """Return how many references each object has from ``objects``."""
    counted = collections.Counter(map(id, gc.get_referents(*objects)))
    counted.update(id(obj.base) for obj in objects if type(obj).__name__ == "ndarray" and obj.base is not None)
    return counted


def _is_shared_code(obj: Any) -> bool:
    """Return whether an object is a library's own function, found by its name."""
    if not isinstance(obj, (types.FunctionType, types.BuiltinFunctionType)):
        return False
    if isinstance(obj, types.BuiltinFunctionType) and not isinstance(obj.__self__, types.ModuleType):
        return False  # a bound method: it refers to what it is bound to
    found: Any = sys.modules.get(obj.__module__ or "")
    if found is None or found.__name__ == "__main__":
        return False
    for part in obj.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is obj


def _is_plain_tuple(obj: Any) -> bool:
    return type(obj) in (tuple, frozenset) and all(isinstance(item, _ATOMS) for item in obj)


def _is_plain_memory(obj: Any) -> bool:
    """Return whether an object without references that the collector sees has none at all."""
    kind = type(obj)
    if kind is object or isinstance(obj, _PLAIN_MEMORY) or kind.__module__.startswith(("sklearn.", "numpy.random")):
        return True
    if kind.__module__ != "numpy" or kind.__name__ != "ndarray":
        return False
    if not obj.dtype.hasobject:
        return obj.base is None or type(obj.base).__module__ == "numpy"
    return obj.base is None and all(map(_ATOMS_AND_BOOL.__contains__, map(type, obj.ravel("K").tolist())))


_ATOMS_AND_BOOL: Final = frozenset({str, bytes, int, float, bool, complex, type(None)})


def _is_librarys(obj: Any) -> bool:
    """Return whether an object could be a library's constant, not something of the user's that is shared with others."""
    kind = type(obj)
    return kind.__module__ != "__main__" and not isinstance(obj, weakref.ref)


def _own_references() -> int:
    """Return how many of an object's references are those of the list it is counted from and of the counting."""
    objects = [object()]
    return next(sys.getrefcount(objects[position]) for position in range(1))
