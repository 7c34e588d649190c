"""What a pruner learns of trials that ran elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..optimizer import Pruner
from ..trial import TrialState
from .values import Objectives


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
