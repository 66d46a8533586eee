"""A server with our extension in this process, and projects under its root for it to show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from asking import Ask, Find, Reply, make_past
from past import Past
from pytest_jupyter.jupyter_server import *  # noqa: F403  (fixtures and hooks, for this folder alone)


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    extensions = {"mlm_jupyter": True, "jupyter_server_terminals": False}
    return {"ServerApp": {"jpserver_extensions": extensions, "allow_unauthenticated_access": False}}


@pytest.fixture(autouse=True)
def no_named_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLM_PROJECT", raising=False)


@pytest.fixture
def ask(http_server_client: Any, jp_serverapp: Any, jp_base_url: str) -> Ask:
    """Ask the server for a path under ``mlm/``, written as it goes over the wire."""
    token = jp_serverapp.identity_provider.token

    async def send(
        path: str, *, method: str = "GET", body: object = None, headers: Mapping[str, str] | None = None, has_token: bool = True
    ) -> Reply:
        known = {"Authorization": f"token {token}"} if has_token else {}
        response = await http_server_client.fetch(
            f"{jp_base_url}mlm/{path}",
            method=method,
            headers={**known, **(headers or {})},
            body=body if isinstance(body, bytes | None) else json.dumps(body).encode(),
            allow_nonstandard_methods=True,
            request_timeout=60,
            raise_error=False,
        )
        return Reply(response.code, response.headers, response.body or b"")

    return send


@pytest.fixture
def past(jp_root_dir: Path) -> Iterator[Past]:
    """A project in a folder under the server's root, being written to by a kernel."""
    past = make_past(jp_root_dir / "work")
    yield past
    past.close()


@pytest.fixture
def project(past: Past, ask: Ask) -> Find:
    """Ask for the project by its notebook, and return the beginning of the paths of its routes."""

    async def find() -> str:
        (found,) = (await ask("projects?notebook=work/train.ipynb")).body["items"]
        return f"projects/{found['id']}"

    return find
