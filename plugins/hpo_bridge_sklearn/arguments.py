"""Checks of the arguments and options of ``cross_validated``."""

from __future__ import annotations

import os
from typing import Any, Literal

from hpo_bridge.errors import ObjectiveError, short

ErrorScore = float | Literal["raise"]
"""What a fold counts whose fit or score raises."""


def checked_objective(objective: Any) -> str | None:
    """``objective`` as given; raises ObjectiveError if it is no name."""
    if objective is None or isinstance(objective, str):
        return objective
    raise ObjectiveError(f"found {short(objective)}, expected the name of a scorer", "objective")


def checked_error_score(error_score: Any) -> ErrorScore:
    """``error_score`` as given; raises ObjectiveError if it is none."""
    if error_score == "raise":
        return "raise"
    if error_score == "nan":
        return float("nan")
    if isinstance(error_score, (int, float)) and not isinstance(error_score, bool):
        return float(error_score)
    raise ObjectiveError(
        f"found {short(error_score)}, expected nan, raise or a number", "error_score"
    )


def checked_workers(workers: Any) -> int:
    """Return the number of folds at once; raise ObjectiveError if it is no positive integer."""
    if workers is None:
        return 1
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ObjectiveError(
            f"found {short(workers)}, expected a whole number from 1", "fold_workers"
        )
    if workers > 1 and os.name != "posix":
        raise ObjectiveError("needs a POSIX system", "fold_workers", fix="leave it out")
    return workers
