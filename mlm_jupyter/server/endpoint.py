"""From a request to a function of ``routes`` and back: who may ask, how an error is told, what is not sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any, Final, NamedTuple, TypeVar, cast

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from mlm_jupyter.core.answers import Failure
from mlm_jupyter.errors import InvalidInputError, MlmError
from mlm_jupyter.server.projects import Projects
from mlm_jupyter.server.routes import NotModified, Request, Route
from mlm_jupyter.server.watch import Watch

STATUSES: Final = {
    "invalid_input": 400,
    "untrusted": 403,
    "not_found": 404,
    "ambiguous": 409,
    "conflict": 409,
    "incompatible": 409,
    "corrupt": 500,
    "error": 500,
    "storage": 503,
}
"""The status of each of our errors' codes."""
_CODES: Final = {400: "invalid_input", 401: "forbidden", 403: "forbidden", 404: "not_found", 405: "not_allowed"}
_Method = TypeVar("_Method", bound=Callable[..., Any])
_MOST_BODY_BYTES: Final = 256 << 20


_read = cast(Callable[[_Method], _Method], authorized(action="read"))


class Services(NamedTuple):
    """What the handlers share."""

    projects: Projects
    watch: Watch
    quick: Executor
    slow: Executor
    """For work that takes seconds, so that it leaves threads for the rest."""


class Handler(APIHandler):
    """What all our handlers have: a resource to be authorized for, errors as ``Failure``."""

    auth_resource = "mlm"
    _track_activity = False  # a panel that refreshes itself is not a user at work: an idle server may be stopped

    def initialize(self, services: Services) -> None:
        """Take what the handlers share."""
        self.services = services

    async def in_thread(self, executor: Executor, work: Callable[[], Any]) -> Any:
        """Return what ``work`` returns, done in a thread."""
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    def fail(self, error: MlmError) -> None:
        """Answer with one of our errors."""
        self.set_status(STATUSES.get(error.code, 500))
        self.finish(msgspec.json.encode(Failure(error.code, error.message)))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with tornado's error, or one that nobody expected, in the same form as ours."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        known = error.log_message if isinstance(error, web.HTTPError) else None
        message = known or f"{self._reason}. The server's log may say more."
        self.finish(msgspec.json.encode(Failure(_CODES.get(status_code, "error"), message)))


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    body: bytes | None = None
    tag: str | None = None
    """What an answer depends on; None: it may be another the next time for any reason."""


class Endpoint(Handler):
    """All verbs of one path."""

    def initialize(self, services: Services, routes: Mapping[str, Route]) -> None:  # type: ignore[override]
        """Take what the handlers share, and what this path answers to."""
        super().initialize(services)
        self._routes = routes
        self._tag: str | None = None

    @web.authenticated
    @authorized
    async def get(self, **parts: str) -> None:
        """Answer."""
        await self._answer("GET", parts)

    @web.authenticated
    @_read  # what is too large for a URL; nothing is changed by it
    async def post(self, **parts: str) -> None:
        """Answer to a question in a body."""
        await self._answer("POST", parts)

    @web.authenticated
    @authorized
    async def patch(self, **parts: str) -> None:
        """Change."""
        await self._answer("PATCH", parts)

    @web.authenticated
    @authorized
    async def delete(self, **parts: str) -> None:
        """Delete."""
        await self._answer("DELETE", parts)

    async def _answer(self, method: str, parts: dict[str, str]) -> None:
        route = self._routes.get(method)
        if route is None:
            self.set_header("Allow", ", ".join(self._routes))
            raise web.HTTPError(405, f"{method} is not for this path")
        executor = self.services.slow if route.is_slow else self.services.quick
        try:
            answer = await self.in_thread(executor, lambda: self._work(route, parts))
        except MlmError as error:
            self.fail(error)
            return
        await self.services.watch.greet()
        self._tag = answer.tag
        self.set_status(answer.status)
        self.set_header("Cache-Control", "no-store" if answer.tag is None else "private, no-cache")
        self.finish(answer.body)

    def _work(self, route: Route, parts: dict[str, str]) -> Answer:
        """Return the answer; runs in a thread."""
        options: dict[str, Any] = {name: part for name, part in parts.items() if name != "project"}
        if route.query.__struct_fields__:
            options["query"] = self._query(route.query)
        if route.body is not None:
            options["body"] = self._body(route.body)
        projects = self.services.projects
        try:
            if "project" not in parts:
                return _answer(route, Request(projects, None, self._has), options)
            with projects.reading(parts["project"]) as reader:
                return _answer(route, Request(projects, reader, self._has), options)
        except NotModified as known:
            return Answer(304, tag=known.tag)

    def _query(self, kind: type[msgspec.Struct]) -> msgspec.Struct:
        asked = {name: self.get_query_argument(name, "", strip=False) for name in kind.__struct_fields__}
        try:
            return msgspec.convert({name: text for name, text in asked.items() if text}, kind, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidInputError(f"The query cannot be meant so: {error}") from error

    def _body(self, kind: type[msgspec.Struct]) -> msgspec.Struct:
        if len(self.request.body) > _MOST_BODY_BYTES:
            raise InvalidInputError(f"The body is larger than {_MOST_BODY_BYTES >> 20} MiB")
        try:
            return msgspec.json.decode(self.request.body, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidInputError(f"The body is not the JSON that is asked for: {error}") from error

    def _has(self, tag: str) -> bool:
        """Tell whether the client has the answer of this tag."""
        known = self.request.headers.get("If-None-Match", "")
        return any(one.strip().removeprefix("W/") in (tag, "*") for one in known.split(","))

    def compute_etag(self) -> str | None:
        """Return the tag of the answer: what it depends on where that is known, else its own digest."""
        return self._tag or super().compute_etag()


def _answer(route: Route, request: Request, options: dict[str, Any]) -> Answer:
    found = route.work(request, **options)
    return Answer(204) if found is None else Answer(200, msgspec.json.encode(found), request.tag)
