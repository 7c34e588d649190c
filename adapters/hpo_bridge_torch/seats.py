"""What a chain has evaluated at once: one point, or two for a gradient from differences."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .chains import Chain
from .cube import Vector

Told = tuple[float | None, Vector | None]
"""Loss and gradient of a point; ``None`` where there is none."""


class Estimator(Protocol):
    """Where the loss and the gradient of a chain's point come from."""

    def probes(self, chain: Chain) -> list[Vector]:
        """The points to evaluate."""
        ...

    def estimate(self, probes: list[Vector], told: list[Told]) -> Told:
        """Loss and gradient at the chain's point, from what was told of them."""
        ...


class Exact:
    """The objective's own gradient, at the point itself."""

    def probes(self, chain: Chain) -> list[Vector]:
        """The point."""
        return [chain.u]

    def estimate(self, probes: list[Vector], told: list[Told]) -> Told:
        """What was told."""
        return told[0]


@dataclass(frozen=True)
class Spsa:
    """Simultaneous perturbation: the difference of two losses along a random direction.

    All coordinates are moved at once, each by ``perturbation`` up or down as a coin falls, and
    back the other way; the quotient of the differences estimates every derivative, without bias
    up to the third order of the perturbation, for two evaluations whatever their number. At a
    bound the points are clipped, and the differences taken as they are.

    Spall (1992), https://doi.org/10.1109/9.119632.

    Attributes:
        perturbation: Distance in every coordinate, in [0, 1].
        seed: Where the coins come from, with the chain's number, life and step.
    """

    perturbation: float
    seed: int

    def probes(self, chain: Chain) -> list[Vector]:
        """A point on either side."""
        rng = random.Random(
            f"{self.seed}/{chain.number}/{chain.life}/{chain.memory.count}/{chain.size!r}"
        )
        coins = np.array([1.0 if rng.random() < 0.5 else -1.0 for _ in chain.u])
        return [
            np.clip(chain.u + side * self.perturbation * coins, 0.0, 1.0) for side in (1.0, -1.0)
        ]

    def estimate(self, probes: list[Vector], told: list[Told]) -> Told:
        """The mean loss, and the quotients; nothing if one of the two has no loss."""
        (above, _), (below, _) = told
        if above is None or below is None:
            return None, None
        return (above + below) / 2, (above - below) / (probes[0] - probes[1])


@dataclass
class Seat:
    """A chain, and what of it is being evaluated.

    Attributes:
        chain: The chain.
        probes: The points to evaluate.
        sent: How many of them were asked for.
        told: What was told of each; ``None`` for those that were not.
        found: A better point from elsewhere, with its loss and gradient: the chain goes there
            when all of its probes are told.
        promise: The loss that another one found at the point that is to be evaluated.
    """

    chain: Chain
    probes: list[Vector]
    sent: int = 0
    told: list[Told | None] = field(default_factory=list)
    found: tuple[Vector, float, Vector | None] | None = None
    promise: float | None = None

    @classmethod
    def of(cls, chain: Chain, estimator: Estimator) -> Seat:
        """A seat none of whose probes was asked for."""
        probes = estimator.probes(chain)
        return cls(chain, probes, told=[None] * len(probes))

    @property
    def all_told(self) -> list[Told] | None:
        """What was told of every probe; ``None`` while one is missing."""
        told = [each for each in self.told if each is not None]
        return told if len(told) == len(self.probes) else None

    @property
    def standing(self) -> float:
        """The best loss that is known of it, or promised; infinite if there is none."""
        known = [self.chain.best_loss] if self.chain.best is not None else []
        known += [self.found[1]] if self.found is not None else []
        known += [self.promise] if self.promise is not None else []
        return min(known, default=math.inf)

    def to_plain(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "chain": self.chain.to_plain(),
            "probes": [probe.tolist() for probe in self.probes],
            "sent": self.sent,
            "told": [None if t is None else [t[0], _listed(t[1])] for t in self.told],
            "found": None
            if self.found is None
            else [self.found[0].tolist(), self.found[1], _listed(self.found[2])],
            "promise": self.promise,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Seat:
        """What ``to_plain`` gave."""
        found = plain["found"]
        return cls(
            Chain.from_plain(plain["chain"]),
            [np.array(probe, dtype=float) for probe in plain["probes"]],
            plain["sent"],
            [None if told is None else (told[0], _vector(told[1])) for told in plain["told"]],
            None if found is None else (np.array(found[0]), found[1], _vector(found[2])),
            plain["promise"],
        )


def _listed(vector: Vector | None) -> list[float] | None:
    return None if vector is None else [float(component) for component in vector]


def _vector(plain: list[float] | None) -> Vector | None:
    return None if plain is None else np.array(plain, dtype=float)
