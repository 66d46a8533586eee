"""Pinned variables: those whose values are the run's params and metrics without a call to log them."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlm_jupyter.recorder import Recorder

_MISSING = object()


class Pins:
    """The names given to ``--params`` and ``--metrics``, and what they were when last logged."""

    def __init__(self, params: Iterable[str] = (), metrics: Iterable[str] = ()) -> None:
        self._params = dict.fromkeys(params)
        self._metrics = dict.fromkeys(metrics)
        self._logged: dict[str, Any] = {}

    def add(self, params: Iterable[str], metrics: Iterable[str]) -> None:
        """Pin more names."""
        self._params.update(dict.fromkeys(params))
        self._metrics.update(dict.fromkeys(metrics))

    def log(self, namespace: Mapping[str, Any], written: Iterable[str], recorder: Recorder) -> None:
        """Log the params that have another value than last time, and the metrics that do or were assigned again."""
        assigned = set(written)
        params: dict[str, Any] = {}
        for name in self._params:
            params.update(self._news(name, namespace, is_param=True))
        if params:
            recorder.log_params(params)
        metrics: dict[str, float] = {}
        for name in self._metrics:
            if name in assigned:
                self._forget(name)
            metrics.update(self._news(name, namespace, is_param=False))
        if metrics:
            recorder.log_metrics(metrics)

    def _forget(self, name: str) -> None:
        for key in [key for key in self._logged if key == name or key.startswith(f"{name}.")]:
            del self._logged[key]

    def _news(self, name: str, namespace: Mapping[str, Any], *, is_param: bool) -> dict[str, Any]:
        found = {}
        for key, value in _scalars(name, namespace.get(name, _MISSING), is_param=is_param):
            if self._logged.get(key, _MISSING) != value or type(self._logged[key]) is not type(value):
                self._logged[key] = found[key] = value
        return found


def _scalars(name: str, value: Any, *, is_param: bool) -> list[tuple[str, Any]]:
    """Return the scalars of a variable: its own value, or those of a dict by path."""
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in _scalars(f"{name}.{key}", item, is_param=is_param)]
    if isinstance(value, numbers.Real) or (is_param and (isinstance(value, str) or value is None)):
        return [(name, value)]
    return []
