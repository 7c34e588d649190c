"""The one place that says what a trial is now: the events of its study, applied in order.

The store in memory is such a table; one in a database writes the rows that changed in it; a
driver has one of the trials that its backend has not been told of, and resuming fills that from
the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contracts.record import Change, TrialRecord, TrialState
from .contract import Pending, metrics_of
from .event_parts import Event, Numbers, Params, Slopes
from .event_types import (
    Asked,
    Changed,
    Enqueued,
    Finished,
    Imported,
    Reported,
    Requeued,
    Resampled,
    Retried,
    Started,
    Withdrawn,
)
from .study_events import SessionStarted, SpaceChanged

RUNNING, WAITING = TrialState.RUNNING, TrialState.WAITING


@dataclass(slots=True)
class TrialRow:
    """A trial as it is now.

    Attributes:
        raw: See :class:`~hpo_bridge.store.contract.Pending`; ``None`` once the trial has ended,
            as ``token``.
        metrics: Position of a report to what was measured besides, for those that have any.
        failures: See :class:`~hpo_bridge.store.contract.Pending`, as for ``losses``.

    All others are those of :class:`~hpo_bridge.contracts.record.TrialRecord`.
    """

    number: int
    params: Params
    raw: Params | None = None
    token: Any = None
    backend: str | None = None
    state: TrialState = WAITING
    values: Numbers | None = None
    started: float | None = None
    finished: float | None = None
    error: str | None = None
    reports: Sequence[tuple[int, float]] = ()
    metrics: dict[int, Numbers] | None = None
    changes: tuple[Change, ...] = ()
    gradients: Slopes | None = None
    standard_errors: Numbers | None = None
    estimate: float | None = None
    reused: int | None = None
    attempts: int = 0
    failures: int = 0
    losses: int = 0

    def record(self) -> TrialRecord:
        """Return the trial for readers."""
        return TrialRecord(
            self.number, self.state, self.params, self.values, self.backend, self.started,
            self.finished, self.error, tuple(self.reports), self.attempts, self.changes,
            self.gradients, metrics_of(len(self.reports), self.metrics), self.standard_errors,
            self.estimate, self.reused,
        )  # fmt: skip

    def pending(self) -> Pending:
        """Return the trial for a driver that goes on with it."""
        return Pending(
            self.number, self.state, self.params, self.raw, self.token, self.backend,
            self.attempts, self.failures, self.losses,
        )  # fmt: skip


class TrialTable:
    """Trials by number, and what else a log says of its study.

    Attributes:
        rows: The trials.
        counts: Number of trials by state, those included whose rows were taken out.
        created: Number of all these trials.
        backend: The backend of the last session.
        definition: The study's definition, once another space has changed it.
        resampled: The number of suggestions that repeated a trial, and were not made one.
    """

    def __init__(self) -> None:
        self.rows: dict[int, TrialRow] = {}
        self.counts, self.created = dict.fromkeys(TrialState, 0), 0
        self.backend: str | None = None
        self.definition: Mapping[str, Any] | None = None
        self.resampled = 0

    def _create(self, row: TrialRow) -> None:
        self.rows[row.number] = row
        self.counts[row.state] += 1
        self.created += 1

    def _enter(self, row: TrialRow, state: TrialState) -> None:
        self.counts[row.state] -= 1
        self.counts[state] += 1
        row.state = state

    def apply(self, event: Event) -> None:
        """Follow one event of the log.

        Raises:
            KeyError: If it changes a trial that is not in the table, which stays as it is.
        """
        match event:
            case Asked():
                for point in event.trials:
                    assert point.number is not None
                    backend = point.member or event.backend
                    self._create(
                        TrialRow(point.number, point.params, point.raw, point.token, backend)
                    )
            case Started():
                row = self.rows[event.trial]
                self._enter(row, RUNNING)
                row.started, row.finished = event.time, None
                row.attempts += 1
            case Reported():
                _add_report(self.rows[event.trial], event)
            case Finished():
                row = self.rows[event.trial]
                self._enter(row, event.state)
                _finish(row, event, event.time)
            case Withdrawn():
                _withdraw(self.rows[event.trial], event.reports)
            case Changed():
                row, change = (
                    self.rows[event.trial],
                    Change(event.step, event.before, event.source),
                )
                row.changes, row.params = (*row.changes, change), event.params
            case Requeued():
                row = self.rows[event.trial]
                self._enter(row, WAITING)
                row.failures += event.cause == "failure"
                row.losses += event.cause == "lost"
            case Retried():
                row = self.rows[event.trial]
                self._enter(row, WAITING)
                row.finished, row.error, row.failures, row.losses = None, None, 0, 0
            case Enqueued():
                self._create(TrialRow(event.trial, event.params))
            case Imported():
                self._create(_imported(event))
            case Resampled():
                self.resampled += 1
            case SessionStarted():
                self.backend = event.backend
            case SpaceChanged():
                self.definition = event.definition


def _add_report(row: TrialRow, event: Reported) -> None:
    if event.metrics is not None:
        row.metrics = row.metrics or {}
        row.metrics[len(row.reports)] = event.metrics
    if not isinstance(row.reports, list):
        row.reports = list(row.reports)
    row.reports.append((event.step, event.value))


def _withdraw(row: TrialRow, kept: int) -> None:
    row.reports = row.reports[:kept]
    row.metrics = {at: m for at, m in (row.metrics or {}).items() if at < kept}


def _finish(row: TrialRow, end: Finished | Imported, time: float | None) -> None:
    row.finished, row.error = time, end.error
    row.values, row.gradients, row.standard_errors = end.values, end.gradients, end.standard_errors
    row.estimate, row.raw, row.token = end.estimate, None, None
    row.reused = end.reused if isinstance(end, Finished) else None
    row.reports = tuple(row.reports)  # which the garbage collector need not look through again


def _imported(event: Imported) -> TrialRow:
    row = TrialRow(
        event.trial, event.params, backend=event.backend, state=event.state, started=event.started,
        reports=event.reports, metrics=dict(enumerate(event.metrics)) or None,
        changes=event.changes, attempts=event.attempts,
    )  # fmt: skip
    _finish(row, event, event.finished)
    return row
