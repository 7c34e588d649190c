"""Optuna's samplers as backends, and its pruners as pruners.

This module is data: Optuna is imported when one of them is used. What Optuna does that one
might not expect is written where it is dealt with: :mod:`hpo_bridge_optuna.samplers`,
:mod:`hpo_bridge_optuna.gaussian`, :mod:`hpo_bridge_optuna.evolutionary`,
:mod:`hpo_bridge_optuna.cma_es`, :mod:`hpo_bridge_optuna.quasirandom`,
:mod:`hpo_bridge_optuna.bruteforce`, :mod:`hpo_bridge_optuna.grid`,
:mod:`hpo_bridge_optuna.translation` and
:mod:`hpo_bridge_optuna.pruners`.

There is no ``optuna.auto``: ``AutoSampler`` is not part of Optuna but of OptunaHub, which
fetches it from the network when it is used.
"""

from __future__ import annotations

from hpo_bridge.hookspecs import hookimpl
from hpo_bridge.optimizer import BackendSpec, Capability, PrunerSpec

_OPTUNA = ("optuna>=5,<6",)
_DOCS = "https://optuna.readthedocs.io/en/stable/reference/"
_TREE = Capability.CONDITIONAL
_MANY = Capability.MULTI_OBJECTIVE
_LEARNS = Capability.INJECT
_FLAT = (
    "Conditional parameters are suggested in every trial, and left out where they are inactive."
)


def _spec(
    name: str,
    technique: str,
    target: str,
    capabilities: set[Capability],
    rank: int,
    summary: str,
    suits: str,
    limits: str,
    requires: tuple[str, ...] = (),
) -> BackendSpec:
    return BackendSpec(
        name=f"optuna.{name}",
        technique=technique,
        factory=f"hpo_bridge_optuna.{target}",
        requires=_OPTUNA + requires,
        capabilities=frozenset(capabilities),
        summary=summary,
        url=f"{_DOCS}samplers/",
        rank=rank,
        suits=suits,
        limits=limits,
    )


_BACKENDS = (
    _spec(
        "tpe", "bayesian", "samplers:Tpe", {_TREE, _MANY, _LEARNS, Capability.PRUNED}, 100,
        "Tree-structured Parzen estimator: a sound default for most spaces",
        "Mixed and conditional spaces, pruning, several workers, 30 to 1,000 trials.",
        "Time per suggestion grows with the number of trials: 3 ms at 100, 10 to 30 ms at 1,000. "
        "A region that fails is not avoided.",
    ),
    _spec(
        "gp", "bayesian", "gaussian:Gp", {_TREE, _MANY, _LEARNS}, 90,
        "Gaussian process with log expected improvement",
        "Up to a few hundred expensive trials of few, mostly numeric parameters.",
        "0.05 to 0.5 s per suggestion up to 300 trials, seconds at 1,000. Sets torch to one "
        f"thread in the whole process while it thinks. Ignores pruned trials. {_FLAT}",
        ("torch", "scipy"),
    ),
    _spec(
        "nsga2", "evolutionary", "evolutionary:Nsga2", {_TREE, _MANY, _LEARNS}, 100,
        "NSGA-II: a genetic algorithm for several objectives, and for one",
        "Two or three objectives, hundreds of trials, many workers: nothing ever waits.",
        "The first population_size trials (50) are random: set it for smaller budgets. "
        f"Ignores pruned trials. {_FLAT}",
    ),
    _spec(
        "nsga3", "evolutionary", "evolutionary:Nsga3", {_TREE, _MANY, _LEARNS}, 80,
        "NSGA-III: a genetic algorithm for many objectives",
        "Three objectives or more.",
        f"As optuna.nsga2. Experimental in Optuna. {_FLAT}",
    ),
    _spec(
        "cmaes", "evolutionary", "cma_es:CmaEs", {_TREE, _LEARNS}, 90,
        "CMA-ES: a normal distribution that adapts to the shape of the loss",
        "Numeric parameters that depend on one another, 100 trials or more.",
        "Unordered categories are drawn at random; one objective. Learns from foreign points "
        f"only to choose where it begins, from ten of them. {_FLAT}",
        ("cmaes>=0.12,<1",),
    ),
    _spec(
        "random", "random", "samplers:Random", {_TREE, _MANY}, 0,
        "Independent random points, as Optuna draws them",
        "A baseline with the sequence of an Optuna study.",
        "Learns nothing.",
    ),
    _spec(
        "qmc", "random", "quasirandom:Qmc", {_TREE, _MANY}, -5,
        "Quasi-random points that fill the space evenly",
        "A sweep to be analysed afterwards; fewer holes than random points have.",
        "Learns nothing. Experimental in Optuna; unscrambled it is the same for all seeds. "
        f"{_FLAT}",
        ("scipy",),
    ),
    _spec(
        "grid", "grid", "grid:Grid", {_TREE, _MANY, Capability.FINITE}, 0,
        "Every point of a grid once, in random order; no conditions",
        "A grid that may be stopped half way: what was seen is spread over all of it.",
        "Refuses conditional parameters, and more than a million points. Continuous "
        "parameters need the option resolution.",
    ),
    _spec(
        "bruteforce", "grid", "bruteforce:BruteForce", {_TREE, _MANY, Capability.FINITE}, -5,
        "Every point of a finite space once, in random order, conditions included",
        "As optuna.grid, where there are conditions.",
        "2 ms per suggestion at 1,000 trials, more with more. Continuous parameters need the "
        "option resolution.",
    ),
)  # fmt: skip

_PRUNERS = (
    # name, class, further requirements, summary
    ("median", "Median", (), "Stops a trial whose best loss is above the median at its step"),
    ("percentile", "Percentile", (), "Stops a trial whose best loss is outside a percentile"),
    ("asha", "Asha", (), "Asynchronous successive halving: the best of each rung go on"),
    ("hyperband", "Hyperband", (), "Several successive halvings with different patience"),
    ("threshold", "Threshold", (), "Stops a trial whose loss leaves a fixed range"),
    ("patient", "Patient", (), "Stops a trial that has not improved for some steps"),
    (
        "wilcoxon", "Wilcoxon", ("scipy",),
        "Stops a trial that a signed-rank test finds worse than the best, step by step",
    ),
)  # fmt: skip


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    """``optuna.tpe``, ``optuna.gp``, ``optuna.nsga2`` and six more."""
    return list(_BACKENDS)


@hookimpl
def hpo_register_pruners() -> list[PrunerSpec]:
    """``median``, ``percentile``, ``asha``, ``hyperband`` and three more."""
    return [
        PrunerSpec(
            name=name,
            factory=f"hpo_bridge_optuna.pruners:{target}",
            requires=_OPTUNA + more,
            summary=summary,
            url=f"{_DOCS}pruners.html",
        )
        for name, target, more, summary in _PRUNERS
    ]
