"""The outcomes of a check's trials: a function of the point and its number alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..contracts.gradients import Slope
from ..contracts.optimizer import Observation, Suggestion
from ..contracts.record import TrialState
from ..space import Categorical, Float, Space

Judge = Callable[[int, Suggestion], Observation]
"""From a suggestion and its number, from 0, to what became of it."""


class Distance:
    """A loss in ``[0, 1]``: the mean squared distance from a target in the unit cube.

    A choice without order is right or wrong, which counts 0 or 0.25.

    Args:
        space: The space as the adapter sees it.
        target: Where the minimum is: one number for all, or name to number; by default
            another place for each parameter, away from middle and ends.
    """

    def __init__(self, space: Space, target: float | Mapping[str, float] | None = None) -> None:
        self._space = space
        if target is None:
            self._places = {name: 0.15 + 0.37 * i % 0.7 for i, name in enumerate(space)}
        elif isinstance(target, Mapping):
            self._places = dict(target)
        else:
            self._places = dict.fromkeys(space, target)

    def __call__(self, params: Mapping[str, Any]) -> float:
        """The loss at a point."""
        total = 0.0
        for name, value in params.items():
            parameter, place = self._space[name], self._places[name]
            if isinstance(parameter, Categorical) and not parameter.ordered:
                total += 0.0 if value == parameter.decode(place) else 0.25
            else:
                units = _as_list(parameter.encode(value))
                total += sum((u - place) ** 2 for u in units) / len(units)
        return total / max(1, len(params))

    def gradients(self, params: Mapping[str, Any]) -> dict[str, Slope]:
        """The derivatives at a point with respect to the continuous parameters."""
        slopes: dict[str, Slope] = {}
        for name, value in params.items():
            parameter = self._space[name]
            if isinstance(parameter, Float) and parameter.size is None:
                pairs = zip(
                    _as_list(parameter.encode(value)),
                    _as_list(parameter.derivative(value)),
                    strict=True,
                )
                count = len(params) * parameter.dimension
                slope = [2 * (u - self._places[name]) / count / rate for u, rate in pairs]
                slopes[name] = slope[0] if parameter.shape is None else slope
        return slopes


def _as_list(value: Any) -> list[float]:
    return value if isinstance(value, list) else [value]


distance = Distance


def complete(loss: Distance, n_objectives: int = 1) -> Judge:
    """Every trial ends well, with its derivatives; further objectives pull elsewhere."""

    def judge(number: int, suggestion: Suggestion) -> Observation:
        value = loss(suggestion.params)
        losses = tuple([value, 1.0 - value, (value * 7.0) % 1.0][:n_objectives])
        slopes = loss.gradients(suggestion.params) if n_objectives == 1 else None
        return Observation(suggestion.params, losses, suggestion.token, gradients=slopes)

    return judge


def failed(suggestion: Suggestion) -> Observation:
    """A trial that failed."""
    return Observation(suggestion.params, None, suggestion.token, TrialState.FAILED)


def infeasible(suggestion: Suggestion) -> Observation:
    """A point that a constraint forbids."""
    state = TrialState.FAILED
    return Observation(suggestion.params, None, suggestion.token, state, infeasible=True)


def pruned(suggestion: Suggestion, *reports: float) -> Observation:
    """A trial that was stopped after these losses, at steps 1, 2 and so on."""
    steps = tuple(enumerate(reports, 1))
    return Observation(suggestion.params, None, suggestion.token, TrialState.PRUNED, steps)


def where(
    condition: Callable[[int], bool], so: Callable[[Suggestion], Observation], other: Judge
) -> Judge:
    """``so`` for the trials whose number meets the condition, ``other`` for the rest."""
    return lambda number, suggestion: (
        so(suggestion) if condition(number) else other(number, suggestion)
    )


def mixed(loss: Distance, n_objectives: int = 1) -> Judge:
    """A bit of everything: completed, failed, pruned with and without reports, infeasible."""
    good = complete(loss, n_objectives)

    def judge(number: int, suggestion: Suggestion) -> Observation:
        value = loss(suggestion.params)
        if number % 7 == 3:
            return failed(suggestion)
        if number % 5 == 4:
            return pruned(suggestion, *([value + 0.5, value + 0.1] if number % 2 else []))
        if number % 11 == 6:
            return infeasible(suggestion)
        return good(number, suggestion)

    return judge
