"""The trials of a long study that its live page draws.

A page that is open has a list of trials, and asks for those from a position on. So what is drawn
of trials that have ended is decided once, in their order, and stays: the list only grows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from hpo_bridge.contracts.record import TrialRecord, TrialState

MOST_UNFINISHED = 200
"""Number of waiting and running trials that are drawn, whatever their numbers."""


def step_at(position: int, capacity: int, first: int = 1) -> int:
    """Return the distance between drawn trials at a position: it doubles as a study does.

    Args:
        position: The position.
        capacity: Number of trials that are drawn with the first distance.
        first: The first distance.

    Example:
        >>> step_at(999, 1000), step_at(1000, 1000), step_at(1999, 1000), step_at(2000, 1000)
        (1, 2, 2, 4)
        >>> step_at(2999, 1000, 3), step_at(3000, 1000, 3)
        (3, 6)
    """
    return first << (position // (capacity * first)).bit_length()


class Front:
    """The complete trials that no other is as good as, of those taken in so far; of equals one.

    Args:
        signs: Objective to 1.0 if it is minimised, -1.0 if it is maximised.

    Attributes:
        numbers: Their numbers; with one objective it is one of them.
    """

    def __init__(self, signs: Mapping[str, float]) -> None:
        self._signs = signs
        self._losses: Any = np.empty((0, len(signs)))
        self.numbers: Any = np.empty(0, dtype=int)

    def add(self, trial: TrialRecord) -> bool:
        """Take a trial in, if no earlier one is as good; return whether it was."""
        values = trial.values
        if trial.state is not TrialState.COMPLETE or values is None:
            return False
        losses = np.array([sign * values[name] for name, sign in self._signs.items()])
        if (self._losses <= losses).all(axis=1).any():
            return False
        kept = ~(losses <= self._losses).all(axis=1)
        self._losses = np.vstack([self._losses[kept], losses])
        self.numbers = np.append(self.numbers[kept], trial.number)
        return True


class TrialSample:
    """The trials that a page draws: all, or an even sample and the best, as they came.

    Args:
        capacity: Number of trials up to which all are drawn; of longer studies it is about that
            many at first.
        trials: Number of trials that there are.
        signs: See :class:`Front`.

    Attributes:
        step: The distance between the numbers of the trials that are drawn anyway.
    """

    def __init__(self, capacity: int, trials: int, signs: Mapping[str, float]) -> None:
        self.capacity = capacity
        self.step = -(-trials // capacity) or 1
        self._chosen: list[int] = []
        self._choice = _Choice(capacity, self.step, Front(signs))

    def numbers(self, trials: Sequence[TrialRecord]) -> list[int]:
        """Return the numbers of the trials to be drawn, in order.

        Args:
            trials: All trials, by number; those of the last call and what came later.
        """
        choice = self._choice
        while choice.seen < len(trials) and trials[choice.seen].state.is_final:
            self._chosen += choice.next(trials)
        return [*self._chosen, *_tentative(copy(choice), trials)]


class _Choice:
    """The choice among trials that have ended, one after another."""

    def __init__(self, capacity: int, step: int, front: Front) -> None:
        self._capacity, self._step, self._front = capacity, step, front
        self._improved, self.seen = 0, 0

    def __copy__(self) -> _Choice:
        other = _Choice(self._capacity, self._step, copy(self._front))
        other._improved, other.seen = self._improved, self.seen
        return other

    def next(self, trials: Sequence[TrialRecord]) -> list[int]:
        """Return the number of the next trial, or nothing if it is not drawn."""
        number, self.seen = self.seen, self.seen + 1
        drawn = number % step_at(number, self._capacity, self._step) == 0
        if self._front.add(trials[number]):
            # Where nearly every trial improves on those before, there are as many of these.
            drawn |= self._improved % step_at(self._improved, self._capacity // 4) == 0
            self._improved += 1
        return [number] * drawn


def _tentative(choice: _Choice, trials: Sequence[TrialRecord]) -> Iterator[int]:
    """Yield the rest, which the page asks for again: it begins with one that has not ended."""
    unfinished = 0
    while choice.seen < len(trials):
        trial = trials[choice.seen]
        drawn = choice.next(trials)
        if not trial.state.is_final and unfinished < MOST_UNFINISHED:
            unfinished += 1
            drawn = [trial.number]
        yield from drawn
