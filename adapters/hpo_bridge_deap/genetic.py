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

from dataclasses import dataclass
from typing import Annotated

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import Range, with_options

from .individuals import Individual, one_objective
from .operators import Selection, VariationOptions
from .populations import Population

LEAST_RATE = 0.01
"""Where crossover and mutation are rarer, generations pass without a single new individual."""


@dataclass(frozen=True, kw_only=True)
class GeneticOptions(VariationOptions):
    """Options of variation and selection.

    Attributes:
        cxpb: Probability of a crossover.
        mutpb: Probability of a mutation.
        select: DEAP's function that selects parents.
        tournsize: Number of individuals in a tournament.
    """

    cxpb: Annotated[float, Range(0, 1)] = 0.6
    mutpb: Annotated[float, Range(0, 1)] = 0.3
    select: Selection = "selTournament"
    tournsize: Annotated[int, Range(1)] = 3

    def __post_init__(self) -> None:
        if self.cxpb + self.mutpb < LEAST_RATE:
            raise ValueError(
                f"mutpb: found {self.mutpb}, expected at least {LEAST_RATE} together with "
                f"cxpb: {self.cxpb}"
            )


class _SelectedPopulation(Population):
    """A population with a selection, for one objective."""

    def __init__(self, problem: Problem, options: GeneticOptions, size: int) -> None:
        super().__init__(one_objective(problem), options, size)
        self._rates = options.cxpb, options.mutpb
        deap = self._toolbox.deap
        if options.select == "selTournament":
            self._toolbox.register("select", deap.selTournament, tournsize=options.tournsize)
        else:
            self._toolbox.register("select", deap.selBest)


@dataclass(frozen=True, kw_only=True)
class GaOptions(GeneticOptions):
    """Options of :class:`Ga`.

    Attributes:
        population_size: Number of individuals.
        cxpb: Probability of two individuals to be mated.
        mutpb: Probability of an individual to be mutated.
    """

    population_size: Annotated[int, Range(2)] = 20
    cxpb: Annotated[float, Range(0, 1)] = 0.5
    mutpb: Annotated[float, Range(0, 1)] = 0.2


@with_options(GaOptions)
class Ga(_SelectedPopulation):
    """A genetic algorithm, by DEAP's ``eaSimple``.

    Args:
        problem: A problem with one objective.
        options: See :class:`GaOptions`, and :class:`GeneticOptions` for the others.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Ga(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 2}, {'a': 8}]
    """

    def __init__(self, problem: Problem, options: GaOptions) -> None:
        super().__init__(problem, options, options.population_size)

    def _breed(self) -> list[Individual]:
        if not self._generation:
            return self._initial()
        pool = self._generation + self._arrivals()
        chosen = self._toolbox.select(pool, self._size)
        return list(self._toolbox.deap.varAnd(chosen, self._toolbox, *self._rates))


@dataclass(frozen=True, kw_only=True)
class MuCommaLambdaOptions(GeneticOptions):
    """Options of :class:`MuCommaLambda`.

    Attributes:
        mu: Number of parents.
        lambda_: Number of children of a generation, at least ``mu``.
        cxpb: Probability of a child to come from a crossover.
        mutpb: Probability of a child to come from a mutation; together at most 1, and what is
            left is for children that are their parents.
    """

    mu: Annotated[int, Range(2)] = 10
    lambda_: Annotated[int, Range(1)] = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lambda_ < self.mu and self.selects_children_only:
            raise ValueError(f"lambda_: found {self.lambda_}, expected at least mu: {self.mu}")
        if self.cxpb + self.mutpb > 1.0:
            raise ValueError(
                f"mutpb: found {self.mutpb}, expected at most 1 together with cxpb: {self.cxpb}"
            )

    @property
    def selects_children_only(self) -> bool:
        """True if parents do not compete with their children."""
        return True


@dataclass(frozen=True, kw_only=True)
class MuPlusLambdaOptions(MuCommaLambdaOptions):
    """Options of :class:`MuPlusLambda`: those of :class:`MuCommaLambda`, for any ``lambda_``."""

    select: Selection = "selBest"

    @property
    def selects_children_only(self) -> bool:
        """False: parents compete with their children."""
        return False


@with_options(MuCommaLambdaOptions)
class MuCommaLambda(_SelectedPopulation):
    """The (mu, lambda) evolutionary algorithm, by DEAP's ``eaMuCommaLambda``.

    Args:
        problem: A problem with one objective.
        options: See :class:`MuCommaLambdaOptions`, and :class:`GeneticOptions` for the others.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in MuCommaLambda(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 2}, {'a': 8}]
    """

    def __init__(self, problem: Problem, options: MuCommaLambdaOptions) -> None:
        super().__init__(problem, options, options.mu)
        self._lambda = options.lambda_
        self._keeps_parents = not options.selects_children_only

    def _breed(self) -> list[Individual]:
        if not self._generation:
            return self._initial()
        arrivals = self._arrivals()
        if self._parents or arrivals:
            parents = self._parents if self._keeps_parents else []
            self._parents = self._toolbox.select(parents + self._generation + arrivals, self._size)
        else:
            self._parents = self._generation
        return list(
            self._toolbox.deap.varOr(self._parents, self._toolbox, self._lambda, *self._rates)
        )


@with_options(MuPlusLambdaOptions)
class MuPlusLambda(MuCommaLambda):
    """The (mu + lambda) evolutionary algorithm, by DEAP's ``eaMuPlusLambda``.

    Args:
        problem: A problem with one objective.
        options: See :class:`MuPlusLambdaOptions`, and :class:`GeneticOptions` for the others.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in MuPlusLambda(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 2}, {'a': 8}]
    """
