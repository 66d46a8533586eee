"""Which project a notebook belongs to, as the server tells it; no path leads out of the server's root."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from asking import Ask, make_past
from past import Past

from mlm_jupyter.errors import NotFoundError
from mlm_jupyter.server.projects import Projects


async def test_a_notebook_belongs_to_the_project_above_it(past: Past, jp_root_dir: Path, ask: Ask) -> None:
    (jp_root_dir / "work" / "deep" / "er").mkdir(parents=True)
    expected = {"train.ipynb": "train.ipynb", "deep/er/not saved yet.ipynb": "deep/er/not saved yet.ipynb"}
    for path, name in expected.items():
        (found,) = (await ask(f"projects?notebook={quote('work/' + path)}")).body["items"]
        assert (found["name"], found["folder"], found["notebook"], found["is_writable"]) == ("work", "work", name, True)
    (listed,) = (await ask("projects")).body["items"]
    assert (listed["id"], listed["notebook"]) == (found["id"], None)
    assert str(jp_root_dir) not in str(found)


async def test_a_notebook_without_a_project_makes_none(jp_root_dir: Path, ask: Ask) -> None:
    assert (await ask("projects?notebook=a.ipynb")).body == {"items": []}
    assert (await ask("projects")).body == {"items": []}
    assert not list(jp_root_dir.iterdir())


async def test_a_project_that_lies_above_the_root_is_shown(jp_root_dir: Path, ask: Ask) -> None:
    past = Past(jp_root_dir.parent)
    (listed,) = (await ask("projects")).body["items"]
    (found,) = (await ask("projects?notebook=a.ipynb")).body["items"]
    assert (found["folder"], found["notebook"]) == (str(jp_root_dir.parent), f"{jp_root_dir.name}/a.ipynb")
    assert listed["id"] == found["id"]
    past.close()


async def test_the_drive_of_collaboration_is_the_servers_own(past: Past, jp_root_dir: Path, ask: Ask) -> None:
    (jp_root_dir / "work" / "a:b.ipynb").touch()
    for path, name in {"RTC:work/train.ipynb": "train.ipynb", "work/a:b.ipynb": "a:b.ipynb"}.items():
        (found,) = (await ask(f"projects?notebook={path}")).body["items"]
        assert found["notebook"] == name
    assert (await ask("projects?notebook=s3:work/train.ipynb")).failure == (404, "not_found")


@pytest.fixture
def outside(jp_root_dir: Path, tmp_path: Path) -> Any:
    """A project that nobody who asks this server may see, and links to it from under the root."""
    folder = tmp_path / "outside"
    past = make_past(folder)
    past.execute("secret = 1", name="hidden")
    (jp_root_dir / "link").symlink_to(folder)
    (jp_root_dir / "link.ipynb").symlink_to(folder / "train.ipynb")
    (jp_root_dir / "loop").symlink_to(jp_root_dir / "loop")
    yield folder
    past.close()


@pytest.mark.parametrize(
    "path",
    [
        "../outside/train.ipynb",
        "work/../../outside/train.ipynb",
        "..%2Foutside%2Ftrain.ipynb",
        "%2e%2e/outside/train.ipynb",
        "..",
        "/..",
        "RTC:../outside/train.ipynb",
        "RTC:RTC:../outside/train.ipynb",
        "{outside}/train.ipynb",
        "%2F{outside}/train.ipynb",
        "//{outside}/train.ipynb",
        "file://{outside}/train.ipynb",
        "~/train.ipynb",
        "link/train.ipynb",
        "link",
        "link.ipynb",
        "loop/a.ipynb",
        "a%00.ipynb",
        "%FF.ipynb",
        "a" * 5000,
        "a/" * 3000,
        "x" * 300 + ".ipynb",
        "/",
        "..\\outside\\train.ipynb",
    ],
)
async def test_no_path_leads_to_a_project_outside(past: Past, outside: Path, ask: Ask, path: str) -> None:
    reply = await ask(f"projects?notebook={path.format(outside=outside)}")
    assert reply.body == {"items": []} or reply.failure in ((400, "invalid_input"), (404, "not_found"))
    assert "outside" not in str((await ask("projects")).body)


TRICKS = [
    "..",
    ".",
    "%2e%2e",
    "..%2f..%2foutside",
    "%2Fetc%2Fpasswd",
    "..%5coutside",
    "%00",
    "%FF",
    "%F0%9F%98%80",
    "'%20OR%201=1%20--",
    "*",
    "a" * 3000,
    "~1",
    "latest~99999999999999999999",
    "-1",
    "%25",
]
PATHS = [
    "projects/{}/checkpoints",
    "projects/{}/runs",
    "projects/{}/blobs/" + "0" * 64,
    "{project}/checkpoints/{}",
    "{project}/checkpoints/{}/notebook",
    "{project}/checkpoints/{}/variables",
    "{project}/checkpoints/{}/logged",
    "{project}/runs/{}",
    "{project}/runs/{}/metrics",
    "{project}/blobs/{}",
    "{project}/blobs/{}?checkpoint=latest",
    "{project}/checkpoints?run={}",
    "{project}/diff?base={}&other=latest",
    "{project}/diff?base=latest&other={}",
    "{project}/checkpoints?limit={}",
    "{project}/checkpoints?status={}",
]


async def test_no_part_of_a_path_means_anything_but_a_thing_of_the_project(
    past: Past, outside: Path, project: Any, ask: Ask
) -> None:
    past.execute("a")
    base = await project()
    for path in PATHS:
        for trick in TRICKS:
            reply = await ask(path.replace("{project}", base).replace("{}", trick))
            assert reply.failure in ((400, "invalid_input"), (404, "not_found")), (path, trick, reply)
            assert b"secret" not in reply.bytes and b"hidden" not in reply.bytes


async def test_nothing_of_another_project_is_found(past: Past, jp_root_dir: Path, project: Any, ask: Ask) -> None:
    other = make_past(jp_root_dir / "other")
    run = other.start_run("theirs")
    made = other.execute("theirs", name="named")
    base = await project()
    past.execute("ours")
    for path in (
        f"checkpoints/{made.id}",
        "checkpoints/named",
        f"runs/{run.id}",
        "runs/theirs",
        "diff?base=named&other=latest",
    ):
        assert (await ask(f"{base}/{path}")).failure == (404, "not_found"), path
    unknown = await ask("projects/0123456789abcdef/checkpoints")
    assert unknown.failure == (404, "not_found")
    assert "projects?notebook=" in unknown.body["message"]
    assert (await ask(f"{base}/checkpoints?cursor={made.id}")).status == 200
    other.close()


def test_notebooks_that_lie_in_no_folder_are_said_to_have_no_project() -> None:
    nowhere = Projects(None, environ={}, version="0")
    assert nowhere.infos() == []
    with pytest.raises(NotFoundError, match="do not lie in a folder"):
        nowhere.find("a.ipynb")


async def test_the_project_that_the_environment_names_is_every_notebooks(
    past: Past, jp_root_dir: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLM_PROJECT", str(past.folder))
    (found,) = (await ask("projects?notebook=elsewhere/a.ipynb")).body["items"]
    assert (found["folder"], found["notebook"]) == ("work", str(jp_root_dir / "elsewhere" / "a.ipynb"))
