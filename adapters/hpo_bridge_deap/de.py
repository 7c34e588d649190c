"""``deap.de``: differential evolution, DE/rand/1/bin.

DEAP has no such loop, but an example, ``examples/de/basic.py``; told one at a time, the points
are those of that loop, around an objective that remembers its results (see
:mod:`hpo_bridge_deap.generations`), with rivals reflected into [0, 1].

There an agent's rival is bred from the agents as they are at that moment, the winners of the
same round among them. So nothing has to wait for the end of a round: while one rival is
evaluated, the next agents get theirs, and no worker is idle as long as there are more agents
than workers. A trial that is never told costs its agent, and nothing else.

What one might not expect: the three agents of ``selRandom`` may be the same one twice. Then
the rival is a mixture of two agents, or the agent itself, which is not evaluated again.

Storn and Price (1997), https://doi.org/10.1023/A:1008202821328.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from typing import Any

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import flag, number, whole
from hpo_bridge.contracts.random_state import get_state, set_state
from hpo_bridge.errors import BackendError

from .genome import Genome, reflected
from .individuals import Individual, best, is_result, lesson, one_objective
from .isolation import deap_with
from .memory import Memory, Point
from .operators import WIDEST

MOST_STALE = 100
"""After so many rivals in a row without a new point they are random; after as many again,
known points are evaluated again."""


class De:
    """Differential evolution, by the loop of DEAP's ``examples/de/basic.py``.

    ``CR`` and ``F`` are those of the example; its population of 300 is for 60,000 evaluations.
    With 10 the median after 200 is better than with 20 on six test problems of six.

    Args:
        problem: A problem with one objective.
        population_size: Number of agents, at least 4.
        CR: Probability of each gene but one, which always is, to come from the mutant.
        F: Weight of the difference of two agents.
        reevaluate: Whether a known point is evaluated again, as in the example.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in De(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 2}, {'a': 8}]
    """

    def __init__(
        self,
        problem: Problem,
        *,
        population_size: int = 10,
        CR: float = 0.25,  # the example's name
        F: float = 1.0,
        reevaluate: bool = False,
    ) -> None:
        self._size = whole("population_size", population_size, 4)
        self._cr, self._f = number("CR", CR, 0.0, 1.0), number("F", F, above=0.0, most=WIDEST)
        self._reevaluate = flag("reevaluate", reevaluate)
        self._random = random.Random(problem.seed)
        self._deap = deap_with(self._random)
        self._genome = Genome(problem.space, indices=False)
        self._memory = Memory(one_objective(problem), lesson)
        self._agents: list[Individual] = []
        self._foreign: list[Individual] = []
        self._queue: list[int] = []  # agents whose first place is to be handed out
        self._turn = 0  # the agent that is next to get a rival
        self._given = 0
        # Token to agent and rival; the first rival of an agent is itself.
        self._pending: dict[int, tuple[int, Individual]] = {}

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return up to ``n`` rivals of agents that have none; none: every agent has one."""
        if n > 0 and not self._agents:
            self._begin()
        before = list(self._agents), list(self._queue), self._turn, self._random.getstate()
        suggestions: list[Suggestion] = []
        while len(suggestions) < n:
            found = self._next()
            if found is None:
                break
            point, k, rival = found
            self._pending[self._given] = (k, rival)
            suggestions.append(Suggestion(self._memory.params(point), self._given))
            self._given += 1
        if not suggestions:
            self._agents, self._queue, self._turn, state = before
            self._random.setstate(state)
        return suggestions

    def _begin(self) -> None:
        """Random agents; the best foreign points take the places of the first ones."""
        agents = [self._genome.random(self._random) for _ in range(self._size)]
        seeds, self._foreign = best(self._foreign, self._size), []
        self._agents = seeds + agents[len(seeds) :]
        self._queue = list(range(len(seeds), self._size))

    def _next(self) -> tuple[Point, int, Individual] | None:
        """A point to evaluate, its agent and its genes; a known point is dealt with at once."""
        running = {self._point(rival) for _, rival in self._pending.values()}
        busy = {k for k, _ in self._pending.values()}
        for k in list(self._queue):
            point = self._point(self._agents[k])
            if point not in running:
                self._queue.remove(k)
                if not self._is_settled(k, self._agents[k], point):
                    return point, k, self._agents[k]
        for tries in range(3 * MOST_STALE):
            free = self._free(busy)
            if free is None:
                return None
            bred = tries < MOST_STALE
            rival = self._rival(free) if bred else self._genome.random(self._random)
            point = self._point(rival)
            if point in running:
                continue
            if tries >= 2 * MOST_STALE or not self._is_settled(free, rival, point):
                return point, free, rival
        return None

    def _free(self, busy: set[int]) -> int | None:
        """The agent whose turn it is, but for those that have a rival or no fitness."""
        for step in range(self._size):
            k = (self._turn + step) % self._size
            if k not in busy and self._agents[k].fitness.valid:
                self._turn = (k + 1) % self._size
                return k
        return None

    def _point(self, genes: Individual) -> Point:
        return tuple(self._genome.decode(genes).values())

    def _rival(self, k: int) -> Individual:
        """Return the rival of agent ``k``, by DE/rand/1 and binomial crossover."""
        a, b, c = self._deap.selRandom(self._agents, 3)
        rival = Individual(self._agents[k])
        index = self._random.randrange(len(rival))
        for i in range(len(rival)):
            if i == index or self._random.random() < self._cr:
                rival[i] = a[i] + self._f * (b[i] - c[i])
        return Individual(reflected(rival))

    def _is_settled(self, k: int, rival: Individual, point: Point) -> bool:
        """Return true for a point that is known and need not be evaluated."""
        known = self._memory.get(point)
        if known is None or self._reevaluate or self._memory.is_full:
            return False
        self._settle(k, Individual(rival, [*known]))
        return True

    def _settle(self, k: int, rival: Individual) -> None:
        """The better one stays; an agent that was not evaluated yet is its own rival."""
        agent = self._agents[k]
        if not agent.fitness.valid or rival.fitness > agent.fitness:
            self._agents[k] = rival

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take results in any order, see :mod:`hpo_bridge_deap.individuals`."""
        for seen in observations:
            losses = self._memory.add(seen)
            if seen.token is None:
                if is_result(seen):
                    self._foreign.append(Individual(self._genome.encode(seen.params), losses))
            elif seen.token in self._pending:
                k, rival = self._pending.pop(seen.token)
                self._settle(k, Individual(rival, losses))
            else:
                raise BackendError(f"no result is awaited for the token {json.dumps(seen.token)}")
        self._foreign = best(self._foreign, self._size)
        self._welcome()

    def _welcome(self) -> None:
        """A foreign point takes the place of the worst agent, if it is better."""
        evaluated = [k for k, agent in enumerate(self._agents) if agent.fitness.valid]
        while evaluated and self._foreign:
            worst = min(evaluated, key=lambda k: self._agents[k].fitness)
            self._settle(worst, self._foreign.pop(0))

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._genome.explain()

    def state(self) -> Any:
        """Agents, rivals and the generator."""
        pending = [[token, k, rival.to_plain()] for token, (k, rival) in self._pending.items()]
        return {
            "random": get_state(self._random),
            "agents": [agent.to_plain() for agent in self._agents],
            "foreign": [one.to_plain() for one in self._foreign],
            "pending": pending,
            "queue": list(self._queue),
            "turn": self._turn,
            "given": self._given,
            "told": self._memory.told,
        }

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Continue from ``state``; the observations are the memory of what is known.

        Raises:
            BackendError: If they do not belong together.
        """
        self._memory.restore(observations, state["told"])
        set_state(self._random, state["random"])
        self._agents = [Individual.from_plain(agent) for agent in state["agents"]]
        self._foreign = [Individual.from_plain(one) for one in state["foreign"]]
        self._pending = {
            token: (k, Individual.from_plain(rival)) for token, k, rival in state["pending"]
        }
        self._queue = list(state["queue"])
        self._turn, self._given = state["turn"], state["given"]
