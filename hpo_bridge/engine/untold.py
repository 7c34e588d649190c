"""The trials that the backend at work has not been told of.

The same object follows the log while a study runs and while it is read back, so that both
come to the same state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.optimizer import Observation
from ..contracts.record import TrialRecord, TrialState
from ..store.codec import from_plain, to_plain
from ..store.event_parts import Event, ProposedPoint, TrialResult
from ..store.event_types import Asked, Enqueued, Finished, Imported, Resampled, Retried, Started
from ..store.study_events import Adopted
from ..store.trial_table import TrialRow, TrialTable
from .checked_optimizer import CheckedOptimizer
from .derivatives_given import loss_gradients
from .learning_curve import reports_until


@dataclass(frozen=True, slots=True)
class EndedTrial:
    """A point and its result, as a backend is told of them."""

    point: ProposedPoint
    result: TrialResult


def ended_trial(trial: TrialRecord | TrialRow, raw: Any = None, token: Any = None) -> EndedTrial:
    """Return a trial that has ended, as a backend is told of it.

    If other parameters took over while it ran, all that is known of those that were asked for
    are the reports until then: the backend is told of a trial that was pruned there.

    Args:
        trial: The trial.
        raw: See :class:`~hpo_bridge.store.event_parts.ProposedPoint`.
        token: See there; ``None`` if another backend proposed it, or none.
    """
    if not trial.changes:
        result = TrialResult(
            trial.state, trial.values, trial.gradients, trial.estimate, tuple(trial.reports)
        )
        return EndedTrial(ProposedPoint(trial.params, raw, token), result)
    first = trial.changes[0]
    reports = tuple(reports_until(trial.reports, first.step))
    result = TrialResult(TrialState.PRUNED, reports=reports)
    return EndedTrial(ProposedPoint(first.params, raw, token), result)


@dataclass(slots=True)
class UntoldTrial:
    """A trial that the backend has not been told of.

    Attributes:
        row: The trial as it is now.
        raw: See :class:`~hpo_bridge.store.event_parts.ProposedPoint`.
        token: See there; ``None`` if the backend at work did not propose it.
        repeats: ``raw`` and ``token`` of suggestions that repeat it: told of when it is.
    """

    row: TrialRow
    raw: Mapping[str, Any] | None = None
    token: Any = None
    repeats: list[tuple[Mapping[str, Any] | None, Any]] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """True if other parameters took over while it ran."""
        return bool(self.row.changes)

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters that were asked for."""
        row = self.row
        return row.changes[0].params if row.changes else row.params

    @property
    def backend(self) -> str | None:
        """The backend that proposed it."""
        return self.row.backend

    def ended(self) -> Iterator[EndedTrial]:
        """Yield it as the backend is told of it, once for each suggestion."""
        for raw, token in ((self.raw, self.token), *self.repeats):
            yield ended_trial(self.row, raw, token)


class UntoldTrials:
    """Trials asked for or enqueued, until the backend is told of them.

    Attributes:
        table: The rows of these trials, and the counts of all trials of the study.
        open: The trials by number.
        finished: The numbers of those that have ended, in the order of finishing.
        due: Suggestions that repeat a trial which the backend was told of already.
        adopted: Trials of earlier studies, until a backend is told of them.
        repeats: How many suggestions in a row were there already.
    """

    def __init__(self) -> None:
        self.table = TrialTable()
        self.open: dict[int, UntoldTrial] = {}
        self.finished: dict[int, None] = {}
        self.due: list[EndedTrial] = []
        self.adopted: list[EndedTrial] = []
        self.repeats = 0

    def add(self, row: TrialRow, raw: Any = None, token: Any = None) -> None:
        """Add a trial."""
        self.table.rows[row.number] = row
        self.open[row.number] = UntoldTrial(row, raw, token)

    def apply(self, event: Event) -> None:
        """Follow one event of the log."""
        if isinstance(event, Retried):
            self._reopen(event)
        self.table.apply(event)
        match event:
            case Asked():
                for point in event.trials:
                    assert point.number is not None
                    self.add(self.table.rows[point.number], point.raw, point.token)
            case Started():
                self.repeats = 0
            case Finished():
                self.finished[event.trial] = None
                self.repeats = 0 if event.reused is None else self.repeats + 1
            case Enqueued():
                self.add(self.table.rows[event.trial])
            case Imported():
                self.add(self.table.rows[event.trial])
                self.finished[event.trial] = None
            case Resampled():
                self._repeat(event)
            case Adopted():
                self.adopted += adopted_trials(event)

    def _reopen(self, event: Retried) -> None:
        """Wait for another result of a failed trial.

        A backend that was told of the failure is told of the new result as of a foreign point.
        """
        if self.finished.pop(event.trial, True) is not None:
            failed = TrialState.FAILED
            self.add(TrialRow(event.trial, event.params, backend=event.backend, state=failed))

    def _repeat(self, event: Resampled) -> None:
        """Keep a suggestion that repeats a trial: the backend is told that trial's result."""
        self.repeats += 1
        if event.result is None:
            self.open[event.of].repeats.append((event.point.raw, event.point.token))
        else:
            self.due.append(EndedTrial(event.point, event.result))

    def take(self, numbers: Iterable[int]) -> list[EndedTrial]:
        """Remove finished trials, and what repeats them, to be told in this order."""
        taken, self.due = self.due, []
        for number in numbers:
            del self.finished[number], self.table.rows[number]
            taken += self.open.pop(number).ended()
        return taken

    def hand_over(self, known: int | None = None) -> list[EndedTrial]:
        """Remove what a backend that takes over here is told of, by number.

        The trials that are left lose their tokens: they belong to a backend of the past.

        Args:
            known: The first trial that it is not to know yet; ``None``: it knows all that have
                ended.
        """
        self.due, self.repeats = [], 0
        for trial in self.open.values():
            trial.token, trial.raw, trial.repeats = None, None, []
        earlier, self.adopted = self.adopted, []
        return earlier + self.take(sorted(n for n in self.finished if known is None or n < known))

    def to_plain(self) -> dict[str, Any]:
        """Return plain data, for a snapshot."""
        bare = [replace(each, row=replace(each.row, metrics=None)) for each in self.open.values()]
        return {
            "open": [to_plain(trial) for trial in bare], "finished": list(self.finished),
            "due": [to_plain(each) for each in self.due], "repeats": self.repeats,
        }  # fmt: skip

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> UntoldTrials:
        """Return the trials of a snapshot."""
        untold = cls()
        for each in plain["open"]:
            trial = from_plain(UntoldTrial, each)
            untold.add(trial.row)
            untold.open[trial.row.number] = trial
        untold.finished = dict.fromkeys(plain["finished"])
        untold.due = [from_plain(EndedTrial, each) for each in plain["due"]]
        untold.repeats = plain["repeats"]
        return untold


def adopted_trials(event: Adopted) -> list[EndedTrial]:
    """Return the trials of earlier studies as a backend is told of them."""
    return [EndedTrial(ProposedPoint(each.params), each.result) for each in event.trials]


def observations(
    trials: Sequence[EndedTrial], optimizer: CheckedOptimizer, objectives: Objectives
) -> list[Observation]:
    """Return the observations of trials that have ended."""
    return [observation(trial, optimizer, objectives) for trial in trials]


def observation(
    trial: EndedTrial, optimizer: CheckedOptimizer, objectives: Objectives
) -> Observation:
    """Return what the backend is told of a trial that has ended.

    A trial that was pruned with an estimate is told as complete, with that as its loss: the mean
    of the folds that it had is not to be compared with the mean of others. A backend that needs
    derivatives is told that it was pruned, as there are none of an estimate.
    """
    point, result = trial.point, trial.result
    sign = objectives.sign
    estimate = None if optimizer.differentiation.wanted else result.estimate
    known = {objectives.names[0]: estimate} if estimate is not None else result.values
    return Observation(
        params=point.raw if point.raw is not None else optimizer.encode(point.params),
        losses=objectives.losses(known),
        token=point.token,
        state=TrialState.COMPLETE if estimate is not None else result.state,
        reports=tuple((step, sign * value) for step, value in sorted(result.reports)),
        gradients=loss_gradients(result.gradients, sign) if len(objectives) == 1 else None,
    )
