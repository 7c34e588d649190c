"""Calls of pruners, and what they learn of trials that ran elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..interrupts import call_backend
from ..optimizer import Pruner
from ..plugins import neutral_surroundings
from ..trial import TrialState
from .values import Objectives

T = TypeVar("T")


def call_pruner(function: Callable[..., T], *args: Any) -> T:
    """Call a pruner away from the caller's settings, so that a second Ctrl-C gets out of it."""
    with neutral_surroundings():
        return call_backend("the pruner", function, *args)


def learn_imported(
    pruner: Pruner, number: int, data: Mapping[str, Any], objectives: Objectives
) -> None:
    """Tells a pruner of an imported trial as if it had run here.

    Args:
        pruner: Is asked after each report, and its answers are ignored.
        number: The trial.
        data: Of the ``imported`` event.
        objectives: What is measured.
    """
    reports: list[tuple[int, float]] = []
    for step, value in data["reports"]:
        reports.append((step, objectives.sign * value))
        pruner.should_prune(number, reports)
    losses = objectives.losses(data["values"])
    pruner.finished(number, TrialState(data["state"]), losses[0] if losses else None, reports)
