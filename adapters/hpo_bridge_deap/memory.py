"""The points that were evaluated, with the numbers of their fitness."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.errors import BackendError

Point = tuple[Any, ...]
"""The values of a point in the space's order."""


class Memory:
    """Every point that was told, with the numbers of its fitness; the last result counts.

    Args:
        problem: The problem whose points are kept.
        losses: Returns the numbers of a trial's fitness.

    Attributes:
        told: Number of observations.

    Example:
        >>> from hpo_bridge.space import Int, Space
        >>> memory = Memory(Problem(Space(a=Int(1, 9))), lambda seen: seen.losses)
        >>> memory.add(Observation({"a": 3}, (0.5,), token=0))
        (0.5,)
        >>> memory.get((3,)), memory.get((4,))
        ((0.5,), None)
    """

    def __init__(
        self, problem: Problem, losses: Callable[[Observation], tuple[float, ...]]
    ) -> None:
        self._space = problem.space
        self._names = tuple(problem.space)
        self._cardinality = problem.space.cardinality
        self._losses = losses
        self._known: dict[Point, tuple[float, ...]] = {}
        self.told = 0

    @property
    def is_full(self) -> bool:
        """True if every point of the space is known."""
        return len(self._known) == self._cardinality

    def get(self, point: Point) -> tuple[float, ...] | None:
        """Return the numbers of the point's fitness, if it is known."""
        return self._known.get(point)

    def params(self, point: Point) -> dict[str, Any]:
        """The point as a suggestion has it."""
        return dict(zip(self._names, point, strict=True))

    def add(self, seen: Observation) -> tuple[float, ...]:
        """Take a result, and return the numbers of its fitness.

        Raises:
            SpaceError: If a foreign point is none of the space.
        """
        params = self._space.check(seen.params) if seen.token is None else seen.params
        losses = self._losses(seen)
        self._known[tuple(params[name] for name in self._names)] = losses
        self.told += 1
        return losses

    def restore(self, observations: Iterable[Observation], told: int) -> None:
        """Take all that was told.

        Raises:
            BackendError: If that is another number than ``told``.
        """
        for seen in observations:
            self.add(seen)
        if self.told != told:
            raise BackendError("the snapshot does not belong to these observations")
