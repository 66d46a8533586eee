"""``acc=model.score(X, y), loss --step epoch``: metrics as they are typed, and their values."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, Final

from IPython.utils.text import DollarFormatter

from mlm_jupyter.core.scalars import step_number
from mlm_jupyter.errors import InvalidInputError
from mlm_jupyter.kernel.arguments import split, without_comment

_NAMED: Final = re.compile(r"\s*([^=<>!()\[\]'\"]+?)\s*=(?!=)(.*)", re.DOTALL)
_PATH: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_EXAMPLE: Final = "Write for example: %mlm_log acc=model.score(X, y), loss --step 3"


def read_metrics(line: str, namespace: dict[str, Any]) -> tuple[dict[str, object], int | None]:
    """Return the metrics a line names, as the values they have in ``namespace``, and their step.

    Raises
    ------
    InvalidInputError : it cannot be read, or what is typed cannot be evaluated; the message says what.
    """
    text, step = _take_step(without_comment(line))
    pieces = _pieces(text, namespace)
    if not pieces:
        raise InvalidInputError(f"Nothing to log. {_EXAMPLE}")
    metrics = {key: _evaluate(expression, namespace) for key, expression in pieces.items()}
    return metrics, None if step is None else _evaluate_step(step, namespace)


def _take_step(line: str) -> tuple[str, str | None]:
    """Return the line without its ``--step``, and that."""
    words = split(line)
    for place, word in enumerate(words):
        name, sign, value = word.text.partition("=")
        if name != "--step":
            continue
        end = word.end
        if not sign:
            if place + 1 == len(words):
                raise InvalidInputError("--step needs a value: --step N")
            value, end = words[place + 1].text, words[place + 1].end
        return f"{line[: word.start]} {line[end:]}", value
    return line, None


def _pieces(text: str, namespace: Mapping[str, Any]) -> dict[str, str]:
    """Return the expressions by key: cut at commas, as far as what is between them can be read."""
    found: dict[str, str] = {}
    parts = text.split(",")
    while parts:
        piece = parts.pop(0)
        while not _is_complete(piece, namespace) and parts:
            piece = f"{piece},{parts.pop(0)}"
        if not piece.strip():
            continue
        key, expression = _key_and_expression(piece, namespace)
        if key in found:
            raise InvalidInputError(f"Metric {key} is given twice; log one value of it, or each in a line of its own.")
        found[key] = expression
    return found


def _is_complete(piece: str, namespace: Mapping[str, Any]) -> bool:
    named = _NAMED.fullmatch(piece)
    expression = named[2] if named else piece
    return not expression.strip() or _why_unreadable(_expanded(expression, namespace)) is None


def _key_and_expression(piece: str, namespace: Mapping[str, Any]) -> tuple[str, str]:
    named = _NAMED.fullmatch(piece)
    if named is not None:
        key, expression = _format(named[1], namespace), _expanded(named[2], namespace)
    else:
        key = expression = _expanded(piece, namespace)
    reason = _why_unreadable(expression) if expression else "there is nothing behind the ="
    if reason is not None:
        raise InvalidInputError(f"Cannot read {piece.strip()!r}: {reason}. {_EXAMPLE}")
    if named is None and _PATH.fullmatch(key) is None:
        raise InvalidInputError(f"Give the metric a name: KEY={expression}. {_EXAMPLE}")
    return key, expression


def _expanded(expression: str, namespace: Mapping[str, Any]) -> str:
    """Return an expression, ``$name`` and ``{name}`` replaced where Python knows no such thing: a set is no metric."""
    expression = expression.strip()
    try:
        is_ours = isinstance(ast.parse(expression, mode="eval").body, ast.Set)
    except (SyntaxError, ValueError):
        is_ours = "$" in expression
    return _format(expression, namespace) if is_ours else expression


def _format(text: str, namespace: Mapping[str, Any]) -> str:
    """Expand ``{expression}`` and ``$name`` as IPython does for other magics; what it cannot, stays."""
    if "{" not in text and "$" not in text:
        return text
    try:
        return str(DollarFormatter().vformat(text, args=[], kwargs=dict(namespace)))
    except Exception:  # the user's expression, or what its value does when formatted
        return text


def _why_unreadable(expression: str) -> str | None:
    try:
        ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError) as error:
        return error.msg if isinstance(error, SyntaxError) else str(error)
    return None


def _evaluate(expression: str, namespace: dict[str, Any]) -> object:
    try:
        return eval(compile(expression, "<%mlm_log>", "eval"), namespace)
    except Exception as error:  # the user's expression
        raise InvalidInputError(f"Cannot evaluate {expression!r}: {type(error).__name__}: {error}") from error


def _evaluate_step(text: str, namespace: dict[str, Any]) -> int:
    expression = _expanded(text, namespace)
    reason = _why_unreadable(expression)
    if reason is not None:
        raise InvalidInputError(f"Cannot read --step {text}: {reason}.")
    step = step_number(_evaluate(expression, namespace))
    if step is None:
        raise InvalidInputError(f"--step takes a whole number, and {text} is None.")
    return step
