"""Functions and classes of the notebook, by value: what cloudpickle does, mended for going back in time.

Three differences. A function's globals are the live namespace, never a copy of it. Loading a class makes a new one and leaves
the live one alone (no class tracker). And the same source gives the same bytes wherever and however often it ran: a code
object is stored under a file name made of its own source, with line numbers that start at 1 and its sets in an order.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import linecache
import operator
import pickle
import sys
import types
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cloudpickle import cloudpickle
from xxhash import xxh3_64_hexdigest

from mlm_jupyter.capture.annotations import (
    annotation_values_of,
    annotations_of_class,
    annotations_of_function,
    seen_by_annotations,
)
from mlm_jupyter.capture.context import notebook_globals

if TYPE_CHECKING:
    from mlm_jupyter.capture.pickling import ValuePickler


def reduce_function(pickler: ValuePickler, function: types.FunctionType) -> Any:
    """Reduce a function: a library's by reference, a notebook's by name or by value."""
    module = pickler.modules.get(function.__module__)
    found = None if module is pickler.main else getattr(module, function.__qualname__, None)
    if found is function:
        return NotImplemented
    if getattr(found, "__func__", None) is function:  # a class method of no class, as typing has one for all protocols
        return operator.attrgetter(f"{function.__qualname__}.__func__"), (module,)
    if function.__module__ and cloudpickle._should_pickle_by_reference(function):  # without one it asks all modules, 8 ms
        return NotImplemented
    named = pickler.by_name(function, function.__name__)
    if named is not None:
        return named
    pickler.by_value.add(id(function))
    if hasattr(function, "registry") and hasattr(function, "dispatch"):
        return _reduce_single_dispatch(function)
    return _reduce_by_value(pickler, function)


def _reduce_by_value(pickler: ValuePickler, function: types.FunctionType) -> Any:
    code, source = _normalised(function.__code__)
    attributes = {_alone(key): value for key, value in vars(function).items()}
    cells, contents = _closure_of(function)
    pickler.function_cells.update(map(id, cells or ()))
    slots: dict[str, Any] = {
        "__name__": _alone(function.__name__),
        "__qualname__": _alone(function.__qualname__),
        **annotations_of_function(function),
        "__kwdefaults__": function.__kwdefaults__,
        "__defaults__": function.__defaults__,
        "__module__": function.__module__,
        "__doc__": function.__doc__,
    }
    if parameters := getattr(function, "__type_params__", ()):  # new in Python 3.12
        slots["__type_params__"] = parameters
    if function.__globals__ is pickler.namespace:
        slots["closure"] = contents
        return make_function, (code, source, cells), (attributes, slots), None, None, set_function_state
    used = _globals_used_by(function)
    held = [item for one in contents or () for item in one]
    slots["_cloudpickle_submodules"] = cloudpickle._find_imported_submodules(function.__code__, [*used.values(), *held])
    slots |= {"__globals__": used, "closure": contents}
    own = pickler.globals_of(function)
    return make_function, (code, source, cells, own), (attributes, slots), None, None, set_function_state


def _alone(text: str) -> str:
    """Return a text as an object that no other place has: one that is shared is pickled otherwise."""
    return "".join(text)


def _globals_used_by(function: types.FunctionType) -> dict[str, Any]:
    names = cloudpickle._extract_code_globals(function.__code__)
    return {name: function.__globals__[name] for name in names if name in function.__globals__}


def _closure_of(function: types.FunctionType) -> tuple[Any, list[tuple[Any, ...]] | None]:
    """Return the cells of a function and what is in each; of a class's dict, which its annotations see, what they use."""
    if function.__closure__ is None:
        return None, None
    cells, contents = [], []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
        held = _contents_of(cell)
        if name == "__classdict__" and held:
            cells.append(types.CellType())
            contents.append((seen_by_annotations(function.__code__, held[0]),))
        else:
            cells.append(cell)
            contents.append(held)
    return tuple(cells), contents


def _contents_of(cell: types.CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # empty
        return ()


def reduce_cell(pickler: ValuePickler, cell: types.CellType) -> Any:
    """Reduce a closure's cell, empty where its function fills it: functions that share a cell go on sharing it."""
    if id(cell) in pickler.function_cells:
        return types.CellType, ()
    return types.CellType, (), _contents_of(cell), None, None, fill_cell


def _reduce_single_dispatch(function: Any) -> Any:
    implementations = [(cls, implementation) for cls, implementation in function.registry.items() if cls is not object]
    return make_single_dispatch, (function.registry[object], implementations)


def reduce_class(pickler: ValuePickler, cls: Any) -> Any:
    """Reduce a class: a library's by reference, a notebook's by name or by value."""
    module = pickler.modules.get(cls.__module__) or _part_of_package(pickler, cls.__module__)
    if module is not None and module is not pickler.main and getattr(module, cls.__qualname__, None) is cls:
        return NotImplemented
    if type(cls).__module__ == "_ctypes" and hasattr(cls, "_length_") and cls.__base__ is ctypes.Array:
        return operator.mul, (cls._type_, cls._length_)
    if type(cls).__name__ == "_TypedDictMeta":
        return pickler.by_name(cls, cls.__name__) or _reduce_typed_dict(pickler, cls)
    reduced = cloudpickle._class_reduce(cls) if cls.__module__ else cloudpickle._dynamic_class_reduce(cls)
    if reduced is NotImplemented or reduced[0] not in (cloudpickle._make_skeleton_class, cloudpickle._make_skeleton_enum):
        return reduced
    named = pickler.by_name(cls, cls.__name__)
    if named is not None:
        return named
    pickler.by_value.add(id(cls))
    members = _members_of(cls, reduced[2][0])
    if reduced[0] is cloudpickle._make_skeleton_enum:
        bases, name, qualified_name, _, module, _, extra = reduced[1]
        named_values = {key: member._value_ for key, member in cls.__members__.items()}  # by their second names, too
        arguments = (bases, name, qualified_name, named_values, module, None, extra)  # no tracker id: that is the live class
        members = {key: item for key, item in members.items() if key not in named_values}
        return reduced[0], arguments, (members, {}, _attributes_of_members(cls)), None, None, set_enum_state
    metaclass, name, bases, first, *_ = reduced[1]
    if "__slots__" in members:  # slots are made with the class or not at all; cloudpickle sets the name afterwards
        members = {key: item for key, item in members.items() if type(item) is not types.MemberDescriptorType}
        first = {**first, "__slots__": members.pop("__slots__")}
    if _NAMED_TUPLE in cls.__dict__.get("__orig_bases__", ()):  # its statement made another class than it says
        bases = cls.__bases__
        first = {**first, "__orig_bases__": members.pop("__orig_bases__")}
    return make_class, (metaclass, name, bases, first), (members, cls.__qualname__), None, None, set_class_state


def _members_of(cls: Any, members: dict[str, Any]) -> dict[str, Any]:
    """Return what a class's dict is to have, its own names in the order in which they are there."""
    places = {key: place for place, key in enumerate(cls.__dict__) if not key.startswith(("__", "_abc_"))}
    # Where it stood; what pickling its instances leaves in it, asking for its annotations, and setting an attribute.
    left_out = ("__firstlineno__", "__slotnames__", "__annotations_cache__", "__pydantic_setattr_handlers__")
    kept = {key: members[key] for key in sorted(members, key=lambda key: places.get(key, -1)) if key not in left_out}
    if type(kept.get(_ABSTRACT)) is frozenset:
        kept[_ABSTRACT] = _InOrder.of(kept[_ABSTRACT])
    return kept | annotations_of_class(cls)


def _reduce_typed_dict(pickler: ValuePickler, cls: Any) -> Any:
    pickler.by_value.add(id(cls))
    keys = [(name, sorted(vars(cls)[name])) for name in ("__required_keys__", "__optional_keys__")]
    state = (keys, vars(cls).get("__orig_bases__"), cls.__doc__, cls.__qualname__)
    arguments = (cls.__name__, annotation_values_of(cls), cls.__total__, cls.__module__)
    return make_typed_dict, arguments, state, None, None, set_typed_dict_state


def _part_of_package(pickler: ValuePickler, name: Any) -> Any:
    """Return a module that nobody has imported yet, but its package has as an attribute: ``numpy.rec``."""
    if not isinstance(name, str):
        return None
    package, *path = name.split(".")
    module = pickler.modules.get(package)
    for part in path:
        module = getattr(module, part, None)
    return module if isinstance(module, types.ModuleType) else None


def _attributes_of_members(cls: Any) -> MemberAttributes:
    """Return what the members of an enum have beside name and value, by name (or by value, where flags are combined)."""
    members = {id(member): (name, member) for name, member in cls.__members__.items()}
    combined = {id(member): (None, member) for member in cls._value2member_map_.values() if id(member) not in members}
    found = []
    for name, member in (*members.values(), *combined.values()):
        attributes = {key: value for key, value in vars(member).items() if key not in _OF_EVERY_MEMBER}
        if attributes:
            found.append((name, member._value_, attributes))
    return found


_ABSTRACT = "__abstractmethods__"
MemberAttributes = list[tuple[str | None, Any, dict[str, Any]]]
_OF_EVERY_MEMBER = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_", "_inverted_", "_hashable_values_"})


def reduce_new_type(pickler: ValuePickler, new_type: Any) -> Any:
    """Reduce a ``typing.NewType``, which pickles by reference only."""
    named = pickler.by_name(new_type, new_type.__name__)
    return named or (make_new_type, (new_type.__name__, new_type.__supertype__, new_type.__module__))


def reduce_cached_function(pickler: ValuePickler, function: Any) -> Any:
    """Reduce what ``functools.lru_cache`` makes; what it has cached is not kept."""
    module = pickler.modules.get(function.__module__)
    if module is not None and module is not pickler.main and getattr(module, function.__qualname__, None) is function:
        return NotImplemented
    named = pickler.by_name(function, function.__name__)
    if named is not None:
        return named
    pickler.lossy.add("without what its cache held")
    settings = function.cache_parameters()
    return make_cached_function, (function.__wrapped__, settings["maxsize"], settings["typed"])


def reduce_cached_property(pickler: ValuePickler, descriptor: Any) -> Any:
    """Reduce a ``functools.cached_property`` without the lock it has in Python 3.11."""
    return make_cached_property, (descriptor.func, descriptor.attrname)


def source_of(code: types.CodeType) -> str:
    """Return the source of a function, a class or a lambda's line, by its code; "" when it is not known."""
    return _normalised(code)[1]


def reduce_single_dispatch_method(pickler: ValuePickler, descriptor: Any) -> Any:
    """Reduce a ``functools.singledispatchmethod`` without what it remembers of instances since Python 3.13."""
    return make_single_dispatch_method, (descriptor.func, descriptor.dispatcher)


@functools.lru_cache(maxsize=4096)
def _normalised(code: types.CodeType) -> tuple[types.CodeType, str]:
    """Return the code as its own source alone determines it, and that source ("" when it is not known)."""
    lines = [] if code.co_filename == "<string>" else linecache.getlines(code.co_filename)  # else the text of `python -c`
    source = ""
    if 0 < code.co_firstlineno <= len(lines):
        source = "".join(inspect.getblock(lines[code.co_firstlineno - 1 :]))
    return _moved(code, file_name_of(source, code.co_name), code.co_firstlineno - 1), source


def _moved(code: types.CodeType, filename: str, lines: int) -> types.CodeType:
    def moved(constant: Any) -> Any:
        if isinstance(constant, types.CodeType):
            return _moved(constant, filename, lines)
        return _InOrder.of(constant) if type(constant) is frozenset else constant

    constants = tuple(map(moved, code.co_consts))
    return code.replace(co_filename=filename, co_firstlineno=code.co_firstlineno - lines, co_consts=constants)


class _InOrder(tuple[Any, ...]):
    """Stands for a frozenset where that is pickled, and is loaded as one.

    A set's own order is that of its hashes, another in each process. A tuple, for what nobody can change links no variables.
    """

    __slots__ = ()

    @classmethod
    def of(cls, items: frozenset[Any]) -> _InOrder:
        """Return constants of code, or names, in an order that they alone determine."""
        return cls(sorted(items, key=pickle.dumps))

    def __reduce__(self) -> tuple[type[frozenset[Any]], tuple[tuple[Any, ...]]]:
        return frozenset, (tuple(self),)


def file_name_of(source: str, name: str) -> str:
    """Return the file name that tracebacks show for a restored function."""
    return f"<{name} restored by mlm, {xxh3_64_hexdigest(source.encode('utf-8', 'replace'))}>"


_TYPED_DICT: Any = typing.TypedDict  # type checkers know the two in their literal form only
_NEW_TYPE: Any = typing.NewType
_NAMED_TUPLE: Any = typing.NamedTuple


# What follows stands in stored pickles by name: change a meaning by adding a function.


def make_function(
    code: types.CodeType,
    source: str,
    cells: tuple[types.CellType, ...] | None,
    own_globals: dict[str, Any] | None = None,
) -> types.FunctionType:
    """Return a function that runs in the notebook's namespace (or its own globals); its state is set afterwards."""
    if source and code.co_filename not in linecache.cache:
        linecache.cache[code.co_filename] = (len(source), None, source.splitlines(keepends=True), code.co_filename)
    namespace = notebook_globals() if own_globals is None else own_globals
    return types.FunctionType(code, namespace, None, None, cells)


def set_function_state(function: types.FunctionType, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Set defaults, annotations, closure and attributes, without touching a live namespace."""
    attributes, slots = state
    slots.pop("_cloudpickle_submodules", None)
    own_globals = slots.pop("__globals__", None)
    if own_globals:
        function.__globals__.update(own_globals)
        function.__globals__.setdefault("__builtins__", __builtins__)
    for cell, contents in zip(function.__closure__ or (), slots.pop("closure") or (), strict=True):
        fill_cell(cell, contents)
    vars(function).update(attributes)
    for slot, value in slots.items():
        setattr(function, slot, value)


def make_class(metaclass: Any, name: str, bases: tuple[Any, ...], first: dict[str, Any]) -> Any:
    """Return a class that has only the ``first`` of its members; the others are set afterwards.

    Nothing of the notebook is told of it, neither a metaclass nor a base's ``__init_subclass__``: they were told once.
    """
    first = {sys.intern(key): item for key, item in first.items()}
    own_bases = types.resolve_bases(bases)
    foreign = next(kind for kind in metaclass.__mro__ if kind.__module__ != "__main__")
    with _without_subclass_hook(own_bases):
        if foreign is metaclass:
            return types.new_class(name, bases, {"metaclass": metaclass}, lambda namespace: namespace.update(first))
        return foreign.__new__(metaclass, name, own_bases, first)


@contextmanager
def _without_subclass_hook(bases: tuple[Any, ...]) -> Iterator[None]:
    """Hold back the ``__init_subclass__`` that a class with these bases would meet first, if it is the notebook's."""
    hooked = next((kind for base in bases for kind in base.__mro__ if "__init_subclass__" in vars(kind)), object)
    if hooked.__module__ != "__main__":
        yield
        return
    hook = vars(hooked)["__init_subclass__"]
    type.__setattr__(hooked, "__init_subclass__", classmethod(lambda cls, **options: None))
    try:
        yield
    finally:
        type.__setattr__(hooked, "__init_subclass__", hook)


def set_class_state(cls: Any, state: tuple[dict[str, Any], str]) -> None:
    """Give a class its members, and the name of the place where it was defined."""
    members, qualified_name = state
    cloudpickle._class_setstate(cls, (members, {}))
    type.__setattr__(cls, "__qualname__", qualified_name)


def set_enum_state(
    cls: Any, state: tuple[dict[str, Any], dict[str, Any], list[tuple[str | None, Any, dict[str, Any]]]]
) -> None:
    """Give an enum its methods, and its members what was set on them."""
    members, slots, attributes = state
    cloudpickle._class_setstate(cls, (members, slots))
    for name, value, own in attributes:
        vars(cls(value) if name is None else cls.__members__[name]).update(own)


def fill_cell(cell: types.CellType, contents: tuple[Any, ...]) -> None:
    """Put the one object of ``contents`` in ``cell``; without one it stays empty."""
    if contents:
        cell.cell_contents = contents[0]


def make_single_dispatch(default: Any, implementations: list[tuple[type, Any]]) -> Any:
    """Return a ``functools.singledispatch`` function with its implementations."""
    function = functools.singledispatch(default)
    for cls, implementation in implementations:
        function.register(cls, implementation)
    return function


def make_typed_dict(name: str, annotations: dict[str, Any], total: bool, module: str) -> Any:
    """Return a TypedDict class."""
    cls: Any = _TYPED_DICT(name, annotations, total=total)
    cls.__module__ = module
    return cls


def set_typed_dict_state(cls: Any, state: tuple[list[tuple[str, list[str]]], Any, str | None, str]) -> None:
    """Tell a TypedDict which keys it requires, what it was made from, and the name of the place where it was defined."""
    keys, bases, cls.__doc__, cls.__qualname__ = state
    for name, members in keys:
        setattr(cls, name, frozenset(members))
    if bases is not None:
        cls.__orig_bases__ = bases


def make_new_type(name: str, supertype: Any, module: str) -> Any:
    """Return a ``typing.NewType``."""
    new_type: Any = _NEW_TYPE(name, supertype)
    new_type.__module__ = module
    return new_type


def make_cached_function(function: Any, maxsize: int | None, typed: bool) -> Any:
    """Return ``function`` behind an empty cache."""
    return functools.lru_cache(maxsize, typed)(function)


def make_cached_property(function: Any, name: str | None) -> Any:
    """Return a ``functools.cached_property``."""
    descriptor: Any = functools.cached_property(function)
    descriptor.attrname = name
    return descriptor


def make_single_dispatch_method(function: Any, dispatcher: Any) -> Any:
    """Return a ``functools.singledispatchmethod`` with its implementations."""
    descriptor: Any = functools.singledispatchmethod(function)
    descriptor.dispatcher = dispatcher
    return descriptor
