"""``deap.ga``, ``deap.mu_plus_lambda``, ``deap.mu_comma_lambda``: evolution of a population.

Told one at a time, the points are those of DEAP's ``eaSimple``, ``eaMuPlusLambda`` and
``eaMuCommaLambda``, around an objective that remembers its results (see
:mod:`hpo_bridge_deap.generations`), with ``random.seed(seed)`` before the first population.

A foreign point is an individual. Before the first ask the best ones take the places of random
individuals; later they are there when the next parents are selected.

DEAP has no defaults for its loops. These are from its overview, ``cxpb=0.5``, ``mutpb=0.2``,
``tournsize=3``, and from ``examples/es/fctmin.py``, ``cxpb=0.6``, ``mutpb=0.3``, ``mu=10``. The
other sizes of populations are made for budgets of 100 to 300 trials, where ``deap.ga`` was
tried with 10, 20 and 30 individuals: 10 are the best by a little on smooth problems, 20 keep
more workers busy.

Bäck, Fogel and Michalewicz (2000), Evolutionary Computation 1, ISBN 0-7503-0664-5.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import number, whole
from hpo_bridge.contracts.random_state import get_state, set_state

from .generations import Generations
from .genome import Genome
from .individuals import Individual, one_objective
from .operators import toolbox

LEAST_RATE = 0.01
"""Where crossover and mutation are rarer, generations pass without a single new individual."""


class _Bred(Generations):
    """Generations of a toolbox: an initial population, foreign points, one generator."""

    def __init__(self, problem: Problem, size: int, *, reevaluate: bool, **operators: Any) -> None:
        genome = Genome(problem.space, indices=True)
        super().__init__(one_objective(problem), genome, reevaluate=reevaluate, room=size)
        self._size = size
        self._random = random.Random(problem.seed)
        self._toolbox = toolbox(genome, self._random, **operators)

    def _initial(self) -> list[Individual]:
        """Random individuals; the best foreign points take the places of the first ones."""
        population = [self._genome.random(self._random) for _ in range(self._size)]
        seeds = self._best(self._arrivals(), self._size)
        return seeds + population[len(seeds) :]

    def _arrivals(self) -> list[Individual]:
        """The foreign points that came since the last generation."""
        arrivals, self._foreign = self._foreign, []
        return arrivals

    def _own_state(self) -> dict[str, Any]:
        return {"random": get_state(self._random)}

    def _set_own_state(self, state: Mapping[str, Any]) -> None:
        set_state(self._random, state["random"])


def _rates(cxpb: float, mutpb: float) -> tuple[float, float]:
    if number("cxpb", cxpb, 0.0, 1.0) + number("mutpb", mutpb, 0.0, 1.0) < LEAST_RATE:
        raise ValueError(
            f"mutpb: found {mutpb}, expected at least {LEAST_RATE} together with cxpb: {cxpb}"
        )
    return cxpb, mutpb


class Ga(_Bred):
    """A genetic algorithm, by DEAP's ``eaSimple``.

    ``mate``, ``mutate`` and ``select`` are DEAP's functions of these names, and the options
    behind them their arguments; one that the chosen function does not have is not used.

    Args:
        problem: A problem with one objective.
        population_size: Number of individuals.
        cxpb: Probability of two individuals to be mated.
        mutpb: Probability of an individual to be mutated.
        mate: ``cxOnePoint``, ``cxTwoPoint``, ``cxUniform``, ``cxBlend`` or
            ``cxSimulatedBinaryBounded``; see :mod:`hpo_bridge_deap.operators`.
        mutate: ``mutGaussian`` or ``mutPolynomialBounded``.
        select: ``selTournament`` or ``selBest``.
        tournsize: Number of individuals in a tournament.
        mate_indpb: Probability of each gene to be exchanged by ``cxUniform``.
        alpha: How far beyond its parents ``cxBlend`` goes, as a share of their distance.
        sigma: Standard deviation of ``mutGaussian``, where 1 is the whole range.
        eta: Crowding degree of ``cxSimulatedBinaryBounded`` and ``mutPolynomialBounded``: the
            higher, the more children are like their parents.
        indpb: Probability of each gene to be mutated; ``None``: one divided by their number.
        reevaluate: Whether a known point is evaluated again, see
            :mod:`hpo_bridge_deap.generations`; sensible where results are very noisy.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Ga(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 2}, {'a': 8}]
    """

    def __init__(
        self,
        problem: Problem,
        *,
        population_size: int = 20,
        cxpb: float = 0.5,
        mutpb: float = 0.2,
        mate: str = "cxTwoPoint",
        mutate: str = "mutGaussian",
        select: str = "selTournament",
        tournsize: int = 3,
        mate_indpb: float = 0.5,
        alpha: float = 0.5,
        sigma: float = 0.2,
        eta: float = 20.0,
        indpb: float | None = None,
        reevaluate: bool = False,
    ) -> None:
        super().__init__(
            problem, whole("population_size", population_size, 2),
            mate=mate, mutate=mutate, select=select, tournsize=tournsize, mate_indpb=mate_indpb,
            alpha=alpha, sigma=sigma, eta=eta, indpb=indpb,
            reevaluate=reevaluate,
        )  # fmt: skip
        self._cxpb, self._mutpb = _rates(cxpb, mutpb)

    def _breed(self) -> list[Individual]:
        if not self._generation:
            return self._initial()
        pool = self._generation + self._arrivals()
        chosen = self._toolbox.select(pool, self._size)
        offspring = self._toolbox.deap.varAnd(chosen, self._toolbox, self._cxpb, self._mutpb)
        return list(offspring)


class _MuLambda(_Bred):
    """What ``eaMuPlusLambda`` and ``eaMuCommaLambda`` share."""

    keeps_parents: bool

    def __init__(
        self, problem: Problem, mu: int, lambda_: int, cxpb: float, mutpb: float, **operators: Any
    ) -> None:
        super().__init__(problem, whole("mu", mu, 2), **operators)
        self._lambda = whole("lambda_", lambda_, 1 if self.keeps_parents else mu)
        self._cxpb, self._mutpb = _rates(cxpb, mutpb)
        if self._cxpb + self._mutpb > 1.0:
            raise ValueError(
                f"mutpb: found {mutpb}, expected at most 1 together with cxpb: {cxpb}"
            )
        self._parents: list[Individual] = []

    def _breed(self) -> list[Individual]:
        if not self._generation:
            return self._initial()
        arrivals = self._arrivals()
        if self._parents or arrivals:
            parents = self._parents if self.keeps_parents else []
            self._parents = self._toolbox.select(parents + self._generation + arrivals, self._size)
        else:
            self._parents = self._generation
        deap = self._toolbox.deap
        return list(
            deap.varOr(self._parents, self._toolbox, self._lambda, self._cxpb, self._mutpb)
        )

    def _own_state(self) -> dict[str, Any]:
        return {**super()._own_state(), "parents": [one.to_plain() for one in self._parents]}

    def _set_own_state(self, state: Mapping[str, Any]) -> None:
        super()._set_own_state(state)
        self._parents = [Individual.from_plain(one) for one in state["parents"]]


class MuPlusLambda(_MuLambda):
    """The (mu + lambda) evolutionary algorithm, by DEAP's ``eaMuPlusLambda``.

    Args:
        problem: A problem with one objective.
        mu: Number of parents, at least 2.
        lambda_: Number of children of a generation.
        cxpb: Probability of a child to come from a crossover.
        mutpb: Probability of a child to come from a mutation; together at most 1, and what is
            left is for children that are their parents.
        mate, mutate, select, tournsize, mate_indpb, alpha, sigma, eta, indpb, reevaluate: As at
            :class:`Ga`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in MuPlusLambda(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 2}, {'a': 8}]
    """

    keeps_parents = True

    def __init__(
        self,
        problem: Problem,
        *,
        mu: int = 10,
        lambda_: int = 20,
        cxpb: float = 0.6,
        mutpb: float = 0.3,
        mate: str = "cxTwoPoint",
        mutate: str = "mutGaussian",
        select: str = "selBest",
        tournsize: int = 3,
        mate_indpb: float = 0.5,
        alpha: float = 0.5,
        sigma: float = 0.2,
        eta: float = 20.0,
        indpb: float | None = None,
        reevaluate: bool = False,
    ) -> None:
        super().__init__(
            problem, mu, lambda_, cxpb, mutpb,
            mate=mate, mutate=mutate, select=select, tournsize=tournsize, mate_indpb=mate_indpb,
            alpha=alpha, sigma=sigma, eta=eta, indpb=indpb,
            reevaluate=reevaluate,
        )  # fmt: skip


class MuCommaLambda(_MuLambda):
    """The (mu, lambda) evolutionary algorithm, by DEAP's ``eaMuCommaLambda``.

    Args:
        problem: A problem with one objective.
        mu: Number of parents, at least 2 and at most ``lambda_``.
        lambda_: Number of children of a generation.
        cxpb: Probability of a child to come from a crossover.
        mutpb: Probability of a child to come from a mutation; together at most 1, and what is
            left is for children that are their parents.
        mate, mutate, select, tournsize, mate_indpb, alpha, sigma, eta, indpb, reevaluate: As at
            :class:`Ga`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in MuCommaLambda(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 2}, {'a': 8}]
    """

    keeps_parents = False

    def __init__(
        self,
        problem: Problem,
        *,
        mu: int = 10,
        lambda_: int = 20,
        cxpb: float = 0.6,
        mutpb: float = 0.3,
        mate: str = "cxTwoPoint",
        mutate: str = "mutGaussian",
        select: str = "selTournament",
        tournsize: int = 3,
        mate_indpb: float = 0.5,
        alpha: float = 0.5,
        sigma: float = 0.2,
        eta: float = 20.0,
        indpb: float | None = None,
        reevaluate: bool = False,
    ) -> None:
        super().__init__(
            problem, mu, lambda_, cxpb, mutpb,
            mate=mate, mutate=mutate, select=select, tournsize=tournsize, mate_indpb=mate_indpb,
            alpha=alpha, sigma=sigma, eta=eta, indpb=indpb,
            reevaluate=reevaluate,
        )  # fmt: skip
