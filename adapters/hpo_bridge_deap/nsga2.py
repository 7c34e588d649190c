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

import random
from collections.abc import Mapping
from typing import Any

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.options import number, one_of, whole
from hpo_bridge.contracts.random_state import get_state, set_state

from .generations import Generations
from .genome import Genome
from .individuals import Individual, lessons
from .operators import toolbox


class Nsga2(Generations):
    """NSGA-II, by the loop of DEAP's ``examples/ga/nsga2.py``.

    The options are those of the example, but for its population of 100.

    Args:
        problem: A problem with any number of objectives.
        population_size: Number of individuals, a multiple of 4.
        cxpb: Probability of two individuals to be mated; every one is mutated.
        nd: How fronts are found: ``standard`` or ``log``, with the same result.
        mate, mutate, mate_indpb, alpha, sigma, eta, indpb, reevaluate: As at
            :class:`hpo_bridge_deap.genetic.Ga`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Nsga2(Problem(Space(a=Int(1, 9)), 2, seed=1)).ask(2)]
        [{'a': 2}, {'a': 8}]
    """

    def __init__(
        self,
        problem: Problem,
        *,
        population_size: int = 20,
        cxpb: float = 0.9,
        mate: str = "cxSimulatedBinaryBounded",
        mutate: str = "mutPolynomialBounded",
        nd: str = "standard",
        mate_indpb: float = 0.5,
        alpha: float = 0.5,
        sigma: float = 0.2,
        eta: float = 20.0,
        indpb: float | None = None,
        reevaluate: bool = False,
    ) -> None:
        self._size = whole("population_size", population_size, 4)
        if self._size % 4:
            raise ValueError(f"population_size: found {self._size}, expected a multiple of 4")
        genome = Genome(problem.space, indices=True)
        self._random = random.Random(problem.seed)
        self._toolbox = toolbox(
            genome, self._random, mate=mate, mutate=mutate,
            mate_indpb=mate_indpb, alpha=alpha, sigma=sigma, eta=eta, indpb=indpb,
        )  # fmt: skip
        self._nd = one_of("nd", nd, ("standard", "log"))
        self._n_objectives = problem.n_objectives
        if self._nd == "log" and self._n_objectives == 1:
            raise ValueError("nd: 'log' needs several objectives")
        self._cxpb = number("cxpb", cxpb, 0.0, 1.0)
        self._parents: list[Individual] = []
        super().__init__(problem, genome, reevaluate=reevaluate, room=self._size)

    def _breed(self) -> list[Individual]:
        foreign, self._foreign = self._foreign, []
        if not self._generation:
            population = [self._genome.random(self._random) for _ in range(self._size)]
            seeds = self._best(foreign, self._size)
            return seeds + population[len(seeds) :]
        pool = self._parents + self._generation + foreign
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

    def _own_state(self) -> dict[str, Any]:
        parents = [one.to_plain() for one in self._parents]
        return {"random": get_state(self._random), "parents": parents}

    def _set_own_state(self, state: Mapping[str, Any]) -> None:
        set_state(self._random, state["random"])
        self._parents = [Individual.from_plain(one) for one in state["parents"]]
