"""The problems ``models/…``: scikit-learn's models on the data sets that come with it.

Cross-validated, deterministic, 10 to 100 ms each. They were named before the portfolio was built,
and nothing was tuned on them. The best known value is the least of 400 random points and of
two studies of ``optuna.tpe`` with 200 trials each, the median that of the random points:

    python benchmarks/models.py
"""

from __future__ import annotations

import statistics
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

import hpo_bridge as hpo

Params = Mapping[str, Any]
BEST: dict[str, tuple[float, float]] = {
    "neighbors-wine": (0.03747972593788324, 0.11242937853107345),
    "svc-digits": (-0.9774436090225563, -0.7049433284704297),
    "kernel-ridge-diabetes": (2887.6185817913283, 6316.478663893124),
    "trees-breast-cancer": (0.031777750107768545, 0.04829638110864283),
    "boosting-diabetes": (3008.1851920105287, 4764.691420292249),
}
"""Problem to its best known value and the median of random points; written by this script."""
RANDOM_POINTS, STUDIES, TRIALS = 400, 2, 200


@cache
def _data(name: str, rows: int = 400) -> tuple[Any, Any]:
    """The first rows of a data set in a fixed random order."""
    from sklearn import datasets

    features, target = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(target))[:rows]
    return features[order], target[order]


def _score(model: Any, data: str, scoring: str, scaler: Any = None) -> float:
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline

    whole = model if scaler is None else make_pipeline(scaler, model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return -float(np.mean(cross_val_score(whole, *_data(data), cv=3, scoring=scoring)))


def _neighbors(p: Params) -> float:
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    scalers = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}
    model = KNeighborsClassifier(p["n_neighbors"], weights=p["weights"], p=p["p"])
    return _score(model, "wine", "neg_brier_score", scalers[p["scaler"]]())


def _support_vectors(p: Params) -> float:
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    more = {name: p[name] for name in ("gamma", "degree", "coef0") if name in p}
    model = SVC(C=p["C"], kernel=p["kernel"], **more)
    return _score(model, "digits", "accuracy", StandardScaler())


def _kernel_ridge(p: Params) -> float:
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.preprocessing import StandardScaler

    model = KernelRidge(alpha=p["alpha"], gamma=p["gamma"], kernel="rbf")
    return _score(model, "diabetes", "neg_mean_squared_error", StandardScaler())


def _trees(p: Params) -> float:
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(
        24, max_depth=p["max_depth"], min_samples_leaf=p["min_samples_leaf"],
        max_features=p["max_features"], criterion=p["criterion"], bootstrap=p["bootstrap"],
        max_samples=p.get("max_samples"), random_state=0,
    )  # fmt: skip
    return _score(model, "breast_cancer", "neg_brier_score")


def _boosting(p: Params) -> float:
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(**p, random_state=0)
    return _score(model, "diabetes", "neg_mean_squared_error")


MODELS: dict[str, tuple[hpo.Space, Callable[[Params], float]]] = {
    "neighbors-wine": (
        hpo.Space(
            n_neighbors=hpo.Int(1, 60, log=True),
            weights=hpo.Categorical(["uniform", "distance"]),
            p=hpo.Float(1.0, 6.0),
            scaler=hpo.Categorical(["standard", "minmax", "robust"]),
        ),
        _neighbors,
    ),
    "svc-digits": (
        hpo.Space(
            C=hpo.Float(1e-3, 1e3, log=True),
            kernel=hpo.Categorical(["rbf", "poly", "linear", "sigmoid"]),
            gamma=hpo.Float(1e-5, 1e1, log=True, when={"kernel": ["rbf", "poly", "sigmoid"]}),
            degree=hpo.Int(2, 5, when={"kernel": "poly"}),
            coef0=hpo.Float(0.0, 2.0, when={"kernel": ["poly", "sigmoid"]}),
        ),
        _support_vectors,
    ),
    "kernel-ridge-diabetes": (
        hpo.Space(
            alpha=hpo.Float(1e-4, 1e3, log=True), gamma=hpo.Float(1e-5, 1e1, log=True)
        ),
        _kernel_ridge,
    ),
    "trees-breast-cancer": (
        hpo.Space(
            max_depth=hpo.Int(1, 16),
            min_samples_leaf=hpo.Int(1, 30, log=True),
            max_features=hpo.Float(0.05, 1.0),
            criterion=hpo.Categorical(["gini", "entropy"]),
            bootstrap=hpo.Categorical([True, False]),
            max_samples=hpo.Float(0.2, 1.0, when={"bootstrap": True}),
        ),
        _trees,
    ),
    "boosting-diabetes": (
        hpo.Space(
            learning_rate=hpo.Float(1e-3, 1.0, log=True),
            n_estimators=hpo.Int(5, 80, log=True),
            max_depth=hpo.Int(1, 6),
            subsample=hpo.Float(0.3, 1.0),
            max_features=hpo.Float(0.1, 1.0),
            min_samples_leaf=hpo.Int(1, 40, log=True),
        ),
        _boosting,
    ),
}  # fmt: skip


def searched(name: str) -> tuple[float, float]:
    """The least value that a long search finds, and the median of random points."""
    space, function = MODELS[name]
    with hpo.Study(space, backend="core.random", seed=0) as study:
        study.optimize(lambda trial: function(dict(trial)), trials=RANDOM_POINTS)
        random = [float(trial.value) for trial in study.trials]
    best = min(random)
    for seed in range(STUDIES):
        with hpo.Study(space, backend="optuna.tpe", seed=seed) as study:
            study.optimize(lambda trial: function(dict(trial)), trials=TRIALS)
            best = min(best, float(study.best.value))
    return best, statistics.median(random)


def main() -> None:
    for name in sys.argv[1:] or MODELS:
        best, median = searched(name)
        print(f'    "{name}": ({best!r}, {median!r}),', flush=True)


if __name__ == "__main__":
    main()
