"""The events of a study's log: one class for each kind.

A database has an event as its ``kind``, ``time`` and ``trial``, and the other fields as JSON
(see :mod:`.codec`); a field that has its default is left out there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..contracts.gradients import Slope
from ..contracts.record import Change, TrialState

Params = Mapping[str, Any]
Numbers = Mapping[str, float]
Slopes = Mapping[str, Slope]
Reports = tuple[tuple[int, float], ...]
"""``(step, value)``, in order."""


@dataclass(frozen=True, slots=True)
class ProposedPoint:
    """A suggestion of a backend.

    Attributes:
        params: The active parameters and the constants, as declared.
        raw: What the backend suggested where it does not follow from ``params`` (a flat
            backend's inactive parameters), else ``None``.
        token: The backend's token.
        number: The trial that it became; ``None`` if it became none.
    """

    params: Params
    raw: Params | None = None
    token: Any = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The part of a trial's end that backends are told of.

    Attributes:
        state: ``COMPLETE``, ``PRUNED`` or ``FAILED``.
        values: Objective to number, for a complete trial.
        gradients: Parameter to the derivative of the value, where the objective gave it.
        estimate: For a pruned trial, the value that its pruner expects it would have had.
        reports: The intermediate values, where they are not in the log.
    """

    state: TrialState
    values: Numbers | None = None
    gradients: Slopes | None = None
    estimate: float | None = None
    reports: Reports = ()


@dataclass(frozen=True, slots=True)
class AdoptedTrial:
    """A trial of an earlier study, in the words of the one that begins with it.

    Attributes:
        trial: Its number there.
        params: Its parameters here.
        result: The end of it.
    """

    trial: int
    params: Params
    result: TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the log.

    Attributes:
        kind: The name of the kind in a store.
        time: Seconds since the epoch.
        seq: The position in the log from 1, of an event read from a store.
    """

    kind: ClassVar[str]
    time: float = field(default_factory=time.time)
    seq: int = 0

    @property
    def numbers(self) -> tuple[int, ...]:
        """The trials that it changes or begins."""
        return ()


@dataclass(frozen=True, slots=True)
class TrialEvent(Event):
    """An event that changes one trial.

    Attributes:
        trial: The trial's number.
    """

    trial: int

    @property
    def numbers(self) -> tuple[int, ...]:
        """The trials that it changes or begins."""
        return (self.trial,)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """A driver begins, or the next backend of a schedule.

    Attributes:
        backend: The backend's name.
        options: Its options.
        seed: Its seed.
        library: The library behind it with its version, in words.
        runner: The runner's name.
        fresh: ``True`` where the backend begins anew.
        handover: ``ignore`` if the backend is told of no trial but its own, else ``tell``.
        phase: With a schedule, the backend's position in it, from 0.
        of: With a schedule, the number of its backends.
        since: With a schedule, the number of trials that had been proposed before.
        known: At a seam in deterministic order, the first trial that the backend is not told of
            at its beginning.
    """

    kind = "session"
    backend: str
    options: Mapping[str, Any]
    seed: int = 0
    library: Any = None
    runner: str = ""
    fresh: bool = False
    handover: str = "tell"
    phase: int | None = None
    of: int | None = None
    since: int | None = None
    known: int | None = None

    @property
    def proposer(self) -> dict[str, Any]:
        """The backend, its options and its handover."""
        return {"backend": self.backend, "options": self.options, "handover": self.handover}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(Event):
    """Trials of an earlier study, before the first session; they are no trials of this one.

    Attributes:
        place: The earlier study's position in the list of sources.
        source: The source: ``store study map values ignore``.
        trials: The trials, or some of them: a source may have several events.
        left: In the first event of a source, reason to the number of trials left out for it.
    """

    kind = "adopted"
    place: int
    source: Mapping[str, Any]
    trials: tuple[AdoptedTrial, ...]
    left: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceChanged(Event):
    """Another space from here on.

    Attributes:
        version: The number of the new space, from 2.
        before: The ``space`` and ``constraints`` until here.
        definition: The study's definition from here on.
        defaults: New parameter to its value in the trials before.
    """

    kind = "space"
    version: int
    before: Mapping[str, Any]
    definition: Mapping[str, Any]
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskEvent(Event):
    """One ask of the backend.

    Attributes:
        n: The number of suggestions asked for.
        backend: The backend's name.
        told: The trials that it was told of just before, in order.
        rejected: The number of suggestions that a constraint forbade.
        forbidden: These suggestions, for a backend with snapshots.
    """

    n: int
    backend: str
    told: tuple[int, ...]
    rejected: int
    forbidden: tuple[ProposedPoint, ...] = ()

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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutScored(Event):
    """A configuration was scored on the test set, or on the test part of an outer split.

    Attributes:
        trial: The trial that has the configuration; it does not change.
        params: The configuration.
        values: Name to score; ``None`` for one that was no finite number.
        rule: The rule that chose the trial; ``None`` if somebody named it.
        scored: The scoring function, in words: ``test.py:score``.
        trials: The number of trials that had ended by then.
        seconds: The time that scoring took.
    """

    kind = "tested"
    trial: int
    params: Params
    values: Mapping[str, float | None]
    rule: str | None
    scored: str
    trials: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitAssigned(Event):
    """The study tunes on one split of an outer cross-validation.

    Attributes:
        split: The number of the split, from 1.
        of: The number of splits.
        identity: A description of the split's data, to be compared.
    """

    kind = "outer"
    split: int
    of: int
    identity: Any


EVENT_TYPES: dict[str, type[Event]] = {
    each.kind: each
    for each in (
        SessionStarted, Adopted, SpaceChanged, Asked, Resampled, Enqueued, Imported, Started,
        Reported, Withdrawn, Changed, Finished, Requeued, Retried, HeldOutScored, SplitAssigned,
    )
}  # fmt: skip
"""Kind to class."""
