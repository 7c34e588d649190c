"""A cross-validation made ready: data, folds, scorers and estimator, checked before any trial."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array

from hpo_bridge.errors import HpoBridgeError, ObjectiveError, SpaceError, short
from hpo_bridge.space import Space

from .data import Data, length
from .evaluation import Evaluation, Result, by_name, metrics_of
from .failures import explained, last_words
from .parameters import check_parameters
from .scoring import TIMES, AnyEstimator, Recording
from .splits import fixed_splits

Params = Mapping[str, Any]
Factory = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class FoldOutcome:
    """The outcome of one fold.

    Attributes:
        values: Objective of the study to number.
        metrics: All that was measured, by name.
        failure: Why there are no values; empty if there are.
        whole: Whether the whole trial failed, before a fit began: ``error_score`` is not for that.
        retriable: Whether another attempt could end otherwise.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    whole: bool = False
    retriable: bool = True


@dataclass(frozen=True, eq=False)
class Prepared:
    """Ready to evaluate any parameters on any fold.

    Attributes:
        evaluation: Data, folds and scorers; the estimator is the user's, or a stand-in.
        factory: What makes the estimator of a trial's parameters; ``None`` if there is none.
        scorer: The evaluation's.
        aims: Objective of the study to the score that it is.
        config: Scikit-learn's configuration.
    """

    evaluation: Evaluation
    factory: Factory | None
    scorer: Recording
    aims: Mapping[str, str]
    config: Mapping[str, Any]

    @property
    def folds(self) -> int:
        """Number of folds."""
        return self.evaluation.folds

    def fold(self, params: Params, fold: int) -> FoldOutcome:
        """Evaluates one fold; nothing that the user's code raises comes out."""
        self.scorer.clear()
        evaluation = self.evaluation
        try:
            with config_context(**self.config):
                if self.factory is not None:
                    made = made_by(self.factory, params)
                    evaluation, params = replace(evaluation, estimator=made), {}
                result = evaluation.fold(params, fold)
        except Exception as error:  # what fit and score raise does not come here
            return FoldOutcome(failure=explained(error), whole=True)
        return self._outcome(result)

    def _outcome(self, result: Result) -> FoldOutcome:
        scores = by_name(result["test_scores"])
        metrics = metrics_of(result)
        if result["fit_failed"]:
            failed = last_words(result["fit_error"])
            if math.isnan(self.scorer.error_score):
                return FoldOutcome({}, metrics, failed)
            return FoldOutcome(dict.fromkeys(self.aims, self.scorer.error_score), metrics)
        values = {}
        for objective, key in self.aims.items():
            if key in TIMES:
                values[objective] = float(result[key])
                continue
            failed = self.scorer.failures.get(key, "")
            if failed and math.isnan(self.scorer.error_score):
                return FoldOutcome({}, metrics, failed)
            if key not in scores:
                names = ", ".join(scores)
                why = f"scoring gave {names}, and no {key!r}: say which is the value by objective"
                return FoldOutcome({}, metrics, why, whole=True, retriable=False)
            values[objective] = scores[key]
        return FoldOutcome(values, metrics)


@contextmanager
def said_of(key: str) -> Iterator[None]:
    """Turns what scikit-learn or the user's code raises into an error of the option ``key``.

    Raises:
        ObjectiveError: With scikit-learn's own words.
    """
    try:
        yield
    except HpoBridgeError:
        raise
    except (TypeError, ValueError) as error:
        raise ObjectiveError(f"{' '.join(str(error).split())}", key) from error
    except Exception as error:
        raise ObjectiveError(f"{explained(error)}", key) from error


def prepare(
    estimator: Any,
    data: Data,
    *,
    cv: Any,
    scoring: Any,
    error_score: float,
    return_train_score: bool,
    aims: Mapping[str, str],
    config: Mapping[str, Any],
    points: Iterable[Params],
    space: Space | None,
) -> Prepared:
    """Checks everything that can be checked before a trial.

    Args:
        estimator: An estimator, a class of one, or a factory.
        data: What :func:`~hpo_bridge_sklearn.data.as_data` gives.
        cv: What scikit-learn takes.
        scoring: Likewise.
        error_score: What a fold counts whose fit or score raises; NaN fails the trial.
        return_train_score: Whether the part that was fitted on is scored too.
        aims: Objective of the study to the score that it is.
        config: Scikit-learn's configuration.
        points: Parameters of possible trials, to make a factory's estimator of.
        space: The study's, or ``None`` if it is not known.

    Raises:
        ObjectiveError: With scikit-learn's own message where it has one.
    """
    with config_context(**config):
        with said_of("data"):
            data = data.checked()
        with said_of("estimator"):
            model, factory = _maker(estimator)
            sample = sample_of(estimator, points)
        classifier = bool(is_classifier(sample))
        with said_of("data"):
            hole = _check_targets(data.y, classifier=classifier)
        with said_of("cv"):
            splits = fixed_splits(cv, data, classifier=classifier)
        with said_of("scoring"):
            scorer = Recording.of(sample, scoring, error_score)
        if factory is None and space is not None:
            check_parameters(model, space)
        evaluation = Evaluation(
            AnyEstimator() if factory is not None else model, data.X, data.y, splits, scorer,
            data.fit_params, data.score_params, error_score, return_train_score,
        )  # fmt: skip
        if hole is not None:
            _check_tolerance(evaluation, factory, hole)
    return Prepared(evaluation, factory, scorer, aims, config)


def points_of(space: Space) -> Iterator[dict[str, Any]]:
    """Some parameters of possible trials, always the same; made when they are asked for."""
    yield space.decode([0.5] * space.dimension)
    rng = random.Random(0)
    with suppress(SpaceError):  # the constraints leave too little
        for _ in range(20):
            yield space.sample(rng)


def made_by(factory: Factory, params: Params) -> Any:
    """The estimator that a factory makes of a trial's parameters.

    Raises:
        TypeError: If it is none.
    """
    made = factory(dict(params))
    if not hasattr(made, "fit"):
        raise TypeError(
            "estimator should be an estimator implementing 'fit' method, the function gave "
            f"{short(made)}"
        )
    return made


def _maker(found: Any) -> tuple[Any, Factory | None]:
    """The estimator, or the factory of estimators."""
    if isinstance(found, type) and hasattr(found, "fit"):
        found = found()
    if hasattr(found, "fit"):
        return clone(found), None  # raises scikit-learn's own for what it cannot clone
    if callable(found):
        return None, found
    raise TypeError(f"estimator should be an estimator implementing 'fit' method, {short(found)} "
                    "was passed")  # fmt: skip


def sample_of(estimator: Any, points: Iterable[Params]) -> Any:
    """An estimator of the kind that trials evaluate.

    Args:
        estimator: An estimator, a class of one, or a factory.
        points: Parameters of possible trials, for a factory.

    Raises:
        TypeError: If it is none of these.
        ObjectiveError: If a factory fails for all the points.
    """
    model, factory = _maker(estimator)
    return model if factory is None else _sample(factory, points)


def _sample(factory: Factory, points: Iterable[Params]) -> Any:
    """An estimator as a factory makes them.

    Raises:
        ObjectiveError: If it fails for all the points.
    """
    failure: Exception | None = None
    for point in points:
        try:
            return clone(made_by(factory, point))
        except Exception as error:
            failure = failure or error
    raise ObjectiveError(
        "no estimator comes of the space's parameters: "
        f"{explained(failure) if failure else 'there are none'}",
        "estimator",
    )


def _check_targets(y: Any, *, classifier: bool) -> ValueError | None:
    """Return the error of a regression's targets: NaN or infinity, which some estimators take.

    Raises:
        ValueError: Scikit-learn's own, for targets that no classifier can learn.
    """
    if y is None:
        return None
    hole = None
    try:
        check_array(y, ensure_2d=False, dtype=None, input_name="y", accept_sparse=True)
    except ValueError as error:
        if "NaN" in str(error) or "infinity" in str(error):
            hole = error
    if classifier:
        if hole is not None:
            raise hole
        check_classification_targets(y)
    return hole


def _check_tolerance(evaluation: Evaluation, factory: Factory | None, hole: ValueError) -> None:
    """Raises ObjectiveError unless the estimator takes targets with holes."""
    if factory is None:
        try:
            every = np.arange(length(evaluation.X))  # fitted on all, scored on all
            replace(evaluation, splits=[(every, every)], error_score="raise").fold({}, 0)
            if not evaluation.scorer.failures:
                return
        except Exception:  # it takes none: what is wrong is the hole, not what it made of it
            pass
    raise ObjectiveError(f"{' '.join(str(hole).split())}", "data")
