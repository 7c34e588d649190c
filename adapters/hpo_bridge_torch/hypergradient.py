"""The result of differentiating a training."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .errors import NoInfluence


@dataclass(frozen=True)
class Hypergradient:
    """A value and its derivatives by hyperparameters.

    Attributes:
        value: The value of the trained parameters.
        gradients: Hyperparameter to the derivative of the value by it: a number, or a list of
            them; in natural units.
        method: ``reverse``, ``forward`` or ``implicit``.
        reason: Why this method.
        facts: What is known of how it was reached: the number of iterations of a solver, its
            residual, the length of segments.
    """

    value: float
    gradients: Mapping[str, Any]
    method: str
    reason: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)


def leaves(hyper: Mapping[str, Any], names: Sequence[str]) -> dict[str, Tensor]:
    """Copies of hyperparameters from which a history can begin."""
    return {name: hyper[name].detach().clone().requires_grad_() for name in names}


def gradient_of(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    weights: Sequence[Tensor | None],
    *,
    keep: bool = False,
) -> list[Tensor | None]:
    """The derivatives of a weighted sum of outputs; ``None`` for an input without influence."""
    pairs = [
        (output, weight) for output, weight in zip(outputs, weights, strict=True)
        if output.requires_grad and weight is not None
    ]  # fmt: skip
    if not pairs:
        return [None] * len(inputs)
    found = torch.autograd.grad(
        [output for output, _ in pairs], list(inputs), [weight for _, weight in pairs],
        retain_graph=keep, allow_unused=True,
    )  # fmt: skip
    return list(found)


def total(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """The sum of two derivatives, each of which may not be there."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


def as_numbers(
    slopes: Mapping[str, Tensor | None], hyper: Mapping[str, Any], unused: Collection[str]
) -> dict[str, Any]:
    """Derivatives as plain numbers and lists; 0 for those that may be without influence.

    Raises:
        NoInfluence: Naming the first hyperparameter without influence that may not be so.
    """
    plain = {}
    for name, slope in slopes.items():
        if slope is None:
            if name not in unused:
                raise NoInfluence(without_influence(name))
            slope = torch.zeros_like(hyper[name])
        plain[name] = slope.tolist()
    return plain


def without_influence(name: str) -> str:
    """Return the error for a hyperparameter on which a value does not depend."""
    return (
        f"no gradient of {name!r}: the value does not depend on hp[{name!r}] as a tensor; look "
        f"for float() or .item() of it, or .detach(); where it truly has no influence, name it "
        "in allow_unused"
    )
