"""Budgets that are spent before a run begins, and the backend that has nothing left."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from ..contracts.record import TrialState

log = logging.getLogger("hpo_bridge.budget")
"""Says to a user of Python what the command says in its own words, and switches off here."""


class Budget:
    """The trials and the time that a study may have in all.

    Args:
        trials: Largest number of trials, whatever became of them; ``None`` for no limit.
        seconds: Seconds that drivers may work on it; ``None`` for no limit.
        spent: Seconds that they have already.
    """

    def __init__(
        self, trials: int | None = None, seconds: float | None = None, spent: float = 0.0
    ) -> None:
        self.trials = trials
        self._deadline = None if seconds is None else time.monotonic() + seconds - spent

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the time is up; ``None`` without a limit; never negative."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - time.monotonic())

    @property
    def is_timed_out(self) -> bool:
        """True if the time is up."""
        return self._deadline is not None and time.monotonic() >= self._deadline


@dataclass(frozen=True)
class NothingToDo:
    """The reason why a run starts no trial.

    Attributes:
        what: ``trials`` or ``seconds``, the budget that is spent, or ``backend``.
        found: The budget; of a backend the reason why it has nothing left.
        more: A budget with which the study would go on; of a backend empty.
        counts: Number of trials by state.
    """

    what: str
    found: str
    more: str
    counts: Mapping[TrialState, int]

    @property
    def states(self) -> str:
        """The numbers of trials by state, in words."""
        there = [f"{n} {state.value.lower()}" for state, n in self.counts.items() if n]
        return ", ".join(there) or "no trials"

    def text(self, spent: str, *ways: str, retry: str) -> str:
        """Return the message in the words of whoever shows it.

        Args:
            spent: What is spent.
            ways: How to go on.
            retry: How to run the failed trials again, if there are any.
        """
        all_ways = [*ways, *([f"{retry} runs the failed ones again"] if self.failed else [])]
        return f"nothing to do: {spent} ({self.states}); {', '.join(all_ways)}"

    @property
    def failed(self) -> int:
        """Number of failed trials."""
        return self.counts[TrialState.FAILED]

    def __str__(self) -> str:
        spent, way = f"{self.what}={self.found} is spent", f"{self.what}={self.more} goes on"
        if self.what == "backend":
            spent = f"the backend has nothing left: {self.found}"
            way = "another backend goes on"
        return self.text(spent, way, retry="retry_failed=True")


def spent_budget(
    counts: Mapping[TrialState, int], worked: float, trials: int | None, seconds: float | None
) -> NothingToDo | None:
    """Return the budget that allows no trial more, if there is one; one of 0 is meant so.

    Args:
        counts: Number of trials by state.
        worked: Seconds that the study has been worked on.
        trials: The study's budget of trials.
        seconds: The study's budget of time.
    """
    ended = sum(n for state, n in counts.items() if state.is_final)
    if trials and ended >= trials:
        return NothingToDo("trials", f"{trials}", f"{2 * ended}", counts)
    if seconds and worked >= seconds:
        return NothingToDo("seconds", f"{seconds:g}", f"{2 * worked:.3g}", counts)
    return None
