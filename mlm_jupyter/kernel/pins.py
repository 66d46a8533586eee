"""Pinned variables: those whose values are the run's params and metrics without a call to log them."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mlm_jupyter.errors import InvalidInputError, MlmError

if TYPE_CHECKING:
    from mlm_jupyter.recorder import Recorder

_MISSING = object()


class Pins:
    """The names given to ``--params`` and ``--metrics``, and what they were when last logged."""

    def __init__(self, params: Iterable[str] = (), metrics: Iterable[str] = ()) -> None:
        self._params: dict[str, None] = {}
        self._metrics: dict[str, None] = {}
        self._logged: dict[str, Any] = {}
        self._reasons: dict[str, str] = {}  # why what could not be logged, by name
        self.add(params, metrics)

    def add(self, params: Iterable[str], metrics: Iterable[str]) -> None:
        """Pin more names; raises InvalidInputError where one of them can be no variable's."""
        more_params, more_metrics = dict.fromkeys(params), dict.fromkeys(metrics)
        for name in (*more_params, *more_metrics):
            if not name.isidentifier():
                raise InvalidInputError(f"{name!r} cannot be a variable; give the names of variables, as in lr,depth")
        self._params.update(more_params)
        self._metrics.update(more_metrics)

    def log(self, namespace: Mapping[str, Any], written: Iterable[str], recorder: Recorder) -> list[str]:
        """Log the params that have another value than last time, and the metrics that do or were assigned again.

        Returns
        -------
        A line for each variable that could not be logged, unless that was said before; it is tried again after the next cell.
        """
        for name in self._metrics.keys() & set(written):
            self._forget(name)
        told = [self._log_one(name, namespace, recorder.log_params, is_param=True) for name in self._params]
        told += [self._log_one(name, namespace, recorder.log_metrics, is_param=False) for name in self._metrics]
        return [line for line in told if line is not None]

    def _log_one(
        self, name: str, namespace: Mapping[str, Any], log: Callable[[Mapping[str, Any]], None], *, is_param: bool
    ) -> str | None:
        try:
            news = self._news(name, namespace, is_param=is_param)
            if news:
                log(news)
        except Exception as error:  # the disk, a mapping that contains itself: the cell is stored all the same
            reason = str(error) if isinstance(error, MlmError) else f"{type(error).__name__}: {error}"
            is_known, self._reasons[name] = self._reasons.get(name) == reason, reason
            return None if is_known else f"The pinned variable {name} was not logged: {reason}"
        self._logged.update(news)
        self._reasons.pop(name, None)
        return None

    def _forget(self, name: str) -> None:
        for key in [key for key in self._logged if key == name or key.startswith(f"{name}.")]:
            del self._logged[key]

    def _news(self, name: str, namespace: Mapping[str, Any], *, is_param: bool) -> dict[str, Any]:
        return {
            key: value
            for key, value in _scalars(name, namespace.get(name, _MISSING), is_param=is_param)
            if self._logged.get(key, _MISSING) != value or type(self._logged[key]) is not type(value)
        }


def _scalars(name: str, value: Any, *, is_param: bool) -> list[tuple[str, Any]]:
    """Return the scalars of a variable: its own value, or those of a dict by path."""
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in _scalars(f"{name}.{key}", item, is_param=is_param)]
    if isinstance(value, numbers.Real) or (is_param and (isinstance(value, str) or value is None)):
        return [(name, value)]
    return []
