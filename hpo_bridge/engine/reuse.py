"""Results of earlier trials for trials with the same parameters, which are then not run."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contracts.record import TrialRecord, TrialState
from ..errors import SearchExhausted
from ..store import Event, Pending
from ..store.event_types import Finished, Imported, Requeued, Started
from .checked_optimizer import IsTaken
from .derivatives_given import missing_gradients
from .duplicates import configuration_key
from .logged_optimizer import Answer, LoggedOptimizer, Proposer
from .study_log import StudyLog

MOST_REUSED = 1000
"""Number of trials in a row with reused results after which the search counts as exhausted."""
REUSED = ("values", "gradients", "standard_errors")
"""The parts of a result that a trial which is not run takes over."""


@dataclass(frozen=True, slots=True)
class ReuseResult:
    """The decision to give a trial an earlier one's result.

    Attributes:
        number: The earlier trial.
        result: Its values, gradients and standard errors.
    """

    number: int
    result: Mapping[str, Any]

    def finished(self, number: int, now: float) -> Finished:
        """Return the event that ends trial ``number`` with this result."""
        state, reused = TrialState.COMPLETE, self.number
        return Finished(number, state, reused=reused, time=now, **self.result)


@dataclass(frozen=True, slots=True)
class AwaitResult:
    """The decision to let a trial wait for the result of one that runs.

    Attributes:
        number: The trial that runs.
    """

    number: int


class ReusableResults:
    """The results that later trials may take over; follows the log.

    Args:
        log: The study's log.
        proposer: The study's proposer.
    """

    def __init__(self, log: StudyLog, proposer: Proposer) -> None:
        self._log, self._proposer = log, proposer
        self._results: dict[bytes, ReuseResult] = {}
        self._running: dict[bytes, int] = {}
        self._behind: dict[int, deque[Pending]] = {}
        for trial in log.store.trials(log.name, [TrialState.COMPLETE]):
            self._read(trial)
        log.followers.append(self._follow)

    @property
    def waiting(self) -> int:
        """Number of trials that wait for another one's result."""
        return sum(map(len, self._behind.values()))

    def decide(self, pending: Pending) -> ReuseResult | AwaitResult | None:
        """Return what becomes of a trial that is about to start; ``None`` if it is to run."""
        untold = self._log.untold.open.get(pending.number)
        if untold is not None and untold.changed:  # it has other parameters than it was asked for
            return None
        key = configuration_key(pending.params)
        known = self._results.get(key)
        if known is not None and self._suffices(pending, known):
            return known
        running = self._running.get(key)
        return None if running is None else AwaitResult(running)

    def _suffices(self, pending: Pending, known: ReuseResult) -> bool:
        if pending.token is None:
            return True
        checked, given = self._proposer.member.checked, known.result["gradients"]
        asked = checked.differentiation
        return missing_gradients(given, pending.params, asked, checked.name) is None

    def wait(self, pending: Pending, decision: AwaitResult) -> None:
        """Keep a trial until the one that it waits for has ended."""
        self._behind.setdefault(decision.number, deque()).append(pending)

    def released(self, number: int) -> deque[Pending]:
        """Return the trials that waited for one that runs no more."""
        return self._behind.pop(number, deque())

    def _follow(self, event: Event) -> None:
        match event:
            case Imported():
                self._read(self._log.store.trial(self._log.name, event.trial))
            case Started():
                key = configuration_key(self._log.untold.open[event.trial].params)
                self._running.setdefault(key, event.trial)
            case Requeued():
                self._stop(event.trial)
            case Finished() if event.reused is None:
                key = self._stop(event.trial)
                changed = self._log.untold.open[event.trial].changed
                if event.state is TrialState.COMPLETE and not changed:
                    self._keep(key, event.trial, {name: getattr(event, name) for name in REUSED})

    def _stop(self, number: int) -> bytes:
        """Forget that a trial runs; return the key of its configuration."""
        key = configuration_key(self._log.untold.open[number].params)
        if self._running.get(key) == number:
            del self._running[key]
        return key

    def _read(self, trial: TrialRecord) -> None:
        if trial.state is TrialState.COMPLETE and not trial.changes:
            params = self._proposer.member.checked.completed(trial.params)
            result = {name: getattr(trial, name) for name in REUSED}
            self._keep(configuration_key(params), trial.number, result)

    def _keep(self, key: bytes, number: int, result: Mapping[str, Any]) -> None:
        """Keep the first result; one with derivatives takes the place of one without."""
        known = self._results.get(key)
        if known is None or (
            known.result["gradients"] is None and result["gradients"] is not None
        ):
            self._results[key] = ReuseResult(number, result)


class RepeatLimit:
    """A wrapper that gives up an optimizer which has long proposed nothing new.

    Args:
        inner: Proposes points.
        log: The study's log.
    """

    def __init__(self, inner: Proposer, log: StudyLog) -> None:
        self._inner, self._log = inner, log
        self._ended: str | None = None

    @property
    def member(self) -> LoggedOptimizer:
        """The optimizer at work, without its wrappers."""
        return self._inner.member

    @property
    def exhausted(self) -> str | None:
        """The reason why nothing is left to propose, once that is so."""
        return self._ended or self._inner.exhausted

    def snapshot(self) -> dict[str, Any] | None:
        """Return the optimizer's state."""
        return self._inner.snapshot()

    def ask(self, is_taken: IsTaken | None = None) -> Answer:
        """Return the next proposal.

        Raises:
            SearchExhausted: Also if the last proposals were all there already.
        """
        if self._log.untold.repeats >= MOST_REUSED and self._ended is None:
            self._ended = f"its last {self._log.untold.repeats} proposals were there already"
        if self._ended is not None:
            raise SearchExhausted(self._ended)
        return self._inner.ask(is_taken)
