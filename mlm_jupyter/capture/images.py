"""Pillow's images: their own pickle reads what is not read yet, and leaves the file's other frames behind."""

from __future__ import annotations

from typing import Any

from mlm_jupyter.capture.context import CannotCaptureError


def reduce_image(pickler: Any, image: Any) -> Any:
    """Reduce an image as Pillow does, if its pixels are there: reading them would settle how they are to be read."""
    if getattr(image, "tile", None):
        raise CannotCaptureError("an image that is not read yet; load() reads it")
    file = vars(image).get("_fp")
    if not getattr(file, "closed", True) and vars(image).get("is_animated", True):  # a property reads the file to know
        pickler.lossy.add("without the other frames of its file")
    return NotImplemented
