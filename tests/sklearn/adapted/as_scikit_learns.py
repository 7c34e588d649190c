"""A pytest plugin: scikit-learn's own tests of its searches get ``BridgeSearchCV`` instead.

It stands in for the two names that the tests import, so it must be loaded before them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.model_selection
from hpo_bridge_sklearn.search import BridgeSearchCV
from hpo_bridge_sklearn.spaces import search_space

LEFT_OUT = {
    "test_random_search_cv_results": (
        "draws from the distribution expon, which no parameter of the bridge equals: refused"
    ),
    "test_search_with_2d_array": "expects the very candidates that RandomizedSearchCV draws",
}
"""Name of a test to why it is about something else than what BridgeSearchCV promises."""

OTHERS = ("ParameterGrid", "ParameterSampler", "Halving", "masked_array")
"""Tests with one of these in their names do not touch the two classes that are replaced."""


class _Stands(BridgeSearchCV):
    """What the arguments of scikit-learn's two classes have in common."""

    n_trials = objectives = pruner = store = runner = random_state = None
    study_name = "search"

    def __init__(
        self,
        estimator: Any,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
    ) -> None:
        self.estimator, self.scoring, self.n_jobs, self.refit = estimator, scoring, n_jobs, refit
        self.cv, self.verbose, self.pre_dispatch = cv, verbose, pre_dispatch
        self.error_score, self.return_train_score = error_score, return_train_score

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        super().fit(X, y, **params)
        del self.trials_  # which the tests do not expect
        return self


class GridSearchCV(_Stands):
    backend = "core.grid"

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score,
            return_train_score,
        )  # fmt: skip
        self.param_grid = param_grid

    @property
    def space(self) -> Any:
        return self.param_grid


class RandomizedSearchCV(_Stands):
    """Of a space of lists alone it takes every point once, if there are no more than asked for.

    As scikit-learn's does, whose tests rest on it.
    """

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score,
            return_train_score,
        )  # fmt: skip
        self.param_distributions, self.n_iter = param_distributions, n_iter
        self.random_state = random_state

    @property
    def space(self) -> Any:
        return self.param_distributions

    @property
    def backend(self) -> str:  # type: ignore[override]
        size = search_space(self.param_distributions).space.cardinality
        return "core.grid" if size is not None and size <= self.n_iter else "core.random"

    @property
    def n_trials(self) -> int:  # type: ignore[override]
        return self.n_iter


sklearn.model_selection.GridSearchCV = GridSearchCV
sklearn.model_selection.RandomizedSearchCV = RandomizedSearchCV


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Takes out what is left out, and fails if that is no longer there."""
    missing = set(LEFT_OUT) - {item.name.split("[")[0] for item in items}
    if missing:
        raise pytest.UsageError(f"scikit-learn has no more tests named {sorted(missing)}")
    items[:] = [
        item
        for item in items
        if item.name.split("[")[0] not in LEFT_OUT
        and not any(other in item.name for other in OTHERS)
    ]
