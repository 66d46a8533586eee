"""Tab behind a magic, asked as JupyterLab asks a real kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracked import START, Kernel, open_kernel

from mlm_jupyter.kernel.arguments import split
from mlm_jupyter.kernel.completion import read_cursor
from mlm_jupyter.kernel.magics import SIGNATURES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with open_kernel(tmp_path_factory.mktemp("completion") / "project") as kernel:
        kernel.track(START)
        kernel.run("lr = 0.1; learning_curve = [1]; _private = 1\n%mlm_checkpoint best")
        kernel.run("%mlm_run base\n%mlm_log acc=0.5, val/f1=1")
        kernel.run('%mlm_run "two words" --param depth=3')
        kernel.track("%reset_selective -f lr\ndepth = 3")
        yield kernel


def complete(kernel: Kernel, code: str, cursor: int | None = None) -> tuple[list[str], str]:
    """Return what is offered, and the text that it would replace."""
    reply: dict[str, Any] = kernel._client.complete(code, cursor, reply=True, timeout=30)["content"]
    assert reply["status"] == "ok"
    return reply["matches"], code[reply["cursor_start"] : reply["cursor_end"]]


@pytest.mark.parametrize(
    ("code", "offered", "replaced"),
    [
        ("%mlm_track st", ["start", "stop", "status"], "st"),
        ("mlm_track sta", ["start", "status"], "sta"),
        ("%mlm_track --ta", ["--tag"], "--ta"),
        ("%mlm_track --tag a=1 --ta", ["--tag"], "--ta"),
        ("%mlm_track --name x --tag a=1 re", ["resume"], "re"),
        ("%mlm_track --params lear", ["learning_curve"], "lear"),
        ("%mlm_track --params depth,l", ["learning_curve"], "l"),
        ("%mlm_track --metrics=depth,l", ["learning_curve"], "l"),
        ("%mlm_track --name tw", ['"two words"'], "tw"),
        ('%mlm_track --name "tw', ['"two words"'], '"tw'),
        ("%mlm_restore be", ["best"], "be"),
        ("report = %mlm_restore be", ["best"], "be"),
        ("%mlm_restore curr", ["current"], "curr"),  # "cur" could be a curious otter, too
        ("%mlm_restore current~", ["current~1", "current~2", "current~3"], "current~"),
        ("%mlm_restore best --only l", ["learning_curve", "lr"], "l"),
        ("%mlm_restore best --only lr,l", ["learning_curve"], "l"),
        ("%mlm_restore --only l", ["learning_curve"], "l"),
        ("%mlm_restore best --dry-run --d", ["--d"], "--d"),
        ("%mlm_diff best la", ["latest"], "la"),
        ("%mlm_diff best --only code,p", ["params"], "p"),
        ("%mlm_history --run ba", ["base"], "ba"),
        ("x = 1\n%mlm_diff la\ny = 2", ["latest"], "la"),
        ("def f():\n    %mlm_log acc=lear", ["learning_curve"], "lear"),
        ("%mlm_log acc=learning_curve.appe", ["append"], "appe"),
        ("%mlm_log acc=1 --s", ["--step"], "--s"),
        ("%mlm_log acc=1 --step dep", ["depth"], "dep"),
        ("%mlm_log acc=1 --step=dep", ["depth"], "dep"),
        ("%mlm_run a --param depth={dep", ["depth"], "dep"),
        ("%%mlm_run a --p", ["--param"], "--p"),
        ("%mlm_runs metrics.a", ["metrics.acc"], "metrics.a"),
        ("%mlm_runs status = 'finished' and params.", ["params.depth", "params."], "params."),
        ("%mlm_runs metrics.`v", ["metrics.`val/f1`"], "metrics.`v"),
        ("%mlm_hist", ["%mlm_history"], "%mlm_hist"),
    ],
)
def test_what_fits_is_offered_and_nothing_else(kernel: Kernel, code: str, offered: list[str], replaced: str) -> None:
    cursor = code.index("\ny = 2") if "\ny = 2" in code else None
    assert complete(kernel, code, cursor) == (offered, replaced)


def test_with_nothing_typed_words_come_first_and_hidden_things_never(kernel: Kernel) -> None:
    offered, replaced = complete(kernel, "%mlm_track ")
    assert (offered[:2], replaced) == (["start", "stop"], "")
    assert "--manual" in offered
    offered, _ = complete(kernel, "%mlm_restore ")
    newest = kernel.checkpoints()[-1].id
    assert offered[:3] == ["latest", "current", "best"]
    assert {"base", '"two words"', newest, "--dry-run"} <= set(offered)
    assert "--this-cell" not in complete(kernel, "%mlm_run a ")[0]
    variables, _ = complete(kernel, "%mlm_track --params ")
    assert variables == ["depth", "learning_curve"]


def test_other_lines_are_completed_as_ever(kernel: Kernel) -> None:
    assert complete(kernel, "learning_c")[0] == ["learning_curve"]
    assert "%timeit" in complete(kernel, "%time")[0]


def test_it_works_before_tracking_and_without_a_project(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_kernel(tmp_path_factory.mktemp("untracked") / "project") as fresh:
        fresh.run("%load_ext mlm_jupyter\nvalue = 1")
        assert complete(fresh, "%mlm_restore l")[0] == ["latest"]
        assert complete(fresh, "%mlm_track --params v")[0] == ["value"]


@given(st.sampled_from(sorted(SIGNATURES)), st.text("-=,'\"[~ abc", max_size=20))
def test_the_place_of_the_cursor_is_found_in_any_line(magic: str, line: str) -> None:
    cursor = read_cursor(SIGNATURES[magic], line)
    assert line.endswith(cursor.text)
    assert set(cursor.before) <= {word.text for word in split(line)}
