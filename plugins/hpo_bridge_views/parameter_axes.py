"""Parameters as axes of pictures: places of their values, scales and ticks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axis import Axis, XAxis

from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.errors import HpoBridgeError, SpaceError, nearest
from hpo_bridge.space import Categorical, Float, Int

from .drawing import NothingToDraw, label, set_log
from .importance import Importances
from .wording import counted

MOST_PARAMETERS = 12
_MOST_TICKS = 10


class ParameterAxis:
    """One parameter as an axis.

    A choice lies at its position in the declared order, a vector at the mean of its components
    (the geometric mean on a logarithmic scale).

    Args:
        history: The study.
        name: The parameter's name.

    Attributes:
        name: The parameter's name.
        title: The name as a label.
        is_nominal: Whether the places are positions of choices.
        is_log: Whether the scale is logarithmic.
        is_conditional: Whether it is inactive in some trials.
    """

    def __init__(self, history: StudyHistory, name: str) -> None:
        self.name = name
        self._parameter = history.space[name]
        self.is_nominal = isinstance(self._parameter, Categorical)
        self.is_log = bool(getattr(self._parameter, "log", False))
        self.is_conditional = name in history.space.conditions
        self.title = label(name)
        if name in history.space.vectors:
            self.title += f" (mean of {getattr(self._parameter, 'dimension', 1)})"

    def place(self, params: Mapping[str, Any]) -> float:
        """Return the place of a trial's value; NaN where it is inactive or not of this space."""
        if self.name not in params:
            return math.nan
        value = params[self.name]
        try:
            if isinstance(self._parameter, Categorical):
                return float(self._parameter.index(value))
            numbers = value if isinstance(value, (list, tuple)) else [value]
            if self.is_log:
                return math.exp(math.fsum(map(math.log, numbers)) / len(numbers))
            return math.fsum(numbers) / len(numbers)
        except (SpaceError, TypeError, ValueError, ArithmeticError):
            return math.nan

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Return True if a trial's value lies in the range, or the parameter is inactive."""
        low, high = self._ends()
        return self.name not in params or low <= self.place(params) <= high

    def places(self, trials: Sequence[TrialRecord]) -> Any:
        """Return the place of each trial's value as an array."""
        return np.array([self.place(trial.params) for trial in trials], dtype=float)

    def share(self, places: Any) -> Any:
        """Return places from 0 at the lower end of the range to 1 at the upper."""
        low, high = self._ends()
        if self.is_log:
            low, high, places = math.log(low), math.log(high), np.log(places)
        return (places - low) / ((high - low) or 1.0)

    def ticks(self, most: int = _MOST_TICKS) -> list[tuple[float, str]]:
        """Return places with labels: choices, or the ends of the range and its middle."""
        if isinstance(self._parameter, Categorical):
            choices = self._parameter.choices
            step = -(-len(choices) // most)
            return [
                (float(i), label(_shown(choices[i]), 14)) for i in range(0, len(choices), step)
            ]
        low, high = self._ends()
        middle = low / 2 + high / 2
        if self.is_log:
            middle = math.exp((math.log(low) + math.log(high)) / 2)
        return [(each, f"{each:.3g}") for each in (low, middle, high)]

    def apply(self, axis: Axis) -> None:
        """Set an axis's scale, range, ticks and label: the range is the declared one."""
        axis.set_label_text(self.title)
        low, high = self.view()
        if isinstance(axis, XAxis):
            axis.axes.set_xlim(low, high)
        else:
            axis.axes.set_ylim(low, high)
        if self.is_nominal:
            places, names = zip(*self.ticks(), strict=True)
            axis.set_ticks(places, names)
            if isinstance(axis, XAxis) and sum(map(len, names)) > 16:
                axis.set_tick_params(labelrotation=35)
                for tick in axis.get_ticklabels():
                    tick.set_horizontalalignment("right")
        elif self.is_log:
            set_log(axis, *self._ends())

    def _ends(self) -> tuple[float, float]:
        if isinstance(self._parameter, Categorical):
            return 0.0, float(len(self._parameter.choices) - 1)
        return float(self._parameter.low), float(self._parameter.high)

    def view(self) -> tuple[float, float]:
        """Return the ends of what an axis shows: the range with a margin."""
        low, high = self._ends()
        if self.is_nominal:
            return low - 0.6, high + 0.6
        if self.is_log:
            margin = math.exp(0.03 * (math.log(high) - math.log(low)))
            return low / margin, high * margin
        margin = 0.03 * (high - low)
        return low - margin, high + margin

    def apply_share(self, axis: Axis) -> None:
        """Set an axis of shares (choices: of positions) with the values at its ticks."""
        if self.is_nominal:
            self.apply(axis)
            return
        axis.set_label_text(self.title)
        limits = axis.axes.set_xlim if isinstance(axis, XAxis) else axis.axes.set_ylim
        limits(-0.03, 1.03)
        ticks = self.ticks()
        axis.set_ticks([float(self.share(place)) for place, _ in ticks], [t for _, t in ticks])

    def edges(self, cells: int) -> Any:
        """Return the edges of cells: one per choice, or so many shares of the range."""
        if self.is_nominal:
            return np.arange(-0.5, self._ends()[1] + 1.0)
        return np.linspace(0.0, 1.0, cells + 1)

    def spread(self, places: Any) -> Any:
        """Return places of choices spread a little, so that equal ones can be seen."""
        if not self.is_nominal:
            return places
        return places + 0.5 * ((np.arange(len(places)) * 0.61803398875) % 1 - 0.5)


def _shown(choice: Any) -> str:
    """Return a choice as it is written in a study file."""
    return choice if isinstance(choice, str) else json.dumps(choice)


def shown_parameters(
    history: StudyHistory,
    params: Sequence[str] | str | None,
    objective: str,
    importances: Importances,
    most: int = MOST_PARAMETERS,
) -> tuple[list[ParameterAxis], tuple[str, ...]]:
    """Return the parameters to draw: those asked for, or the most important ones if many.

    Raises:
        HpoBridgeError: If there is no parameter of that name.
        NothingToDraw: If no parameter has two values.
    """
    known = [name for name, p in history.space.items() if _has_two_values(p)]
    if params is not None:
        chosen = [params] if isinstance(params, str) else list(params)
        for each in chosen:
            if each not in known:
                raise HpoBridgeError(
                    f"found {each!r}, expected some of {', '.join(known)}"
                    f"{nearest(str(each), known)}",
                    "params",
                )
        return _axes(history, chosen)
    if not known:
        raise NothingToDraw("No parameter has two values.")
    if len(known) <= most:
        return _axes(history, known)
    ranked = list(importances.of(history, objective).values)
    chosen = (ranked + [name for name in known if name not in ranked])[:most]
    which = "most important" if ranked else "first"
    note = f"The {which} {most} of {counted(len(known), 'parameter')}."
    axes, notes = _axes(history, [name for name in known if name in chosen])
    return axes, (note, *notes)


def _axes(
    history: StudyHistory, names: Sequence[str]
) -> tuple[list[ParameterAxis], tuple[str, ...]]:
    """Return the axes of parameters, and a sentence on values that they do not show."""
    axes = [ParameterAxis(history, name) for name in names]
    if history.space_version > 1 and any(
        not each.holds(trial.params) for trial in history.trials for each in axes
    ):
        return axes, ("Values that the space has no more are left out.",)
    return axes, ()


def names_shown(history: StudyHistory, params: Any) -> list[str]:
    """Return the names of the parameters to draw, or as many: for the size of a picture."""
    names = [name for name, each in history.space.items() if each.size != 1]
    chosen = names if params is None else [params] if isinstance(params, str) else list(params)
    return chosen[:MOST_PARAMETERS] or [""]


def _has_two_values(parameter: Float | Int | Categorical) -> bool:
    return parameter.size != 1
