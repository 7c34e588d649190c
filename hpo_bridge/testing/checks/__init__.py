"""The checks themselves, by what they look at."""

from __future__ import annotations

from . import (
    batch,
    failed_trials,
    gradient_use,
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
    *gradient_use.CHECKS,
    *whole_study.CHECKS,
    *surroundings.CHECKS,
)
"""Every check, in the order in which they are run; the same for every backend."""

__all__ = ["ENTRIES", "CheckSpec"]
