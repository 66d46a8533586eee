"""The drawing in CONTRIBUTING.md, as a table: who may import whom, and what no module loads before it is needed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mlm_jupyter"

BASE = {"errors", "core", "files", "settings", "trust", "clock", "process"}
STORED = BASE | {"store"}
BOTH = STORED | {"capture"}
PROJECT = BOTH | {"restoration", "comparison", "reader", "project"}
LAYERS = {
    "errors": set(),
    "core": {"errors"},
    "files": set(),
    "clock": {"core"},
    "process": {"core"},
    "settings": {"errors", "core"},
    "trust": {"errors", "core"},
    "headless": {"errors", "core"},
    "maintenance": STORED,
    "store": {"errors", "core", "files"},
    "capture": {"errors", "core", "files"},
    "ending": {"errors", "core"},
    "recorder": BOTH | {"ending"},
    "head": BOTH,
    "writer": {"errors", "head"},
    "restoration": BOTH,
    "comparison": BOTH | {"restoration"},
    "reader": STORED,
    "project": PROJECT,
    "commands": PROJECT - {"store", "capture", "restoration"} | {"headless", "maintenance"},
    "session": PROJECT | {"head", "writer", "recorder", "maintenance"},
    "kernel": PROJECT | {"session", "recorder", "commands", "maintenance"},
    "server": STORED | {"reader"},
    "typescript": BOTH | {"restoration", "comparison"},
    "api": PROJECT | {"session", "recorder", "ending", "kernel"},
    "__init__": {"errors", "api", "kernel", "server"},
    "__main__": {"commands"},
}
"""A module's layer is the first part of its name; it may import its own layer and those listed."""

HOMES = {
    "sqlite3": ("store/",),
    "IPython": ("kernel/", "__init__.py"),  # there for its types
    "ipykernel": ("kernel/",),
    "tornado": ("server/",),
    "jupyter_server": ("server/",),
}
"""Libraries that one folder alone may import, however late."""

CORE_LIBRARIES = {"msgspec", "blake3", "xxhash", "nbdime"}
HEAVY = {
    *("numpy", "pandas", "pyarrow", "polars", "sklearn", "torch", "matplotlib", "scipy", "xgboost"),
    *("nbformat", "nbdime", "nbclient", "jupyterlab", "ipywidgets", "papermill", "importlib.metadata"),
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def imports_of(path: Path, *, at_top: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the line and full name of every import; with ``at_top`` only of those that run when the module is imported."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: say the full name of what is imported"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif at_top and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or is_for_types(node)):
            continue
        pending += ast.iter_child_nodes(node)


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(PACKAGE.parent)}:{line}"


def test_every_module_lies_in_a_layer_of_the_drawing() -> None:
    assert {layer_of(path) for path in MODULES} <= LAYERS.keys()


def test_no_import_points_up_or_sideways() -> None:
    wrong = []
    for path in MODULES:
        allowed = LAYERS[layer_of(path)] | {layer_of(path)}
        for line, name in imports_of(path):
            library, _, rest = name.partition(".")
            if library == "mlm_jupyter" and rest.partition(".")[0] not in allowed:
                wrong.append(f"{place(path, line)}: {layer_of(path)} may not import {name}")
    assert not wrong, "\n".join(wrong)


def test_core_is_pure() -> None:
    forbidden = {"os", "io", "time", "random", "secrets", "uuid", "logging", "pathlib", "socket", "threading"}
    wrong = []
    for path in (PACKAGE / "core").glob("*.py"):
        for line, name in imports_of(path):
            library = name.partition(".")[0]
            is_known = library in sys.stdlib_module_names or library in CORE_LIBRARIES or library == "mlm_jupyter"
            if library in forbidden or not is_known:
                wrong.append(f"{place(path, line)}: core may not import {name}")
        wrong += [
            f"{place(path, node.lineno)}: core may not look at the clock"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("datetime.now", "date.today", "datetime.utcnow")
        ]
    assert not wrong, "\n".join(wrong)


def test_some_libraries_have_one_home() -> None:
    wrong = []
    for path in MODULES:
        where = path.relative_to(PACKAGE).as_posix()
        for line, name in imports_of(path):
            homes = HOMES.get(name.partition(".")[0])
            if homes is not None and not where.startswith(homes):
                wrong.append(f"{place(path, line)}: {name} is imported in {' and '.join(homes)} only")
    assert not wrong, "\n".join(wrong)


def test_sql_is_written_in_the_store_only() -> None:
    sql = re.compile(r"^\s*(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|PRAGMA)\s", re.S)
    wrong = []
    for path in MODULES:
        if layer_of(path) == "store":
            continue
        wrong += [
            f"{place(path, node.lineno)}: SQL belongs in store/"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.match(node.value)
        ]
    assert not wrong, "\n".join(wrong)


def test_heavy_libraries_are_imported_where_they_are_needed() -> None:
    wrong = []
    for path in MODULES:
        if layer_of(path) == "server":
            continue
        for line, name in imports_of(path, at_top=True):
            if name.partition(".")[0] in HEAVY or name.startswith("importlib.metadata"):
                wrong.append(f"{place(path, line)}: import {name} inside the function that needs it")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("entry", ["mlm_jupyter", "mlm_jupyter.commands", "mlm_jupyter.project", "mlm_jupyter.recorder"])
def test_importing_loads_no_heavy_library_and_no_kernel(entry: str) -> None:
    code = f"import sys, {entry}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert entry in loaded
    assert not (HEAVY | {"IPython", "ipykernel", "jupyter_client", "tornado"}).intersection(loaded)
