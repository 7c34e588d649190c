"""From a source's words to a study's: names, values, objectives, and what does not fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.format import History, ImportedTrial, Position, Text
from ..contracts.record import Change, Direction, TrialState
from ..contracts.trial import as_number
from ..errors import HistoryError, SpaceError, nearest, short
from ..space import Categorical, Float, Int, Space
from ..space.values import NOT_A_CHOICE
from ..store.event_parts import Reports
from .cells import parse_cell
from .name_mapping import NameMapping

IMPORTED = "imported:"
"""What the ``backend`` of an imported trial begins with: no backend's name has a colon."""


class UnmappableTrial(Exception):
    """A trial that cannot be taken: the reason it is counted under, and the details."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


class TrialMapper:
    """Makes the fields of ``Imported`` events out of a source's trials.

    Args:
        space: The study's space.
        objectives: What the study measures.
        names: What the source calls what.
        history: The source.
        kind: The format's name.
        drop_inactive: See :class:`hpo_bridge.history.importing.ImportOptions`.

    Raises:
        HistoryError: If an objective is not there, or has another direction.
    """

    def __init__(
        self, space: Space, objectives: Objectives, names: NameMapping, history: History,
        kind: str, *, drop_inactive: bool,
    ) -> None:  # fmt: skip
        self._space, self._objectives, self._names, self._kind = space, objectives, names, kind
        self._drop_inactive = drop_inactive
        self._codes: dict[str, None] = {}
        self._measured = _match_objectives(objectives, names, history)
        self._sign = next(iter(self._measured.values()))[1]

    @property
    def notes(self) -> list[str]:
        """Notes on the trials mapped so far, a line each."""
        if not self._codes:
            return []
        return [
            f"{', '.join(self._codes)}: integers taken as they are; where they are positions of "
            "choices, declare a categorical parameter with the choices in that order"
        ]

    def map(self, past: ImportedTrial) -> dict[str, Any]:
        """The fields of the event; all in the study's own words.

        Raises:
            Unfit: If the trial cannot be taken.
        """
        if not past.state.is_final:
            raise UnmappableTrial(f"{past.state.value.lower()} there", "has not ended")
        params = self._params(past.params)
        state, values, error = self._result(past)
        reports, metrics = _keep_reports(past.reports, past.metrics, self._sign)
        data: dict[str, Any] = {
            "state": state, "params": params, "values": values, "error": error,
            "backend": IMPORTED + (past.backend or self._kind).removeprefix(IMPORTED),
            "started": _moment(past.started), "finished": _moment(past.finished),
            "attempts": past.attempts, "reports": reports,
        }  # fmt: skip
        return data | self._optional_fields(past, state, params, metrics)

    def _params(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """A point of the space."""
        given: dict[str, Any] = {}
        for source, value in found.items():
            name = self._names.param(source)
            if name:
                given[name] = value
        for name, source in ((self._names.param(source), source) for source in found):
            if name and name not in self._space and name not in self._space.constants:
                raise UnmappableTrial(
                    f"{source}: not a parameter of the study",
                    f"--map {source}=NAME says what it is there, --map {source}= leaves it out",
                )
        try:
            read = {name: self._value(name, value) for name, value in given.items()}
            if self._drop_inactive:
                read = self._active(read)
            return self._space.check(read)
        except SpaceError as error:
            where = error.path[0] if error.path else ""
            reason = f"{where}: {error.kind}" if where else error.kind
            raise UnmappableTrial(reason, str(error)) from None

    def _value(self, name: str, value: Any) -> Any:
        """Return the value that a source's value, text or position means."""
        known = self._space[name] if name in self._space else self._space.constants[name]
        try:
            if isinstance(value, Position):
                if isinstance(known, (Int, Float)) and type(value.number) is int:
                    self._codes[name] = None
                return _value_at(value.number, known)
            if isinstance(value, Text):
                return parse_cell(value.text, known)
        except SpaceError as error:
            raise error.under(name) from None
        return list(value) if isinstance(value, tuple) else value

    def _active(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Without the parameters of the space whose conditions do not hold."""
        kept: dict[str, Any] = {}
        for name, parameter in self._space.items():
            if name in params and self._space.is_active(name, kept):
                kept[name] = parameter.check(params[name])
        return kept | {n: v for n, v in params.items() if n not in self._space}

    def _result(
        self, past: ImportedTrial
    ) -> tuple[TrialState, dict[str, float] | None, str | None]:
        """State, values and error, as the study would judge them."""
        if past.state is not TrialState.COMPLETE:
            return past.state, None, past.error
        found = past.values or {}
        values: dict[str, float] = {}
        for name, (source, sign) in self._measured.items():
            if found.get(source) is None:
                raise UnmappableTrial(
                    "complete there, but without a value", f"no value of {source!r}"
                )
            try:
                values[name] = sign * as_number(found[source])
            except TypeError as error:
                raise UnmappableTrial("a value is no number", f"{source}: {error}") from None
        judged, reason = self._objectives.judge(values)
        if judged is None:
            return TrialState.FAILED, None, reason
        return TrialState.COMPLETE, judged, None

    def _optional_fields(
        self, past: ImportedTrial, state: TrialState, params: Mapping[str, Any],
        metrics: Sequence[Mapping[str, float]],
    ) -> dict[str, Any]:  # fmt: skip
        """Return the fields that only some trials have."""
        found: dict[str, Any] = {}
        if any(metrics):
            found["metrics"] = tuple(metrics)
        if past.changes:
            found["changes"] = tuple(map(self._change, past.changes))
        if past.gradients is not None and state is TrialState.COMPLETE:
            slopes = {self._names.param(n): self._slope(s) for n, s in past.gradients.items()}
            if set(slopes) <= set(params):
                found["gradients"] = slopes
        if past.standard_errors is not None and state is TrialState.COMPLETE:
            errors = past.standard_errors
            found["standard_errors"] = {
                name: errors[source] for name, (source, _) in self._measured.items()
                if source in errors
            }  # fmt: skip
        if past.estimate is not None and state is TrialState.PRUNED:
            found["estimate"] = self._sign * past.estimate
        return found

    def _change(self, change: Change) -> Change:
        return Change(change.step, self._params(change.params), change.source)

    def _slope(self, slope: Any) -> Any:
        if isinstance(slope, (list, tuple)):
            return [self._sign * each for each in slope]
        return self._sign * slope


def _match_objectives(
    objectives: Objectives, names: NameMapping, history: History
) -> dict[str, tuple[str, float]]:
    """Objective to what the source calls it, and the factor to its values."""
    found = dict(history.directions)
    there = ", ".join(found) or "none"
    measured: dict[str, tuple[str, float]] = {}
    for name, source in zip(objectives.names, names.objectives, strict=True):
        if source not in found and len(found) == len(objectives) == 1 and source == name:
            source = next(iter(found))
        if source not in found:
            raise HistoryError(
                f"the source has no objective {source!r}{nearest(source, list(found))}; it has "
                f"{there}; --map THEIRS={name} names the one that is meant"
            )
        flipped = source in names.negative
        way, own = found[source], objectives.directions[name]
        if way is not None and (way is own) is flipped:
            raise HistoryError(
                f"the source {_verb(way)} {source!r}, the study {_verb(own)} {name!r}; "
                f"--map {source}={'' if flipped else '-'}{name} takes "
                f"{'it as it is' if flipped else 'its negative'}"
            )
        measured[name] = (source, -1.0 if flipped else 1.0)
    return measured


def _verb(direction: Direction) -> str:
    return f"{direction.value}s"


def _value_at(number: Any, parameter: Any) -> Any:
    """The value of a number that is a position where there are choices."""
    if not isinstance(parameter, Categorical):
        return number
    position = int(number)
    if position != number or not 0 <= position < len(parameter.choices):
        raise SpaceError(
            f"{short(number)} is no position of the choices {short(list(parameter.choices))}",
            kind=NOT_A_CHOICE,
        )
    return parameter.grid(position)


def _keep_reports(
    reports: Sequence[tuple[int, float]], metrics: Sequence[Mapping[str, float]], sign: float
) -> tuple[Reports, list[Mapping[str, float]]]:
    """The reports that a study would have kept: finite ones, the first of each step."""
    steps: set[int] = set()
    kept: list[tuple[int, float]] = []
    besides: list[Mapping[str, float]] = []
    for position, (step, value) in enumerate(reports):
        if not math.isfinite(value) or step in steps:
            continue
        steps.add(step)
        kept.append((int(step), sign * float(value)))
        besides.append(metrics[position] if position < len(metrics) else {})
    return tuple(kept), besides


def _moment(time: float | None) -> float | None:
    return time if time is not None and math.isfinite(time) else None
