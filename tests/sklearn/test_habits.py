"""What users of other searches write: understood, or named as it is here."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hpo_bridge_sklearn import BridgeSearchCV, cross_validated
from hpo_bridge_sklearn.spaces import search_space
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.svm import SVC
from skopt.space import Integer, Real

import hpo_bridge as hpo
from hpo_bridge import HpoBridgeError
from hpo_bridge.errors import SpaceError, SpaceWarning

X, y = load_iris(return_X_y=True)
GRID = {"C": [0.1, 1.0]}


@pytest.mark.parametrize(
    ("given", "here"),
    [
        ({"param_grid": GRID}, "space, the second"), ({"param_distributions": GRID}, "space, the"),
        ({"search_spaces": GRID}, "space, the second argument"), ({"n_iter": 3}, "n_trials"),
        ({"seed": 3}, "random_state"), ({"workers": 3}, "n_jobs"), ({"sampler": 3}, "backend"),
        ({"n_job": 3}, "did you mean 'n_jobs'"), ({"early_stopping": 1}, "here it is pruner"),
        ({"timeout": 3}, "n_trials limits"), ({"mode": "max"}, "scoring"),
        ({"optimizer_kwargs": {}}, "backend={'name'"), ({"callbacks": []}, "left out"),
    ],
)  # fmt: skip
def test_an_argument_of_another_search_is_named(given: dict[str, Any], here: str) -> None:
    with pytest.raises(TypeError) as caught:
        BridgeSearchCV(SVC(), **given)
    (name,) = given
    assert isinstance(caught.value, hpo.HpoBridgeError)
    assert str(caught.value).startswith(f"{name}: ")
    assert here in str(caught.value)


def test_the_search_can_still_be_cloned() -> None:
    search = BridgeSearchCV(SVC(), GRID, n_trials=2)
    assert clone(search).get_params()["n_trials"] == 2


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ((0.1, 10.0, "log-uniform"), hpo.Float(0.1, 10.0, log=True)),
        ([0.1, 10.0, "log-uniform"], hpo.Float(0.1, 10.0, log=True)),
        ((0.1, 10.0, "loguniform"), hpo.Float(0.1, 10.0, log=True)),
        ((0.1, 10.0, "log-uniform", 2), hpo.Float(0.1, 10.0, log=True)),
        ((1, 10, "log"), hpo.Int(1, 10, log=True)),
        ((1e-3, 1.0, "uniform"), hpo.Float(1e-3, 1.0)), ((1, 10, "uniform"), hpo.Int(1, 10)),
        ((np.int64(1), 10, "log-uniform"), hpo.Int(1, 10, log=True)),
        (Real(0.1, 10, prior="log-uniform"), hpo.Float(0.1, 10, log=True)),
        (Integer(1, 10), hpo.Int(1, 10)),
    ],
)  # fmt: skip
def test_a_range_of_scikit_optimize_is_a_range(written: Any, meant: Any) -> None:
    assert search_space({"C": written}).space["C"] == meant


def test_lists_of_arrays_are_choices() -> None:
    for arrays in ([np.ones(2)] * 3, [1, 2, np.ones(2)], [1, 2, np.ones(2), 4]):
        assert len(search_space({"C": arrays}).space["C"].choices) == len(arrays)


def test_a_range_that_cannot_be_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"^C\.low: "):
        search_space({"C": (-1.0, 10.0, "log-uniform")})


def test_a_tuple_of_two_numbers_warns() -> None:
    with pytest.warns(SpaceWarning, match=r"hpo_bridge.Int\(1, 10\)"):
        assert search_space({"C": (1, 10)}).space["C"] == hpo.Categorical([1, 10])
    assert search_space({"C": [1, 10]}).space["C"] == hpo.Categorical([1, 10])


@pytest.mark.parametrize("runner", [
    "inline", {"name": "inline", "retries": 1}, {"name": "inline", "options": {"retries": 1}},
])  # fmt: skip
def test_a_runner_is_given_as_everywhere(runner: Any) -> None:
    search = BridgeSearchCV(SVC(), GRID, backend="core.grid", runner=runner, cv=2).fit(X, y)
    assert len(search.trials_) == 2


def test_a_store_and_backends_are_given_as_everywhere(tmp_path: Path) -> None:
    backend = ({"name": "core.random", "trials": 1}, "core.random")
    search = BridgeSearchCV(
        SVC(), GRID, backend=backend, n_trials=np.int64(2), store=tmp_path / "s.db", cv=2
    ).fit(X, y)
    assert len(search.trials_) == 2
    assert (tmp_path / "s.db").exists()


@pytest.mark.parametrize(
    "argument",
    sorted(
        inspect.signature(BridgeSearchCV).parameters.keys() - {"space", "cv", "scoring"}
    ),  # of which scikit-learn's own errors tell
)
def test_each_argument_of_a_search_is_named(argument: str) -> None:
    for bad in (*BAD, None):
        given = {"estimator": SVC(), "space": GRID, "n_trials": 1, "cv": 2, argument: bad}
        try:
            BridgeSearchCV(**given).fit(X, y)
        except (HpoBridgeError, ValueError, TypeError) as error:
            assert argument in str(error), f"{bad!r}: {error}"  # noqa: PT017


BAD: list[Any] = [{"no": "such"}, "no such", ["no", 3], 0.5, -1, object()]


def tuned(**given: Any) -> str:
    """The text of the error of a study of ``cross_validated``, which has to be one of ours."""
    try:
        with hpo.Study({"C": hpo.Float(0.1, 1)}, direction="maximize", seed=0) as study:
            study.optimize(cross_validated(SVC(), **given), trials=1)
    except hpo.HpoBridgeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "argument",
    ["cv", "scoring", "objective", "error_score", "return_train_score", "fold_workers", "groups",
     "fit_params", "score_params", "data"],
)  # fmt: skip
def test_each_argument_of_cross_validated_is_named(argument: str) -> None:
    for bad in BAD:
        given = {"X": X, "y": y, "cv": 2, argument: bad}
        if argument == "data":
            del given["X"], given["y"]
        text = tuned(**given)
        assert not text or argument in text or "data" in text, f"{bad!r}: {text}"
