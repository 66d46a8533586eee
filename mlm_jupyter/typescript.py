"""The nouns as TypeScript: ``python -m mlm_jupyter.typescript > src/schema.ts``."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from mlm_jupyter import comparison, restoration
from mlm_jupyter.capture import value_arrays, value_items, value_tables, values
from mlm_jupyter.core import answers, diff, entities

_MODULES: Final = (entities, diff, answers, value_arrays, value_tables, value_items, values, comparison, restoration)
_LEFT_OUT: Final = {"displaced"}
"""Live objects."""
_ALIASES: Final[Mapping[str, Any]] = {
    "RunStatus": entities.RunStatus,
    "ExecutionStatus": entities.ExecutionStatus,
    "CheckpointKind": entities.CheckpointKind,
    "VariableStatus": entities.VariableStatus,
    "MetricValue": entities.MetricValue,
    "Fact": diff.Fact,
    "CellChange": diff.CellChange,
    "ValueDiff": values.ValueDiff,
}
_UNIONS: Final = {"Change": (diff.Added, diff.Removed, diff.Changed)}
"""Unions of generic interfaces of one argument, which they are given."""
_SIMPLE: Final[Mapping[Any, str]] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    Any: "unknown",
}
_WIDTH: Final = 100
"""As prettier is told."""


def generate() -> str:
    """Return the text of ``src/schema.ts``."""
    lines = ["// Made by: python -m mlm_jupyter.typescript > src/schema.ts"]
    texts = {name: text for module in _MODULES for name, text in _texts(ast.parse(inspect.getsource(module))).items()}
    for name, kind in sorted(_ALIASES.items()):
        lines += ["", *_comment(texts.get(name, ""), ""), *_type(f"export type {name} =", _members(kind))]
    for name, members in _UNIONS.items():
        lines += ["", *_type(f"export type {name}<T> =", [f"{member.__name__}<T>" for member in members])]
    for struct in sorted(_structs(), key=lambda struct: struct.__name__):
        lines += ["", *_interface(struct)]
    return "\n".join(lines) + "\n"


def _structs() -> Iterator[type[msgspec.Struct]]:
    for module in _MODULES:
        for name, member in inspect.getmembers(module, inspect.isclass):
            is_own = member.__module__ == module.__name__ and not name.startswith("_")
            if is_own and issubclass(member, msgspec.Struct):
                yield member


def _interface(struct: type[msgspec.Struct]) -> Iterator[str]:
    parameters = getattr(struct, "__parameters__", ())
    generic = f"<{', '.join(one.__name__ for one in parameters)}>" if parameters else ""
    yield from _comment(inspect.cleandoc(struct.__doc__ or ""), "")
    yield f"export interface {struct.__name__}{generic} {{"
    config = struct.__struct_config__
    if config.tag is not None:
        yield f"  {config.tag_field}: {config.tag!r};"
    hints = typing.get_type_hints(struct, include_extras=True)
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(struct))).body
    assert isinstance(definition, ast.ClassDef)
    texts = _texts(definition)
    for field in msgspec.structs.fields(struct):
        if field.name in _LEFT_OUT:
            continue
        yield from _comment(texts.get(field.name, ""), "  ")
        optional = "?" if config.omit_defaults and not field.required else ""
        yield f"  {field.encode_name}{optional}: {_spell(hints[field.name])};"
    yield "}"


def _texts(definition: ast.Module | ast.ClassDef) -> dict[str, str]:
    """Return what is written under the fields of a class, or under the names of a module, by name."""
    texts: dict[str, str] = {}
    for named, below in zip(definition.body, definition.body[1:], strict=False):
        match named, below:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(
                value=ast.Constant(value=str(text))
            ):
                texts[name] = inspect.cleandoc(text)
    return texts


def _comment(text: str, indent: str) -> list[str]:
    """Return a text as the comment before a declaration."""
    if not text:
        return []
    if "\n" not in text and len(indent) + len(text) + 7 <= _WIDTH:
        return [f"{indent}/** {text} */"]
    lines = [
        part
        for line in text.splitlines()
        for part in textwrap.wrap(line, _WIDTH - len(indent) - 3, break_long_words=False) or [""]
    ]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def _type(head: str, members: list[str]) -> list[str]:
    """Return a declaration as prettier would break it."""
    whole = f"{head} {' | '.join(members)};"
    if len(whole) <= _WIDTH:
        return [whole]
    lines = [f"  {' | '.join(members)};"]
    if len(lines[0]) > _WIDTH:
        lines = [f"  | {member}" for member in members]
        lines[-1] += ";"
    return [head, *lines]


def _members(kind: Any) -> list[str]:
    """Return the members of a union, or of a list of words."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        is_nullable = any((meta.extra_json_schema or {}).get("nullable") for meta in arguments[1:])
        return _members(arguments[0]) + (["null"] if is_nullable else [])
    if origin is typing.Literal:
        return list(map(repr, arguments))
    if origin in (typing.Union, types.UnionType):
        return list(dict.fromkeys(_union(arguments)))
    return [_spell_plain(kind)]


def _union(arguments: tuple[Any, ...]) -> Iterator[str]:
    rest = list(arguments)
    for name, members in _UNIONS.items():
        generic = [one for one in rest if typing.get_origin(one) in members]
        if len(generic) == len(members):
            yield f"{name}<{_spell(typing.get_args(generic[0])[0])}>"
            rest = [one for one in rest if one not in generic]
    for one in rest:
        yield from [_spell(one)] if one in _ALIASES.values() else _members(one)


def _spell(kind: Any) -> str:
    for name, alias in _ALIASES.items():
        if kind == alias:
            return name
    return " | ".join(_members(kind))


def _spell_plain(kind: Any) -> str:
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if isinstance(kind, typing.TypeVar):
        return kind.__name__
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return f"{{ [key: string]: {_spell(arguments[1])} }}"
    if origin is tuple and arguments[-1] is not ...:
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
