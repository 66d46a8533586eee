"""Going back in a live kernel: to a checkpoint, and to how things were a few checkpoints ago."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from mlm_jupyter.capture import state
from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import Digest, digest_of
from mlm_jupyter.core.entities import Checkpoint, State, Variable
from mlm_jupyter.core.magics import is_ours_alone
from mlm_jupyter.errors import InvalidInputError
from mlm_jupyter.head import record_of
from mlm_jupyter.restoration import Plan, RestoreError, RestoreReport, load_values, swap
from mlm_jupyter.session.live import LiveSession
from mlm_jupyter.trust import Key, refusal, verify

_STATE: Final = msgspec.json.Decoder(State)


class WayBack:
    """What can be had back of a session's history, and of its project's.

    Parameters
    ----------
    live : the session whose namespace is changed.
    key : what it vouches for its own checkpoints with; nothing that is signed by no trusted key is unpickled.
    """

    def __init__(self, live: LiveSession, key: Key) -> None:
        self._live = live
        self._key = key

    def resolve(self, ref: str) -> Checkpoint:
        """Return the checkpoint that ``ref`` means for this kernel."""
        current = self._live.current
        return self._live.checkpoints.resolve(ref, notebook=self._live.notebook, current=current.id if current else None)

    def restore(
        self,
        ref: str,
        *,
        only: Iterable[str] | None = None,
        dry_run: bool = False,
        strict: bool = False,
        save: bool = True,
    ) -> RestoreReport:
        """Put the namespace back to a checkpoint; see the page on restoring for what each part of the report means.

        Raises
        ------
        NotFoundError, AmbiguousError : there is no such checkpoint, or several.
        UntrustedError : nobody trusted has signed it; nothing of it was unpickled.
        RestoreError : ``strict``, and something could not be brought back; nothing was changed.
        StorageError : what is there now could not be saved, or the values do not fit in memory.
        """
        checkpoint = self.resolve(ref)
        self._require_trust(checkpoint)
        self._live.catch_up(save=save and not dry_run)
        if not dry_run and only is None:
            self._live.keep_values_of(checkpoint)
        plan = self._plan(checkpoint, only)
        if dry_run:
            return plan.report(checkpoint.id, None)
        namespace = self._live.namespace.live
        staging = plan.stage(namespace)
        report = plan.report(checkpoint.id, staging)
        if strict and report.failed:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(report.failed.items()))
            raise RestoreError(
                f"Nothing was restored, for not everything could be: {reasons}. Without --strict the rest comes back."
            )
        swap(namespace, report, staging)
        del staging  # one reference to each value is its name's
        if any(group.python is not None for group in plan.groups):
            self._live.reach.meet_functions()
        if only is None:
            self._stand_on(checkpoint, plan, report)
        else:
            self._live.went_unseen(bound_none=True)
        return report

    def undo(self, n: int = 1) -> RestoreReport:
        """Go back to the checkpoint ``n`` parents before the one the kernel stands on; going back is no step of its own.

        Raises
        ------
        InvalidInputError : ``n`` is not positive.
        """
        if n < 1:
            raise InvalidInputError(f"Cannot undo {n} checkpoints; give a positive number, as in %mlm_undo 1.")
        base = self._live.current
        while base is not None and base.parent_id is not None and _is_no_step(base):
            base = self._live.checkpoints.find(base.parent_id)
        return self.restore(f"{base.id}~{n}" if base is not None else f"current~{n}")

    def variables_at(self, ref: str) -> dict[str, Variable]:
        """Return what is known of the variables at a checkpoint."""
        return self._live.checkpoints.variables(self.resolve(ref))

    def variables(self) -> dict[str, Variable]:
        """Return what is known of the variables as they are now; nothing is stored."""
        self._live.catch_up(save=False)
        found = {name: record for name, (_, record) in self._live.head.records.items()}
        for look in self._live.unstored():
            for name in look.removed:
                found.pop(name, None)
            found.update((name, record_of(draft)) for name, draft in look.drafts.items())
        return found

    def load(self, checkpoint: Checkpoint, names: list[str]) -> Mapping[str, Any]:
        """Return values at a checkpoint, without touching the live ones; those that will not load are left out."""
        self._require_trust(checkpoint)
        staging, _ = load_values(self._live.packs, self._live.checkpoints.variables(checkpoint), names)
        return staging.values

    def _require_trust(self, checkpoint: Checkpoint) -> None:
        signatures = self._live.checkpoints.signatures(checkpoint)
        if verify(checkpoint.digest, signatures, [self._key]) is None:
            raise refusal(f"Checkpoint {checkpoint.id}", checkpoint.id, signatures, [self._key])

    def _plan(self, checkpoint: Checkpoint, only: Iterable[str] | None) -> Plan:
        live = self._live
        records = live.head.records
        changed = {name for look in live.unstored() for name in (*look.drafts, *look.removed)}

        def stored(name: str) -> Variable | None:
            return records[name][1] if name in records and name not in changed else None

        return Plan(
            live.packs,
            live.checkpoints.variables(checkpoint),
            live=live.namespace.names(),
            stored=stored,
            is_kept=lambda variable: live.is_kept(variable, checkpoint),
            only=only,
        )

    def _stand_on(self, checkpoint: Checkpoint, plan: Plan, report: RestoreReport) -> None:
        """Make the restored checkpoint the next one's parent, and what it holds what is known."""
        packs = self._live.packs
        manifest = self._live.checkpoints.manifest(checkpoint)
        stored = _STATE.decode(packs.get(manifest.state))
        state.set_random({name: packs.get_blob(blob) for name, blob in stored.random.items()})
        report.notes += state.set_place(stored.cwd, stored.sys_path)
        report.notes += _changed_modules(manifest.modules, self._live.modules())
        digests = dict(tree.walk(manifest.variables, packs.get))
        records: dict[str, tuple[Digest, Variable]] = {
            name: (digests[name], variable) for name, variable in plan.target.items() if name not in report.failed
        }
        self._live.stand_on(checkpoint, records)


def _changed_modules(then: Mapping[str, Digest], now: Mapping[str, bytes]) -> list[str]:
    """Return, in words, which modules of the project are imported with another source than then."""
    changed = sorted(path for path, blob in then.items() if path in now and digest_of(now[path]) != blob)
    return [f"{path} is another than at the checkpoint: what was imported from it is as it is now" for path in changed]


def _is_no_step(checkpoint: Checkpoint) -> bool:
    """Tell whether it was left by a cell that only went back."""
    return checkpoint.kind != "manual" and not checkpoint.changes and is_ours_alone(checkpoint.source or "x")
