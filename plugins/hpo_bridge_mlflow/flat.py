"""All trials in the study's run: metrics by step, a step being a trial's number.

For studies of thousands of short trials, for which a run each would cost more than the trial.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from hpo_bridge.contracts.record import Change, TrialRecord

from .names import milliseconds, numbers
from .study_run import StudyRun

SEND_EVERY = 5.0
"""Most seconds between two calls, as long as trials end."""


class Flat:
    """Writes trials into the study's run.

    Args:
        run: The study's run.
        ended: The trials that had ended before.
    """

    def __init__(self, run: StudyRun, ended: Iterable[TrialRecord]) -> None:
        self._run = run
        self._due = 0.0
        # Every trial has a number of attempts, so that this tells which are there.
        history = run.client.get_metric_history(run.id, run.metrics["attempts"])
        done = {point.step for point in history}
        for trial in ended:
            if trial.number not in done:
                self.finished(trial)

    def started(self, trial: TrialRecord) -> None:
        """Nothing to write."""

    def reported(
        self, trial: TrialRecord, step: int, value: float, metrics: Mapping[str, float]
    ) -> None:
        """Nothing to write: reports have steps of their own."""

    def changed(self, trial: TrialRecord, change: Change) -> None:
        """Nothing to write: the last parameters are."""

    def requeued(self, trial: TrialRecord, reason: str, kind: str) -> None:
        """Nothing to write: the attempts are counted."""

    def finished(self, trial: TrialRecord) -> None:
        """Writes a trial's values and the numbers among its parameters, soon."""
        run, end, step = self._run, milliseconds(trial.finished), trial.number
        for name, value in (trial.values or {}).items():
            run.writer.metric(run.metrics[name], value, end, step)
        for name, value in numbers(trial.params).items():
            run.writer.metric(run.metrics[f"param/{name}"], value, end, step)
        if trial.started is not None and trial.finished is not None:
            seconds = trial.finished - trial.started
            run.writer.metric(run.metrics["seconds"], seconds, end, step)
        run.writer.metric(run.metrics["attempts"], trial.attempts, end, step)
        run.count(trial)
        now = time.monotonic()
        if now >= self._due or run.writer.waiting >= 500:
            self._due = now + SEND_EVERY
            run.writer.send()

    def close(self) -> None:
        """Nothing but the study's run has to be sent."""
