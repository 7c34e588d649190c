"""Tuning by gradients: backends that step along the gradient of the loss, and what takes it.

This module is data: torch is imported when something of it is used. What one might not expect is
written where it is dealt with: :mod:`hpo_bridge_torch.chains` (exploding gradients, going back,
where to begin), :mod:`hpo_bridge_torch.cube` (bounds and logarithms),
:mod:`hpo_bridge_torch.gradient` and :mod:`hpo_bridge_torch.spsa` (options and defaults),
:mod:`hpo_bridge_torch.bilevel` (trainings that are differentiated).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import AutodiffSpec, BackendSpec, Capability
from hpo_bridge.contracts.requirements import public_name

if TYPE_CHECKING:
    from .bilevel import Bilevel
    from .checking import check_gradient
    from .inner import LBFGS, SGD, AdamW, PerStep
    from .relaxations import RelaxedChoice, relaxed_dropout
    from .solvers import CG, Neumann

__all__ = [
    "CG",
    "LBFGS",
    "SGD",
    "AdamW",
    "Bilevel",
    "Neumann",
    "PerStep",
    "RelaxedChoice",
    "check_gradient",
    "hpo_register_autodiff",
    "hpo_register_backends",
    "relaxed_dropout",
]

_HOMES = {
    "Bilevel": "bilevel",
    "check_gradient": "checking",
    **dict.fromkeys(("SGD", "AdamW", "LBFGS", "PerStep"), "inner"),
    **dict.fromkeys(("RelaxedChoice", "relaxed_dropout"), "relaxations"),
    **dict.fromkeys(("CG", "Neumann"), "solvers"),
}


def __getattr__(name: str) -> Any:
    """Imports what is for users, and torch with it, at its first use."""
    return public_name(__name__, _HOMES, name, _TORCH)


_TORCH = ("torch>=2.5", "numpy>=1.26")
_STEPS = frozenset({Capability.INJECT, Capability.VECTOR})
_GRADIENT = _STEPS | {Capability.GRADIENT}
_LIMITS = (
    "Continuous parameters only (hybrid tunes the others beside it); one objective. A chain waits "
    "for its trial: n_starts is how many run at once."
)


_SPECS = (
    BackendSpec(
        name="torch.adam",
        technique="gradient",
        factory="hpo_bridge_torch.gradient:Adam",
        requires=_TORCH,
        capabilities=_GRADIENT,
        summary="Adam on the objective's own gradients, in chains, with a guard and back-tracking",
        url="https://arxiv.org/abs/1412.6980",
        rank=100,
        suits=(
            "An objective that torch can differentiate, with many continuous parameters, or few "
            "and dear trials: ten gradient trials in 11 dimensions beat hundreds of random ones."
        ),
        limits=_LIMITS,
    ),
    BackendSpec(
        name="torch.rprop",
        technique="gradient",
        factory="hpo_bridge_torch.gradient:Rprop",
        requires=_TORCH,
        capabilities=_GRADIENT,
        summary="Rprop: steps by the signs of the gradient, one step size per parameter",
        url="https://doi.org/10.1109/ICNN.1993.298623",
        rank=90,
        suits="As torch.adam, where the sizes of derivatives differ wildly, or say nothing.",
        limits=_LIMITS,
    ),
    BackendSpec(
        name="torch.sgd",
        technique="gradient",
        factory="hpo_bridge_torch.gradient:Sgd",
        requires=_TORCH,
        capabilities=_GRADIENT,
        summary="Gradient descent with momentum, its rate set by the first gradient",
        url="https://arxiv.org/abs/1502.03492",
        rank=80,
        suits="Smooth, exact objectives: it comes to rest at the minimum.",
        limits=f"{_LIMITS} Slow where derivatives differ wildly.",
    ),
    BackendSpec(
        name="torch.spsa",
        technique="gradient",
        factory="hpo_bridge_torch.spsa:Spsa",
        requires=_TORCH,
        capabilities=_STEPS,
        summary="Gradient steps without gradients, from two evaluations each",
        url="https://doi.org/10.1109/9.119632",
        rank=10,
        suits="Continuous parameters of any objective, also one that is chaotic from near by.",
        limits=(
            "Continuous parameters only; one objective; two trials for a step in a random "
            "direction, so it takes several times as many as with gradients."
        ),
    ),
)


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    """``torch.adam``, ``torch.rprop``, ``torch.sgd`` and ``torch.spsa``."""
    return list(_SPECS)


@hookimpl
def hpo_register_autodiff() -> AutodiffSpec:
    """The framework of ``trial.tensors``."""
    return AutodiffSpec(
        name="torch",
        factory="hpo_bridge_torch.tensors:Tape",
        requires=_TORCH,
        summary="Parameters as torch tensors, for objectives that torch can differentiate",
    )
