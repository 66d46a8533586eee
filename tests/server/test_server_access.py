"""Who may ask: with the token, with the authorization, from our own pages; and nothing stored is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from asking import Ask, Find
from jupyter_server.auth import Authorizer
from past import Past

from mlm_jupyter.server.routes import ROUTES

REQUESTS = [
    (route.method, route.path.format(project="{project}", checkpoint="latest", run="latest"), b"{}" if route.body else None)
    for route in ROUTES
] + [("GET", "projects/{project}/blobs/" + "0" * 64, None)]


class Refusing(Authorizer):
    """Lets a user do all but what a test forbids."""

    forbidden: ClassVar[set[tuple[str, str]]] = set()

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return (action, resource) not in self.forbidden


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    Refusing.forbidden = set()
    return {"ServerApp": {**jp_server_config["ServerApp"], "authorizer_class": Refusing}}


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
async def test_without_a_token_nothing_is_answered(
    past: Past, project: Find, ask: Ask, method: str, path: str, body: bytes | None
) -> None:
    past.start_run("first")
    past.execute("a", name="mine")
    id = (await project()).removeprefix("projects/")
    for headers in ({}, {"Authorization": "token wrong"}):
        reply = await ask(path.replace("{project}", id), method=method, body=body, headers=headers, has_token=False)
        assert reply.failure == (403, "forbidden")
        assert b"mine" not in reply.bytes
    assert past.checkpoints.resolve("mine")


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
async def test_each_route_asks_whether_the_user_may(
    past: Past, project: Find, ask: Ask, method: str, path: str, body: bytes | None
) -> None:
    past.start_run("first")
    past.execute("a", name="mine")
    id = (await project()).removeprefix("projects/")
    Refusing.forbidden = {("write" if method in ("PATCH", "DELETE") else "read", "mlm")}
    assert (await ask(path.replace("{project}", id), method=method, body=body)).failure == (403, "forbidden")
    assert past.checkpoints.resolve("mine") and past.runs.find_by_name("first")


async def test_who_may_only_read_can_compare_and_change_nothing(past: Past, project: Find, ask: Ask) -> None:
    made = past.execute("a", name="mine")
    base = await project()
    Refusing.forbidden = {("write", "mlm")}
    live = {"base": made.id, "notebook": {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}}
    assert (await ask(f"{base}/diff", method="POST", body=live)).status == 200
    assert (await ask(f"{base}/checkpoints/mine", method="DELETE")).failure == (403, "forbidden")


async def test_a_page_of_another_site_can_change_nothing(
    past: Past, project: Find, ask: Ask, jp_serverapp: Any, http_server_client: Any, jp_base_url: str
) -> None:
    made = past.execute("a", name="mine")
    base = await project()
    login = await http_server_client.fetch(f"{jp_base_url}lab?token={jp_serverapp.identity_provider.token}", raise_error=False)
    if login.code == 404:
        login = await http_server_client.fetch(f"{jp_base_url}api/me?token={jp_serverapp.identity_provider.token}")
    cookies = "; ".join(cookie.split(";")[0] for cookie in login.headers.get_list("Set-Cookie") if "username" in cookie)
    assert cookies
    signed_in = {"Cookie": cookies}
    assert (await ask(f"{base}/checkpoints", headers=signed_in, has_token=False)).status == 200
    for method, body in (("PATCH", b'{"note": "x"}'), ("DELETE", None)):
        reply = await ask(f"{base}/checkpoints/mine", method=method, body=body, headers=signed_in, has_token=False)
        assert reply.failure == (403, "forbidden")
    reply = await ask(f"{base}/diff", method="POST", body=b"{}", headers=signed_in, has_token=False)
    assert reply.failure == (403, "forbidden")
    assert past.checkpoints.get(made.id).note is None
    page = {"Origin": "https://elsewhere.example", **signed_in}
    assert (await ask(f"{base}/checkpoints", headers=page, has_token=False)).status in (403, 404)


@pytest.mark.parametrize("host", ["elsewhere.example", "elsewhere.example:80", "127.0.0.1.elsewhere.example", ""])
async def test_another_name_for_this_machine_is_not_answered(past: Past, project: Find, ask: Ask, host: str) -> None:
    past.execute("a", name="mine")  # a page of that name would be of the same origin: DNS rebinding
    base = await project()
    for path in ("projects", f"{base}/checkpoints", f"{base}/blobs/{'0' * 64}"):
        reply = await ask(path, headers={"Host": host})
        assert reply.status in (400, 403)
        assert b"mine" not in reply.bytes


async def test_a_verb_that_a_path_has_not_is_refused(past: Past, project: Find, ask: Ask) -> None:
    base = await project()
    assert (await ask(f"{base}/runs", method="POST", body=b"{}")).failure == (405, "not_allowed")
    assert (await ask(f"{base}/runs", method="PUT", body=b"{}")).status == 405


def test_a_server_loads_nothing_that_could_run_what_is_stored(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from jupyter_server.serverapp import ServerApp
from past import Past
past = Past(Path(sys.argv[2]))
made = [past.execute(f"x = {n}", {"x": n}, outputs=[{"output_type": "stream", "name": "stdout", "text": "hi"}]) for n in (1, 2)]
for name in [name for name in sys.modules if name.startswith("mlm_jupyter")]:
    del sys.modules[name]
import mlm_jupyter
point, = mlm_jupyter._jupyter_server_extension_points()
from mlm_jupyter.server.projects import Projects
from mlm_jupyter.server.routes import ROUTES, Request
projects = Projects(Path(sys.argv[2]), environ={}, version="0")
info = projects.find("train.ipynb")
with projects.reading(info.id) as reader:
    request = Request(projects, reader, lambda tag: False)
    for route in ROUTES:
        if route.method == "GET" and "{run}" not in route.path:
            parts = {"checkpoint": made[0].id} if "{checkpoint}" in route.path else {}
            asked = {"base": made[0].id, "other": made[1].id} if "diff" in route.path else {}
            query = {"query": route.query(**asked)} if route.query.__struct_fields__ else {}
            assert route.work(request, **parts, **query) is not None
projects.close()
print(*sorted(name for name in sys.modules if name.startswith(("mlm_jupyter", "cloudpickle", "IPython", "pandas"))))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent.parent), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    allowed = ("mlm_jupyter.server", "mlm_jupyter.store", "mlm_jupyter.core")
    others = {name for name in loaded if not name.startswith(allowed)}
    single = {"api", "clock", "errors", "files", "process", "reader"}
    assert others == {"mlm_jupyter", *(f"mlm_jupyter.{name}" for name in single)}


def test_importing_the_package_does_not_import_the_server() -> None:
    code = "import sys, mlm_jupyter, mlm_jupyter.kernel.extension; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"jupyter_server", "mlm_jupyter.server", "jupyter_events"} & set(done.stdout.split())
