"""Implicit mode: how the minimum of the training loss moves, by the implicit function theorem.

At a minimum ``w`` of ``L(w, h)`` the derivative of ``V(w(h), h)`` is ``dV/dh - (d2L/dh dw) x``
with ``H x = dV/dw`` and ``H`` the Hessian of ``L``. It costs a few products with the Hessian
whatever the number of hyperparameters, and memory that does not grow with the number of steps. It
is exact at an exact minimum, and wrong by as much as the training is short of it. It knows nothing
of how the minimum was found, so it cannot tune the optimizer's own settings.

Larsen et al. (1996), https://doi.org/10.1109/NNSP.1996.548336; Pedregosa (2016),
https://arxiv.org/abs/1602.02355; Lorraine et al. (2020), https://arxiv.org/abs/1911.02590.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from .errors import NotInLoss
from .hypergradient import Hypergradient, as_numbers, gradient_of, leaves, total
from .inner import Hyper, Inner, Tensors
from .minimum import trained_parameters
from .solvers import CG, Solver
from .training import Run, slopes


def outside_of_loss(inner: Inner, names: Collection[str]) -> dict[str, str]:
    """Hyperparameters that are settings of the optimizer and no part of the loss.

    Returns:
        Name to setting.

    Example:
        >>> from hpo_bridge_torch.inner import SGD
        >>> outside_of_loss(SGD(lr="lr", weight_decay="wd"), ["lr", "wd", "smoothing"])
        {'lr': 'lr'}
    """
    inside = inner.penalised()
    return {
        name: setting
        for setting, name in inner.tuned().items()
        if name in names and name not in inside
    }


def implicit(
    run: Run, names: Sequence[str], *, solver: Solver | None = None, unused: Collection[str] = ()
) -> Hypergradient:
    """Return the hypergradient, by implicit differentiation.

    Args:
        run: The training. Its loss is asked for on all data (step ``None``).
        names: The hyperparameters to differentiate by.
        solver: How to solve with the Hessian; :class:`CG` by default.
        unused: Those that may be without influence: their derivative is 0.

    Raises:
        NotInLoss: If one of them is a setting of the optimizer, such as its learning rate.
        NoInfluence: If neither the losses nor the value depend on one of the others.
        NotConverged: If the solver fails.
        Diverged: If a loss is no finite number.
    """
    _refuse_settings(run.training.inner, names)
    found = trained_parameters(run, run.cast())
    params = {name: value.detach().requires_grad_() for name, value in found.items()}
    tuned = leaves(run.hyper, names)
    hyper = run.cast(tuned)
    value = run.validation(params, hyper)
    by_all = gradient_of([value], [*params.values(), *tuned.values()], [torch.ones_like(value)])
    by_params = [
        torch.zeros_like(p) if slope is None else slope
        for p, slope in zip(params.values(), by_all[: len(params)], strict=True)
    ]
    gradient = _training_gradient(run, params, hyper)
    product = _hessian_product(gradient, list(params.values()))
    solution = (solver or CG()).solve(product, _flat(by_params))
    moved = gradient_of(gradient, list(tuned.values()), _parts(-solution.x, gradient))
    sums = [total(direct, by) for direct, by in zip(by_all[len(params) :], moved, strict=True)]
    gradients = as_numbers(dict(zip(tuned, sums, strict=True)), run.hyper, unused)
    facts = {
        "residual": solution.residual,
        "products": solution.products,
        "training_gradient": float(_flat(gradient).detach().norm()),
    }
    return Hypergradient(float(value.detach()), gradients, "implicit", facts=facts)


def _training_gradient(run: Run, params: Tensors, hyper: Hyper) -> list[Tensor]:
    """Return the gradient of the training loss and its penalty, with a history."""
    loss = run.loss(params, hyper, None)
    penalty = run.training.inner.penalty(params, hyper)
    whole = loss if penalty is None else loss + penalty
    return list(slopes(whole, params, None, create_graph=True).values())


def _hessian_product(gradient: list[Tensor], params: list[Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the function that multiplies a vector by the Hessian."""

    def product(vector: Tensor) -> Tensor:
        parts = _parts(vector, gradient)
        result = gradient_of(gradient, params, list(parts), keep=True)
        return _flat([
            torch.zeros_like(p) if r is None else r
            for p, r in zip(params, result, strict=True)
        ])  # fmt: skip

    return product


def _refuse_settings(inner: Inner, names: Sequence[str]) -> None:
    for name, setting in outside_of_loss(inner, names).items():
        optimizer = type(inner).__name__
        raise NotInLoss(
            f"method implicit cannot tune {name!r}: it is the {setting} of the inner {optimizer}, "
            "on which the minimum of the training loss does not depend",
            fix=(f"take method reverse or forward, or give {optimizer} a number"),
        )


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _parts(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor | None]:
    parts = torch.split(vector, [tensor.numel() for tensor in like])
    return [part.reshape(t.shape) for part, t in zip(parts, like, strict=True)]
