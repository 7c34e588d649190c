"""Continuous stand-ins for what has no gradient: a dropout rate, a choice among several.

What they train is not the thing itself: with :class:`RelaxedChoice` all choices run and are
blended. Evaluate what was found once more with :meth:`RelaxedChoice.hardened` parameters before
you report it. Integers are never rounded here: use the hybrid backend for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hpo_bridge.contracts.options import number
from hpo_bridge.errors import HpoBridgeError, short

NEAR_ZERO = 1e-3
"""Below this ratio p / (1 - p) the noise of the relaxed dropout is made smooth."""


def relaxed_dropout(x: Tensor, p: Tensor | float, *, training: bool = True) -> Tensor:
    """Gaussian dropout: ``x`` times noise of mean 1 and variance ``p / (1 - p)``.

    Mean and variance are those of dropout with rate ``p``, and unlike that it has a derivative by
    ``p``, exact for the noise drawn. Srivastava et al. (2014), section 10,
    https://jmlr.org/papers/v15/srivastava14a.html; Wang and Manning (2013),
    https://proceedings.mlr.press/v28/wang13a.html. The tuned rate is the relaxed one's: as a rate
    of plain dropout it is a good guess, not the optimum.

    The standard deviation is the root of the variance, whose derivative is infinite at 0. Where
    ``p / (1 - p)`` is below 0.001 it is a parabola that goes on smoothly to 0 instead.

    Args:
        x: Any tensor.
        p: A rate in [0, 1).
        training: Whether to draw noise; ``x`` itself otherwise.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> noisy = relaxed_dropout(torch.ones(100_000), 0.2)
        >>> round(noisy.mean().item(), 2), round(noisy.var().item(), 2)
        (1.0, 0.25)
    """
    if not training:
        return x
    rate = torch.as_tensor(p, dtype=x.dtype, device=x.device)
    return x * (1 + _deviation(rate) * torch.randn_like(x))


def _deviation(p: Tensor) -> Tensor:
    variance = p / (1 - p)
    part = variance / NEAR_ZERO
    parabola = math.sqrt(NEAR_ZERO) * (1.5 * part - 0.5 * part * part)
    usual = variance > NEAR_ZERO
    return torch.where(usual, torch.sqrt(torch.where(usual, variance, 1.0)), parabola)


@dataclass(frozen=True)
class RelaxedChoice:
    """One of several, as weights that sum to one: those of a softmax of logits.

    The logits are a hyperparameter with a shape: ``Float(-3, 3, shape=(k,))`` for ``k`` choices.
    Liu, Simonyan and Yang (2019), https://arxiv.org/abs/1806.09055; with Gumbel noise Jang, Gu and
    Poole (2017), https://arxiv.org/abs/1611.01144.

    Args:
        name: The hyperparameter with the logits.
        choices: What is chosen from, in the order of the logits.
        temperature: The logits are divided by it; nearer to 0 the weights are nearer to a choice.
        gumbel: Whether noise is added, by which the largest weight is that of a random choice,
            drawn by the weights.

    Example:
        >>> act = RelaxedChoice("act", ("relu", "tanh"))
        >>> x, hp = torch.tensor([-1.0, 1.0]), {"act": torch.zeros(2)}
        >>> act.mixed(hp, {"relu": lambda: torch.relu(x), "tanh": lambda: torch.tanh(x)})
        tensor([-0.3808,  0.8808])
        >>> act.hardened({"act": [0.0, 0.1]}), act.chosen({"act": [0.0, 0.1]})
        ({'act': [-inf, 0.0]}, 'tanh')
    """

    name: str
    choices: tuple[str, ...]
    temperature: float = 1.0
    gumbel: bool = False

    def __post_init__(self) -> None:
        if len(set(self.choices)) < max(len(self.choices), 2):
            raise ValueError(
                f"RelaxedChoice {self.name!r}: choices: found {short(self.choices)}, expected at "
                "least two different ones"
            )
        number(f"RelaxedChoice {self.name!r}: temperature", self.temperature, above=0.0)

    def weights(self, hp: Mapping[str, Any]) -> Tensor:
        """The weights: positive, of sum 1, one for each choice."""
        logits = hp[self.name]
        self._check_length(logits)
        if self.gumbel:
            logits = logits - torch.log(torch.empty_like(logits).exponential_())
        return torch.softmax(logits / self.temperature, dim=0)

    def mixed(self, hp: Mapping[str, Any], branches: Mapping[str, Callable[[], Tensor]]) -> Tensor:
        """Return the blended outputs of the branches.

        Args:
            hp: Hyperparameters. With hardened logits the one branch is evaluated, and none of the
                others.
            branches: Choice to a function that computes it; all of the same shape.
        """
        if set(branches) != set(self.choices):
            raise HpoBridgeError(
                f"RelaxedChoice {self.name!r}: found branches {', '.join(branches)}; expected "
                f"{', '.join(self.choices)}"
            )
        weights = self.weights(hp)
        if not _is_traced(weights) and weights.max() == 1.0:
            return branches[self.choices[int(weights.argmax())]]()
        return blended(weights, [branches[choice]() for choice in self.choices])

    def chosen(self, params: Mapping[str, Any]) -> str:
        """The choice with the largest logit, of plain parameters."""
        logits = params[self.name]
        self._check_length(logits)
        return self.choices[max(range(len(logits)), key=logits.__getitem__)]

    def hardened(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Plain parameters whose weights are 1 for the choice made and 0 for all others.

        A value with these is that of the choice, not of a blend: give them to the objective's
        ``value`` at the end.
        """
        best = self.chosen(params)
        logits = [0.0 if choice == best else -math.inf for choice in self.choices]
        return {**params, self.name: logits}

    def _check_length(self, logits: Any) -> None:
        if len(logits) != len(self.choices):
            raise HpoBridgeError(
                f"RelaxedChoice {self.name!r}: found {len(logits)} logits for "
                f"{len(self.choices)} choices",
                fix=f"declare Float(…, shape=({len(self.choices)},))",
            )


def blended(weights: Tensor, parts: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of one shape, each times its weight.

    >>> blended(torch.tensor([0.25, 0.75]), [torch.zeros(2), torch.ones(2)])
    tensor([0.7500, 0.7500])
    """
    return torch.stack([weights[i] * part for i, part in enumerate(parts)]).sum(dim=0)


def _is_traced(tensor: Tensor) -> bool:
    """Return true if a transform traces a tensor, whose numbers must not be read then."""
    return tensor.requires_grad or torch._C._functorch.is_functorch_wrapped_tensor(tensor)
