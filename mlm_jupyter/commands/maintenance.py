"""The verbs that look after a project: ``verify``, ``prune`` and ``stats``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from mlm_jupyter import maintenance, settings
from mlm_jupyter.clock import now_ms
from mlm_jupyter.commands.options import (
    add_json,
    add_project,
    add_yes,
    is_confirmed,
    require_somebody,
    whole_number,
    write_json,
    write_lines,
)
from mlm_jupyter.commands.text import RedrawnLine, clean, size, table, terminal_width
from mlm_jupyter.core.retention import Policy
from mlm_jupyter.project import find_folder

_MOST_LISTED: Final = 20


def verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm verify``."""
    parser.add_argument("--rebuild", action="store_true", help="make the database anew from the packs first")
    add_json(parser)
    add_project(parser)


def verify(options: argparse.Namespace) -> int:
    """Compare everything with its digest; 1 when anything is damaged."""
    folder = find_folder(options.project)
    rebuilt = None
    if options.rebuild:
        with _progress("Rebuilding") as show:
            rebuilt = maintenance.rebuild(folder, on_progress=show)
    with _progress("Verifying") as show:
        found = maintenance.verify(folder, on_progress=show)
    if options.json:
        write_json({"rebuilt": rebuilt, "verified": found, "is_sound": found.is_sound})
    else:
        write_lines(_rebuilt_lines(rebuilt) if rebuilt is not None else [])
        write_lines(_verified_lines(found))
    return 0 if found.is_sound else 1


def _rebuilt_lines(rebuilt: maintenance.Rebuilt) -> Iterator[str]:
    yield (
        f"Made the database anew: {_count(rebuilt.objects, 'object')}, {_count(rebuilt.checkpoints, 'checkpoint')},"
        f" {_count(rebuilt.runs, 'run')}."
    )
    if rebuilt.stub_runs:
        yield f"Of {_count(rebuilt.stub_runs, 'run')} only checkpoints tell: without name, params and tags."
    if rebuilt.damaged:
        yield f"Left out {_count(len(rebuilt.damaged), 'damaged object')}."
    if rebuilt.moved_to is not None:
        yield f"The old database is kept as .mlm/{rebuilt.moved_to}. Start open kernels and JupyterLab anew."


def _verified_lines(found: maintenance.Verification) -> Iterator[str]:
    yield f"Compared {_count(found.objects, 'object')} in {size(found.bytes)} with what was written."
    if found.torn_bytes and not found.forgotten:
        yield f"{size(found.torn_bytes)} were being written when a process ended: harmless. Freed by: mlm prune"
    if found.unused_bytes:
        yield f"{size(found.unused_bytes)} are of nothing that is kept. Freed by: mlm prune"
    if found.is_sound:
        yield "Everything is sound."
        return
    if found.forgotten:
        yield (
            f"The database has lost {_count(len(found.forgotten), 'checkpoint')} that the packs still have, from"
            f" {found.forgotten[0]} to {found.forgotten[-1]}. Bring them back with: mlm verify --rebuild"
        )
    for complaint in found.database:
        yield f"The database is damaged: {clean(complaint)}. Make it anew with: mlm verify --rebuild"
    if found.damaged:
        yield f"Damaged: {_count(len(found.damaged), 'object')}"
        yield from _some([f"  {damage.kind}: {clean(damage.reason)}" for damage in found.damaged])
    if found.missing_parents:
        yield f"The checkpoint before these is missing: {', '.join(found.missing_parents[:_MOST_LISTED])}"
    if found.checkpoints:
        yield f"Lost by it, in {_count(len(found.checkpoints), 'checkpoint')}:"
        yield from _some(_touched_rows(found.checkpoints))
    for artifact in found.artifacts:
        yield f"Lost by it: artifact {clean(artifact.name)} of run {artifact.run_id}"
    if found.damaged or found.checkpoints or found.artifacts:
        yield "Everything else is sound. What is lost can only come back from a copy of the project, or by running its cells."


def _touched_rows(touched: Sequence[maintenance.TouchedCheckpoint]) -> list[str]:
    rows = [["no", "checkpoint", "name", "notebook", "lost"]]
    for one in touched:
        lost = ", ".join([*one.parts, *one.variables])
        rows.append([str(one.ordinal), one.id, one.name or "", one.notebook or "", lost])
    return [f"  {line}" for line in table(rows, right=(0,), width=terminal_width() - 2)]


def _some(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST_LISTED
    return lines if more <= 1 else [*lines[:_MOST_LISTED], f"  and {more} more; all are in: mlm verify --json"]


def prune_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm prune``."""
    for span, what in (
        ("last", "its newest N checkpoints"),
        ("hourly", "the last of N hours"),
        ("daily", "the last of N days"),
    ):
        help = f"keep the values of {what}, in each notebook; else as the setting keep_{span} says"
        parser.add_argument(f"--keep-{span}", metavar="N", type=whole_number(0), help=help)
    parser.add_argument("--dry-run", action="store_true", help="only tell what it would free")
    add_yes(parser)
    add_json(parser)
    add_project(parser)


def prune(options: argparse.Namespace) -> int | None:
    """Free the values that no policy keeps, and what nothing refers to, after asking."""
    if not (options.dry_run or options.yes):
        require_somebody("look with --dry-run, then say so with --yes")
    folder = find_folder(options.project)
    policy = _policy(settings.load(folder), options)
    with maintenance.plan_prune(folder, policy, now=now_ms()) as plan:
        if options.dry_run:
            _show_plan(plan, policy, is_json=options.json)
            return None
        if not options.yes:
            write_lines(_plan_lines(plan, policy))
            if plan.checkpoints and not is_confirmed(_question(plan)):
                print("Nothing was freed.")
                return 1
        freed = plan.apply()
    if options.json:
        write_json(freed)
    else:
        write_lines(_freed_lines(freed))
    return None


def _policy(defaults: settings.Settings, options: argparse.Namespace) -> Policy:
    given = {key: getattr(options, key) for key in Policy.__struct_fields__}
    return Policy(**{key: getattr(defaults, key) if count is None else count for key, count in given.items()})


def _show_plan(plan: maintenance.Prune, policy: Policy, *, is_json: bool) -> None:
    if not is_json:
        write_lines(_plan_lines(plan, policy))
        return
    ids = [checkpoint.id for checkpoint in plan.checkpoints]
    totals = {"objects": plan.objects, "bytes": plan.bytes, "kept_checkpoints": plan.kept_checkpoints}
    write_json({"policy": policy, "checkpoints": ids, **totals})


def _plan_lines(plan: maintenance.Prune, policy: Policy) -> Iterator[str]:
    yield (
        f"Kept whole: {_count(plan.kept_checkpoints, 'checkpoint')}: named ones, ends of runs, where kernels are, and in each"
        f" notebook the newest {policy.keep_last}, one an hour for {_count(policy.keep_hourly, 'hour')} and one a day for"
        f" {_count(policy.keep_daily, 'day')} with work in them."
    )
    if plan.checkpoints:
        first, last = plan.checkpoints[0].id, plan.checkpoints[-1].id
        several = f"{_count(len(plan.checkpoints), 'checkpoint')} the values go, from {first} to {last}"
        which = several if first != last else f"checkpoint {first} the values go"
        yield f"Of {which}; code, outputs, previews and metrics stay."
    yield f"To be freed: {size(plan.bytes)} in {_count(plan.objects, 'object')}."


def _freed_lines(freed: maintenance.Freed) -> Iterator[str]:
    values = f", the values of {_count(freed.checkpoints, 'checkpoint')}" if freed.checkpoints else ""
    yield f"Freed {size(max(0, freed.bytes))}: {_count(freed.objects, 'object')}{values}."
    if freed.packs_in_use:
        yield f"A kernel is writing to {_count(freed.packs_in_use, 'pack')}; what goes there is freed when it has ended."
    if freed.damaged_packs:
        yield f"Left as they are, for something in them is damaged: {', '.join(freed.damaged_packs)}. See: mlm verify"


def _question(plan: maintenance.Prune) -> str:
    return f"Free the values of {_count(len(plan.checkpoints), 'checkpoint')}? They cannot be brought back."


def stats_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``mlm stats``."""
    add_json(parser)
    add_project(parser)


def stats(options: argparse.Namespace) -> None:
    """Tell what the project holds and what it takes."""
    found = maintenance.take_stats(find_folder(options.project))
    if options.json:
        write_json(found)
    else:
        write_lines(_stats_lines(found))


def _stats_lines(found: maintenance.Stats) -> Iterator[str]:
    dropped = f" ({found.dropped_checkpoints} without values)" if found.dropped_checkpoints else ""
    yield (
        f"{_count(found.checkpoints, 'checkpoint')}{dropped} of {_count(found.notebooks, 'notebook')},"
        f" {_count(found.runs, 'run')}, {_count(found.sessions, 'session')}. On the disk: {size(found.disk_bytes)}."
    )
    if found.stored_bytes:
        yield (
            f"Values: {size(found.logical_bytes)} in all checkpoints, {size(found.raw_bytes)} with equal parts once"
            f" (x {_factor(found.logical_bytes, found.raw_bytes)}), {size(found.stored_bytes)} compressed"
            f" (x {_factor(found.raw_bytes, found.stored_bytes)})."
        )
    if found.kinds:
        rows = [["objects", "count", "bytes", "on the disk"]]
        rows += [[one.kind, str(one.objects), size(one.raw_bytes), size(one.stored_bytes)] for one in found.kinds]
        yield ""
        yield from table(rows, right=(1, 2, 3), width=terminal_width())
    if found.variables:
        rows = [["variable", "checkpoints", "values", "on the disk"]]
        rows += [[one.name, str(one.checkpoints), str(one.values), size(one.stored_bytes)] for one in found.variables]
        yield ""
        yield from table(rows, right=(1, 2, 3), width=terminal_width())


def _factor(more: int, less: int) -> str:
    return f"{more / less:.3g}" if less else "1"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@contextmanager
def _progress(label: str) -> Iterator[maintenance.Progress]:
    """Give what shows how many bytes of how many are done, on one line of a terminal; elsewhere it shows nothing."""
    line = RedrawnLine(sys.stderr)

    def show(done: int, total: int) -> None:
        if line.is_possible:
            line.draw(f"{label} {100 * done // total if total else 100:3d} %  {size(done)}")

    try:
        yield show
    finally:
        line.end()
