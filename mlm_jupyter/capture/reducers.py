"""Which reducer serves which type. A library's own are looked up when its first object is met; nothing is imported for it."""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import io
import itertools
import logging
import os
import re
import sys
import types
import typing
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from cloudpickle import cloudpickle

from mlm_jupyter.capture import code, generics
from mlm_jupyter.capture.arrays import owns_memory
from mlm_jupyter.capture.constants import reducer_of_constants
from mlm_jupyter.capture.context import CannotCaptureError, attribute_of
from mlm_jupyter.capture.formulas import reducer_of_formulas
from mlm_jupyter.capture.instances import kind_of, reduce_as_its_kind, reducer_of_instances
from mlm_jupyter.capture.standard import reduce_environment, reduce_match
from mlm_jupyter.core.type_names import module_of

Reducer = Callable[[Any, Any], Any]


def _refuse(reason: str) -> Reducer:
    def refuse(pickler: Any, obj: Any) -> Any:
        raise CannotCaptureError(reason)

    return refuse


def _reduce_view_of_dict(method: Any) -> Reducer:
    def reduce_view(pickler: Any, view: Any) -> Any:
        return method, (gc.get_referents(view)[0],)

    return reduce_view


def _reduce_memoryview(pickler: Any, view: memoryview) -> Any:
    if not isinstance(view.obj, (bytes, bytearray)) or view.nbytes != len(view.obj) or not view.c_contiguous:
        raise CannotCaptureError("a memoryview of something else than a whole bytes or bytearray")
    return cast_view, (view.obj, view.format, view.shape)


def _reduce_mapping_proxy(pickler: Any, proxy: Any) -> Any:
    if proxy is getattr(sys.modules.get("dataclasses"), "_EMPTY_METADATA", None):  # of all fields that have none
        return attribute_of, ("dataclasses", "_EMPTY_METADATA")
    mapping = gc.get_referents(proxy)[0]
    for item in list(proxy.values()):
        owner = getattr(item, "__objclass__", None)
        if isinstance(owner, type) and gc.get_referents(vars(owner))[0] is mapping:
            return vars, (owner,)
    return types.MappingProxyType, (mapping,)


def _reduce_begun_iterator(pickler: Any, iterator: Any) -> Any:
    """Reduce an iterator as Python does, which makes one of a list of what was left."""
    pickler.lossy.add("without the dict or set that it went over, with what was left of it")
    return NotImplemented


def _reduce_memory_file(pickler: Any, file: Any) -> Any:
    """Reduce a file in memory, whose pickle tells whether anybody has asked it for its attributes."""
    *state, attributes = file.__getstate__()
    return type(file), (), (*state, attributes or None)


def _reduce_finalizer(pickler: Any, finalizer: Any) -> Any:
    """Reduce a ``weakref.finalize`` as Python does, which makes one that is dead."""
    pickler.lossy.add("without its finalizer: what that was to do will not be done")
    return NotImplemented


def _reduce_exception(pickler: Any, error: BaseException) -> Any:
    lost = [what for what in ("traceback", "cause", "context") if getattr(error, f"__{what}__") is not None]
    if lost:
        pickler.lossy.add(f"without its {', '.join(lost)}")
    return reduce_as_its_kind(pickler, error) if kind_of(type(error)) not in (None, type(error)) else NotImplemented


def _reduce_c_data(pickler: Any, data: Any) -> Any:
    if not owns_memory(data):
        raise CannotCaptureError("a ctypes object on memory of something else")
    return NotImplemented


def cast_view(base: bytes | bytearray, format_: Any, shape: tuple[int, ...]) -> memoryview:
    """Return a memoryview of all of ``base``; stands in stored pickles by name."""
    view = memoryview(base)
    return view if (format_, len(shape)) == ("B", 1) else view.cast("B").cast(format_, shape)


def _reduce_module(pickler: Any, module: Any) -> Any:
    if module is pickler.main:
        return importlib.import_module, ("__main__",)
    return cloudpickle._module_reduce(module)


def _from_cloudpickle(reduce: Callable[[Any], Any]) -> Reducer:
    return lambda pickler, obj: reduce(obj)


_OPEN_FILE: Final = _refuse("an open file: loading one could empty it")
_cloudpickle_table = cloudpickle.Pickler._dispatch_table

_BUILTIN: Final[dict[type, Reducer]] = {
    **{kind: _from_cloudpickle(reduce) for kind, reduce in _cloudpickle_table.items()},
    types.FunctionType: code.reduce_function,
    type: code.reduce_class,
    types.CellType: code.reduce_cell,
    **dict.fromkeys((typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple), generics.reduce_type_parameter),
    typing.NewType: code.reduce_new_type,
    type(functools.lru_cache(lambda: None)): code.reduce_cached_function,
    functools.cached_property: code.reduce_cached_property,
    functools.singledispatchmethod: code.reduce_single_dispatch_method,
    types.ModuleType: _reduce_module,
    types.MappingProxyType: _reduce_mapping_proxy,
    memoryview: _reduce_memoryview,
    type({}.keys()): _reduce_view_of_dict(dict.keys),
    type({}.values()): _reduce_view_of_dict(dict.values),
    type({}.items()): _reduce_view_of_dict(dict.items),
    type(OrderedDict().keys()): _reduce_view_of_dict(OrderedDict.keys),
    type(OrderedDict().values()): _reduce_view_of_dict(OrderedDict.values),
    type(OrderedDict().items()): _reduce_view_of_dict(OrderedDict.items),
    type(iter({}.keys())): _reduce_begun_iterator,
    type(iter({}.values())): _reduce_begun_iterator,
    type(iter({}.items())): _reduce_begun_iterator,
    type(iter(OrderedDict())): _reduce_begun_iterator,
    type(iter(set())): _reduce_begun_iterator,
    **dict.fromkeys((weakref.ProxyType, weakref.CallableProxyType), _refuse("a weak reference")),
    weakref.finalize: _reduce_finalizer,
    io.TextIOWrapper: _OPEN_FILE,
    io.BufferedReader: _OPEN_FILE,
    io.BufferedWriter: _OPEN_FILE,
    io.BufferedRandom: _OPEN_FILE,
    io.FileIO: _OPEN_FILE,
    io.BytesIO: _reduce_memory_file,
    io.StringIO: _reduce_memory_file,
    itertools.count: _from_cloudpickle(lambda counter: counter.__reduce__()),
    re.Match: reduce_match,
    type(os.environ): reduce_environment,
    logging.Logger: _from_cloudpickle(cloudpickle._logger_reduce),
}
if sys.version_info >= (3, 12):
    _BUILTIN[typing.TypeAliasType] = generics.reduce_type_alias

_FAMILIES: Final[tuple[tuple[type, Reducer], ...]] = (
    (BaseException, _reduce_exception),
    (ctypes.c_char.__mro__[-2], _reduce_c_data),
)
"""The reducers of types and of all their subclasses."""

_LIBRARIES: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    # package, whose types bring its reducers in: (where the type is, reducer's module, reducer); ``+``: its subclasses too
    "argparse": (
        ("+argparse:_AttributeHolder", "standard", "reduce_part_of_parser"),
        ("+argparse:_ActionsContainer", "standard", "reduce_part_of_parser"),
    ),
    "numpy": (
        ("numpy:ndarray", "arrays", "reduce_array"),
        ("+numpy:ndarray", "arrays", "reduce_own_subclass"),
        ("numpy:void", "arrays", "reduce_record"),
        ("numpy:record", "arrays", "reduce_record"),
        *((f"numpy:float{bits}", "arrays", "reduce_float") for bits in (16, 32, 64)),
        *((f"numpy:{kind}{bits}", "arrays", "reduce_integer") for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
        ("+numpy:generic", "arrays", "reduce_scalar"),
        ("numpy:memmap", "arrays", "reduce_memmap"),
        ("numpy:matrix", "arrays", "reduce_subclass"),
        ("numpy:recarray", "arrays", "reduce_subclass"),
        ("numpy.ma:MaskedArray", "arrays", "reduce_subclass"),
        ("numpy.dtypes:VoidDType", "arrays", "reduce_record_dtype"),
        ("numpy.random:RandomState", "arrays", "reduce_random_state"),
    ),
    "numpy.polynomial": (("+numpy.polynomial._polybase:ABCPolyBase", "formulas", "reduce_by_attributes"),),
    "pandas": (
        ("+pandas.core.generic:NDFrame", "frames", "reduce_frame"),
        ("+pandas.core.internals.managers:BaseBlockManager", "frames", "reduce_manager"),
        ("+pandas._libs.internals:Block", "frames", "reduce_block"),
        ("pandas._libs.internals:BlockValuesRefs", "frames", "reduce_references"),
        ("+pandas.api.extensions:ExtensionArray", "frames", "reduce_cacher"),
        ("+pandas.api.extensions:ExtensionDtype", "frames", "reduce_cacher"),
        ("+pandas:Index", "frames", "reduce_index"),
    ),
    "matplotlib": (
        ("+matplotlib.figure:Figure", "figures", "reduce_figure"),
        ("matplotlib.cbook:CallbackRegistry", "figures", "reduce_callbacks"),
        ("matplotlib.path:Path", "figures", "reduce_path"),
        ("+matplotlib.transforms:TransformNode", "figures", "reduce_transform"),
    ),
    "PIL": (("+PIL.Image:Image", "images", "reduce_image"),),
    "patsy": (("patsy.origin:Origin", "formulas", "reduce_by_attributes"),),
    "scipy.spatial": (("+scipy.spatial:cKDTree", "scipy_values", "reduce_tree"),),
    "scipy.stats": (
        ("+scipy.stats:rv_continuous", "scipy_values", "reduce_distribution"),
        ("+scipy.stats:rv_discrete", "scipy_values", "reduce_distribution"),
    ),
    "sqlalchemy": (("sqlalchemy.orm.state:InstanceState", "mapped", "reduce_state"),),
    "statsmodels": (("+statsmodels.base.data:ModelData", "formulas", "reduce_by_attributes"),),
    "plotly": (("+plotly.basedatatypes:BasePlotlyType", "plotly_figures", "reduce_part"),),
    "polars": (
        ("polars:DataFrame", "polars_frames", "reduce_frame"),
        ("polars:Series", "polars_frames", "reduce_series"),
        ("polars:LazyFrame", "polars_frames", "reduce_plan"),
    ),
    "torch": (
        ("torch:UntypedStorage", "tensors", "reduce_storage"),
        ("torch.storage:TypedStorage", "tensors", "reduce_typed_storage"),
        ("+torch:Tensor", "tensors", "reduce_tensor"),
    ),
}


class _Table:
    """The reducers found so far by exact type, and the rules that hold for subclasses."""

    def __init__(self) -> None:
        self.exact: dict[type, Reducer | None] = dict(_BUILTIN)
        self.families = list(_FAMILIES)
        self.notebook: weakref.WeakKeyDictionary[type, Reducer | None] = weakref.WeakKeyDictionary()
        self.waiting = set(_LIBRARIES)

    def find(self, kind: type) -> Reducer | None:
        if kind.__module__ != "__main__":
            found = (find(kind) for find in (self._of_family, reducer_of_formulas, reducer_of_constants, reducer_of_instances))
            reducer = self.exact[kind] = next(filter(None, found), None)
            return reducer
        if kind not in self.notebook:  # a class of the notebook is not kept alive by this table
            self.notebook[kind] = self._of_family(kind)
        return self.notebook[kind] or reducer_of_instances(kind)  # a class may be given a method at any time

    def _add_library(self, package: str) -> None:
        for place, module, function in _LIBRARIES[package]:
            where, name = place.lstrip("+").split(":")
            kind = getattr(importlib.import_module(where), name, None)
            if kind is None:  # another version of the library, which has no such type
                continue
            reducer = getattr(importlib.import_module(f"mlm_jupyter.capture.{module}"), function)
            if place.startswith("+"):
                self.families.append((kind, reducer))
            else:
                self.exact[kind] = reducer

    def _of_family(self, kind: type) -> Reducer | None:
        modules = [f"{module_of(base)}." for base in kind.__mro__]
        for package in [one for one in self.waiting if any(module.startswith(f"{one}.") for module in modules)]:
            self.waiting.discard(package)
            self._add_library(package)
        if kind in self.exact:
            return self.exact[kind]
        if issubclass(kind, type):
            return code.reduce_class
        for family, reducer in self.families:
            if issubclass(kind, family):
                return reducer
        if issubclass(kind, io.IOBase) and not issubclass(kind, (io.StringIO, io.BytesIO)):
            return _OPEN_FILE
        return None


_table = _Table()


def reducer_for(kind: type) -> Reducer | None:
    """Return the reducer for objects of exactly this type; None: they pickle well as they are."""
    try:
        return _table.exact[kind]
    except KeyError:
        return _table.find(kind)
