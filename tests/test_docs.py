"""What a user can type is documented, and what is documented can be typed."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import msgspec
import nbformat
import pytest

from mlm_jupyter import __all__ as public_names
from mlm_jupyter import settings
from mlm_jupyter.commands.verbs import VERBS
from mlm_jupyter.kernel.magics import SIGNATURES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
TOUR = ROOT / "examples" / "tour.ipynb"


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_verb_of_the_command_line_is_in_the_readme(verb: str) -> None:
    assert re.search(rf"^\| `mlm {verb}\b", README, re.MULTILINE)


def test_the_readme_has_no_verb_that_does_not_exist() -> None:
    assert set(re.findall(r"`mlm ([a-z]+)", README)) == {verb.name for verb in VERBS}


@pytest.mark.parametrize("magic", SIGNATURES)
def test_every_magic_is_in_the_readme_with_its_options(magic: str) -> None:
    rows = [line for line in README.splitlines() if line.startswith("|") and f"%{magic}" in line]
    assert rows
    for option, argument in SIGNATURES[magic].options.items():
        assert argument.is_hidden or any(option in row for row in rows), option


def test_the_readme_has_no_magic_that_does_not_exist() -> None:
    assert set(re.findall(r"%(mlm_[a-z]+)", README)) == set(SIGNATURES)


@pytest.mark.parametrize("name", [name for name in public_names if name[0].islower()])
def test_every_function_is_in_the_readme(name: str) -> None:
    assert f"mlm.{name}" in README


def test_the_readme_has_no_function_that_does_not_exist() -> None:
    assert set(re.findall(r"\bmlm\.([a-z_]+)", README)) - {"db"} <= set(public_names)


def test_the_page_of_settings_is_the_generated_one() -> None:
    assert settings.settings_table() in SETTINGS
    for field in msgspec.structs.fields(settings.Settings):
        assert f"`{field.name}`" in SETTINGS


def test_python_in_the_readme_is_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        ast.parse("\n".join(line for line in block.splitlines() if not line.lstrip().startswith("%")) or "pass")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_make_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert set(re.findall(r"(?:`|    )make ([a-z-]+)", text)) <= targets


def test_the_drawing_of_the_layers_names_every_module() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in (ROOT / "mlm_jupyter").iterdir():
        if path.name.startswith("__") or path.name in ("py.typed", "labextension"):  # that one is built
            continue
        name = f"`{path.name}/`" if path.is_dir() else f"`{path.name}`"
        assert name in text, f"CONTRIBUTING.md does not say what {name} is for"


def test_the_tour_is_a_valid_notebook_without_outputs() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in codes)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
