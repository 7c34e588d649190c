"""scikit-optimize's algorithms as backends.

This module is data: scikit-optimize is imported when one of them is used, which takes more
than a second. What it does that one might not expect is written where it is dealt with:
:mod:`hpo_bridge_skopt.models`, :mod:`hpo_bridge_skopt.search`,
:mod:`hpo_bridge_skopt.translation`, :mod:`hpo_bridge_skopt.gbrt` and
:mod:`hpo_bridge_skopt.samplers`.
"""

from __future__ import annotations

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import BackendSpec, Capability, FormatSpec

# The library has been dormant since 2024: held back to the releases that it works with.
_SKOPT = ("scikit-optimize>=0.10.2,<0.11", "scikit-learn>=1.6,<1.10", "numpy<2.5")
_DOCS = "https://scikit-optimize.github.io/stable/modules/"
_LEARNS = frozenset({Capability.INJECT, Capability.PRUNED})
_COMMON = "One objective, no conditions of its own."

_BACKENDS: tuple[tuple[str, str, int, str, str, str, str], ...] = (
    # name, class, rank, page, summary, suits, limits
    (
        "gp", "models:Gp", 70, "generated/skopt.gp_minimize.html",
        "Gaussian process, with a bandit over three acquisition functions",
        "A few dozen expensive trials of few, mostly continuous parameters.",
        f"{_COMMON} The time of a suggestion grows with the cube of the number of trials: "
        "0.1 s at first, seconds at 300. Exact repetition needs the same number of threads.",
    ),
    (
        "extra_trees", "models:ExtraTrees", 60, "generated/skopt.forest_minimize.html",
        "Extremely randomized trees as the model of the objective",
        "Mixed or rugged spaces, and hundreds of trials: time hardly grows with them.",
        f"{_COMMON} 0.1 to 0.5 s per suggestion. Trees do not extrapolate: a smooth optimum is "
        "found less precisely than by a Gaussian process.",
    ),
    (
        "forest", "models:Forest", 50, "generated/skopt.forest_minimize.html",
        "Random forest as the model of the objective",
        "As extra_trees; its model is less smooth.",
        f"{_COMMON} 0.1 to 0.8 s per suggestion.",
    ),
    (
        "gbrt", "models:Gbrt", 40, "generated/skopt.gbrt_minimize.html",
        "Gradient boosting of three quantiles as the model of the objective",
        "Rugged spaces, noise of changing size.",
        f"{_COMMON} Broken in the library with current scikit-learn and numpy; repaired here.",
    ),
    (
        "random", "samplers:Random", 0, "generated/skopt.dummy_minimize.html",
        "Independent random points, as dummy_minimize draws them",
        "A baseline; core.random needs no library.",
        "Learns nothing.",
    ),
    (
        "sobol", "samplers:Sobol", -10, "generated/skopt.sampler.Sobol.html",
        "Sobol' sequence, shifted at random: points that fill the space evenly",
        "A first look at a space, or a sweep to be analysed afterwards.",
        "Learns nothing. At most 40 parameters. Most even after a power of 2 of trials.",
    ),
    (
        "lhs", "samplers:Lhs", -20, "generated/skopt.sampler.Lhs.html",
        "Latin hypercube designs: each parameter's range is covered evenly",
        "A sweep of a known number of trials: set n_samples to it.",
        "Learns nothing. After n_samples points it goes on with a new design.",
    ),
)  # fmt: skip


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    """Four model-based backends and three samplers."""
    return [
        BackendSpec(
            name=f"skopt.{name}",
            technique="bayesian" if target.startswith("models:") else "random",
            factory=f"hpo_bridge_skopt.{target}",
            requires=_SKOPT,
            capabilities=_LEARNS if target.startswith("models:") else frozenset(),
            summary=summary,
            url=f"{_DOCS}{page}",
            rank=rank,
            most_rejected=3 if target.startswith("models:") else 20,
            startup=("n_initial_points", 10) if target.startswith("models:") else None,
            suits=suits,
            limits=limits,
        )
        for name, target, rank, page, summary, suits, limits in _BACKENDS
    ]


@hookimpl
def hpo_register_formats() -> FormatSpec:
    """``skopt``: results of scikit-optimize."""
    return FormatSpec(
        name="skopt",
        factory="hpo_bridge_skopt.history:Skopt",
        pickle=True,
        summary="What skopt.dump writes; in Python the result of gp_minimize and the like",
        url=_DOCS + "generated/skopt.dump.html",
    )
