"""Lists of cells that stand for what people do, each with a moment to go back to and what must be true there."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field

NAMES = ("a_eda", "a2_strings", "b_models", "c_hotloop", "d_alias", "e_bigarray", "f_unpicklable")


@dataclass(frozen=True)
class Workload:
    """Cells, and what is asked after going back to one of them."""

    cells: tuple[str, ...]
    restore_to: int
    """The index of the cell after which a checkpoint is restored."""
    checks: tuple[str, ...]
    """Expressions whose values must be the same again."""
    expected: Mapping[str, str] = field(default_factory=dict)
    """What they must be where that is not what they were: a restore cannot rewind the world."""
    compares_variables: bool = True
    """Whether every variable must have the same value again, too."""
    then: str = ""
    """A cell that is run after going back."""
    then_expected: Mapping[str, str] = field(default_factory=dict)


def load(name: str) -> Workload:
    """Return a workload by the name of its module, or by the letter it begins with."""
    full = next((each for each in NAMES if name in (each, each.partition("_")[0])), None)
    if full is None:
        raise SystemExit(f"No workload {name!r}. There are: {', '.join(NAMES)}")
    workload: Workload = importlib.import_module(f"benchmarks.state.workloads.{full}").WORKLOAD
    return workload
