"""``core.grid``: every point of a grid once, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from ..contracts.optimizer import Observation, Problem, Suggestion, Translation
from ..errors import SearchExhausted
from ..space import discretized


class GridSearch:
    """Every combination once; the first parameter varies slowest. Inactive ones are left out.

    Args:
        problem: Any problem whose parameters have finitely many values, or a resolution.
        resolution: How many values to take of each continuous parameter: one number for all,
            or a mapping of names to numbers. They are spaced evenly (in the logarithm on a
            log scale), both bounds included.

    Raises:
        UnsupportedProblem: For a continuous parameter without a resolution.
        InvalidOptions: For a resolution below 2, or of a parameter that is not continuous.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Float, Int, Space
        >>> grid = GridSearch(Problem(Space(a=Int(1, 2), b=Float(0, 1))), resolution=3)
        >>> [tuple(s.params.values()) for s in grid.ask(4)]
        [(1, 0.0), (1, 0.5), (1, 1.0), (2, 0.0)]
    """

    def __init__(
        self, problem: Problem, *, resolution: int | Mapping[str, int] | None = None
    ) -> None:
        self._declared = problem.space
        self._space = discretized(problem.space, resolution)
        self._given = 0
        self._points = self._space.points()

    def ask(self, n: int) -> Sequence[Suggestion]:
        """The next ``n`` combinations, fewer at the end."""
        points = list(islice(self._points, n))
        if not points and n > 0:
            raise SearchExhausted(f"all {self._given} points of the grid were proposed")
        self._given += len(points)
        return [Suggestion(point) for point in points]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learns nothing."""

    def state(self) -> Any:
        """Return the number of points proposed."""
        return self._given

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Goes on after ``state`` points."""
        self._given = int(state)
        self._points = islice(self._space.points(), self._given, None)

    def explain(self) -> Sequence[Translation]:
        """Every value in turn, or ``resolution`` values of a continuous parameter."""
        rows = []
        for name, parameter in self._declared.items():
            size = self._space[name].size
            native = parameter.size is not None
            detail = f"all {size} values" if native else f"{size} evenly spaced values"
            rows.append(Translation(name, "native" if native else "encoded", detail))
        return rows
