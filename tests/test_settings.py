"""Settings: what is written is what counts, what is wrong is said in one line, and the documentation cannot be stale."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlm_jupyter.errors import InvalidInputError
from mlm_jupyter.settings import Settings, load, settings_table

ROOT = Path(__file__).parent.parent
FIELDS = [field.name for field in msgspec.structs.fields(Settings)]


def write(folder: Path, table: dict[str, object]) -> Path:
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items() if value is not None]
    (folder / "pyproject.toml").write_text("\n".join(["[tool.mlm]", *lines]), encoding="utf-8")
    return folder


NAME = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=5)
SIZE = st.integers(0, 10**15)
SHARE = st.floats(0, 1)
tables = st.fixed_dictionaries(
    {},
    optional={
        "track_automatically": st.booleans(),
        "exclude": st.lists(NAME),
        "exclude_types": st.lists(NAME),
        "max_variable_bytes": SIZE,
        "store_secrets": st.booleans(),
        "time_budget_s": st.integers(1, 1000) | st.floats(0.1, 1000),
        "queue_bytes": SIZE,
        "retention_bytes": SIZE,
        "retention_free_share": SHARE,
        "keep_last": st.integers(0, 1000),
        "keep_hourly": st.integers(0, 1000),
        "keep_daily": st.integers(0, 1000),
    },
)


def test_the_tables_below_have_every_setting() -> None:
    example = {key: getattr(Settings(), key) for key in FIELDS}
    assert load(Path("/nowhere"), example) == Settings()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(tables, tables)
def test_overrides_count_before_the_project_and_the_project_before_the_defaults(
    tmp_path: Path, table: dict[str, object], overrides: dict[str, object]
) -> None:
    wanted = {key: getattr(Settings(), key) for key in FIELDS} | table | overrides
    found = msgspec.to_builtins(load(write(tmp_path, table), overrides))
    assert found == {key: tuple(value) if isinstance(value, list) else value for key, value in wanted.items()}


def test_a_project_without_a_pyproject_or_without_our_table_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'mlm'\n")
    assert load(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10 GB", 10**10),
        ("500MB", 500_000_000),
        ("1.5 kB", 1500),
        ("64 MiB", 64 << 20),
        ("2gib", 2 << 30),
        ("1_000 b", 1000),
        ("7", 7),
        ("1 TB", 10**12),
        (" 3 B ", 3),
        (10e9, 10**10),
        (0, 0),
        ("none", None),
    ],
)
def test_a_size_is_written_as_people_write_it(tmp_path: Path, text: object, size: int | None) -> None:
    assert load(tmp_path, {"retention_bytes": text}).retention_bytes == size


@given(st.integers(0, 10**6), st.sampled_from(["", "k", "M", "G", "T"]), st.booleans())
def test_a_size_with_a_unit_is_the_number_times_the_unit(number: int, prefix: str, is_binary: bool) -> None:
    unit = f"{prefix}{'i' if is_binary and prefix else ''}B"
    factor = (1024 if is_binary else 1000) ** " kMGT".index(prefix or " ")
    assert load(Path("/nowhere"), {"queue_bytes": f"{number} {unit}"}).queue_bytes == number * factor


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("track_automatically", "yes"),
        ("track_automatically", 1),
        ("exclude", "tmp_*"),
        ("exclude", [1]),
        ("max_variable_bytes", "big"),
        ("max_variable_bytes", "-1 GB"),
        ("max_variable_bytes", -1),
        ("queue_bytes", "none"),
        ("queue_bytes", "1 XB"),
        ("queue_bytes", "1 G"),
        ("queue_bytes", 1.5),
        ("queue_bytes", True),
        ("retention_bytes", ["10 GB"]),
        ("time_budget_s", 0),
        ("time_budget_s", float("nan")),
        ("retention_free_share", 5),
        ("retention_free_share", "5%"),
        ("keep_last", 1.5),
        ("keep_last", "x" * 10_000),
        ("keep_daily", {"a": 1}),
    ],
)
def test_a_wrong_value_is_one_line_with_the_setting_the_value_and_what_is_allowed(key: str, value: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load(Path("/nowhere"), {key: value})
    text = str(caught.value)
    assert text.startswith(f"{key} = {json.dumps(value)[:50]}")
    assert "Allowed: " in text
    assert "\n" not in text
    assert len(text) < 250


def test_a_wrong_value_in_the_project_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"exclude = \"a\" \(\[tool.mlm\] in .*pyproject.toml\) is not possible"):
        load(write(tmp_path, {"exclude": "a"}))


@pytest.mark.parametrize(
    ("key", "meant"),
    [("exlude", "exclude"), ("max-variable-bytes", "max_variable_bytes"), ("Store_Secret", "store_secrets")],
)
def test_a_misspelt_setting_is_recognised(tmp_path: Path, key: str, meant: str) -> None:
    with pytest.raises(InvalidInputError, match=f"Did you mean {meant}?"):
        load(write(tmp_path, {key: 1}))


def test_an_unknown_setting_lists_those_there_are() -> None:
    with pytest.raises(InvalidInputError) as caught:
        load(Path("/nowhere"), {"zzz": 1})
    assert all(name in str(caught.value) for name in FIELDS)


@pytest.mark.parametrize("content", [b"[tool.mlm\n", b"[tool]\nmlm = 3\n", b"\xff\xfe mlm", b"tool = 3 # mlm\n[tool.mlm]\n"])
def test_an_unreadable_pyproject_is_one_line_too(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(InvalidInputError) as caught:
        load(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_setting_is_in_the_table_with_its_meaning() -> None:
    rows = settings_table().splitlines()[2:]
    assert [row.split("|")[1].strip(" `") for row in rows] == FIELDS
    assert all(len(row.replace("\\|", "").split("|")) == 6 and row.rstrip(" |").endswith(".") for row in rows)


def test_the_documentation_is_what_the_settings_say() -> None:
    made = subprocess.run([sys.executable, "-m", "mlm_jupyter.settings"], capture_output=True, check=True, cwd=ROOT)
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == made.stdout.decode(), "run: python -m mlm_jupyter.settings > docs/settings.md"
