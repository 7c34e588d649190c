"""What a driver does where a configuration is there already; see :mod:`.duplicates`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contracts.optimizer import Observation
from ..contracts.record import TrialRecord, TrialState
from ..contracts.trial import Trial
from ..errors import SearchExhausted
from ..store import Event, Pending
from ..store.event_types import Finished, ProposedPoint, Resampled, Started
from .derivatives_given import lacking
from .duplicates import MOST_RESAMPLED, MOST_REUSED
from .proposer import Proposal

if TYPE_CHECKING:
    from .driver import Driver


def settle(driver: Driver, pending: Pending, asked: tuple[Event, ...], now: float) -> Trial | None:
    """Starts a trial, unless another one's result is to do.

    Args:
        driver: The study's driver.
        pending: The trial.
        asked: The event in which it was asked for, if that is yet to be written.
        now: Seconds since the epoch.

    Returns:
        The trial that runs; ``None`` if it has an earlier one's result, or waits for it.
    """
    twin = _twin(driver, pending)
    first: Started | Finished | None = None
    if twin is not None:
        first = _reuse(pending, *twin, now)
    elif _has_changed(driver, pending) or not driver.duplicates.waits(pending):
        first = Started(pending.number, pending.attempts + 1, time=now)
    driver.write(*asked, *(() if first is None else (first,)))
    if asked:
        driver.added(pending)
    if first is None:
        return None
    if isinstance(first, Started):
        return driver.begin(pending, now)
    _reused(driver, pending, first)
    return None


def _twin(driver: Driver, pending: Pending) -> tuple[int, Mapping[str, Any]] | None:
    """The trial whose result another one may take over, and that result."""
    if _has_changed(driver, pending):
        return None
    twin = driver.duplicates.result(pending.params)
    if twin is None or pending.token is None:
        return twin
    asked, name = driver.proposer.differentiation, driver.proposer.name
    missing = lacking(twin[1]["gradients"], pending.params, asked, name)
    return twin if missing is None else None


def _has_changed(driver: Driver, pending: Pending) -> bool:
    """Whether a trial has other parameters by now than it was asked for."""
    trial = driver.ledger.open.get(pending.number)
    return trial is not None and trial.changed


def _reuse(pending: Pending, twin: int, result: Mapping[str, Any], now: float) -> Finished:
    return Finished(pending.number, TrialState.COMPLETE, reused=twin, time=now, **result)


def _reused(driver: Driver, pending: Pending, event: Finished) -> None:
    """Follows the end of a trial that was not run."""
    driver.moved(TrialState.WAITING, TrialState.COMPLETE)
    losses = driver.objectives.losses(event.values)
    if driver.pruner is not None and losses is not None:
        driver.pruner.finished(pending.number, TrialState.COMPLETE, losses[0], [])
    if not driver.observers:
        return
    record = TrialRecord(
        pending.number, TrialState.RUNNING, pending.params, None, pending.backend,
        attempts=pending.attempts,
    )  # fmt: skip
    driver.notify("hpo_trial_started", trial=record)
    ended = replace(
        record, state=TrialState.COMPLETE, values=event.values, finished=event.time,
        reused=event.reused, gradients=event.gradients, standard_errors=event.standard_errors,
    )  # fmt: skip
    driver.notify("hpo_trial_finished", trial=ended)


def release(driver: Driver, number: int, result: Finished | None) -> None:
    """Puts the trials that waited for another one in the queue: it runs no more.

    Args:
        driver: The study's driver.
        number: The other one.
        result: What they may take over, if it is complete.
    """
    trial = driver.ledger.open[number]
    result = None if trial.changed else result
    driver.waiting.extend(driver.duplicates.ended(number, trial.params, result))


def end_of_reuse(driver: Driver) -> None:
    """Gives up a backend that has proposed nothing new for long.

    Raises:
        SearchExhausted: If nobody takes over from it.
    """
    if driver.duplicates.mode != "reuse" or driver.ledger.repeats < MOST_REUSED:
        return
    if not driver.relay.is_last:
        driver.relay.hand_over(driver)
        return
    driver.exhausted = f"its last {driver.ledger.repeats} proposals were there already"
    raise SearchExhausted(driver.exhausted)


def resamples(driver: Driver, now: float, proposal: Proposal, rejected: list[Observation]) -> bool:
    """Whether a proposal is there already, and another one is to be asked for.

    The backend is told the result of the trial that it repeats: before the next ask if it knows
    that already, else together with that trial.
    """
    if driver.ledger.repeats >= MOST_RESAMPLED or proposal.token is None:
        return False
    if driver.proposer.is_spent(driver.duplicates.known):
        return False
    number = driver.duplicates.repeated(proposal.params)
    if number is None:
        return False
    told = number not in driver.ledger.open
    point = ProposedPoint(proposal.params, proposal.raw, proposal.token)
    result = driver.duplicates.ending(number) if told else None
    driver.write(
        Resampled(time=now, point=point, of=number, result=result, **driver.answered(rejected))
    )
    return True
