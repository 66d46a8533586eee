"""polars tables, columns and plans: captured without copies or collecting, restored type for type."""

from __future__ import annotations

import msgspec
import pytest
from livenotebook import LiveNotebook, Open

from mlm_jupyter.core.entities import Group

pytest.importorskip("polars")


TABLE = """
import datetime as dt
import polars as pl
df = pl.DataFrame({
    "int": [3, None, 1], "float": [0.0, -0.0, float("nan")], "text": ["a", None, "x" * 50], "flag": [True, None, False],
    "day": [dt.date(2026, 1, 1)] * 3, "length": [dt.timedelta(1)] * 3, "clock": [dt.time(1)] * 3, "raw": [b"a", None, b"c"],
    "when": pl.Series([dt.datetime(2026, 1, 1)] * 3).dt.replace_time_zone("Europe/Berlin"),
    "list": [[1], [], None], "struct": [{"x": 1, "y": "a"}] * 3, "nothing": [None] * 3,
    "decimal": pl.Series([1, 2, None]).cast(pl.Decimal(10, 2)),
    "category": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
    "enum": pl.Series(["a", "b", None], dtype=pl.Enum(["a", "b"])),
    "array": pl.Series([[1, 2]] * 3, dtype=pl.Array(pl.Int64, 2)), "small": pl.Series([1, 2, 3], dtype=pl.UInt8), "": [1, 2, 3],
})
huge = pl.DataFrame({"i": pl.Series([1, 2**100, None], dtype=pl.Int128)})
empty = pl.DataFrame()
column = df["text"]
ordered = df.sort("small", descending=True)
same = df
pieces = pl.concat([df, df], rechunk=False)
unnamed = pl.Series([1, 2])
plan = df.lazy().filter(pl.col("int") > 1).select("int")
"""
CHECKS = [
    "same is df",
    "(df.schema, df.rows())",
    "(huge.schema, huge.rows())",
    "empty.shape",
    "(column.name, column.to_list())",
    "(ordered.rows(), ordered.flags['small'])",
    "pieces.n_chunks()",
    "(unnamed.name, unnamed.to_list())",
    "plan.collect().rows()",
    "plan.explain()",
]


def test_restored_tables_are_and_behave_as_they_were(notebook: LiveNotebook, fresh: Open) -> None:
    target = notebook.cell(TABLE)
    assert {name: v.reason for name, v in notebook.session.checkpoints.variables(target).items() if v.reason} == {}
    expected = {check: repr(notebook.value(check)) for check in CHECKS}
    assert not notebook.cell("pass").changes
    notebook.cell("df[0, 'int'] = 9; same = None; column = column.str.to_uppercase(); plan = None; huge = empty")
    for kernel in (notebook, fresh()):
        assert kernel.restore(target).failed == {}
        assert {check: repr(kernel.value(check)) for check in CHECKS} == expected
        assert not kernel.cell("pass").changes
        kernel.cell("df[0, 'int'] = 5; df.insert_column(0, pl.Series('new', [1, 2, 3]))")
        assert kernel.value("(same['int'][0], df.columns[0], pieces['int'][0], plan.collect().rows())") == (
            5,
            "new",
            3,
            [(3,)],
        )


WRITES = {
    "one value": ("df[1, 'a'] = 7", {"df"}),
    "a column put in": ("df.insert_column(0, pl.Series('z', [0] * len(df)))", {"df"}),
    "a column taken out": ("df.drop_in_place('b')", {"df"}),
    "rows put behind": ("df.extend(df)", {"df"}),
    "a value of a series": ("s[2] = 9", {"s"}),
    "a name": ("df.columns = ['a', 'c']", {"df"}),
}


@pytest.mark.parametrize("way", WRITES)
def test_a_change_in_place_is_found_in_what_changed_alone(notebook: LiveNotebook, way: str) -> None:
    setup = "import polars as pl\ndf = pl.DataFrame({'a': range(50_000), 'b': ['x'] * 50_000})\ns = df['a']\nother = df.clone()"
    target = notebook.cell(setup)
    for quiet in ("one = 1", "two = 2", "three = 3"):
        assert set(notebook.cell(quiet).changes.changed) == set()
    write, names = WRITES[way]
    assert set(notebook.cell(write).changes.changed) == names
    notebook.restore(target)
    assert notebook.value("(df.columns, df['a'].sum(), len(df), s[2])") == (["a", "b"], sum(range(50_000)), 50_000, 2)


def test_a_table_stays_out_of_the_stream(notebook: LiveNotebook) -> None:
    target = notebook.cell("import polars as pl\ndf = pl.DataFrame({'a': range(1_000_000)})")
    digest = notebook.session.checkpoints.variables(target)["df"].group
    assert digest is not None
    group = msgspec.json.decode(notebook.session.packs.get(digest), type=Group)
    assert [buffer.size_bytes for buffer in group.buffers] == [8_000_000]
    assert group.stream_bytes < 1_000


def test_a_plan_is_never_run(notebook: LiveNotebook) -> None:
    target = notebook.cell(
        "import polars as pl\nran = []\n"
        "def spy(frame):\n    ran.append(1)\n    return frame\n"
        "plan = pl.DataFrame({'a': [1]}).lazy().map_batches(spy)\n"
        "missing = pl.scan_csv('/no/such/file.csv', schema={'a': pl.Int64})"
    )
    variables = notebook.session.checkpoints.variables(target)
    assert variables["missing"].status == "stored"
    assert notebook.value("ran") == []
    notebook.cell("missing = 1")
    assert notebook.restore(target).failed == {}
    assert notebook.value("type(missing) is pl.LazyFrame and ran == []")
