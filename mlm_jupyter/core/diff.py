"""What differs between two checkpoints, as data: each part a list of changes with a law.

``apply(base, diff_checkpoints(base, other)) == other``, and ``diff_checkpoints(base, base)`` is empty. What has not
changed is not in a diff, so it can be small however large the checkpoints are. ``diff_text`` writes one for a terminal;
``cells`` compares whole notebooks, outputs and all, in nbdime's format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import eq
from typing import Any, Final, Generic, TypeVar

import msgspec

from mlm_jupyter.core.cells import cell_key
from mlm_jupyter.core.digest import canonical_json, digest_of
from mlm_jupyter.core.entities import Environment, MetricValue, Variable
from mlm_jupyter.core.outputs import bundle_of, unseal
from mlm_jupyter.core.pairing import CellKey, pair_cells

T = TypeVar("T")
Fact = str | int | bool | tuple[str, ...] | None


class Added(msgspec.Struct, Generic[T], frozen=True, tag="added", tag_field="change"):
    """A name that only the later one has."""

    name: str
    after: T


class Removed(msgspec.Struct, Generic[T], frozen=True, tag="removed", tag_field="change"):
    """A name that only the earlier one has."""

    name: str
    before: T


class Changed(msgspec.Struct, Generic[T], frozen=True, tag="changed", tag_field="change"):
    """A name that both have, with different values."""

    name: str
    before: T
    after: T


Change = Added[T] | Removed[T] | Changed[T]


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a reader sees of a notebook's cell."""

    cell_type: str
    source: str
    id: str | None = None
    output: str = ""
    """Its outputs as text; of what is not text, the media type, size and the start of a digest. The server leaves it out."""


class CellAdded(msgspec.Struct, frozen=True, tag="added", tag_field="change"):
    """A cell that only the later notebook has, at ``position`` (from 0) there. A moved cell is removed and added."""

    position: int
    after: Cell


class CellRemoved(msgspec.Struct, frozen=True, tag="removed", tag_field="change"):
    """A cell that only the earlier notebook has, at ``position`` (from 0) there."""

    position: int
    before: Cell


class CellChanged(msgspec.Struct, frozen=True, tag="changed", tag_field="change"):
    """A cell that both notebooks have, at ``position`` (from 0) in the later one."""

    position: int
    before_position: int
    before: Cell
    after: Cell


CellChange = CellAdded | CellRemoved | CellChanged


class EnvironmentDiff(msgspec.Struct, frozen=True, omit_defaults=True):
    """How what the code ran on differs: packages by name, the rest by the names of ``Environment``'s fields."""

    facts: tuple[Change[Fact], ...] = ()
    packages: tuple[Change[str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.facts or self.packages)


class Contents(msgspec.Struct, frozen=True):
    """All of a checkpoint that can be compared without loading a value."""

    id: str
    variables: dict[str, Variable] = {}
    params: dict[str, str] = {}
    metrics: dict[str, MetricValue] = {}
    environment: Environment | None = None
    modules: dict[str, str] = {}
    """The text of each imported module of the project, by path."""
    cells: tuple[Cell, ...] = ()


class CheckpointDiff(msgspec.Struct, frozen=True, omit_defaults=True):
    """What turns the checkpoint ``base`` into ``other``."""

    base: str
    other: str
    cells: tuple[CellChange, ...] = ()
    variables: tuple[Change[Variable], ...] = ()
    params: tuple[Change[str], ...] = ()
    metrics: tuple[Change[MetricValue], ...] = ()
    """A value that is not finite is ``null`` in JSON."""
    environment: EnvironmentDiff = EnvironmentDiff()
    modules: tuple[Change[str], ...] = ()

    def __bool__(self) -> bool:
        parts = (self.cells, self.variables, self.params, self.metrics, self.environment, self.modules)
        return any(map(bool, parts))


def diff_checkpoints(base: Contents, other: Contents) -> CheckpointDiff:
    """Return the changes that turn ``base`` into ``other``."""
    return CheckpointDiff(
        base=base.id,
        other=other.id,
        cells=diff_cells(base.cells, other.cells),
        variables=diff_variables(base.variables, other.variables),
        params=diff_mappings(base.params, other.params),
        metrics=diff_metrics(base.metrics, other.metrics),
        environment=diff_environments(base.environment, other.environment),
        modules=diff_mappings(base.modules, other.modules),
    )


def apply(base: Contents, diff: CheckpointDiff) -> Contents:
    """Return what ``diff`` makes of ``base``."""
    return Contents(
        id=diff.other,
        variables=apply_changes(base.variables, diff.variables),
        params=apply_changes(base.params, diff.params),
        metrics=apply_changes(base.metrics, diff.metrics),
        environment=apply_environment(base.environment, diff.environment),
        modules=apply_changes(base.modules, diff.modules),
        cells=apply_cells(base.cells, diff.cells),
    )


def diff_mappings(
    before: Mapping[str, T], after: Mapping[str, T], *, is_same: Callable[[T, T], bool] = eq
) -> tuple[Change[T], ...]:
    """Return the changes that turn ``before`` into ``after``, in order of name."""
    changes: list[Change[T]] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            changes.append(Added(name, after[name]))
        elif name not in after:
            changes.append(Removed(name, before[name]))
        elif not is_same(before[name], after[name]):
            changes.append(Changed(name, before[name], after[name]))
    return tuple(changes)


def apply_changes(before: Mapping[str, T], changes: Sequence[Change[T]]) -> dict[str, T]:
    """Return what ``changes`` make of ``before``."""
    result = dict(before)
    for change in changes:
        if isinstance(change, Removed):
            del result[change.name]
        else:
            result[change.name] = change.after
    return result


def diff_variables(before: Mapping[str, Variable], after: Mapping[str, Variable]) -> tuple[Change[Variable], ...]:
    """Return the variables whose values differ; one whose alias group merely holds other values now is not among them."""
    return diff_mappings(before, after, is_same=_is_same_variable)


def _is_same_variable(a: Variable, b: Variable) -> bool:
    return (a.fingerprint, a.type, a.status) == (b.fingerprint, b.type, b.status)


def diff_metrics(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[Change[float], ...]:
    """Return the metrics that differ; one that is NaN in both does not."""
    return diff_mappings(before, after, is_same=lambda a, b: a == b or (a != a and b != b))


def diff_environments(before: Environment | None, after: Environment | None) -> EnvironmentDiff:
    """Return how the environments differ; of one that is not known everything differs."""
    packages_before, packages_after = (environment.packages if environment else {} for environment in (before, after))
    return EnvironmentDiff(
        facts=diff_mappings(_facts(before), _facts(after)),
        packages=diff_mappings(packages_before, packages_after),
    )


def apply_environment(before: Environment | None, diff: EnvironmentDiff) -> Environment | None:
    """Return what ``diff`` makes of ``before``."""
    facts = apply_changes(_facts(before), diff.facts)
    packages = apply_changes(before.packages if before else {}, diff.packages)
    return msgspec.convert({**facts, "packages": packages}, Environment) if facts else None


def _facts(environment: Environment | None) -> dict[str, Fact]:
    if environment is None:
        return {}
    return {name: fact for name, fact in msgspec.structs.asdict(environment).items() if name != "packages"}


def diff_cells(before: Sequence[Cell], after: Sequence[Cell]) -> tuple[CellChange, ...]:
    """Return the changed cells in the order of the later notebook, removed ones before what took their place.

    Ids pair cells and are no change themselves: in a notebook before nbformat 4.5 each opening gives all cells new ones.
    """
    changes: list[CellChange] = []
    i0 = j0 = 0
    for i1, j1 in [*pair_cells([_key(cell) for cell in before], [_key(cell) for cell in after]), (None, None)]:
        changes += [CellRemoved(i, cell) for i, cell in enumerate(before[i0:i1], i0)]
        changes += [CellAdded(j, cell) for j, cell in enumerate(after[j0:j1], j0)]
        if i1 is not None and j1 is not None:
            if _shown(before[i1]) != _shown(after[j1]):
                changes.append(CellChanged(j1, i1, before[i1], after[j1]))
            i0, j0 = i1 + 1, j1 + 1
    return tuple(changes)


def apply_cells(before: Sequence[Cell], changes: Sequence[CellChange]) -> tuple[Cell, ...]:
    """Return what ``changes`` make of the cells ``before``."""
    kept: dict[int, Cell] = dict(enumerate(before))
    added: list[CellAdded] = []
    for change in changes:
        if isinstance(change, CellAdded):
            added.append(change)
        elif isinstance(change, CellRemoved):
            del kept[change.position]
        else:
            kept[change.before_position] = change.after
    result = list(kept.values())
    for addition in added:
        result.insert(addition.position, addition.after)
    return tuple(result)


def _shown(cell: Cell) -> tuple[str, str, str]:
    return cell.cell_type, cell.source, cell.output


def _key(cell: Cell) -> CellKey:
    return CellKey(cell.id, cell.cell_type, cell.source)


_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def cells_of(notebook: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return what a reader sees of the cells of ``notebook``, a JSON object in nbformat 4's form."""
    return tuple(_cell_of(cell) for cell in notebook.get("cells", ()))


def _cell_of(cell: Mapping[str, Any]) -> Cell:
    id, cell_type, source = cell_key(cell)
    return Cell(cell_type, source, id, "\n".join(output_text(output).rstrip("\n") for output in cell.get("outputs", ())))


def output_text(output: Mapping[str, Any]) -> str:
    """Return an nbformat output, sealed or not, as plain text, colours and execution counts left out."""

    def text_of(field: str) -> str:
        return _joined(unseal(output.get(field)))

    match unseal(output.get("output_type")):
        case "stream":
            return _ANSI.sub("", text_of("text"))
        case "error":
            return _ANSI.sub("", f"{text_of('ename')}: {text_of('evalue')}")
    data = bundle_of(output.get("data"))
    lines = [_joined(unseal(data["text/plain"]))] if "text/plain" in data else []
    lines += [_media_line(kind, value) for kind, value in sorted(data.items()) if _is_picture(kind, data)]
    return _ANSI.sub("", "\n".join(lines))


def _is_picture(kind: str, data: Mapping[str, Any]) -> bool:
    return kind.startswith(("image/", "video/", "audio/")) or ("text/plain" not in data)


def _media_line(kind: str, value: object) -> str:
    encoded = canonical_json(value)
    return f"[{kind}, {len(encoded):,} bytes, {digest_of(encoded)[:8]}]"


def _joined(text: object) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)
