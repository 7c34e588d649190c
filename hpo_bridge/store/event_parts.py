"""The parts of events, and what all kinds of events have in common."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..contracts.gradients import Slope
from ..contracts.record import TrialState

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
        member: The backend that a composite has it from, by name.
    """

    params: Params
    raw: Params | None = None
    token: Any = None
    number: int | None = None
    member: str | None = None


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
