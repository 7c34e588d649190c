"""A trial that runs now."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..contracts.record import Outcome, TrialRecord, TrialState
from ..contracts.trial_output import OutputSink
from ..store import Pending
from ..store.contract import metrics_of
from .learning_curve import LearningCurve
from .study_log import StudyLog


@dataclass(frozen=True, slots=True)
class Report:
    """An intermediate value of a running trial.

    Attributes:
        step: Its step.
        value: The value, in the objective's own direction.
        metrics: Everything else that was measured at this step, if anything was.
    """

    step: int
    value: float
    metrics: Mapping[str, float] | None = None


Life = Generator["RunningTrial", Report | Outcome, TrialState | None]
"""A trial from its proposal to its end, see :func:`hpo_bridge.engine.loop.trial_life`."""


@dataclass(slots=True)
class RunningTrial:
    """A trial that runs now.

    Attributes:
        record: The trial as observers see it, without its reports.
        failures: Number of attempts that ended in a failure and were tried again.
        losses: Number of attempts that were lost with their driver.
        curve: The reports.
        prune: Whether it should be pruned.
        output: The sink of what the attempt prints, once it is asked for.
        life: The rest of its life.
    """

    record: TrialRecord
    failures: int
    losses: int
    curve: LearningCurve = field(default_factory=LearningCurve)
    prune: bool = False
    output: OutputSink | None = None
    life: Life | None = None

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.record.number

    def pending(self, raw: Any, token: Any, backend: str | None, *, failed: bool) -> Pending:
        """Return the trial as it waits for another attempt."""
        return Pending(
            self.record.number, TrialState.WAITING, self.record.params, raw, token, backend,
            self.record.attempts, self.failures + failed, self.losses,
        )  # fmt: skip

    def ended(
        self, outcome: Outcome, now: float, sign: float, estimate: float | None
    ) -> TrialRecord:
        """Return the record of its end."""
        reports = tuple((step, sign * loss) for step, loss in self.curve.reports)
        return replace(
            self.record, state=outcome.state, values=outcome.result, finished=now,
            error=outcome.error, reports=reports, gradients=outcome.gradients,
            metrics=metrics_of(len(reports), self.curve.metrics),
            standard_errors=outcome.standard_errors, estimate=estimate,
        )  # fmt: skip


def started_again(trial: Pending, log: StudyLog, sign: float) -> RunningTrial:
    """Return a trial that was started before, with the reports of its attempts."""
    stored = log.store.trial(log.name, trial.number)
    curve = LearningCurve.of(stored, sign)
    record = replace(stored, reports=(), metrics=())
    return RunningTrial(record, trial.failures, trial.losses, curve)
