"""Watching a namespace: what did it hold at the last look, what is different now.

Every name is looked at after every cell, so that ``global`` statements, threads, ``exec`` and other views of an object are
never missed. That is affordable because a look is C speed: the pickle of a value without its buffers, and XXH3 over both.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from mlm_jupyter.capture.allocation import gc_paused, keep_freed
from mlm_jupyter.capture.alone import find_alone
from mlm_jupyter.capture.brief import settle
from mlm_jupyter.capture.context import CannotCaptureError
from mlm_jupyter.capture.drafting import Drafter
from mlm_jupyter.capture.drafts import GroupDraft, Look, VariableDraft
from mlm_jupyter.capture.examiner import DumpValue, Examiner
from mlm_jupyter.capture.faults import Faults
from mlm_jupyter.capture.findings import MISSING, Findings, Seen, closure_of, finish_fingerprint, is_as_defined, is_other
from mlm_jupyter.capture.identity import Identities, is_address
from mlm_jupyter.capture.links import Groups, Sharing, find_sharing
from mlm_jupyter.capture.memory import find_overlaps
from mlm_jupyter.capture.nesting import Place, find_places, nest
from mlm_jupyter.capture.pickling import dump
from mlm_jupyter.capture.preview import preview_on_trial
from mlm_jupyter.capture.proofs import Mentions, Proofs
from mlm_jupyter.capture.quiet import quiet
from mlm_jupyter.capture.rules import Rules
from mlm_jupyter.capture.scalars import ScalarWatch
from mlm_jupyter.capture.timebox import TimeBox
from mlm_jupyter.capture.tokens import Token, is_same, token_of
from mlm_jupyter.core.type_names import module_of

MOST_RETRIED_MS: Final = 1_000.0


class Namespace:
    """The variables of a live namespace, as they were at the last look."""

    def __init__(self, namespace: dict[str, Any], *, is_hidden: Callable[[str], bool], rules: Rules) -> None:
        self.live = namespace
        self._is_hidden = is_hidden
        self.rules = rules
        self._timebox = TimeBox(rules.value_seconds)
        self._identities = Identities()
        self._faults = Faults(self._identities)
        self._seen: dict[str, Seen] = {}
        self._dump: DumpValue = functools.partial(dump, namespace=namespace, scalars=ScalarWatch(), is_hidden=is_hidden)
        self._examiner = Examiner(namespace, self._dump, self._timebox, self._identities)
        self._drafter = Drafter(namespace, self._dump, self._timebox)
        self._proofs = Proofs(namespace, self._pickle_alone)
        self._places: dict[str, Place] = {}
        self._sharing: Sharing = {}
        self._group_of: dict[str, tuple[str, ...]] = {}
        self._alone: dict[str, int] = {}
        self.maybe_bound: set[str] = set()
        """Names of what only its address tells that may mean another object than they did; whoever asks takes them out."""
        self._forgotten: collections.deque[str] = collections.deque()
        keep_freed()

    def names(self) -> list[str]:
        """Return the names of the user's variables."""
        return [name for name in list(self.live) if isinstance(name, str) and not self._is_hidden(name)]

    @property
    def seen(self) -> frozenset[str]:
        """The names that the last look found."""
        return frozenset(self._seen)

    def fingerprint(self, name: str) -> str | None:
        """Return the fingerprint that ``name`` had at the last look."""
        seen = self._seen.get(name)
        return None if seen is None else seen.fingerprint

    def group_of(self, name: str) -> tuple[str, ...]:
        """Return the names that ``name`` was grouped with at the last look, itself among them."""
        return self._group_of.get(name, (name,))

    def is_kept(self, name: str, fingerprint: str, *, may_be_another: bool) -> bool:
        """Return whether ``name``, whose value is not stored, means the object that had that fingerprint.

        Of a value that was too large to be stored, its equal. ``may_be_another`` : code since then could bind another object
        to the name, so that its address tells nothing.
        """
        value, seen = self.live.get(name, MISSING), self._seen.get(name)
        if value is MISSING or seen is None:
            return False
        if seen.fingerprint != fingerprint or not (is_address(seen.raw) or seen.status == "excluded"):
            return self._identities.proves(value, fingerprint)
        is_there = seen.identity == id(value) and not may_be_another and name not in self.maybe_bound
        return is_there or not is_address(seen.raw)

    def look(self, *, mentions: Mentions | None = None, binds: Mentions | None = None) -> Look:
        """Look at every variable and return what is different since the last look.

        ``mentions`` says whether the code that ran since could reach one of some names by name (None: it could). Where
        looking is dear, what it could not reach is skipped if that proves it unchanged. ``binds`` says whether it could
        bind one of some names to another object (None: it could). An exception (an interrupt by the user) leaves what is
        remembered as it was: the next look finds the same and more. A value at which a look fails is left out of it.
        """
        try:
            return self._look(mentions, binds)
        except Exception:
            if not self._find_faults():
                raise
            return self._look(mentions, binds)

    def _find_faults(self) -> bool:
        """Look at each variable alone; return whether one was found at which that fails."""
        live: dict[str, Any] = {}
        alone = Namespace(live, is_hidden=self._is_hidden, rules=self.rules)

        def look_at(name: str, value: Any) -> None:
            live.clear()
            live[name] = value
            alone._look(None, None)

        return self._faults.find({name: self.live.get(name) for name in self.names()}, look_at)

    def _look(self, mentions: Mentions | None, binds: Mentions | None) -> Look:
        self._forget()
        with quiet(), gc_paused(), self._timebox:
            found = self._look_at_values(mentions)
            self._look_at_what_is_met(found)
            self._preview_what_is_new(found)
            sharing, places = self._share(found)
            if self._look_at_what_is_relinked(found, sharing):
                sharing, places = self._share(found)
            for seen in found.seen.values():
                finish_fingerprint(seen, found)
            groups = self._group(found, sharing)
            look = self._compare(found, sharing, groups)
            costs_ms = self._costs_ms(groups, found)
            due = self._proofs.due(
                costs_ms,
                found.skipped,
                fresh={*look.added, *look.changed},
                mentions=mentions or (lambda names: True),
                patience=self.rules.patience,
            )
            links = {name: value.dump.links.copy() for name, value in found.values.items() if due}
            kept = found.nested.union(*costs_ms)
            found.values.clear()  # and with them our references to what the values are made of
            found.overlaps.clear()
            for names in due:
                self._proofs.prove(names, links)
        self._proofs.sweep()
        alone = find_alone(self.live, [name for name, *others in groups if not others])
        self._note_what_may_be_another(found, binds)
        self._seen = found.seen
        self._sharing = sharing
        self._places = {name: place for name, place in places.items() if name in kept}
        self._group_of = {name: names for names in groups for name in names}
        self._alone = alone
        return look

    def _costs_ms(self, groups: list[tuple[str, ...]], found: Findings) -> dict[tuple[str, ...], float]:
        """Return what looking at each group took, of those where that was dear."""
        costs_ms: dict[tuple[str, ...], float] = {}
        for names in groups:
            seen = [found.seen[name] for name in names]
            cost_ms = sum(one.cost_ms for one in seen)
            if cost_ms < self.rules.dear_ms or not all(name in found.values or name in found.nested for name in names):
                continue
            if all(one.status == "stored" and one.token is None for one in seen):
                costs_ms[names] = cost_ms
        return costs_ms

    def _pickle_alone(self, value: Any) -> bytes:
        pickled = self._dump(value, roots={})
        if pickled.buffers:
            raise CannotCaptureError("too large to be compared each time")
        return bytes(pickled.stream)

    def forget(self, names: Iterable[str]) -> None:
        """Make the next look find ``names`` changed: what was found of them was not stored. Safe to call from any thread."""
        self._forgotten.extend(names)

    def _forget(self) -> None:
        names = {self._forgotten.popleft() for _ in range(len(self._forgotten))}
        if names:
            self._proofs.forget(names)
        for name in names & self._seen.keys():
            self._seen[name] = Seen(self._seen[name].status, b"forgotten")
            self._places.pop(name, None)
            self._group_of.pop(name, None)
            self._alone.pop(name, None)

    def adopt(self) -> None:
        """Take the values that were just restored as what the last look found; what it finds is thrown away."""
        self.look(binds=lambda names: False)

    # -- one value ----------------------------------------------------------------------------------------------------

    def _look_at_values(self, mentions: Mentions | None) -> Findings:
        found = Findings(mentions)
        nested: list[str] = []
        self._proofs.begin()
        for name in self.names():
            value = self.live.get(name, MISSING)
            if value is MISSING:  # deleted by a thread meanwhile
                continue
            old = self._seen.get(name)
            if old is not None and (old.atom is value or (old.token is not None and _is_as_it_was(old.token, value))):
                found.seen[name] = old
            elif old is not None and mentions is not None and self._is_out_of_reach(name, value, mentions):
                found.seen[name] = old
                found.skipped.add(name)
            elif old is not None and name in self._places:
                nested.append(name)
            else:
                self._look_at(name, found)
        for name in nested:
            if self._is_nested(name, found):
                found.seen[name] = self._seen[name].copy()
                found.nested.add(name)
            else:
                self._look_at(name, found)
        return found

    def _is_out_of_reach(self, name: str, value: Any, mentions: Mentions) -> bool:
        """Return whether a cell that ``mentions`` some names is proved not to have changed a value."""
        if self._alone.get(name) == id(value):
            return not mentions((name,))
        return self._proofs.skips(self.group_of(name), mentions)

    def _is_nested(self, name: str, found: Findings) -> bool:
        """Return whether the value of ``name`` lies where it did in another's, which was looked at and is as it was."""
        outer, number = self._places[name]
        if outer not in found.values or found.seen[outer].raw != self._seen[outer].raw:
            return False
        place = found.values[outer].dump.memo.get(id(self.live.get(name)))
        return place is not None and place[0] == number

    def _note_what_may_be_another(self, found: Findings, binds: Mentions | None) -> None:
        for name, seen in found.seen.items():
            if is_address(seen.raw):
                old = self._seen.get(name)
                if old is None or old.raw != seen.raw or binds is None or binds((name,)):
                    self.maybe_bound.add(name)

    def _look_again(self, names: Iterable[str], found: Findings) -> None:
        """Look at what was skipped or is nested, all the same."""
        for name in names:
            found.skipped.discard(name)
            found.nested.discard(name)
            self._look_at(name, found)

    def _look_at_what_is_met(self, found: Findings) -> None:
        """Look at what was taken to be as it was, but is not for what became of others.

        It may name a class or function that is another one now, or share something with a value as it has become: they may be
        one group now.
        """
        redefined = {name for name, before in self._seen.items() if not is_as_defined(found.seen.get(name), before)}
        for name in [name for name, seen in found.seen.items() if seen.references and seen is self._seen.get(name)]:
            if not redefined.isdisjoint(closure_of(self._seen[name].references, self._seen)):
                self._look_again(self.group_of(name) if name in found.skipped else (name,), found)

        links = {name: value.dump.links for name, value in found.values.items() if found.skipped}
        for names in self._proofs.met(links, lambda name: self._is_rewritten(name, found)):
            self._look_again(names, found)

    def _preview_what_is_new(self, found: Findings) -> None:
        """Show what is new or rewritten before it is stored: a library may keep in a value what it found out to show it.

        A type that does is not asked again; what it left in the values, in any that has a part of them, is taken as theirs.
        """
        is_changed = False
        for name in [name for name in found.values if self._is_rewritten(name, found)]:
            found.previews[name], on_trial = preview_on_trial(self.live.get(name))
            if on_trial:
                raw = found.seen[name].raw
                self._look_at(name, found)
                is_pure = name in found.seen and found.seen[name].raw == raw
                settle(on_trial, is_pure=is_pure)
                is_changed = is_changed or not is_pure
        for name in list(found.values) if is_changed else ():
            self._look_at(name, found)

    def _is_rewritten(self, name: str, found: Findings) -> bool:
        """Return whether a value is new, or its own bytes are others than at the last look."""
        return name not in self._seen or found.seen[name].raw != self._seen[name].raw

    def _look_at(self, name: str, found: Findings) -> None:
        old, value = self._seen.get(name), self.live.get(name, MISSING)
        if value is MISSING:  # deleted by a thread meanwhile
            found.seen.pop(name, None)
            return
        if old is not None and _is_refused(old, value):
            is_spoken_of = found.mentions is not None and found.mentions((name,))
            if not is_spoken_of or old.cost_ms > MOST_RETRIED_MS:  # a value that hangs is not asked in each cell that has it
                found.seen[name] = old
                return
        found.values.pop(name, None)
        reason = self._faults.reason(name, value)
        if reason is not None:
            found.seen[name] = Seen("not_captured", self._identities.of(value), identity=id(value))
            found.reasons[name] = reason
            return
        found.seen[name] = self._examiner.examine(name, value, self.rules, found)

    # -- all of them together -----------------------------------------------------------------------------------------

    def _share(self, found: Findings) -> tuple[Sharing, dict[str, Place]]:
        """Return who shares what, as it was with those that were not looked at; and in which other value a value lies."""
        dumps = {name: value.dump for name, value in found.values.items()}
        found.overlaps = list(find_overlaps(dumps))
        places = find_places(dumps)
        unseen = found.skipped | found.nested
        there = unseen | dumps.keys()
        lasting = (pair for pair in self._sharing if not unseen.isdisjoint(pair) and there.issuperset(pair))
        sharing = {pair: self._sharing[pair] for pair in lasting} | find_sharing(dumps, found.overlaps, places)
        nested = {inner: Place(outer, places[outer, inner]) for inner, outer in nest(places, dumps).items()}
        return sharing, nested | {name: self._places[name] for name in found.nested}

    def _look_at_what_is_relinked(self, found: Findings, sharing: Sharing) -> bool:
        """Look at the nested values whose outer ones share other objects than they did; return whether there were any."""
        relinked = {name for pair in _relinked(self._sharing, sharing) for name in pair} if found.nested else ()
        names = [name for name in found.nested if self._places[name].outer in relinked]
        self._look_again(names, found)
        return bool(names)

    def _group(self, found: Findings, sharing: Sharing) -> list[tuple[str, ...]]:
        groups = Groups()
        for name, seen in found.seen.items():
            is_kept = seen is self._seen.get(name) or name in found.nested
            if name in found.values or (is_kept and seen.status in ("stored", "reference")):
                groups.add(name)
        for one, other in sharing:
            groups.join(one, other)
        for name, seen in found.seen.items():
            for reference in seen.references & found.seen.keys():
                if name != reference and name in closure_of(found.seen[reference].references, found.seen):
                    groups.join(name, reference)  # they name each other: neither can be loaded first
        return groups.all()

    def _compare(self, found: Findings, sharing: Sharing, groups: list[tuple[str, ...]]) -> Look:
        before, now = self._seen, found.seen
        added = sorted(now.keys() - before.keys())
        removed = sorted(before.keys() - now.keys())
        lasting = now.keys() & before.keys()
        rewritten = {name for name in lasting if is_other(now[name], before[name])}
        # In a value that was rewritten every place may have moved: the pairs of the others tell of a change of alias alone.
        still = lasting - rewritten
        relinked = {name for pair in _relinked(self._sharing, sharing) if still.issuperset(pair) for name in pair}
        changed = sorted(rewritten | {name for name in relinked if not self._is_pandas(name)})  # copy-on-write hides it there
        different = {*added, *changed}
        drafts: dict[str, VariableDraft] = {}
        stored: list[GroupDraft] = []
        for names in groups:
            if different.isdisjoint(names) and self._group_of.get(names[0]) == names:
                continue
            for name in found.nested.intersection(names):  # stored with the others, it is to be known by itself
                self._look_again([name], found)
                finish_fingerprint(found.seen[name], found)
            self._drafter.draft_group(names, found, drafts, stored)
        for name in different - drafts.keys():
            if name in now and name in self.live:
                drafts[name] = self._drafter.draft(name, found, None)
        return Look(added=added, changed=changed, removed=removed, drafts=drafts, groups=stored, skipped=sorted(found.skipped))

    def _is_pandas(self, name: str) -> bool:
        return module_of(type(self.live.get(name))).startswith("pandas")


def _is_refused(old: Seen, value: Any) -> bool:
    """Return whether it was dear to find out that this very object cannot be pickled."""
    return old.status == "not_captured" and old.identity == id(value) and old.cost_ms > 1


def _is_as_it_was(token: Token, value: Any) -> bool:
    now = token_of(value)
    return now is not None and is_same(token, now)


def _relinked(before: Sharing, now: Sharing) -> Iterator[tuple[str, str]]:
    """Yield the pairs that share other objects than they did."""
    return (pair for pair in before.keys() | now.keys() if before.get(pair) != now.get(pair))
