"""What is recorded is what the notebook shows: the same real cells, seen by the recorder and by nbclient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording import Notebook, open_notebook, without_ids

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

CELLS = {
    "prints": "for i in range(50): print(i)",
    "streams_taking_turns": """
import sys
for i in range(4):
    print("out", i, flush=True)
    print("err", i, file=sys.stderr, flush=True)""",
    "a_result": "{'a': [1, 2, 3]}",
    "several_results_from_now_on": "get_ipython().ast_node_interactivity = 'all'",
    "several_results": "1\n'two'\nprint(3)\n4.0",
    "one_result_from_now_on": "get_ipython().ast_node_interactivity = 'last_expr'",
    "carriage_returns": "for i in range(30): print(f'\\r{i} of 30', end='')\nprint('\\nab\\b\\bc\\r\\n')",
    "a_progress_bar": "from tqdm import tqdm\nfor _ in tqdm(range(500), mininterval=0): pass",
    "an_exception": "print('before')\n{}['missing']",
    "a_syntax_error": "def f(:",
    "a_traceback_shown": "try:\n    1/0\nexcept ZeroDivisionError:\n    get_ipython().showtraceback()\nprint('after')",
    "the_last_traceback_again": "%tb",
    "bad_use_of_a_magic": "%timeit -x",
    "a_clear": "from IPython.display import *\nprint('gone')\nclear_output()\nprint('kept')",
    "a_clear_that_waits": "for i in range(5):\n    clear_output(wait=True)\n    display(i)\nclear_output(wait=True)",
    "an_animation": "for i in range(5):\n    clear_output(wait=True)\n    print('frame', i)",
    "displays_with_ids": "one = display(1, display_id=True)\ntwo = display('a', display_id='two')\none.update(10)",
    "updates_of_an_earlier_cell": "one.update(HTML('<b>100</b>'))\ndisplay('b', display_id='two')\nprint('here')",
    "an_update_of_nothing": "update_display(1, display_id='never displayed')",
    "rich_data": """
class Rich:
    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {'text/plain': 'rich', 'image/png': b'\\x89PNG\\r\\n\\x1a\\n', 'application/json': {'a': [1, None, 2.5]}}
        return data | {'application/vnd.vega.v5+json': {'marks': []}}, {'image/png': {'width': 3}}
display(Rich(), metadata={'x': 1})
Rich()""",
    "a_figure": """
%matplotlib inline
import matplotlib.pyplot as plt
fig = plt.figure(figsize=(1, 1)); plt.plot([1, 2])
print('drawn below')""",
    "a_table": "import pandas as pd\ndisplay(pd.DataFrame({'a': [1, 2]}))\npd.Series([1.5])",
    "captured": "%%capture text\nprint('not shown')\ndisplay(1)\n2",
    "captured_and_shown": "text.show()\ntext.stdout",
    "a_cell_in_a_cell": "get_ipython().run_cell('print(1)\\n2\\n1/0')\nprint('outer')",
    "await": "import asyncio\nprint('a')\nawait asyncio.sleep(0.01)\nprint('b')\nawait asyncio.sleep(0, 5)",
    "gather": """
async def work(n):
    for i in range(3):
        print(n, i)
        await asyncio.sleep(0.001)
_ = await asyncio.gather(work('x'), work('y'))""",
    "a_command": "!echo from a shell; echo to stderr >&2",
    "a_command_s_text": "lines = !printf 'a\\nb'\nlines",
    "a_script": "%%bash\necho one\necho two >&2",
    "logging": "import logging\nlogging.basicConfig(force=True)\nlogging.warning('careful')",
    "a_warning": "import warnings\nwarnings.warn('watch out')",
    "a_thread": """
import threading
def talk():
    print('thread')
    display('shown in a thread')
thread = threading.Thread(target=talk); thread.start(); thread.join()
print('main')""",
    "a_fork": """
import multiprocessing, time
process = multiprocessing.get_context('fork').Process(target=print, args=('from a child',), kwargs={'flush': True})
process.start(); process.join()
time.sleep(0.3)""",
    "timing": "%%time\nsum(range(10))",
    "help": "len?",
    "odd_characters": "print('nul \\0, bell \\a, byte \\udcff, emoji \\U0001f600, \\x1b[31mred\\x1b[0m')\n'\\0'",
    "many_kinds_of_numbers": "display({'application/json': {'a': float('nan'), 'b': 10**30}}, raw=True)",
    "an_output_widget": """
import ipywidgets as w
out = w.Output(); display(out)
print('in the cell')
with out:
    print('in the widget'); display(w.IntSlider(3)); 1/0
print('in the cell again')""",
    "an_output_widget_of_an_earlier_cell": "out.clear_output()\nwith out: print('again')\nprint('and here')",
    "an_output_widget_in_another": "inner = w.Output()\nwith out:\n    print(1)\n    with inner: print(2)\n    print(3)",
    "a_progress_widget": "from tqdm.notebook import tqdm\nfor _ in tqdm(range(5)): pass",
    "a_display_that_fails": "class Bad:\n    def __repr__(self): raise RuntimeError('no repr')\nBad()",
    "an_interrupt": "import os, signal\nprint('working')\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)",
    "exit_code": "raise SystemExit(3)",
    "nothing": "x = 1;",
    "a_result_not_shown": "5;",
}


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    with open_notebook() as notebook:
        for source in CELLS.values():
            notebook.run(source)
        yield notebook


@pytest.fixture(scope="module")
def recorded(notebook: Notebook) -> dict[str, Any]:
    return notebook.recorded()


@pytest.mark.parametrize("position", range(len(CELLS)), ids=list(CELLS))
def test_recorded_outputs_are_those_of_the_notebook(notebook: Notebook, recorded: dict[str, Any], position: int) -> None:
    assert recorded["outputs"][str(position + 1)] == notebook.shown(position)


def test_what_output_widgets_captured_is_what_they_show(notebook: Notebook, recorded: dict[str, Any]) -> None:
    assert recorded["widgets"] == notebook.shown_by_widgets()
    assert sum(map(len, recorded["widgets"].values())) == 2


def test_text_that_code_gives_to_an_output_widget_is_in_it_as_in_jupyterlab_though_not_in_nbclient() -> None:
    with open_notebook() as notebook:
        notebook.run("import ipywidgets; out = ipywidgets.Output()\nout.append_stdout('gi')\nout.append_stdout('ven')")
        notebook.run("with out: print(' and captured')")
        (outputs,) = notebook.recorded()["widgets"].values()
        assert [output["text"] for output in outputs] == ["given and captured\n"]


def test_everything_is_there_when_a_cell_ends(recorded: dict[str, Any]) -> None:
    assert recorded["ended"] == recorded["final"]


def test_cells_put_out_what_they_should(recorded: dict[str, Any]) -> None:
    kinds = {
        name: [output["output_type"] for output in recorded["outputs"][str(position)]] for position, name in enumerate(CELLS, 1)
    }
    assert kinds["several_results"] == ["execute_result", "execute_result", "stream", "execute_result"]
    assert kinds["a_progress_bar"] == ["stream"]
    assert kinds["captured"] == []
    assert kinds["streams_taking_turns"] == ["stream"] * 8
    assert kinds["a_fork"] == ["stream"]
    assert kinds["an_output_widget"] == ["display_data", "stream"]
    assert kinds["a_figure"] == ["stream", "display_data"]


def test_a_notebook_of_the_recorded_outputs_is_valid(recorded: dict[str, Any]) -> None:
    cells = [nbformat.v4.new_code_cell("", outputs=outputs) for outputs in recorded["outputs"].values()]
    nbformat.validate(nbformat.v4.new_notebook(cells=cells))


def test_recording_changes_nothing_that_the_user_sees(notebook: Notebook) -> None:
    with open_notebook(is_recorded=False) as plain:
        for source in CELLS.values():
            plain.run(source)
        for position, name in enumerate(CELLS):
            assert without_ids(plain.shown(position)) == without_ids(notebook.shown(position)), name


TEXTS = st.text(alphabet="abc\n\r\b é", max_size=10)
IDS = st.sampled_from(["p", "q", "r"])
STEPS = st.one_of(
    st.tuples(st.just("print"), st.sampled_from(["stdout", "stderr"]), TEXTS),
    st.tuples(st.just("flush")),
    st.tuples(st.just("display"), TEXTS, st.none() | IDS),
    st.tuples(st.just("update"), TEXTS, IDS),
    st.tuples(st.just("clear"), st.booleans()),
    st.tuples(st.just("result"), st.integers(0, 9)),
    st.tuples(st.just("error"), TEXTS),
)
PROGRAMS = st.lists(
    STEPS | st.tuples(st.just("capture"), st.integers(0, 1), st.lists(STEPS, max_size=5)), min_size=1, max_size=14
)


def test_any_sequence_of_outputs_is_recorded_as_the_notebook_shows_it() -> None:
    with open_notebook() as notebook:

        @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(PROGRAMS)
        def check(program: list[Any]) -> None:
            index = notebook.run(f"__import__('recording').play({program!r})")
            recorded = notebook.recorded(index)
            assert recorded["outputs"][str(index + 1)] == notebook.shown(index)
            assert recorded["ended"] == recorded["final"]
            assert recorded["widgets"] == notebook.shown_by_widgets()

        check()
        outputs = notebook.recorded()["outputs"]
        shown = {str(index + 1): notebook.shown(index) for index in range(len(notebook.client.nb.cells))}
        assert outputs == shown
