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
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from deap.base import Toolbox

from hpo_bridge.contracts.options import Range

from .genome import Genome, reflected
from .individuals import Individual
from .isolation import deap_with

Crossover = Literal["cxOnePoint", "cxTwoPoint", "cxUniform", "cxBlend", "cxSimulatedBinaryBounded"]
Mutation = Literal["mutGaussian", "mutPolynomialBounded"]
Selection = Literal["selTournament", "selBest"]
CROSSOVERS, MUTATIONS, SELECTIONS = get_args(Crossover), get_args(Mutation), get_args(Selection)

WIDEST = 10.0
"""Largest reach of an operator beyond the range, in widths of the range."""

Pair = tuple[Individual, Individual]


@dataclass(frozen=True, kw_only=True)
class VariationOptions:
    """Options of crossover and mutation, shared by all backends that breed by a toolbox.

    ``mate`` and ``mutate`` are DEAP's functions of these names, and the options behind them
    their arguments; one that the chosen function does not have is not used.

    Attributes:
        mate: The crossover, see the module's text.
        mutate: The mutation.
        mate_indpb: Probability of each gene to be exchanged by ``cxUniform``.
        alpha: How far beyond its parents ``cxBlend`` goes, as a share of their distance.
        sigma: Standard deviation of ``mutGaussian``, where 1 is the whole range.
        eta: Crowding degree of ``cxSimulatedBinaryBounded`` and ``mutPolynomialBounded``: the
            higher, the more children are like their parents.
        indpb: Probability of each gene to be mutated; ``None``: one divided by their number.
        reevaluate: Whether a known point is evaluated again, see
            :mod:`hpo_bridge_deap.generations`; sensible where results are very noisy.
    """

    mate: Crossover = "cxTwoPoint"
    mutate: Mutation = "mutGaussian"
    mate_indpb: Annotated[float, Range(0, 1)] = 0.5
    alpha: Annotated[float, Range(0, WIDEST)] = 0.5
    sigma: Annotated[float, Range(above=0, most=WIDEST)] = 0.2
    eta: Annotated[float, Range(0)] = 20.0
    indpb: Annotated[float | None, Range(0, 1)] = None
    reevaluate: bool = False


def toolbox(genome: Genome, generator: random.Random, options: VariationOptions) -> Toolbox:
    """Return a toolbox that draws from ``generator``.

    It has ``clone``, ``mate`` and ``mutate``; ``deap`` has all of DEAP's functions.
    """
    share = 1.0 / len(genome) if options.indpb is None else options.indpb
    deap = deap_with(generator)
    tools = Toolbox()
    tools.deap = deap
    tools.register("clone", Individual.clone)
    tools.register("mate", _crossover(deap, genome, options))
    tools.register("mutate", _mutation(deap, genome, options, share))
    return tools


def _crossover(
    deap: Any, genome: Genome, options: VariationOptions
) -> Callable[[Individual, Individual], Pair]:
    name, indpb = options.mate, options.mate_indpb
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
            deap.cxBlend(*numbers, options.alpha)
        else:
            deap.cxSimulatedBinaryBounded(*numbers, options.eta, 0.0, 1.0)
        indices = deap.cxUniform(one[end:], other[end:], 0.5)
        for individual, changed, rest in zip((one, other), numbers, indices, strict=True):
            individual[:] = reflected(changed) + rest
        return one, other

    return arithmetic


def _mutation(
    deap: Any, genome: Genome, options: VariationOptions, indpb: float
) -> Callable[[Individual], tuple[Individual]]:
    end, highest = genome.numbers, genome.highest

    def mutate(individual: Individual) -> tuple[Individual]:
        numbers: Sequence[float] = individual[:end]
        if options.mutate == "mutGaussian":
            deap.mutGaussian(numbers, 0.0, options.sigma, indpb)
        else:
            deap.mutPolynomialBounded(numbers, options.eta, 0.0, 1.0, indpb)
        [indices] = deap.mutUniformInt(individual[end:], 0, highest, indpb)
        individual[:] = reflected(numbers) + indices
        return (individual,)

    return mutate
