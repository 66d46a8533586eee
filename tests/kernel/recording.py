"""A real kernel that records its outputs as the extension does, and nbclient as the notebook it runs in.

The first half is imported inside the kernel, the second by the tests.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from mlm_jupyter.core.outputs import join

Output = dict[str, Any]


class Recording:
    """Lives in the kernel: gives every execution that has a pre_run_cell a number as its key."""

    def __init__(self, shell: Any, *, limit_bytes: int) -> None:
        from mlm_jupyter.kernel.outputs import OutputRecorder

        self.shell = shell
        self.recorder = OutputRecorder(shell, limit_bytes=limit_bytes)
        self.recorder.on_idle = lambda key: self.final.setdefault(key, self.recorder.final(key))
        self.recorder.on_late = lambda key: self.told.append(key)
        self.ended: dict[str, list[Output]] = {}
        self.final: dict[str, list[Output]] = {}
        self.late: dict[str, list[Output]] = {}
        self.told: list[str] = []
        self.depth = self.count = 0
        self.recorder.install()
        shell.events.register("pre_run_cell", self.before)
        shell.events.register("post_run_cell", self.after)

    def before(self, info: Any) -> None:
        self.depth += 1
        if self.depth == 1:
            self.count += 1
            self.recorder.begin(self.shell.get_parent()["header"]["msg_id"], str(self.count))

    def after(self, result: Any) -> None:
        self.depth = max(0, self.depth - 1)
        if self.depth == 0:
            self.ended[str(self.count)] = self.recorder.end(str(self.count))

    def dump(self) -> str:
        self.recorder._source.drain()
        for key, records in self.recorder.take_late():
            self.late.setdefault(key, []).extend(records)
        state = ("ended", "final", "late", "told")
        dumped = {name: getattr(self, name) for name in state}
        return json.dumps(
            dumped | {"failure": self.recorder.failure, "widget_outputs": dict(self.recorder.widget_outputs)}
        )


def record(shell: Any, limit_bytes: int = 10_000_000) -> None:
    sys.modules["recording"].current = Recording(shell, limit_bytes=limit_bytes)  # type: ignore[attr-defined]


class Notebook:
    """A notebook that nbclient runs cell by cell, in a kernel that records or does not."""

    def __init__(self, client: Any, *, is_recorded: bool, limit_bytes: int) -> None:
        self.client = client
        if is_recorded:
            folder = str(Path(__file__).parent)
            code = f"import sys; sys.path.insert(0, {folder!r}); import recording; del sys.path[0]"
            self.ask(f"{code}; recording.record(get_ipython(), {limit_bytes}); del recording, sys")

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
        reply = execute(code, silent=True, user_expressions=expressions, timeout=30, output_hook=lambda message: None)
        assert reply["content"]["status"] == "ok", reply["content"]
        answers = reply["content"]["user_expressions"]
        return {name: ast.literal_eval(answer["data"]["text/plain"]) for name, answer in answers.items()}

    def shown(self, index: int) -> list[Output]:
        """Return what JupyterLab would have put into the cell, given what nbclient did."""
        return as_jupyterlab(json.loads(json.dumps(self.client.nb.cells[index].outputs)))

    def recorded(self) -> dict[str, Any]:
        dumped: dict[str, Any] = json.loads(self.ask(dump="__import__('recording').current.dump()")["dump"])
        assert dumped["failure"] is None
        dumped["joined"] = {key: join(outputs, dumped["late"].get(key, [])) for key, outputs in dumped["final"].items()}
        return dumped


@contextmanager
def open_notebook(*, is_recorded: bool = True, limit_bytes: int = 10_000_000) -> Iterator[Notebook]:
    from nbclient import NotebookClient
    from nbformat.v4 import new_notebook

    client = NotebookClient(new_notebook(), allow_errors=True, timeout=60)
    client.create_kernel_manager()
    client.start_new_kernel()
    client.start_new_kernel_client()
    try:
        yield Notebook(client, is_recorded=is_recorded, limit_bytes=limit_bytes)
    finally:
        client._cleanup_kernel()


def as_jupyterlab(outputs: Sequence[Output]) -> list[Output]:
    """Join the streams as JupyterLab's OutputAreaModel does, in the most literal way."""
    joined: list[Output] = []
    for is_stream, group in groupby(outputs, lambda output: output["output_type"] == "stream"):
        if not is_stream:
            joined += group
            continue
        for name, streams in groupby(group, lambda output: output["name"]):
            text = typed("".join(stream["text"] for stream in streams))
            joined.append({"output_type": "stream", "name": name, "text": text})
    return joined


def typed(text: str) -> str:
    """Return what stands on the screen when ``text`` was typed, one character at a time."""
    screen: list[str] = []
    cursor = 0
    for character in text:
        if character == "\n":
            screen.append("\n")
            cursor = len(screen)
        elif character == "\r":
            while cursor and screen[cursor - 1] != "\n":
                cursor -= 1
        elif character == "\b":
            if cursor and screen[cursor - 1] != "\n":
                del screen[cursor - 1 : cursor + 1]
                cursor -= 1
        else:
            screen[cursor : cursor + 1] = [character]
            cursor += 1
    return "".join(screen)


def without_ids(outputs: Sequence[Output]) -> list[Output]:
    """Return the outputs without what differs from kernel to kernel: addresses, paths of temporary files, model ids."""
    text = json.dumps(outputs, sort_keys=True)
    text = re.sub(r"0x[0-9a-f]{6,}|ipykernel_\d+/\d+|[0-9a-f]{32}|\d+(\.\d+)?\s?(ms|µs|us|ns|s)\b", "*", text)
    return json.loads(text)  # type: ignore[no-any-return]
