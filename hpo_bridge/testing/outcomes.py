"""What becomes of the trials of a check: a function of the point and its number alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..optimizer import Observation, Suggestion
from ..space import Categorical, Space
from ..trial import TrialState

Judge = Callable[[int, Suggestion], Observation]
"""From a suggestion and its number, from 0, to what became of it."""
Loss = Callable[[Mapping[str, Any]], float]


def distance(space: Space, target: float | Mapping[str, float] | None = None) -> Loss:
    """A loss in ``[0, 1]``: the mean squared distance from a target in the unit cube.

    A choice without order is right or wrong, which counts 0 or 0.25.

    Args:
        space: The space as the adapter sees it.
        target: Where the minimum is: one number for all, or name to number; by default
            another place for each parameter, away from middle and ends.
    """
    if target is None:
        places = {name: 0.15 + 0.37 * i % 0.7 for i, name in enumerate(space)}
    elif isinstance(target, Mapping):
        places = dict(target)
    else:
        places = dict.fromkeys(space, target)

    def loss(params: Mapping[str, Any]) -> float:
        total = 0.0
        for name, value in params.items():
            parameter, place = space[name], places[name]
            if isinstance(parameter, Categorical) and not parameter.ordered:
                total += 0.0 if value == parameter.decode(place) else 0.25
            else:
                total += (parameter.encode(value) - place) ** 2
        return total / max(1, len(params))

    return loss


def complete(loss: Loss, n_objectives: int = 1) -> Judge:
    """Every trial ends well; further objectives pull elsewhere."""

    def judge(number: int, suggestion: Suggestion) -> Observation:
        value = loss(suggestion.params)
        losses = tuple([value, 1.0 - value, (value * 7.0) % 1.0][:n_objectives])
        return Observation(suggestion.params, losses, suggestion.token)

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


def mixed(loss: Loss, n_objectives: int = 1) -> Judge:
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
