"""The objective ``cross_validated``, with its outer loop and its test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo_bridge.errors import ObjectiveError, short

from .arguments import ErrorScore, checked_error_score, checked_objective, checked_workers
from .data import Data
from .evaluated_estimator import EvaluatedEstimator
from .outer import NestedSplits, outer_loop
from .scoring import check_names
from .splits import check_number, kept
from .tester import TestScorer, tester_of


class CrossValidated(EvaluatedEstimator):
    """The cross-validated score of an estimator; made by :func:`cross_validated`."""

    def outer_loop(self, nested: Any) -> NestedSplits:
        """Return an outer loop; see :class:`~hpo_bridge.contracts.objective.SupportsNestedCV`."""
        return outer_loop(self, nested)

    def test_scorer(self, options: Mapping[str, Any]) -> TestScorer:
        """Return its test; see :class:`~hpo_bridge.contracts.objective.SupportsTestScore`."""
        return tester_of(self, options)


def cross_validated(
    estimator: Any,
    X: Any = None,
    y: Any = None,
    *,
    data: Any = None,
    cv: Any = None,
    scoring: Any = None,
    objective: str | None = None,
    groups: Any = None,
    fit_params: Mapping[str, Any] | None = None,
    score_params: Mapping[str, Any] | None = None,
    error_score: ErrorScore = np.nan,
    return_train_score: bool = False,
    fold_workers: int | None = None,
) -> CrossValidated:
    """The cross-validated score of a scikit-learn estimator, as an objective of a study.

    Each fold is a step of the trial: it is reported with all that was measured on it, so that a
    pruner may stop the trial after a few. The value is the mean over the folds, and its standard
    error is kept. All trials of a study, continued or not, are evaluated on the same folds.

    Args:
        estimator: An estimator or pipeline, on a clone of which the trial's parameters are set,
            constants included, by names such as ``svc__C``; or a function that is called with a
            dict of them, and returns an estimator: for conditional spaces.
        X: Samples, ``(n_samples, …)``.
        y: Targets, ``(n_samples, …)``.
        data: Instead of ``X`` and ``y``: a function that loads them once in each process; it
            returns ``(X, y)``, ``(X, y, groups)``, a mapping with ``X``, ``y``, ``groups``,
            ``sample_weight``, ``fit_params``, ``score_params``, or a Bunch of scikit-learn's.
        cv: ``None`` (5 folds), a number of folds, a splitter, or the splits themselves; folds
            that are drawn at random need a ``random_state``.
        scoring: ``None`` (the estimator's ``score``), the name of a scorer, a function
            ``(estimator, X, y)``, or a list or dict of them.
        objective: Which of several scorers is the value; the others are metrics of each fold.
            A study with ``directions`` names them there, and may minimise ``fit_time`` and
            ``score_time``.
        groups: For splitters that keep groups together, ``(n_samples,)``.
        fit_params: Arguments of ``fit``; those as long as the data are split with it.
        score_params: Arguments of the scorers, likewise.
        error_score: What a fold counts whose fit or score raises. NaN fails the trial, with a
            reason that names the fold; ``"raise"`` stops the study.
        return_train_score: Whether the part that was fitted on is scored too, as a metric.
        fold_workers: How many folds of a trial run at once, each in a process of its own;
            one by default, in the trial's.

    Raises:
        ObjectiveError: If an argument cannot be what it should; what concerns the data is
            found when a study begins with it.

    Example:
        >>> import hpo_bridge as hpo
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.svm import SVC
        >>> X, y = load_iris(return_X_y=True)
        >>> study = hpo.Study(
        ...     hpo.Space(C=hpo.Float(0.1, 10, log=True), gamma=0.1), direction="maximize", seed=0
        ... )
        >>> study.optimize(cross_validated(SVC(), X, y, cv=5), trials=3)
        >>> 0.9 < study.best.value < 1, len(study.best.reports)
        (True, 5)
    """
    if (X is None) == (data is None):
        raise ObjectiveError("give either X and y, or data", "data")
    for name, given in (("fit_params", fit_params), ("score_params", score_params)):
        if given is not None and not isinstance(given, Mapping):
            raise ObjectiveError(f"found {short(given)}, expected a mapping", name)
    if data is None:
        data = Data(X, y, groups, dict(fit_params or {}), dict(score_params or {}))
    elif any(given is not None for given in (y, groups, fit_params, score_params)):
        raise ObjectiveError("gives y, groups, fit_params and score_params too", "data")
    if isinstance(cv, (int, float)) or cv is None:
        check_number(cv)
    check_names(scoring)
    return CrossValidated(
        estimator, data, kept(cv), scoring, checked_objective(objective),
        checked_error_score(error_score), bool(return_train_score),
        checked_workers(fold_workers),
    )  # fmt: skip
