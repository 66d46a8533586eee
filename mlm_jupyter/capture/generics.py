"""Type parameters and type aliases of the notebook, by value; what Python 3.12 and later have of them comes back too."""

from __future__ import annotations

import gc
import types
import typing
from typing import TYPE_CHECKING, Any, Final

from cloudpickle import cloudpickle

from mlm_jupyter.capture.context import CannotCaptureError

if TYPE_CHECKING:
    from mlm_jupyter.capture.pickling import ValuePickler

_AS_VALUE: Final = 1  # annotationlib.Format.VALUE
_OPTIONS: Final = ("bound", "covariant", "contravariant", "infer_variance")


def reduce_type_parameter(pickler: ValuePickler, parameter: Any) -> Any:
    """Reduce a TypeVar, ParamSpec or TypeVarTuple."""
    named = pickler.by_name(parameter, parameter.__name__)
    if named is not None:
        return named
    place = cloudpickle._lookup_module_and_qualname(parameter, name=parameter.__name__)
    if place is not None:
        return getattr, place
    if id(parameter) in pickler.type_parameters:
        raise CannotCaptureError("a type parameter whose bound leads back to it")
    pickler.type_parameters.add(id(parameter))
    options = {key: getattr(parameter, f"__{key}__") for key in _OPTIONS if getattr(parameter, f"__{key}__", None)}
    if hasattr(parameter, "has_default") and parameter.has_default():
        options["default"] = parameter.__default__
    kind = type(parameter).__name__
    return make_type_parameter, (kind, parameter.__name__, getattr(parameter, "__constraints__", ()), options)


def reduce_type_alias(pickler: ValuePickler, alias: Any) -> Any:
    """Reduce what a ``type`` statement makes, as the code that works its value out; where it has parameters, as its value."""
    named = pickler.by_name(alias, alias.__name__)
    if named is not None:
        return named
    if cloudpickle._lookup_module_and_qualname(alias, name=alias.__name__) is not None:
        return NotImplemented
    code = next((held for held in gc.get_referents(alias) if isinstance(held, types.FunctionType)), None)
    if code is not None and not alias.__type_params__:
        return make_lazy_alias, (alias.__name__, code)
    if id(alias) in pickler.type_parameters:
        raise CannotCaptureError("a type with parameters that is made of itself")
    pickler.type_parameters.add(id(alias))
    value = alias.__value__ if code is None else _value_of(code)
    return make_alias, (alias.__name__, value, alias.__type_params__)


def _value_of(code: types.FunctionType) -> Any:
    return code(*[_AS_VALUE][: code.__code__.co_argcount])  # before Python 3.14 it takes nothing


# What follows stands in stored pickles by name: change a meaning by adding a function.


def make_type_parameter(kind: str, name: str, constraints: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return a TypeVar, ParamSpec or TypeVarTuple."""
    parameter = getattr(typing, kind)(name, *constraints, **options)
    parameter.__module__ = "__main__"
    return parameter


def make_lazy_alias(name: str, code: types.FunctionType) -> Any:
    """Return a type alias whose value ``code`` works out when somebody asks."""
    place: dict[str, Any] = {"__name__": "__main__", "value_of": _value_of}
    exec(f"def make(_{name}):\n    type {name} = value_of(_{name})\n    return {name}", place)
    return place["make"](code)


def make_alias(name: str, value: Any, parameters: tuple[Any, ...]) -> Any:
    """Return a type alias that has its value."""
    return vars(typing)["TypeAliasType"](name, value, type_params=parameters)  # new in Python 3.12
