"""The description of the routes is true: schemathesis makes requests of it, and looks whether the answers are as it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from asking import make_past
from hypothesis import HealthCheck, Phase, given, settings
from past import stream
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mlm_jupyter.server import openapi  # noqa: F401  (its route is one of ROUTES)
from mlm_jupyter.server.routes import ROUTES

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SETTINGS = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # a request that fails tells enough, and smaller ones take minutes to find
    suppress_health_check=list(HealthCheck),
)
TOKEN = {"Authorization": "token t"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server in a process of its own, and the id of a project with a past that it knows."""
    folder = tmp_path_factory.mktemp("served")
    past = make_past(folder / "work")
    for number in range(3):
        past.start_run(f"run-{number}", lr=str(number))
        past.log(acc=float("nan"))
        past.execute(f"x = {number}", {"x": float(number)}, outputs=[stream("hi")], name=f"name-{number}")
        past.end_run()
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *(f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=t", "--ServerApp.base_url=/base/"),
        "--ServerApp.jpserver_extensions={'mlm_jupyter': True}",
    ]
    runtime = folder / "runtime"
    own = {"JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_NO_CONFIG": "1", "JUPYTER_RUNTIME_DIR": str(runtime)}
    process = subprocess.Popen(command, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield _wait_for(runtime / f"jpserver-{process.pid}.json")
    finally:
        process.terminate()
        process.wait()
        past.close()


def _wait_for(announcement: Path) -> tuple[str, str]:
    """Return where the server is, on a port that it found free itself, and the id of the project."""
    for _ in range(300):
        try:
            url = str(json.loads(announcement.read_bytes())["url"])
            found = requests.get(f"{url}mlm/projects?notebook=work/train.ipynb", headers=TOKEN, timeout=5)
            return url, str(found.json()["items"][0]["id"])
        except (FileNotFoundError, json.JSONDecodeError, requests.ConnectionError):
            time.sleep(0.1)
    raise TimeoutError("the server does not start")


@pytest.fixture(scope="module")
def description(server: tuple[str, str]) -> Any:
    found = requests.get(f"{server[0]}mlm/openapi.json", headers=TOKEN, timeout=5).json()
    return schemathesis.openapi.from_dict({**found, "servers": [{"url": server[0]}]})


OPERATIONS = [(f"/mlm/{route.path}", route.method) for route in ROUTES] + [("/mlm/projects/{project}/blobs/{digest}", "GET")]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_each_route_answers_as_it_is_described(description: Any, server: tuple[str, str], path: str, method: str) -> None:
    real = {"project": server[1], "checkpoint": "name-1", "run": "run-1"}

    @given(description[path][method].as_strategy())
    @SETTINGS
    def check(case: Any) -> None:
        if method != "DELETE":
            case.path_parameters = {name: real.get(name, part) for name, part in (case.path_parameters or {}).items()}
        case.call_and_validate(base_url=server[0], headers=TOKEN, checks=CHECKS, timeout=30)

    check()


def test_every_route_is_described_and_no_other(description: Any) -> None:
    found = description.raw_schema["paths"]
    described = [(path, method.upper()) for path, operations in found.items() for method in operations]
    assert sorted(described) == sorted(OPERATIONS)
    for operations in found.values():
        for operation in operations.values():
            assert operation["summary"].endswith(".")
            assert {"400", "403", "404", "409", "503"} <= operation["responses"].keys()
