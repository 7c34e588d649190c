"""Hyperopt's algorithms as backends.

This module is data: Hyperopt is imported when one of them is used. What Hyperopt does that one
might not expect is written where it is dealt with: :mod:`hpo_bridge_hyperopt.algorithms`,
:mod:`hpo_bridge_hyperopt.translation` and :mod:`hpo_bridge_hyperopt.tree`.

Left out:

* ``atpe``. It takes a seed and never reads it: it draws from the global generators of
  ``random`` and ``numpy``, so that a study could not be repeated, and would disturb the
  objective's own numbers. It reads the times at which each trial was booked and refreshed,
  and so fails while one is running. It also needs lightgbm, and 0.1 to 0.3 s per point.
* ``mix``, which picks one of several of the other algorithms for each trial.
"""

from __future__ import annotations

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import BackendSpec, Capability, FormatSpec

_LEARNS = frozenset({Capability.CONDITIONAL, Capability.INJECT, Capability.PRUNED})


def _spec(
    name: str,
    target: str,
    technique: str,
    rank: int,
    capabilities: frozenset[Capability],
    *,
    summary: str,
    suits: str,
    limits: str,
) -> BackendSpec:
    return BackendSpec(
        name=f"hyperopt.{name}",
        technique=technique,
        factory=f"hpo_bridge_hyperopt.algorithms:{target}",
        requires=("hyperopt>=0.3,<0.4",),
        capabilities=capabilities,
        summary=summary,
        url="https://hyperopt.github.io/hyperopt/",
        rank=rank,
        most_rejected=20 if name == "tpe" else 200,
        startup=("n_startup_jobs", 20) if name == "tpe" else None,
        suits=suits,
        limits=limits,
    )


_BACKENDS = (
    _spec(
        "tpe",
        "Tpe",
        "bayesian",
        80,
        _LEARNS,
        summary="Tree-structured Parzen estimator, one parameter at a time",
        suits=(
            "Conditional spaces, deeply nested ones too, and regions that fail: it keeps "
            "away from them. Some hundred trials of any kind of parameter."
        ),
        limits=(
            "One objective. Takes the parameters for independent; learns little from points "
            "that it did not propose, as only the best few of all trials count as good."
        ),
    ),
    _spec(
        "anneal",
        "Anneal",
        "annealing",
        10,
        _LEARNS,
        summary="Random steps from the best trials, shorter and shorter",
        suits=(
            "Smooth objectives of floats and integers, a small budget, thousands of cheap "
            "trials: a good baseline."
        ),
        limits=(
            "One objective. Every trial shortens the steps, failed ones too, and they never "
            "grow again: it may stay in a local minimum."
        ),
    ),
    _spec(
        "random",
        "Random",
        "random",
        0,
        frozenset({Capability.CONDITIONAL}),
        summary="Independent random points, as Hyperopt draws them",
        suits="The sequence of fmin's random search; otherwise core.random does the same.",
        limits="One objective. Learns nothing.",
    ),
)


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    """``hyperopt.tpe``, ``hyperopt.anneal`` and ``hyperopt.random``."""
    return list(_BACKENDS)


@hookimpl
def hpo_register_formats() -> FormatSpec:
    """``hyperopt``: Hyperopt's trials."""
    return FormatSpec(
        name="hyperopt",
        factory="hpo_bridge_hyperopt.history:Hyperopt",
        pickle=True,
        summary="A pickle of Hyperopt's Trials, or its trials_save_file; in Python the Trials",
        url="https://hyperopt.github.io/hyperopt/",
    )
