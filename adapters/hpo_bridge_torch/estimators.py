"""Estimators of a chain's loss and gradient, from the trials at one point or at two."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .chains import Chain
from .cube import Vector

LossAndGradient = tuple[float | None, Vector | None]
"""Loss and gradient of a point; ``None`` where there is none."""


class Estimator(Protocol):
    """Estimator of the loss and the gradient at a chain's point."""

    def probes(self, chain: Chain) -> list[Vector]:
        """Return the points to evaluate."""
        ...

    def estimate(self, probes: list[Vector], told: list[LossAndGradient]) -> LossAndGradient:
        """Return loss and gradient at the chain's point, from those at the probes."""
        ...


class ExactGradient:
    """The objective's own gradient, at the point itself."""

    def probes(self, chain: Chain) -> list[Vector]:
        """Return the point itself."""
        return [chain.u]

    def estimate(self, probes: list[Vector], told: list[LossAndGradient]) -> LossAndGradient:
        """Return the loss and gradient told."""
        return told[0]


@dataclass(frozen=True)
class SpsaEstimator:
    """Simultaneous perturbation: the difference of two losses along a random direction.

    All coordinates are moved at once, each by ``perturbation`` up or down as a coin falls, and
    back the other way; the quotient of the differences estimates every derivative, without bias
    up to the third order of the perturbation, for two evaluations whatever their number. At a
    bound the points are clipped, and the differences taken as they are.

    Spall (1992), https://doi.org/10.1109/9.119632.

    Attributes:
        perturbation: Distance in every coordinate, in [0, 1].
        seed: Seed of the coins, with the chain's number, life and step.
    """

    perturbation: float
    seed: int

    def probes(self, chain: Chain) -> list[Vector]:
        """Return a point on either side."""
        rng = random.Random(
            f"{self.seed}/{chain.number}/{chain.life}/{chain.memory.count}/{chain.size!r}"
        )
        coins = np.array([1.0 if rng.random() < 0.5 else -1.0 for _ in chain.u])
        return [
            np.clip(chain.u + side * self.perturbation * coins, 0.0, 1.0) for side in (1.0, -1.0)
        ]

    def estimate(self, probes: list[Vector], told: list[LossAndGradient]) -> LossAndGradient:
        """Return the mean loss, and the quotients; nothing if one of the two has no loss."""
        (above, _), (below, _) = told
        if above is None or below is None:
            return None, None
        return (above + below) / 2, (above - below) / (probes[0] - probes[1])
