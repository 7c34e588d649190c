"""DEAP's crossovers, mutations and selections on genes of two sorts, numbers and indices.

A toolbox of DEAP's would have the same, with its functions: an exchange of genes
(``cxOnePoint``, ``cxTwoPoint``, ``cxUniform``) is for all of them, arithmetic for the numbers
alone. Where numbers are blended, indices are exchanged by ``cxUniform``, each with
probability one half; where numbers are moved, indices are drawn anew by ``mutUniformInt``,
with the same ``indpb``. The numbers come first. What leaves [0, 1] is reflected, see
:mod:`hpo_bridge_deap.genome`.

What one might not expect of DEAP:

* ``cxOnePoint`` and ``cxTwoPoint`` raise ``ValueError`` for a single gene. It has nothing
  to exchange anyway, so that the crossover is left out.
* ``selRoulette`` and ``selStochasticUniversalSampling`` are wrong for what is minimised, and
  say nothing. They are not offered.
* ``cxpb`` and ``mutpb`` have no defaults. Ours are those of DEAP's overview and examples, but
  for the sizes of the populations, which are there for thousands of evaluations.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from deap.base import Toolbox

from hpo_bridge.contracts.options import number, one_of, whole

from .genome import Genome, reflected
from .individuals import Individual
from .isolation import deap_with

CROSSOVERS = ("cxOnePoint", "cxTwoPoint", "cxUniform", "cxBlend", "cxSimulatedBinaryBounded")
"""Names for ``mate``."""
MUTATIONS = ("mutGaussian", "mutPolynomialBounded")
"""Names for ``mutate``."""
SELECTIONS = ("selTournament", "selBest")
"""Names for ``select``."""

WIDEST = 10.0
"""How many times the whole range an operator may reach beyond it."""

Pair = tuple[Individual, Individual]


def toolbox(
    genome: Genome,
    generator: random.Random,
    *,
    mate: str,
    mutate: str,
    select: str | None = None,
    tournsize: int = 3,
    mate_indpb: float = 0.5,
    alpha: float = 0.5,
    sigma: float = 0.2,
    eta: float = 20.0,
    indpb: float | None = None,
) -> Toolbox:
    """A toolbox that draws from ``generator``; the options are described at ``deap.ga``.

    Returns:
        With ``clone``, ``mate``, ``mutate`` and, if asked for, ``select``; ``deap`` has all of
        DEAP's functions.

    Raises:
        TypeError, ValueError: For an option that is wrong.
    """
    share = 1.0 / len(genome) if indpb is None else number("indpb", indpb, 0.0, 1.0)
    deap = deap_with(generator)
    tools = Toolbox()
    tools.deap = deap
    tools.register("clone", Individual.clone)
    tools.register("mate", _crossover(deap, genome, mate, mate_indpb, alpha, eta))
    tools.register("mutate", _mutation(deap, genome, mutate, sigma, eta, share))
    tournsize = whole("tournsize", tournsize, 1)
    if select is not None:
        if one_of("select", select, SELECTIONS) == "selTournament":
            tools.register("select", deap.selTournament, tournsize=tournsize)
        else:
            tools.register("select", deap.selBest)
    return tools


def _crossover(
    deap: Any, genome: Genome, name: str, indpb: float, alpha: float, eta: float
) -> Callable[[Individual, Individual], Pair]:
    one_of("mate", name, CROSSOVERS)
    number("mate_indpb", indpb, 0.0, 1.0)
    number("alpha", alpha, 0.0, WIDEST)
    number("eta", eta, 0.0)
    if len(genome) == 1 and name in ("cxOnePoint", "cxTwoPoint"):
        return lambda one, other: (one, other)
    exchanges: dict[str, Any] = {
        "cxOnePoint": deap.cxOnePoint,
        "cxTwoPoint": deap.cxTwoPoint,
        "cxUniform": lambda one, other: deap.cxUniform(one, other, indpb),
    }
    if name in exchanges:
        exchange: Callable[[Individual, Individual], Pair] = exchanges[name]
        return exchange
    end = genome.numbers

    def arithmetic(one: Individual, other: Individual) -> Pair:
        numbers = one[:end], other[:end]
        if name == "cxBlend":
            deap.cxBlend(*numbers, alpha)
        else:
            deap.cxSimulatedBinaryBounded(*numbers, eta, 0.0, 1.0)
        indices = deap.cxUniform(one[end:], other[end:], 0.5)
        for individual, changed, rest in zip((one, other), numbers, indices, strict=True):
            individual[:] = reflected(changed) + rest
        return one, other

    return arithmetic


def _mutation(
    deap: Any, genome: Genome, name: str, sigma: float, eta: float, indpb: float
) -> Callable[[Individual], tuple[Individual]]:
    one_of("mutate", name, MUTATIONS)
    number("sigma", sigma, above=0.0, most=WIDEST)
    end, highest = genome.numbers, genome.highest

    def mutate(individual: Individual) -> tuple[Individual]:
        numbers: Sequence[float] = individual[:end]
        if name == "mutGaussian":
            deap.mutGaussian(numbers, 0.0, sigma, indpb)
        else:
            deap.mutPolynomialBounded(numbers, eta, 0.0, 1.0, indpb)
        [indices] = deap.mutUniformInt(individual[end:], 0, highest, indpb)
        individual[:] = reflected(numbers) + indices
        return (individual,)

    return mutate
