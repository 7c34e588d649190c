"""Trials that come into a driver's queue otherwise than from its optimizer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..contracts.record import Outcome, TrialRecord, TrialState
from ..store import Pending
from ..store.event_types import Enqueued, Imported, Requeued, Retried
from .pruning import learn_imported
from .running_trial import started_again
from .trial_steps import TrialSteps

MOST_LOSSES = 3
"""Number of drivers that a trial may take down with it before it is not run inline any more."""

log = logging.getLogger("hpo_bridge.failures")


def enqueue(trials: TrialSteps, params: Mapping[str, Any]) -> int:
    """Add a point that no backend proposed; return its trial's number."""
    number = trials.log.created
    trials.log.write(Enqueued(number, params))
    trials.waiting.append(Pending(number, TrialState.WAITING, params, None, None, None))
    return number


def append_imported(trials: TrialSteps, events: Sequence[Imported]) -> None:
    """Add trials of another tool: events ``imported``, numbered from here on."""
    trials.log.write(*events)
    for event in events:
        if trials.pruner is not None:
            learn_imported(trials.pruner, event, trials.objectives)


def run_again(trials: TrialSteps, events: Sequence[Retried]) -> None:
    """Queue ended trials once more: events ``retried``."""
    if not events:
        return
    trials.log.write(*events)
    store, name = trials.log.store, trials.log.name
    reasons = {event.trial: event.reason for event in events}
    for pending in store.pending(name):
        if pending.number in reasons:
            trials.waiting.append(pending)
            if trials.observers:
                trials.notify(
                    "hpo_trial_requeued", trial=store.trial(name, pending.number),
                    reason=reasons[pending.number], kind="retry",
                )  # fmt: skip


def adopt(trials: TrialSteps, pending: Sequence[Pending], runner: str) -> None:
    """Queue the trials that another driver has left; those that ran have lost it.

    One that takes down one driver after another fails.
    """
    for trial in pending:
        if trial.state is TrialState.WAITING:
            trials.waiting.append(trial)
        elif runner == "inline" and trial.losses + 1 >= MOST_LOSSES:
            error = (
                f"the driver's process ended {trial.losses + 1} times while this trial ran in it; "
                "run the study with the runner 'processes' to isolate its trials"
            )
            running = started_again(trial, trials.log, trials.objectives.sign)
            trials.running[trial.number] = running
            trials.end(running, Outcome.failed(error, retriable=False))
            log.warning("study %r: trial %d failed: %s", trials.log.name, trial.number, error)
        else:
            _queue_lost(trials, trial)


def _queue_lost(trials: TrialSteps, trial: Pending) -> None:
    reason = "its driver ended while it was running"
    trials.log.write(Requeued(trial.number, reason, "lost"))
    if trials.observers:
        record = TrialRecord(
            trial.number, TrialState.WAITING, trial.params, None, trial.backend, None,
            attempts=trial.attempts,
        )  # fmt: skip
        trials.notify("hpo_trial_requeued", trial=record, reason=reason, kind="lost")
    trials.waiting.append(replace(trial, state=TrialState.WAITING, losses=trial.losses + 1))
