"""An array that is put back where it lies is, to all who look at it, as if it had been made anew."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livenotebook import LiveNotebook, Open
from shellnotebook import ShellNotebook

from mlm_jupyter.restoration import RestoreError

MAKE = {
    "rows": "import numpy as np\nbig = np.arange(384 * 1024.).reshape(384, 1024)",
    "columns": "import numpy as np\nbig = np.asfortranarray(np.arange(384 * 1024.).reshape(384, 1024))",
    "deep": "import numpy as np\nbig = np.ones_like(np.empty((64, 96, 64)).transpose(1, 2, 0))",
    "flat": "import numpy as np\nbig = np.zeros(3 << 20, np.uint8)",
    "many columns": "import numpy as np\nbig = np.zeros((3, 200_000))",
}
HOLDERS = {
    "nobody": ("pass", "None"),
    "a displayed view": ("big[:2]", "Out[2]"),
    "a displayed view of the end": ("big[-2:][::2]", "Out[2]"),
    "a displayed view of all": ("big.T", "Out[2]"),
    "itself, displayed": ("big", "Out[2]"),
    "a list out of sight": ("__kept__ = [big]", "__kept__[0]"),
    "a view out of sight": ("__kept__ = big[5:7]", "__kept__"),
    "a memory view": ("__kept__ = memoryview(big)", "__kept__"),
}
PLACES = st.lists(st.floats(0, 1, exclude_max=True), max_size=3)


@contextmanager
def opened() -> Iterator[ShellNotebook]:
    with tempfile.TemporaryDirectory() as folder:
        made = ShellNotebook(Path(folder))
        try:
            yield made
        finally:
            made.close()


@settings(max_examples=25)
@given(st.sampled_from(sorted(MAKE)), st.sampled_from(sorted(HOLDERS)), st.lists(PLACES, min_size=1, max_size=3), st.data())
def test_who_looks_at_an_array_does_not_see_it_restored(kind: str, who: str, changes: list[list[float]], data: Any) -> None:
    with opened() as notebook:
        hold, held = HOLDERS[who]
        made = [notebook.cell(MAKE[kind]), notebook.cell(hold)]
        then = [notebook.value("big.copy()")] * 2
        for number, places in enumerate(changes, 2):
            lines = [f"big[int({place} * len(big))] = {number}" for place in places] or ["pass"]
            made.append(notebook.cell("\n".join(lines)))
            then.append(notebook.value("big.copy()"))
        for _ in range(2):
            target = data.draw(st.integers(0, len(made) - 1))
            seen = notebook.value(f"np.array({held})")
            report = notebook.restore(made[target])
            assert not report.failed
            np.testing.assert_array_equal(notebook.value("big"), then[target])
            np.testing.assert_array_equal(notebook.value(f"np.array({held})"), seen)
            made.append(notebook.cell("pass"))
            then.append(then[target])
            assert not made[-1].changes, "a restored value is what is known of it"


@pytest.mark.parametrize(
    "how", ["np.ones((1536, 1024))", "np.ones(1536 * 1024).reshape(1536, 1024)", "np.ones((1536, 2048))[:, ::2]"]
)
def test_a_row_is_put_back_without_another_array(notebook: LiveNotebook, how: str) -> None:
    made = notebook.cell(f"import numpy as np\nbig = {how}")
    notebook.cell("big[7] = -1")
    before = notebook.value("big.ctypes.data")
    tracemalloc.start()
    try:
        notebook.restore(made)
        assert tracemalloc.get_traced_memory()[1] < 6 << 20, "the array has 12 MiB or more, what differs of it one"
    finally:
        tracemalloc.stop()
    assert notebook.value("big.ctypes.data") == before
    assert notebook.value("float(big[7, 3])") == 1


def test_most_of_an_array_is_put_back_as_another(notebook: LiveNotebook) -> None:
    made = notebook.cell(MAKE["rows"])
    notebook.cell("big[:] = -1")
    before = notebook.value("big")
    notebook.restore(made)
    assert notebook.value("big") is not before
    assert before[0, 0] == -1


def test_nothing_is_written_before_all_is_loaded(notebook: LiveNotebook) -> None:
    made = notebook.cell(MAKE["rows"] + "\nlines = (line for line in 'ab')")
    notebook.cell("big[7] = -1; del lines")
    with pytest.raises(RestoreError):
        notebook.restore(made, strict=True)
    assert notebook.value("float(big[7, 3])") == -1
    notebook.restore(made)
    assert notebook.value("float(big[7, 3])") == 7 * 1024 + 3


def test_a_damaged_chunk_leaves_the_array_as_it_is(notebook: LiveNotebook, tmp_path: Path) -> None:
    made = notebook.cell("import numpy as np\nbig = np.random.default_rng(0).random((384, 1024))")
    marker = notebook.value("big[7].tobytes()")
    notebook.cell("big[7] = -1")
    notebook.session.flush()
    flipped = 0
    for pack in (tmp_path / ".mlm" / "packs").glob("*.pack"):
        data = bytearray(pack.read_bytes())
        position = data.find(marker)
        if position >= 0:
            data[position] ^= 1
            pack.write_bytes(data)
            flipped += 1
    assert flipped == 1, "random numbers are stored as they are"
    report = notebook.restore(made)
    assert list(report.failed) == ["big"]
    assert "mlm verify" in report.failed["big"]
    assert (report.displaced["big"][7] == -1).all()


def test_a_value_of_another_kind_is_not_taken_for_the_array(fresh: Open) -> None:
    kernel = fresh()
    inside = kernel.cell("import numpy as np\nbig = {'a': np.arange(384 * 1024.)}")
    other = kernel.cell("big = np.arange(384 * 1024.)[::-1].copy()[::-1].copy()\nbig[7] = -1")
    flat = kernel.cell("big[9] = 1")
    kernel.restore(inside)
    assert kernel.value("type(big) is dict and float(big['a'][7])") == 7
    kernel.restore(flat)
    wide = kernel.cell("big = big.reshape(384, 1024)\nbig[0, 3] = 5")
    kernel.restore(other)
    assert kernel.value("big.shape, float(big[7]), float(big[3])") == ((384 * 1024,), -1, 3)
    kernel.restore(wide)
    assert kernel.value("big.shape, float(big[0, 3]), float(big[0, 9])") == ((384, 1024), 5, 1)
