"""The query language of runs: MLflow's filter strings with ``or``, ``not``, parentheses, ``order by`` and ``limit``.

``parse`` reads a text into frozen structs. What they mean is said once in plain Python, in ``core.selection``, and once
in SQL, in ``store.filters``; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar, cast, get_args

import msgspec

from mlm_jupyter.core.entities import RunStatus
from mlm_jupyter.errors import InvalidInputError

T = TypeVar("T")
Scalar = str | int | float
FieldKind = Literal["attribute", "metric", "param", "tag"]
Operator = Literal["=", "!=", ">", ">=", "<", "<=", "like", "ilike", "in", "is null"]


class Field(msgspec.Struct, frozen=True):
    """What is looked at: an attribute of the run, or one of its metrics, params or tags."""

    kind: FieldKind
    key: str

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers; params are text that compares as numbers where both sides are."""
        return self.kind == "metric" or (self.kind == "attribute" and self.key in _NUMBER_ATTRIBUTES)


class Comparison(msgspec.Struct, frozen=True):
    """One test of one field. ``values`` holds one operand, those of ``in``, or none for ``is null``."""

    field: Field
    operator: Operator
    values: tuple[Scalar, ...] = ()


class Not(msgspec.Struct, frozen=True):
    """True where the term is false."""

    term: Condition


class Every(msgspec.Struct, frozen=True):
    """Terms joined by ``and``."""

    terms: tuple[Condition, ...]


class Some(msgspec.Struct, frozen=True):
    """Terms joined by ``or``."""

    terms: tuple[Condition, ...]


Condition = Comparison | Not | Every | Some


class Order(msgspec.Struct, frozen=True):
    """One term of ``order by``; runs that lack the field come last in either direction."""

    field: Field
    is_descending: bool = False


class Query(msgspec.Struct, frozen=True):
    """Which runs, in which order (ties and no order: newest first), and how many."""

    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None


def parse(text: str) -> Query:
    """Read a query: ``metrics.acc > 0.9 and params.lr = '0.1' order by metrics.acc desc limit 10``.

    Fields are ``metrics.``, ``params.`` and ``tags.`` with a key (in backticks or double quotes where it has spaces),
    and the attributes of a run, bare or behind ``attributes.``. ``started_at`` and ``ended_at`` compare with
    milliseconds or a quoted ISO date in UTC. Keywords may be written in capitals.

    Raises
    ------
    InvalidInputError : it cannot be read; the message says at which character and what may stand there.
    """
    if len(text) > _LONGEST:
        raise InvalidInputError(f"The query is longer than {_LONGEST:,} characters. Ask in several queries.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInputError("The query holds half a character (a lone surrogate); type that part again.")
    return _Parser(text).query()


_ATTRIBUTES: Final[dict[str, str]] = {
    **{name: name for name in ("id", "name", "experiment", "status", "notebook", "parent_id", "session_id")},
    **{name: name for name in ("started_at", "ended_at", "duration_ms")},
    **{"run_id": "id", "run_name": "name", "start_time": "started_at", "created": "started_at", "end_time": "ended_at"},
}
"""The spellings of an attribute, MLflow's among them."""

_NUMBER_ATTRIBUTES: Final = frozenset({"started_at", "ended_at", "duration_ms"})
_STATUSES: Final = get_args(RunStatus)
_KINDS: Final[dict[str, FieldKind]] = {
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
}
_SYMBOLS: Final[dict[str, Operator]] = {
    **{"=": "=", "==": "=", "!=": "!=", "<>": "!="},
    **{">": ">", ">=": ">=", "<": "<", "<=": "<="},
}
_RESERVED: Final = frozenset(("and", "or", "not", "like", "ilike", "in", "is", "null", "order", "by", "limit", "asc", "desc"))
_DEEPEST: Final = 50
_LONGEST: Final = 100_000
_MOST_TESTS: Final = 500  # SQLite takes expressions up to a depth of 1,000

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TOKEN: Final = re.compile(
    rf"""\s*(?:
      (?P<number>{_NUMBER.pattern})(?![\w.])
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<symbol>!=|<>|>=|<=|==|=|>|<|\(|\)|,)
    | (?P<word>[^\W\d]\w*(?:\.(?:`[^`]+`|"[^"]+"|[\w./:@-]+))?)
    )""",
    re.VERBOSE,
)


def number_of(text: str) -> int | float | None:
    """Return the number a param's text spells, or None; ``nan`` and ``1_000`` are text.

    Integers of up to 64 bits stay integers, so that two long seeds are never equal by rounding.
    """
    if _INTEGER.fullmatch(text):
        integer = int(text) if len(text) < 20 else float(text)
        return integer if -(2**63) <= integer < 2**63 else float(integer)
    return float(text) if _NUMBER.fullmatch(text) else None


class _Token(msgspec.Struct, frozen=True):
    kind: Literal["number", "text", "symbol", "word", "end"]
    text: str
    start: int


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            hint = "close the quote" if text[start] in "'\"`" else "this cannot stand here"
            raise _error(_Token("symbol", text[start:].split()[0], start), hint)
        kind = cast(Literal["number", "text", "symbol", "word"], match.lastgroup)
        yield _Token(kind, match[kind], match.start(kind))
        position = match.end()
    yield _Token("end", "", end)


def _error(token: _Token, hint: str) -> InvalidInputError:
    place = f"near {token.text[:40]!r} at character {token.start + 1}" if token.text else "at its end"
    return InvalidInputError(f"Cannot read the query {place}: {' '.join(hint.split())}.")


class _Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0
        self._tests = 0

    def query(self) -> Query:
        where = None if self._is_word("order", "limit") or self._peek.kind == "end" else self._some()
        order: tuple[Order, ...] = ()
        may_follow = "'and', 'or', 'order by', 'limit' or the end"
        if self._take_word("order"):
            self._expect_word("by", "'order' goes on with 'by', for example: order by metrics.acc desc")
            order = tuple(self._list(self._order))
            may_follow = "'asc', 'desc', a comma, 'limit' or the end"
        limit = None
        if self._take_word("limit"):
            limit, may_follow = self._limit(), "the end: 'limit' comes last"
        if self._peek.kind != "end":
            raise _error(self._peek, f"expected {may_follow}")
        return Query(where, order, limit)

    def _some(self) -> Condition:
        terms = [self._every()]
        while self._take_word("or"):
            terms.append(self._every())
        return terms[0] if len(terms) == 1 else Some(tuple(terms))

    def _every(self) -> Condition:
        terms = [self._term()]
        while self._take_word("and"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else Every(tuple(terms))

    def _term(self) -> Condition:
        token = self._peek
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _error(token, f"it is nested deeper than {_DEEPEST} levels")
        term: Condition
        if self._take_word("not"):
            term = Not(self._term())
        elif self._take_symbol("("):
            term = self._some()
            self._expect_symbol(")", "expected 'and', 'or' or the closing ')'")
        else:
            term = self._comparison()
        self._depth -= 1
        return term

    def _comparison(self) -> Condition:
        field = self._field()
        token = self._take()
        if token.kind == "symbol" and token.text in _SYMBOLS:
            return Comparison(field, _SYMBOLS[token.text], (self._operand(field),))
        word = token.text.lower() if token.kind == "word" else ""
        if word == "is":
            is_negated = self._take_word("not")
            self._expect_word("null", "expected 'is null' or 'is not null'")
            self._count(token)
            return _negate(Comparison(field, "is null"), is_negated)
        is_negated = word == "not"
        if is_negated:
            token = self._take()
            word = token.text.lower()
        if word == "in":
            self._expect_symbol("(", "'in' takes a list, for example: in ('a', 'b')")
            values = tuple(self._list(lambda: self._operand(field)))
            self._expect_symbol(")", "expected ',' or the closing ')'")
            return _negate(Comparison(field, "in", values), is_negated)
        if word in ("like", "ilike"):
            if field.is_number:
                raise _error(token, "like and ilike are for text; numbers have = != > >= < <= and in")
            operand = self._text("a pattern in quotes, for example: like 'cnn%'")
            return _negate(Comparison(field, "like" if word == "like" else "ilike", (operand,)), is_negated)
        raise _error(token, "expected one of = != > >= < <= like ilike in 'not in' 'is null' 'is not null'")

    def _order(self) -> Order:
        field = self._field()
        is_descending = self._take_word("desc")
        if not is_descending:
            self._take_word("asc")
        return Order(field, is_descending)

    def _limit(self) -> int:
        token = self._take()
        digits = token.text.lstrip("0") if token.kind == "number" else ""
        if not digits.isdecimal() or len(digits) > 10 or int(digits) >= 2**31:  # Python reads no number of 4,301 digits
            raise _error(token, f"limit takes a whole number above 0 and below {2**31:,}")
        return int(digits)

    def _field(self) -> Field:
        token = self._take()
        name, dot, key = token.text.partition(".")
        if token.kind != "word" or name.lower() in _RESERVED:
            raise _error(token, "expected what to compare, for example metrics.acc, params.lr, tags.kind or status")
        if not dot:
            return self._attribute(token, name)
        kind = _KINDS.get(name.lower())
        if kind is None:
            raise _error(token, "a name starts with metrics, params, tags or attributes and a dot")
        key = key[1:-1] if key[0] in '`"' else key
        return self._attribute(token, key) if kind == "attribute" else Field(kind, key)

    def _attribute(self, token: _Token, name: str) -> Field:
        key = _ATTRIBUTES.get(name.lower())
        if key is None:
            known = ", ".join(sorted(set(_ATTRIBUTES.values())))
            raise _error(token, f"attributes are {known}; write metrics.{name[:40]} or params.{name[:40]} for those")
        return Field("attribute", key)

    def _operand(self, field: Field) -> Scalar:
        token = self._peek
        self._count(token)
        if field.is_number:
            return self._number(field)
        if field.kind == "param" and token.kind == "number":
            return self._take().text
        text = self._text("text in quotes" if field.kind != "param" else "a number, or text in quotes")
        if field == Field("attribute", "status"):
            text = text.lower()
            if text not in _STATUSES:
                raise _error(token, f"a status is one of {', '.join(_STATUSES)}")
        return text

    def _count(self, token: _Token) -> None:
        self._tests += 1
        if self._tests > _MOST_TESTS:
            raise _error(token, f"it makes more than {_MOST_TESTS} comparisons")

    def _number(self, field: Field) -> int | float:
        token = self._take()
        number = number_of(token.text) if token.kind == "number" else None
        if number is None and token.kind == "text" and field.key in ("started_at", "ended_at"):
            number = _milliseconds(_unquote(token.text))
            if number is None:
                raise _error(token, "expected a date such as '2026-11-21' or '2026-11-21T09:30' (UTC)")
        if number is None:
            raise _error(token, "expected a number, without quotes")
        return number

    def _text(self, wanted: str) -> str:
        token = self._take()
        if token.kind != "text":
            quoted = f", such as '{token.text[:40]}'" if token.kind in ("word", "number") else ""
            raise _error(token, f"expected {wanted}{quoted}")
        return _unquote(token.text)

    def _list(self, item: Callable[[], T]) -> Iterator[T]:
        yield item()
        while self._take_symbol(","):
            yield item()

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._peek
        self._next += token.kind != "end"
        return token

    def _is_word(self, *words: str) -> bool:
        return self._peek.kind == "word" and self._peek.text.lower() in words

    def _take_word(self, word: str) -> bool:
        is_there = self._is_word(word)
        self._next += is_there
        return is_there

    def _expect_word(self, word: str, hint: str) -> None:
        if not self._take_word(word):
            raise _error(self._peek, hint)

    def _take_symbol(self, symbol: str) -> bool:
        is_there = self._peek.kind == "symbol" and self._peek.text == symbol
        self._next += is_there
        return is_there

    def _expect_symbol(self, symbol: str, hint: str) -> None:
        if not self._take_symbol(symbol):
            raise _error(self._peek, hint)


def _negate(term: Condition, is_negated: bool) -> Condition:
    return Not(term) if is_negated else term


def _unquote(text: str) -> str:
    return text[1:-1].replace(text[0] * 2, text[0])


def _milliseconds(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
