"""Values with ways of their own: classes that say nothing of themselves, weak references, what is changed by being shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from livenotebook import LiveNotebook, Open

from mlm_jupyter.capture.preview import preview

NO_MODULE = """
kind = type("f", (), {"__module__": None})
class Holder: pass
value = kind(); holder = Holder(); holder.inner = value; other = [1]
"""
WEAK = """
import weakref, tempfile
class Node: pass
node = Node(); proxy = weakref.proxy(node); end = weakref.finalize(node, print); folder = tempfile.TemporaryDirectory()
"""
REMEMBERS = """
class Query:
    def __repr__(self):
        self.__dict__.setdefault("cached", 0)
        return "query"
query = Query(); holder = [query]
"""

ANSWERING = {
    "with what it holds": "class Bunch(dict):\n    __getattr__ = dict.__getitem__\n    __setattr__ = dict.__setitem__",
    "with an error": "class Bunch(dict):\n    def __getattr__(self, n):\n        asked.append(n); raise RuntimeError(n)",
}


@pytest.mark.parametrize("kind", ANSWERING)
def test_what_two_names_share_is_not_asked_by_getattr(notebook: LiveNotebook, fresh: Open, kind: str) -> None:
    notebook.cell(f"asked = []\n{ANSWERING[kind]}\nconfig = Bunch(a=1); models = [config]; n = 1")
    last = notebook.cell("n = 2")
    assert last.changes.changed == ("n",)
    assert notebook.value("asked") == []
    book = fresh()
    assert book.restore(last).failed == {}
    assert book.value("models[0] is config and config == {'a': 1} and n == 2")


def test_a_type_that_says_no_module_is_captured_and_hinders_nobody(notebook: LiveNotebook, fresh: Open) -> None:
    first = notebook.cell(NO_MODULE)
    assert notebook.cell("other.append(holder)").changes.changed == ("other",)
    notebook.cell("other.clear(); value.a = 1")
    book = fresh()
    assert book.restore(first).failed == {}
    assert book.value("type(holder.inner) is kind and type(value) is kind and holder.inner is value and other == [1]")


def test_a_weak_proxy_is_not_captured(notebook: LiveNotebook) -> None:
    first = notebook.cell(WEAK)
    notebook.cell("proxy = 1; folder.cleanup()")
    assert notebook.restore(first).failed == {"proxy": "a weak reference"}


def test_what_comes_back_without_its_finalizer_says_so(notebook: LiveNotebook) -> None:
    first = notebook.cell(WEAK)
    notebook.cell("end = 1; folder.cleanup(); folder = None")
    assert {"end", "folder"} <= set(notebook.restore(first).lossy)


def test_showing_a_value_does_not_make_it_changed(notebook: LiveNotebook) -> None:
    notebook.cell(REMEMBERS)
    assert not notebook.cell("x = 1").changes.changed
    assert not notebook.cell("another = Query()").changes.changed


def test_what_can_be_pickled_again_is_captured_again(notebook: LiveNotebook) -> None:
    notebook.cell("import threading\nd = {'a': [[i] for i in range(100_000)], 'lock': threading.Lock()}")
    again = notebook.cell("del d['lock']")
    assert again.changes.changed == ("d",)
    notebook.cell("d['a'][0] = 5")
    assert notebook.restore(again).failed == {}
    assert notebook.value("d['a'][0], len(d)") == ([0], 1)


def test_what_is_lazy_is_not_computed_wherever_it_is() -> None:
    asked: list[object] = []

    class Relation:
        def __repr__(self) -> str:
            asked.append(self)
            return "rows"

    class Model:
        relation: Any

    Relation.__module__ = "duckdb"
    model = Model()
    model.relation = Relation()
    for value in (Relation(), [Relation()], {"a": (1, Relation())}, model):
        preview(value)
    assert asked == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_picture_is_not_read_by_looking(notebook: LiveNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    image.new("RGB", (20, 20), "red").save("a.jpg")
    frames = [image.new("RGB", (9, 9), color) for color in ("red", "green", "blue")]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    notebook.cell("from PIL import Image; im = Image.open('a.jpg'); gif = Image.open('a.gif')")
    notebook.cell("im.draft('L', (10, 10))")
    assert notebook.value("im.mode, im.size") == ("L", (10, 10))
    loaded = notebook.cell("im.load(); gif.seek(1); gif.load()")
    notebook.cell("im = gif = None")
    assert notebook.restore(loaded).lossy == {"gif": "without the other frames of its file"}
    assert notebook.value("im.size, gif.convert('RGB').getpixel((0, 0))") == ((10, 10), (0, 128, 0))
