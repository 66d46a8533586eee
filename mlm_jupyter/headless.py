"""A notebook run from top to bottom without anybody in front of it: its parameters, its kernel, its progress.

Nothing of the project is asked here; the kernel tracks itself, told to by a request that leaves no cell behind.
"""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING, Any, Final, cast

import msgspec

from mlm_jupyter.core.parameters import assignments, find_unknown
from mlm_jupyter.errors import InvalidInputError, MlmError, StorageError

if TYPE_CHECKING:
    from jupyter_client.asynchronous.client import AsyncKernelClient
    from jupyter_client.manager import AsyncKernelManager
    from nbformat import NotebookNode

START_S: Final = 60.0
END_S: Final = 20.0
"""How long the kernel may take to start tracking, and to end it, in seconds."""


class NotebookFailedError(MlmError):
    """A cell of a headless run raised, or its kernel died."""

    code = "notebook_failed"


class Progress(msgspec.Struct, frozen=True):
    """How far a headless run has come; sent before each code cell, and after it with ``duration_ms``."""

    position: int
    """Of the cell among the code cells, from 1."""
    total: int
    source: str
    duration_ms: float | None = None
    error: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run, and as what it is to be remembered."""

    source: Path
    """The notebook; it is only read."""
    target: Path
    """Where the notebook goes with its outputs, as it grows."""
    run_name: str
    parameters: dict[str, Any] = {}
    experiment: str | None = None
    tags: dict[str, str] = {}
    kernel_name: str | None = None
    cwd: Path | None = None
    """Where the kernel works; None: in the notebook's folder, as in JupyterLab."""
    timeout_s: int | None = None
    """For one cell; None: no limit."""


def with_parameters(notebook: NotebookNode, parameters: Mapping[str, Any]) -> NotebookNode:
    """Return ``notebook`` with a cell tagged ``injected-parameters``, where papermill would put it.

    In place of one that is there, else after the first cell tagged ``parameters``, else at the top.
    """
    import nbformat.v4

    if not parameters:
        return notebook
    cell = nbformat.v4.new_code_cell(assignments(parameters), metadata={"tags": ["injected-parameters"]})
    cells = list(notebook.cells)
    old, marked = _find_tagged(cells, "injected-parameters"), _find_tagged(cells, "parameters")
    if old is not None:
        cell["id"] = cells[old].get("id", cell["id"])
        cells[old] = cell
    else:
        cells.insert(0 if marked is None else marked + 1, cell)
    notebook.cells = cells
    return notebook


def find_unknown_parameters(notebook: NotebookNode, parameters: Mapping[str, Any]) -> str | None:
    """Return which of ``parameters`` a notebook does not have, before they are put in it, and which it has; see the core's."""
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    marked = [_find_tagged(codes, tag) for tag in ("parameters", "injected-parameters")]
    defaults = next((codes[i].source for i in marked if i is not None), None)
    return find_unknown(parameters, defaults=defaults, cells=[cell.source for cell in codes])


def _find_tagged(cells: Sequence[NotebookNode], tag: str) -> int | None:
    return next((i for i, cell in enumerate(cells) if tag in cell.metadata.get("tags", ())), None)


def read_notebook(path: Path) -> NotebookNode:
    """Return the notebook in a file, brought to nbformat 4.5, where every cell has an id."""
    import nbformat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of missing ids, which `normalize` gives
            notebook: NotebookNode = nbformat.read(path, as_version=4)
            if notebook.nbformat_minor < 5:
                notebook = nbformat.v4.upgrade(notebook)
            _, notebook = nbformat.validator.normalize(notebook)
        nbformat.validate(notebook)
    except OSError as error:
        raise InvalidInputError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (
        nbformat.ValidationError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
    ) as error:  # nbformat trusts what it reads
        raise InvalidInputError(f"{path} is not a notebook: {_one_line(str(error))}") from error
    return notebook


def run(plan: Plan, tell: Callable[[Progress], None], warn: Callable[[str], None] = lambda line: None) -> None:
    """Run the notebook, tracked; what was reached is in ``plan.target`` whatever happens once its kernel runs.

    Parameters
    ----------
    tell : told how far it has come.
    warn : told in a line, before anything runs, of parameters that the notebook does not have.

    Raises
    ------
    NotebookFailedError : a cell raised that was not expected to, took too long, or the kernel died.
    MlmError : the kernel cannot be started or tracked.
    """
    notebook = read_notebook(plan.source)
    unknown = find_unknown_parameters(notebook, plan.parameters)
    notebook = with_parameters(notebook, plan.parameters)
    if unknown is not None:
        warn(f"{plan.source.name} has {unknown}")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    asyncio.run(_run(_Execution(plan, notebook, tell)))


class _Execution:
    """One run of one notebook: what nbclient's hooks need to know."""

    def __init__(self, plan: Plan, notebook: NotebookNode, tell: Callable[[Progress], None]) -> None:
        from nbclient import NotebookClient

        self.plan = plan
        self.notebook = notebook
        self._tell = tell
        self.is_interrupted = False
        self.ready_log_bytes = 0
        """How much the kernel had said beside its messages when its first cell began."""
        self._started_s = 0.0
        codes = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
        self._position_of = {index: position for position, index in enumerate(codes, 1)}
        self.client = NotebookClient(
            notebook,
            timeout=plan.timeout_s,
            resources={"metadata": {"path": str(plan.cwd or plan.source.parent)}},
            on_cell_execute=self._on_start,
            on_cell_executed=self._on_end,
        )
        if plan.kernel_name is not None:
            self.client.kernel_name = plan.kernel_name

    @property
    def kc(self) -> AsyncKernelClient:
        """The connection to the kernel, once that runs."""
        return cast("AsyncKernelClient", self.client.kc)

    @property
    def km(self) -> AsyncKernelManager:
        """The manager of the kernel, once that runs."""
        return cast("AsyncKernelManager", self.client.km)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Pass the first Ctrl-C on to the cell, so that what was reached is kept; the second ends everything.

        nbclient's own handlers would take the kernel away from under the cell.
        """
        loop = asyncio.get_running_loop()
        pending: list[asyncio.Future[None]] = []

        def interrupt() -> None:
            self.is_interrupted = True
            loop.remove_signal_handler(signal.SIGINT)
            pending.append(asyncio.ensure_future(self.km.interrupt_kernel()))

        try:
            loop.add_signal_handler(signal.SIGINT, interrupt)
        except (RuntimeError, NotImplementedError, ValueError):  # not in the main thread, or Windows
            yield
            return
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    def _on_start(self, cell: NotebookNode, cell_index: int) -> None:
        self.kc.session.metadata = {"cellId": cell.id}  # as JupyterLab does: what runs is known by its id
        self._started_s = perf_counter()
        self._send(cell, cell_index)

    def _on_end(self, cell: NotebookNode, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        content = execute_reply["content"]
        error = None if content["status"] == "ok" else f"{content.get('ename')}: {content.get('evalue')}"
        self._send(cell, cell_index, duration_ms=(perf_counter() - self._started_s) * 1000, error=error)
        self.save()

    def _send(self, cell: NotebookNode, index: int, **ended: Any) -> None:
        self._tell(Progress(self._position_of[index], len(self._position_of), cell.source, **ended))

    def save(self) -> None:
        """Write the notebook as far as it has come, at once or not at all."""
        with self._draft() as draft:
            draft.replace(self.plan.target)

    def require_place(self) -> None:
        """Raise StorageError where the result could not be written; what is at its place stays until there is a result."""
        if self.plan.target.is_dir():
            raise StorageError(f"Cannot write {self.plan.target}: it is a folder.")
        with self._draft():
            pass

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """Give a file beside the target with the notebook in it; it is gone afterwards, unless it was moved."""
        import nbformat

        draft = self.plan.target.with_name(f".{self.plan.target.name}.{os.getpid()}")
        try:
            self.plan.target.parent.mkdir(parents=True, exist_ok=True)
            try:
                nbformat.write(self.notebook, draft)
                yield draft
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"Cannot write {self.plan.target}: {error.strerror or error}.") from error


async def _run(execution: _Execution) -> None:
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    execution.require_place()
    with tempfile.TemporaryFile() as log:  # what a kernel says beside its messages is of interest when it dies
        try:
            await _run_in_kernel(execution, log)
        except NoSuchKernel as error:
            raise InvalidInputError(f"There is no kernel {error.name!r}. List them with: jupyter kernelspec list") from error
        except DeadKernelError as error:
            raise NotebookFailedError(f"The kernel died. {_last_line(log, execution.ready_log_bytes)}".rstrip()) from error
        except CellTimeoutError as error:
            raise NotebookFailedError(f"it took longer than {execution.plan.timeout_s} s, its --timeout.") from error


async def _run_in_kernel(execution: _Execution, log: IO[bytes]) -> None:
    from nbclient.exceptions import CellExecutionError

    client, plan = execution.client, execution.plan
    environ = {**os.environ, "JPY_SESSION_NAME": str(plan.source)}  # so the history is the source's, as in JupyterLab
    async with client.async_setup_kernel(env=environ, stderr=log):
        with execution.interruptible():
            await _ask(execution, _start_code(plan), START_S)
            execution.ready_log_bytes = os.fstat(log.fileno()).st_size
            execution.save()
            status = "failed"
            try:
                for index, cell in enumerate(execution.notebook.cells):
                    if execution.is_interrupted:
                        break
                    await client.async_execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
                if not execution.is_interrupted:
                    status = "finished"
            except CellExecutionError as error:
                if not execution.is_interrupted:
                    raise NotebookFailedError(_one_line(f"{error.ename}: {error.evalue}")) from error
            finally:
                client.set_widgets_metadata()
                execution.save()
                await _end(execution, status)
    if execution.is_interrupted:
        raise NotebookFailedError("Interrupted.")


async def _end(execution: _Execution, status: str) -> None:
    """Have the kernel end its run and store what waits; one that does not answer is found killed."""
    if not await execution.kc.is_alive():
        return
    execution.kc.session.metadata = {}
    with suppress(NotebookFailedError):
        if status == "failed":  # after a time-out the cell is still running
            await execution.km.interrupt_kernel()
        await _ask(execution, _end_code(status), END_S)


def _last_line(log: IO[bytes], start: int) -> str:
    """Return what a kernel that died said last, if it said anything since ``start``: what it warns of before is no reason."""
    end = log.seek(0, os.SEEK_END)
    log.seek(max(start, end - 4096))
    lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return _one_line(lines[-1]) if lines else ""


_TRACKER: Final = "__import__('mlm_jupyter.kernel.extension', fromlist=['find_tracker']).find_tracker()"


def _start_code(plan: Plan) -> str:
    pinned = tuple(plan.parameters)
    options = f"experiment={plan.experiment!r}, tags={plan.tags!r}, params={pinned!r}"
    return (
        "get_ipython().extension_manager.load_extension('mlm_jupyter')\n"
        f"__import__('mlm_jupyter').track({plan.run_name!r}, {options})\n"
        f"{_TRACKER}.live.document.path = __import__('pathlib').Path({str(plan.target)!r})"
    )


def _end_code(status: str) -> str:
    return f"getattr({_TRACKER}, 'stop', lambda status: None)({status!r})"


async def _ask(execution: _Execution, code: str, patience_s: float) -> None:
    """Have the kernel run ``code`` unseen: no output, no history, no checkpoint."""
    try:
        async with asyncio.timeout(patience_s):
            content = {"status": "aborted"}
            while content["status"] == "aborted":  # the kernel still throws away what came before an interrupt
                content = await _request(execution.kc, code)
    except TimeoutError as error:
        raise NotebookFailedError(f"The kernel did not answer for {patience_s:.0f} s.") from error
    if content["status"] != "ok":
        reason = _one_line(f"{content.get('ename')}: {content.get('evalue')}")
        hint = " Install mlm_jupyter in its environment." if content.get("ename") == "ModuleNotFoundError" else ""
        raise MlmError(f"Kernel {execution.km.kernel_name!r} cannot track this notebook: {reason}.{hint}")


async def _request(kc: AsyncKernelClient, code: str) -> dict[str, Any]:
    message_id = kc.execute(code, silent=True, store_history=False, allow_stdin=False)
    while True:
        with suppress(queue.Empty):
            reply = await kc.get_shell_msg(timeout=1)
            if reply["parent_header"].get("msg_id") == message_id:
                return cast("dict[str, Any]", reply["content"])
            continue
        if not await kc.is_alive():
            raise NotebookFailedError("The kernel died.")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
