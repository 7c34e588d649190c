"""``deap.pso``: particle swarm optimization.

DEAP has no such loop, but an example, ``examples/pso/basic.py``; told one at a time, the points
are those of that loop, around an objective that remembers its results (see
:mod:`hpo_bridge_deap.generations`), with particles that bounce: one that leaves [0, 1] is
reflected, and so is its speed.

A foreign point is the first place of a particle if it comes before the first ask; later it is
the place that all particles are drawn to, if it is better than all of theirs.

What one might not expect of the example:

* Its ``smin`` is -3: as the least size of a speed it has no effect, as the least initial speed
  it has one.
* In the release 1.0 a speed of exactly zero ends it with ``ZeroDivisionError``.

Poli, Kennedy and Blackwell (2007), https://doi.org/10.1007/s11721-007-0002-0.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import number, whole
from hpo_bridge.contracts.random_state import get_state, set_state

from .generations import Generations
from .genome import Genome, reflected
from .individuals import Individual, one_objective


class Pso(Generations):
    """A particle swarm, by the loop of DEAP's ``examples/pso/basic.py``.

    The options are those of the example, where 5 particles go about in [-6, 6], with speeds of
    at most 3, for two parameters and 5,000 evaluations. A quarter of the range is too fast to
    settle: with 0.15 the median after 200 is better on six test problems of six.

    Args:
        problem: A problem with one objective.
        population_size: Number of particles.
        phi1: Largest pull of the best place of its own, as a multiple of the distance.
        phi2: Largest pull of the swarm's best place.
        smin: Least initial speed, and least size of a speed where it is positive.
        smax: Largest initial speed, and largest size of a speed.
        reevaluate: Whether a known point is evaluated again, as in the example.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Pso(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 2}, {'a': 7}]
    """

    def __init__(
        self,
        problem: Problem,
        *,
        population_size: int = 10,
        phi1: float = 2.0,
        phi2: float = 2.0,
        smin: float = -0.15,
        smax: float = 0.15,
        reevaluate: bool = False,
    ) -> None:
        self._size = whole("population_size", population_size, 1)
        self._phi1, self._phi2 = number("phi1", phi1, 0.0), number("phi2", phi2, 0.0)
        self._smax = number("smax", smax, above=0.0, most=1.0)
        self._smin = number("smin", smin, -1.0, self._smax)
        self._random = random.Random(problem.seed)
        genome = Genome(problem.space, indices=False)
        super().__init__(one_objective(problem), genome, reevaluate=reevaluate, room=self._size)
        self._speeds: list[list[float]] = []
        self._bests: list[Individual] = []  # the best place of each particle, once it has one
        self._leader: Individual | None = None

    def _breed(self) -> list[Individual]:
        foreign, self._foreign = self._foreign, []
        if not self._generation:
            return self._initial(foreign)
        first = not self._bests
        for k, particle in enumerate(self._generation):
            if first:
                self._bests.append(particle)
            elif self._bests[k].fitness < particle.fitness:
                self._bests[k] = particle
            self._follow(particle)
        for arrival in foreign:
            self._follow(arrival)
        return [self._moved(k) for k in range(self._size)]

    def _initial(self, foreign: list[Individual]) -> list[Individual]:
        particles = []
        for _ in range(self._size):
            particles.append(self._genome.random(self._random))
            self._speeds.append(
                [self._random.uniform(self._smin, self._smax) for _ in particles[-1]]
            )
        seeds = self._best(foreign, self._size)
        return seeds + particles[len(seeds) :]

    def _follow(self, individual: Individual) -> None:
        if self._leader is None or self._leader.fitness < individual.fitness:
            self._leader = individual

    def _moved(self, k: int) -> Individual:
        """Particle ``k`` at its next place; its speed is changed."""
        assert self._leader is not None
        place, best, speed = self._generation[k], self._bests[k], self._speeds[k]
        for i, (u, own, leading) in enumerate(zip(place, best, self._leader, strict=True)):
            pull = self._random.uniform(0, self._phi1) * (own - u)
            faster = speed[i] + (pull + self._random.uniform(0, self._phi2) * (leading - u))
            if abs(faster) < self._smin:
                faster = math.copysign(self._smin, faster)
            elif abs(faster) > self._smax:
                faster = math.copysign(self._smax, faster)
            speed[i] = faster
        moved = [u + s for u, s in zip(place, speed, strict=True)]
        self._speeds[k] = [s if 0.0 <= u <= 1.0 else -s for u, s in zip(moved, speed, strict=True)]
        return Individual(reflected(moved))

    def _own_state(self) -> dict[str, Any]:
        return {
            "random": get_state(self._random),
            "speeds": [list(speed) for speed in self._speeds],
            "bests": [best.to_plain() for best in self._bests],
            "leader": None if self._leader is None else self._leader.to_plain(),
        }

    def _set_own_state(self, state: Mapping[str, Any]) -> None:
        set_state(self._random, state["random"])
        self._speeds = [list(speed) for speed in state["speeds"]]
        self._bests = [Individual.from_plain(best) for best in state["bests"]]
        leader = state["leader"]
        self._leader = None if leader is None else Individual.from_plain(leader)
