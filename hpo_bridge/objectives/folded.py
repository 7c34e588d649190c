"""Objectives of several measurements: folds of a cross-validation, repetitions, samples.

:class:`Folded` makes an objective of a function that measures one fold. It reports each fold, so
that a pruner may stop the trial after a few, and returns the mean with its standard error.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contracts.trial import Trial, as_number, plain_metrics
from ..errors import HpoBridgeError, TrialPruned, short


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of an objective that knows how sure its value is.

    Attributes:
        value: The objective's value, or ``{name: value}``.
        standard_error: The standard error of it, in the same form; finite, 0 or more. ``None``
            if it is not known; a mapping may leave names out.

    Example:
        >>> import hpo_bridge as hpo
        >>> study = hpo.Study(hpo.Space(x=hpo.Float(-1, 1)), seed=0)
        >>> study.optimize(lambda trial: hpo.Measured(trial["x"] ** 2, 0.1), trials=1)
        >>> study.best.standard_errors
        {'value': 0.1}
    """

    value: Any
    standard_error: Any = None


@dataclass(frozen=True, slots=True)
class FoldScore:
    """The score of one fold of a :class:`Folded` objective.

    Attributes:
        value: A number, or ``{objective: number}``.
        metrics: What else was measured on this fold: name to number, finite or not.
    """

    value: Any
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Folded:
    """An objective that is the mean of several folds, reported one by one.

    Called with a trial it measures fold 0, 1, … in order, and reports each as a step. Where the
    study's pruner says so it stops. A value that is not finite ends the trial at once: no further
    fold could make a number of the mean, and it fails for that reason.

    Otherwise the result is the mean, and its standard error ``sd / sqrt(folds)``, with ``sd`` the
    standard deviation of the folds' values (``folds - 1`` in the denominator). Folds share
    training data, so that for a cross-validation it is an approximation, and tends to be too
    small (Bengio and Grandvalet, 2004: there is no unbiased one).

    It can be pickled wherever its function can.

    Args:
        score: Called as ``score(trial, fold)``, with ``fold`` in ``range(folds)``; gives a
            number, ``{objective: number}`` or a :class:`FoldScore`. The folds must be the same
            for every trial: trials are compared fold by fold. With several objectives the first
            one's value is reported, and all stand in the report's metrics.
        folds: How many, at least 2.

    Raises:
        HpoBridgeError: If one of them is something else.

    Example:
        >>> import hpo_bridge as hpo
        >>> def score(trial, fold):
        ...     return (trial["x"] - 0.1 * fold) ** 2
        >>> study = hpo.Study(hpo.Space(x=hpo.Float(-1, 1)), seed=0)
        >>> study.optimize(hpo.Folded(score, folds=3), trials=1)
        >>> len(study.best.reports), sorted(study.best.standard_errors)
        (3, ['value'])
    """

    score: Callable[[Trial, int], Any]
    folds: int

    def __post_init__(self) -> None:
        folds = self.folds
        if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
            raise HpoBridgeError(
                f"Folded: folds: found {short(folds)}, expected an integer, at least 2"
            )
        if not callable(self.score):
            raise HpoBridgeError(
                f"Folded: score: found {short(self.score)}, expected a function of a trial and a "
                "fold's number"
            )
        try:
            inspect.signature(self.score).bind(None, 0)
        except TypeError:
            raise HpoBridgeError(
                f"Folded: score {short(self.score)} must take two arguments, the trial and a "
                "fold's number"
            ) from None
        except ValueError:  # some builtins have no signature
            pass

    def __call__(self, trial: Trial) -> Measured:
        """Measures the folds of one trial.

        Raises:
            TrialPruned: If the pruner has seen enough.
            TypeError: If the function gives something else than a score.
        """
        scores: dict[str, list[float]] = {}
        for fold in range(self.folds):
            value, metrics = _parts(self.score(trial, fold), fold)
            if scores and scores.keys() != value.keys():
                raise TypeError(
                    f"fold {fold} gave values for {', '.join(value)}, fold 0 for "
                    f"{', '.join(scores)}"
                )
            for name, number in value.items():
                scores.setdefault(name, []).append(number)
            first = next(iter(value.values()))
            several = value if len(value) > 1 else {}
            if math.isfinite(first):  # else the reason of the failure says it
                trial.report(first, fold, {**metrics, **several})
            if not all(map(math.isfinite, value.values())):
                break
            if fold + 1 < self.folds and trial.should_prune():
                raise TrialPruned
        means = {name: mean(values) for name, values in scores.items()}
        errors = {name: standard_error(values) for name, values in scores.items()}
        if set(scores) == {_UNNAMED}:
            return Measured(means[_UNNAMED], errors[_UNNAMED])
        return Measured(means, errors)


_UNNAMED = ""


def _parts(score: Any, fold: int) -> tuple[dict[str, float], Mapping[str, float]]:
    """The values of a fold by objective, and its metrics."""
    metrics: Mapping[str, float] = {}
    if isinstance(score, FoldScore):
        score, metrics = score.value, plain_metrics(score.metrics)
    try:
        if not isinstance(score, Mapping):
            return {_UNNAMED: as_number(score)}, metrics
        if not score:
            raise TypeError("no values")
        return {name: as_number(value) for name, value in score.items()}, metrics
    except TypeError:
        raise TypeError(
            f"fold {fold} gave {short(score)}; expected a number, {{objective: number}} or a "
            "FoldScore"
        ) from None


def mean(values: Sequence[float]) -> float:
    """The mean of at least one number; of numbers not all finite, or too large, not finite.

    >>> mean([1.0, 2.0, 6.0]), mean([1.0, math.inf])
    (3.0, inf)
    """
    try:
        return math.fsum(values) / len(values)
    except ValueError:  # of both infinities
        return math.nan
    except OverflowError:
        return math.inf if sum(value / len(values) for value in values) > 0 else -math.inf


def standard_error(values: Sequence[float]) -> float | None:
    """The standard error of the mean; ``None`` of less than two numbers, or if it is not finite.

    >>> round(standard_error([1.0, 2.0, 3.0]), 6)
    0.57735
    """
    middle = mean(values)
    if len(values) < 2 or not math.isfinite(middle):
        return None
    try:
        squares = math.fsum((value - middle) ** 2 for value in values)
    except OverflowError:
        return None
    return math.sqrt(squares / (len(values) - 1) / len(values))
