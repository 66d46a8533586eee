"""The environment as real programs and real repositories show it; what they do not show is empty."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_jupyter.capture import environment
from mlm_jupyter.capture.environment import find_author, take_environment, without_credentials


@pytest.fixture(autouse=True)
def plain_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Git without the configuration of whoever runs the tests."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    made = subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True)
    return made.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "räpo with space"
    folder.mkdir()
    git(folder, "init", "-b", "feature/x")
    (folder / "a.py").write_text("1")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "one")
    return folder


def test_the_machine_and_the_packages_are_those_of_this_process(tmp_path: Path) -> None:
    found = take_environment(tmp_path)
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.implementation == platform.python_implementation()
    assert found.packages["hypothesis"] == importlib.metadata.version("hypothesis")
    assert list(found.packages) == sorted(found.packages, key=str.lower)
    assert found.cpu
    assert 1 <= found.cpu_count <= (os.cpu_count() or 1)
    assert found.memory_bytes > 64 << 20
    assert (found.git_commit, found.git_branch, found.is_git_dirty, found.git_remote) == (None, None, None, None)


def test_a_broken_package_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "binary-1.dist-info").mkdir()
    (tmp_path / "binary-1.dist-info" / "METADATA").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "good-2.dist-info").mkdir()
    (tmp_path / "good-2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: good\nVersion: 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = take_environment(tmp_path).packages
    assert found["good"] == "2"
    assert "hypothesis" in found


def test_a_repository_says_commit_branch_changes_and_remote(repository: Path) -> None:
    git(repository, "remote", "add", "mirror", "https://mirror.org/x.git")
    git(repository, "remote", "add", "origin", "https://ann:ghp_secret@example.org/x.git")
    found = take_environment(repository)
    assert found.git_commit == git(repository, "rev-parse", "HEAD")
    assert (found.git_branch, found.is_git_dirty) == ("feature/x", False)
    assert found.git_remote == "https://example.org/x.git"
    (repository / "new.txt").write_text("untracked files are not changes")
    assert take_environment(repository).is_git_dirty is False
    (repository / "a.py").write_text("2")
    assert take_environment(repository).is_git_dirty is True
    (repository / "deep").mkdir()
    assert take_environment(repository / "deep").git_commit == found.git_commit
    git(repository, "remote", "remove", "origin")
    assert take_environment(repository).git_remote == "https://mirror.org/x.git"


def test_the_remote_is_the_one_that_the_branch_follows(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--bare", str(repository), "other.git")
    git(repository, "remote", "add", "origin", "https://example.org/x.git")
    git(repository, "remote", "add", "team/one", str(tmp_path / "other.git"))
    git(repository, "fetch", "team/one")
    git(repository, "branch", "--set-upstream-to", "team/one/feature/x")
    assert take_environment(repository).git_remote == str(tmp_path / "other.git")


def test_a_repository_without_commits_or_branch_says_what_it_can(repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "--detach")
    found = take_environment(repository)
    assert (found.git_branch, found.git_commit) == (None, git(repository, "rev-parse", "HEAD"))
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "-b", "main")
    found = take_environment(tmp_path / "empty")
    assert (found.git_branch, found.git_commit, found.is_git_dirty) == ("main", None, False)


def test_asking_writes_nothing_and_runs_nothing_of_the_repository(repository: Path, tmp_path: Path) -> None:
    (repository / "hook").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (repository / "hook").chmod(0o755)
    git(repository, "config", "core.fsmonitor", "./hook")
    (repository / "a.py").touch()
    before = (repository / ".git" / "index").read_bytes()
    assert take_environment(repository).git_commit
    assert not (tmp_path / "ran").exists()
    assert (repository / ".git" / "index").read_bytes() == before


def test_variables_that_git_sets_in_hooks_do_not_lead_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert take_environment(repository).git_branch == "feature/x"


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_program_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "nvidia-smi", "exec /bin/sleep 60")
    program(tmp_path / "bin", "git", "exec /bin/sleep 60")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(environment, "GIT_TIMEOUT_S", 0.2)
    started = time.monotonic()
    found = take_environment(tmp_path)
    assert time.monotonic() - started < 10
    assert (found.gpus, found.git_commit) == ((), None)
    assert found.python


def test_gpus_are_what_the_driver_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "nvidia-smi", "echo 'NVIDIA A100-SXM4-80GB, 81920 MiB'; echo 'Tesla T4, 15360 MiB'")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = take_environment(tmp_path)
    assert found.gpus == ("NVIDIA A100-SXM4-80GB, 81920 MiB", "Tesla T4, 15360 MiB")
    program(tmp_path / "bin", "nvidia-smi", "echo 'has failed because it could not communicate'; exit 9")
    assert take_environment(tmp_path).gpus == ()


def test_without_any_program_or_folder_there_is_still_an_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert take_environment(tmp_path / "missing").packages
    assert find_author({}, tmp_path / "missing")


def test_the_author_is_the_hubs_user_then_gits_then_the_account(repository: Path, tmp_path: Path) -> None:
    git(repository, "config", "user.name", "Zoë Größe")
    environ = {"JUPYTERHUB_USER": "hub", "USER": "account"}
    assert find_author(environ, repository) == "hub"
    assert find_author({"USER": "account"}, repository) == "Zoë Größe"
    assert find_author({"USER": "account"}, tmp_path) == "account"


SECRET = st.text(st.sampled_from("abcXYZ019_-%.~"), min_size=8).map(lambda text: f"S3CR3T{text}")


@given(SECRET, st.sampled_from(["https", "http", "ftp", "git+https", "codecommit::https"]), st.booleans(), st.booleans())
def test_no_credentials_are_left_in_a_url(secret: str, scheme: str, is_user: bool, has_query: bool) -> None:
    who = secret if is_user else f"ann:{secret}"
    url = f"{scheme}://{who}@example.org:8443/team/x.git{'?token=' + secret if has_query else ''}"
    assert without_credentials(url) == f"{scheme}://example.org:8443/team/x.git"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ssh://git:pass@example.org/x.git", "ssh://git@example.org/x.git"),
        ("ssh://git@example.org:22/x.git", "ssh://git@example.org:22/x.git"),
        ("git@example.org:team/x.git", "git@example.org:team/x.git"),
        ("https://example.org/@scope/x.git", "https://example.org/@scope/x.git"),
        ("https://example.org:443/@scope/x.git", "https://example.org:443/@scope/x.git"),
        ("https://ann:p@ss@example.org/x", "https://example.org/x"),
        ("https://ann:pa/ss@example.org/x", "https://example.org/x"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
        ("/srv/git/x.git", "/srv/git/x.git"),
        ("file:///srv/x.git", "file:///srv/x.git"),
        ("", ""),
    ],
)
def test_the_rest_of_a_url_stays(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


@given(st.text())
def test_any_text_can_be_a_url(url: str) -> None:
    assert isinstance(without_credentials(url), str)
