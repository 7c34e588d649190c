"""``deap.nsga2``: NSGA-II, for several objectives.

DEAP has the selection, and the loop in an example, ``examples/ga/nsga2.py``; told one at a time,
the points are those of that loop, around an objective that remembers its results (see
:mod:`hpo_bridge_deap.generations`).

What one might not expect of DEAP:

* ``selTournamentDCD`` of a whole population wants its size to be a multiple of 4.
* ``selNSGA2`` with ``nd="log"`` fails with one objective.
* An infinite objective makes crowding distances NaN, which sort anyhow. A trial that is not
  complete has nothing but infinite ones here: it shares no front with a complete one, and in
  a front where all are alike no differences are taken.

Deb, Pratap, Agarwal and Meyarivan (2002), https://doi.org/10.1109/4235.996017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.options import Range, with_options

from .individuals import Individual, lessons
from .operators import Crossover, Mutation, VariationOptions
from .populations import Population


@dataclass(frozen=True, kw_only=True)
class Nsga2Options(VariationOptions):
    """Options of DEAP's ``examples/ga/nsga2.py``, but for its population of 100.

    Attributes:
        population_size: Number of individuals, a multiple of 4.
        cxpb: Probability of two individuals to be mated; every one is mutated.
        nd: The algorithm that finds fronts, with the same result.
    """

    mate: Crossover = "cxSimulatedBinaryBounded"
    mutate: Mutation = "mutPolynomialBounded"
    population_size: Annotated[int, Range(4)] = 20
    cxpb: Annotated[float, Range(0, 1)] = 0.9
    nd: Literal["standard", "log"] = "standard"

    def __post_init__(self) -> None:
        if self.population_size % 4:
            raise ValueError(
                f"population_size: found {self.population_size}, expected a multiple of 4"
            )


@with_options(Nsga2Options)
class Nsga2(Population):
    """NSGA-II, by the loop of DEAP's ``examples/ga/nsga2.py``.

    Args:
        problem: A problem with any number of objectives.
        options: See :class:`Nsga2Options`, and
            :class:`hpo_bridge_deap.operators.VariationOptions` for the others.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Nsga2(Problem(Space(a=Int(1, 9)), 2, seed=1)).ask(2)]
        [{'a': 2}, {'a': 8}]
    """

    def __init__(self, problem: Problem, options: Nsga2Options) -> None:
        if options.nd == "log" and problem.n_objectives == 1:
            raise ValueError("nd: 'log' needs several objectives")
        super().__init__(problem, options, options.population_size)
        self._nd, self._cxpb = options.nd, options.cxpb
        self._n_objectives = problem.n_objectives

    def _breed(self) -> list[Individual]:
        if not self._generation:
            return self._initial()
        pool = self._parents + self._generation + self._arrivals()
        self._parents = self._best(pool, self._size)
        chosen = self._toolbox.deap.selTournamentDCD(self._parents, self._size)
        offspring: list[Individual] = [one.clone() for one in chosen]
        for one, other in zip(offspring[::2], offspring[1::2], strict=True):
            if self._random.random() <= self._cxpb:
                self._toolbox.mate(one, other)
            self._toolbox.mutate(one)
            self._toolbox.mutate(other)
            del one.fitness.values, other.fitness.values
        return offspring

    def _best(self, individuals: list[Individual], k: int) -> list[Individual]:
        if not individuals:
            return []
        return list(self._toolbox.deap.selNSGA2(individuals, k, nd=self._nd))

    def _losses(self, seen: Observation) -> tuple[float, ...]:
        return lessons(seen, self._n_objectives)
