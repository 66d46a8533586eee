"""When an underscore means what was displayed last."""

from __future__ import annotations

import pytest

from mlm_jupyter.core.access import access_of

MEANT = [
    *("x = _", "_.head()", "f(_)", "f'{_}'", "lambda: _", "def f(x=_): pass", "def f():\n    return _", "class C:\n    y = _"),
    *("def f():\n    global _\n    _ = 1", "sys.displayhook._", "run('_[0]')", "%time _.head()", "%%time\nx = _", "await f(_)"),
    *("for _ in range(3): f()", "(item for item in _)", "import gettext as _", "_[0].x: int", "for"),
]
THROWN_AWAY = [
    *(
        "def f():\n    for _ in range(3): pass",
        "def f():\n    _, x = 1, 2",
        "[f() for _ in range(3)]",
        "'_'.join(words)",
        "lambda _: 1",
    ),
    *("async def f():\n    async for _ in x: pass", "class C:\n    _ = 1", "match x:\n    case _: pass", "snake_case = 1"),
]


@pytest.mark.parametrize("source", MEANT)
def test_an_underscore_that_may_be_the_latest_result_counts(source: str) -> None:
    access = access_of(source)
    assert "_" in access.identifiers or access.triggers


@pytest.mark.parametrize("source", THROWN_AWAY)
def test_an_underscore_of_a_functions_own_does_not_count(source: str) -> None:
    assert "_" not in access_of(source).identifiers
