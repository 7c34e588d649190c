"""Fold scores of all points of small grids on data sets that ship with scikit-learn.

Computed once for each task and kept in a folder: a study over such a grid then costs look-ups
alone. Of each data set three tenths are held out; all folds are of the rest.
"""

from __future__ import annotations

import itertools
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC

SCHEMES = ("5", "10", "5x3")
"""Five folds, ten folds, five folds three times."""


@dataclass(frozen=True)
class Task:
    """A data set, a model and a grid.

    Attributes:
        name: Data set and model.
        data: Gives ``X, y``.
        model: Made with the parameters of a point.
        grid: Parameter to its values, in order.
        scorer: scikit-learn's name; the loss is minus that, or 1 minus an accuracy.
        tuning: Whether it is one of those on which the pruner's defaults were chosen.
    """

    name: str
    data: Callable[[], tuple[Any, Any]]
    model: Callable[..., Any]
    grid: Mapping[str, Sequence[Any]]
    scorer: str
    tuning: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each parameter."""
        return tuple(len(values) for values in self.grid.values())


@dataclass(frozen=True)
class Table:
    """What all points of a task's grid give.

    Attributes:
        folds: Scheme to losses, an array of shape (points, folds).
        test: Losses on what was held out, fitted on all the rest, an array of shape (points,).
        seconds: What it took to fit all folds.
    """

    folds: Mapping[str, Any]
    test: Any
    seconds: float


def _logs(low: float, high: float, count: int) -> list[float]:
    return [float(value) for value in np.logspace(low, high, count)]


def _svm(**params: Any) -> Any:
    return make_pipeline(StandardScaler(), SVC(**params))


def _logistic(**params: Any) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, **params))


def _ridge(alpha: float, interaction_only: bool, degree: int) -> Any:
    features = PolynomialFeatures(degree, interaction_only=interaction_only, include_bias=False)
    return make_pipeline(StandardScaler(), features, Ridge(alpha=alpha))


def _forest(kind: Any) -> Callable[..., Any]:
    return lambda **params: kind(n_estimators=15, random_state=0, **params)


def _boosting(kind: Any) -> Callable[..., Any]:
    return lambda **params: kind(n_estimators=25, random_state=0, **params)


def _bundled(name: str, most: int = 10_000) -> Callable[[], tuple[Any, Any]]:
    def data() -> tuple[Any, Any]:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        chosen = np.random.default_rng(0).permutation(len(y))[:most]
        return X[chosen], y[chosen]

    return data


_SVM = {"C": _logs(-2, 4, 14), "gamma": _logs(-6, 1, 14)}
_FOREST = {
    "max_depth": [1, 2, 3, 5, 8, None], "min_samples_leaf": [1, 2, 4, 8, 16],
    "max_features": [0.1, 0.3, 0.6, 1.0],
}  # fmt: skip
_BOOSTING = {
    "learning_rate": _logs(-2.5, 0, 8),
    "max_depth": [1, 2, 3, 5],
    "subsample": [0.4, 0.7, 1.0],
}

TASKS = (
    Task("wine-svm", _bundled("wine"), _svm, _SVM, "accuracy", tuning=True),
    Task("digits-logistic", _bundled("digits", 400), _logistic,
         {"C": _logs(-5, 3, 40), "class_weight": [None, "balanced"]}, "neg_log_loss", tuning=True),
    Task("diabetes-forest", _bundled("diabetes"), _forest(RandomForestRegressor), _FOREST,
         "neg_mean_squared_error", tuning=True),
    Task("cancer-boosting", _bundled("breast_cancer"), _boosting(GradientBoostingClassifier),
         _BOOSTING, "neg_log_loss", tuning=True),
    Task("cancer-svm", _bundled("breast_cancer"), _svm, _SVM, "accuracy"),
    Task("digits-svm", _bundled("digits", 500), _svm, _SVM, "accuracy"),
    Task("cancer-forest", _bundled("breast_cancer"), _forest(RandomForestClassifier), _FOREST,
         "accuracy"),
    Task("diabetes-boosting", _bundled("diabetes"), _boosting(GradientBoostingRegressor),
         _BOOSTING, "neg_mean_squared_error"),
    Task("diabetes-ridge", _bundled("diabetes"), _ridge,
         {"alpha": _logs(-2, 5, 40), "interaction_only": [False, True], "degree": [1, 2]},
         "neg_mean_squared_error"),
)  # fmt: skip
"""The first four are what the pruner's defaults were chosen on; figures are of the others."""


def points(task: Task) -> list[dict[str, Any]]:
    """All points of the grid, the last parameter varying fastest."""
    return [
        dict(zip(task.grid, values, strict=True))
        for values in itertools.product(*task.grid.values())
    ]


def table(task: Task, folder: Path) -> Table:
    """The table of a task: read from the folder, or computed and kept there."""
    path = folder / f"{task.name}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        begin = time.process_time()
        arrays = _computed(task)
        arrays["seconds"] = np.array(time.process_time() - begin)
        np.savez(path, **arrays)
        print(json.dumps({"table": task.name, "cpu_seconds": round(float(arrays["seconds"]))}))
    with np.load(path) as found:
        folds = {scheme: found[scheme] for scheme in SCHEMES}
        return Table(folds, found["test"], float(found["seconds"]))


def _computed(task: Task) -> dict[str, Any]:
    X, y = task.data()
    strata = None if task.scorer == "neg_mean_squared_error" else y
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=strata)
    if strata is None:
        ten, thrice = (
            KFold(10, shuffle=True, random_state=1),
            RepeatedKFold(n_splits=5, n_repeats=3, random_state=0),
        )
    else:
        ten, thrice = (
            StratifiedKFold(10, shuffle=True, random_state=1),
            RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0),
        )
    splits = {"10": list(ten.split(X, y)), "5x3": list(thrice.split(X, y))}
    scorer = get_scorer(task.scorer)
    one = 1.0 if task.scorer == "accuracy" else 0.0
    found: dict[str, list[Any]] = {"10": [], "5x3": [], "test": []}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for point in points(task):
            for scheme, pairs in splits.items():
                found[scheme].append([
                    one - scorer(task.model(**point).fit(X[train], y[train]), X[test], y[test])
                    for train, test in pairs
                ])  # fmt: skip
            found["test"].append(one - scorer(task.model(**point).fit(X, y), X_test, y_test))
    arrays = {name: np.array(values) for name, values in found.items()}
    arrays["5"] = arrays["5x3"][:, :5]
    return arrays
