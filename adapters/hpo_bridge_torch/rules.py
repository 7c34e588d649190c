"""Rules that turn a gradient into a step in the unit cube: Adam, gradient descent, Rprop.

A rule is a frozen description; what it remembers of a chain is a :class:`Memory` of plain
arrays. ``rule.step(gradient, memory)`` gives the step and the next memory, and changes neither
argument. With the gradient of a loss ``g`` all three step along ``-g``, scaled so that the size
of a step says how far it goes in the cube, whatever the loss's unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from .cube import Vector

TINY = 1e-12


@dataclass(frozen=True)
class Memory:
    """State of a rule on one chain.

    Attributes:
        count: How many steps it made.
        first: Running mean of gradients, or velocity, or the last gradient.
        second: Running mean of squares, or a step size for each coordinate.
    """

    count: int
    first: Vector
    second: Vector

    def to_plain(self) -> list[Any]:
        """Return plain data."""
        return [self.count, self.first.tolist(), self.second.tolist()]

    @classmethod
    def from_plain(cls, plain: Any) -> Memory:
        """Return the memory that ``to_plain`` described."""
        count, first, second = plain
        return cls(int(count), np.array(first, dtype=float), np.array(second, dtype=float))


class Rule(Protocol):
    """A rule that turns gradients into steps."""

    def begin(self, size: int) -> Memory:
        """Return the memory of a chain with ``size`` coordinates that has not moved yet."""
        ...

    def step(self, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """Return the step from here, to be added, and the next memory."""
        ...


@dataclass(frozen=True)
class Adam:
    """Adam: Kingma and Ba (2015), https://arxiv.org/abs/1412.6980, algorithm 1.

    Args:
        step: Step size ``alpha``: the first step goes as far in every coordinate.
        beta1: Decay of the mean of gradients.
        beta2: Decay of the mean of their squares.
    """

    step_size: float
    beta1: float
    beta2: float

    def begin(self, size: int) -> Memory:
        """No steps, no means."""
        return Memory(0, np.zeros(size), np.zeros(size))

    def step(self, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """One step of algorithm 1; ``epsilon`` is 1e-12 of the largest component."""
        count = memory.count + 1
        first = self.beta1 * memory.first + (1 - self.beta1) * gradient
        second = self.beta2 * memory.second + (1 - self.beta2) * gradient**2
        mean = first / (1 - self.beta1**count)
        root = np.sqrt(second / (1 - self.beta2**count))
        epsilon = TINY * root.max(initial=0.0) or 1.0
        return -self.step_size * mean / (root + epsilon), Memory(count, first, second)


@dataclass(frozen=True)
class Sgd:
    """Gradient descent with Polyak's momentum, its rate set by the first gradient.

    The rate is the one with which the first step goes ``step`` far in the coordinate of the
    largest derivative; no step goes further than ``longest``. So it needs no knowledge of the
    loss's unit, and is plain gradient descent otherwise: near a minimum steps become shorter.

    Args:
        step: Length of the first step, in the largest coordinate.
        momentum: Share of the last step that is made again.
        longest: Length of the longest step, in the largest coordinate.
    """

    step_size: float
    momentum: float
    longest: float

    def begin(self, size: int) -> Memory:
        """No velocity, and no rate yet."""
        return Memory(0, np.zeros(size), np.zeros(1))

    def step(self, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """One step; the rate is kept in the memory."""
        rate = memory.second
        largest = np.abs(gradient).max(initial=0.0)
        if rate[0] == 0.0 and largest > 0.0:
            rate = np.array([self.step_size / largest])
        velocity = self.momentum * memory.first - rate[0] * gradient
        length = np.abs(velocity).max(initial=0.0)
        if length > self.longest:
            velocity = velocity * (self.longest / length)
        return velocity, Memory(memory.count + 1, velocity, rate)


@dataclass(frozen=True)
class Rprop:
    """Rprop: only the signs of the gradient count.

    Riedmiller and Braun (1993), https://doi.org/10.1109/ICNN.1993.298623, in the form of Igel and
    Huesken (2003) without weight-backtracking (iRprop-). With ``grow = 1`` it is the rule of
    Micaelli and Storkey (2021), https://arxiv.org/abs/2007.07869, for hyperparameters: a fixed
    step per coordinate, halved where the sign flips.

    Args:
        step: First step in every coordinate.
        grow: Factor of a coordinate's step where the sign stays.
        shrink: Factor where it flips.
        longest: Length of the longest step.
    """

    step_size: float
    grow: float
    shrink: float
    longest: float

    def begin(self, size: int) -> Memory:
        """No last gradient, and the same step in every coordinate."""
        return Memory(0, np.zeros(size), np.full(size, self.step_size))

    def step(self, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """One step; where the sign flips there is none, and the next counts as a first one."""
        agree = np.sign(gradient) * np.sign(memory.first)
        factor = np.where(agree > 0, self.grow, np.where(agree < 0, self.shrink, 1.0))
        sizes = np.minimum(memory.second * factor, self.longest)
        used = np.where(agree < 0, 0.0, gradient)
        return -np.sign(used) * sizes, Memory(memory.count + 1, used, sizes)


def without(memory: Memory, blocked: Any) -> Memory:
    """Return a memory that has forgotten which way it went in some coordinates.

    Args:
        memory: The memory.
        blocked: Which coordinates are at a bound, and go on against it.
    """
    return replace(memory, first=np.where(blocked, 0.0, memory.first))
