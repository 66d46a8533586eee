"""What is learnt of a session while it lives is kept, also by a database that is made anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stock import Stock

from mlm_jupyter.store import sessions
from mlm_jupyter.store.rebuild import rebuild
from mlm_jupyter.store.verify import verify


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Stock]:
    stock = Stock(tmp_path)
    yield stock
    stock.close()


def test_a_moved_notebook_has_its_whole_history_by_its_new_name_and_no_other_s(stock: Stock) -> None:
    made = [stock.add({"x": bytes(number)}) for number in range(3)]
    before = made[0].notebook
    assert before is not None
    sessions.move_notebook(stock.database, "another.ipynb", "wrong.ipynb")
    assert [one.notebook for one in stock.checkpoints.list()] == [before] * 3
    sessions.move_notebook(stock.database, before, "sub/moved.ipynb")
    assert [one.id for one in stock.checkpoints.list(notebook="sub/moved.ipynb")] == [one.id for one in reversed(made)]
    assert stock.checkpoints.resolve("latest", notebook="sub/moved.ipynb").id == made[-1].id
    assert stock.checkpoints.next_ordinal("sub/moved.ipynb") == made[-1].ordinal + 1
    assert verify(stock.packs).is_sound
    stock.close()
    rebuild(stock.database.folder)
    stock.reopen()
    assert {one.notebook for one in stock.checkpoints.list()} == {"sub/moved.ipynb"}


def test_an_author_is_set_for_one_session(stock: Stock) -> None:
    made = stock.add({})
    others = {one.id: one.author for one in stock.runs.sessions() if one.id != made.session_id}
    sessions.set_author(stock.database, made.session_id, "Ada")
    sessions.set_notebook(stock.database, made.session_id, "hers.ipynb")
    session = stock.runs.get_session(made.session_id)
    assert (session.author, session.notebook) == ("Ada", "hers.ipynb")
    assert {one.id: one.author for one in stock.runs.sessions() if one.id != made.session_id} == others
