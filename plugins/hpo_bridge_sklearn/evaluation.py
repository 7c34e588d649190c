"""One fold of a cross-validation, exactly as scikit-learn evaluates it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from .private import (
    _check_method_params,
    _check_multimetric_scoring,
    _fit_and_score,
    _MultimetricScorer,
)

ErrorScore = float | Literal["raise"]
"""What a fold counts whose fit or score raises; ``"raise"`` lets the exception out."""

Result = dict[str, Any]
"""What a fold gives: ``test_scores`` and, if asked for, ``train_scores`` (a number, or a dict of
scorer name to number), ``fit_time`` and ``score_time`` (seconds), ``n_test_samples``,
``fit_error`` (the traceback of a fit that failed, else ``None``) and ``fit_failed``."""

SCORE = "score"
"""The name of a single scorer, as in scikit-learn's ``mean_test_score``."""


def as_scorer(estimator: Any, scoring: Any, error_score: ErrorScore = np.nan) -> Any:
    """The scorer, or the several scorers as one, that ``scoring`` stands for.

    Args:
        estimator: Whose ``score`` is used if ``scoring`` is ``None``.
        scoring: What scikit-learn takes: ``None``, a name, a callable, or a list, tuple or
            dict of them.
        error_score: ``"raise"`` lets exceptions out of several scorers too.

    Raises:
        ValueError, TypeError: Scikit-learn's own, for what is none of these.
    """
    if callable(scoring):
        return scoring
    if scoring is None or isinstance(scoring, str):
        return check_scoring(estimator, scoring)
    scorers = _check_multimetric_scoring(estimator, scoring)
    return _MultimetricScorer(scorers=scorers, raise_exc=error_score == "raise")


def evaluate_fold(
    estimator: Any, X: Any, y: Any, train: Any, test: Any, params: Mapping[str, Any], **how: Any
) -> Result:
    """Fits on one part of the data, scores on another.

    Args:
        estimator: An estimator of the caller's own, which this sets and fits.
        X: All samples, ``(n_samples, …)``.
        y: Their targets, ``(n_samples, …)``, or ``None``.
        train: Indices to fit on.
        test: Indices to score on.
        params: Parameters to set, such as ``{"svc__C": 1.0}``; estimators among them are
            cloned.
        how: ``scorer``, ``fit_params``, ``score_params``, ``error_score``,
            ``return_train_score``, ``verbose`` and what else ``_fit_and_score`` takes.
    """
    result: Result = _fit_and_score(
        estimator, X, y, train=train, test=test, parameters=dict(params),
        return_n_test_samples=True, return_times=True, **how,
    )  # fmt: skip
    result["fit_failed"] = result["fit_error"] is not None
    return result


@dataclass(frozen=True)
class Evaluation:
    """Data, splits and scorers, ready to evaluate any parameters on any fold.

    Attributes:
        estimator: What is cloned, set and fitted; never changed itself.
        X: Samples, ``(n_samples, …)``: arrays, sparse matrices, data frames, lists.
        y: Targets, ``(n_samples, …)``, or ``None``.
        splits: Indices ``(train, test)`` of each fold.
        scorer: As :func:`as_scorer` gives it.
        fit_params: Arguments of ``fit``; those as long as the data are split with it.
        score_params: Arguments of the scorers, likewise.
        error_score: What a fold counts whose fit or score raises.
        return_train_score: Whether the part that was fitted on is scored too.
        verbose: As in scikit-learn.
    """

    estimator: Any
    X: Any
    y: Any
    splits: Sequence[tuple[Any, Any]]
    scorer: Any
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)
    error_score: ErrorScore = np.nan
    return_train_score: bool = False
    verbose: int = 0

    @classmethod
    def of(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        scoring: Any = None,
        cv: Any = None,
        groups: Any = None,
        fit_params: Mapping[str, Any] | None = None,
        score_params: Mapping[str, Any] | None = None,
        error_score: ErrorScore = np.nan,
        return_train_score: bool = False,
    ) -> Evaluation:
        """From what ``sklearn.model_selection.cross_validate`` takes, checked as it does.

        Raises:
            ValueError, TypeError: Scikit-learn's own, for data, splitters or scorers that do
                not fit together.
        """
        X, y, groups = indexable(X, y, groups)
        splitter = check_cv(cv, y, classifier=is_classifier(estimator))
        return cls(
            estimator, X, y,
            list(splitter.split(X, y, groups)),
            as_scorer(estimator, scoring, error_score),
            _check_method_params(X, params=dict(fit_params or {})),
            _check_method_params(X, params=dict(score_params or {})),
            error_score, return_train_score,
        )  # fmt: skip

    @property
    def folds(self) -> int:
        """Number of folds."""
        return len(self.splits)

    def fold(self, params: Mapping[str, Any], fold: int) -> Result:
        """Return the result of fold number ``fold``, from 0, with these parameters.

        Raises:
            Exception: What fit or score raise, under ``error_score="raise"`` alone.
        """
        train, test = self.splits[fold]
        return evaluate_fold(
            clone(self.estimator), self.X, self.y, train, test, params,
            scorer=self.scorer, fit_params=dict(self.fit_params),
            score_params=dict(self.score_params), error_score=self.error_score,
            return_train_score=self.return_train_score, verbose=self.verbose,
        )  # fmt: skip


def by_name(scores: Any) -> dict[str, float]:
    """Scores by the names of their scorers; a single one is called ``score``."""
    named = scores if isinstance(scores, Mapping) else {SCORE: scores}
    return {str(name): float(score) for name, score in named.items()}


def metrics_of(result: Result) -> dict[str, float]:
    """Return the result of a fold as plain numbers by flat names, for a study's log.

    ``test_NAME`` and ``train_NAME`` for each scorer, ``fit_time``, ``score_time``,
    ``n_test_samples``, and ``fit_failed`` (1.0) where the fit raised.
    """
    metrics = {f"test_{name}": score for name, score in by_name(result["test_scores"]).items()}
    for name, score in by_name(result.get("train_scores", {})).items():
        metrics[f"train_{name}"] = score
    metrics |= {key: float(result[key]) for key in ("fit_time", "score_time", "n_test_samples")}
    if result["fit_failed"]:
        metrics["fit_failed"] = 1.0
    return metrics


__all__ = [
    "ErrorScore",
    "Evaluation",
    "Result",
    "as_scorer",
    "by_name",
    "evaluate_fold",
    "metrics_of",
]
