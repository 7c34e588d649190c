"""Reverse mode: back through the steps of a training, a segment of them at a time.

The exact derivative of what the training computes, by any number of hyperparameters at the cost
of about three trainings. The first pass keeps what there is at the beginning of each segment
only; then, from the last segment to the first, its steps are taken once more with a history. With
segments of the square root of the number of steps memory grows with that root. Backpropagation
through training is of Maclaurin, Duvenaud and Adams (2015), https://arxiv.org/abs/1502.03492, and
Franceschi et al. (2017), https://arxiv.org/abs/1703.01785; keeping every n-th state of Griewank
(1992), https://doi.org/10.1080/10556789208805505.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from .hypergradient import Hypergradient, as_numbers, gradient_of, leaves, total
from .inner import Tensors
from .training import Run, State


def segment_length(steps: int) -> int:
    """The square root of the number of steps, rounded up.

    >>> [segment_length(steps) for steps in (1, 100, 101)]
    [1, 10, 11]
    """
    return math.isqrt(steps - 1) + 1


def reverse(
    run: Run, names: Sequence[str], *, segment: int | None = None, unused: Collection[str] = ()
) -> Hypergradient:
    """The hypergradient, by reverse mode.

    Args:
        run: The training.
        names: The hyperparameters to differentiate by.
        segment: Steps in a segment, at least 1; the square root of their number by default. Of
            the length of the whole training, no step is taken twice, and all is kept.
        unused: Those that may be without influence: their derivative is 0.

    Raises:
        NoInfluence: If the value does not depend on one of the others.
        NotRepeatable: If a step had another loss when it was repeated.
        Diverged: If a loss is no finite number.
    """
    steps = run.training.steps
    length = min(segment or segment_length(steps), steps)
    cuts = range(0, steps, length)
    state: State = (run.start, run.training.inner.begin(run.start))
    kept = [state]
    with torch.no_grad():
        plain = run.cast()
    for first in cuts[:-1]:
        state = run.advance(state, plain, first, first + length)
        kept.append(state)
    back = _Backwards(run, leaves(run.hyper, names))
    value = back.last(kept.pop(), cuts[-1])
    for first in reversed(cuts[:-1]):
        back.segment(kept.pop(), first, first + length)
    back.beginning()
    gradients = as_numbers(back.slopes, run.hyper, unused)
    return Hypergradient(value, gradients, "reverse", facts={"segment": length})


class _Backwards:
    """The way back; a method for each part, so that its history is freed at its end."""

    def __init__(self, run: Run, tuned: dict[str, Tensor]) -> None:
        self._run = run
        self._tuned = tuned
        self.slopes: dict[str, Tensor | None] = dict.fromkeys(tuned)
        self._slopes: list[Tensor | None] = []  # by the state at the beginning of a segment

    def last(self, kept: State, first: int) -> float:
        """The steps from ``first`` to the end, and the value."""
        begin, hyper = _fresh(kept), self._run.cast(self._tuned)
        end = self._run.record(begin, hyper, first, self._run.training.steps)
        value = self._run.validation(end[0], hyper)
        self._take(begin, [value], [torch.ones_like(value)])
        return float(value.detach())

    def segment(self, kept: State, first: int, last: int) -> None:
        """The steps from ``first`` up to ``last``, once more."""
        begin, hyper = _fresh(kept), self._run.cast(self._tuned)
        end = self._run.record(begin, hyper, first, last, again=True)
        self._take(begin, _flat(end), self._slopes)

    def beginning(self) -> None:
        """Add the part of the initial parameters, which may depend on hyperparameters."""
        params = self._run.begin(self._tuned)
        slopes = dict(zip(params, self._slopes, strict=False))
        self._add(gradient_of(list(params.values()), self._inputs(), list(slopes.values())))

    def _take(self, begin: State, outputs: list[Tensor], weights: list[Tensor | None]) -> None:
        state = _flat(begin)
        found = gradient_of(outputs, [*state, *self._inputs()], weights)
        self._slopes = found[: len(state)]
        self._add(found[len(state) :])

    def _inputs(self) -> list[Tensor]:
        return list(self._tuned.values())

    def _add(self, found: list[Tensor | None]) -> None:
        for name, slope in zip(self._tuned, found, strict=True):
            self.slopes[name] = total(self.slopes[name], slope)


def _fresh(state: State) -> State:
    return _leaf(state[0]), _leaf(state[1])


def _leaf(tensors: Tensors) -> Tensors:
    return {name: value.detach().requires_grad_() for name, value in tensors.items()}


def _flat(state: State) -> list[Tensor]:
    return [*state[0].values(), *state[1].values()]
