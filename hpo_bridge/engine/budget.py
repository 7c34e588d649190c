"""Budgets that are spent before a run begins, and the backend that has nothing left."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from ..contracts.record import TrialState

log = logging.getLogger("hpo_bridge.budget")
"""Says to a user of Python what the command says in its own words, and switches off here."""


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
