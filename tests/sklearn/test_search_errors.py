"""Bad input: the errors of ``GridSearchCV`` for what is its own, one line for what is ours."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hpo_bridge_sklearn import BridgeSearchCV
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

import hpo_bridge as hpo
from hpo_bridge.errors import SpaceError, UnknownName

X, y = load_iris(return_X_y=True)
GRID = {"C": [0.1, 1.0]}


class Uneven(KFold):
    def get_n_splits(self, *args: Any, **kwargs: Any) -> int:
        return 9


class NoFit:
    pass


def with_nan() -> Any:
    data = X.copy()
    data[3, 1] = np.nan
    return data


BAD: dict[str, dict[str, Any]] = {
    "no samples": {"X": X[:0], "y": y[:0]},
    "unequal lengths": {"y": y[:-1]},
    "one dimension": {"X": X[:, 0], "error_score": "raise"},
    "a NaN": {"X": with_nan(), "error_score": "raise"},
    "a NaN in all folds": {"X": np.full_like(X, np.nan)},
    "infinite": {"X": np.full_like(X, np.inf)},
    "one class": {"y": np.zeros(len(y))},
    "more folds than samples": {"X": X[:3], "y": y[:3]},
    "folds of nothing": {"cv": 0},
    "folds that are none": {"cv": "five"},
    "an empty iterable of folds": {"cv": []},
    "an empty test fold": {"cv": [(np.arange(100), np.arange(0))], "error_score": "raise"},
    "a splitter that cannot count": {"cv": Uneven(3)},
    "groups that are missing": {"cv": GroupKFold(3)},
    "an unknown scorer": {"scoring": "acuracy"},
    "an unknown scorer of several": {"scoring": ["accuracy", "acuracy"], "refit": "accuracy"},
    "several scorers and a plain refit": {"scoring": ["accuracy", "f1_macro"]},
    "several scorers and another refit": {"scoring": ["accuracy"], "refit": "recall"},
    "a scorer that raises": {"scoring": lambda e, X, y: 1 / 0, "error_score": "raise"},
    "a scorer that gives a text": {"scoring": lambda e, X, y: "good", "error_score": "raise"},
    "a callable whose scores refit does not name": {
        "scoring": lambda e, X, y: {"a": 1.0, "b": 2.0}, "refit": "c",
    },
    "a number of jobs that is none": {"n_jobs": "two"},
    "an error score that is none": {"error_score": "ignore"},
    "a refit that is none": {"refit": 3.5},
    "a function that chooses nothing": {"refit": lambda results: "best"},
    "a function that chooses too far": {"refit": lambda results: 99},
    "an estimator that is none": {"estimator": NoFit()},
    "an unknown parameter": {"grid": {"c": [1.0]}},
    "an invalid value": {"grid": {"C": [-1.0]}},
    "an invalid value that raises": {"grid": {"C": [1.0, -1.0]}, "error_score": "raise"},
    "a value that is no list": {"grid": {"C": 1.0}},
    "a text for a list": {"grid": {"kernel": "rbf"}},
    "an empty list": {"grid": {"C": []}},
    "a table for a list": {"grid": {"C": np.ones((2, 2))}},
}  # fmt: skip


def raised(make: Any, case: dict[str, Any]) -> BaseException:
    options = {"estimator": SVC(), **case}
    data = [options.pop("X", X), options.pop("y", y)]
    grid = options.pop("grid", GRID)
    with pytest.raises(Exception) as error:  # noqa: PT011
        make(options.pop("estimator"), grid, **options).fit(*data)
    return error.value


def told(error: BaseException) -> str:
    """The message, without names of the class, addresses, and what files it went through."""
    text = re.sub(r"(Grid|Bridge)SearchCV", "SearchCV", str(error)).split("File ")[0]
    return re.sub(r" at 0x[0-9a-f]+", "", text)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", BAD, ids=lambda case: case.replace(" ", "-"))
def test_errors_are_those_of_grid_search(case: str) -> None:
    theirs = raised(GridSearchCV, BAD[case])
    ours = raised(lambda *a, **k: BridgeSearchCV(*a, backend="core.grid", **k), BAD[case])
    assert type(ours) is type(theirs)
    assert told(ours) == told(theirs)


@pytest.mark.parametrize("method", ["predict", "decision_function", "score", "transform"])
@pytest.mark.parametrize("fitted", [False, True])
def test_methods_are_there_as_in_grid_search(method: str, fitted: bool) -> None:
    for options in ({}, {"refit": False}):
        theirs = GridSearchCV(SVC(), GRID, cv=2, **options)
        ours = BridgeSearchCV(SVC(), GRID, backend="core.grid", cv=2, **options)
        for search in (theirs, ours):
            if fitted:
                search.fit(X, y)
        assert hasattr(ours, method) == hasattr(theirs, method)
        found = []
        for search in (theirs, ours):
            try:
                found.append(getattr(search, method)(*((X, y) if method == "score" else (X,))))
            except Exception as error:
                found.append((type(error), told(error)))
        assert str(found[0]) == str(found[1])


def test_what_is_not_fitted_says_so() -> None:
    with pytest.raises(NotFittedError, match="This BridgeSearchCV instance is not fitted yet"):
        BridgeSearchCV(SVC(), GRID).predict(X)


OURS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "endless": ({}, hpo.HpoBridgeError, "n_trials: backend 'core.random' never ends by itself"),
    "unknown backend": (
        {"backend": "optuna.tpf", "n_trials": 2}, UnknownName, r"did you mean 'optuna.tpe'\?",
    ),
    "unknown pruner": (
        {"pruner": "medain", "n_trials": 2}, UnknownName, r"did you mean 'median'\?",
    ),
    "unknown runner": (
        {"runner": "proceses", "n_trials": 2}, UnknownName, r"did you mean 'processes'\?",
    ),
    "unknown option": (
        {"backend": {"name": "core.grid", "options": {"res": 1}}}, hpo.HpoBridgeError, "res",
    ),
    "a distribution": (
        {"space": {"C": scipy.stats.expon()}, "n_trials": 2}, SpaceError,
        "C: found the distribution 'expon', which no parameter equals; accepted of SciPy's: "
        "uniform, loguniform",
    ),
    "a shifted distribution": (
        {"space": {"C": scipy.stats.loguniform(1, 2, loc=3)}, "n_trials": 2}, SpaceError,
        "C: found the distribution 'loguniform'",
    ),
    "something to draw from": (
        {"space": {"C": np.random.default_rng()}, "n_trials": 2}, TypeError, "'C' needs to be",
    ),
    "a grid of floats": (
        {"space": {"C": hpo.Float(0, 1)}, "backend": "core.grid"}, hpo.HpoBridgeError, "'C'",
    ),
    "a condition on nothing": (
        {"space": {"C": hpo.Float(0, 1, when={"kernel": "rbf"})}, "n_trials": 2}, SpaceError,
        "C.when.kernel",
    ),
    "a condition on another value": (
        {"space": {"kernel": ["rbf"], "C": hpo.Float(0, 1, when={"kernel": "r"})}, "n_trials": 2},
        SpaceError, r"C.when.kernel: 'r' is not one of the choices \['rbf'\]",
    ),
    "no dictionaries": ({"space": [], "n_trials": 2}, SpaceError, "found an empty list"),
    "no scorer": (
        {"objectives": "f1", "n_trials": 2}, hpo.HpoBridgeError,
        r"objectives: found \['f1'\], expected scorers of: score",
    ),
    "no trials": ({"n_trials": 0}, ValueError, "'n_trials' parameter of BridgeSearchCV must be"),
    "a store that is open": ({"store": object(), "n_trials": 1}, ValueError, "'store' parameter"),
    "several objectives and a pruner": (
        {"scoring": ["accuracy", "f1_macro"], "objectives": ["accuracy", "f1_macro"],
         "refit": "accuracy", "pruner": "median", "backend": "optuna.nsga2", "n_trials": 2},
        hpo.HpoBridgeError, "several objectives cannot be pruned",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.replace(" ", "-"))
def test_what_is_ours_is_refused_before_the_first_fit(case: str) -> None:
    options, kind, message = OURS[case]

    class Unfit(SVC):
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("it was fitted")

    with pytest.raises(kind, match=message) as error:
        BridgeSearchCV(Unfit(), **{"space": GRID, **options}).fit(X, y)
    assert "\n" not in str(error.value).strip()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "space", "options"),
    [
        (Ridge(), {"alpha": [0.1, 1.0]}, {"backend": "core.grid"}),
        (LogisticRegression(), {"C": hpo.Float(0.1, 1)}, {"n_trials": 2, "random_state": 0}),
    ],
    ids=["grid", "random"],
)
def test_the_checks_of_scikit_learn(estimator: Any, space: Any, options: dict[str, Any]) -> None:
    """Two fits or so each; what fails must fail for ``GridSearchCV`` too."""
    grid = {name: [0.1, 1.0] for name in space}
    verdicts = []
    for search in (
        BridgeSearchCV(estimator, space, cv=2, **options), GridSearchCV(estimator, grid, cv=2)
    ):  # fmt: skip
        checks = check_estimator(search, on_fail=None, on_skip=None)
        verdicts.append([(check["check_name"], check["status"]) for check in checks])
    assert verdicts[0] == verdicts[1]
    assert len(verdicts[0]) > 50
    # Ridge takes targets of two dimensions as several targets, and so does a search over it.
    expected = {"check_supervised_y_2d"} if isinstance(estimator, Ridge) else set()
    assert {name for name, status in verdicts[0] if status == "failed"} == expected
    skipped = {name for name, status in verdicts[0] if status == "skipped"}
    assert all(name.startswith("check_array_api") for name in skipped)  # of other libraries


@pytest.mark.parametrize("runner", [None, "inline"])
def test_candidates_that_fail_stop_no_search(runner: str | None) -> None:
    bad = [-float(n) for n in range(1, 13)]
    search = BridgeSearchCV(
        SVC(), {"C": [*bad, 1.0]}, backend="core.grid", n_trials=None, runner=runner,
        random_state=0,
    )  # fmt: skip
    with pytest.warns(FitFailedWarning), pytest.warns(UserWarning, match="non-finite"):
        search.fit(X, y)
    assert search.best_params_ == {"C": 1.0}
    assert len(search.cv_results_["params"]) == 13
