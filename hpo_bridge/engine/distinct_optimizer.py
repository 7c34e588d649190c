"""A wrapper that asks again where a trial has the proposed configuration already."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..contracts.record import TrialState
from ..store import Event
from ..store.event_parts import TrialResult
from ..store.event_types import Asked, Enqueued, Imported
from .checked_optimizer import IsTaken
from .duplicates import configuration_key
from .feasible_optimizer import FeasibleOptimizer
from .logged_optimizer import Answer, LoggedOptimizer, Proposer
from .study_log import StudyLog

MOST_RESAMPLED = 20
"""Largest number of suggestions in a row that are asked for again before one is evaluated."""


class TrialNumbers:
    """The first trial of each configuration; follows the log.

    Args:
        log: The study's log.
        optimizer: Completes the parameters of trials from before a change of the space.
    """

    def __init__(self, log: StudyLog, optimizer: LoggedOptimizer) -> None:
        self._log = log
        self._first: dict[bytes, int] = {}
        for trial in log.store.trials(log.name):
            asked = trial.changes[0].params if trial.changes else trial.params
            self._add(trial.number, optimizer.checked.completed(asked))
        log.followers.append(self._follow)

    def __len__(self) -> int:
        return len(self._first)

    def first_of(self, params: Mapping[str, Any]) -> int | None:
        """Return the first trial of these parameters, if there is any."""
        return self._first.get(configuration_key(params))

    def has(self, params: Mapping[str, Any]) -> bool:
        """Return whether a trial has these parameters."""
        return configuration_key(params) in self._first

    def _follow(self, event: Event) -> None:
        match event:
            case Asked():
                for each in event.trials:
                    self._add(each.number or 0, each.params)
            case Enqueued():
                self._add(event.trial, event.params)
            case Imported():
                changes = event.changes
                self._add(event.trial, changes[0].params if changes else event.params)

    def _add(self, number: int, params: Mapping[str, Any]) -> None:
        self._first.setdefault(configuration_key(params), number)


class DistinctOptimizer:
    """An optimizer whose proposals are new, as far as it can go on proposing others.

    The backend is told of a repeated proposal with the result of the trial that it repeats: before
    the next ask if it knows that already, else together with that trial.

    Args:
        inner: Proposes points.
        log: The study's log.
        numbers: The configurations that there are.
    """

    def __init__(self, inner: Proposer, log: StudyLog, numbers: TrialNumbers) -> None:
        self._inner, self._log, self._numbers = inner, log, numbers

    @property
    def member(self) -> LoggedOptimizer:
        """The optimizer at work, without its wrappers."""
        return self._inner.member

    @property
    def exhausted(self) -> str | None:
        """The reason why nothing is left to propose, once that is so."""
        return self._inner.exhausted

    def snapshot(self) -> dict[str, Any] | None:
        """Return the optimizer's state."""
        return self._inner.snapshot()

    def ask(self, is_taken: IsTaken | None = None) -> Answer:
        """Return the next proposal that is new, or the last one of many that are not."""
        while True:
            answer = self._inner.ask(self._numbers.has)
            number = self._repeated(answer)
            if number is None:
                return answer
            known = number not in self._log.untold.open
            result = self._result(number) if known else None
            self._log.write(answer.resampled(time.time(), number, result))

    def _repeated(self, answer: Answer) -> int | None:
        """Return the trial that a proposal repeats, if another one is to be asked for."""
        proposal, optimizer = answer.proposal, self.member.optimizer
        if self._log.untold.repeats >= MOST_RESAMPLED or proposal is None:
            return None
        if proposal.token is None:
            return None
        if isinstance(optimizer, FeasibleOptimizer) and optimizer.has_only(len(self._numbers)):
            return None
        return self._numbers.first_of(proposal.params)

    def _result(self, number: int) -> TrialResult:
        """Return the end of a trial as a backend is told of it."""
        trial = self._log.store.trial(self._log.name, number)
        if trial.changes:
            return TrialResult(TrialState.PRUNED)
        return TrialResult(
            trial.state, trial.values, trial.gradients, trial.estimate, trial.reports
        )
