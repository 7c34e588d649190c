"""The events of a study's log: one class for each kind, here and in :mod:`.study_events`.

A database has an event as its ``kind``, ``time`` and ``trial``, and the other fields as JSON
(see :mod:`.codec`); a field that has its default is left out there.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..contracts.record import Change, TrialState
from .event_parts import (
    Event,
    Numbers,
    Params,
    ProposedPoint,
    Reports,
    Slopes,
    TrialEvent,
    TrialResult,
)
from .study_events import (
    Adopted,
    ComparisonJoined,
    HeldOutScored,
    SessionStarted,
    SpaceChanged,
    SplitAssigned,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskEvent(Event):
    """One ask of the backend.

    Attributes:
        n: The number of suggestions asked for.
        backend: The backend's name.
        told: The trials that it was told of just before, in order.
        rejected: The number of suggestions that a constraint forbade.
        forbidden: These suggestions, for a backend with snapshots.
        remarks: What the backend had to say after it.
        seconds: The time that the backend took for it, telling it included.
    """

    n: int
    backend: str
    told: tuple[int, ...]
    rejected: int
    forbidden: tuple[ProposedPoint, ...] = ()
    remarks: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def points(self) -> tuple[ProposedPoint, ...]:
        """The suggestions."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(AskEvent):
    """One ask of the backend, and the trials that it gave.

    Attributes:
        trials: The trials, by number.
    """

    kind = "asked"
    trials: tuple[ProposedPoint, ...]

    @property
    def points(self) -> tuple[ProposedPoint, ...]:
        """The suggestions."""
        return self.trials

    @property
    def numbers(self) -> tuple[int, ...]:
        """The trials that it changes or begins."""
        return tuple(point.number for point in self.trials if point.number is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampled(AskEvent):
    """One ask of the backend, whose suggestion repeats a trial and was not made one.

    Attributes:
        point: The suggestion.
        of: The trial that it repeats.
        result: The end of that trial if the backend had been told of it; ``None`` if it is told
            of both together, later.
    """

    kind = "resampled"
    point: ProposedPoint
    of: int
    result: TrialResult | None = None

    @property
    def points(self) -> tuple[ProposedPoint, ...]:
        """The suggestions."""
        return (self.point,)


@dataclass(frozen=True, slots=True)
class Enqueued(TrialEvent):
    """A new trial that no backend proposed.

    Attributes:
        params: Its parameters.
    """

    kind = "enqueued"
    params: Params


@dataclass(frozen=True, slots=True)
class Imported(TrialEvent):
    """A new trial, of another tool, as it ended there.

    Attributes:
        params: As in :class:`hpo_bridge.contracts.record.TrialRecord`, like all that follow.
        state: See there.
        backend: See there.
        source: The source, in words.
        values: See there.
        error: See there.
        started: See there.
        finished: See there.
        attempts: See there.
        reports: See there.
        metrics: See there; empty if no report has any.
        changes: See there.
        gradients: See there.
        standard_errors: See there.
        estimate: See there.
    """

    kind = "imported"
    params: Params
    state: TrialState
    backend: str
    source: str
    values: Numbers | None = None
    error: str | None = None
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    reports: Reports = ()
    metrics: tuple[Numbers, ...] = ()
    changes: tuple[Change, ...] = ()
    gradients: Slopes | None = None
    standard_errors: Numbers | None = None
    estimate: float | None = None


@dataclass(frozen=True, slots=True)
class Started(TrialEvent):
    """An attempt begins; the reports of earlier ones stay.

    Attributes:
        attempt: The attempt's number, from 1.
    """

    kind = "started"
    attempt: int


@dataclass(frozen=True, slots=True)
class Reported(TrialEvent):
    """An intermediate value.

    Attributes:
        step: The step.
        value: The value.
        metrics: Name to number, for what was measured besides.
    """

    kind = "reported"
    step: int
    value: float
    metrics: Numbers | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn(TrialEvent):
    """All reports but the first so many are taken back: another attempt makes them again.

    Attributes:
        reports: The number of reports that stay.
    """

    kind = "withdrawn"
    reports: int


@dataclass(frozen=True, slots=True)
class Changed(TrialEvent):
    """Other parameters from here on.

    Attributes:
        params: The new parameters.
        before: The parameters until here.
        step: The step reported last, or ``None``.
        source: The trial whose checkpoint is taken over, or ``None``.
    """

    kind = "changed"
    params: Params
    before: Params
    step: int | None
    source: int | None


@dataclass(frozen=True, slots=True)
class Finished(TrialEvent):
    """The end of a trial.

    Attributes:
        state: ``COMPLETE``, ``PRUNED`` or ``FAILED``.
        values: Objective to number, for a complete trial.
        error: The reason, for a failed one.
        gradients: Parameter to the derivative of the value, in the value's own direction: a
            number, or a list for a vector.
        standard_errors: Objective to the standard error of its value.
        estimate: For a pruned trial, the value that its pruner expects it would have had.
        reused: The trial whose result it has, if it was not run.
    """

    kind = "finished"
    state: TrialState
    values: Numbers | None = None
    error: str | None = None
    gradients: Slopes | None = None
    standard_errors: Numbers | None = None
    estimate: float | None = None
    reused: int | None = None


@dataclass(frozen=True, slots=True)
class Requeued(TrialEvent):
    """An attempt ended without result, and the trial waits again.

    Attributes:
        reason: The reason, in words.
        cause: ``failure`` (a retry), ``cut`` (interrupted on purpose) or ``lost`` (its driver
            died).
    """

    kind = "requeued"
    reason: str
    cause: str


@dataclass(frozen=True, slots=True)
class Retried(TrialEvent):
    """A trial that had failed for good waits again.

    Attributes:
        reason: The failure, in words.
        params: Its parameters.
        backend: The backend that proposed it, or ``None``.
    """

    kind = "retried"
    reason: str
    params: Params
    backend: str | None


EVENT_TYPES: dict[str, type[Event]] = {
    each.kind: each
    for each in (
        SessionStarted, Adopted, SpaceChanged, Asked, Resampled, Enqueued, Imported, Started,
        Reported, Withdrawn, Changed, Finished, Requeued, Retried, HeldOutScored, SplitAssigned,
        ComparisonJoined,
    )
}  # fmt: skip
"""Kind to class."""
