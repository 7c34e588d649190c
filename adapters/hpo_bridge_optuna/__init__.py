"""Optuna's samplers as backends, and its pruners as pruners.

This module is data: Optuna is imported when one of them is used. What Optuna does that one
might not expect is written where it is dealt with: :mod:`hpo_bridge_optuna.samplers`,
:mod:`hpo_bridge_optuna.grid`, :mod:`hpo_bridge_optuna.translation` and
:mod:`hpo_bridge_optuna.pruners`.
"""

from __future__ import annotations

from hpo_bridge.hookspecs import hookimpl
from hpo_bridge.optimizer import BackendSpec, Capability, PrunerSpec

_OPTUNA = ("optuna>=5,<6",)
_DOCS = "https://optuna.readthedocs.io/en/stable/reference/"
_ANY = frozenset({Capability.CONDITIONAL, Capability.MULTI_OBJECTIVE})

_BACKENDS: tuple[tuple[str, str, str, set[Capability], int, str], ...] = (
    # name, technique, class, further capabilities, rank, summary
    (
        "tpe", "bayesian", "samplers:Tpe", {Capability.INJECT, Capability.PRUNED}, 100,
        "Tree-structured Parzen estimator: a sound default for most spaces",
    ),
    (
        "random", "random", "samplers:Random", set(), 0,
        "Independent random points, as Optuna draws them",
    ),
    (
        "grid", "grid", "grid:Grid", {Capability.FINITE}, 0,
        "Every point of a grid once, in random order; no conditions",
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
    """``optuna.tpe``, ``optuna.random`` and ``optuna.grid``."""
    return [
        BackendSpec(
            name=f"optuna.{name}",
            technique=technique,
            factory=f"hpo_bridge_optuna.{target}",
            requires=_OPTUNA,
            capabilities=_ANY | more,
            summary=summary,
            url=f"{_DOCS}samplers/",
            rank=rank,
        )
        for name, technique, target, more, rank, summary in _BACKENDS
    ]


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
