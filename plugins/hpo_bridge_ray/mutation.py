"""Mutations of a trial's parameters by population based training, within the study's space."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from hpo_bridge.errors import InvalidOptions, nearest
from hpo_bridge.space import Categorical, Float, Int, Parameter, Space

_TRIES = 100  # points that constraints may forbid before the parameters stay as they are


def mutable(space: Space, names: Sequence[str] | None, option: str) -> tuple[str, ...]:
    """The parameters that may change while a trial runs.

    Args:
        space: The study's.
        names: Their names; ``None`` for all floats, which change no network's shape.
        option: Where the names were given.

    Raises:
        InvalidOptions: If there is none, or one is no parameter or decides which others exist.
    """
    parents = {parent for conditions in space.conditions.values() for parent in conditions}
    if names is None:
        names = [n for n, p in space.items() if isinstance(p, Float) and n not in parents]
    for name in names:
        if name not in space:
            raise InvalidOptions(f"{name!r} is no parameter{nearest(name, list(space))}", option)
        if name in parents:
            raise InvalidOptions(
                f"{name!r} cannot change while a trial runs: other parameters depend on it", option
            )
    if not names:
        raise InvalidOptions(
            "the space has no float",
            option,
            fix="name the parameters that may change while a trial runs",
        )
    return tuple(names)


def perturbed(
    space: Space,
    params: Mapping[str, Any],
    names: Sequence[str],
    resample: float,
    factors: Sequence[float],
    rng: random.Random,
) -> dict[str, Any]:
    """A point near ``params``, by the rules of Tune's ``PopulationBasedTraining``.

    Each parameter is drawn anew with probability ``resample``, by the law of the space. Else
    a number is multiplied by one of ``factors``, and brought back to its bounds and its grid,
    and of a list of choices the neighbour is taken. Constraints hold: where no allowed
    point is found in 100 draws, it is ``params`` itself.

    >>> space = Space(lr=Float(0.001, 0.1, log=True))
    >>> perturbed(space, {"lr": 0.05}, ["lr"], 0.0, [4.0], random.Random(0))
    {'lr': 0.1}
    """
    for _ in range(_TRIES):
        point = dict(params)
        for name in names:
            if name in params:  # else it is inactive
                parameter = space[name]
                if rng.random() < resample:
                    point[name] = parameter.decode(rng.random())
                else:
                    point[name] = _moved(parameter, params[name], factors, rng)
        if space.violated(point) is None:
            return point
    return dict(params)


def _moved(parameter: Parameter, value: Any, factors: Sequence[float], rng: random.Random) -> Any:
    if isinstance(parameter, Categorical):
        index = parameter.index(value) + rng.choice([-1, 1])
        return parameter.grid(min(max(index, 0), parameter.size - 1))
    return closest(parameter, value * rng.choice(factors))


def closest(parameter: Float | Int, value: float) -> Any:
    """The parameter's own value that is nearest to any number.

    >>> closest(Int(16, 64, step=16), 39.9), closest(Float(0, 1), 3.0)
    (32, 1.0)
    """
    value = min(max(value, parameter.low), parameter.high)
    step = parameter.step or (1 if isinstance(parameter, Int) else None)
    if step is None:
        return value
    return parameter.grid(round((value - parameter.low) / step))
