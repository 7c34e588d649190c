"""The noisy quadratic of Wu et al. (2018), https://arxiv.org/abs/1803.02021, section 2.

A loss `1/2 sum_i h_i (w_i - c_i)^2` whose centre `c` is drawn anew at each step: mean 0, variance
`noise_i`. Mean and variance of each `w_i` under gradient descent obey a recursion, so that the
expected loss of a schedule of learning rates is known without drawing anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from hpo_bridge import Trial

torch.set_num_threads(1)  # small tensors gain nothing from more, and lose where trials share cores

STEPS, DIMENSIONS = 250, 200
CURVATURE = 1.0 / torch.arange(1, DIMENSIONS + 1, dtype=torch.float64)
NOISE = 0.1 / CURVATURE
"""Of the centre: the gradient's covariance is then proportional to the curvature."""

State = tuple[Tensor, Tensor]


def begin() -> State:
    """Mean and variance of each coordinate before the first step."""
    return torch.ones(DIMENSIONS, dtype=torch.float64), torch.zeros(
        DIMENSIONS, dtype=torch.float64
    )


def step(state: State, rate: Tensor | float) -> State:
    """One step of gradient descent, in expectation."""
    mean, variance = state
    shrink = 1 - rate * CURVATURE
    return shrink * mean, shrink**2 * variance + (rate * CURVATURE) ** 2 * NOISE


def loss(state: State) -> Tensor:
    """The expected loss, without what no schedule can change; 1 before the first step."""
    mean, variance = state
    return (CURVATURE * (mean**2 + variance)).sum() / CURVATURE.sum()


def final(rates: Tensor) -> Tensor:
    """The loss after a step with each of the rates."""
    state = begin()
    for rate in rates:
        state = step(state, rate)
    return loss(state)


def greedy(state: State) -> Tensor:
    """The rate with the lowest loss after the next step, in closed form (theorem 1)."""
    mean, variance = state
    squares = mean**2 + variance
    return (CURVATURE**2 * squares).sum() / (CURVATURE**3 * (squares + NOISE)).sum()


def schedule(trial: Trial) -> Tensor:
    """The objective: the final loss of a schedule, one learning rate for each step."""
    return final(trial.tensors["rates"])
