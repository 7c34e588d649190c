"""Generations, as in all of DEAP's loops: a generation is evaluated before the next one is bred.

``ask`` hands out the individuals without a fitness, ``tell`` gives them theirs in any order,
and the next ``ask`` breeds the next generation once the last result is in. Until then it
answers with nothing when there is nothing left to hand out. As every trial ends in some way
and any end is a fitness, a generation always comes to its end.

What one might not expect of DEAP: its loops evaluate an individual anew whenever an operator
had it in hands, changed or not, and two parents that are alike have children like them. With
20 individuals half of all evaluations are of points that were evaluated before. Here a
point that was evaluated keeps its fitness: the points that are proposed, and their order, are
those of DEAP's loop around an objective that remembers its results, and each is proposed
once. With ``reevaluate`` they are those of DEAP's loop as it is. Either way a point is not
handed out a second time while it is pending.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import flag
from hpo_bridge.errors import BackendError

from .genome import Genome
from .individuals import Individual, best, is_result, lesson
from .memory import Memory

MOST_STALE = 100
"""After so many generations in a row without a new point the search has settled, and random
individuals take the places of those without a fitness. After as many again the space has
hardly a point left, and known ones are evaluated again."""


class Generations:
    """An optimizer that breeds generations; a subclass says how.

    Args:
        problem: What the genes stand for.
        genome: How they do.
        reevaluate: Whether known points are evaluated again, as DEAP's loops do.
        room: How many foreign points are kept until the next generation; the best of them.
    """

    _random: Any

    def __init__(
        self, problem: Problem, genome: Genome, *, reevaluate: bool, room: int = 0
    ) -> None:
        self._reevaluate = flag("reevaluate", reevaluate)
        self._memory = Memory(problem, self._losses)
        self._genome = genome
        self._room = room
        self._foreign: list[Individual] = []
        self._generation: list[Individual] = []
        self._points: list[tuple[Any, ...]] = []  # what the individuals stand for
        self._queue: list[int] = []  # those of the generation that are to be handed out
        self._pending: dict[int, int] = {}  # token to position in the generation
        self._again = reevaluate  # whether this generation's known points are evaluated again
        self._given = 0

    # -- what a subclass defines --------------------------------------------------------

    def _breed(self) -> list[Individual]:
        """The next generation, from ``_generation`` (empty: the first) and ``_foreign``."""
        raise NotImplementedError

    def _own_state(self) -> dict[str, Any]:
        """Return the subclass's own state as plain data."""
        raise NotImplementedError

    def _set_own_state(self, state: Mapping[str, Any]) -> None:
        """Take the state that ``_own_state`` returned."""
        raise NotImplementedError

    def _scatter(self) -> None:
        """Put random individuals in the places of those without a fitness."""
        for index, individual in enumerate(self._generation):
            if not individual.fitness.valid:
                self._generation[index] = self._genome.random(self._random)

    def _losses(self, seen: Observation) -> tuple[float, ...]:
        """Return the numbers of a trial's fitness."""
        return lesson(seen)

    def _best(self, individuals: list[Individual], k: int) -> list[Individual]:
        """The ``k`` best, the best first."""
        return best(individuals, k)

    # -- the optimizer ------------------------------------------------------------------

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return up to ``n`` points of the generation; none: it waits for results."""
        stale = 0
        while n > 0 and not self._queue and not self._pending:
            stale += 1
            self._next(stale)
        running = {self._points[index] for index in self._pending.values()}
        suggestions: list[Suggestion] = []
        later = []
        for index in self._queue:
            point = self._points[index]
            if len(suggestions) >= n or point in running:
                later.append(index)
                continue
            running.add(point)
            self._pending[self._given] = index
            suggestions.append(Suggestion(self._memory.params(point), self._given))
            self._given += 1
        self._queue = later
        return suggestions

    def _next(self, stale: int) -> None:
        """Breed a generation, after ``stale - 1`` without a new point."""
        self._generation = self._breed()
        self._again = self._reevaluate or self._memory.is_full or stale > 2 * MOST_STALE
        if stale > MOST_STALE and not self._again:
            self._scatter()
        self._locate()
        self._queue = []
        for index, individual in enumerate(self._generation):
            if not individual.fitness.valid:
                known = None if self._again else self._memory.get(self._points[index])
                if known is None:
                    self._queue.append(index)
                else:
                    individual.fitness.set(known)

    def _locate(self) -> None:
        self._points = [tuple(self._genome.decode(one).values()) for one in self._generation]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take results in any order, see :mod:`hpo_bridge_deap.individuals`."""
        for seen in observations:
            losses = self._memory.add(seen)
            if seen.token is None:
                self._inject(seen, losses)
                continue
            index = self._pending.pop(seen.token, None)
            if index is None:
                raise BackendError(f"no result is awaited for the token {json.dumps(seen.token)}")
            self._generation[index].fitness.set(losses)
            if self._again:
                continue
            for twin in [i for i in self._queue if self._points[i] == self._points[index]]:
                self._generation[twin].fitness.set(losses)
                self._queue.remove(twin)

    def _inject(self, seen: Observation, losses: tuple[float, ...]) -> None:
        """Keep a foreign point for the next generation, unless it failed."""
        if not self._room or not is_result(seen):
            return
        self._foreign.append(Individual(self._genome.encode(seen.params), losses))
        if len(self._foreign) > self._room:
            self._foreign = self._best(self._foreign, self._room)

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._genome.explain()

    def state(self) -> Any:
        """The generation, what is known of it, and the generators."""
        return {
            "generation": [one.to_plain() for one in self._generation],
            "foreign": [one.to_plain() for one in self._foreign],
            "queue": list(self._queue),
            "pending": [list(item) for item in self._pending.items()],
            "again": self._again,
            "given": self._given,
            "told": self._memory.told,
            **self._own_state(),
        }

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Continue from ``state``; the observations are the memory of what is known.

        Raises:
            BackendError: If they do not belong together.
        """
        self._memory.restore(observations, state["told"])
        self._generation = [Individual.from_plain(one) for one in state["generation"]]
        self._locate()
        self._foreign = [Individual.from_plain(one) for one in state["foreign"]]
        self._queue = list(state["queue"])
        self._pending = {token: index for token, index in state["pending"]}
        self._again, self._given = state["again"], state["given"]
        self._set_own_state(state)
