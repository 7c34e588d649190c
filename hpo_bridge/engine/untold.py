"""What a driver must remember of the log: the trials that the backend has not been told of.

The same object follows the log while a study runs and while it is read back, so that both
come to the same state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.optimizer import Observation
from ..contracts.record import TrialRecord, TrialState
from ..store.codec import from_plain, to_plain
from ..store.event_types import (
    Adopted,
    Asked,
    Changed,
    Enqueued,
    Event,
    Finished,
    Imported,
    Reported,
    Resampled,
    Retried,
    Started,
    TrialResult,
    Withdrawn,
)
from .checked_optimizer import CheckedOptimizer
from .derivatives_given import loss_gradients
from .learning_curve import reports_until


@dataclass(slots=True)
class Open:
    """A trial that the backend has not been told of.

    With ``changed`` other parameters took over while it ran: of those that were asked for, the
    reports until then are all that is known, and the backend is told of a trial that was pruned
    there.

    Attributes:
        params: The parameters that were asked for.
        raw: See :class:`~hpo_bridge.store.event_types.ProposedPoint`.
        token: See there.
        backend: The backend that proposed it, or ``None``.
        reports: ``(step, value)``, in order.
        result: The end of it, once there is one.
        changed: Whether other parameters took over.
        echoes: Suggestions that repeat it, as ``raw`` and ``token``: told of when it is.
    """

    params: Mapping[str, Any]
    raw: Mapping[str, Any] | None = None
    token: Any = None
    backend: str | None = None
    reports: list[tuple[int, float]] = field(default_factory=list)
    result: TrialResult | None = None
    changed: bool = False
    echoes: list[tuple[Mapping[str, Any] | None, Any]] = field(default_factory=list)


class Ledger:
    """Trials asked for or enqueued, until they are told."""

    def __init__(self) -> None:
        self.open: dict[int, Open] = {}
        self.finished: dict[int, None] = {}
        """Numbers of the open trials that have a result, in the order of finishing."""
        self.due: list[Open] = []
        """Suggestions that repeat a trial which the backend was told of already."""
        self.adopted: list[Open] = []
        """Trials of earlier studies, until a backend is told of them."""
        self.repeats = 0
        """How many suggestions in a row were there already."""

    def apply(self, event: Event) -> None:
        """Follows one event of the log."""
        match event:
            case Asked():
                for each in event.trials:
                    assert each.number is not None
                    self.open[each.number] = Open(each.params, each.raw, each.token, event.backend)
            case Resampled():
                self._echo(event)
            case Adopted():
                self.adopted += adopted(event)
            case Enqueued():
                self.open[event.trial] = Open(event.params)
            case Imported():
                self.open[event.trial] = _imported(event)
                self.finished[event.trial] = None
            case Started():
                self.repeats = 0
            case Finished():
                self.repeats = 0 if event.reused is None else self.repeats + 1
                self.open[event.trial].result = result_of(event)
                self.finished[event.trial] = None
            case Retried():
                self._reopen(event)
            case Changed():
                self.open[event.trial].changed = True
            case Withdrawn() if not self.open[event.trial].changed:
                del self.open[event.trial].reports[event.reports :]
            case Reported() if not self.open[event.trial].changed:
                self.open[event.trial].reports.append((event.step, event.value))

    def _reopen(self, event: Retried) -> None:
        """Waits for another result of a failed trial.

        A backend that was told of the failure is told of the new result as of a foreign point.
        """
        if self.finished.pop(event.trial, True) is None:
            self.open[event.trial].result = None
        else:
            self.open[event.trial] = Open(event.params, backend=event.backend)

    def _echo(self, event: Resampled) -> None:
        """Keeps a suggestion that repeats a trial: the backend is told that trial's result."""
        self.repeats += 1
        point, result = event.point, event.result
        if result is None:
            self.open[event.of].echoes.append((point.raw, point.token))
            return
        reports = list(result.reports)
        self.due.append(Open(point.params, point.raw, point.token, event.backend, reports, result))

    def take(self, numbers: Iterable[int]) -> list[tuple[int, Open]]:
        """Removes finished trials, and what repeats them, to be told in this order."""
        taken: list[tuple[int, Open]] = [(-1, echo) for echo in self.due]
        self.due = []
        for number in numbers:
            del self.finished[number]
            trial = self.open.pop(number)
            taken.append((number, trial))
            for raw, token in trial.echoes:
                taken.append((number, replace(trial, raw=raw, token=token, echoes=[])))
        return taken

    def hand_over(self, known: int | None = None) -> list[tuple[int, Open]]:
        """Removes what a backend that takes over here is told of, by number.

        The trials that are left lose their tokens: they belong to a backend of the past.

        Args:
            known: The first trial that it is not to know yet; ``None``: it knows all that have
                ended.
        """
        self.due, self.repeats = [], 0
        for trial in self.open.values():
            trial.token, trial.raw, trial.echoes = None, None, []
        earlier, self.adopted = [(-1, trial) for trial in self.adopted], []
        told = self.take(sorted(n for n in self.finished if known is None or n < known))
        return earlier + told

    def to_plain(self) -> dict[str, Any]:
        """Plain data, for a snapshot."""
        return {
            "open": [[number, to_plain(trial)] for number, trial in self.open.items()],
            "finished": list(self.finished), "due": [to_plain(echo) for echo in self.due],
            "repeats": self.repeats,
        }  # fmt: skip

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Ledger:
        """The ledger of a snapshot."""
        ledger = cls()
        ledger.open = {number: from_plain(Open, trial) for number, trial in plain["open"]}
        ledger.finished = dict.fromkeys(plain["finished"])
        ledger.due = [from_plain(Open, echo) for echo in plain["due"]]
        ledger.repeats = plain["repeats"]
        return ledger


def result_of(end: Finished | Imported | TrialRecord) -> TrialResult:
    """Return what a backend is told of the end of a trial, but for its reports."""
    return TrialResult(end.state, end.values, end.gradients, end.estimate)


def adopted(event: Adopted) -> list[Open]:
    """The trials of an event ``adopted``."""
    return [
        Open(each.params, reports=list(each.result.reports), result=each.result)
        for each in event.trials
    ]


def _imported(trial: Imported) -> Open:
    """A trial of another tool: one that no backend of ours proposed."""
    params, reports = trial.params, list(trial.reports)
    if trial.changes:
        first = trial.changes[0]
        params, reports = first.params, reports_until(reports, first.step)
    return Open(params, None, None, trial.backend, reports, result_of(trial), bool(trial.changes))


def observation(trial: Open, optimizer: CheckedOptimizer, objectives: Objectives) -> Observation:
    """What the backend is told of a finished trial.

    A trial that was pruned with an estimate is told as complete, with that as its loss: the mean
    of the folds that it had is not to be compared with the mean of others. A backend that needs
    derivatives is told that it was pruned, as there are none of an estimate.
    """
    result = TrialResult(TrialState.PRUNED) if trial.changed else trial.result
    assert result is not None
    sign = objectives.sign
    estimate = None if optimizer.differentiation.wanted else result.estimate
    known = {objectives.names[0]: estimate} if estimate is not None else result.values
    return Observation(
        params=trial.raw if trial.raw is not None else optimizer.encode(trial.params),
        losses=objectives.losses(known),
        token=trial.token,
        state=TrialState.COMPLETE if estimate is not None else result.state,
        reports=tuple((step, sign * value) for step, value in sorted(trial.reports)),
        gradients=loss_gradients(result.gradients, sign) if len(objectives) == 1 else None,
    )
