"""Widgets in outputs: what Output widgets capture, and the state that a stored view needs to be drawn again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mlm_jupyter.core.outputs import Output, OutputArea

VIEW: Final = "application/vnd.jupyter.widget-view+json"
STATE_LIMIT_BYTES: Final = 5_000_000
_REFERENCE: Final = "IPY_MODEL_"


class OutputWidgets:
    """Does for ``ipywidgets.Output`` what a frontend does: takes the messages of a request while a widget captures it."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._areas: dict[str, OutputArea] = {}
        self._captured: dict[str, str] = {}

    def receive(self, kind: str, content: Mapping[str, Any]) -> None:
        """Follow the life of the widgets through their comm messages."""
        comm_id = content["comm_id"]
        data = content.get("data") or {}
        state = data.get("state") or {}
        if data.get("method") == "echo_update":  # what a frontend said, told to the others: older than what is here
            return
        if kind == "comm_open" and state.get("_model_name") == "OutputModel":
            self._areas[comm_id] = OutputArea(self._limit_bytes)
        elif kind == "comm_close":
            self._areas.pop(comm_id, None)
            self._captured.pop(comm_id, None)
        area = self._areas.get(comm_id)
        if area is None:
            return
        if "outputs" in state:
            area.reset(state["outputs"])
        if "msg_id" in state:
            self._captured.pop(comm_id, None)
            if state["msg_id"]:
                self._captured[comm_id] = state["msg_id"]

    def find_capturing(self, parent_id: str | None) -> OutputArea | None:
        """Return what the messages of this request go into: the area of the widget that began to capture it last."""
        for comm_id, captured in reversed(self._captured.items()):
            if captured == parent_id:
                return self._areas[comm_id]
        return None

    def outputs(self) -> dict[str, list[Output]]:
        """Return what each widget shows, by model id."""
        return {comm_id: area.snapshot() for comm_id, area in self._areas.items()}


def find_widget_state(
    outputs: Iterable[Output],
    widget_outputs: Mapping[str, list[Output]],
    *,
    limit_bytes: int = STATE_LIMIT_BYTES,
) -> dict[str, Any] | None:
    """Return the state of the widgets that these outputs show, as they are now, with all that those refer to.

    Parameters
    ----------
    outputs : outputs of a cell.
    widget_outputs : what Output widgets show, by model id; a kernel's own copy of that lags behind.

    Returns
    -------
    The value of ``metadata.widgets["application/vnd.jupyter.widget-state+json"]`` of a notebook that holds the outputs.
    None when they show no widget that lives in this process, one whose state cannot be had, or more than ``limit_bytes``
    of state: then a view falls back on its ``text/plain``.
    """
    module = sys.modules.get("ipywidgets.widgets.widget")
    widgets: dict[str, Any] = dict(module._instances) if module else {}
    pending = [model_id for model_id in _shown(outputs) if model_id in widgets]
    states: dict[str, Any] = {}
    while pending:
        model_id = pending.pop()
        if model_id in states or model_id not in widgets:
            continue
        try:
            state = widgets[model_id]._get_embed_state(drop_defaults=True)
        except Exception:  # a third party's serializer
            return None
        if model_id in widget_outputs:
            state["state"] |= {"outputs": widget_outputs[model_id], "msg_id": ""}
        states[model_id] = state
        limit_bytes -= _size_of(state)
        if limit_bytes < 0:
            return None
        pending += _references(state["state"])
        pending += _links(widgets, states) if not pending else ()
    return {"version_major": 2, "version_minor": 0, "state": states} if states else None


def _shown(outputs: Iterable[Output]) -> Iterator[str]:
    for output in outputs:
        view = (output.get("data") or {}).get(VIEW)
        if isinstance(view, dict) and isinstance(view.get("model_id"), str):
            yield view["model_id"]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(_REFERENCE):
            yield value.removeprefix(_REFERENCE)
    elif isinstance(value, Mapping):
        yield from _shown([{"data": value}])
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _references(item)


def _links(widgets: Mapping[str, Any], states: Mapping[str, Any]) -> Iterator[str]:
    """Find the links, which nobody refers to, of which both ends are there."""
    for model_id, widget in widgets.items():
        ends = [getattr(widget, name, None) for name in ("source", "target")]
        if model_id not in states and all(isinstance(end, tuple) and end and end[0].model_id in states for end in ends):
            yield model_id


def _size_of(value: Any) -> int:
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_size_of(key) + _size_of(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return sum(map(_size_of, value))
    return 8
