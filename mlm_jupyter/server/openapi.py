"""The description of the routes in the form of OpenAPI 3.1, made of what their functions take and give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from mlm_jupyter.core.answers import Failure
from mlm_jupyter.core.entities import MetricValue
from mlm_jupyter.server.questions import BlobQuery
from mlm_jupyter.server.routes import ROUTES, Request, Route, route

_PARTS: Final = {
    "project": "What stands for the project: `GET projects?notebook=` tells it.",
    "checkpoint": "A reference: a name, an id, the beginning of one, or `latest`; each may go on with `~N`, N parents back.",
    "run": "A run: its name, its id, the beginning of one, or `latest`.",
    "digest": "64 hexadecimal digits: the digest of an output or artifact.",
}
_FAILURES: Final = {
    "400": "`invalid_input`: what was asked cannot be meant.",
    "403": "`forbidden`: nobody, or nobody who may, asked.",
    "404": "`not_found`: no such thing, or a project that this server does not know (yet).",
    "409": "`ambiguous`: a reference fits several things. `conflict`: a name that is given already. "
    "`incompatible`: a newer version of this package wrote the project.",
    "500": "`corrupt`: the project is damaged. `error`: a defect; see the server's log.",
    "503": "`storage`: the disk or the database will not do it now.",
}
_JSON: Final = "application/json"
_INTRODUCTION: Final = (
    "Asks the memory of notebooks. Every route wants the server's token or cookie, and authorization for the resource `mlm`. "
    "Answers that never change, or only with what their ETag stands for, are not sent again to who has them (If-None-Match). "
    "A number that is not finite is null. That a project was written to is told by the event "
    "https://events.jupyter.org/mlm_jupyter/project_changed/v1."
)


@route("GET", "openapi.json")
def describe(request: Request) -> dict[str, Any]:
    """This description."""
    request.stands_on("openapi")
    kinds = [kind for one in ROUTES for kind in (one.answer, one.body, one.query) if kind not in (None, type(None))]
    kinds += [Failure, BlobQuery]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    schema_of = _Schemas(kinds, schemas, components)
    paths: dict[str, dict[str, Any]] = {}
    for one in ROUTES:
        paths.setdefault(f"/mlm/{one.path}", {})[one.method.lower()] = _operation(one, schema_of)
    paths["/mlm/projects/{project}/blobs/{digest}"] = {"get": _download(schema_of)}
    queries: set[type[msgspec.Struct]] = {BlobQuery, *(one.query for one in ROUTES)}
    for query in queries:  # they are parameters, not objects
        del components[query.__name__]
    description = {
        "openapi": "3.1.0",
        "info": {"title": "mlm_jupyter", "version": request.projects.version, "description": _INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
        "security": [{"token": []}],
    }
    tidied: dict[str, Any] = _tidied(description)
    return tidied


class _Schemas:
    """The schema of every kind, and what lies behind a reference."""

    def __init__(self, kinds: list[Any], schemas: tuple[dict[str, Any], ...], components: Mapping[str, Any]) -> None:
        self._schemas = list(zip(kinds, schemas, strict=True))
        self._components = components

    def __call__(self, kind: Any) -> dict[str, Any]:
        return next(schema for known, schema in self._schemas if known is kind or known == kind)

    def fields(self, kind: Any) -> list[tuple[str, dict[str, Any], bool]]:
        """Return name, schema and whether it is required, of every field of a struct."""
        whole = self._components[self(kind)["$ref"].rpartition("/")[2]]
        return [(name, schema, name in whole["required"]) for name, schema in whole["properties"].items()]


def _operation(one: Route, schema_of: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": one.work.__name__,
        "summary": one.summary,
        "parameters": _parameters(one.path, one.query, schema_of),
        "responses": _responses(one.answer, schema_of),
    }
    if one.body is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema_of(one.body)}}}
    return operation


def _download(schema_of: _Schemas) -> dict[str, Any]:
    path = "projects/{project}/blobs/{digest}"
    responses = _responses(type(None), schema_of)
    del responses["204"]
    content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "operationId": "download",
        "summary": "The bytes of an output or artifact, as an attachment; never those of a variable.",
        "parameters": _parameters(path, BlobQuery, schema_of),
        "responses": {"200": {"description": "The bytes.", "content": content}, **responses},
    }


def _parameters(path: str, query: type[msgspec.Struct], schema_of: _Schemas) -> list[dict[str, Any]]:
    parts = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARTS[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]
    asked = [
        {"name": name, "in": "query", "required": is_required, "schema": _unless_null(schema)}
        for name, schema, is_required in schema_of.fields(query)
    ]
    return parts + asked


def _unless_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of what is in a query, which has no null: it is left out."""
    inner = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    kinds = [kind for kind in inner.pop("anyOf", []) if kind != {"type": "null"}]
    inner |= kinds[0] if kinds else {}
    if None in inner.get("enum", ()):
        inner["enum"] = [word for word in inner["enum"] if word is not None]
    return inner


def _responses(answer: Any, schema_of: _Schemas) -> dict[str, Any]:
    done = (
        {"204": {"description": "Done."}}
        if answer is type(None)
        else {"200": {"description": "The answer.", "content": {_JSON: {"schema": schema_of(answer)}}}}
    )
    failure = {_JSON: {"schema": schema_of(Failure)}}
    return done | {status: {"description": text, "content": failure} for status, text in _FAILURES.items()}


def _tidied(part: Any) -> Any:
    """Return a part with the names of generic types made short, and ``nullable``, a word of OpenAPI 3.0, spelled as in 3.1."""
    if isinstance(part, list | tuple):
        return [_tidied(item) for item in part]
    if isinstance(part, str):
        return _short(part) if part.startswith("#/components/schemas/") else part
    if not isinstance(part, dict):
        return part
    tidied = {_short(key) if key.startswith(("Added_", "Removed_", "Changed_")) else key: _tidied(part[key]) for key in part}
    if tidied.pop("nullable", False):
        tidied["type"] = [tidied["type"], "null"]
    return tidied


_METRIC: Final = re.sub(r"[^\w.]", "_", str(MetricValue))


def _short(name: str) -> str:
    name = name.replace(_METRIC, "MetricValue").replace("str___int___bool___tuple_str__...____None", "Fact")
    return name.removesuffix("_")
