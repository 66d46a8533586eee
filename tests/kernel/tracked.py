"""Real kernels that track themselves, driven as a frontend drives them."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlm_jupyter.core.entities import Checkpoint
from mlm_jupyter.project import Project

Output = dict[str, Any]
START = "%load_ext mlm_jupyter\n%mlm_track"
LOOKED = """import sys as keeper
counted = 0
class Looked:
    def __reduce__(self):
        global counted
        counted += 1
        return (Looked, ())
looked = keeper.looked = Looked()
marks = []"""
"""Counts the looks at a value of which nothing proves that a cell cannot have changed it."""
UNLOOKED = "del keeper.looked, keeper, looked, Looked, counted, marks"
PATIENCE_S = 120.0
"""A kernel that has not answered by then hangs: on a busy machine, one that does not may take half a minute."""


class Reply:
    """What an execution showed and how it ended."""

    def __init__(self, content: Mapping[str, Any], outputs: list[Output]) -> None:
        self.status: str = content["status"]
        self.content = content
        self.outputs = outputs

    @property
    def text(self) -> str:
        """All that was printed, and the results."""
        return "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in self.outputs)

    @property
    def printed(self) -> str:
        """What was printed to stdout."""
        return "".join(output["text"] for output in self.outputs if output.get("name") == "stdout")

    @property
    def stderr(self) -> str:
        """What was printed to stderr."""
        return "".join(output["text"] for output in self.outputs if output.get("name") == "stderr")


class Kernel:
    """One kernel in a folder that is its project, and the notebook beside it.

    Parameters
    ----------
    notebook : the name of the file that JupyterLab says the kernel belongs to; None: nobody says.

    Attributes
    ----------
    told : all that the user has seen on stderr, in whatever cell.
    """

    def __init__(self, folder: Path, *, notebook: str | None = "work.ipynb", **environ: str) -> None:
        self.folder = folder
        self.environ = environment(folder, notebook, environ)
        self.start()

    def start(self) -> None:
        """Start the process; also a new one, after the last was killed."""
        from jupyter_client.manager import KernelManager

        self._manager = KernelManager(config=own_sockets())
        self._manager.start_kernel(env=self.environ, cwd=str(self.folder))
        self._connect()

    def _late(self) -> str:
        """Return what came to stderr for executions that had ended."""
        late = ""
        while self._client.iopub_channel.msg_ready():
            message = self._client.get_iopub_msg()
            late += message["content"]["text"] if message["content"].get("name") == "stderr" else ""
        return late

    def _connect(self) -> None:
        self.told = ""
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE_S)

    def connect(self) -> Any:
        """Return one more client, with channels of its own."""
        client = self._manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE_S)
        return client

    def run(
        self,
        code: str,
        *,
        cell_id: str | None = None,
        answers: list[str] | None = None,
        on_output: Callable[[Output], None] = lambda output: None,
        is_attended: bool = True,
        **options: Any,
    ) -> Reply:
        """Execute code and wait until the kernel is idle again; ``answers`` are typed when it asks for input.

        ``is_attended``: as a page does it, not a program.
        """
        from nbformat.v4 import output_from_msg

        self.told += self._late()
        outputs: list[Output] = []

        def show(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
                outputs.append(dict(output_from_msg(message)))
                on_output(outputs[-1])
                self.told += outputs[-1]["text"] if outputs[-1].get("name") == "stderr" else ""

        self._client.session.metadata = {"cellId": cell_id} if cell_id else {}
        reply = self._client.execute_interactive(
            code,
            output_hook=show,
            allow_stdin=is_attended,
            stdin_hook=lambda message: self._client.input((answers or [""]).pop(0)),
            timeout=PATIENCE_S,
            **options,
        )
        return Reply(reply["content"], outputs)

    def interrupt_after(self, text: str, code: str) -> Reply:
        """Execute code and press stop when ``text`` was printed."""

        def press(output: Output) -> None:
            if text in output.get("text", ""):
                self.interrupt()

        return self.run(code, on_output=press)

    def interrupt(self) -> None:
        """Press stop."""
        self._manager.interrupt_kernel()

    def track(self, code: str, **options: Any) -> Checkpoint:
        """Execute code and return the checkpoint that it left, when that is stored."""
        before = self.newest()
        self.run(code, **options)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            newest = self.newest()
            if newest is not None and newest != before and (newest.source or code) == code:
                return newest
            time.sleep(0.01)
        raise AssertionError(f"no checkpoint came of: {code}")

    def untracked(self, code: str, **options: Any) -> Reply:
        """Execute code that must leave no checkpoint."""
        self.flush()
        before = self.newest()
        reply = self.run(code, **options)
        self.flush()
        assert self.newest() == before
        return reply

    def flush(self) -> None:
        """Wait until everything captured is stored."""
        reply = self.run("__import__('mlm_jupyter').flush()", silent=True)
        assert reply.status == "ok", reply.content

    def ask(self, expression: str) -> Any:
        """Return the value of an expression of literals, unseen."""
        reply = self.run("", silent=True, user_expressions={"it": f"__import__('json').dumps({expression})"})
        answer = reply.content["user_expressions"]["it"]
        assert answer["status"] == "ok", answer
        return json.loads(eval(answer["data"]["text/plain"]))

    def newest(self) -> Checkpoint | None:
        """Return the checkpoint made last, if there is one."""
        if not (self.folder / ".mlm" / "mlm.db").exists():
            return None
        with self.project() as project:
            return project.checkpoints().first()

    def checkpoints(self) -> list[Checkpoint]:
        """Return all checkpoints, the oldest first."""
        self.flush()
        with self.project() as project:
            return list(project.checkpoints())[::-1]

    def project(self) -> Project:
        """Open the project, as another process does."""
        return Project.open(self.folder)

    @property
    def pid(self) -> int:
        """The process."""
        return int(self._manager.provisioner.pid)  # type: ignore[union-attr]

    def signal_kill(self) -> None:
        """Kill the process as the system does when memory is short; from any thread."""
        os.kill(self.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill the process and leave nothing of it."""
        self.signal_kill()
        self.close(now=True)

    def send(self, code: str) -> str:
        """Ask for an execution and return at once; the message's id is to wait for."""
        return str(self._client.execute(code))

    def wait_for(self, message_id: str) -> str:
        """Wait for the end of an execution that was sent and return its status."""
        while True:
            reply = self._client.get_shell_msg(timeout=PATIENCE_S)
            if reply["parent_header"].get("msg_id") == message_id:
                return str(reply["content"]["status"])

    def restart(self) -> None:
        """Restart the kernel as the button does: asked to leave, then started anew."""
        self._client.stop_channels()
        self._manager.restart_kernel()
        self._connect()

    def close(self, *, now: bool = False, patience_s: float = 5.0) -> None:
        """Ask the kernel to leave, and wait until it has, for so long at most; without asking if it must be ``now``."""
        if self._manager.has_kernel:
            self._manager.shutdown_wait_time = patience_s
            self._client.stop_channels()
            self._manager.shutdown_kernel(now=now)


def wait_for_file(file: Path) -> None:
    """Wait until code has got so far that it makes a file; to ask the kernel would be one more request to it."""
    deadline = time.monotonic() + PATIENCE_S
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} was not made"
        time.sleep(0.01)


def own_sockets() -> Any:
    """Return the configuration of a kernel that is reached by files: a free port may be taken when the kernel comes to it."""
    from jupyter_core.paths import jupyter_runtime_dir
    from traitlets.config import Config

    folder = Path(jupyter_runtime_dir())  # a short path: a socket's has a hundred bytes
    folder.mkdir(parents=True, exist_ok=True)
    return Config(KernelManager={"transport": "ipc", "connection_file": str(folder / f"kernel-{uuid.uuid4()}.json")})


def environment(folder: Path, notebook: str | None, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that works in ``folder``, with nothing of this user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLM_", "JPY_"))}
    named = {"JPY_SESSION_NAME": str(folder / notebook)} if notebook else {}
    own = {
        "MLM_KEY_FILE": str(folder / "key"),
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLBACKEND": kept.get("MPLBACKEND", ""),
    }
    return {**kept, **{name: value for name, value in own.items() if value}, **named, **more}


@contextmanager
def open_kernel(folder: Path, *, notebook: str | None = "work.ipynb", **environ: str) -> Iterator[Kernel]:
    """Run a kernel for the block."""
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").touch()
    kernel = Kernel(folder, notebook=notebook, **environ)
    try:
        yield kernel
    finally:
        kernel.close()
