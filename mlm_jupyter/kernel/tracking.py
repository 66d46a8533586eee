"""What there is between the start of tracking and its end: an open project, a session that remembers, a run that records."""

from __future__ import annotations

import functools
import os
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mlm_jupyter import settings as settings_module
from mlm_jupyter.capture.document import DocumentSource
from mlm_jupyter.capture.environment import find_author
from mlm_jupyter.capture.modules import ProjectModules
from mlm_jupyter.clock import new_id, now_ms
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Environment, RunStatus
from mlm_jupyter.errors import MlmError
from mlm_jupyter.files import is_there
from mlm_jupyter.kernel.environment import EnvironmentTimer
from mlm_jupyter.kernel.notices import Notices
from mlm_jupyter.kernel.outputs import OutputRecorder
from mlm_jupyter.kernel.pins import Pins
from mlm_jupyter.kernel.place import Place
from mlm_jupyter.kernel.widgets import find_widget_state
from mlm_jupyter.process import start_session
from mlm_jupyter.recorder import Recorder
from mlm_jupyter.session.going_back import WayBack
from mlm_jupyter.session.live import LiveSession
from mlm_jupyter.store import sessions
from mlm_jupyter.store.database import Database
from mlm_jupyter.store.location import FOLDER_NAME
from mlm_jupyter.store.packs import Kind
from mlm_jupyter.trust import load_or_create_key

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_SHELL_NAMES: Final = re.compile(
    r"_(?:i{0,3}|_{1,2}|i?\d+|[io]h|dh|exit_code)?|In|Out|get_ipython|exit|quit|__.*__|__vsc_ipynb_file__"
)
LATE_S: Final = 1.0


@functools.lru_cache(maxsize=1 << 16)
def _is_shells(name: str) -> bool:
    """Return whether a name is one of those that IPython makes: two more with every cell."""
    return _SHELL_NAMES.fullmatch(name) is not None


class Tracking:
    """One session of a shell, from start to stop; the surroundings of the live session in it.

    Attributes
    ----------
    live, way_back : the history as it is made, and what can be had back of it.
    recorder : logs to the runs.
    outputs_of : records what cells put out.
    metrics : logged since the cell began.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        notices: Notices,
        document: DocumentSource,
        author: Callable[[], str | None],
        *,
        exclude: tuple[str, ...] = (),
    ) -> None:
        self.place = Place(shell.user_ns)
        document.path = self.place.notebook
        self.pins = Pins()
        self.metrics: dict[str, float] = {}
        self._shell = shell
        self._notices = notices
        self._modules = ProjectModules(self.place.project)
        self._late_timer: threading.Timer | None = None
        settings = settings_module.load(self.place.project)
        settings = msgspec.structs.replace(settings, exclude=(*settings.exclude, *exclude))
        database = Database.open(self.place.project / FOLDER_NAME, create=True)
        owner = find_author(os.environ, self.place.project)
        session = start_session(new_id(), author=owner, started_at=now_ms(), notebook=self.place.name)
        key = load_or_create_key(os.environ)
        if key.note:
            self.tell(key.note)
        self.live = LiveSession(
            database,
            shell.user_ns,
            session_id=session.id,
            notebook=self.place.name,
            settings=settings,
            key=key,
            is_hidden=self._is_hidden,
            surroundings=self,
            document=document,
            run_id=self._run_id,
            author=author,
        )
        self.way_back = WayBack(self.live, key)
        self.recorder = Recorder(
            database,
            session,
            packs=self.live.packs,
            checkpoint_id=lambda: self.live.checkpoint_id,
            cell_id=lambda: self.live.cell_checkpoint_id,
            on_metrics=self.metrics.update,
        )
        self.outputs_of = OutputRecorder(shell)
        self.outputs_of.on_idle = self.live.outputs_are_final
        self.outputs_of.on_late = self._on_late
        self._environment = EnvironmentTimer(self.place.project, self._store_environment, self._note_environment, self.tell)

    def begin(self) -> None:
        """Start to record outputs and, in a while, the environment."""
        self.outputs_of.install()
        self._environment.start()

    def flush(self) -> None:
        """Wait until everything captured is on disk."""
        self.store_late()
        self._environment.take()
        self.live.flush()

    def close(self, status: RunStatus, *, is_in_checkpoints: bool) -> None:
        """Store what there is, end the runs and let go of the project.

        Parameters
        ----------
        is_in_checkpoints : cells leave checkpoints, so the one that the kernel stands on holds the state the runs end with.
        """
        self.store_late()
        self._environment.close()
        self.live.close()
        current, run = self.live.head.current, self.recorder.outermost
        try:
            self.recorder.close(status, checkpoint_id=current.id if is_in_checkpoints and current is not None else None)
        except MlmError as error:
            self.tell(f"The end of run {run.name if run else ''} was not recorded; later it will count as killed. {error}")
        self.outputs_of.uninstall()
        self.live.database.close()

    # The surroundings of the live session

    def outputs(self, key: str) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Return the outputs of an execution, for good, and the state of the widgets they show."""
        outputs = self.outputs_of.final(key)
        return outputs, find_widget_state(outputs, self.outputs_of.widget_outputs)

    def modules(self) -> dict[str, bytes]:
        """Return the sources of the imported modules that lie in the project."""
        return self._modules.sources()

    def tell(self, message: str) -> None:
        """Show one line to the user, away from what their cell shows as its result."""
        self._notices.tell(message)

    def _is_hidden(self, name: str) -> bool:
        """Return whether a name is IPython's own, as long as it means what IPython bound to it."""
        if _is_shells(name):
            return True
        hidden = self._shell.user_ns_hidden
        return name in hidden and self._shell.user_ns.get(name) is hidden[name]

    def _run_id(self) -> str | None:
        run = self.recorder.current
        return run.id if run else None

    # What comes when it will

    def log_pins(self, written: Iterable[str]) -> None:
        """Log the pinned variables that a cell has changed or ``written``, and tell of those that cannot be."""
        for line in self.pins.log(self._shell.user_ns, written, self.recorder):
            self.tell(line)

    def set_author(self, author: str) -> None:
        """Note who works here, as a frontend knows better than the system."""
        if author and author != self.recorder.session.author:
            self.recorder.session = msgspec.structs.replace(self.recorder.session, author=author)
            self._later(lambda: sessions.set_author(self.live.database, self.live.session_id, author))

    def follow(self, told: str) -> bool:
        """Go with the notebook to the path where a frontend shows it; return whether its name has changed.

        Its history goes along where the file was renamed or moved, and stays where it was saved under another name.
        """
        before, old_file = self.live.notebook, self.place.notebook
        if not self.place.follow(told) or self.place.name is None:
            return False
        name = self.place.name
        is_moved = old_file is not None and not is_there(old_file)
        self.live.document.path = self.place.notebook
        self.live.set_notebook(name)
        self.recorder.session = msgspec.structs.replace(self.recorder.session, notebook=name)
        database, session_id = self.live.database, self.live.session_id
        if is_moved and before is not None:
            self._later(lambda: sessions.move_notebook(database, before, name))
        self._later(lambda: sessions.set_notebook(database, session_id, name))
        return True

    def take_along(self, before: Iterable[str]) -> None:
        """Let the notebook have what is remembered of it by the paths it was renamed from, whichever kernel it had then."""
        name, database = self.place.name, self.live.database
        for former in map(self.place.former_name, before):
            if name is not None and former is not None and former != name:
                self._later(functools.partial(sessions.move_notebook, database, former, name))

    def _later(self, change: Callable[[], None]) -> None:
        """Change what the store says of this session, behind what waits to be stored."""

        def work() -> None:
            with self._notices.guard("While noting where and by whom this is run,"):
                change()

        self.live.writer.later(work)

    def store_late(self) -> None:
        """Store the output that came for cells which had ended."""
        late = self.outputs_of.take_late()
        if late:
            self.live.writer.later(lambda: self._add_late(late))

    def _add_late(self, late: list[tuple[str, list[dict[str, Any]]]]) -> None:
        with suppress(MlmError):  # the disk; that is told when a checkpoint cannot be stored either
            for key, records in late:
                checkpoint_id = self.live.find_checkpoint_id(key)
                if checkpoint_id is None or self.live.checkpoints.find(checkpoint_id) is None:
                    continue  # a cell that left no checkpoint: one of our magics, or one that could not be stored
                for record in records:
                    self.live.checkpoints.add_late_output(checkpoint_id, record, now_ms())

    def _on_late(self, key: str) -> None:
        if self._late_timer is None or not self._late_timer.is_alive():
            self._late_timer = threading.Timer(LATE_S, self.store_late)
            self._late_timer.daemon = True
            self._late_timer.name = "mlm-late"
            self._late_timer.start()

    def _store_environment(self, environment: Environment) -> Digest:
        with self.live.packs.batch() as batch:
            digest = batch.put_json(Kind.ENVIRONMENT, environment)
            batch.commit()
        self.recorder.runs.set_session_environment(self.recorder.session.id, digest)
        return digest

    def _note_environment(self, digest: Digest) -> None:
        self.live.head.environment = digest
