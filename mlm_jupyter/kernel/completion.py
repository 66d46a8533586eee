"""Tab behind a magic: its verbs and options, what they take, references, and names of variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from mlm_jupyter.errors import MlmError
from mlm_jupyter.kernel.arguments import Argument, Kind, Signature, split, unquoted

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mlm_jupyter.kernel.tracker import Tracker
    from mlm_jupyter.project import Project

_MAGIC: Final = re.compile(r"(?:[^%#'\"]*=)?\s*%{0,2}(mlm_\w+)[ \t](.*)", re.DOTALL)
_EXPANSION: Final = re.compile(r"[{$](\w*)$")
_NAME: Final = re.compile(r"(?<![\w.])[^\W\d]?\w*$")
_QUERY_WORD: Final = re.compile(r"[\w.`/-]*$")
_QUERY_WORDS: Final = ("metrics.", "params.", "tags.", "status", "name", "experiment", "and", "or", "order by", "desc")
_PLAIN_KEY: Final = re.compile(r"\w+(\.\w+)*")
_LISTED: Final = (Kind.NAMES, Kind.CHOICES)
_MOST_IDS: Final = 10
_MOST_NAMED: Final = 200

Found = Iterator[tuple[str, str]]
"""What could be typed, and what kind of thing that is."""


class Cursor(NamedTuple):
    """Where the cursor is in the line of a magic."""

    argument: Argument | None
    """What is to be typed here, if it is known."""
    text: str
    """What is there of it already."""
    before: list[str]
    """The words in front of it."""
    refs: list[str]
    """Those of them that are references."""


def complete_magics(shell: InteractiveShell, tracker: Tracker, signatures: Mapping[str, Signature]) -> None:
    """Let ``shell`` complete what these magics take; doing it again replaces what was there."""

    @context_matcher(identifier="mlm_jupyter")  # type: ignore[untyped-decorator]  # IPython types it not
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        return Completer(shell, tracker, signatures).complete(context.text_until_cursor)

    assert shell.Completer is not None
    matchers = shell.Completer.custom_matchers
    matchers[:] = [other for other in matchers if getattr(other, "matcher_identifier", "") != "mlm_jupyter"]
    matchers.append(matcher)


class Completer:
    """What could be typed at one place."""

    def __init__(self, shell: InteractiveShell, tracker: Tracker, signatures: Mapping[str, Signature]) -> None:
        self._shell = shell
        self._tracker = tracker
        self._signatures = signatures

    def complete(self, line: str) -> SimpleMatcherResult:
        """Return the completions at the end of ``line``; none where it is not ours."""
        found = _MAGIC.fullmatch(line)
        signature = self._signatures.get(found[1]) if found else None
        if found is None or signature is None:
            return {"completions": []}
        cursor = read_cursor(signature, found[2])
        text, candidates = self._candidates(signature, cursor)
        start = text.lstrip("\"'")
        completions = [
            SimpleCompletion(candidate, type=kind)
            for candidate, kind in dict(candidates).items()
            if unquoted(candidate).startswith(start)
        ]
        if not completions and text and signature.magic != "%mlm_log":  # or Jedi thinks for seconds and offers all of Python
            completions = [SimpleCompletion(text, type="text")]
        return {"completions": completions, "matched_fragment": text, "suppress": bool(completions), "ordered": True}

    def _candidates(self, signature: Signature, cursor: Cursor) -> tuple[str, Found]:
        """Return the text to be completed, a part of what is there, and what it could become."""
        expansion = _EXPANSION.search(cursor.text)
        if expansion is not None:
            return expansion[1], self._variables()
        if signature.magic == "%mlm_log" and not cursor.text.startswith("-"):  # the step is an expression, too
            name = _NAME.search(cursor.text)
            return (name[0], self._variables()) if name else ("", iter(()))
        if cursor.argument is not None and cursor.argument.kind is Kind.QUERY:
            word = _QUERY_WORD.search(cursor.text)
            return word[0] if word else "", self._query_words()
        if cursor.argument is not None and cursor.argument.kind in _LISTED:
            *others, text = cursor.text.split(",")
            return text, (found for found in self._values(cursor.argument, cursor) if found[0] not in others)
        return cursor.text, self._words(signature, cursor)

    def _words(self, signature: Signature, cursor: Cursor) -> Found:
        argument = cursor.argument
        if argument is not None:
            yield from self._values(argument, cursor)
        if argument is None or not argument.is_option:
            given = {word.partition("=")[0] for word in cursor.before}
            for option in signature.options.values():
                if not option.is_hidden and (option.repeats or option.name not in given):
                    yield option.name, "option"

    def _values(self, argument: Argument, cursor: Cursor) -> Found:
        match argument.kind:
            case Kind.CHOICE | Kind.CHOICES:
                yield from ((choice, "keyword") for choice in argument.choices)
            case Kind.NAMES:
                yield from self._names(cursor)
            case Kind.REFERENCE:
                yield from self._references(cursor)
            case Kind.RUN:
                with suppress(MlmError), self._project() as project:
                    yield from _run_names(project)

    def _names(self, cursor: Cursor) -> Found:
        """Return the variables of the checkpoint that the line names, where it names one, and else those of now."""
        tracking = self._tracker.tracking
        if cursor.refs and tracking is not None:
            with suppress(MlmError):
                yield from ((name, "variable") for name in tracking.way_back.variables_at(cursor.refs[0]))
                return
        yield from self._variables()

    def _variables(self) -> Found:
        hidden = self._shell.user_ns_hidden
        for name, value in sorted(self._shell.user_ns.items()):
            if not name.startswith("_") and not (name in hidden and hidden[name] is value):
                yield name, "variable"

    def _references(self, cursor: Cursor) -> Found:
        if cursor.text.endswith("~"):
            yield from ((f"{cursor.text}{steps}", "reference") for steps in (1, 2, 3))
            return
        yield "latest", "reference"
        if self._tracker.is_tracking:
            yield "current", "reference"
        with suppress(MlmError), self._project() as project:
            checkpoints = project.checkpoints().take(_MOST_NAMED)
            yield from ((checkpoint.name, "checkpoint") for checkpoint in checkpoints if checkpoint.name)
            yield from _run_names(project)
            yield from ((checkpoint.id, "checkpoint") for checkpoint in checkpoints[:_MOST_IDS])

    def _query_words(self) -> Found:
        with suppress(MlmError), self._project() as project:
            runs = project.runs().take(_MOST_NAMED)
            for kind in ("metrics", "params", "tags"):
                for key in sorted({key for run in runs for key in getattr(run, kind)}):
                    yield f"{kind}.{key if _PLAIN_KEY.fullmatch(key) else f'`{key}`'}", "field"
        yield from ((word, "keyword") for word in _QUERY_WORDS)

    def _project(self) -> Project:
        from mlm_jupyter.project import open_project

        return open_project(self._tracker.project)


def read_cursor(signature: Signature, line: str) -> Cursor:
    """Return what is to be typed at the end of ``line``."""
    if signature.places and signature.places[0].kind is Kind.QUERY:
        return Cursor(signature.places[0], line, [], [])
    before = [word.text for word in split(line)]
    text = before.pop() if before and not line[-1:].isspace() else ""
    placed = _placed(signature, before)
    refs = [word for word, place in zip(placed, signature.places, strict=False) if place.kind is Kind.REFERENCE]
    name, sign, value = text.partition("=")
    if sign and name in signature.options:
        return Cursor(signature.options[name], value, before, refs)
    wanting = signature.options.get(before[-1]) if before else None
    if wanting is not None and wanting.kind is not Kind.FLAG:
        return Cursor(wanting, text, before, refs)
    if signature.is_option(text) or len(placed) >= len(signature.places):
        return Cursor(None, text, before, refs)
    return Cursor(signature.places[len(placed)], text, before, refs)


def _placed(signature: Signature, words: Iterable[str]) -> list[str]:
    """Return the words that stand for themselves: no options and no values of options."""
    placed = []
    is_value = False
    for word in words:
        if not is_value and not signature.is_option(word):
            placed.append(word)
        option = signature.options.get(word)
        is_value = not is_value and option is not None and option.kind is not Kind.FLAG
    return placed


def _run_names(project: Project) -> Found:
    for run in project.runs().take(_MOST_NAMED):
        yield f'"{run.name}"' if " " in run.name else run.name, "run"
