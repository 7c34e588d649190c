"""Generations that are bred by a toolbox: a population, its parents and one generator."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.random_state import get_state, set_state

from .generations import Generations
from .genome import Genome
from .individuals import Individual
from .operators import VariationOptions, toolbox


class Population(Generations):
    """Generations of a toolbox, begun with random individuals and foreign points.

    Args:
        problem: The problem to optimise.
        options: Options of crossover and mutation.
        size: Number of individuals, and the largest number of foreign points kept.
    """

    def __init__(self, problem: Problem, options: VariationOptions, size: int) -> None:
        genome = Genome(problem.space, indices=True)
        super().__init__(problem, genome, reevaluate=options.reevaluate, room=size)
        self._size = size
        self._random = random.Random(problem.seed)
        self._toolbox = toolbox(genome, self._random, options)
        self._parents: list[Individual] = []

    def _initial(self) -> list[Individual]:
        """Return random individuals; the best foreign points take the first places."""
        population = [self._genome.random(self._random) for _ in range(self._size)]
        seeds = self._best(self._arrivals(), self._size)
        return seeds + population[len(seeds) :]

    def _arrivals(self) -> list[Individual]:
        """Take out the foreign points that came since the last generation."""
        arrivals, self._foreign = self._foreign, []
        return arrivals

    def _own_state(self) -> dict[str, Any]:
        parents = [one.to_plain() for one in self._parents]
        return {"random": get_state(self._random), "parents": parents}

    def _set_own_state(self, state: Mapping[str, Any]) -> None:
        set_state(self._random, state["random"])
        self._parents = [Individual.from_plain(one) for one in state["parents"]]
