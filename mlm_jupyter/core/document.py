"""A stored document back to the notebook it was taken from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from mlm_jupyter.core import tree
from mlm_jupyter.core.digest import Digest
from mlm_jupyter.core.entities import Document, DocumentCell

_decode_cell: Final = msgspec.json.Decoder(DocumentCell).decode


def to_notebook(document: Document, load: tree.Load, load_outputs: Callable[[Digest], list[dict[str, Any]]]) -> dict[str, Any]:
    """Return ``document`` as a JSON object in the form of nbformat 4.5, texts as one string.

    Parameters
    ----------
    load : returns the bytes behind a digest.
    load_outputs : returns the nbformat outputs of a cell.
    """
    cells = [_decode_cell(load(digest)) for _, digest in tree.walk(document.cells, load)]
    return {
        "cells": [_cell(cell, load_outputs) for cell in cells],
        "metadata": document.metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(cell: DocumentCell, load_outputs: Callable[[Digest], list[dict[str, Any]]]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "cell_type": cell.cell_type,
        "id": cell.id,
        "metadata": cell.metadata,
        "source": cell.source,
    }
    if cell.cell_type == "code":
        shown["execution_count"] = cell.execution_count
        shown["outputs"] = load_outputs(cell.outputs) if cell.outputs else []
    elif cell.attachments is not None:
        shown["attachments"] = cell.attachments
    return shown
