"""Inner optimizers as pure functions: torch's SGD, AdamW and L-BFGS, their settings tunable.

``torch.optim`` changes parameters in place, which cannot be differentiated in general. These give
new tensors instead, by the formulas and in the order of ``torch.optim``.

A setting is a number, the name of a hyperparameter, or :class:`PerStep`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from hpo_bridge.contracts.options import number
from hpo_bridge.errors import HpoBridgeError, nearest, short

Tensors = dict[str, Tensor]
"""Parameters of a model, or what an optimizer remembers of them, by name."""
Hyper = Mapping[str, Any]
"""Hyperparameters by name: tensors for floats, plain values for all else."""


@dataclass(frozen=True)
class PerStep:
    """A setting with a value of its own at each step: a schedule.

    Args:
        name: A hyperparameter with at least as many components as there are steps.

    Example:
        >>> SGD(lr=PerStep("rates")).tuned()
        {'lr': 'rates'}
    """

    name: str


Setting = float | str | PerStep


class Inner(Protocol):
    """An optimizer whose steps can be differentiated."""

    unrolled: ClassVar[bool]
    """Whether it takes steps that can be followed backwards."""

    def tuned(self) -> dict[str, str]:
        """Settings that are hyperparameters: setting to name."""
        ...

    def penalised(self) -> frozenset[str]:
        """Those of the hyperparameters that act as a term of the training loss does."""
        ...

    def begin(self, params: Tensors) -> Tensors:
        """Return its memory before the first step."""
        ...

    def step(
        self, params: Tensors, gradients: Tensors, memory: Tensors, hyper: Hyper, t: int
    ) -> tuple[Tensors, Tensors]:
        """The parameters and the memory after step ``t``, from 0; changes nothing."""
        ...

    def penalty(self, params: Tensors, hyper: Hyper) -> Tensor | None:
        """Return its own term of the training loss, if it has one."""
        ...


class _Settings:
    """Settings by name, and their values at a step."""

    unrolled: ClassVar[bool] = True

    def tuned(self) -> dict[str, str]:
        """Settings that are hyperparameters: setting to name."""
        found = {}
        for field in fields(self):  # type: ignore[arg-type]
            setting = getattr(self, field.name)
            if isinstance(setting, PerStep):
                found[field.name] = setting.name
            elif isinstance(setting, str):
                found[field.name] = setting
        return found

    def penalised(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def penalty(self, params: Tensors, hyper: Hyper) -> Tensor | None:
        """Nothing."""
        return None

    def _at(self, setting: str, hyper: Hyper, t: int) -> Any:
        value = getattr(self, setting)
        name = self.tuned().get(setting)
        if name is None:
            return value
        if name not in hyper:
            known = ", ".join(hyper) or "none"
            raise HpoBridgeError(
                f"inner {type(self).__name__}: {setting} is hyperparameter {name!r}, which this "
                f"trial does not have; it has {known}{nearest(name, list(hyper))}"
            )
        found = hyper[name]
        if not isinstance(value, PerStep):
            return found
        if getattr(found, "ndim", 0) != 1 or len(found) <= t:
            raise HpoBridgeError(
                f"inner {type(self).__name__}: {setting} takes a component of {name!r} at each "
                f"step, and it has none for step {t}",
                fix="give it a shape of the number of steps",
            )
        return found[t]

    def _check(self, **bounds: tuple[float, float | None]) -> None:
        for setting, (least, most) in bounds.items():
            value = getattr(self, setting)
            if isinstance(value, (str, PerStep)):
                continue
            label = f"{type(self).__name__}: {setting}"
            if number(label, value, least, most) == most:
                raise ValueError(f"{label}: found {value}, expected less than {most}")


@dataclass(frozen=True)
class SGD(_Settings):
    """Gradient descent with momentum, as ``torch.optim.SGD``.

    Args:
        lr: Learning rate.
        momentum: Share of the last step that is made again, in [0, 1).
        weight_decay: Times each parameter is added to its gradient: the gradient of
            ``weight_decay / 2`` times the sum of squares, so it counts as a part of the loss.
        nesterov: Whether the gradient is that of the point where momentum leads.

    Example:
        >>> SGD(lr="lr", momentum=0.9, weight_decay="wd").tuned()
        {'lr': 'lr', 'weight_decay': 'wd'}
    """

    lr: Setting = 0.01
    momentum: Setting = 0.0
    weight_decay: Setting = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        self._check(lr=(0.0, None), momentum=(0.0, 1.0), weight_decay=(0.0, None))
        if self.nesterov and self.momentum == 0.0:
            raise ValueError("SGD: nesterov needs a momentum")

    def penalised(self) -> frozenset[str]:
        """The weight decay."""
        return frozenset([self.weight_decay] if isinstance(self.weight_decay, str) else [])

    def penalty(self, params: Tensors, hyper: Hyper) -> Tensor | None:
        """The term whose gradient the weight decay is."""
        if self.weight_decay == 0.0:
            return None
        decay = self._at("weight_decay", hyper, 0)
        return torch.as_tensor(0.5 * decay * sum((p * p).sum() for p in params.values()))

    def begin(self, params: Tensors) -> Tensors:
        """No velocity."""
        if self.momentum == 0.0:
            return {}
        return {name: torch.zeros_like(value) for name, value in params.items()}

    def step(
        self, params: Tensors, gradients: Tensors, memory: Tensors, hyper: Hyper, t: int
    ) -> tuple[Tensors, Tensors]:
        """One step of ``torch.optim.SGD``."""
        lr = self._at("lr", hyper, t)
        momentum = self._at("momentum", hyper, t)
        decay = self._at("weight_decay", hyper, t)
        after, velocities = {}, {}
        for name, value in params.items():
            direction = gradients[name]
            if self.weight_decay != 0.0:
                direction = direction + decay * value
            if self.momentum != 0.0:
                velocity = momentum * memory[name] + direction
                velocities[name] = velocity
                direction = direction + momentum * velocity if self.nesterov else velocity
            after[name] = value - lr * direction
        return after, velocities


@dataclass(frozen=True)
class AdamW(_Settings):
    """Adam with decoupled weight decay, as ``torch.optim.AdamW``.

    Loshchilov and Hutter (2019), https://arxiv.org/abs/1711.05101. Where a parameter has had no
    gradient so far, the derivative of the root of its mean square, infinite there, is taken as 0.

    Args:
        lr: Learning rate.
        beta1: Decay of the mean of gradients, in [0, 1).
        beta2: Decay of the mean of their squares, in [0, 1).
        eps: Added to the root of the latter.
        weight_decay: Times the learning rate is taken off each parameter. It is no part of the
            loss: the implicit method cannot tune it.

    Example:
        >>> AdamW(lr="lr", beta1="momentum").tuned()
        {'lr': 'lr', 'beta1': 'momentum'}
    """

    lr: Setting = 1e-3
    beta1: Setting = 0.9
    beta2: Setting = 0.999
    eps: Setting = 1e-8
    weight_decay: Setting = 0.01

    def __post_init__(self) -> None:
        unit = (0.0, 1.0)
        self._check(lr=(0.0, None), beta1=unit, beta2=unit, eps=(0.0, None))
        self._check(weight_decay=(0.0, None))

    def begin(self, params: Tensors) -> Tensors:
        """No means."""
        zeros = {f"mean.{name}": torch.zeros_like(value) for name, value in params.items()}
        squares = {f"square.{name}": torch.zeros_like(value) for name, value in params.items()}
        return {**zeros, **squares}

    def step(
        self, params: Tensors, gradients: Tensors, memory: Tensors, hyper: Hyper, t: int
    ) -> tuple[Tensors, Tensors]:
        """One step of ``torch.optim.AdamW``."""
        lr, eps = self._at("lr", hyper, t), self._at("eps", hyper, t)
        beta1, beta2 = self._at("beta1", hyper, t), self._at("beta2", hyper, t)
        decay = self._at("weight_decay", hyper, t)
        rate, root_bias = lr / (1 - beta1 ** (t + 1)), (1 - beta2 ** (t + 1)) ** 0.5
        after, means = {}, {}
        for name, value in params.items():
            gradient = gradients[name]
            mean = beta1 * memory[f"mean.{name}"] + (1 - beta1) * gradient
            square = beta2 * memory[f"square.{name}"] + (1 - beta2) * gradient * gradient
            if self.weight_decay != 0.0:
                value = value * (1 - lr * decay)
            after[name] = value - rate * mean / (_root(square) / root_bias + eps)
            means[f"mean.{name}"], means[f"square.{name}"] = mean, square
        return after, means


@dataclass(frozen=True)
class LBFGS(_Settings):
    """Minimises the training loss on all data, by ``torch.optim.LBFGS`` and Newton's steps.

    Its steps are not differentiated: the implicit method differentiates the minimum it finds. The
    number of steps of the training is the most iterations it may take.

    Args:
        tolerance: The largest component that the gradient may have at the end. By default it goes
            on as far as the numbers' precision lets it, and it suffices to be below 1.5e-7 in
            double precision, 3.5e-3 in single.
        history: How many of the last steps it learns the curvature from.
    """

    unrolled: ClassVar[bool] = False

    tolerance: float | None = None
    history: int = 20

    def __post_init__(self) -> None:
        if self.tolerance is not None:
            number("LBFGS: tolerance", self.tolerance, above=0.0)
        if not isinstance(self.history, int) or self.history < 1:
            raise ValueError(f"LBFGS: history: found {short(self.history)}, expected at least 1")

    def begin(self, params: Tensors) -> Tensors:
        """Nothing."""
        return {}

    def step(
        self, params: Tensors, gradients: Tensors, memory: Tensors, hyper: Hyper, t: int
    ) -> tuple[Tensors, Tensors]:
        """Not to be called: it has no single steps."""
        raise NotImplementedError("LBFGS is not unrolled")


def _root(square: Tensor) -> Tensor:
    """The square root, and 0 with derivative 0 where there is nothing to take it of."""
    positive = square > 0
    return torch.where(positive, torch.sqrt(torch.where(positive, square, 1.0)), 0.0)
