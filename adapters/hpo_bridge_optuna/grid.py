"""``optuna.grid``: every point of a grid, in Optuna's random order.

What one might not expect of Optuna's ``GridSampler``:

* ``study.tell`` raises ``RuntimeError`` at the last point, since the sampler stops a loop
  that is not there, and a further ``ask`` silently starts over. Here a grid that is spent
  ends with ``SearchExhausted``.
* The time of a trial grows with their number, since each ``tell`` compares the grid of every
  earlier trial with its own. Results teach a grid nothing, so it is not told them.
* Parameters are sorted by name, and ``seed: 0`` is a shuffle too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from optuna.samplers import GridSampler

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import with_options
from hpo_bridge.errors import BackendError, SearchExhausted, UnsupportedProblem
from hpo_bridge.space import Space, discretized

from .resolution import ResolutionOptions, listed
from .studies import new_study
from .translation import Table

LARGEST = 1_000_000
"""Number of points beyond which a grid is refused: Optuna holds all of them in memory."""


@with_options(ResolutionOptions)
class Grid:
    """Every combination of the parameters' values once, by Optuna's ``GridSampler``.

    Args:
        problem: A problem without conditions, whose parameters have finitely many values or
            a resolution.
        options: See :class:`ResolutionOptions`.

    Raises:
        UnsupportedProblem: For a continuous parameter without a resolution, or more than a
            million points.
        InvalidOptions: For a resolution below 2, or of a parameter that is not continuous.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params["a"] for s in Grid(Problem(Space(a=Int(1, 4)))).ask(9)]
        [3, 4, 2, 1]
    """

    def __init__(self, problem: Problem, options: ResolutionOptions) -> None:
        self._table = Table(problem.space, native_space=options.native_space)
        self._values = _values(discretized(problem.space, options.resolution))
        self._size = math.prod(len(values) for values in self._values.values())
        self._given = 0
        sampler = GridSampler(self._values, seed=problem.seed)
        self._study, _, _ = new_study(sampler, n_objectives=problem.n_objectives)

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points, fewer at the end."""
        left = self._size - self._given
        if n > 0 and not left:
            raise SearchExhausted(f"all {self._size} points of the grid were proposed")
        points = [self._table.suggest(self._study).params for _ in range(min(n, left))]
        self._given += len(points)
        return [Suggestion(point) for point in points]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learn nothing."""

    def state(self) -> Any:
        """Return the number of points given."""
        return self._given

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Continue after ``state`` points.

        Raises:
            BackendError: If the grid has fewer.
        """
        if not 0 <= int(state) <= self._size:
            raise BackendError(f"the snapshot is of another grid: found {state} points")
        if state:
            self.ask(int(state))

    def explain(self) -> Sequence[Translation]:
        """Every value of a parameter, or ``resolution`` values of a continuous one."""
        rows = []
        for row in self._table.explain():
            count = len(self._values[row.parameter])
            if self._table.space[row.parameter].size is None:
                rows.append(listed(row, count))
            else:
                detail = f"{count} values in {row.detail}"
                rows.append(Translation(row.parameter, row.how, detail))
        return rows


def _values(space: Space) -> dict[str, list[Any]]:
    """The values of each parameter of a finite space, ascending."""
    points = space.cardinality or 0
    if points > LARGEST:
        raise UnsupportedProblem(
            f"the grid has {points} points, and Optuna's GridSampler holds all of them in memory: "
            f"expected at most {LARGEST}",
            fix="use core.grid, or fewer values",
        )
    return {
        name: [parameter.grid(i) for i in range(parameter.size or 0)]
        for name, parameter in space.items()
    }
