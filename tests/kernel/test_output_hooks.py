"""How recording sits in a real kernel and in a terminal: it harms nobody, sees every thread, and leaves without a trace."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_core.utils import run_sync
from recording import Notebook, open_notebook
from tracked import PATIENCE_S, wait_for_file

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

CURRENT = "__import__('recording').current"


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    with open_notebook() as notebook:
        yield notebook


def texts(outputs: list[dict[str, Any]]) -> list[str]:
    return [output.get("text") or output["data"]["text/plain"] for output in outputs]


def wait_for_late(notebook: Notebook, index: int) -> dict[str, Any]:
    """Wait until something late was recorded of this cell."""
    deadline = time.monotonic() + PATIENCE_S
    while not (recorded := notebook.recorded(index))["late"]:
        assert time.monotonic() < deadline, "nothing late came"
        time.sleep(0.05)
    return recorded


def test_an_asyncio_task_s_late_print_lands_in_the_cell_that_started_it(notebook: Notebook) -> None:
    source = """
import asyncio
async def later():
    await asyncio.sleep(0.3)
    print('late', end='')
    display('late too')
task = asyncio.create_task(later())
print('now and ', end='')"""
    first = notebook.run(source)
    notebook.run("await task\nprint('another cell')")
    recorded = wait_for_late(notebook, first)
    key = str(first + 1)
    assert texts(recorded["final"][key]) == ["now and "]
    assert texts(recorded["outputs"][key]) == ["now and late", "'late too'"]
    assert key in recorded["told"]


def test_a_thread_s_late_print_lands_where_ipykernel_sends_it(notebook: Notebook, tmp_path: Path) -> None:
    source = f"""
import os, threading, time
def speak():
    while not os.path.exists({str(tmp_path / "speak")!r}): time.sleep(0.01)
    print('from a thread', flush=True)
    open({str(tmp_path / "spoken")!r}, 'w').close()
threading.Thread(target=speak).start()"""
    notebook.run(source)
    last = notebook.run("print('last cell')")
    (tmp_path / "speak").touch()
    wait_for_file(tmp_path / "spoken")  # asking is a request too, and the print would be its output
    recorded = notebook.recorded(last)
    assert recorded["late"]
    assert texts(recorded["outputs"][str(last + 1)]) == ["last cell\nfrom a thread\n"]


def test_a_display_updated_a_thousand_times_by_a_later_cell_is_one_late_record(notebook: Notebook) -> None:
    first = notebook.run("handle = display(0, display_id=True)")
    notebook.run("for i in range(1000): handle.update(i)")
    recorded = notebook.recorded(first)
    assert texts(recorded["outputs"][str(first + 1)]) == ["999"]
    assert len(recorded["late"][str(first + 1)]) == 1


def test_a_subshell_s_outputs_are_kept_apart_from_the_main_shell_s() -> None:
    main = "import time\nfor i in range(20): print('main', i, flush=True); time.sleep(0.02)"
    side = "for j in range(10): print('side', j, flush=True); display(j)\n1/0"
    with open_notebook() as notebook:
        client = notebook.client.kc
        client.control_channel.send(client.session.msg("create_subshell_request", {}))
        reply = run_sync(client.get_control_msg)(timeout=PATIENCE_S)
        message = client.session.msg("execute_request", {"code": side, "silent": False, "store_history": True})
        message["header"]["subshell_id"] = reply["content"]["subshell_id"]
        client.execute(main)
        time.sleep(0.1)
        client.shell_channel.send(message)
        for _ in range(2):
            run_sync(client.get_shell_msg)(timeout=PATIENCE_S)
        outputs = notebook.recorded()["outputs"]
    assert texts(outputs["1"]) == ["".join(f"main {i}\n" for i in range(20))]
    *shown, error = outputs["2"]
    assert texts(shown) == [text for i in range(10) for text in (f"side {i}\n", f"{i}")]
    assert error["ename"] == "ZeroDivisionError"


def test_what_input_asks_and_gets_is_no_output() -> None:
    with open_notebook() as notebook:
        client = notebook.client.kc

        def answer(message: dict[str, Any]) -> None:
            client.input("my secret")

        execute = run_sync(client.execute_interactive)
        source = "name = input('name? ')\nprint('hello')"
        execute(source, allow_stdin=True, stdin_hook=answer, output_hook=lambda message: None, timeout=PATIENCE_S)
        assert texts(notebook.recorded()["outputs"]["1"]) == ["hello\n"]


def test_a_recorder_that_breaks_loses_no_output_of_the_user() -> None:
    with open_notebook() as notebook:
        notebook.ask(f"def broken(key): raise SystemExit('broken')\n{CURRENT}.recorder.on_late = broken")
        first = notebook.run("handle = display('first', display_id=True)\nprint('first')")
        second = notebook.run("for i in range(3): handle.update(i); print(i)\n1/0")
        assert texts(notebook.shown(first)) == ["2", "first\n"]
        assert [output["output_type"] for output in notebook.shown(second)] == ["stream", "error"]
        assert notebook.ask(failure=f"{CURRENT}.recorder.failure")["failure"] == "SystemExit: broken"


def test_installing_is_idempotent_and_uninstalling_leaves_the_kernel_as_it_was() -> None:
    with open_notebook(is_recorded=False) as notebook:
        notebook.ask("""
from mlm_jupyter.kernel.outputs import OutputRecorder
shell = get_ipython(); thread = shell.kernel.iopub_thread
recorder = OutputRecorder(shell)
before = dict(vars(thread)), type(thread).__dict__.copy()
recorder.install(); recorder.install()
wrapped = thread._really_send
recorder.uninstall(); recorder.uninstall()
after = dict(vars(thread)), type(thread).__dict__.copy()
recorder.install()
theirs = lambda *args, **kwargs: ours(*args, **kwargs)
ours, thread._really_send = thread._really_send, theirs
recorder.uninstall()""")
        state = notebook.ask(
            restored="before == after", wrapped="'_really_send' not in before[0] and wrapped is not None",
            theirs="thread._really_send is theirs",
        )  # fmt: skip
        assert state == {"restored": True, "wrapped": True, "theirs": True}
        assert texts(notebook.shown(notebook.run("print('still shown')"))) == ["still shown\n"]


def test_recording_works_through_the_public_method_alone() -> None:
    with open_notebook(is_recorded=False) as notebook:
        notebook.ask("from mlm_jupyter.kernel import wire; wire._METHODS = ('send_multipart',)")
        notebook.ask("import recording; recording.record(get_ipython(), 10_000_000); del recording")
        for source in ("print('a')\ndisplay(1)\n!echo b", "1/0", "2"):
            index = notebook.run(source)
            recorded = notebook.recorded(index)
            assert recorded["outputs"] == recorded["ended"] == {str(index + 1): notebook.shown(index)}


def test_a_cell_that_floods_is_kept_bounded_and_shown_whole() -> None:
    with open_notebook(limit_bytes=100_000) as notebook:
        index = notebook.run("for i in range(40): print(f'{i:02}' * 50_000)")
        (shown,) = notebook.shown(index)
        assert len(shown["text"]) == 4_000_040
        outputs = notebook.recorded(index)["outputs"][str(index + 1)]
        assert len(json.dumps(outputs)) < 101_000
        assert outputs[-1]["text"].endswith("3939\n")


def test_loading_the_recorder_in_a_kernel_imports_nothing_else() -> None:
    code = """
import sys, ipykernel.ipkernel, msgspec
before = set(sys.modules)
import mlm_jupyter.kernel.outputs
print(*sorted(name for name in set(sys.modules) - before if not name.startswith('mlm_jupyter')))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_widgets_a_cell_shows_are_found_with_all_they_refer_to(notebook: Notebook) -> None:
    source = """
import ipywidgets as w
slider, label, other = w.IntSlider(3), w.Label('x'), w.Text('not shown')
link = w.jslink((slider, 'value'), (label, 'value'))
out = w.Output()
with out: print('captured'); display(w.Button(description='inside'))
display(w.VBox([slider, w.HBox([label]), out]))
"""
    index = notebook.run(source)
    recorded = notebook.recorded(index)
    outputs = recorded["outputs"][str(index + 1)]
    notebook.ask(
        "from mlm_jupyter.kernel.widgets import find_widget_state\n"
        f"outputs, widgets = {outputs!r}, {recorded['widgets']!r}\n"
        "bundle = find_widget_state(outputs, widgets); states = bundle['state']\n"
        "kinds = sorted(state['model_name'] for state in states.values())\n"
    )
    answers = notebook.ask(
        kinds="kinds",
        captured="states[out.model_id]['state']['outputs'][0]['text']",
        other="other.model_id in states",
        little="find_widget_state(outputs, widgets, limit_bytes=100)",
        nothing="find_widget_state([{'output_type': 'stream', 'name': 'stdout', 'text': ''}], widgets)",
    )
    for kind in ("VBoxModel", "HBoxModel", "IntSliderModel", "LabelModel", "LinkModel", "OutputModel", "ButtonModel"):
        assert kind in answers["kinds"]
    assert answers["captured"] == "captured\n"
    assert answers["other"] is False
    assert answers["little"] is None
    assert answers["nothing"] is None


TERMINAL = """
import json, sys, threading
from IPython.terminal.interactiveshell import TerminalInteractiveShell
shell = TerminalInteractiveShell.instance(simple_prompt=True, colors='nocolor')
is_recorded, path = sys.argv[1] == 'yes', sys.argv[2]
if is_recorded:
    from mlm_jupyter.kernel.outputs import OutputRecorder
    recorder = OutputRecorder(shell)
    def methods():
        hook, publisher = shell.displayhook, shell.display_pub
        return [
            sys.stdout.write, sys.stderr.write, publisher.publish, publisher.clear_output, hook.write_output_prompt,
            hook.write_format_data, hook.finish_displayhook, shell._showtraceback
        ]
    before = methods()
    recorder.install(); recorder.install()
outputs = []
for number, source in enumerate(json.loads(sys.argv[3])):
    if is_recorded:
        recorder.begin(None, str(number))
    shell.run_cell(source, store_history=True)
    if is_recorded:
        ended = recorder.end(str(number))
        print('the prompt')
        assert recorder.final(str(number)) == ended
        outputs.append(ended)
    else:
        print('the prompt')
if is_recorded:
    thread = threading.Thread(target=print, args=['late']); thread.start(); thread.join()
    late, failure = recorder.take_late(), recorder.failure
    recorder.uninstall()
    state = {'outputs': outputs, 'late': late, 'failure': failure, 'is_restored': methods() == before}
    open(path, 'w').write(json.dumps(state))
"""


def test_a_terminal_shows_the_same_and_is_recorded_as_outputs(tmp_path: Path) -> None:
    cells = [
        "print('a'); import sys; print('e', file=sys.stderr); 1 + 1",
        "from IPython.display import display\nh = display('x', display_id='q'); h.update('y')",
        "1/0",
        "print(sys.stdout.isatty(), '\\udc80' == chr(0xdc80)); sys.stdout.write('w\\r')",
        "%%capture\nprint('not shown')",
    ]
    shown, path = {}, tmp_path / "state.json"
    for is_recorded in ("no", "yes"):
        command = [sys.executable, "-c", TERMINAL, is_recorded, str(path), json.dumps(cells)]
        environment = {"IPYTHONDIR": str(tmp_path / "ipython"), "PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        shown[is_recorded] = done.stdout.removesuffix("late\n"), done.stderr
    assert shown["yes"] == shown["no"]
    state = json.loads(path.read_text())
    assert (state["failure"], state["is_restored"]) == (None, True)
    first, second, third, fourth, fifth = state["outputs"]
    assert texts(first) == ["a\n", "e\n", "2"]
    assert first[2]["execution_count"] == 1
    assert texts(second) == ["'y'"]
    assert third[0]["ename"] == "ZeroDivisionError"
    assert texts(fourth) == ["False True\nw", "2"]
    assert fifth == []
    assert state["late"] == [["4", [{"output_type": "stream", "name": "stdout", "text": "late\n"}]]]
