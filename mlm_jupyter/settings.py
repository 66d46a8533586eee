"""What can be set, each with its meaning, and how it is read from a project's ``pyproject.toml``.

The same fields are the table in the documentation: ``python -m mlm_jupyter.settings`` prints that.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from mlm_jupyter.errors import InvalidInputError

MIB: Final = 1 << 20
GB: Final = 10**9

_AtLeastZero = Annotated[int, msgspec.Meta(ge=0)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class Settings(msgspec.Struct, frozen=True):
    """How a project is tracked. Everything has a default; a size is a number of bytes or a text such as ``"2 GB"``."""

    track_automatically: Annotated[bool, _about("Start tracking when the extension is loaded, without `%mlm_track`.")] = False
    exclude: Annotated[
        tuple[str, ...], _about("Names of variables whose values are not stored; `*` and `?` stand for any characters.")
    ] = ()
    exclude_types: Annotated[
        tuple[str, ...], _about("Types whose values are not stored, as `pandas.DataFrame` or `torch.*`.")
    ] = ()
    max_variable_bytes: Annotated[
        _AtLeastZero | None, _about("Larger values are not stored. None: no limit but the disk's.")
    ] = None
    store_secrets: Annotated[
        bool, _about("Store also the values of variables that look like secrets: text under names such as `api_key`.")
    ] = False
    time_budget_s: Annotated[
        float,
        msgspec.Meta(ge=0.1),
        _about(
            "How long one variable may take to be looked at, in seconds; then it is interrupted, where Python can, and named."
        ),
    ] = 10.0
    queue_bytes: Annotated[
        _AtLeastZero, _about("How much of changed values may wait in memory to be written; beyond it a cell waits.")
    ] = 64 * MIB
    retention_bytes: Annotated[
        _AtLeastZero | None,
        _about("Above this size of the store, values of old checkpoints without a name are dropped."),
    ] = 10 * GB
    retention_free_share: Annotated[_Share, _about("The same happens while less than this share of the disk is free.")] = 0.05
    keep_last: Annotated[_AtLeastZero, _about("The newest checkpoints of each notebook are kept: how many.")] = 100
    keep_hourly: Annotated[_AtLeastZero, _about("Of this many hours with work in them, the last checkpoint is kept.")] = 24
    keep_daily: Annotated[_AtLeastZero, _about("Of this many days with work in them, the last checkpoint is kept.")] = 30


def load(project: Path, overrides: Mapping[str, object] | None = None) -> Settings:
    """Return a project's settings: defaults, then ``[tool.mlm]`` of its ``pyproject.toml``, then ``overrides``.

    Raises
    ------
    InvalidInputError : names the setting, the value and what is allowed.
    """
    path = project / "pyproject.toml"
    values = {key: _value(key, value, f"[tool.mlm] in {path}") for key, value in _table(path).items()}
    values |= {key: _value(key, value, "the settings given") for key, value in (overrides or {}).items()}
    return Settings(**values)


def _table(path: Path) -> dict[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"The settings in {path} cannot be read: {error}") from error
    if "mlm" not in text:
        return {}
    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"The settings in {path} cannot be read, it is not valid TOML: {error}") from error
    table = tool.get("mlm", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise InvalidInputError(f"tool.mlm in {path} is {_spell(table)}, it must be a table: [tool.mlm]")
    return table


def _value(key: str, value: object, where: str) -> Any:
    kind = _types().get(key)
    if kind is None:
        near = difflib.get_close_matches(key.lower().replace("-", "_"), _types(), n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(_types())}"
        raise InvalidInputError(f"There is no setting {key!r} ({where}). {hint}")
    try:
        return msgspec.convert(_plain(key, value), kind)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"{key} = {_spell(value)} ({where}) is not possible. Allowed: {_allowed(key)}") from error


def _types() -> dict[str, Any]:
    return typing.get_type_hints(Settings, include_extras=True)


_SIZE: Final = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?)\s*(?:([kmgtp]?)(i?)b)?", re.IGNORECASE)


def _plain(key: str, value: object) -> object:
    """Return a value with sizes as numbers of bytes; an unreadable size is left for the type to refuse."""
    if not key.endswith("_bytes"):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "none":
        return None
    if not (found := _SIZE.fullmatch(value.strip())):
        return value
    factor = (1024 if found[3] else 1000) ** " kmgtp".index((found[2] or " ").lower())
    return round(float(found[1]) * factor)


def _spell(value: object) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _allowed(key: str) -> str:
    """Return what a setting can be, in words."""
    kind, limits = _types()[key], []
    is_optional = False
    while True:
        if typing.get_origin(kind) is Annotated:
            kind, *found = typing.get_args(kind)
            limits += found
        elif isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
            is_optional = True
            kind = typing.get_args(kind)[0]
        else:
            break
    lowest = next((limit.ge for limit in limits if limit.ge is not None), None)
    if kind is bool:
        return "true or false"
    if key.endswith("_bytes"):
        return 'a size such as 500000, "500 MB" or "2 GiB"' + (' or "none"' if is_optional else "")
    if kind is int or kind is float:
        highest = next((f" to {limit.le}" for limit in limits if limit.le is not None), " or more")
        return f"{'a whole number' if kind is int else 'a number'}, {lowest}{highest}"
    return 'a list of texts such as ["tmp_*", "big"]'


def settings_table() -> str:
    """Return the table of all settings in Markdown."""
    lines = ["| Setting | Default | Allowed | Meaning |", "|---|---|---|---|"]
    for field, kind in zip(msgspec.structs.fields(Settings), _types().values(), strict=True):
        meaning = next(meta.description for meta in typing.get_args(kind)[1:] if meta.description)
        allowed = _allowed(field.name).replace("|", "\\|")
        lines.append(f"| `{field.name}` | {_default(field.name, field.default)} | {allowed} | {meaning} |")
    return "\n".join(lines) + "\n"


def _default(key: str, value: object) -> str:
    if value is None:
        return "none"
    if key.endswith("_bytes") and isinstance(value, int):
        return f'`"{value // GB} GB"`' if value % GB == 0 else f'`"{value // MIB} MiB"`'
    return f"`{_spell(value)}`"


_PAGE: Final = """\
<!-- Made by: python -m mlm_jupyter.settings > docs/settings.md -->
# Settings

Set them for a project in its `pyproject.toml`:

```toml
[tool.mlm]
exclude = ["tmp_*"]
max_variable_bytes = "2 GB"
```

"""


def main() -> None:
    """Print the documentation page."""
    print(_PAGE + settings_table(), end="")


if __name__ == "__main__":
    main()
