"""A chain: one sequence of gradient steps through the unit cube, with what keeps it from harm.

After each trial a chain is told the loss and the gradient where it was, and decides where to go:

* a **good** point: it steps along the gradient, by its rule;
* an **unusable** point (the trial failed or was pruned, or the gradient exploded): half-way back
  to the last good point, and shorter steps;
* a point that is clearly **worse** than the best of the chain: half-way back to the best one, and
  shorter steps. This is what stops a chain from wandering off late.

Why: training is chaotic beyond some learning rate, where derivatives grow exponentially with the
number of steps and say nothing of the direction; so begin with a small one, and stop where the
gradient grows (Maclaurin et al. 2015, https://arxiv.org/abs/1502.03492). A gradient has exploded
where its largest component, per unit of the cube, exceeds ``explode`` times the loss's scale: what
the chain has gained since its start, or the size of its best loss if that is larger. So nothing
depends on the loss's unit.

A chain that has come to a halt, at an optimum or where nothing better can be reached, begins a
new **life** from a random start.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from .cube import Vector
from .rules import Memory, Rule, without

SHRINK, REGROW = 0.5, 2.0**0.25
"""Factor of the steps after a bad point, and after a good one until they are whole again: four
good points undo a bad one."""
HALT = 1e-4
"""Distance in the cube below which going there is not worth a trial."""
NEARBY = 0.2
"""Width of where further chains begin around a given start; each further life has as much more."""
NEAR = 0.05
"""A start this near to the low one that is unusable is given up."""

Starts = Callable[[int, int], Vector]
"""From a chain's number and its life, from 0, to its start."""


@dataclass(frozen=True)
class Limits:
    """When a point is bad.

    Attributes:
        explode: Size of a gradient in scales of the loss per unit of the cube.
        backtrack: How much worse than the best a loss may be, in scales of the loss.
    """

    explode: float
    backtrack: float


@dataclass(frozen=True)
class Chain:
    """The position and the memory of a chain.

    Attributes:
        number: Which chain, from 0.
        life: How often it began anew.
        u: Where it is evaluated next, or is being evaluated.
        memory: The rule's.
        size: Factor of the steps, at most 1.
        good: The last good point, if there was one.
        best: The best point.
        best_loss: Its loss.
        best_slope: The largest component of its gradient.
        first_loss: The loss at the first good point.
    """

    number: int
    life: int
    u: Vector
    memory: Memory
    size: float = 1.0
    good: Vector | None = None
    best: Vector | None = None
    best_loss: float = 0.0
    best_slope: float = 0.0
    first_loss: float = 0.0

    @property
    def scale(self) -> float:
        """The loss's scale: the gain since the start, or the best loss if that is larger."""
        return max(self.first_loss - self.best_loss, abs(self.best_loss))

    def to_plain(self) -> dict[str, Any]:
        """Plain data."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain["memory"] = self.memory.to_plain()
        for name in ("u", "good", "best"):
            plain[name] = None if plain[name] is None else plain[name].tolist()
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Chain:
        """Return the chain that ``to_plain`` described."""
        values = dict(plain)
        values["memory"] = Memory.from_plain(values["memory"])
        for name in ("u", "good", "best"):
            values[name] = None if values[name] is None else np.array(values[name], dtype=float)
        return cls(**values)


class Walk:
    """Moves chains: the rule, the limits and the starts that they have in common.

    Args:
        rule: How a gradient becomes a step.
        limits: When a point is bad.
        starts: Starting points of chains.
        anchor: Where the first start is drawn to while it is unusable.
    """

    def __init__(self, rule: Rule, limits: Limits, starts: Starts, anchor: Vector) -> None:
        self._rule, self._limits, self._starts, self._anchor = rule, limits, starts, anchor

    def begin(self, number: int, life: int = 0) -> Chain:
        """A chain at its start."""
        u = self._starts(number, life)
        return Chain(number, life, u, self._rule.begin(len(u)))

    def told(self, chain: Chain, loss: float | None, gradient: Vector | None) -> Chain:
        """The chain after a trial at ``chain.u``; the loss is ``None`` if there is none."""
        if loss is None or gradient is None or self._explodes(chain, gradient):
            return self._back(chain, chain.good)
        if chain.best is not None and self._is_worse(chain, loss):
            return self._back(chain, chain.best)
        return self._on(_noted(chain, chain.u, loss, gradient), gradient)

    def at(self, chain: Chain, u: Vector, loss: float, gradient: Vector | None) -> Chain:
        """The chain moved to a point that something else found, as if it had gone there.

        Without a gradient the point is evaluated next.
        """
        chain = replace(self.begin(chain.number, chain.life), u=u)
        if gradient is None:
            return chain
        return self._on(_noted(chain, u, loss, gradient), gradient)

    def _explodes(self, chain: Chain, gradient: Vector) -> bool:
        largest = np.abs(gradient).max(initial=0.0)
        if not np.isfinite(largest):
            return True
        if chain.best is None:
            return False
        return bool(largest >= self._limits.explode * max(chain.scale, chain.best_slope))

    def _is_worse(self, chain: Chain, loss: float) -> bool:
        return loss - chain.best_loss > self._limits.backtrack * chain.scale

    def _on(self, chain: Chain, gradient: Vector) -> Chain:
        """A step along the gradient, kept within the cube."""
        u = chain.u
        outward = ((u <= 0.0) & (gradient > 0.0)) | ((u >= 1.0) & (gradient < 0.0))
        step, memory = self._rule.step(np.where(outward, 0.0, gradient), chain.memory)
        to = np.clip(u + chain.size * step, 0.0, 1.0)
        memory = without(memory, (to != u + chain.size * step) | outward)
        if np.abs(to - u).max() < HALT * chain.size:
            return self.begin(chain.number, chain.life + 1)
        return replace(chain, u=to, memory=memory, size=min(1.0, chain.size * REGROW))

    def _back(self, chain: Chain, towards: Vector | None) -> Chain:
        """Half-way back, and shorter steps; a new life where there is nothing left to halve."""
        target, nearest = (self._anchor, NEAR) if towards is None else (towards, HALT)
        if np.abs(chain.u - target).max() < nearest:
            return self.begin(chain.number, chain.life + 1)
        return replace(chain, u=(chain.u + target) / 2, size=chain.size * SHRINK)


def _noted(chain: Chain, u: Vector, loss: float, gradient: Vector) -> Chain:
    """The chain with a good point in its memory."""
    if chain.best is None:
        chain = replace(chain, first_loss=loss)
    if chain.best is None or loss < chain.best_loss:
        slope = float(np.abs(gradient).max(initial=0.0))
        chain = replace(chain, best=u, best_loss=loss, best_slope=slope)
    return replace(chain, good=u)


@dataclass(frozen=True)
class Places:
    """Starting points of chains.

    The first life of chain 0 begins at the low start, but for a little that depends on the seed.
    Other chains and lives begin low on a log scale (uniform between 0 and twice the low start)
    and anywhere elsewhere: a learning rate must never begin anywhere at all, as random ones are in
    the chaotic or in the flat part more often than not.

    Attributes:
        low: Where in [0, 1] the first chain begins.
        given: Coordinates where the user wants it to begin; NaN for others.
        log: Which coordinates are logarithms.
        seed: The seed.
    """

    low: float
    given: Vector
    log: Any
    seed: int

    def start(self, number: int, life: int) -> Vector:
        """The start of a chain's life."""
        rng = random.Random(f"{self.seed}/{number}/{life}")
        draws = np.array([rng.random() for _ in self.given])
        first = number == 0 and life == 0
        if first:
            u = self.low * (0.9 + 0.2 * draws)
        else:
            u = np.where(self.log, 2 * self.low * draws, draws)
        known = ~np.isnan(self.given)
        width = 0.0 if first else min(1.0, NEARBY * (life + 1))
        near = np.abs(self.given + width * (draws - 0.5))  # reflected at the bounds
        return np.clip(np.where(known, 1.0 - np.abs(1.0 - near), u), 0.0, 1.0)
