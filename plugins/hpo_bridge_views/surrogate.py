"""A model of the losses that says how well parameters predict those of unseen trials.

A Gaussian kernel over the chosen parameters, ridge regression, and the error of leaving each
trial out, which has a closed form (Rasmussen and Williams, Gaussian Processes for Machine
Learning, 2006, section 5.4.2). Parameters are chosen by forward selection: the one that lowers the
error most is taken next, until none does. Losses are replaced by the normal scores of their ranks,
so that one of 1e300 counts as the worst and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .ranks import normal_scores
from .thinning import even_positions

_LENGTHS = (0.15, 0.4, 1.2)
_RIDGES = (0.003, 0.03, 0.3, 3.0)
_GAIN = 0.01
"""The share of the variance by which another parameter must lower the error to be taken."""
_MOST_CHOSEN = 6
_MOST_TRIALS = 240


@dataclass(frozen=True, slots=True)
class Prediction:
    """The squared errors of a model, each for a trial that it did not see.

    Attributes:
        errors: One for each trial, as shares of the variance: their mean is 1 for a model that
            knows nothing.
    """

    errors: np.ndarray

    @property
    def explained(self) -> float:
        """The share of the variance that is explained; 0 for a model that knows nothing."""
        return float(1.0 - self.errors.mean())


class Surrogate:
    """A model of normal scores over the parameters that predict them.

    Args:
        columns: Parameter to its coordinates, a row for each trial: one column for a number,
            several for a category; where it is not active a row is all NaN.
        losses: The losses of the trials.
        parents: Conditional parameter to those that its condition is on: these are chosen first,
            or with it, since whether it is active says something of them.

    Attributes:
        chosen: The parameters that predict, the best one first.
        explained: The share of the variance that they explain in trials left out.
        prediction: Their prediction.
    """

    def __init__(
        self,
        columns: Mapping[str, np.ndarray],
        losses: Sequence[float],
        parents: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        rows = even_positions(len(losses), _MOST_TRIALS)
        scores = normal_scores(losses)[rows]
        self._scores = (scores - scores.mean()) / (scores.std() or 1.0)
        self._squares = {name: _distances(values[rows]) for name, values in columns.items()}
        self.chosen: list[str] = []
        self.prediction = Prediction(self._scores**2)
        self._predictions: dict[tuple[str, ...], Prediction] = {}
        while len(self.chosen) < min(_MOST_CHOSEN, len(columns)):
            steps = {name: self._with_parents(name, parents or {}) for name in columns}
            found = {
                name: self.predict([*self.chosen, *step])
                for name, step in steps.items() if name not in self.chosen
            }  # fmt: skip
            name = max(found, key=lambda each: found[each].explained)
            if found[name].explained < self.prediction.explained + _GAIN:
                break
            self.chosen += steps[name]
            self.prediction = found[name]

    def _with_parents(self, name: str, parents: Mapping[str, Sequence[str]]) -> list[str]:
        """Return a parameter after those of its parents that are not chosen yet."""
        missing = [each for each in parents.get(name, ()) if each in self._squares]
        return [each for each in missing if each not in self.chosen] + [name]

    @property
    def explained(self) -> float:
        """The share of the variance that is explained in trials left out."""
        return self.prediction.explained

    @property
    def is_full(self) -> bool:
        """True if it stopped because it takes no more parameters, not because none helped."""
        return len(self.chosen) >= _MOST_CHOSEN

    def predict(self, names: Sequence[str]) -> Prediction:
        """Return the errors of the best model over these parameters."""
        key = tuple(names)
        if key not in self._predictions:
            self._predictions[key] = self._predict(key)
        return self._predictions[key]

    def _predict(self, names: Sequence[str]) -> Prediction:
        if not names:
            return Prediction(self._scores**2)
        squares = sum(self._squares[name] for name in names)
        best: np.ndarray | None = None
        for length in _LENGTHS:
            values, vectors = np.linalg.eigh(np.exp(squares / (-2 * length**2)))
            values, projected = np.maximum(values, 0.0), vectors.T @ self._scores
            for ridge in _RIDGES:
                inverse = 1.0 / (values + ridge)
                left_out = (vectors @ (inverse * projected)) / (vectors**2 @ inverse)
                if best is None or (left_out**2).mean() < (best**2).mean():
                    best = left_out
        assert best is not None
        return Prediction(best**2)


def _distances(values: np.ndarray) -> np.ndarray:
    """Return the squared distance of each pair; 1 where one of them is not active."""
    active = ~np.isnan(values).any(axis=1)
    filled = np.where(active[:, None], values, 0.0)
    squares = ((filled[:, None, :] - filled[None, :, :]) ** 2).sum(axis=2)
    both, one = active[:, None] & active[None, :], active[:, None] != active[None, :]
    return np.asarray(np.where(both, squares, one.astype(float)))
