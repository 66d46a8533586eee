"""What is on the disk, what is not, and what cannot be said of either."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlm_jupyter.files import is_file, is_folder, is_there


def test_what_is_there_is_told_apart_and_what_is_not_is_none_of_it(tmp_path: Path) -> None:
    file, loop = tmp_path / "file", tmp_path / "loop"
    file.touch()
    loop.symlink_to(loop)
    assert [(is_there(path), is_file(path), is_folder(path)) for path in (file, tmp_path)] == [
        (True, True, False),
        (True, False, True),
    ]
    for nothing in (tmp_path / "nothing", file / "below", loop, loop / "below"):
        assert not (is_there(nothing) or is_file(nothing) or is_folder(nothing))


@pytest.mark.parametrize("ask", [is_there, is_file, is_folder])
def test_where_the_disk_does_not_say_there_is_no_answer_but_an_error(tmp_path: Path, ask: object) -> None:
    """Of a name that is too long; a folder that may not be read is another, which root may."""
    assert callable(ask)
    with pytest.raises(OSError):
        ask(tmp_path / ("long" * 100))
