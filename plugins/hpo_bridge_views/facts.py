"""The figures that the rules share, each computed once for a study and an objective."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.errors import SpaceError
from hpo_bridge.space import Categorical

from .surrogate import Surrogate


class Facts:
    """A study as the rules see it.

    Args:
        history: The study.
        objective: The objective in question; by default the first.

    Attributes:
        history: The study.
        objective: The objective in question.
        trials: All trials, by number.
        complete: The complete trials, by number.
    """

    def __init__(self, history: StudyHistory, objective: str | None = None) -> None:
        self.history = history
        self.objective = objective or next(iter(history.directions))
        self.trials: Sequence[TrialRecord] = tuple(history.trials)
        self.complete = [trial for trial in self.trials if trial.values is not None]

    def about(self, objective: str) -> Facts:
        """Return the same study for another objective, with the parameters as they were read."""
        other = Facts(self.history, objective)
        other.units = self.units
        return other

    def in_state(self, *states: TrialState) -> list[TrialRecord]:
        """Return the trials in these states, by number."""
        return [trial for trial in self.trials if trial.state in states]

    @property
    def label(self) -> str:
        """The objective in words: empty where there is a single one without a name."""
        return "" if len(self.history.directions) == 1 else f"{self.objective}: "

    def value(self, trial: TrialRecord) -> float:
        """Return a complete trial's value."""
        assert trial.values is not None
        return trial.values[self.objective]

    @cached_property
    def losses(self) -> np.ndarray:
        """The loss of each complete trial: smaller is better."""
        sign = self.history.directions[self.objective].sign
        return np.array([sign * self.value(trial) for trial in self.complete])

    @cached_property
    def ranking(self) -> np.ndarray:
        """The positions of the complete trials, the best one first; equals by number."""
        return np.argsort(self.losses, kind="stable")

    @cached_property
    def best(self) -> TrialRecord:
        """The best of the complete trials."""
        return self.complete[int(self.ranking[0])]

    @cached_property
    def is_flat(self) -> bool:
        """True if all complete trials have one value."""
        return len(set(self.losses.tolist())) <= 1

    @cached_property
    def units(self) -> dict[str, np.ndarray]:
        """Parameter to its place in the unit interval for each complete trial; NaN if inactive.

        Vectors are left out.
        """
        space = self.history.space
        names = [name for name in space if name not in space.vectors]
        return {name: unit_values(self.history, name, self.complete) for name in names}

    @cached_property
    def surrogate(self) -> Surrogate:
        """A model of the losses."""
        return Surrogate(
            {name: self.coordinates(name) for name in self.units if self.varies(name)},
            self.losses.tolist(),
            {name: list(parents) for name, parents in self.history.space.conditions.items()},
        )

    def varies(self, name: str) -> bool:
        """Return True if complete trials differ in a parameter, or in whether it is active."""
        return len(np.unique(self.units[name])) > 1

    def coordinates(self, name: str) -> np.ndarray:
        """Return a parameter's coordinates for the model, a row for each complete trial."""
        parameter, units = self.history.space[name], self.units[name]
        if not isinstance(parameter, Categorical) or parameter.ordered:
            return units[:, None]
        places = np.where(np.isnan(units), -1, units * parameter.size).astype(int)
        used = np.unique(places[places >= 0])
        rows = (places[:, None] == used[None, :]) / np.sqrt(2)
        rows[places < 0] = np.nan
        return np.asarray(rows)


def unit_values(history: StudyHistory, name: str, trials: Iterable[TrialRecord]) -> np.ndarray:
    """Return a parameter's place in the unit interval for each trial; NaN where it is inactive.

    It is NaN, too, for a value that the space does not have any more. Vectors have no such place.
    """
    encode, places = history.space[name].encode, []
    for trial in trials:
        try:
            places.append(encode(trial.params[name]))
        except (KeyError, SpaceError, TypeError, ValueError):
            places.append(math.nan)
    return np.array(places)
