"""The checks themselves, by what they look at."""

from __future__ import annotations

from . import (
    batch,
    derivatives,
    failed_trials,
    inject,
    law,
    learning,
    points,
    seeds,
    snapshot,
    spec,
    surroundings,
    whole_study,
)
from .check_spec import CheckSpec

ENTRIES: tuple[CheckSpec, ...] = (
    *spec.CHECKS,
    *points.CHECKS,
    *law.CHECKS,
    *batch.CHECKS,
    *failed_trials.CHECKS,
    *inject.CHECKS,
    *seeds.CHECKS,
    *snapshot.CHECKS,
    *learning.CHECKS,
    *derivatives.CHECKS,
    *whole_study.CHECKS,
    *surroundings.CHECKS,
)
"""Every check, in the order in which they are run; the same for every backend."""

__all__ = ["ENTRIES", "CheckSpec"]
