"""Bad data, splitters and estimators: found before the first trial, in scikit-learn's words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hpo_bridge_sklearn import cross_validated
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import Bunch

import hpo_bridge as hpo
from hpo_bridge.errors import ObjectiveError

pytestmark = [  # of small classes, and of holes in what should be whole numbers
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]

X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
SPACE = hpo.Space(C=hpo.Categorical([0.5, 1.0]))
HOLES = np.where(np.arange(len(y)) == 3, np.nan, y)


class NoParams:
    def fit(self, X: Any, y: Any) -> Any: ...

    def predict(self, X: Any) -> Any: ...


class NoScore(BaseEstimator):  # type: ignore[misc]
    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    def fit(self, X: Any, y: Any) -> Any:
        return self


def refusal(objective: Any, space: hpo.Space = SPACE) -> str:
    study = hpo.Study(space, direction="maximize", seed=0)
    with pytest.raises(ObjectiveError) as raised:
        study.optimize(objective, trials=1)
    assert not study.trials
    return str(raised.value)


def grid_search(estimator: Any, X: Any, y: Any, *, groups: Any = None, **given: Any) -> str:
    """What a grid search says of the same input."""
    params = {"C": [1.0]} if "C" in getattr(estimator, "get_params", dict)() else {}
    more = {} if groups is None else {"groups": groups}
    with pytest.raises(Exception) as raised:  # noqa: PT011
        GridSearchCV(estimator, params, **given).fit(X, y, **more)
    return " ".join(str(raised.value).split())


SAME: list[tuple[str, Any, Any, Any, dict[str, Any], str]] = [
    ("misaligned", SVC(), X, y[:100], {}, "data: Found input variables with inconsistent numbers "
     "of samples: [150, 100]"),
    ("misaligned groups", SVC(), X, y, {"cv": GroupKFold(3), "groups": y[:7]},
     "data: Found input variables with inconsistent numbers of samples: [150, 150, 7]"),
    ("no samples", SVC(), X[:0], y[:0], {"cv": KFold(3)},
     "cv: Cannot have number of splits n_splits=3 greater than the number of samples: "
     "n_samples=0."),
    ("small classes", SVC(), X[45:55], np.repeat([0, 1], [2, 8]), {"cv": StratifiedKFold(9)},
     "cv: n_splits=9 cannot be greater than the number of members in each class."),
    ("NaN in classes", SVC(), X, HOLES, {}, "data: Input y contains NaN."),
    ("no groups", SVC(), X, y, {"cv": GroupKFold(3)},
     "cv: The 'groups' parameter should not be None."),
    ("no score", NoScore(), X, y, {"cv": KFold(3)},
     "scoring: If no scoring is specified, the estimator passed should have a 'score' method. "
     "The estimator NoScore() does not."),
    ("too many folds", SVC(), X[:6], y[:6], {"cv": KFold(7)},
     "cv: Cannot have number of splits n_splits=7 greater than the number of samples: "
     "n_samples=6."),
]  # fmt: skip


@pytest.mark.parametrize(("estimator", "X", "y", "given", "message"), [
    pytest.param(*case[1:], id=case[0]) for case in SAME
])  # fmt: skip
def test_as_a_grid_search_says_it(
    estimator: Any, X: Any, y: Any, given: dict[str, Any], message: str
) -> None:
    text = refusal(cross_validated(estimator, X, y, **given))
    assert text == message
    assert grid_search(estimator, X, y, **given).endswith(message.partition(": ")[2])


FITS = [
    ("NaN in targets", Ridge(), HOLES, "data: Input y contains NaN."),
    ("infinite targets", Ridge(), np.where(y == 2, np.inf, y),
     "data: Input y contains infinity or a value too large for dtype('float64')."),
    ("continuous classes", LogisticRegression(), np.linspace(0, 1, len(y)),
     "data: Unknown label type: continuous. Maybe you are trying to fit a classifier, which "
     "expects discrete classes on a regression target with continuous values."),
]  # fmt: skip


@pytest.mark.parametrize(("estimator", "y", "message"), [
    pytest.param(*case[1:], id=case[0]) for case in FITS
])  # fmt: skip
def test_what_a_grid_search_finds_at_its_fits_is_found_before(
    estimator: Any, y: Any, message: str
) -> None:
    space = (
        SPACE if isinstance(estimator, LogisticRegression) else hpo.Space(alpha=hpo.Float(1, 2))
    )
    assert refusal(cross_validated(estimator, X, y), space) == message
    assert message.partition(": ")[2] in grid_search(estimator, X, y)


class Tolerant(Ridge):  # type: ignore[misc]
    """Takes targets with holes, as some models of several targets do."""

    def fit(self, X: Any, y: Any) -> Any:
        known = np.isfinite(y)
        return super().fit(X[known], y[known])

    def score(self, X: Any, y: Any) -> float:
        known = np.isfinite(y)
        return float(super().score(X[known], y[known]))


def test_who_takes_targets_with_holes_gets_them() -> None:
    study = hpo.Study(hpo.Space(alpha=hpo.Float(0.1, 1)), direction="maximize", seed=0)
    study.optimize(
        cross_validated(Tolerant(), X, HOLES, cv=KFold(3, shuffle=True, random_state=0)), trials=1
    )
    assert study.best.value > 0.5


def test_nan_among_the_samples_is_the_estimators_matter() -> None:
    holes = np.where(np.arange(X.size).reshape(X.shape) == 5, np.nan, X)
    study = hpo.Study(SPACE, direction="maximize", seed=0)
    study.optimize(cross_validated(SVC(), holes, y), trials=1)
    assert study.trials[0].error is not None
    assert study.trials[0].error.startswith("fold 0: ValueError: Input X contains NaN. SVC does")


OWN = [
    ("an empty test set", SVC(), {"cv": [(np.arange(150), np.arange(10)), (np.arange(150), [])]},
     "cv: the test part of fold 1 is empty: Found array with 0 sample(s) while a minimum of 1"),
    ("an empty training set", SVC(), {"cv": [(np.zeros(150, bool), np.arange(10))]},
     "cv: the training part of fold 0 is empty: Found array with 0 sample(s)"),
    ("no folds", SVC(), {"cv": []}, "cv: "),
    ("not an estimator", 3, {},
     "estimator: estimator should be an estimator implementing 'fit' method, 3 was passed"),
    ("no parameters", NoParams(), {}, "estimator: Cannot clone object"),
    ("a class that needs arguments", FrozenEstimator, {}, "estimator: FrozenEstimator.__init__()"),
    ("weights", SVC(), {"fit_params": {"sample_weight": np.ones(7)}},
     "data: sample_weight.shape == (7,), expected (150,)!"),
]  # fmt: skip


@pytest.mark.parametrize(("estimator", "given", "message"), [
    pytest.param(*case[1:], id=case[0]) for case in OWN
])  # fmt: skip
def test_what_scikit_learn_finds_late_or_in_other_words(
    estimator: Any, given: dict[str, Any], message: str
) -> None:
    assert refusal(cross_validated(estimator, X, y, **given)).startswith(message)


EXPECTED = "expected (X, y), (X, y, groups) or a mapping with X, y, groups, sample_weight"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (X, "found array("),
        ((X,), f"found a tuple of 1, {EXPECTED}"),
        (None, f"found None, {EXPECTED}"),
        ({"x": X, "y": y}, f"found a mapping with the keys x, y, {EXPECTED}"),
        ({"X": X, "y": y, "group": y}, "found the key 'group' (did you mean 'groups'?); accepted: "
         "X, y, groups, sample_weight, fit_params, score_params"),
    ],
)  # fmt: skip
def test_what_is_no_data(found: Any, message: str) -> None:
    text = refusal(cross_validated(SVC(), data=lambda: found))
    assert text.startswith(f"data: {message}")


def test_what_is_data() -> None:
    values = set()
    for found in (
        (X, y), (X, y, None), {"X": X, "y": y}, Bunch(data=X, target=y, DESCR="…"),
        Bunch(X=X, y=y), (X.tolist(), y.tolist()),
    ):  # fmt: skip
        study = hpo.Study(SPACE, direction="maximize", seed=0)
        study.optimize(cross_validated(SVC(), data=lambda found=found: found), trials=1)
        values.add(study.best.value)
    assert len(values) == 1


def test_data_that_cannot_be_loaded_name_the_users_line() -> None:
    def load() -> Any:
        raise OSError("no such disk")

    text = refusal(cross_validated(SVC(), data=load))
    assert text.startswith("data: OSError: no such disk (test_bad_input.py:")
