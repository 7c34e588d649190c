"""``BridgeSearchCV`` where it is more than ``GridSearchCV``: backends, stores, pruning."""

from __future__ import annotations

import copy
import doctest
import importlib
import pickle
import threading
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hpo_bridge_sklearn import BridgeSearchCV
from hpo_bridge_sklearn.pool import Pool
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import hpo_bridge as hpo
from hpo_bridge.errors import StoreError

X, y = load_iris(return_X_y=True)
SPACE = {"C": hpo.Float(1e-2, 1e2, log=True), "gamma": loguniform(1e-3, 1e1)}


class Counted(ClassifierMixin, BaseEstimator):
    """Scores ``quality``, plus the share of the last fold; counts its fits, in this process."""

    fits: list[float] = []
    lock = threading.Lock()
    stop_after: int | None = None

    def __init__(self, quality: float = 0.0) -> None:
        self.quality = quality

    def fit(self, X: Any, y: Any) -> Counted:
        with self.lock:
            if self.stop_after is not None and len(self.fits) >= self.stop_after:
                raise KeyboardInterrupt
            self.fits.append(self.quality)
        if self.quality < 0:
            raise ValueError("no quality")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))

    def score(self, X: Any, y: Any = None) -> float:
        return float(self.quality + 1e-3 * X[0, 0])


@pytest.fixture(autouse=True)
def _no_fits_yet() -> None:
    Counted.fits, Counted.stop_after = [], None


def columns(search: BridgeSearchCV) -> dict[str, list[str]]:
    """``cv_results_`` without the times, to compare."""
    return {
        key: [str(value) for value in values]
        for key, values in search.cv_results_.items()
        if not key.endswith("_time")
    }


# -- the same again -----------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["core.random", "optuna.tpe", "deap.ga"])
def test_one_worker_gives_the_same_for_the_same_random_state(backend: str) -> None:
    found = [
        BridgeSearchCV(SVC(), SPACE, backend=backend, n_trials=15, random_state=seed, cv=3)
        .fit(X, y)
        for seed in (1, 1, 2)
    ]  # fmt: skip
    assert columns(found[0]) == columns(found[1])
    assert columns(found[0]) != columns(found[2])


def test_several_workers_give_the_same_for_a_backend_that_does_not_learn() -> None:
    search = BridgeSearchCV(SVC(), SPACE, n_trials=12, random_state=0, cv=3)
    one = columns(clone(search).fit(X, y))
    assert columns(clone(search).set_params(n_jobs=2).fit(X, y)) == one
    with joblib.parallel_config("threading", n_jobs=3):
        assert columns(clone(search).fit(X, y)) == one


def test_the_study_by_hand_proposes_the_same_candidates() -> None:
    search = BridgeSearchCV(SVC(), SPACE, backend="optuna.tpe", n_trials=14, random_state=3)
    search.fit(X, y)
    space = hpo.Space(C=SPACE["C"], gamma=hpo.Float(1e-3, 1e1, log=True))
    study = hpo.Study(space, backend="optuna.tpe", seed=3, direction="maximize")
    study.optimize(lambda trial: cross_val_score(SVC(**trial), X, y).mean(), trials=14)
    assert [trial.params for trial in study.trials] == search.cv_results_["params"]
    assert [trial.value for trial in study.trials] == list(search.cv_results_["mean_test_score"])


@pytest.mark.parametrize("backend", ["deap.ga", "deap.cmaes", "optuna.nsga2", "skopt.random"])
def test_a_backend_that_waits_for_its_generation_ends_with_several_workers(backend: str) -> None:
    space = {"quality": hpo.Float(0, 1)} | ({"C": hpo.Float(0, 1)} if "cma" in backend else {})
    estimator = SVC() if "C" in space else Counted()
    if "C" in space:
        space = {"C": hpo.Float(0.1, 1), "gamma": hpo.Float(0.1, 1)}
    search = BridgeSearchCV(estimator, space, backend=backend, n_trials=33, random_state=0, cv=3)
    with joblib.parallel_config("threading", n_jobs=3):
        search.fit(X, y)
    assert len(search.trials_) == 33
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_backends_take_turns() -> None:
    search = BridgeSearchCV(
        SVC(), SPACE, backend=[{"name": "core.random", "trials": 3}, "optuna.tpe"], n_trials=5,
        random_state=0, cv=2,
    ).fit(X, y)  # fmt: skip
    assert [t.backend for t in search.trials_] == ["core.random"] * 3 + ["optuna.tpe"] * 2


# -- spaces ---------------------------------------------------------------------------------


def test_a_step_is_swapped_and_its_own_parameters_come_with_it() -> None:
    svc, neighbors = SVC(), KNeighborsClassifier()
    space = {
        "model": [svc, neighbors],
        "model__C": hpo.Float(0.1, 10, log=True, when={"model": svc}),
        "model__n_neighbors": hpo.Int(1, 9, when={"model": neighbors}),
    }
    pipeline = Pipeline([("scale", StandardScaler()), ("model", SVC())])
    search = BridgeSearchCV(pipeline, space, n_trials=12, random_state=0, cv=3).fit(X, y)
    for params, trial in zip(search.cv_results_["params"], search.trials_, strict=True):
        is_svc = params["model"] is svc
        assert trial.params["model"] == ("0: SVC()" if is_svc else "1: KNeighborsClassifier()")
        assert set(params) == {"model", "model__C" if is_svc else "model__n_neighbors"}
    masked = np.ma.getmaskarray(search.cv_results_["param_model__C"])
    assert masked.any()
    assert not masked.all()
    assert svc.C == 1.0  # what was given is never fitted or set
    assert not hasattr(svc, "classes_")


def test_a_space_of_the_bridge_with_constraints_and_constants() -> None:
    space = hpo.Space(
        {"C": hpo.Int(1, 9), "degree": hpo.Int(1, 9), "kernel": "poly"},
        constraints=["C + degree <= 4"],
    )
    search = BridgeSearchCV(SVC(), space, backend="core.grid", cv=3).fit(X, y)
    points = [(p["C"], p["degree"]) for p in search.cv_results_["params"]]
    assert points == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1)]
    assert {p["kernel"] for p in search.cv_results_["params"]} == {"poly"}


def test_candidates_have_the_very_types_that_were_given() -> None:
    space = {"C": np.logspace(-1, 1, 3), "class_weight": [None, {0: 2.0}], "tol": [1e-3]}
    search = BridgeSearchCV(SVC(), space, backend="core.grid", cv=3).fit(X, y)
    assert {type(p["C"]) for p in search.cv_results_["params"]} == {np.float64}
    assert search.cv_results_["param_C"].dtype == np.float64
    assert search.trials_[0].params == {"C": 0.1, "class_weight": "0: None", "tol": 1e-3}


# -- stores ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the")
@pytest.mark.parametrize("backend", ["core.random", "optuna.tpe"])
def test_a_search_goes_on_where_it_was(tmp_path: Path, backend: str) -> None:
    space = {"quality": hpo.Float(-0.3, 1)}  # some fits fail
    options: dict[str, Any] = {
        "backend": backend, "random_state": 0, "cv": 3, "return_train_score": True,
        "refit": False,
    }  # fmt: skip
    store = f"sqlite:///{tmp_path}/search.db"
    whole = BridgeSearchCV(Counted(), space, n_trials=12, **options).fit(X, y)
    Counted.fits = []
    for trials in (4, 4, 9, 12):
        parts = BridgeSearchCV(Counted(), space, n_trials=trials, store=store, **options)
        assert len(parts.fit(X, y).trials_) == trials
    assert columns(parts) == columns(whole)
    assert len(Counted.fits) == 12 * 3  # each once
    assert np.isnan(whole.cv_results_["mean_test_score"]).any()


def test_several_metrics_are_rebuilt_from_the_log(tmp_path: Path) -> None:
    search = BridgeSearchCV(
        SVC(), SPACE, n_trials=4, random_state=0, cv=3, scoring=["accuracy", "f1_macro"],
        refit="f1_macro", return_train_score=True, store=f"sqlite:///{tmp_path}/search.db",
    ).fit(X, y)  # fmt: skip
    again = clone(search).fit(X, y)
    assert columns(again) == columns(search)
    for key in ("mean_fit_time", "std_score_time"):
        np.testing.assert_array_equal(again.cv_results_[key], search.cv_results_[key])
    assert again.best_params_ == search.best_params_
    assert search.trials_[0].values == {
        "f1_macro": pytest.approx(search.cv_results_["mean_test_f1_macro"][0], abs=1e-15)
    }


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"X": X + 1e-9}, "data"),
        ({"y": y[::-1]}, "data"),
        ({"cv": 4}, "splits"),
        ({"estimator": SVC(tol=1e-2)}, "estimator"),
        ({"scoring": "balanced_accuracy"}, "scoring"),
        ({"space": {"C": hpo.Float(1, 2)}}, "space"),
        ({"random_state": 5}, "seed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_search_is_not_added_to_a_study(
    tmp_path: Path, change: dict[str, Any], differs: str
) -> None:
    store = f"sqlite:///{tmp_path}/search.db"
    search = BridgeSearchCV(SVC(), SPACE, n_trials=2, random_state=0, cv=3, store=store)
    search.fit(X, y)
    data = {"X": change.pop("X", X), "y": change.pop("y", y)}
    with pytest.raises(StoreError, match=f"(on other|has another) {differs}"):
        clone(search).set_params(**change, n_trials=3).fit(**data)
    assert len(clone(search).fit(X, y).trials_) == 2


def test_an_interrupted_search_keeps_what_it_has(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/search.db"
    search = BridgeSearchCV(
        Counted(), {"quality": hpo.Float(0, 1)}, n_trials=6, random_state=0, cv=3, store=store
    )
    Counted.stop_after = 10
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    with hpo.Study(
        {"quality": hpo.Float(0, 1)}, directions={"score": "maximize"}, store=store,
        name="search",
    ) as study:  # fmt: skip
        assert [t.state.value for t in study.trials] == ["COMPLETE"] * 3 + ["RUNNING"]
    Counted.fits, Counted.stop_after = [], None
    continued = clone(search).fit(X, y)
    assert len(Counted.fits) == 3 * 3 + 1  # three trials, and the refit
    without = clone(search).set_params(store=None).fit(X, y)
    assert columns(continued) == columns(without)


# -- pruning --------------------------------------------------------------------------------

PRUNER = {"name": "median", "options": {"n_startup_trials": 2}}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_pruned_candidates_cost_few_fits_and_are_never_chosen(n_jobs: int) -> None:
    grid = {"quality": [0.5, 0.6, 0.1, 0.7, 0.2, 0.3, 0.9, 0.4]}
    search = BridgeSearchCV(
        Counted(), grid, backend="core.grid", pruner=PRUNER, n_jobs=n_jobs,
        cv=KFold(5), refit=False, pre_dispatch="n_jobs",
    )  # fmt: skip
    with joblib.parallel_config("threading"):
        search.fit(X, y)
    results, pruned = search.cv_results_, search.cv_results_["pruned"]
    assert pruned.dtype == bool
    assert 3 <= pruned.sum() <= 6
    assert len(Counted.fits) <= 8 * 5 - 3 * pruned.sum()
    assert np.isnan(results["mean_test_score"][pruned]).all()
    assert np.isfinite(results["mean_test_score"][~pruned]).all()
    assert np.isfinite(results["split0_test_score"]).all()
    assert np.isnan(results["split4_test_score"][pruned]).all()
    assert (results["rank_test_score"][pruned] == 1 + (~pruned).sum()).all()
    assert search.best_params_ == {"quality": 0.9}
    assert [t.state.value == "PRUNED" for t in search.trials_] == list(pruned)


def test_a_function_may_not_choose_a_pruned_candidate() -> None:
    search = BridgeSearchCV(
        Counted(), {"quality": [0.5, 0.6, 0.1]}, backend="core.grid", pruner=PRUNER,
        refit=lambda results: int(np.argmax(results["pruned"])),
    )  # fmt: skip
    with pytest.raises(hpo.HpoBridgeError, match="candidate 2 was pruned"):
        search.fit(X, y)


def test_a_failed_fit_ends_a_candidate_that_is_judged(caplog: pytest.LogCaptureFixture) -> None:
    search = BridgeSearchCV(
        Counted(), {"quality": [0.5, -1.0, 0.6]}, backend="core.grid", pruner=PRUNER, cv=4
    )
    with pytest.warns(Warning, match="1 fits failed out of a total of 9|non-finite"):
        search.fit(X, y)
    assert not search.cv_results_["pruned"].any()
    assert search.trials_[1].state.value == "FAILED"
    assert search.trials_[1].error == "fold 0: the fit failed: ValueError: no quality"
    assert len(Counted.fits) == 4 + 1 + 4 + 1  # and the refit
    assert "reported nan" not in caplog.text


# -- other runners, workers, objectives -----------------------------------------------------


@pytest.mark.parametrize("runner", ["inline", {"name": "processes", "workers": 2}])
def test_a_runner_of_the_bridge_gives_the_same_results(runner: Any) -> None:
    options: dict[str, Any] = {
        "backend": "core.grid", "cv": 3, "scoring": ["accuracy", "f1_macro"], "refit": "accuracy",
        "return_train_score": True,
    }  # fmt: skip
    grid = {"C": [0.1, 1, 10], "kernel": ["linear", "rbf"]}
    here = BridgeSearchCV(SVC(), grid, **options).fit(X, y)
    there = BridgeSearchCV(SVC(), grid, runner=runner, **options).fit(X, y)
    assert columns(there) == columns(here)
    assert there.best_params_ == here.best_params_


def test_pruning_is_the_same_on_a_runner_of_the_bridge() -> None:
    options: dict[str, Any] = {"n_trials": 14, "random_state": 0, "pruner": "folds", "cv": 5}
    here = BridgeSearchCV(SVC(), SPACE, **options).fit(X, y)
    there = BridgeSearchCV(SVC(), SPACE, runner="inline", **options).fit(X, y)
    assert columns(there) == columns(here)
    assert here.cv_results_["pruned"].any()
    assert not here.cv_results_["pruned"][here.best_index_]


def test_failed_fits_on_a_runner_of_the_bridge() -> None:
    options: dict[str, Any] = {"backend": "core.grid", "cv": 3, "runner": "inline"}
    search = BridgeSearchCV(SVC(), {"C": [-1.0, 1.0]}, **options)
    with pytest.warns(Warning, match="fits failed|non-finite"):
        search.fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    assert "'C' parameter of SVC" in search.trials_[0].error
    with pytest.raises(hpo.HpoBridgeError, match=r"trial 0: .*'C' parameter of SVC"):
        BridgeSearchCV(SVC(), {"C": [-1.0]}, error_score="raise", **options).fit(X, y)


def test_large_data_are_mapped_not_sent_with_each_fold() -> None:
    big, small = np.zeros((2000, 100)), np.zeros(10)  # joblib's limit is 1 MB
    with Pool(2, "all") as pool:
        for data in (big, big, small):
            pool.hand_in((repr, (data,), {}))
        found = [pool.take() for _ in range(3)]
    assert sorted(text.split("(")[0] for text in found) == ["array", "memmap", "memmap"]


def test_several_objectives() -> None:
    search = BridgeSearchCV(
        SVC(), SPACE, backend="optuna.nsga2", n_trials=10, random_state=0, cv=3,
        scoring=["accuracy", "recall_macro", "f1_macro"], refit="f1_macro",
        objectives=["accuracy", "f1_macro"],
    ).fit(X, y)  # fmt: skip
    for trial, accuracy in zip(
        search.trials_, search.cv_results_["mean_test_accuracy"], strict=True
    ):
        assert trial.values is not None
        assert list(trial.values) == ["accuracy", "f1_macro"]
        assert trial.values["accuracy"] == accuracy


@pytest.mark.parametrize("name", ["search", "opening", "spaces", "distributions", "evaluation"])
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"hpo_bridge_sklearn.{name}")
    assert doctest.testmod(module).failed == 0


def test_a_stored_search_shows_its_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_server: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    store = "sqlite:///search.db"
    search = BridgeSearchCV(SVC(), SPACE, n_trials=4, random_state=0, cv=3, store=store)
    assert not hasattr(search, "study_")
    search.fit(X, y)
    with search.study_ as study:
        assert study.trials == search.trials_
        assert study.best.value == pytest.approx(search.best_score_)
        assert study.name == "search"
    for command in ("status", "best", "trials", "studies"):
        done = command_server(command, "--store", store, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    monkeypatch.chdir("/")
    for fitted in (search, copy.deepcopy(search), pickle.loads(pickle.dumps(search))):
        assert fitted.study_.trials == search.trials_
    search.set_params(study_name="other", store=None)
    assert search.study_.name == "search"
    assert not hasattr(clone(search), "study_")
    with pytest.raises(AttributeError, match=r"study_: .* store='sqlite:///search.db'"):
        search.fit(X, y).study_  # noqa: B018


def test_it_nests_clones_and_pickles() -> None:
    search = BridgeSearchCV(SVC(), SPACE, n_trials=3, random_state=0, cv=3)
    scores = cross_val_score(search, X, y, cv=3, n_jobs=2)
    assert len(scores) == 3
    assert (scores > 0.5).all()
    fitted = search.fit(X, y)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.trials_ == fitted.trials_
    other = clone(fitted).set_params(estimator__kernel="linear", n_trials=2)
    assert not hasattr(other, "best_params_")
    assert other.get_params()["estimator__kernel"] == "linear"
    assert "BridgeSearchCV" in fitted._repr_html_()
