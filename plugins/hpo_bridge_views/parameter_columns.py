"""The values of each parameter as coordinates, and how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.errors import SpaceError
from hpo_bridge.space import Categorical, Parameter, Space
from hpo_bridge.space.parameters import choice_key

from .gaussian_process import Array

_POSITIONS = 20  # of a parameter, from one end of its range to the other


@dataclass(frozen=True)
class Column:
    """The values of one parameter in the trials.

    Attributes:
        name: The parameter's name.
        values: Coordinates, a row per trial; NaN where it is inactive.
        positions: Coordinates that it is moved through.
        is_nominal: Whether they are positions of choices without an order.
        ends: Conditional parameter to a mask of the positions at which it is not active.
    """

    name: str
    values: Array
    positions: Array
    is_nominal: bool
    ends: Mapping[str, Any]

    @property
    def active(self) -> Any:
        """The trials in which it is active, as a mask."""
        return ~np.isnan(self.values[:, 0])

    def distances(self, left: Array, right: Array) -> Array:
        """Return squared distances; one that is inactive lies in the middle of all values."""
        if self.is_nominal:
            different = np.where(left != right.T, 0.5, 0.0)
            inactive = np.isnan(left).astype(int) + np.isnan(right).T
            return np.where(inactive == 1, 0.25, np.where(inactive == 2, 0.0, different))
        left, right = np.nan_to_num(left, nan=0.5), np.nan_to_num(right, nan=0.5)
        squares = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * left @ right.T
        return np.asarray(np.maximum(squares, 0.0) * (2.0 / left.shape[1]))


def varying_columns(
    space: Space, trials: Sequence[TrialRecord]
) -> tuple[list[Column], tuple[str, ...]]:
    """Return the parameters that vary in the trials, and a sentence on those that do not."""
    columns = [
        _column(name, space, trials) for name, parameter in space.items() if parameter.size != 1
    ]
    varying = [c for c in columns if len(np.unique(c.values[c.active], axis=0)) > 1]
    same = [c.name for c in columns if c not in varying]
    if not same or not trials:
        return varying, ()
    names = ", ".join(same[:5]) + (f" and {len(same) - 5} more" if len(same) > 5 else "")
    return varying, (f"Without importance, as they had fewer than two values: {names}.",)


def _column(name: str, space: Space, trials: Sequence[TrialRecord]) -> Column:
    parameter = space[name]
    is_nominal = isinstance(parameter, Categorical) and not parameter.ordered
    rows = [coordinates_of(parameter, trial.params, name, is_nominal) for trial in trials]
    width = max((len(row) for row in rows), default=1)
    values = np.array([row if len(row) == width else [math.nan] * width for row in rows])
    values = values.reshape(len(rows), width).astype(float)
    ends = {}
    if isinstance(parameter, Categorical):
        positions = np.array(
            [
                coordinates_of(parameter, {name: each}, name, is_nominal)
                for each in parameter.choices
            ]
        )
        keys = [choice_key(each) for each in parameter.choices]
        ends = {
            child: np.array([key not in parents[name] for key in keys])
            for child, parents in space.conditions.items()
            if name in parents
        }
    elif width > 1:  # between the ends of a vector's range there is too much room to walk
        active = values[~np.isnan(values[:, 0])]
        positions = active[:: max(1, len(active) // _POSITIONS)]
    else:
        positions = np.linspace(0.5, _POSITIONS - 0.5, _POSITIONS)[:, None] / _POSITIONS
    return Column(name, values, positions, is_nominal, ends)


def coordinates_of(
    parameter: Parameter, params: Mapping[str, Any], name: str, is_nominal: bool
) -> list[float]:
    """Return a value's place in its range, or a choice's position; NaN where it is inactive."""
    if name not in params:
        return [math.nan]
    try:
        if isinstance(parameter, Categorical) and is_nominal:
            return [float(parameter.index(params[name]))]
        place: Any = parameter.encode(params[name])
    except (SpaceError, TypeError, ValueError):  # of an earlier version of the space
        return [math.nan]
    return list(map(float, place)) if isinstance(place, (list, tuple)) else [float(place)]
