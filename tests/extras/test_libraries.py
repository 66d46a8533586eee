"""Libraries whose own pickles lose something, or whose objects change when they are looked at."""

from __future__ import annotations

import pytest
from livenotebook import LiveNotebook, Open

FORMULA = """
import numpy as np, pandas as pd, statsmodels.formula.api as smf
df = pd.DataFrame({"x": [1., 2, 3, 4, 5], "g": list("ababa"), "y": [1., 2, 2, 4, 5]})
def f(v): return v ** 2
fit = smf.ols("y ~ np.log(x) + C(g) + f(x)", data=df).fit()
"""
ROWS = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, Session
eng = sa.create_engine("sqlite://")
class Base(DeclarativeBase): pass
class User(Base):
    __tablename__ = "u"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
Base.metadata.create_all(eng)
s = Session(eng); u = User(name="ann"); s.add(u); s.flush()
"""
FIGURE = """
import plotly.graph_objects as go
fig = go.Figure(go.Bar(y=[1]))
fig.update_layout(annotations=[dict(text='a')])
trace, layout, note, alone = fig.data[0], fig.layout, fig.layout.annotations[0], go.Bar(y=[2])
"""
MODELS = """
from pydantic import BaseModel
class Item(BaseModel):
    n: int = 0
    _m: int = 0
one, two = Item(), Item()
"""


def test_expressions_of_sympy(notebook: LiveNotebook, fresh: Open) -> None:
    pytest.importorskip("sympy")
    first = notebook.cell("import sympy; x = sympy.Symbol('x'); f = sympy.Function('f'); e = f(x) + 1; a = [1]")
    assert notebook.cell("e = e ** 2; a.append(2)").changes.changed == ("a", "e")
    book = fresh()
    assert book.restore(first).failed == {}
    assert book.value("e == f(x) + 1 and e == sympy.Function('f')(x) + 1 and a == [1]")


def test_a_model_built_by_a_formula_comes_back(notebook: LiveNotebook, fresh: Open) -> None:
    pytest.importorskip("statsmodels")
    notebook.cell(FORMULA)
    last = notebook.cell("def f(v): return v ** 3")
    expected = notebook.value("fit.predict(df).tolist()")
    for book in (notebook, fresh()):
        book.cell("df = fit = None")
        assert book.restore(last).failed == {}
        assert book.value("fit.predict(df).tolist()") == expected
        assert book.value("fit.model.data.frame is df or fit.model.data.frame.equals(df)")


def test_a_part_of_a_plotly_figure_is_still_part_of_it(notebook: LiveNotebook) -> None:
    pytest.importorskip("plotly")
    first = notebook.cell(FIGURE)
    notebook.cell("trace.name = 'n'; layout.width = 300; note.text = 'b'")
    notebook.restore(first)
    parts = "trace is fig.data[0], layout is fig.layout, note is fig.layout.annotations[0], alone.parent"
    assert notebook.value(parts) == (True, True, True, None)
    assert notebook.cell("alone.name = 'q'").changes.changed == ("alone",)


def test_setting_an_attribute_of_a_pydantic_model_changes_the_model_alone(notebook: LiveNotebook, fresh: Open) -> None:
    pytest.importorskip("pydantic")
    notebook.cell(MODELS)
    last = notebook.cell("one.n = 3; one._m = 4")
    assert last.changes.changed == ("one",)
    book = fresh()
    assert book.restore(last).failed == {}
    book.cell("two.n = 7; two._m = 8; three = Item(n='9')")
    assert book.value("one.n, one._m, two.n, two._m, three.n") == (3, 4, 7, 8, 9)


def test_a_row_that_comes_back_without_its_session_says_so(notebook: LiveNotebook) -> None:
    pytest.importorskip("sqlalchemy")
    first = notebook.cell(ROWS)
    notebook.cell("u.name = 'bob'")
    assert notebook.restore(first).lossy == {"u": "without its database session"}
