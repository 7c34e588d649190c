"""One fold, against scikit-learn's own cross-validation; and the private names it rests on."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest
from hpo_bridge_sklearn import private
from hpo_bridge_sklearn.evaluation import Evaluation, metrics_of
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.svm import SVC

X, y = load_iris(return_X_y=True)


def test_folds_are_those_of_cross_validate() -> None:
    scoring = ["accuracy", "f1_macro"]
    expected = cross_validate(SVC(C=0.1), X, y, scoring=scoring, cv=4, return_train_score=True)
    evaluation = Evaluation.of(SVC(), X, y, scoring=scoring, cv=4, return_train_score=True)
    folds = [evaluation.fold({"C": 0.1}, fold) for fold in range(evaluation.folds)]
    assert len(folds) == 4
    for name in scoring:
        assert [f["test_scores"][name] for f in folds] == list(expected[f"test_{name}"])
        assert [f["train_scores"][name] for f in folds] == list(expected[f"train_{name}"])
    assert sum(f["n_test_samples"] for f in folds) == len(X)
    assert all(f["fit_time"] > 0 and f["score_time"] > 0 and not f["fit_failed"] for f in folds)


def test_groups_and_weights_are_split_with_the_data() -> None:
    groups, weights = np.arange(len(X)) % 5, np.linspace(0.1, 2, len(X))
    given = {"sample_weight": weights}
    expected = cross_validate(
        LogisticRegression(), X, y, groups=groups, cv=GroupKFold(3), params=given
    )
    evaluation = Evaluation.of(
        LogisticRegression(), X, y, groups=groups, cv=GroupKFold(3), fit_params=given
    )
    scores = [evaluation.fold({}, fold)["test_scores"] for fold in range(3)]
    assert scores == list(expected["test_score"])


def test_a_failed_fit_counts_the_error_score_and_keeps_the_traceback() -> None:
    result = Evaluation.of(SVC(), X, y, cv=3, error_score=0.25).fold({"C": -1.0}, 0)
    assert result["test_scores"] == 0.25
    assert result["fit_failed"]
    assert "InvalidParameterError" in result["fit_error"]
    assert metrics_of(result)["fit_failed"] == 1.0
    with pytest.raises(ValueError, match="'C' parameter"):
        Evaluation.of(SVC(), X, y, cv=3, error_score="raise").fold({"C": -1.0}, 0)


def test_metrics_are_plain_numbers_by_flat_names() -> None:
    evaluation = Evaluation.of(SVC(), X, y, cv=3, return_train_score=True)
    metrics = metrics_of(evaluation.fold({"C": 1.0}, 1))
    assert list(metrics) == [
        "test_score", "train_score", "fit_time", "score_time", "n_test_samples",
    ]  # fmt: skip
    assert {type(value) for value in metrics.values()} == {float}


def test_the_estimator_is_left_alone() -> None:
    estimator = SVC()
    Evaluation.of(estimator, X, y, cv=3).fold({"C": 7.0}, 0)
    assert estimator.C == 1.0
    assert not hasattr(estimator, "classes_")


def test_scikit_learn_has_the_private_names() -> None:
    assert all(hasattr(private, name) for name in private.__all__)
    assert all(callable(getattr(private.BaseSearchCV, name)) for name in private.METHODS)
    arguments = signature(private._fit_and_score).parameters
    assert {
        "train", "test", "parameters", "scorer", "fit_params", "score_params", "error_score",
        "return_train_score", "return_n_test_samples", "return_times", "verbose",
        "split_progress", "candidate_progress",
    } <= set(arguments)  # fmt: skip
