"""``cv_results_`` to the last digit: the same candidates and splits as ``GridSearchCV``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from hpo_bridge_sklearn import BridgeSearchCV
from scipy.sparse import csr_matrix
from scipy.stats import loguniform
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer, recall_score
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

X, y = load_iris(return_X_y=True)
SAME = {
    "best_index_", "best_score_", "best_params_", "n_splits_", "multimetric_", "classes_",
    "n_features_in_", "feature_names_in_",
}  # fmt: skip


def assert_same(ours: Any, theirs: Any) -> None:
    """All columns but the times, in their order, and the fitted attributes."""
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for key, expected in theirs.cv_results_.items():
        found = ours.cv_results_[key]
        assert type(found) is type(expected)
        if key == "params":
            assert [str(params) for params in found] == [str(params) for params in expected]
        elif not key.endswith("_time"):
            assert found.dtype == expected.dtype
            if found.dtype.kind == "O":
                assert [str(one) for one in found] == [str(one) for one in expected]
            else:
                np.testing.assert_array_equal(found, expected, err_msg=key)
                np.testing.assert_array_equal(np.ma.getmask(found), np.ma.getmask(expected))
        else:
            assert (found >= 0).all()
    for name in SAME:
        assert hasattr(ours, name) == hasattr(theirs, name), name
        found, expected = getattr(ours, name, None), getattr(theirs, name, None)
        assert str(found) == str(expected), name


def rates(estimator: Any, X: Any, y: Any) -> dict[str, float]:
    predicted = estimator.predict(X)
    return {
        "recall": recall_score(y, predicted, average="macro"),
        "accuracy": accuracy_score(y, predicted),
    }


def last(results: dict[str, Any]) -> int:
    return len(results["params"]) - 1


PIPELINE = Pipeline([("reduce", PCA()), ("svc", SVC())])
CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "one metric": (SVC(), {"kernel": ["rbf", "linear"], "C": np.logspace(-2, 2, 3)}, {}),
    "train scores": (SVC(), {"C": [0.1, 1]}, {"return_train_score": True, "cv": 3}),
    "several metrics": (
        SVC(), {"C": [0.01, 1, 100]},
        {"scoring": ["accuracy", "f1_macro"], "refit": "f1_macro", "return_train_score": True},
    ),
    "a callable of several metrics": (
        SVC(), {"C": [0.01, 1]}, {"scoring": rates, "refit": "accuracy"},
    ),
    "dictionaries": (
        SVC(), [{"C": [1, 10], "kernel": ["linear"]}, {"gamma": [0.1, 1.0], "C": [1]}, {}], {},
    ),
    "steps": (
        PIPELINE,
        {
            "reduce": [PCA(2), SelectKBest(k=3), "passthrough"],
            "svc": [SVC(), KNeighborsClassifier()],
        },
        {},
    ),
    "values of mixed kinds": (
        SVC(), {"gamma": ["scale", 0.5], "class_weight": [None, "balanced", {0: 2.0}]}, {},
    ),
    "the same value twice": (SVC(), {"C": [1, 1, 2]}, {}),
    "failed fits count 0": (SVC(), {"C": [-1, 1, 2]}, {"error_score": 0}),
    "failed fits of several metrics": (
        SVC(), {"C": [-1, 1]},
        {"scoring": ["accuracy", "f1_macro"], "refit": False, "return_train_score": True},
    ),
    "failed fits of a callable": (
        SVC(), {"C": [1, -1]}, {"scoring": rates, "refit": "recall", "error_score": 0.1},
    ),
    "failed fits count nothing": (SVC(), {"C": [1, -1]}, {"return_train_score": True}),
    "refit by a function": (SVC(), {"C": [1, 2, 3]}, {"refit": last}),
    "no refit": (SVC(), {"C": [1, 2]}, {"refit": False}),
    "random splits": (SVC(), {"C": [1, 10]}, {"cv": ShuffleSplit(4, random_state=3)}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_results_are_those_of_grid_search(case: str) -> None:
    estimator, grid, options = CASES[case]
    with warnings.catch_warnings(record=True) as expected:
        warnings.simplefilter("always")
        theirs = GridSearchCV(estimator, grid, **options).fit(X, y)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        ours = BridgeSearchCV(estimator, grid, backend="core.grid", **options).fit(X, y)
    assert_same(ours, theirs)
    assert [w.category for w in found] == [w.category for w in expected]
    assert [str(w.message)[:200] for w in found] == [str(w.message)[:200] for w in expected]
    if options.get("refit", True):
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        assert ours.score(X, y) == theirs.score(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_results_are_those_of_grid_search_with_groups_and_weights(n_jobs: int) -> None:
    grid, cv = {"C": [0.01, 0.1, 1.0]}, GroupKFold(4)
    given = {"groups": np.arange(len(X)) % 7, "sample_weight": np.linspace(0.1, 3, len(X))}
    options: dict[str, Any] = {"cv": cv, "n_jobs": n_jobs, "return_train_score": True}
    theirs = GridSearchCV(LogisticRegression(max_iter=500), grid, **options)
    ours = BridgeSearchCV(LogisticRegression(max_iter=500), grid, backend="core.grid", **options)
    assert_same(ours.fit(X, y, **given), theirs.fit(X, y, **given))


@pytest.mark.parametrize("threads", [1, 2])
def test_metadata_are_routed_as_in_grid_search(threads: int) -> None:
    weights, groups = np.linspace(0.1, 3, len(X)), np.arange(len(X)) % 7
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = LogisticRegression(max_iter=500).set_fit_request(sample_weight="weight")
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        options: dict[str, Any] = {"cv": GroupKFold(3), "scoring": {"a": scorer}, "refit": "a"}
        given = {"weight": weights, "sample_weight": weights[::-1], "groups": groups}
        grid = {"C": [1e-4, 1e-2, 1.0]}
        theirs = GridSearchCV(estimator, grid, **options).fit(X, y, **given)
        ours = BridgeSearchCV(estimator, grid, backend="core.grid", **options)
        with joblib.parallel_config("threading", n_jobs=threads):
            ours.fit(X, y, **given)
        assert_same(ours, theirs)
        scores = [s.score(X, y, sample_weight=weights) for s in (ours, theirs)]
        assert scores[0] == scores[1]
        with pytest.raises(TypeError, match="unexpected argument"):
            ours.fit(X, y, weights=weights)


@pytest.mark.parametrize(
    "form", [pd.DataFrame, csr_matrix, np.ndarray.tolist], ids=["frame", "sparse", "list"]
)
def test_results_are_those_of_grid_search_for_all_kinds_of_data(
    form: Callable[[Any], Any],
) -> None:
    data, targets = load_diabetes(return_X_y=True)
    data = form(data[:120])
    if isinstance(data, pd.DataFrame):
        data.columns = [f"column {number}" for number in range(10)]
    grid = {"alpha": [0.1, 1.0, 10.0]}
    theirs = GridSearchCV(Ridge(), grid, cv=3).fit(data, targets[:120])
    ours = BridgeSearchCV(Ridge(), grid, backend="core.grid", cv=3).fit(data, targets[:120])
    assert_same(ours, theirs)


def test_random_candidates_get_the_scores_that_grid_search_gives_them() -> None:
    pipeline = Pipeline([("scale", StandardScaler()), ("svc", SVC())])
    space = {"svc__C": loguniform(1e-2, 1e2), "scale": [StandardScaler(), "passthrough"]}
    ours = BridgeSearchCV(pipeline, space, n_trials=6, random_state=0).fit(X, y)
    candidates = [{name: [v] for name, v in p.items()} for p in ours.cv_results_["params"]]
    theirs = GridSearchCV(pipeline, candidates).fit(X, y)
    for key in ("mean_test_score", "std_test_score", "rank_test_score", "split3_test_score"):
        np.testing.assert_array_equal(ours.cv_results_[key], theirs.cv_results_[key])
