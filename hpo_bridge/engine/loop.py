"""The life of a trial, from the optimizer's proposal to the result that it is told."""

from __future__ import annotations

from ..contracts.record import TrialState
from .running_trial import Life, Report
from .trial_steps import TrialSteps


def trial_life(study: TrialSteps) -> Life:
    """Take one trial through its life.

    It rests at each ``yield``, while a runner evaluates the trial wherever it likes; what the
    runner then sends is what the trial reports, or how it ended. A trial whose attempt is cut
    short goes no further: its next attempt is another life.

    Args:
        study: Does each step.

    Returns:
        The trial's state after it; ``None`` if it was not run.
    """
    trial, asked = study.propose()  # ask: a trial that waits, else the optimizer's next proposal
    running = study.start(trial, asked)  # start: in the log before it runs
    if running is None:
        return None
    message = yield running  # run
    while isinstance(message, Report):  # report
        study.keep_report(running, message)
        message = yield running
    outcome = study.judge(running, message)  # finish
    if study.may_retry(running, outcome):
        study.requeue(running, outcome.error or "", "failure")
        return TrialState.WAITING
    study.end(
        running, outcome
    )  # tell: before it is asked again, the optimizer is told from the log
    return outcome.state
