"""The minimum of a training loss on all data: torch's L-BFGS, and then Newton's steps.

L-BFGS compares losses in its line search, which differ in nothing but rounding once the gradient
is at the root of the numbers' precision. A Newton step, its system solved by conjugate gradients,
compares none, and squares the error: a hypergradient is only as exact as the minimum is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .errors import Diverged, NotConverged
from .inner import LBFGS, Hyper, Tensors
from .solvers import CG
from .training import Run

NEWTON_STEPS = 5


def trained_parameters(run: Run, hyper: Hyper) -> Tensors:
    """Return the packed parameters after the last step, without a history."""
    inner = run.training.inner
    if isinstance(inner, LBFGS):
        return minimise(inner, run, run.start, hyper)
    return run.advance((run.start, inner.begin(run.start)), hyper, 0, run.training.steps)[0]


def minimise(inner: LBFGS, run: Run, start: Tensors, hyper: Hyper) -> Tensors:
    """The parameters at the minimum.

    Args:
        inner: Its settings.
        run: What is trained; its steps are the most iterations.
        start: Where to begin.
        hyper: Hyperparameters, as the loss gets them.

    Raises:
        NotConverged: If the gradient is above the tolerance at the end.
        Diverged: If it is no number.
    """
    params = {name: value.clone().requires_grad_() for name, value in start.items()}
    eps = torch.finfo(run.like.dtype).eps
    aim = inner.tolerance or eps ** (2 / 3)
    _descend(inner, run, params, hyper, max(aim, eps**0.5))
    steepest = _polish(run, params, hyper, aim)
    if steepest != steepest:
        raise Diverged("train_loss has no gradient at the minimum that LBFGS found: it is NaN")
    needed = inner.tolerance or 10 * eps**0.5
    if steepest > needed:
        raise NotConverged(
            f"inner LBFGS: a component of the gradient is {steepest:.1e} after at most "
            f"{run.training.steps} iterations, expected {needed:.1e}: allow more steps or a "
            "larger tolerance"
        )
    return {name: value.detach() for name, value in params.items()}


def _descend(inner: LBFGS, run: Run, params: Tensors, hyper: Hyper, tolerance: float) -> None:
    """Move the parameters, in place, near to the minimum."""
    optimizer = torch.optim.LBFGS(
        list(params.values()), max_iter=run.training.steps, history_size=inner.history,
        tolerance_change=0.0, tolerance_grad=tolerance, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Any:
        optimizer.zero_grad()
        loss = run.loss(params, hyper, None)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]


def _polish(run: Run, params: Tensors, hyper: Hyper, aim: float) -> float:
    """Move them on by Newton's steps; the largest component of the gradient at the end."""
    leaves = list(params.values())
    best, kept = float("inf"), [leaf.detach().clone() for leaf in leaves]
    for _ in range(NEWTON_STEPS + 1):
        gradient = _gradient(run, params, hyper)
        steepest = float(gradient.detach().abs().max())
        if not steepest < best:  # rounding is all that is left, or the step led away
            break
        best, kept = steepest, [leaf.detach().clone() for leaf in leaves]
        if steepest <= aim:
            break
        try:
            step = CG(tolerance=1e-6).solve(_product(gradient, leaves), gradient.detach()).x
        except NotConverged:  # no strict minimum: what L-BFGS found has to do
            break
        parts = torch.split(step, [leaf.numel() for leaf in leaves])
        with torch.no_grad():
            for leaf, part in zip(leaves, parts, strict=True):
                leaf -= part.reshape(leaf.shape)
    with torch.no_grad():
        for leaf, value in zip(leaves, kept, strict=True):
            leaf.copy_(value)
    return steepest if best == float("inf") else best


def _gradient(run: Run, params: Tensors, hyper: Hyper) -> Tensor:
    found = torch.autograd.grad(
        run.loss(params, hyper, None), list(params.values()), create_graph=True,
        allow_unused=True, materialize_grads=True,
    )  # fmt: skip
    return torch.cat([part.reshape(-1) for part in found])


def _product(gradient: Tensor, leaves: list[Tensor]) -> Any:
    def product(vector: Tensor) -> Tensor:
        found = torch.autograd.grad(
            gradient, leaves, vector, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return torch.cat([part.reshape(-1) for part in found])

    return product
