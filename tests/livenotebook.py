"""A notebook without IPython for tests: real code in a real namespace, a real session, a real store."""

from __future__ import annotations

import linecache
import os
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mlm_jupyter.capture.drafts import Look
from mlm_jupyter.capture.modules import ProjectModules
from mlm_jupyter.clock import new_id
from mlm_jupyter.core.entities import CellError, Checkpoint
from mlm_jupyter.head import CheckpointDraft
from mlm_jupyter.process import start_session
from mlm_jupyter.session.cell import CellResult
from mlm_jupyter.session.going_back import WayBack
from mlm_jupyter.session.live import LiveSession
from mlm_jupyter.settings import Settings
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.runs import Runs
from mlm_jupyter.trust import Key, key_of

KEY = key_of(b"k" * 32)


class LiveNotebook:
    """One kernel's namespace, its cells executed by ``exec`` in a module that is ``__main__``."""

    def __init__(self, folder: Path, *, settings: Settings | None = None, key: Key = KEY) -> None:
        self.main = types.ModuleType("__main__")
        self.namespace: dict[str, Any] = self.main.__dict__
        self.namespace["__builtins__"] = __builtins__
        self.told: list[str] = []
        self.database = Database.open(folder / ".mlm", create=True)
        session = start_session(new_id(), author="tester", started_at=1, notebook="test.ipynb")
        Runs(self.database).add_session(session)
        self.session = LiveSession(
            self.database,
            self.namespace,
            session_id=session.id,
            notebook="test.ipynb",
            settings=settings or Settings(),
            key=key,
            is_hidden=lambda name: name.startswith("__"),
            surroundings=self,
        )
        self.way_back = WayBack(self.session, key)
        self._count = 0
        self._modules = ProjectModules(folder)

    def outputs(self, key: str) -> tuple[list[dict[str, Any]], None]:
        """Return nothing: output is recorded by the kernel's half."""
        return [], None

    def modules(self) -> dict[str, bytes]:
        """Return the sources of the project's modules that are imported."""
        return self._modules.sources()

    def tell(self, message: str) -> None:
        """Keep what the user would be told."""
        self.told.append(message)

    @contextmanager
    def as_main(self) -> Iterator[None]:
        """Be the ``__main__`` of this process, as a kernel's namespace is."""
        before = sys.modules["__main__"]
        sys.modules["__main__"] = self.main
        try:
            yield
        finally:
            sys.modules["__main__"] = before

    def cell(self, source: str) -> Checkpoint:
        """Execute a cell and return its checkpoint when it is stored."""
        with self.as_main():
            draft = self.submit(source)
            draft.done.wait()
        assert draft.checkpoint is not None, draft.error
        return draft.checkpoint

    def submit(self, source: str) -> CheckpointDraft:
        """Execute a cell and return its checkpoint on its way to the store."""
        with self.as_main():
            self._count += 1
            filename = f"<cell {self._count} of {os.getpid()}>"
            linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
            self.session.begin_cell(source, python=source, cell_id=None)
            error = None
            try:
                exec(compile(source, filename, "exec", dont_inherit=True), self.namespace)
            except Exception as raised:
                error = CellError(type(raised).__name__, str(raised))
            draft = self.session.end_cell(CellResult("error" if error else "ok", execution_count=self._count, error=error))
            assert draft is not None
            self.session.outputs_are_final()
        return draft

    def skip_all(self) -> None:
        """Skip each group, however cheap to look at, as soon as that is thought safe, so that a hole in the proof shows."""
        space = self.session.namespace
        space.rules = msgspec.structs.replace(space.rules, dear_ms=0.0, patience=0.0)

    def watch_looks(self) -> list[Look]:
        """Return a list that every look at the namespace is added to from now on."""
        looks: list[Look] = []
        original = self.session.namespace.look

        def watched(**options: Any) -> Look:
            looks.append(original(**options))
            return looks[-1]

        self.session.namespace.look = watched  # type: ignore[method-assign]
        return looks

    def restore(self, ref: Checkpoint | str, **options: Any) -> Any:
        """Put the namespace back."""
        with self.as_main():
            return self.way_back.restore(ref if isinstance(ref, str) else ref.id, **options)

    def value(self, expression: str) -> Any:
        """Evaluate an expression in the namespace, unseen."""
        with self.as_main():
            return eval(expression, self.namespace)

    def close(self) -> None:
        """End the session and close the store."""
        self.session.close()
        self.database.close()


Open = Callable[..., LiveNotebook]
"""Opens one more kernel on the same project, with options as a LiveNotebook has them."""
