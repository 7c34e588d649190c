"""acme.climb, a backend of hpo_bridge.

CHANGE: what it is, where it comes from, and what surprises about the library that you wrap.
"""

import math
import random
from collections.abc import Sequence

from hpo_bridge import BackendSpec, Capability, Observation, Problem, Suggestion, hookimpl
from hpo_bridge.contracts.optimizer import Translation
from hpo_bridge.contracts.options import number


@hookimpl
def hpo_register_backends() -> BackendSpec:
    """Data only: a heavy library is imported in the class, where it is used."""
    return BackendSpec(
        name="acme.climb",  # CHANGE: library.algorithm
        technique="evolutionary",  # CHANGE: bayesian, random, genetic, annealing …
        factory="hpo_acme:Climb",
        requires=(),  # CHANGE: the library that you wrap, such as ("acme>=2,<3",)
        capabilities=frozenset({Capability.INJECT, Capability.VECTOR}),
        summary="Steps from the best point so far",  # CHANGE
    )


class Climb:
    """A (1+1) evolution strategy: random steps from the best point so far, in the unit cube.

    CHANGE: build your optimizer here. ``problem.space`` has floats, ints and indices of choices
    in a fixed order; ``decode`` and ``encode`` translate from and to numbers in [0, 1], with
    scales, steps and choices honoured. All randomness comes from ``problem.seed``.

    Args:
        problem: What is to be optimised.
        step: The standard deviation of a step, as a share of each parameter's range.
    """

    def __init__(self, problem: Problem, *, step: float = 0.15) -> None:
        self._space = problem.space
        self._random = random.Random(problem.seed)
        self._step = number("step", step, above=0, most=1)
        self._best: list[float] | None = None
        self._least = math.inf

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Up to ``n`` new points, though results of earlier ones may still be out."""
        # CHANGE: what your library proposes. A token comes back with the result: a number or
        # a text by which you find your library's own object again.
        return [Suggestion(self._space.decode(self._point()), token=0) for _ in range(n)]

    def _point(self) -> list[float]:
        if self._best is None:
            return [self._random.random() for _ in range(self._space.dimension)]
        return [self._near(place) for place in self._best]

    def _near(self, place: float) -> float:
        if self._random.random() < 0.1:  # now and then anywhere, so that every choice is near
            return self._random.random()
        return min(1.0, max(0.0, self._random.gauss(place, self._step)))

    def tell(self, observations: Sequence[Observation]) -> None:
        """Results in any order. Losses are finite, and smaller is better."""
        for seen in observations:
            if seen.losses is None:  # failed, pruned or infeasible
                continue  # CHANGE: what that means to your library
            if seen.losses[0] < self._least:
                self._best, self._least = self._space.encode(seen.params), seen.losses[0]

    def explain(self) -> Sequence[Translation]:
        """Rows of `hpo-bridge explain`, one per parameter; without this method they say native."""
        return [Translation(name, "encoded", "a number in [0, 1]") for name in self._space]
