"""Objectives: what a study measures, which way, and what counts as a result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import HpoBridgeError, nearest, short
from .record import Direction, Outcome, TrialRecord, TrialState

SINGLE = "value"
"""The name of an objective that has none."""


class Objectives:
    """The objectives of a study, in order.

    Args:
        directions: Name to ``minimize`` or ``maximize``.
        alias: Another name of a single objective, by which a result may call it.

    Raises:
        HpoBridgeError: For another direction, or no objective.
    """

    def __init__(
        self, directions: Mapping[str, str | Direction], *, alias: str | None = None
    ) -> None:
        self._alias = alias
        if not isinstance(directions, Mapping):
            raise HpoBridgeError(
                f"found {short(directions)}, expected a mapping of names to directions",
                "directions",
            )
        if not directions:
            raise HpoBridgeError("found none, expected at least one objective", "directions")
        self.directions: dict[str, Direction] = {}
        for name, direction in directions.items():
            if not isinstance(name, str) or not name:
                raise HpoBridgeError(f"found the name {name!r}, expected a string", "directions")
            try:
                self.directions[name] = Direction(direction)
            except ValueError:
                known = [d.value for d in Direction]
                raise HpoBridgeError(
                    f"found {short(direction)}, expected minimize or maximize"
                    f"{nearest(str(direction), known)}",
                    "direction",
                ) from None
        self.signs = {name: d.sign for name, d in self.directions.items()}
        self.names = tuple(self.directions)
        self.sign = self.signs[self.names[0]]
        """The first objective's sign: reports are of that one."""

    def __len__(self) -> int:
        return len(self.names)

    def renamed(self, stored: Mapping[str, str]) -> Objectives:
        """The objectives by the names and in the order that a stored study has them.

        A single objective without a name is the stored one whatever that is called, and the
        reverse. Objectives that differ otherwise come back as they are.
        """
        theirs = Objectives(stored)
        if self.directions == theirs.directions:
            return self if self.names == theirs.names else theirs
        pair = (*self.names, *theirs.names)
        same = len(pair) == 2 and self.sign == theirs.sign and SINGLE in pair
        return Objectives(stored, alias=self.names[0]) if same else self

    def _by_name(self, given: Any) -> Mapping[str, Any]:
        """Return the values given for the objectives, by name."""
        if not isinstance(given, Mapping):
            return {self.names[0]: given}
        if self._alias is None or set(given) != {self._alias}:
            return given
        return {self.names[0]: given[self._alias]}

    def judge(self, result: Any) -> tuple[dict[str, float] | None, str | None]:
        """The values that ``result`` gives, or the reason why it is not a result."""
        values = self._by_name(result)
        if not isinstance(result, Mapping) and len(self.names) > 1:
            names = ", ".join(self.names)
            return None, f"the objective returned {short(result)}, expected values for {names}"
        if set(values) != set(self.names):
            got, names = ", ".join(map(str, values)), ", ".join(self.names)
            if self.names == (SINGLE,):
                names = "a number; directions names the objectives of a study"
            return None, f"the objective returned values for {got or 'nothing'}, expected {names}"
        for name in self.names:
            value = values[name]
            if not _is_finite(value):
                what = f"{name} = {value}" if len(self.names) > 1 else short(value)
                return None, f"the objective returned {what}, expected a finite number"
        return {name: float(values[name]) for name in self.names}, None

    def judge_errors(self, given: Any) -> tuple[dict[str, float] | None, str | None]:
        """Standard errors by objective, or the reason why they are none.

        An objective may have none; without any, there is no mapping.
        """
        errors = self._by_name(given)
        if not isinstance(given, Mapping) and len(self.names) > 1:
            names = ", ".join(self.names)
            return None, f"the standard error is {short(given)}, expected one for each of {names}"
        for name, error in errors.items():
            if name not in self.names:
                names = ", ".join(self.names)
                return None, f"there is a standard error of {name}, expected names among {names}"
            if not _is_finite(error) or error < 0:
                return None, (
                    f"the standard error of {name} is {short(error)}, expected a finite number, "
                    "0 or more"
                )
        known = {name: float(errors[name]) for name in self.names if name in errors}
        return known or None, None

    def settle(self, outcome: Outcome) -> Outcome:
        """``outcome`` with its result judged: complete with values, or failed with a reason."""
        if outcome.state is not TrialState.COMPLETE:
            return outcome
        values, reason = self.judge(outcome.result)
        errors = None
        if reason is None and outcome.standard_errors is not None:
            errors, reason = self.judge_errors(outcome.standard_errors)
        if reason is not None:
            return Outcome.failed(reason, retriable=False)
        return Outcome(
            TrialState.COMPLETE, result=values, gradients=outcome.gradients, standard_errors=errors
        )

    def losses(self, values: Mapping[str, float] | None) -> tuple[float, ...] | None:
        """``values`` as losses, in order: all to be minimised."""
        if values is None:
            return None
        return tuple([sign * values[name] for name, sign in self.signs.items()])

    def first_loss(self, values: Mapping[str, float] | None) -> float | None:
        """Return the loss of the first objective, which pruners know, if there are values."""
        return None if values is None else self.sign * values[self.names[0]]

    def front(self, trials: Iterable[TrialRecord]) -> list[TrialRecord]:
        """The complete trials that no other dominates, by number; of equals all are kept."""
        points = [(t, losses) for t in trials if (losses := self.losses(t.values)) is not None]
        points.sort(key=lambda point: (point[1], point[0].number))
        front: list[tuple[TrialRecord, tuple[float, ...]]] = []
        for trial, losses in points:
            # Sorted by the first loss: a later point can never dominate an earlier one.
            if not any(_dominates(other, losses) for _, other in front):
                front.append((trial, losses))
        return sorted((trial for trial, _ in front), key=lambda trial: trial.number)


def _is_finite(value: Any) -> bool:
    try:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and math.isfinite(value)
    except OverflowError:  # an int beyond all floats
        return False


def _dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)
