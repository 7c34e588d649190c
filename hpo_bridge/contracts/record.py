"""A study's record of its trials: states, outcomes, and what a store keeps of each trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..errors import HpoBridgeError, short
from .formatting import format_component, format_duration, format_mapping, html_table
from .gradients import Slope


class Direction(str, Enum):
    """The direction in which an objective's values improve."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    @property
    def sign(self) -> float:
        """The factor that turns a value into a loss: 1.0 or -1.0."""
        return 1.0 if self is Direction.MINIMIZE else -1.0


class TrialState(str, Enum):
    """The state of a trial.

    ``WAITING`` (asked for or enqueued, not begun) and ``RUNNING`` can still change; the
    other three are final.
    """

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        """True if a trial in this state can no longer change."""
        return self not in (TrialState.WAITING, TrialState.RUNNING)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a trial's parameters while it ran, by population based training.

    Attributes:
        step: The last step reported before, or ``None``.
        params: The parameters until then.
        source: The trial whose checkpoint it took over, or ``None``.
    """

    step: int | None
    params: Mapping[str, Any]
    source: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class TrialRecord:
    """One trial as the store has it.

    Attributes:
        number: Position in the study, from 0, without gaps.
        state: Where the trial stands.
        params: The active parameters and the constants, as declared; the last ones, if they
            changed while it ran.
        values: Objective name to number for a complete trial, else ``None``.
        backend: Name of the backend that proposed it; ``None`` for an enqueued point.
        started: Begin of the last attempt, seconds since the epoch, or ``None``.
        finished: End of the last attempt, seconds since the epoch, or ``None``.
        error: Why it failed, or ``None``.
        reports: ``(step, value)`` in the order in which they came, each step once, over all
            attempts: one that has loaded a checkpoint goes on from those before it.
        attempts: How often it was started.
        changes: The changes of its parameters while it ran, in order.
        gradients: Parameter name to the derivative of the value with respect to it, in natural
            units (a number, or one for each component of a vector), if the objective gave any.
        metrics: For each of ``reports`` what was measured besides: name to number, finite or
            not; empty where nothing was.
        standard_errors: Objective name to the standard error of its value, for a complete
            trial whose objective gave any (see :class:`hpo_bridge.Measured`), else ``None``.
        estimate: For a pruned trial, the value that the pruner expects it would have had, where
            it can say: backends are told of that. ``None`` for all others.
        reused: The earlier trial with the same parameters whose result it has, if it was not
            run for that reason (``duplicates: reuse``), else ``None``.
    """

    number: int
    state: TrialState
    params: Mapping[str, Any]
    values: Mapping[str, float] | None = None
    backend: str | None = None
    started: float | None = None
    finished: float | None = None
    error: str | None = None
    reports: tuple[tuple[int, float], ...] = ()
    attempts: int = 0
    changes: tuple[Change, ...] = ()
    gradients: Mapping[str, Slope] | None = None
    metrics: tuple[Mapping[str, float], ...] = ()
    standard_errors: Mapping[str, float] | None = None
    estimate: float | None = None
    reused: int | None = None

    @property
    def value(self) -> float | None:
        """The value of a study with a single objective; ``None`` unless complete.

        Raises:
            HpoBridgeError: With several objectives.
        """
        if self.values is None:
            return None
        if len(self.values) > 1:
            names = ", ".join(self.values)
            raise HpoBridgeError(
                f"trial {self.number} has several values ({names})", fix="see values"
            )
        (value,) = self.values.values()
        return value

    @property
    def seconds(self) -> float | None:
        """The duration of its last attempt; ``None`` before that has ended."""
        if self.started is None or self.finished is None:
            return None
        return self.finished - self.started

    def __repr__(self) -> str:
        parts = [f"number={self.number}", f"state={self.state.value}"]
        if self.values is not None:
            single = tuple(self.values) == ("value",)
            values = repr(self.values["value"]) if single else format_mapping(self.values)
            parts.append(f"{'value' if single else 'values'}={values}")
        parts.append(f"params={format_mapping(self.params)}")
        if self.seconds is not None:
            parts.append(f"seconds={self.seconds:.3g}")
        if self.reports:
            parts.append(f"reports={len(self.reports)}")
        if self.error is not None:
            parts.append(f"error={short(self.error)}")
        return f"TrialRecord({', '.join(parts)})"

    def _repr_html_(self) -> str:
        rows = [(name, f"{value!r}") for name, value in (self.values or {}).items()]
        rows += [(name, format_component(value)) for name, value in self.params.items()]
        if self.seconds is not None:
            rows.append(("time", format_duration(self.seconds)))
        if self.reports:
            rows.append(("reports", str(len(self.reports))))
        if self.error is not None:
            rows.append(("error", short(self.error)))
        return html_table(f"trial {self.number}: {self.state.value}", rows)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one attempt at a trial, before the study has judged its value.

    Attributes:
        state: ``COMPLETE``, ``PRUNED`` or ``FAILED``.
        result: What the objective returned, as plain data: a number, a mapping of numbers,
            or anything else, which the study will refuse with a reason. Complete only.
        error: The reason, for a failure.
        retriable: Whether another attempt could end otherwise (a crash, a timeout, an
            exception), as opposed to an answer that is wrong (NaN, a wrong name).
        gradients: Parameter name to the objective's derivative (a number, or one for each
            component), in natural units, if it gave them.
        ungraded: Whether it failed because there is no derivative to be had, and the backend
            needs one.
        standard_errors: The standard error of ``result``: a number, or a mapping of numbers, if
            the objective gave it. Complete only.
    """

    state: TrialState
    result: Any = None
    error: str | None = None
    retriable: bool = False
    gradients: Mapping[str, Slope] | None = None
    ungraded: bool = False
    standard_errors: Any = None

    @classmethod
    def failed(cls, error: str, *, retriable: bool = True, ungraded: bool = False) -> Outcome:
        """A failed attempt with its reason."""
        return cls(TrialState.FAILED, error=error, retriable=retriable, ungraded=ungraded)
