"""A stored document back to the notebook it was taken from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Document, DocumentCell
from mlm_jupyter.core.outputs import Output

_decode_cell: Final = msgspec.json.Decoder(DocumentCell).decode
_WIDGETS: Final = "application/vnd.jupyter.widget-state+json"


def to_notebook(
    document: Document,
    load: tree.Load,
    load_json: Callable[[Digest], Any],
    load_outputs: Callable[[DocumentCell], list[Output]],
) -> dict[str, Any]:
    """Return ``document`` as a JSON object in the form of nbformat 4.5, texts as one string.

    Parameters
    ----------
    load : returns the bytes behind a digest.
    load_json : returns what a blob of JSON holds: metadata, the state of widgets.
    load_outputs : returns the outputs of a code cell.
    """
    cells = [_decode_cell(load(digest)) for _, digest in tree.walk(document.cells, load)]
    widgets = [load_json(cell.widgets) for cell in cells if cell.widgets is not None]
    return {
        "cells": [_cell(cell, load_outputs) for cell in cells],
        "metadata": _with_widgets(load_json(document.metadata) if document.metadata else {}, widgets),
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _with_widgets(metadata: dict[str, Any], widgets: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the notebook's metadata with the state of the widgets its cells show; what the file said of them is older."""
    if not widgets:
        return metadata
    states = {model_id: state for shown in widgets for model_id, state in shown["state"].items()}
    saved = metadata.get("widgets", {})
    before = saved.get(_WIDGETS, {}).get("state", {}) if isinstance(saved, dict) else {}
    return {**metadata, "widgets": {_WIDGETS: {"version_major": 2, "version_minor": 0, "state": {**before, **states}}}}


def _cell(cell: DocumentCell, load_outputs: Callable[[DocumentCell], list[Output]]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "cell_type": cell.cell_type,
        "id": cell.id,
        "metadata": cell.metadata,
        "source": cell.source,
    }
    if cell.cell_type == "code":
        shown["execution_count"] = cell.execution_count
        shown["outputs"] = load_outputs(cell)
    elif cell.attachments is not None:
        shown["attachments"] = cell.attachments
    return shown
