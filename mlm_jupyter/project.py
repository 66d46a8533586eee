"""A stored project with everything that can be asked of it, values included; works outside any kernel."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.comparison import Comparison, Values, compare
from mlm_jupyter.core.calls import checked
from mlm_jupyter.core.entities import Checkpoint, Run
from mlm_jupyter.errors import MlmError, NotFoundError, StorageError
from mlm_jupyter.files import is_there
from mlm_jupyter.reader import CheckpointRef, Reader
from mlm_jupyter.restoration import RestoreError, load_values
from mlm_jupyter.store.location import FOLDER_NAME, find_project
from mlm_jupyter.store.verify import verify_checkpoints
from mlm_jupyter.trust import load_or_create_key, refusal, sign, verify

if TYPE_CHECKING:
    import pandas as pd
    from nbformat import NotebookNode

_FRAME_COLUMNS: Final = ("id", "name", "experiment", "status", "started_at", "ended_at", "notebook", "parent_id")


class Project(Reader):
    """A project on disk, with the questions that need its values or a larger library."""

    def to_dataframe(self, query: str | None = None) -> pd.DataFrame:
        """Return a table with one row for each run.

        Parameters
        ----------
        query : only the runs it asks for, in its order.

        Returns
        -------
        The runs' own columns, times as UTC timestamps, then a column for each ``params.<key>`` (text), ``metrics.<key>``
        (the last value, float) and ``tags.<key>`` (text), in order of name; what a run lacks is missing.
        """
        return frame_of(list(self.runs(query)))

    @checked
    def notebook(self, ref: CheckpointRef) -> NotebookNode:
        """Return the notebook as it was at a checkpoint, outputs included, in nbformat 4.5.

        Raises
        ------
        NotFoundError : there is no such checkpoint, or no notebook was there.
        """
        import nbformat

        notebook: NotebookNode = nbformat.from_dict(self.document(ref))
        return notebook

    @checked
    def load_variables(self, ref: CheckpointRef, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Return the values of variables at a checkpoint, by name; aliases among them are kept.

        It unpickles, so only what this user's key signed is loaded.

        Parameters
        ----------
        names : which variables; None: all. What cannot be loaded is then left out, with a warning that says why.

        Raises
        ------
        NotFoundError : there is no such checkpoint, or no such variable at it.
        UntrustedError : nobody this user trusts signed the checkpoint; nothing was unpickled.
        RestoreError : a variable asked for by name cannot be loaded; the message says why.
        """
        checkpoint = self.get_checkpoint(ref)
        self._require_trust(checkpoint)
        wanted = None if names is None else [names] if isinstance(names, str) else list(names)
        staging, plan = load_values(self._packs, self.variables(checkpoint), wanted)
        failures = {**plan.failed, **staging.failures}
        _tell_failures(checkpoint.id, failures, wanted)
        return {name: staging.values[name] for name in wanted or plan.target if name in staging.values}

    @checked
    def compare(self, base: CheckpointRef, other: CheckpointRef, *, only: Iterable[str] = ()) -> Comparison:
        """Return what turns ``base`` into ``other``, variables compared by value where their values can be loaded.

        What nobody trusted has signed, or will not load, is compared by its preview.
        """
        before, after = self.get_meant(base), self.get_meant(other)
        return compare(self.diff(before, after, only=only), self._values_of(before), self._values_of(after))

    def _values_of(self, ref: CheckpointRef) -> Values:
        def values(names: list[str]) -> Mapping[str, Any]:
            checkpoint = self.get_checkpoint(ref)
            try:
                self._require_trust(checkpoint)
                staging, _ = load_values(self._packs, self.variables(checkpoint), names)
            except MlmError:
                return {}
            return staging.values

        return values

    def is_trusted(self, ref: CheckpointRef) -> bool:
        """Tell whether this user's key signed a checkpoint, so that its values may be loaded."""
        checkpoint = self.get_checkpoint(ref)
        return verify(checkpoint.digest, self.signatures(checkpoint), [load_or_create_key(os.environ)]) is not None

    def trust(self, *refs: CheckpointRef) -> None:
        """Vouch for checkpoints with this user's key, so that their values may be loaded here. They bring code that runs.

        Raises
        ------
        StorageError : there is no key file, and none can be made.
        CorruptError, NotFoundError : something of them is damaged or missing; none was signed.
        """
        key = load_or_create_key(os.environ)
        if key.is_ephemeral:
            raise StorageError(key.note or "There is no key to sign with. Set MLM_KEY_FILE to a file that can be written.")
        checkpoints = [self.get_checkpoint(ref) for ref in refs]
        verify_checkpoints(self._packs, checkpoints)
        self._checkpoints.add_signatures(sign(checkpoint.digest, key) for checkpoint in checkpoints)

    def _require_trust(self, checkpoint: Checkpoint) -> None:
        """Raise UntrustedError unless this user's key signed the checkpoint."""
        keys = [load_or_create_key(os.environ)]
        signatures = self.signatures(checkpoint)
        if verify(checkpoint.digest, signatures, keys) is None:
            raise refusal(f"Checkpoint {checkpoint.name or checkpoint.id}", checkpoint.id, signatures, keys)


def frame_of(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the table of ``runs`` that ``Project.to_dataframe`` returns."""
    import pandas as pd

    columns: dict[str, Any] = {name: [getattr(run, name) for run in runs] for name in _FRAME_COLUMNS}
    for name in ("started_at", "ended_at"):
        times = pd.array(columns[name], dtype="Int64")
        columns[name] = pd.to_datetime(pd.Series(times), unit="ms", utc=True)
    return pd.DataFrame({**columns, **_logged_columns(runs)})


def open_project(path: str | os.PathLike[str] | None = None) -> Project:
    """Open the project of a folder or notebook, wherever that is: a kernel, a script, a service.

    Parameters
    ----------
    path : the project's folder, or anything in it; None: ``MLM_PROJECT``, else the project of the working directory.

    Raises
    ------
    NotFoundError : there is no project there.
    """
    return Project.open(find_folder(path))


def find_folder(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the project that ``open_project`` opens."""
    start = Path.cwd() if path is None else Path(path).expanduser().absolute()
    if path is not None and not is_there(start):  # mistyped; what is above it is another project than was meant
        raise NotFoundError(f"There is no {start}. Give the folder of a project, or anything in it.")
    start = start.parent if start.name == FOLDER_NAME else start
    environ = {key: value for key, value in os.environ.items() if path is None or key != "MLM_PROJECT"}
    folder = find_project(start, environ=environ)
    if folder is None:
        named = environ.get("MLM_PROJECT")
        where = f"in {named}, which MLM_PROJECT names" if named else f"in {start} or above it"
        raise NotFoundError(f"There is no project {where}. Make one with: mlm init; in a notebook with: %mlm_track")
    return folder


def _tell_failures(id: str, failures: Mapping[str, str], wanted: list[str] | None) -> None:
    asked = {name: reason for name, reason in failures.items() if wanted is None or name in wanted}
    if not asked:
        return
    reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(asked.items()))
    if wanted is not None:
        raise RestoreError(f"Not all could be loaded from checkpoint {id}: {reasons}")
    warnings.warn(f"Left out of checkpoint {id}, not restorable: {reasons}", stacklevel=4)  # past ``checked``: the user's line


def _logged_columns(runs: Iterable[Run]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for kind, missing in (("params", None), ("metrics", float("nan")), ("tags", None)):
        logged: list[Mapping[str, Any]] = [getattr(run, kind) for run in runs]
        for key in sorted({key for values in logged for key in values}):
            columns[f"{kind}.{key}"] = [values.get(key, missing) for values in logged]
    return columns
