"""A real kernel that records its outputs as the extension does, and nbclient as the notebook that runs in it.

The first half works inside the kernel, the second in the tests.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from mlm_jupyter.core.line import Line
from mlm_jupyter.core.outputs import join

Output = dict[str, Any]


class Recording:
    """Lives in the kernel: records every execution, under its ordinal number as the key."""

    def __init__(self, shell: Any, *, limit_bytes: int) -> None:
        from mlm_jupyter.kernel.outputs import OutputRecorder

        self.shell = shell
        self.recorder = OutputRecorder(shell, limit_bytes=limit_bytes)
        self.recorder.on_idle = self.on_idle
        self.recorder.on_late = lambda key: self.told.append(key)
        self.ended: dict[str, list[Output]] = {}
        self.final: dict[str, list[Output]] = {}
        self.late: dict[str, list[Output]] = {}
        self.told: list[str] = []
        self.threads = threading.local()
        self.count = 0
        self.install()
        shell.events.register("pre_run_cell", self.before)
        shell.events.register("post_run_cell", self.after)

    def install(self) -> None:
        self.recorder.install()

    def before(self, info: Any) -> None:
        keys = self.threads.__dict__.setdefault("keys", [])
        if not keys:
            self.count += 1
            self.recorder.begin(self.shell.get_parent()["header"]["msg_id"], str(self.count))
        keys.append(str(self.count))

    def after(self, result: Any) -> None:
        keys = self.threads.__dict__.setdefault("keys", [])
        if keys and not keys[1:]:
            self.ended[keys[0]] = self.recorder.end(keys[0])
        del keys[-1:]

    def on_idle(self, key: str) -> None:
        if key not in self.final:
            self.final[key] = self.recorder.final(key)

    def dump(self, key: str | None) -> str:
        """Return as JSON what was recorded of one execution, or of all."""
        self.recorder.end("")
        for late_key, records in self.recorder.take_late():
            self.late.setdefault(late_key, []).extend(records)
        keys = list(self.final) if key is None else [key]
        return json.dumps(
            {
                "outputs": {key: join(self.final[key], self.late.get(key, [])) for key in keys},
                "final": {key: self.final[key] for key in keys},
                "ended": {key: self.ended[key] for key in keys if key in self.ended},
                "late": {key: self.late[key] for key in keys if key in self.late},
                "told": self.told,
                "failure": self.recorder.failure,
                "widgets": dict(self.recorder.widget_outputs),
            }
        )


current: Recording
widgets: list[Any] = []


def record(shell: Any, limit_bytes: int) -> None:
    global current
    current = Recording(shell, limit_bytes=limit_bytes)


def play(operations: Sequence[Any]) -> None:
    """Put out what a generated cell says, in this kernel."""
    from ipywidgets import Output as OutputWidget

    while len(widgets) < 2:
        widgets.append(OutputWidget())
    for widget in widgets:
        widget.clear_output()
    _play(operations)


def _play(operations: Sequence[Any]) -> None:
    from IPython import get_ipython
    from IPython.display import clear_output, display

    for verb, *arguments in operations:
        match verb:
            case "print":
                name, text = arguments
                getattr(sys, name).write(text)
            case "flush":
                sys.stderr.flush()
            case "display":
                display(*arguments[:1], display_id=arguments[1])
            case "update":
                display(*arguments[:1], display_id=arguments[1], update=True)
            case "clear":
                clear_output(*arguments)
            case "result":
                sys.displayhook(*arguments)
            case "error":
                try:
                    raise ValueError(*arguments)
                except ValueError:
                    get_ipython().showtraceback()
            case "capture":
                which, inner = arguments
                with widgets[which]:
                    _play(inner)


class Notebook:
    """A notebook that nbclient runs cell by cell, in a kernel that records or does not."""

    def __init__(self, client: Any, *, is_recorded: bool, limit_bytes: int) -> None:
        self.client = client
        folder = str(Path(__file__).parent)
        self.ask(f"import sys; sys.path.insert(0, {folder!r}); import recording; del sys.path[0]")
        self.ask(f"recording.record(get_ipython(), {limit_bytes})" if is_recorded else "")
        self.ask("del recording, sys")

    def run(self, source: str) -> int:
        """Run one more cell and return its index."""
        from nbformat.v4 import new_code_cell

        cells = self.client.nb.cells
        cells.append(new_code_cell(source))
        self.client.execute_cell(cells[-1], len(cells) - 1)
        return len(cells) - 1

    def ask(self, code: str = "", **expressions: str) -> dict[str, Any]:
        """Run code that is no cell, silently, and return the values of the expressions."""
        from jupyter_core.utils import run_sync

        execute = run_sync(self.client.kc.execute_interactive)
        reply = execute(code, silent=True, user_expressions=expressions, timeout=60, output_hook=lambda message: None)
        assert reply["content"]["status"] == "ok", reply["content"]
        answers = reply["content"]["user_expressions"]
        return {name: ast.literal_eval(answer["data"]["text/plain"]) for name, answer in answers.items()}

    def shown(self, index: int) -> list[Output]:
        """Return what JupyterLab would have put into a cell, given what nbclient did."""
        return as_jupyterlab(self.client.nb.cells[index].outputs)

    def shown_by_widgets(self) -> dict[str, list[Output]]:
        """Return what each Output widget shows."""
        states = self.client.widget_state
        return {
            model_id: as_jupyterlab(state["outputs"])
            for model_id, state in states.items()
            if state.get("_model_name") == "OutputModel"
        }

    def recorded(self, index: int | None = None) -> dict[str, Any]:
        """Return what was recorded of a cell, or of all; each cell ran once, so its key follows from its index."""
        key = None if index is None else str(index + 1)
        dumped: dict[str, Any] = json.loads(self.ask(dump=f"__import__('recording').current.dump({key!r})")["dump"])
        assert dumped["failure"] is None
        return dumped


@contextmanager
def open_notebook(*, is_recorded: bool = True, limit_bytes: int = 10_000_000) -> Iterator[Notebook]:
    from nbclient import NotebookClient
    from nbclient.output_widget import OutputWidget
    from nbformat.v4 import new_notebook
    from tracked import own_sockets

    class OneWayOutputWidget(OutputWidget):
        """Does not tell the kernel what it shows: ipykernel 7.4 overlooks a request that follows such a message closely."""

        def sync_state(self) -> None:
            pass

    client = NotebookClient(new_notebook(), allow_errors=True, timeout=60, config=own_sockets())
    client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": OneWayOutputWidget}}
    client.create_kernel_manager()
    client.start_new_kernel()
    client.start_new_kernel_client()
    try:
        yield Notebook(client, is_recorded=is_recorded, limit_bytes=limit_bytes)
    finally:
        client._cleanup_kernel()


def as_jupyterlab(outputs: Sequence[Mapping[str, Any]]) -> list[Output]:
    """Join the streams of outputs as a frontend that saves them does; nbclient leaves them as they arrived."""
    joined: list[Output] = []
    for name, group in groupby(outputs, lambda output: output.get("name")):
        if name is None:
            joined += json.loads(json.dumps([*group]))
            continue
        line = Line()
        text = line.write("".join(stream["text"] for stream in group))
        joined.append({"output_type": "stream", "name": name, "text": text + line.text})
    return joined


def without_ids(outputs: Sequence[Output]) -> list[Output]:
    """Return the outputs without what differs from kernel to kernel: addresses, cells' file names, model ids, times."""
    text = json.dumps(outputs, sort_keys=True, ensure_ascii=False)
    text = re.sub(r"0x[0-9a-f]{6,}|\d\d:\d\d|ipykernel_\d+/\d+|[0-9a-f]{32}|\d[\d.e+]*\s?(ms|µs|μs|us|ns|s|it/s)\b", "*", text)
    text = re.sub(r"(\[\*<\*, \*\]) +", r"\1", text)  # a progress bar whose last rate is a shorter text than the one before
    return json.loads(text)  # type: ignore[no-any-return]
