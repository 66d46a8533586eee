"""The drafts of what a look found different: groups of variables as one pickle each, variables as records with previews."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from mlm_jupyter.capture.deep import dump_deeply
from mlm_jupyter.capture.displayed import own_references
from mlm_jupyter.capture.drafts import GroupDraft, ValueDraft, VariableDraft
from mlm_jupyter.capture.examiner import DumpValue
from mlm_jupyter.capture.findings import DEFINITIONS, Findings
from mlm_jupyter.capture.insides import find_insides
from mlm_jupyter.capture.inspection import reason_of
from mlm_jupyter.capture.links import is_mutable
from mlm_jupyter.capture.memory import Region, SharedMemory, find_overlaps
from mlm_jupyter.capture.modules import Owners
from mlm_jupyter.capture.pickling import Dump
from mlm_jupyter.capture.preview import preview
from mlm_jupyter.capture.timebox import TimeBox
from mlm_jupyter.core.entities import Preview
from mlm_jupyter.core.type_names import type_name


class Drafter:
    """Drafts the variables of a live namespace."""

    def __init__(self, namespace: Mapping[str, Any], dump: DumpValue, timebox: TimeBox) -> None:
        self._live = namespace
        self._dump = dump
        self._timebox = timebox
        self._owners = Owners()

    def draft_group(
        self, names: tuple[str, ...], found: Findings, drafts: dict[str, VariableDraft], stored: list[GroupDraft]
    ) -> None:
        """Add the draft of a group to ``stored``, unless it cannot be pickled, and those of its variables to ``drafts``."""
        reason = None
        try:
            group = self._group_draft(names, found)
            stored.append(group)
        except Exception as error:  # foreign code again: each could be pickled, all together cannot
            group, reason = None, reason_of(error)
        for name in names:
            if reason is not None:
                found.seen[name].status = "not_captured"
                found.reasons[name] = reason
            drafts[name] = self.draft(name, found, group)

    def _group_draft(self, names: tuple[str, ...], found: Findings) -> GroupDraft:
        """Return the group with the member first that has all the others, or is the largest.

        What follows does not move what was stored of it before.
        """

        def rank(name: str) -> tuple[bool, int]:
            dump = found.values[name].dump
            return self._has_others(dump, name, names), dump.stream.nbytes

        names = tuple(sorted(names, key=rank, reverse=True))
        overlaps = [pair for pair in found.overlaps if pair[0].name in names and pair[1].name in names]
        shared = SharedMemory(overlaps, [found.values[name].dump for name in names])
        values = map(self._live.get, (name for name in names if self._live[name] is not self._live))
        insides = find_insides(values, [value.dump.memo for value in found.values.values()])
        first = found.values[names[0]]
        if shared or insides:
            value, places = self._dump_together(names, found, shared, insides), None
        elif self._has_others(first.dump, names[0], names):
            value, places = first, [first.dump.memo[id(self._live[name])][0] for name in names[1:]] or None
        else:
            value, places = self._dump_together(names, found), None
        if overlaps:
            self._say_what_parts(names, overlaps, value, found)
        for name in names:
            if id(self._live[name]) in insides:
                found.values[name].dump.lossy.add("no longer the __dict__ of an object")
        return GroupDraft(names, value, places)

    def _has_others(self, dump: Dump, own: str, names: tuple[str, ...]) -> bool:
        """Return whether the dump of the value of one name has those of all others in it, as they are by themselves."""
        others = (self._live.get(name) for name in names if name != own)
        return all(id(value) in dump.memo and not issubclass(type(value), DEFINITIONS) for value in others)

    def _say_what_parts(
        self, names: tuple[str, ...], overlaps: list[tuple[Region, Region]], value: ValueDraft, found: Findings
    ) -> None:
        """Note what will not share memory when it is restored, though it does now."""
        if next(find_overlaps({names[0]: value.dump}), None) is None:
            return
        for one, other in overlaps:
            for name, with_ in ((one.name, other.name), (other.name, one.name)):
                apart = "between its parts" if name == with_ else f"with {with_}"
                found.values[name].dump.lossy.add(f"without the memory shared {apart}")

    def _dump_together(
        self,
        names: tuple[str, ...],
        found: Findings,
        shared: SharedMemory | None = None,
        insides: set[int] | None = None,
    ) -> ValueDraft:
        values = tuple(self._live[name] for name in names)
        value = values if len(values) > 1 else values[0]
        roots = {id(value): name for name, value in zip(names, values, strict=True)}

        def together() -> Dump:
            return self._dump(value, roots=roots, shared=shared, insides=insides)

        with self._timebox.one():
            try:
                return ValueDraft(together(), found.hasher)
            except RecursionError:
                return ValueDraft(dump_deeply(together), found.hasher)

    def _preview(self, name: str, found: Findings) -> Preview:
        if found.seen[name].status == "secret":
            return Preview("hidden: its name looks like a secret's")
        return found.previews[name] if name in found.previews else preview(self._live[name])

    def draft(self, name: str, found: Findings, group: GroupDraft | None) -> VariableDraft:
        """Return the record of a variable as it is to be stored, its value in ``group``."""
        value = self._live[name]
        seen = found.seen[name]
        draft = found.values.get(name)
        if draft is not None and is_mutable(type(value)) and not issubclass(type(value), DEFINITIONS):
            known = 1 + (id(value) in draft.dump.memo)  # the name `value`, and the memo
            others = sys.getrefcount(self._live[name]) - own_references() - known
            owner = self._owners.find(name, value, outside=self._live) if others else None
            if owner is not None:
                draft.dump.lossy.add(f"as a copy of {owner}.{name}, which stays as it is")
        return VariableDraft(
            name,
            type_=type_name(value),
            status=seen.status,
            preview=self._preview(name, found),
            fingerprint=seen.fingerprint,
            group=group,
            size_bytes=None if draft is None else draft.size_bytes,
            reason=found.reasons.get(name),
            lossy=", ".join(sorted(draft.dump.lossy)) or None if draft is not None else None,
        )
