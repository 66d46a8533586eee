"""The sources of a project's imported modules: those that run, and nobody else's."""

from __future__ import annotations

import importlib
import sys
import textwrap
import types
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlm_jupyter.capture.modules import MOST_BYTES, ProjectModules


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of modules that can be imported, and is forgotten afterwards."""
    folder = tmp_path / "project"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a stale one would hide a quick edit
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(project: Path, path: str, source: str) -> str:
    file = project / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(source))
    importlib.invalidate_caches()
    return file.stem


def test_imported_modules_of_the_project_are_found_by_path_and_others_are_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "lib_a/__init__.py", "")
    write(project, "lib_a/deep.py", "x = 1\n")
    write(project, "never_imported.py", "")
    foreign = {
        ".venv/lib/site-packages": "theirs_a",
        "node_modules/gyp": "theirs_b",
        "env/lib/site-packages": "theirs_c",
    }
    for folder, name in foreign.items():
        write(project, f"{folder}/{name}.py", "")
        monkeypatch.syspath_prepend(str(project / folder))
    modules = ProjectModules(project)
    assert modules.sources() == {}
    for name in ("lib_a.deep", *foreign.values()):
        importlib.import_module(name)
    assert modules.sources() == {"lib_a/__init__.py": b"", "lib_a/deep.py": b"x = 1\n"}


def test_a_project_that_lies_in_a_folder_of_packages_has_its_modules(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, "venv/work/mine_in_venv.py", "y = 1")
    monkeypatch.syspath_prepend(str(project / "venv" / "work"))
    importlib.import_module("mine_in_venv")
    assert ProjectModules(project / "venv" / "work").sources() == {"mine_in_venv.py": b"y = 1"}
    assert ProjectModules(project).sources() == {}


def test_the_source_is_that_of_the_code_that_runs(project: Path) -> None:
    name = write(project, "edited_later.py", "value = 1")
    modules = ProjectModules(project)
    module = importlib.import_module(name)
    assert modules.sources() == {"edited_later.py": b"value = 1"}
    write(project, "edited_later.py", "value = 2")
    assert modules.sources() == {"edited_later.py": b"value = 1"}
    importlib.reload(module)
    assert module.value == 2
    assert modules.sources() == {"edited_later.py": b"value = 2"}
    del sys.modules[name]
    assert modules.sources() == {}
    write(project, "edited_later.py", "value = 3")
    importlib.import_module(name)
    assert modules.sources() == {"edited_later.py": b"value = 3"}


def test_links_lead_to_where_files_really_are(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, "linked_one.py", "z = 1")
    (tmp_path / "alias").symlink_to(project)
    monkeypatch.syspath_prepend(str(tmp_path / "alias"))
    importlib.import_module("linked_one")
    assert ProjectModules(project).sources() == {"linked_one.py": b"z = 1"}
    assert ProjectModules(tmp_path / "alias").sources() == {"linked_one.py": b"z = 1"}


def test_what_is_gone_or_huge_is_left_out(project: Path) -> None:
    gone, huge = write(project, "gone_one.py", ""), write(project, "huge_one.py", "#" * (MOST_BYTES + 1))
    importlib.import_module(gone)
    importlib.import_module(huge)
    (project / "gone_one.py").unlink()
    assert ProjectModules(project).sources() == {}


def test_modules_are_not_asked_and_not_kept_alive(project: Path) -> None:
    class Lazy(types.ModuleType):
        def __getattribute__(self, name: str) -> object:
            raise SystemExit(name)

    class Imposter:
        def __getattr__(self, name: str) -> object:
            raise SystemExit(name)

    plain = types.ModuleType("plain")
    table = {"lazy": Lazy("lazy"), "imposter": Imposter(), "plain": plain, "odd": None, "text": "x"}
    modules = ProjectModules(project)
    assert modules.sources(table) == {}
    alive = weakref.ref(plain)
    del plain, table
    assert alive() is None
