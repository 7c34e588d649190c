"""Importance of parameters: how much an objective's values vary with each.

A Gaussian process (:mod:`hpo_bridge_views.gaussian_process`) is fitted to the losses of complete
trials. A parameter's effect is the variance of its mean while this parameter alone runs through
its range, averaged over the trials in which it is active. This is Sobol's total effect, at the
trials instead of all over the space. The importance is the share of the sum of all effects, the
mean of one fit to all trials and of fits to halves of them. As the parameters are fitted
together, it holds where an optimizer has drawn its trials to one place, so that parameters go
together which have nothing to do with each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.errors import HpoBridgeError, nearest

from .gaussian_process import Array, GaussianProcess, fit
from .parameter_columns import Column, varying_columns
from .ranks import average_ranks
from .thinning import thinned
from .threads import single_threaded

FEWEST = 12
"""Fewest complete trials of which importance can be told."""
MOST = 200
"""Most trials that are used, spread evenly over the study."""
RESAMPLES = 20
MOST_PANELS = 4
"""Most objectives that have a panel each."""
_NUMBERS = 600_000  # most distances at a time: fewer trials of spaces of many parameters
_LEAST = 0.05  # share of the variance that must be explained


@dataclass(frozen=True, slots=True)
class ParameterImportance:
    """The importance of one parameter.

    Attributes:
        name: The parameter's name.
        value: Its share of all effects, from 0 to 1; they sum to 1.
        low: The lower end of the 90 % interval from resampling the trials.
        high: The upper end.
        trials: The number of trials that it rests on, in which the parameter is active.
    """

    name: str
    value: float
    low: float
    high: float
    trials: int


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of each parameter of a study for one objective.

    Attributes:
        objective: The objective's name.
        parameters: The parameters, the most important first; none if nothing can be said.
        trials: The number of complete trials.
        explained: The share of the variance of the losses, on a robust scale, that the
            parameters of one half of the trials predict of the other half; 0 or below: none.
        reason: Why nothing can be said, or ``None``.
        notes: What the reader must know, a sentence each.
    """

    objective: str
    parameters: tuple[ParameterImportance, ...] = ()
    trials: int = 0
    explained: float = 0.0
    reason: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, float]:
        """The importance of each parameter by name, the most important first."""
        return {each.name: each.value for each in self.parameters}


@single_threaded
def importance(history: StudyHistory, objective: str | None = None) -> Importance:
    """Return the importance of each parameter for an objective.

    The figures are the same on each call. Constants are left out, and so are parameters with the
    same value in all trials. Pruned and failed trials are not used.

    Args:
        history: The study.
        objective: The objective's name; the first one by default.

    Raises:
        HpoBridgeError: If there is no such objective.
    """
    name = objective_named(history, objective)
    complete = [t for t in history.trials if t.values is not None and t.reused is None]
    n_varying = sum(1 for p in history.space.values() if p.size != 1)
    used = thinned(complete, min(MOST, math.isqrt(_NUMBERS // max(n_varying, 1))))
    losses = history.directions[name].sign * np.array([(t.values or {})[name] for t in used])
    columns, notes = varying_columns(history.space, used)
    reason = _reason(len(complete), losses, columns)
    if reason is not None:
        return Importance(name, trials=len(complete), reason=reason, notes=notes)
    if len(used) < len(complete):
        notes += (f"Importance rests on {len(used)} of {len(complete):,} trials, evenly spread.",)
    whole, resampled, explained = _effects(columns, _scores(losses))
    values = (whole + resampled.mean(axis=0)) / 2
    explained = round(explained, 4)
    if explained < _LEAST:
        reason = f"too few trials to say: in {len(complete)}, no parameter explains the values"
        return Importance(name, (), len(complete), explained, reason, notes)
    found = _with_intervals(columns, values, resampled)
    return Importance(name, tuple(found), len(complete), explained, None, notes)


class Importances:
    """The importance of parameters in some studies, each computed once, when it is asked for."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], tuple[StudyHistory, Importance]] = {}

    def of(self, history: StudyHistory, objective: str) -> Importance:
        """Return the importance of each parameter of a study for an objective."""
        key = (id(history), objective)
        if key not in self._found:  # with the study, so that no other one gets its identity
            self._found[key] = (history, importance(history, objective))
        return self._found[key][1]


def objectives_shown(history: StudyHistory, objective: str | None) -> list[str]:
    """Return the objectives that have a panel each: the named one, or the first few.

    Raises:
        HpoBridgeError: If there is no such objective.
    """
    if objective is not None:
        return [objective_named(history, objective)]
    return list(history.directions)[:MOST_PANELS]


def _with_intervals(
    columns: Sequence[Column], values: Array, resampled: Array
) -> list[ParameterImportance]:
    """Return the parameters with their 90 % intervals, the most important first."""
    low, high = np.quantile(resampled, [0.05, 0.95], axis=0)
    found = [
        ParameterImportance(
            name=column.name,
            value=round(float(values[i]), 4),
            low=round(float(min(values[i], low[i])), 4),
            high=round(float(max(values[i], high[i])), 4),
            trials=int(column.active.sum()),
        )
        for i, column in enumerate(columns)
    ]
    found.sort(key=lambda each: -each.value)
    return found


def objective_named(history: StudyHistory, objective: str | None) -> str:
    """Return an objective's name, by default the first one's.

    Raises:
        HpoBridgeError: If there is no such objective.
    """
    known = list(history.directions)
    if objective is not None and objective not in known:
        raise HpoBridgeError(
            f"found {objective!r}, expected one of {', '.join(known)}{nearest(objective, known)}",
            "objective",
        )
    return known[0] if objective is None else objective


def _reason(n_complete: int, losses: Array, columns: Sequence[Column]) -> str | None:
    """Return why nothing can be said, if so."""
    if n_complete < FEWEST:
        return (
            f"too few trials to say: {n_complete} {_plural(n_complete, 'is', 'are')} complete, "
            f"at least {FEWEST} are needed"
        )
    if not columns:
        return "no parameter has two values in the complete trials"
    if np.ptp(losses / max(np.abs(losses).max(), 1e-300)) == 0:
        return "all complete trials have the same value"
    return None


def _plural(number: int, one: str, more: str) -> str:
    return one if number == 1 else more


def _scores(losses: Array) -> Array:
    """Return losses on a scale that no outlier stretches: mean 0 and variance 1.

    The mean of normal scores of the ranks, which see the differences among the best, and of
    clipped values, which do not tear apart what is nearly the same.
    """
    ranks = average_ranks(losses)
    normal = np.array([NormalDist().inv_cdf((rank - 0.5) / len(losses)) for rank in ranks])
    scaled = losses / np.abs(losses).max()
    quarter, middle, three = np.quantile(scaled, [0.25, 0.5, 0.75])
    spread = (three - quarter) or scaled.std()
    clipped = np.clip((scaled - middle) / spread, -3, 3)
    scores = _standard(normal) + _standard(clipped)
    return _standard(scores)


def _standard(values: Array) -> Array:
    deviation = float(values.std())
    return np.asarray((values - values.mean()) / (deviation if deviation > 0 else 1.0))


def _effects(columns: Sequence[Column], y: Array) -> tuple[Array, Array, float]:
    """Return each parameter's share, the shares from half the trials, and what is explained.

    Halves are drawn without replacement: their spread is about that of bootstrap samples, but no
    trial is there twice, which a process would take for a function without noise.
    """
    distances = np.array([column.distances(column.values, column.values) for column in columns])
    process = fit(distances, y)
    everyone = np.arange(len(y))
    values = _shares(process, columns, distances, everyone)
    rng = np.random.default_rng(0)
    drawn, explained = [], []
    for _ in range(RESAMPLES):
        half = np.sort(rng.permutation(len(y))[: (len(y) + 1) // 2])
        part = distances[:, half][:, :, half]
        again = fit(part, _standard(y[half]), iterations=40)
        drawn.append(_shares(again, columns, part, half))
        rest = np.setdiff1d(everyone, half)
        explained.append(again.explained(distances[:, rest][:, :, half], _standard(y[rest])))
    return values, np.array(drawn), float(np.mean(explained))


def _shares(
    process: GaussianProcess, columns: Sequence[Column], distances: Array, used: Any
) -> Array:
    """Return each parameter's share of the sum of all effects."""
    exponents = process.relevance[:, None, None] * distances
    total = exponents.sum(axis=0)
    place = {column.name: i for i, column in enumerate(columns)}
    effects = np.zeros(len(columns))
    for i, column in enumerate(columns):
        observed, moved = column.values[used], column.active[used]
        if not moved.any():
            continue
        own = process.relevance[i] * column.distances(column.positions, observed)
        rest = (total - exponents[i])[moved]
        means = process.means(rest, own)
        for child, ended in column.ends.items():
            if child in place and ended.any():  # a choice ends what depends on it, too
                j = place[child]
                inactive = np.full((1, columns[j].values.shape[1]), math.nan)
                off = columns[j].distances(inactive, columns[j].values[used])
                without = rest - exponents[j][moved] + process.relevance[j] * off
                means[:, ended] = process.means(without, own[ended])
        effects[i] = means.var(axis=1).mean()
    return effects / max(float(effects.sum()), 1e-300)
