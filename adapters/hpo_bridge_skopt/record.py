"""The observations of a model-based search, and the values that its model gets for them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from hpo_bridge.contracts.optimizer import Observation
from hpo_bridge.contracts.record import TrialState

LARGEST = 1e100
"""Losses are clipped to this size: the square of a larger one, which every model takes,
overflows, and one infinity is the end of a model."""
SPARE = 10
"""How many more infeasible points than others the model is given."""


class Record:
    """Points in the library's terms, in the order in which they were told.

    Attributes:
        points: What the model knows.
        keys: The parameters of all points that were told, also of those it does not know.
        counted: How many of them count as initial points.
        ignored: Whether the last one was kept from the model.
    """

    def __init__(self) -> None:
        self.points: list[list[Any]] = []
        self.keys: set[tuple[Any, ...]] = set()
        self.counted = 0
        self._losses: list[float | None] = []
        self._pruned: list[int] = []
        self._infeasible = 0

    def add(self, x: Sequence[Any], key: tuple[Any, ...], seen: Observation) -> bool:
        """Take note of a point; returns whether the model is to learn of it.

        Args:
            x: The point in the library's terms.
            key: The values of its parameters.
            seen: What became of it.
        """
        self.keys.add(key)
        if not seen.infeasible:
            self.counted += 1
        elif self._infeasible >= self.counted + SPARE:
            return False
        else:
            self._infeasible += 1
        if seen.state is TrialState.PRUNED and seen.reports and not seen.infeasible:
            self._pruned.append(len(self.points))
            self._losses.append(_clipped(seen.reports[-1][1]))
        else:
            self._losses.append(None if seen.losses is None else _clipped(seen.losses[0]))
        self.points.append(list(x))
        return True

    @property
    def informed(self) -> bool:
        """True if there is a loss to learn from."""
        return any(loss is not None for loss in self._losses)

    def losses(self) -> list[float]:
        """One finite loss per point, imputed where there is none; needs ``informed``."""
        known = [loss for loss in self._losses if loss is not None]
        worst = max(known)
        losses = [worst if loss is None else loss for loss in self._losses]
        if self._pruned and len(self._pruned) < len(known):
            pruned = set(self._pruned)
            middle = median(
                loss for i, loss in enumerate(self._losses) if loss is not None and i not in pruned
            )
            for i in self._pruned:
                losses[i] = max(losses[i], middle)
        return losses


def _clipped(loss: float) -> float:
    return min(max(loss, -LARGEST), LARGEST)
