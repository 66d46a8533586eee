"""What the Makefile does with a working copy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_build_is_linked_in_place_of_what_an_editable_install_left(tmp_path: Path) -> None:
    extensions = tmp_path / "share" / "jupyter" / "labextensions"
    (extensions / "mlm-jupyter").mkdir(parents=True)
    (extensions / "mlm-jupyter" / "install.json").touch()
    built = "mlm_jupyter/labextension/package.json"
    done = ["-o", built, "-o", f"{tmp_path}/.installed"]
    subprocess.run(["make", f"VENV={tmp_path}", *done, f"{tmp_path}/.linked"], cwd=ROOT, check=True, capture_output=True)
    assert (extensions / "mlm-jupyter").readlink() == ROOT / "mlm_jupyter" / "labextension"


def test_the_workspace_of_the_tour_shows_the_panel() -> None:
    workspace = json.loads((ROOT / "binder" / "tour.jupyterlab-workspace").read_text(encoding="utf-8"))
    left = workspace["data"]["layout-restorer:data"]["left"]
    panel = (ROOT / "src" / "panels" / "history" / "index.ts").read_text(encoding="utf-8")
    assert f"panel.id = '{left['current']}'" in panel and not left["collapsed"]
    for page in ("Makefile", "binder/postBuild"):
        assert f"/lab/workspaces/{workspace['metadata']['id']}/tree/" in (ROOT / page).read_text(encoding="utf-8")
