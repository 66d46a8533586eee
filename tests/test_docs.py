"""What a user can type is documented, and what is documented can be typed; the examples of every page do what it says."""

from __future__ import annotations

import argparse
import re
import shlex
import tomllib
from pathlib import Path

import msgspec
import nbformat
import pytest
from pages import PAGES, ROOT, blocks, differences, is_run, replay

from mlm_jupyter import __all__ as public_names
from mlm_jupyter import settings
from mlm_jupyter.commands.verbs import VERBS, Verb, parse
from mlm_jupyter.kernel.magics import SIGNATURES

NOTES = sorted((ROOT / "docs" / "decisions").glob("*.md"))
OWN = [*PAGES, *NOTES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md"]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in OWN}
ALL = "\n".join(TEXTS.values())
REFERENCE = TEXTS["docs/reference.md"]
TOUR = ROOT / "examples" / "tour.ipynb"


def typed(start: str) -> list[str]:
    """Return what pages name in running text as something to type, without what may be left out."""
    found = re.findall(rf"`({start}[^`\n]*)`", ALL)
    for _ in range(3):
        found = [re.sub(r"\[[^][]*\](\.\.\.)?", "", line) for line in found]
    return sorted({line.replace("...", "").strip() for line in found})


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(is_run(*block) for block in blocks(page))], ids=lambda page: page.stem
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_examples_of_a_page_do_what_it_shows(page: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    made = replay(page, tmp_path / "work")
    assert not differences(page.read_text(encoding="utf-8"), made), f"If that is meant: python tests/pages.py {page}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_is_run_or_of_a_kind_that_is_checked_otherwise(page: Path) -> None:
    for language, text in blocks(page):
        if language == "toml":
            for name, value in tomllib.loads(text)["tool"]["mlm"].items():
                assert getattr(settings.load(Path("/"), {name: value}), name) is not None
        else:
            assert is_run(language, text) or language == "sh"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_of_the_command_line_is_in_the_reference_with_its_options(verb: Verb) -> None:
    row = re.search(rf"^\| `mlm {verb.name}\b.*", REFERENCE, re.MULTILINE)
    assert row is not None
    parser = argparse.ArgumentParser("mlm")
    verb.arguments(parser)
    taken = set(re.findall(r"--?[a-z][a-z-]*", parser.format_usage())) - {"-h", "--json", "--project"}
    assert taken == set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", row[0].split(" | ")[0]))


@pytest.mark.parametrize("line", typed("mlm [a-z]"))
def test_command_lines_that_pages_name_can_be_typed(line: str) -> None:
    verb, *words = shlex.split(line)[1:]
    assert verb in {known.name for known in VERBS}
    if words:
        parse([verb, *words])


@pytest.mark.parametrize("magic", SIGNATURES)
def test_every_magic_is_in_the_reference_with_its_options(magic: str) -> None:
    rows = [line for line in REFERENCE.splitlines() if line.startswith("|") and f"%{magic}" in line]
    assert rows
    for option, argument in SIGNATURES[magic].options.items():
        assert argument.is_hidden or any(option in row for row in rows), option


@pytest.mark.parametrize("line", typed("%mlm_"))
def test_magics_that_pages_name_can_be_typed(line: str) -> None:
    magic, _, rest = line.lstrip("%").partition(" ")
    if magic != "mlm_" and "*" not in magic:  # not all of them at once
        assert magic in SIGNATURES
        if magic != "mlm_log":  # takes expressions
            SIGNATURES[magic].read(rest)


@pytest.mark.parametrize("name", [name for name in public_names if name[0].islower()])
def test_every_function_is_in_the_reference(name: str) -> None:
    assert f"mlm.{name}" in REFERENCE


def test_no_page_has_a_function_that_does_not_exist() -> None:
    assert set(re.findall(r"(?<![/.])\bmlm\.([a-z_]+)", ALL)) - {"db", "pack"} <= set(public_names)


def test_the_page_of_settings_is_the_generated_one() -> None:
    assert settings.settings_table() in TEXTS["docs/settings.md"]
    for field in msgspec.structs.fields(settings.Settings):
        assert f"`{field.name}`" in TEXTS["docs/settings.md"]


def test_the_guide_names_every_key_and_setting_of_the_frontend() -> None:
    schema = msgspec.json.decode((ROOT / "src" / "settings" / "plugin.json").read_bytes())
    guide = TEXTS["docs/jupyterlab.md"]
    for name in schema["properties"]:
        assert f"`{name}`" in guide
    for shortcut in schema["jupyter.lab.shortcuts"]:
        assert f"`{shortcut['keys'][0].replace('Accel', 'Ctrl')}`" in guide


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    for target, fragment in re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", TEXTS[page]):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert target.startswith("https://") or path.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert fragment[1:] in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, fragment


def test_the_messages_that_are_explained_are_said() -> None:
    code = [*(ROOT / "mlm_jupyter").rglob("*.py"), *(ROOT / "src").rglob("*.ts*")]
    said = "\n".join(path.read_text(encoding="utf-8") for path in code)
    rows = [line.split(" | ")[0] for line in TEXTS["docs/troubleshooting.md"].splitlines() if line.startswith("| ")]
    quoted = [text for row in rows for text in re.findall(r"\*([^*]+)\*", row)]
    assert len(quoted) > 8 and [text for text in quoted if text not in said] == []


def test_the_index_of_the_documentation_names_every_page() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in TEXTS["docs/README.md"]


def test_make_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|    )make ([a-z-]+)", ALL)) <= targets


def test_the_drawing_of_the_layers_names_every_module() -> None:
    for path in (ROOT / "mlm_jupyter").iterdir():
        if path.name.startswith("__") or path.name in ("py.typed", "labextension"):  # that one is built
            continue
        name = f"`{path.name}/`" if path.is_dir() else f"`{path.name}`"
        assert name in TEXTS["CONTRIBUTING.md"], f"CONTRIBUTING.md does not say what {name} is for"


def test_the_tour_is_a_valid_notebook_without_outputs() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in codes)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
