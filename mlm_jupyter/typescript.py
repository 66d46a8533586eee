"""The nouns as TypeScript: ``python -m mlm_jupyter.typescript > src/schema.ts``."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from mlm_jupyter import comparison, restoration
from mlm_jupyter.capture import value_arrays, value_items, value_tables, values
from mlm_jupyter.core import answers, diff, entities

_MODULES: Final = (entities, diff, answers, value_arrays, value_tables, value_items, values, comparison, restoration)
_LEFT_OUT: Final = {"displaced"}
"""Live objects."""
_ALIASES: Final[dict[Any, str]] = {
    entities.RunStatus: "RunStatus",
    entities.ExecutionStatus: "ExecutionStatus",
    entities.CheckpointKind: "CheckpointKind",
    entities.VariableStatus: "VariableStatus",
    diff.CellChange: "CellChange",
    values.ValueDiff: "ValueDiff",
}
_SIMPLE: Final[dict[Any, str]] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    Any: "unknown",
}


def generate() -> str:
    """Return the text of ``src/schema.ts``."""
    lines = ["// Made by: python -m mlm_jupyter.typescript > src/schema.ts", ""]
    for alias, name in _ALIASES.items():
        lines.append(f"export type {name} = {' | '.join(map(_spell, typing.get_args(alias)))};")
    for struct in _structs():
        lines += ["", *_interface(struct)]
    return "\n".join(lines) + "\n"


def _structs() -> Iterator[type[msgspec.Struct]]:
    for module in _MODULES:
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, msgspec.Struct) and member.__module__ == module.__name__ and not member.__name__.startswith("_"):
                yield member


def _interface(struct: type[msgspec.Struct]) -> Iterator[str]:
    parameters = getattr(struct, "__parameters__", ())
    generic = f"<{', '.join(one.__name__ for one in parameters)}>" if parameters else ""
    yield f"/** {inspect.cleandoc(struct.__doc__ or '').splitlines()[0]} */"
    yield f"export interface {struct.__name__}{generic} {{"
    config = struct.__struct_config__
    if config.tag is not None:
        yield f"  {config.tag_field}: {config.tag!r};"
    hints = typing.get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        if field.name in _LEFT_OUT:
            continue
        optional = "?" if config.omit_defaults and not field.required else ""
        yield f"  {field.encode_name}{optional}: {_spell(hints[field.name])};"
    yield "}"


def _spell(kind: Any) -> str:
    if isinstance(kind, str):  # of a Literal
        return repr(kind)
    if kind in _ALIASES:
        return _ALIASES[kind]
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, typing.TypeVar):
        return kind.__name__
    if origin is typing.Literal:
        return " | ".join(map(repr, arguments))
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(_spell, arguments))
    if origin is dict:
        return f"{{ [key: string]: {_spell(arguments[1])} }}"
    if origin in (list, tuple) and arguments[-1] is not ... and origin is tuple:
        return f"[{', '.join(map(_spell, arguments))}]"
    if origin in (list, tuple):
        inner = _spell(arguments[0])
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if origin is not None:
        return f"{origin.__name__}<{', '.join(map(_spell, arguments))}>"
    name: str = kind.__name__
    return name


if __name__ == "__main__":
    print(generate(), end="")
