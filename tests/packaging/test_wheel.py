"""What is published: the built packages, opened, and an environment where the wheel was installed. `make test` builds both."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LAB = "share/jupyter/labextensions/mlm-jupyter"


def built(pattern: str) -> Path:
    found = list((ROOT / "dist").glob(pattern))
    if not found and "CI" not in os.environ:
        pytest.skip("nothing is built; build it with: make wheel")
    (path,) = found
    return path


@pytest.fixture(scope="module")
def wheel() -> dict[str, bytes]:
    with zipfile.ZipFile(built("*.whl")) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def data(wheel: dict[str, bytes]) -> dict[str, bytes]:
    """What the wheel puts under the environment's prefix."""
    return {name.split(".data/data/", 1)[1]: content for name, content in wheel.items() if ".data/data/" in name}


def test_the_wheel_carries_both_halves_of_the_extension(data: dict[str, bytes]) -> None:
    assert any(name.startswith(f"{LAB}/static/remoteEntry.") for name in data)
    assert json.loads(data[f"{LAB}/install.json"])["packageName"] == "mlm_jupyter"
    assert json.loads(data[f"{LAB}/package.json"])["jupyterlab"]["_build"]["load"].startswith("static/remoteEntry.")
    assert f"{LAB}/schemas/mlm-jupyter/plugin.json" in data
    config = json.loads(data["etc/jupyter/jupyter_server_config.d/mlm_jupyter.json"])
    assert config["ServerApp"]["jpserver_extensions"] == {"mlm_jupyter": True}


def test_the_wheel_carries_a_production_build_and_nothing_of_a_working_copy(wheel: dict[str, bytes]) -> None:
    assert not [name for name in wheel if name.endswith((".map", ".ts", ".tsx", ".pyc")) or "node_modules" in name]
    elsewhere = ("tests", "benchmarks", "mlm_jupyter/labextension", "mlm_jupyter/etc")
    assert not [name for name in wheel if name.startswith(elsewhere)]
    assert sum(map(len, wheel.values())) < 4e6, "something large came along"


def test_all_that_is_bundled_is_named_with_its_licence(data: dict[str, bytes]) -> None:
    notices = (ROOT / "NOTICE").read_text(encoding="utf-8")
    bundled = json.loads(data[f"{LAB}/static/third-party-licenses.json"])["packages"]
    missing = {package["name"] for package in bundled if f"\n{package['name']} " not in notices}
    assert bundled and not missing


def test_the_source_distribution_is_enough_to_build_without_node() -> None:
    with tarfile.open(built("*.tar.gz")) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"pyproject.toml", "package.json", "package-lock.json", "LICENSE", "NOTICE", "src/index.ts"} <= names
    assert "mlm_jupyter/labextension/static/style.js" in names  # so that its build is skipped
    assert not [name for name in names if name.startswith(("node_modules", ".venv", "build/", "lib/"))]


@pytest.mark.parametrize(
    ("listing", "expected"),
    [(("labextension", "list"), "mlm-jupyter v"), (("server", "extension", "list"), "mlm_jupyter")],
)
def test_installing_the_wheel_enables_both_halves(listing: tuple[str, ...], expected: str) -> None:
    installed = ROOT / "build" / "ui" / "bin"
    if not (installed / "jupyter").exists() and "CI" not in os.environ:
        pytest.skip("the wheel is not installed; install it with: make test-ui")
    environment = os.environ | {"PATH": str(installed)}  # no node here
    said = subprocess.run(
        [str(installed / "jupyter"), *listing], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    lines = [line for line in (said.stdout + said.stderr).splitlines() if expected in line]
    assert any("OK" in line or "enabled" in line for line in lines), said.stdout + said.stderr
