"""The routes under ``/mlm/``, each a function of what is asked for: its signature is what the OpenAPI description says.

They run in a thread, where a project may be waited for, and raise errors of ``mlm_jupyter.errors``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, NamedTuple, get_type_hints

import msgspec

from mlm_jupyter.core import outputs as output_areas
from mlm_jupyter.core.answers import (
    CheckpointComparison,
    CheckpointDetail,
    CheckpointPage,
    LeftOut,
    Logged,
    MetricList,
    NotebookDiff,
    ProjectList,
    RunDetail,
    RunPage,
    VariableList,
)
from mlm_jupyter.core.diff import CheckpointDiff, Contents, diff_checkpoints
from mlm_jupyter.core.digest import canonical_json, digest_of
from mlm_jupyter.core.entities import Checkpoint, Preview, Run, Variable
from mlm_jupyter.errors import NotFoundError
from mlm_jupyter.reader import Reader
from mlm_jupyter.server.compare import as_notebook, compare
from mlm_jupyter.server.projects import Projects
from mlm_jupyter.server.questions import (
    CheckpointChange,
    CheckpointQuery,
    DiffQuery,
    LiveDiff,
    MetricQuery,
    Nothing,
    ProjectQuery,
    RunChange,
    RunQuery,
)
from mlm_jupyter.store.history import CheckpointFilter
from mlm_jupyter.store.sealed import SealedOutputs

MOST_SHOWN_BYTES: Final = 16 << 20
"""Outputs of a cell, or the state of its widgets, beyond this are downloaded, not shown."""
_MOST_COMPARED_BYTES: Final = 4 << 20
_MOST_PREVIEW_BYTES: Final = 64 << 10
_LONGEST_SOURCE: Final = 20_000
_MOST_CHILDREN: Final = 1000


class NotModified(Exception):
    """Who asks has the answer that bears this tag."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


class Request:
    """Who asks what, beyond the parts of the path, the query and the body.

    Parameters
    ----------
    has : tells whether who asks has the answer that bears this tag.
    """

    def __init__(self, projects: Projects, reader: Reader | None, has: Callable[[str], bool]) -> None:
        self.projects = projects
        self.tag: str | None = None
        self._reader = reader
        self._has = has

    @property
    def reader(self) -> Reader:
        """The project's reader."""
        assert self._reader is not None, "only a route of a project may ask for its reader"
        return self._reader

    def stands_on(self, *facts: object) -> None:
        """Say before the work what alone the answer depends on; go no further where that is known already."""
        self.tag = f'"{digest_of(canonical_json([self.projects.version, *facts]))[:32]}"'
        if self._has(self.tag):
            raise NotModified(self.tag)


class Route(NamedTuple):
    """One verb of one path."""

    method: str
    path: str
    work: Callable[..., Any]
    summary: str
    query: type[msgspec.Struct]
    body: type[msgspec.Struct] | None
    answer: Any
    is_slow: bool


ROUTES: Final[list[Route]] = []


def route(method: str, path: str, *, is_slow: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function to the routes; its parameters ``query`` and ``body`` are what is asked, the others parts of the path."""

    def add(work: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(work)
        summary = inspect.cleandoc(work.__doc__ or "").splitlines()[0]
        query, body, answer = hints.get("query", Nothing), hints.get("body"), hints["return"]
        ROUTES.append(Route(method, path, work, summary, query, body, answer, is_slow))
        return work

    return add


@route("GET", "projects")
def get_projects(request: Request, query: ProjectQuery) -> ProjectList:
    """The projects known to the server; with a notebook given, the one it belongs to, if any."""
    if query.notebook is None:
        return ProjectList(tuple(request.projects.infos()))
    found = request.projects.find(query.notebook)
    return ProjectList((found,) if found else ())


@route("GET", "projects/{project}/checkpoints")
def get_checkpoints(request: Request, query: CheckpointQuery) -> CheckpointPage:
    """Checkpoints, newest first."""
    reader = request.reader
    wanted = CheckpointFilter(
        notebook=query.notebook,
        run_id=reader.get_run(query.run).id if query.run else None,
        cell_id=query.cell,
        status=query.status,
        kind=query.kind,
        text=query.text or None,
        variable=query.variable,
    )
    found, total = reader.checkpoint_page(wanted, before=query.cursor, limit=query.limit + 1)
    return CheckpointPage(tuple(map(_listable, found[: query.limit])), _cursor(found, query.limit), total)


@route("GET", "projects/{project}/checkpoints/{checkpoint}")
def get_checkpoint(request: Request, checkpoint: str) -> CheckpointDetail:
    """A checkpoint: what ran, what it showed, and on what."""
    reader = request.reader
    found = reader.get_checkpoint(checkpoint)
    execution = reader.execution(found)
    left_out: list[LeftOut] = []
    outputs, widgets = [], None
    if execution and (size := reader.output_bytes(found)) > MOST_SHOWN_BYTES:
        outputs = [output_areas.left_out(size)]
        left_out += [LeftOut("outputs", execution.outputs, size)] if execution.outputs else []
    elif execution:
        outputs = reader.outputs(found)
    if execution and execution.widgets and (size := reader.blob_bytes(execution.widgets)) > MOST_SHOWN_BYTES:
        left_out.append(LeftOut("widgets", execution.widgets, size))
    else:
        widgets = reader.widgets(found)
    session = reader.get_session(found.session_id)
    return CheckpointDetail(
        checkpoint=found,
        execution=execution,
        outputs=tuple(outputs),
        widgets=widgets,
        author=reader.manifest(found).author or session.author,
        session=session,
        environment=reader.environment(found),
        run=_run_of(reader, found),
        modules=reader.modules(found),
        left_out=tuple(left_out),
    )


@route("PATCH", "projects/{project}/checkpoints/{checkpoint}")
def change_checkpoint(request: Request, checkpoint: str, body: CheckpointChange) -> Checkpoint:
    """Name a checkpoint, or write a note to it; null takes either away."""
    reader = request.reader
    id = reader.get_checkpoint(checkpoint).id
    if body.name is not msgspec.UNSET:
        reader.set_name(id, body.name)
    if body.note is not msgspec.UNSET:
        reader.set_note(id, body.note)
    return reader.get_checkpoint(id)


@route("DELETE", "projects/{project}/checkpoints/{checkpoint}")
def delete_checkpoint(request: Request, checkpoint: str) -> None:
    """Delete a checkpoint; those after it go on from its parent."""
    request.reader.delete(checkpoint)


@route("GET", "projects/{project}/checkpoints/{checkpoint}/notebook")
def get_notebook(request: Request, checkpoint: str) -> dict[str, Any]:
    """The notebook as it was, in the form of nbformat 4.5."""
    reader = request.reader
    found = reader.get_checkpoint(checkpoint)
    request.stands_on(found.digest, reader.late_output_count(found))
    return reader.document(found, sealed=SealedOutputs())


@route("GET", "projects/{project}/checkpoints/{checkpoint}/variables")
def get_variables(request: Request, checkpoint: str) -> VariableList:
    """What is known of every variable at a checkpoint, by name."""
    found = request.reader.get_checkpoint(checkpoint)
    request.stands_on(found.digest)
    return VariableList(tuple(map(_showable, request.reader.variables(found).values())))


@route("GET", "projects/{project}/checkpoints/{checkpoint}/logged")
def get_logged(request: Request, checkpoint: str) -> Logged:
    """The params and metrics of a checkpoint's run, as they were when it was made."""
    return Logged(*request.reader.logged(checkpoint))


@route("GET", "projects/{project}/diff", is_slow=True)
def diff(request: Request, query: DiffQuery) -> CheckpointComparison:
    """What turns one checkpoint into another."""
    reader = request.reader
    meant = [reader.get_meant(ref) for ref in (query.base, query.other)]
    base, other = both = tuple(map(reader.get_checkpoint, meant))
    parts = [_showable_contents(reader.contents(one, has_cells=False)) for one in meant]
    late = [reader.late_output_count(one) for one in both]
    logged = [(part.params, part.metrics) for part in parts]
    request.stands_on(both, late, logged, [part.environment for part in parts], query.noise)
    sealed = SealedOutputs(most_bytes=_MOST_COMPARED_BYTES)
    notebooks = [reader.shown_notebook(one, sealed=sealed) for one in both]
    difference = compare(*notebooks, has_noise=query.noise)
    return CheckpointComparison(
        base=base,
        other=other,
        diff=msgspec.structs.replace(diff_checkpoints(*parts), cells=difference.cells),
        notebook=NotebookDiff(notebooks[0], difference.diff) if any(map(_is_notebook, notebooks)) else None,
    )


@route("POST", "projects/{project}/diff", is_slow=True)
def diff_with_notebook(request: Request, body: LiveDiff) -> CheckpointComparison:
    """What turns a checkpoint into a notebook that is none, in code and outputs."""
    reader = request.reader
    base = reader.get_checkpoint(body.base)
    notebook = reader.shown_notebook(base, sealed=SealedOutputs(most_bytes=_MOST_COMPARED_BYTES))
    difference = compare(notebook, as_notebook(body.notebook), has_noise=body.noise)
    return CheckpointComparison(
        base=base,
        other=None,
        diff=CheckpointDiff(base=base.id, other="now", cells=difference.cells),
        notebook=NotebookDiff(notebook, difference.diff),
    )


@route("GET", "projects/{project}/runs")
def get_runs(request: Request, query: RunQuery) -> RunPage:
    """Runs, in the order of the query; newest first without one."""
    found, total = request.reader.run_page(query.query, before=query.cursor, limit=query.limit + 1)
    return RunPage(tuple(found[: query.limit]), _cursor(found, query.limit), total)


@route("GET", "projects/{project}/runs/{run}")
def get_run(request: Request, run: str) -> RunDetail:
    """A run: what it was given, what it kept, and the runs inside it."""
    reader = request.reader
    found = reader.get_run(run)
    children, _ = reader.run_page(f"attributes.parent_id = '{found.id}'", limit=_MOST_CHILDREN)
    return RunDetail(
        run=found,
        session=reader.get_session(found.session_id),
        params=tuple(reader.params(found)),
        artifacts=tuple(reader.artifacts(found)),
        children=tuple(children),
    )


@route("PATCH", "projects/{project}/runs/{run}")
def change_run(request: Request, run: str, body: RunChange) -> Run:
    """Set tags of a run; null takes one away."""
    id = request.reader.get_run(run).id
    request.reader.set_tags(id, body.tags)
    return request.reader.get_run(id)


@route("DELETE", "projects/{project}/runs/{run}")
def delete_run(request: Request, run: str) -> None:
    """Delete a run and what was logged in it; its checkpoints stay."""
    request.reader.delete(request.reader.get_run(run))


@route("GET", "projects/{project}/runs/{run}/metrics")
def get_metrics(request: Request, run: str, query: MetricQuery) -> MetricList:
    """The points of a run's metrics, by key, then step."""
    return MetricList(tuple(request.reader.metrics(run, query.key, points=query.points)))


def _listable(checkpoint: Checkpoint) -> Checkpoint:
    source = checkpoint.source or ""
    return (
        checkpoint if len(source) <= _LONGEST_SOURCE else msgspec.structs.replace(checkpoint, source=source[:_LONGEST_SOURCE])
    )


def _cursor(found: list[Any], limit: int) -> str | None:
    return found[limit - 1].id if len(found) > limit else None


def _run_of(reader: Reader, checkpoint: Checkpoint) -> Run | None:
    try:
        return reader.get_run(checkpoint.run_id) if checkpoint.run_id else None
    except NotFoundError:  # deleted since
        return None


def _is_notebook(shown: dict[str, Any]) -> bool:
    return "nbformat" in shown


def _showable_contents(contents: Contents) -> Contents:
    variables = {name: _showable(variable) for name, variable in contents.variables.items()}
    return msgspec.structs.replace(contents, variables=variables)


def _showable(variable: Variable) -> Variable:
    """Return the variable with a preview that a page can show; ours are small, a stranger's may be anything."""
    if len(msgspec.json.encode(variable.preview)) <= _MOST_PREVIEW_BYTES:
        return variable
    return msgspec.structs.replace(variable, preview=Preview(text=variable.preview.text[:2000], is_truncated=True))
