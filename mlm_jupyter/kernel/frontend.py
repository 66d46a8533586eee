"""The door for a frontend: one question as JSON, asked through ``user_expressions``, and an answer that is JSON again.

``ask`` is called with no cell around it, so the user's history, prompt and namespace do not notice. Like every door it reads,
calls one verb and shows what came of it; it never raises, for a frontend has nobody to show a traceback to.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mlm_jupyter.capture.inspection import reason_of
from mlm_jupyter.core.answers import Failure
from mlm_jupyter.errors import ConflictError, InvalidInputError, MlmError
from mlm_jupyter.kernel import extension
from mlm_jupyter.kernel.link import plain
from mlm_jupyter.kernel.request import Request
from mlm_jupyter.kernel.tracker import Tracker, without_objects

MIME_TYPE: Final = "application/vnd.mlm-jupyter+json"


class Answer:
    """What a verb returned, or why it did not, as a frontend gets it."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    def __repr__(self) -> str:
        return "<done>" if self.content["ok"] else f"<{self.content['code']}: {self.content['message']}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {MIME_TYPE: self.content, "text/plain": repr(self)}


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    """A verb's arguments; each subclass calls its verb."""

    def on(self, tracker: Tracker) -> Any:
        raise NotImplementedError  # no message decodes to this class itself


class _Status(_Call):
    def on(self, tracker: Tracker) -> Any:
        return tracker.status()


class _Track(_Call):
    name: str | None = None
    experiment: str | None = None

    def on(self, tracker: Tracker) -> Any:
        return tracker.start(self.name, experiment=self.experiment)


class _Stop(_Call):
    def on(self, tracker: Tracker) -> Any:
        tracker.stop()
        return tracker.status()


class _Pause(_Call):
    def on(self, tracker: Tracker) -> Any:
        tracker.pause()
        return tracker.status()


class _Resume(_Call):
    def on(self, tracker: Tracker) -> Any:
        tracker.resume()
        return tracker.status()


class _Listen(_Call):
    def on(self, tracker: Tracker) -> Any:
        tracker.listen()


class _Checkpoint(_Call):
    name: str | None = None
    note: str | None = None

    def on(self, tracker: Tracker) -> Any:
        return tracker.checkpoint(self.name, note=self.note)


class _Restore(_Call):
    ref: str
    only: list[str] | None = None
    dry_run: bool = False
    strict: bool = False
    save: bool = True

    def on(self, tracker: Tracker) -> Any:
        return without_objects(
            tracker.restore(self.ref, only=self.only, dry_run=self.dry_run, strict=self.strict, save=self.save)
        )


class _Undo(_Call):
    n: int = 1

    def on(self, tracker: Tracker) -> Any:
        return without_objects(tracker.undo(self.n))


class _Diff(_Call):
    base: str | None = None
    other: str | None = None

    def on(self, tracker: Tracker) -> Any:
        return tracker.diff(self.base, self.other)


VERBS: Final[dict[str, type[_Call]]] = {
    "status": _Status,
    "track": _Track,
    "stop": _Stop,
    "pause": _Pause,
    "resume": _Resume,
    "listen": _Listen,
    "checkpoint": _Checkpoint,
    "restore": _Restore,
    "undo": _Undo,
    "diff": _Diff,
}


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    verb: str
    args: dict[str, Any] = {}


def ask(text: str) -> Answer:
    """Do what ``{"verb": ..., "args": {...}}`` asks for; the extension is loaded into the shell if it is not there yet."""
    try:
        value = plain(_read(text).on(_tracker()))
    except MlmError as error:
        return _refusal(error.code, str(error))
    except KeyboardInterrupt:
        return _refusal("interrupted", "Interrupted; what was asked for was not finished.")
    except BaseException as error:  # a foreign ``__setstate__`` may even leave: the kernel stays
        return _refusal("error", f"Tracking failed: {reason_of(error)}")
    return Answer({"ok": True, "value": value})


def _read(text: str) -> _Call:
    try:
        question = msgspec.json.decode(text, type=_Question)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidInputError(f"A frontend asked in a form that is not known: {error}") from error
    call = VERBS.get(question.verb)
    if call is None:
        raise InvalidInputError(f"No verb {question.verb!r}; there are: {', '.join(VERBS)}")
    try:
        return msgspec.convert(question.args, call)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"{question.verb} cannot be asked for like this: {error}") from error


def _tracker() -> Tracker:
    shell = extension.find_shell()
    if shell is None:
        raise InvalidInputError("There is no notebook here to track.")
    if Request.of(shell).is_in_subshell:
        raise ConflictError("Ask in the kernel's main shell; in a subshell, cells may be running meanwhile.")
    return extension.load(shell)


def _refusal(code: str, message: str) -> Answer:
    failure = Failure(code, " ".join(message.split()))
    return Answer({"ok": False, **plain(failure)})
