"""``optuna.random``: independent random points.

With the same seed they are those of ``study.optimize``, to the last bit, if its objective
suggests the parameters in the space's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from optuna.samplers import RandomSampler

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import with_options
from hpo_bridge.contracts.random_state import get_state, set_state
from hpo_bridge.errors import BackendError

from .generators import generators_of
from .resolution import SpaceOptions
from .studies import new_study
from .translation import Table


@with_options(SpaceOptions)
class Random:
    """Independent random points, by Optuna's ``RandomSampler``.

    Args:
        problem: Any problem: conditional, with several objectives.
        options: See :class:`SpaceOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Random(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 4}, {'a': 7}]
    """

    def __init__(self, problem: Problem, options: SpaceOptions) -> None:
        self._table = Table(problem.space, native_space=options.native_space)
        self._sampler = RandomSampler(seed=problem.seed)
        self._study, self._storage, _ = new_study(self._sampler, n_objectives=problem.n_objectives)

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points."""
        suggestions = []
        for _ in range(n):
            point = self._table.suggest(self._study)
            self._storage.hide(point.number)
            suggestions.append(Suggestion(point.params))
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learn nothing."""

    def state(self) -> Any:
        """Return the random generator's state."""
        found = generators_of(self._sampler)
        return get_state(found[0]) if len(found) == 1 else None

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Set the random generator; past points do not matter."""
        found = generators_of(self._sampler)
        if len(found) != 1:
            raise BackendError("this version of Optuna keeps its generator elsewhere")
        set_state(found[0], state)

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._table.explain()
