"""Two trials compared fold by fold: what both owe to the same folds falls out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import fmean, stdev

from ..contracts.record import TrialRecord

CLOSE = 1e-6
"""How far the mean of the folds may be from the value, relatively: other orders of summing."""


def folds_of(trial: TrialRecord) -> Mapping[int, float] | None:
    """Fold to score of a complete trial; ``None`` if its reports are not its folds.

    They are where there are two or more, and the trial's value is their mean: not so the
    epochs of a training.
    """
    folds = dict(trial.reports)
    if len(folds) < 2 or trial.value is None:
        return None
    mean, scale = fmean(folds.values()), max(map(abs, folds.values()))
    return folds if math.isclose(mean, trial.value, rel_tol=0, abs_tol=CLOSE * scale) else None


def paired_difference(
    folds: Mapping[int, float], of_best: Mapping[int, float], sign: float
) -> tuple[float, float]:
    """By how much a trial is worse than the best on the same folds.

    Returns:
        The mean over the folds of the difference of the losses, and its standard error: the
        standard deviation of the differences (``ddof=1``) by the root of their number.
    """
    differences = [sign * (folds[step] - of_best[step]) for step in of_best]
    return fmean(differences), stdev(differences) / math.sqrt(len(differences))
