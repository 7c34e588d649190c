"""The checks themselves, by what they look at."""

from __future__ import annotations

from . import (
    batch,
    failures,
    gradients,
    inject,
    law,
    learning,
    seeds,
    snapshot,
    space,
    spec,
    study,
    surroundings,
)
from .entry import Entry

ENTRIES: tuple[Entry, ...] = (
    *spec.CHECKS,
    *space.CHECKS,
    *law.CHECKS,
    *batch.CHECKS,
    *failures.CHECKS,
    *inject.CHECKS,
    *seeds.CHECKS,
    *snapshot.CHECKS,
    *learning.CHECKS,
    *gradients.CHECKS,
    *study.CHECKS,
    *surroundings.CHECKS,
)
"""Every check, in the order in which they are run; the same for every backend."""

__all__ = ["ENTRIES", "Entry"]
