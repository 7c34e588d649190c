"""DEAP's evolutionary algorithms as backends.

This module is data: DEAP is imported when one of them is used. What DEAP does that one might
not expect is written where it is dealt with: :mod:`hpo_bridge_deap.isolation` (its use of the
process's random generators), :mod:`hpo_bridge_deap.generations` (points that are evaluated
again), :mod:`hpo_bridge_deap.genome` (bounds and categories),
:mod:`hpo_bridge_deap.individuals` (failures), :mod:`hpo_bridge_deap.operators`,
:mod:`hpo_bridge_deap.cmaes`, :mod:`hpo_bridge_deap.nsga2`, :mod:`hpo_bridge_deap.de` and
:mod:`hpo_bridge_deap.pso`.
"""

from __future__ import annotations

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import BackendSpec, Capability

_DEAP = ("deap>=1.4.4,<2", "numpy")
_DOCS = "https://deap.readthedocs.io/en/master/"
_EXAMPLES = "https://github.com/DEAP/deap/blob/master/examples/"
_LEARNS = frozenset({Capability.INJECT, Capability.PRUNED})
_BARRIER = (
    "Waits at the end of each generation for its last result, so that some workers are idle "
    "there; one objective."
)
_SCORES = "An unordered category of k choices takes k genes, which is slow to learn."

_SPECS = (
    BackendSpec(
        name="deap.ga",
        startup=("population_size", 20),
        technique="genetic",
        factory="hpo_bridge_deap.genetic:Ga",
        requires=_DEAP,
        capabilities=_LEARNS,
        summary="Genetic algorithm: selection, crossover and mutation of whole generations",
        url=f"{_DOCS}api/algo.html#deap.algorithms.eaSimple",
        rank=100,
        suits=(
            "Mixed and categorical spaces with 100 trials or more that are cheap to suggest "
            "for, and losses that no smooth model fits."
        ),
        limits=_BARRIER,
    ),
    BackendSpec(
        name="deap.mu_plus_lambda",
        startup=("mu", 10),
        technique="genetic",
        factory="hpo_bridge_deap.genetic:MuPlusLambda",
        requires=_DEAP,
        capabilities=_LEARNS,
        summary="Evolution of the best of parents and children: what is good is never lost",
        url=f"{_DOCS}api/algo.html#deap.algorithms.eaMuPlusLambda",
        rank=90,
        suits="As deap.ga, where results are not noisy: the best points stay parents.",
        limits=f"{_BARRIER} A lucky result stays a parent for good.",
    ),
    BackendSpec(
        name="deap.mu_comma_lambda",
        startup=("mu", 10),
        technique="genetic",
        factory="hpo_bridge_deap.genetic:MuCommaLambda",
        requires=_DEAP,
        capabilities=_LEARNS,
        summary="Evolution of the best children: parents die, and lucky results with them",
        url=f"{_DOCS}api/algo.html#deap.algorithms.eaMuCommaLambda",
        rank=80,
        suits="As deap.ga, where results are noisy or there are many local optima.",
        limits=f"{_BARRIER} May lose the best point, and takes more trials.",
    ),
    BackendSpec(
        name="deap.nsga2",
        startup=("population_size", 20),
        technique="genetic",
        factory="hpo_bridge_deap.nsga2:Nsga2",
        requires=_DEAP,
        capabilities=frozenset({Capability.INJECT, Capability.MULTI_OBJECTIVE}),
        summary="NSGA-II: a population that spreads along the front of several objectives",
        url=f"{_EXAMPLES}ga/nsga2.py",
        rank=70,
        suits="Two or three objectives and 200 trials or more.",
        limits=(
            "Waits at the end of each generation for its last result; learns nothing from "
            "pruned trials."
        ),
    ),
    BackendSpec(
        name="deap.cmaes",
        technique="evolutionary",
        factory="hpo_bridge_deap.cmaes:Cmaes",
        requires=_DEAP,
        capabilities=frozenset({Capability.PRUNED}),
        summary="CMA-ES: a normal distribution that adapts to the shape of the loss",
        url=f"{_DOCS}api/algo.html#deap.cma.Strategy",
        rank=70,
        suits="Up to about 30 continuous parameters that depend on one another.",
        limits=f"{_BARRIER} Does not learn from foreign points. {_SCORES}",
    ),
    BackendSpec(
        name="deap.de",
        startup=("population_size", 10),
        technique="evolutionary",
        factory="hpo_bridge_deap.de:De",
        requires=_DEAP,
        capabilities=_LEARNS,
        summary="Differential evolution: agents that move along the differences of others",
        url=f"{_EXAMPLES}de/basic.py",
        rank=60,
        suits="Continuous parameters, several workers and 200 trials or more: it never waits.",
        limits=f"Slow at the start; one objective. {_SCORES}",
    ),
    BackendSpec(
        name="deap.pso",
        technique="evolutionary",
        factory="hpo_bridge_deap.pso:Pso",
        requires=_DEAP,
        capabilities=_LEARNS,
        summary="Particle swarm: particles drawn to their own best place and to the swarm's",
        url=f"{_EXAMPLES}pso/basic.py",
        rank=50,
        suits="Continuous parameters and quick progress; it does not settle to the last digit.",
        limits=f"{_BARRIER} {_SCORES}",
    ),
)


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    """``deap.ga``, ``deap.mu_plus_lambda`` and five more."""
    return list(_SPECS)
