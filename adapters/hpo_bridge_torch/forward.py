"""Forward mode: how each hyperparameter moves the parameters, carried along with the training.

Exact as reverse mode is. Memory does not depend on the number of steps: it is that of the
parameters times one plus the number of hyperparameters, and so is the time, roughly. For one to
three hyperparameters where a training is too long for reverse mode. Franceschi et al. (2017),
https://arxiv.org/abs/1703.01785.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import grad_and_value, jvp, vmap

from .errors import NoInfluence
from .hypergradient import Hypergradient, gradient_of, leaves, total, without_influence
from .inner import Tensors
from .training import Run, check_finite, scalar, slopes


def forward(run: Run, names: Sequence[str], *, unused: Collection[str] = ()) -> Hypergradient:
    """The hypergradient, by forward mode.

    Args:
        run: The training. Its losses must be made of what torch can differentiate forwards.
        names: The hyperparameters to differentiate by.
        unused: Those that may be without influence: their derivative is 0.

    Raises:
        NoInfluence: If the value does not depend on one of the others.
        Diverged: If a loss is no finite number.
    """
    with warnings.catch_warnings():  # torch's own rules are written in what it has deprecated
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        return _forward(run, names, unused)


def _forward(run: Run, names: Sequence[str], unused: Collection[str]) -> Hypergradient:
    tuned = {name: run.hyper[name] for name in names}
    basis = _basis(tuned)
    state, moved = _beginning(run, tuned, basis)
    for t in range(run.training.steps):
        state, moved, loss = _step(run, tuned, basis, state, moved, t)
        run.tell(state[0], t)
        check_finite(loss, t)
    value = run.validation(state[0], run.cast(tuned), history=False)

    def validation(params: Tensors, tuned: Tensors) -> Tensor:
        return scalar("val_loss", run.training.val_loss(run.unpack(params), run.cast(tuned)))

    run.seed("validation")
    _, slope = _push(validation, (state[0], tuned), (moved[0], basis))
    gradients = _named(slope, tuned)
    for name, found in gradients.items():
        if name not in unused and not _nonzero(found) and _cut_off(run, name):
            raise NoInfluence(without_influence(name))
    return Hypergradient(float(value), gradients, "forward", facts={"directions": len(slope)})


def _step(
    run: Run, tuned: Tensors, basis: Tensors, state: Any, moved: Any, t: int
) -> tuple[Any, Any, Tensor]:
    inner, train_loss = run.training.inner, run.training.train_loss

    def step(params: Tensors, memory: Tensors, tuned: Tensors) -> tuple[Any, Tensor]:
        hyper = run.cast(tuned)

        def loss(params: Tensors) -> Tensor:
            return scalar("train_loss", train_loss(run.unpack(params), hyper, t))

        gradients, value = grad_and_value(loss)(params)
        return inner.step(params, gradients, memory, hyper, t), value

    run.seed(t)
    (state, loss), (moved, _) = _push(step, (*state, tuned), (*moved, basis))
    return state, moved, loss


def _push(function: Any, at: tuple[Any, ...], along: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return a function's outputs and their derivatives along all directions."""

    def one(*direction: Any) -> Any:
        return jvp(function, at, direction)

    outputs: Any = (None, 0)  # what is known of it does not vary with the direction
    found = vmap(one, out_dims=outputs, randomness="same")(*along)
    return found[0], found[1]


def _basis(tuned: Tensors) -> Tensors:
    """For each component of each hyperparameter a direction: along it, and along no other."""
    size = sum(value.numel() for value in tuned.values())
    parts = [value.numel() for value in tuned.values()]
    rows = torch.split(torch.eye(size, dtype=torch.float64), parts, dim=1)
    return {
        name: row.reshape(size, *value.shape)
        for (name, value), row in zip(tuned.items(), rows, strict=True)
    }


def _beginning(run: Run, tuned: Tensors, basis: Tensors) -> tuple[Any, Any]:
    """The state before the first step, and how it moves, if at all."""
    params, memory = run.start, run.training.inner.begin(run.start)
    size = len(next(iter(basis.values())))

    def still(value: Tensor) -> Tensor:
        return value.new_zeros((size, *value.shape))

    moved = {name: still(value) for name, value in params.items()}
    roots = leaves(run.hyper, list(tuned))
    traced = {n: v for n, v in run.begin(roots).items() if v.grad_fn is not None}
    moved.update(_pushed_twice(traced, roots, basis))
    return (params, memory), (moved, {name: still(value) for name, value in memory.items()})


def _pushed_twice(outputs: Tensors, roots: Tensors, basis: Tensors) -> Tensors:
    """Return the derivatives of outputs along each direction, by two backward passes.

    That builds modules, which forward mode does not allow. The derivative of a sum of outputs
    times weights is linear in the weights, and its derivative by them is what is wanted.
    """
    if not outputs:
        return {}
    weights = [torch.zeros_like(value, requires_grad=True) for value in outputs.values()]
    slopes = torch.autograd.grad(
        list(outputs.values()), list(roots.values()), weights,
        create_graph=True, allow_unused=True, materialize_grads=True,
    )  # fmt: skip
    rows = []
    for k in range(len(next(iter(basis.values())))):
        along: list[Tensor | None] = [basis[name][k] for name in roots]
        rows.append(gradient_of(slopes, weights, along, keep=True))
    return {
        name: torch.stack([_or_zero(row[i], value) for row in rows]).detach()
        for i, (name, value) in enumerate(outputs.items())
    }


def _or_zero(slope: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if slope is None else slope


def _named(slope: Tensor, tuned: Tensors) -> dict[str, Any]:
    parts = torch.split(slope.double(), [value.numel() for value in tuned.values()])
    return {
        name: part.reshape(value.shape).tolist()
        for (name, value), part in zip(tuned.items(), parts, strict=True)
    }


def _nonzero(found: Any) -> bool:
    return any(found) if isinstance(found, list) else bool(found)


def _cut_off(run: Run, name: str) -> bool:
    """Return true if no history leads from the first step, the last or the value to it."""
    tuned = leaves(run.hyper, [name])
    params = {n: v.detach().requires_grad_() for n, v in run.start.items()}
    memory = run.training.inner.begin(params)
    ends = [*run.begin(tuned).values(), run.validation(params, run.cast(tuned))]
    for t in {0, run.training.steps - 1}:
        hyper = run.cast(tuned)
        gradients = slopes(run.loss(params, hyper, t), params, t, create_graph=True)
        ends += run.training.inner.step(params, gradients, memory, hyper, t)[0].values()
    found: Tensor | None = None
    for end in ends:
        slope = gradient_of([end], list(tuned.values()), [torch.ones_like(end)], keep=True)[0]
        found = total(found, slope)
    return found is None
