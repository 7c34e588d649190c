"""Individuals and their fitness, also of trials that failed or were pruned.

What becomes of a trial, with one objective:

==========  =========================================================================
complete    its loss is its fitness
pruned      is worse than every complete one; among the pruned the one that came further
            is better, then the one with the lower last report (the order of Optuna's TPE)
failed      is worse than all of these, and all failed ones are alike; so are pruned ones
            without a report
infeasible  as a failed one
==========  =========================================================================

With several objectives a complete trial has its losses, and any other is dominated by every
complete one. No fitness is ever NaN, which in DEAP would win tournaments like any number.

DEAP's own way to make these classes, ``creator.create``, writes globals of a module, and
warns when it is done twice. It is not needed: an individual is a sequence with a
``fitness``, and these two classes give the same sequences.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from deap import base

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import UnsupportedProblem

_COMPLETE, _PRUNED, _FAILED = 0, 1, 2


class Fitness(base.Fitness):  # type: ignore[misc]
    """DEAP's fitness over numbers that are all minimised, however many.

    Args:
        losses: They are compared from the first to the last; none: not evaluated yet.

    Example:
        >>> Fitness((0, 0, 1.5)) > Fitness((1, 0, 0.2))
        True
    """

    def __init__(self, losses: Iterable[float] = ()) -> None:
        self.set(losses)

    def set(self, losses: Iterable[float]) -> None:
        """Take the numbers: what ``values = losses`` does in DEAP."""
        self.wvalues = tuple(-loss for loss in losses)

    @property
    def weights(self) -> tuple[float, ...]:
        """-1 for each number."""
        return (-1.0,) * len(self.wvalues)


class Individual(list[Any]):
    """Genes with a fitness.

    Args:
        genes: Numbers, see :mod:`hpo_bridge_deap.genome`.
        losses: See :class:`Fitness`.

    Example:
        >>> Individual([0.2, 1]).fitness.valid
        False
    """

    def __init__(self, genes: Iterable[Any] = (), losses: Iterable[float] = ()) -> None:
        super().__init__(genes)
        self.fitness = Fitness(losses)

    def clone(self) -> Individual:
        """A copy that shares nothing: what ``toolbox.clone`` does, 7 times faster."""
        copy = Individual(self)
        copy.fitness.wvalues = self.fitness.wvalues
        return copy

    def to_plain(self) -> list[Any]:
        """Genes and fitness as plain data; an infinity is ``None``."""
        return [list(self), [v if math.isfinite(v) else None for v in self.fitness.wvalues]]

    @classmethod
    def from_plain(cls, plain: Sequence[Any]) -> Individual:
        """Return the individual that ``to_plain`` described."""
        individual = cls(plain[0])
        individual.fitness.wvalues = tuple(-math.inf if v is None else v for v in plain[1])
        return individual


def one_objective(problem: Problem) -> Problem:
    """The problem.

    Raises:
        UnsupportedProblem: If it has several objectives.
    """
    if problem.n_objectives > 1:
        raise UnsupportedProblem(
            f"takes one objective, found {problem.n_objectives}", fix="use deap.nsga2"
        )
    return problem


def best(individuals: list[Individual], k: int) -> list[Individual]:
    """The ``k`` best, the best first; those that are alike stay in order."""
    return sorted(individuals, key=lambda one: one.fitness, reverse=True)[:k]


def lesson(seen: Observation) -> tuple[float, ...]:
    """The fitness of a trial with one objective, see the module's table."""
    if seen.losses is not None:
        return (_COMPLETE, 0, *seen.losses)
    if seen.state is TrialState.PRUNED and seen.reports:
        step, loss = seen.reports[-1]
        return (_PRUNED, -step, loss)
    return (_FAILED, 0, 0.0)


def lessons(seen: Observation, n_objectives: int) -> tuple[float, ...]:
    """The fitness of a trial with several objectives, see the module's table."""
    return (math.inf,) * n_objectives if seen.losses is None else seen.losses


def is_result(seen: Observation) -> bool:
    """Return true for a trial that has a loss, or reports until it was pruned."""
    return seen.losses is not None or (seen.state is TrialState.PRUNED and bool(seen.reports))


def has_failed(individual: Individual) -> bool:
    """Return true for an evaluated individual, with one objective, whose trial failed."""
    return bool(individual.fitness.wvalues[0] == -_FAILED)
