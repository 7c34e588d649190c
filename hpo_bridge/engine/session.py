"""One run of a study: its budget, and what a runner may do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..contracts.checkpoints import Checkpoints
from ..contracts.gradients import Differentiation
from ..contracts.objective import Objective
from ..contracts.record import Outcome, TrialState
from ..contracts.trial import Trial
from ..contracts.trial_output import OutputSink
from ..errors import BudgetSpent, SearchExhausted, WaitingForResults
from ..space import Space
from .driver import Driver
from .failures import FailureWatch, StopRule
from .kept_output import output_folder


class Session:
    """A study as a runner sees it (the contract is :class:`hpo_bridge.contracts.runner.Work`).

    Args:
        driver: Who does the work.
        objective: What to evaluate.
        trials: Budget: how many trials the study may have in all, whatever became of them.
        seconds: Budget: how long drivers may work on it in all.
        spent: How long they have already.
        failures: Follows the trials of this run, and may stop it.
    """

    def __init__(
        self,
        driver: Driver,
        objective: Objective,
        *,
        trials: int | None = None,
        seconds: float | None = None,
        spent: float = 0.0,
        failures: FailureWatch | None = None,
    ) -> None:
        self.objective = objective
        self.failures = failures or FailureWatch(driver.store, driver.name, StopRule(), None)
        self.stopping = False
        self._driver = driver
        self._output = output_folder(driver.store, driver.name)
        self._sinks: dict[int, OutputSink] = {}
        self._trials = trials
        self._deadline = None if seconds is None else time.monotonic() + seconds - spent

    @property
    def checkpoints(self) -> Checkpoints:
        """Where trials keep checkpoints."""
        return self._driver.checkpoints

    def output(self, number: int) -> OutputSink:
        """The sink for what the running attempt at a trial prints; one for each attempt."""
        sink = self._sinks.get(number)
        if sink is None:
            attempt = self._driver.running[number].record.attempts
            sink = self._sinks[number] = self._output.sink(number, attempt)
        return sink

    @property
    def differentiation(self) -> Differentiation:
        """Whether derivatives are wanted."""
        return self._driver.differentiation

    @property
    def pruner(self) -> object | None:
        """The study's pruner, if it has one."""
        pruner = self._driver.pruner
        return None if pruner is None else pruner.built

    @property
    def sign(self) -> float:
        """What turns a reported value into a loss."""
        return self._driver.objectives.sign

    @property
    def space(self) -> Space:
        """What may vary."""
        return self._driver.proposer.space

    def next(self) -> Trial | None:
        """The next trial, running; ``None`` if none can start now."""
        if not self._goes_on():
            return None
        try:
            trial = self._driver.next(self._goes_on)
        except (WaitingForResults, SearchExhausted, BudgetSpent):
            return None
        self.failures.started(trial.number)
        return trial

    def _goes_on(self) -> bool:
        return not (self.stopping or self._is_spent or self.seconds_left == 0.0)

    @property
    def _is_spent(self) -> bool:
        """Whether the budget allows no further trial, or failures do not."""
        if self.failures.stopped:
            return True
        if self._trials is None:
            return False
        counts = self._driver.counts
        # A trial that waits for another one's result has begun: it will not run.
        begun = self._driver.created - counts[TrialState.WAITING]
        return begun + self._driver.duplicates.waiting >= self._trials

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to start, unless a running trial is given back."""
        if self._is_spent:
            return True
        return self._driver.exhausted is not None and not self._driver.waiting

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the time budget ends; ``None`` without one; never negative."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - time.monotonic())

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Commits an intermediate value of a running trial, and what was measured besides."""
        self._driver.report(number, step, value, metrics)

    def change(self, number: int, params: Mapping[str, Any], source: int | None) -> None:
        """Gives a running trial other parameters."""
        self._driver.change(number, params, source)

    def should_prune(self, number: int) -> bool:
        """The pruner's word on a running trial."""
        return self._driver.should_prune(number)

    def resumed(self, number: int) -> None:
        """Follows a running trial that has loaded a checkpoint."""
        self._driver.resumed(number)

    def finish(self, number: int, outcome: Outcome) -> None:
        """Ends an attempt: final, or back to the queue if it failed and may be retried."""
        self._sinks.pop(number, None)
        self.failures.ended(number, self._driver.finish(number, outcome))

    def give_back(self, number: int, reason: str) -> None:
        """Ends an attempt without an outcome: the trial waits again."""
        self._sinks.pop(number, None)
        self._driver.give_back(number, reason)
