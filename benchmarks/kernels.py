"""A real kernel, started from any interpreter, as a frontend sees it."""

from __future__ import annotations

import ast
import os
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

INSIDE = Path(__file__).parent / "inside"
PROBE = "__import__('bench_probe')"
TIMEOUT_S = 3600
_TROUBLE = re.compile(r"^mlm: .*|Error in callback .*|^\w+Error: .*", re.MULTILINE)


class Reply(NamedTuple):
    """What came of a request."""

    seconds: float
    """From sending it until the kernel was idle again and had replied: hooks included."""
    error: str | None
    trouble: list[str]
    """What a tracker's hooks complained of."""


class Kernel:
    """An ipykernel of its own in ``folder``; a context manager."""

    def __init__(self, python: str, folder: Path, env: dict[str, str]) -> None:
        self._log = (folder / "kernel.log").open("ab")
        self._manager = KernelManager(kernel_spec_manager=_Specs(python))
        path = os.pathsep.join([str(INSIDE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        one_thread = {"OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1", "PYTHONWARNINGS": "ignore", "MPLBACKEND": ""}
        self._manager.start_kernel(
            cwd=str(folder),
            env={**os.environ, **one_thread, **env, "PYTHONPATH": path},
            stdout=self._log,
            stderr=self._log,
        )
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=120)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel()
        self._log.close()

    def run(self, code: str, *, silent: bool = False) -> Reply:
        """Execute a cell; ``silent`` ones are none of the user's history."""
        return self._execute(code, silent, {})[0]

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, which must be a literal; nothing is added to the namespace or the history."""
        content = self._execute("", True, {"value": f"repr({expression})"})[1]
        value = content.get("user_expressions", {}).get("value", content)
        if value["status"] != "ok":
            raise RuntimeError(f"{value.get('ename')}: {value.get('evalue')} in {expression[:200]}")
        return ast.literal_eval(ast.literal_eval(value["data"]["text/plain"]))

    def time(self, expression: str) -> Reply:
        """Evaluate an expression for what it does."""
        reply, content = self._execute("", True, {"value": f"({expression}) and None"})
        value = content.get("user_expressions", {}).get("value", content)
        error = None if value["status"] == "ok" else f"{value.get('ename')}: {value.get('evalue')}"
        return reply._replace(error=error)

    def _execute(self, code: str, silent: bool, expressions: dict[str, str]) -> tuple[Reply, dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        start = time.perf_counter()
        content = self._client.execute_interactive(
            code,
            silent=silent,
            store_history=not silent,
            user_expressions=expressions,
            allow_stdin=False,
            timeout=TIMEOUT_S,
            output_hook=messages.append,
        )["content"]
        seconds = time.perf_counter() - start
        error = None if content["status"] == "ok" else f"{content.get('ename')}: {content.get('evalue')}"
        return Reply(seconds, error, [] if error else _trouble_in(messages)), content

    def cpu_s(self) -> float:
        """Return the CPU seconds of the kernel until now."""
        return float(self.evaluate(f"{PROBE}.cpu_s()"))

    def peak_mb(self) -> float:
        """Return the most memory the kernel had."""
        return float(self.evaluate(f"{PROBE}.peak_mb()"))


def _trouble_in(messages: list[dict[str, Any]]) -> list[str]:
    texts = []
    for message in messages:
        content = message["content"]
        if message["msg_type"] == "error":
            texts.append(f"{content['ename']}: {content['evalue']}")
        elif message["msg_type"] == "stream" and content["name"] == "stderr":
            texts.append(content["text"])
    return [line[:200] for text in texts for line in _TROUBLE.findall(text)]


class _Specs(KernelSpecManager):
    """Knows one kernel: that of an interpreter."""

    def __init__(self, python: str) -> None:
        super().__init__()
        self._python = python

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [self._python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python")
