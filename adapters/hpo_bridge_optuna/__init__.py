"""Optuna's samplers as backends, and its pruners as pruners.

This module is data: Optuna is imported when one of them is used. What Optuna does that one
might not expect is written where it is dealt with: :mod:`hpo_bridge_optuna.tpe`,
:mod:`hpo_bridge_optuna.gaussian`, :mod:`hpo_bridge_optuna.cma_es`,
:mod:`hpo_bridge_optuna.evolutionary` (NSGA-II and III), :mod:`hpo_bridge_optuna.quasirandom`,
:mod:`hpo_bridge_optuna.grid`, :mod:`hpo_bridge_optuna.bruteforce`,
:mod:`hpo_bridge_optuna.learning` (all of these that learn), :mod:`hpo_bridge_optuna.translation`,
:mod:`hpo_bridge_optuna.flat_translation` and :mod:`hpo_bridge_optuna.pruners`.

Left out:

* ``auto``: ``AutoSampler`` is not in Optuna but in OptunaHub, which downloads it when it is
  used.
* ``PartialFixedSampler``, which wraps another sampler: give a constant in the space instead.

The other way round, :func:`as_study` shows a study of any backend to the tools of Optuna.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import BackendSpec, Capability, FormatSpec, PrunerSpec
from hpo_bridge.contracts.requirements import public_name

if TYPE_CHECKING:
    from .read_only_storage import ReadOnlyStorage, as_study

__all__ = ["ReadOnlyStorage", "as_study"]

_OPTUNA = ("optuna>=5,<6",)
_DOCS = "https://optuna.readthedocs.io/en/stable/reference/"
_TREE = frozenset({Capability.CONDITIONAL})
_ANY = _TREE | {Capability.MULTI_OBJECTIVE}
_LEARNS = _ANY | {Capability.INJECT}
_FINITE = frozenset({Capability.FINITE})

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


def _backend(
    name: str,
    target: str,
    technique: str,
    rank: int,
    capabilities: frozenset[Capability],
    *,
    requires: tuple[str, ...] = (),
    most_rejected: int = 200,
    startup: tuple[str, int] | None = None,
    summary: str,
    suits: str,
    limits: str,
) -> BackendSpec:
    return BackendSpec(
        name=f"optuna.{name}",
        technique=technique,
        factory=f"hpo_bridge_optuna.{target}",
        requires=_OPTUNA + requires,
        capabilities=capabilities,
        summary=summary,
        url=f"{_DOCS}samplers/",
        rank=rank,
        most_rejected=most_rejected,
        startup=startup,
        suits=suits,
        limits=limits,
    )


_BACKENDS = (
    _backend(
        "tpe", "tpe:Tpe", "bayesian", 100, _LEARNS | {Capability.PRUNED},
        most_rejected=20, startup=("n_startup_trials", 10),
        summary="Tree-structured Parzen estimator: a sound default for most spaces",
        suits=(
            "Mixed and conditional spaces, several workers, pruned trials, from some ten to "
            "a thousand trials."
        ),
        limits=(
            "An ask takes the longer the more trials there are: 11 ms at the thousandth of "
            "five parameters. A region that fails is not avoided."
        ),
    ),
    _backend(
        "gp", "gaussian:Gp", "bayesian", 90, _LEARNS,
        requires=("torch", "scipy"), most_rejected=3, startup=("n_startup_trials", 10),
        summary="Gaussian processes with expected improvement: few, expensive trials",
        suits="Up to some hundred trials that take minutes or hours, mostly of numbers.",
        limits=(
            "A point takes 0.05 to 0.5 s, at the thousandth trial 4 s; start with "
            "OMP_NUM_THREADS=1, or it can be many times that. Slows down torch in other "
            "threads of its process while it works. Ignores pruned trials."
        ),
    ),
    _backend(
        "nsga2", "evolutionary:Nsga2", "evolutionary", 100, _LEARNS,
        startup=("population_size", 50),
        summary="NSGA-II: a genetic algorithm for several objectives",
        suits="Two or three objectives, mixed spaces, hundreds to thousands of trials.",
        limits=(
            "Needs several generations of population_size, which is 50. Ignores pruned "
            "trials."
        ),
    ),
    _backend(
        "nsga3", "evolutionary:Nsga3", "evolutionary", 80, _LEARNS,
        startup=("population_size", 50),
        summary="NSGA-III: a genetic algorithm for many objectives",
        suits="Four objectives and more, with hundreds to thousands of trials.",
        limits=(
            "As optuna.nsga2, which is the better choice for fewer objectives. Experimental "
            "in Optuna."
        ),
    ),
    _backend(
        "cmaes", "cma_es:CmaEs", "evolutionary", 90, _TREE | {Capability.INJECT},
        requires=("cmaes>=0.12,<1",),
        summary="CMA-ES: adapts a normal distribution to the shape of the objective",
        suits="Numbers that depend on one another, some hundreds to thousands of trials.",
        limits=(
            "One objective. Categories without an order are drawn at random. Of the points "
            "that it did not propose it learns from those that were there before its first, "
            "if they are ten or more."
        ),
    ),
    _backend(
        "random", "independent:Random", "random", 0, _ANY,
        summary="Independent random points, as Optuna draws them",
        suits="The sequence of Optuna's own random search; otherwise core.random is the same.",
        limits="Learns nothing.",
    ),
    _backend(
        "qmc", "quasirandom:Qmc", "random", -10, _ANY,
        requires=("scipy",),
        summary="A Sobol or Halton sequence, which fills the space evenly",
        suits="A first look at an objective with up to some ten numbers.",
        limits=(
            "Learns nothing. Without scramble the seed changes the first point only. "
            "Experimental in Optuna."
        ),
    ),
    _backend(
        "grid", "grid:Grid", "grid", 0, _FINITE | {Capability.MULTI_OBJECTIVE},
        summary="Every point of a grid once, in random order; no conditions",
        suits="The order of Optuna's own grid; otherwise core.grid does more.",
        limits="At most a million points; a continuous parameter needs a resolution.",
    ),
    _backend(
        "bruteforce", "bruteforce:BruteForce", "grid", -10, _FINITE | _ANY,
        most_rejected=50,
        summary="Every point of a finite space once, in random order",
        suits="Small finite spaces, conditional ones too.",
        limits=(
            "Parameters of up to 100,000 values; a continuous one needs a resolution. Learns "
            "nothing."
        ),
    ),
)  # fmt: skip


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    """``optuna.tpe``, ``optuna.gp``, ``optuna.nsga2`` and six more."""
    return list(_BACKENDS)


@hookimpl
def hpo_register_formats() -> FormatSpec:
    """``optuna``: Optuna's own storages."""
    return FormatSpec(
        name="optuna",
        factory="hpo_bridge_optuna.storage:Storage",
        requires=_OPTUNA,
        writes=True,
        summary="A storage of Optuna's: a database or a journal; in Python a Study",
        url="https://optuna.readthedocs.io/en/stable/reference/storages.html",
    )


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


_HOMES = {"ReadOnlyStorage": "read_only_storage", "as_study": "read_only_storage"}


def __getattr__(name: str) -> Any:
    """Import what is for users, and Optuna with it, at its first use."""
    return public_name(__name__, _HOMES, name, _OPTUNA)
