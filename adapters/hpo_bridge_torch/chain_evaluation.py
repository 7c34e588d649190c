"""The evaluation of a chain's point: one trial, or two for a gradient from differences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .chains import Chain
from .cube import Vector
from .estimators import Estimator, LossAndGradient


@dataclass
class ChainEvaluation:
    """The evaluation of one point of a chain.

    Attributes:
        chain: The chain.
        probes: The points to evaluate.
        asked: Number of probes that were asked for.
        results: Loss and gradient of each probe; ``None`` for those not told yet.
        better: A better point from elsewhere, with its loss and gradient: the chain goes there
            when all results are in.
        expected_loss: The loss that another backend found at the point to be evaluated.
    """

    chain: Chain
    probes: list[Vector]
    asked: int = 0
    results: list[LossAndGradient | None] = field(default_factory=list)
    better: tuple[Vector, float, Vector | None] | None = None
    expected_loss: float | None = None

    @classmethod
    def of(cls, chain: Chain, estimator: Estimator) -> ChainEvaluation:
        """Return an evaluation none of whose probes was asked for."""
        probes = estimator.probes(chain)
        return cls(chain, probes, results=[None] * len(probes))

    @property
    def all_results(self) -> list[LossAndGradient] | None:
        """The result of every probe; ``None`` while one is missing."""
        results = [each for each in self.results if each is not None]
        return results if len(results) == len(self.probes) else None

    @property
    def least_known_loss(self) -> float:
        """The least loss known or expected; infinite if there is none."""
        known = [self.chain.best_loss] if self.chain.best is not None else []
        known += [self.better[1]] if self.better is not None else []
        known += [self.expected_loss] if self.expected_loss is not None else []
        return min(known, default=math.inf)

    def to_plain(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "chain": self.chain.to_plain(),
            "probes": [probe.tolist() for probe in self.probes],
            "asked": self.asked,
            "results": [None if t is None else [t[0], _listed(t[1])] for t in self.results],
            "better": None
            if self.better is None
            else [self.better[0].tolist(), self.better[1], _listed(self.better[2])],
            "expected_loss": self.expected_loss,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ChainEvaluation:
        """Return the evaluation that ``to_plain`` described."""
        found = plain["better"]
        return cls(
            Chain.from_plain(plain["chain"]),
            [np.array(probe, dtype=float) for probe in plain["probes"]],
            plain["asked"],
            [None if told is None else (told[0], _vector(told[1])) for told in plain["results"]],
            None if found is None else (np.array(found[0]), found[1], _vector(found[2])),
            plain["expected_loss"],
        )


def _listed(vector: Vector | None) -> list[float] | None:
    return None if vector is None else [float(component) for component in vector]


def _vector(plain: list[float] | None) -> Vector | None:
    return None if plain is None else np.array(plain, dtype=float)
