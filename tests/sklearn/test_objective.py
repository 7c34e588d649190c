"""The objective ``cross_validated``: scikit-learn's own values, as trials of a study."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hpo_bridge_sklearn import cross_validated
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import hpo_bridge as hpo
from hpo_bridge.contracts.objective import BindsToStudy, Objective, UsesProcesses
from hpo_bridge.errors import ObjectiveError, StopStudy

X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)  # else some fits do not converge, and warn
C = hpo.Space(C=hpo.Float(0.01, 10, log=True))


def study(space: Any = C, **more: Any) -> hpo.Study:
    return hpo.Study(space, direction="maximize", seed=0, **more)


def run(objective: Any, trials: int = 2, space: Any = C, **more: Any) -> hpo.Study:
    found = study(space, **more)
    found.optimize(objective, trials=trials)
    return found


def test_values_are_those_of_a_grid_search() -> None:
    pipe = make_pipeline(StandardScaler(), SVC())
    scoring = ["accuracy", "f1_macro"]
    cv = StratifiedKFold(4, shuffle=True, random_state=3)
    grid = {"svc__C": [0.01, 1.0, 10.0], "svc__kernel": ["rbf"]}
    expected = GridSearchCV(pipe, grid, scoring=scoring, refit=False, cv=cv,
                            return_train_score=True).fit(X, y).cv_results_  # fmt: skip
    space = hpo.Space(svc__C=hpo.Categorical([0.01, 1.0, 10.0]), svc__kernel="rbf")
    found = hpo.Study(space, backend="core.grid", direction="maximize")
    found.optimize(cross_validated(
        pipe, X, y, cv=cv, scoring=scoring, objective="f1_macro", return_train_score=True
    ))  # fmt: skip
    assert len(found.trials) == 3
    for number, trial in enumerate(found.trials):
        assert trial.value == pytest.approx(expected["mean_test_f1_macro"][number], abs=1e-12)
        for fold, metrics in enumerate(trial.metrics):
            for name in scoring:
                for part in ("test", "train"):
                    there = expected[f"split{fold}_{part}_{name}"][number]
                    assert metrics[f"{part}_{name}"] == there
            assert trial.reports[fold] == (fold, metrics["test_f1_macro"])
            assert metrics["fit_time"] > 0
        deviation = np.std([value for _, value in trial.reports], ddof=1)
        assert trial.standard_errors["value"] == pytest.approx(deviation / math.sqrt(4))


def test_an_estimators_own_score_and_five_folds_by_default() -> None:
    trial = run(cross_validated(LogisticRegression(), X, y), 1).trials[0]
    model = LogisticRegression(**trial.params)
    assert [v for _, v in trial.reports] == list(cross_validate(model, X, y)["test_score"])


def test_groups_weights_and_parameters_of_scorers() -> None:
    groups, weights = np.arange(len(X)) % 3, np.linspace(0.1, 2, len(X))
    given: Any = {"cv": GroupKFold(3), "groups": groups, "fit_params": {"sample_weight": weights}}
    trial = run(cross_validated(LogisticRegression(), X, y, **given), 1).trials[0]
    model, params = LogisticRegression(**trial.params), given.pop("fit_params")
    expected = cross_validate(model, X, y, params=params, **given)["test_score"]
    assert [value for _, value in trial.reports] == list(expected)
    data = {"X": X, "y": y, "groups": groups, "sample_weight": weights}
    loaded = cross_validated(LogisticRegression(), data=lambda: data, cv=GroupKFold(3))
    assert run(loaded, 1).trials[0].reports == trial.reports


def build(params: dict[str, Any]) -> Any:
    if params["model"] == "tree":
        return DecisionTreeClassifier(max_depth=params["depth"], random_state=0)
    return LogisticRegression(C=params["C"])


CONDITIONAL = hpo.Space(
    model=hpo.Categorical(["tree", "logistic"]),
    depth=hpo.Int(1, 5, when={"model": "tree"}),
    C=hpo.Float(0.01, 10, log=True, when={"model": "logistic"}),
)


def test_a_conditional_space_makes_its_estimators() -> None:
    found = run(cross_validated(build, X, y, cv=3), 6, CONDITIONAL)
    assert {trial.params["model"] for trial in found.trials} == {"tree", "logistic"}
    for trial in found.trials:
        scores = cross_validate(build(dict(trial.params)), X, y, cv=3)["test_score"]
        assert [value for _, value in trial.reports] == list(scores)  # stratified folds, too


def test_several_scorers_are_several_objectives_and_time_is_one_to_minimise() -> None:
    directions = {"accuracy": "maximize", "f1": "maximize", "fit_time": "minimize"}
    scoring = {"accuracy": "accuracy", "f1": "f1_macro", "other": "recall_macro"}
    found = hpo.Study(C, directions=directions, seed=0)
    found.optimize(cross_validated(SVC(), X, y, scoring=scoring), trials=2)
    for trial in found.trials:
        assert trial.values is not None
        assert set(trial.values) == set(directions)
        means = {n: np.mean([m[n] for m in trial.metrics]) for n in ("test_accuracy", "test_f1")}
        assert trial.values["accuracy"] == pytest.approx(means["test_accuracy"])
        assert trial.values["f1"] == pytest.approx(means["test_f1"])
        assert trial.values["fit_time"] > 0
        assert "test_other" in trial.metrics[0]


def test_one_objective_by_name() -> None:
    found = hpo.Study(C, directions={"accuracy": "maximize"}, seed=0)
    found.optimize(cross_validated(SVC(), X, y, scoring="accuracy"), trials=1)
    assert found.best.values == {"accuracy": found.best.value}


def test_no_targets() -> None:
    space = hpo.Space(n_clusters=hpo.Int(2, 4), random_state=0, n_init=1)
    found = run(cross_validated(KMeans(), X, cv=3), 1, space)
    trial = found.trials[0]
    expected = cross_validate(KMeans(**trial.params), X, cv=3)["test_score"]
    assert [value for _, value in trial.reports] == pytest.approx(list(expected))


def test_one_fold_is_a_validation_set() -> None:
    trial = run(cross_validated(SVC(), X, y, cv=ShuffleSplit(1, random_state=0)), 1).trials[0]
    assert trial.state is hpo.TrialState.COMPLETE
    assert trial.reports == ((0, trial.value),)
    assert trial.standard_errors is None


def test_asked_and_told_by_hand() -> None:
    objective, found = cross_validated(SVC(), X, y, cv=3), study()
    trial = found.ask()
    found.tell(trial, objective(trial))
    again = run(objective, 1).trials[0]
    assert (found.best.value, found.best.reports) == (again.value, again.reports)
    assert found.best.standard_errors == again.standard_errors


def test_the_pruner_of_folds_stops_after_a_few() -> None:
    space = hpo.Space(strategy=hpo.Categorical(["most_frequent", "stratified"]), random_state=0)
    made = cross_validated(DummyClassifier(), X, y, cv=KFold(10, shuffle=True, random_state=0))
    found = study(space, pruner={"name": "median", "options": {"n_startup_trials": 1}})
    found.enqueue({"strategy": "stratified"})
    found.enqueue({"strategy": "most_frequent"})
    found.optimize(made, trials=2)
    states = [trial.state for trial in found.trials]
    assert states == [hpo.TrialState.COMPLETE, hpo.TrialState.PRUNED]
    assert 0 < len(found.trials[1].reports) < 10


# -- the same folds for all ---------------------------------------------------------------


def test_a_study_that_goes_on_has_the_same_folds(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"

    def objective() -> Any:
        return cross_validated(SVC(), X, y, cv=StratifiedKFold(3, shuffle=True, random_state=7))

    for trials in (1, 2):
        with study(store=url) as found:
            found.enqueue({"C": 1.0})
            found.optimize(objective(), trials=trials)
            reports = [trial.reports for trial in found.trials]
    assert len(reports) == 2
    assert reports[0] == reports[1]


def test_a_generator_object_gives_the_same_folds_to_all_trials() -> None:
    cv = KFold(3, shuffle=True, random_state=np.random.RandomState(0))
    found = study()
    for _ in range(2):
        found.enqueue({"C": 1.0})
    found.optimize(cross_validated(SVC(), X, y, cv=cv), trials=2)
    assert found.trials[0].reports == found.trials[1].reports
    splits = KFold(3, shuffle=True, random_state=np.random.RandomState(0)).split(X)
    again = run(
        cross_validated(SVC(C=1.0), X, y, cv=splits), 1, hpo.Space(C=hpo.Categorical([1.0]))
    )
    assert again.trials[0].reports == found.trials[0].reports  # also of an iterator


@pytest.mark.parametrize("cv", [ShuffleSplit(3), KFold(3, shuffle=True)])
def test_folds_that_would_be_others_each_time_are_refused(cv: Any) -> None:
    with pytest.raises(ObjectiveError, match=r"cv: .* cuts other folds each time.*random_state"):
        run(cross_validated(SVC(), X, y, cv=cv))


# -- what is refused before a trial -------------------------------------------------------


def refusal(objective: Any, space: Any = C, **given: Any) -> str:
    found = hpo.Study(space, seed=0, **(given or {"direction": "maximize"}))
    with pytest.raises(ObjectiveError) as raised:
        found.optimize(objective, trials=1)
    assert not found.trials  # nothing was asked for
    return str(raised.value)


def test_a_scorer_is_never_minimised() -> None:
    objective = cross_validated(SVC(), X, y, scoring="accuracy")
    text = refusal(objective, direction="minimize")
    assert text.startswith("direction: found minimize, expected maximize: of scikit-learn's")
    text = refusal(objective, directions={"accuracy": "minimize", "fit_time": "minimize"})
    assert text.startswith("directions.accuracy: found minimize, expected maximize")
    text = refusal(objective, directions={"accuracy": "maximize", "fit_time": "maximize"})
    assert text == "directions.fit_time: found maximize, expected minimize for fit_time"


def test_which_scorer_is_the_value_must_be_said() -> None:
    objective = cross_validated(SVC(), X, y, scoring=["accuracy", "f1_macro"])
    assert refusal(objective) == (
        "objective: is missing: of several scorers it says which is the value: accuracy, f1_macro"
    )
    text = refusal(objective, directions={"accuracy": "maximize", "f1_marco": "maximize"})
    assert text == (
        "directions: found 'f1_marco', expected one of accuracy, f1_macro, fit_time, score_time "
        "(did you mean 'f1_macro'?)"
    )
    objective = cross_validated(SVC(), X, y, scoring=["accuracy"], objective="acuracy")
    assert "(did you mean 'accuracy'?)" in refusal(objective)


def test_a_parameter_that_the_estimator_has_not() -> None:
    pipe = make_pipeline(StandardScaler(), SVC())
    text = refusal(cross_validated(pipe, X, y))
    assert text.startswith(
        "space.C: Invalid parameter 'C' for estimator Pipeline (did you mean 'svc__C'?). "
        "Valid parameters are: memory, standardscaler,"
    )
    text = refusal(cross_validated(SVC(), X, y), hpo.Space(C=hpo.Float(1, 2), kernal="rbf"))
    assert "space.kernal: Invalid parameter 'kernal' for estimator SVC (did you mean" in text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cv": 1}, "cv: found 1, expected a whole number from 2"),
        ({"cv": True}, "cv: found True, expected a whole number"),
        ({"cv": 2.5}, "cv: found 2.5, expected a whole number"),
        ({"scoring": "acuracy"},
         "scoring: 'acuracy' is not a valid scoring value (did you mean 'accuracy'?)"),
        ({"scoring": ["accuracy", "f2"]}, "scoring.1: 'f2' is not a valid scoring value"),
        ({"scoring": {"a": "acuracy"}}, "scoring.a: 'acuracy' is not a valid scoring value"),
        ({"scoring": []}, "scoring: found none, expected the name of a scorer"),
        ({"objective": 3}, "objective: found 3, expected the name of a scorer"),
        ({"error_score": "rise"}, "error_score: found 'rise', expected nan, raise or a number"),
        ({"fold_workers": 0}, "fold_workers: found 0, expected a whole number from 1"),
        ({"data": lambda: (X, y)}, "data: give either X and y, or data"),
    ],
)  # fmt: skip
def test_arguments(given: Any, message: str) -> None:
    with pytest.raises(ObjectiveError) as raised:
        cross_validated(SVC(), X, y, **given)
    assert str(raised.value).startswith(message)


# -- fits and scorers that fail -----------------------------------------------------------


class Moody(LogisticRegression):  # type: ignore[misc]
    """Fails on the fold that is fitted without the first sample."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        if not (X == FIRST).all(axis=1).any():
            raise ValueError("not\n  today")
        return super().fit(X, y, sample_weight)


FIRST = X[0]
FOLDS = KFold(3, shuffle=True, random_state=0)


def bad_fold() -> int:
    return next(n for n, (_, test) in enumerate(FOLDS.split(X)) if 0 in test)


def test_a_fit_that_fails_fails_the_trial_and_names_the_fold() -> None:
    found = run(cross_validated(Moody(), X, y, cv=FOLDS))
    for trial in found.trials:
        assert trial.state is hpo.TrialState.FAILED
        assert trial.error == f"fold {bad_fold()}: ValueError: not today"
        assert len(trial.reports) == bad_fold()  # the folds before are kept


def test_error_score_counts_for_the_fold() -> None:
    found = run(cross_validated(Moody(), X, y, cv=FOLDS, error_score=0.25), 1)
    search = GridSearchCV(Moody(), {"C": [found.best.params["C"]]}, cv=FOLDS, error_score=0.25)
    with pytest.warns(Warning, match="not"):
        expected = search.fit(X, y).cv_results_
    scores = [expected[f"split{fold}_test_score"][0] for fold in range(3)]
    assert [value for _, value in found.best.reports] == scores
    assert [bool(m.get("fit_failed")) for m in found.best.metrics] == [
        fold == bad_fold() for fold in range(3)
    ]


def test_error_score_raise_stops_the_study() -> None:
    found = study()
    with pytest.raises(StopStudy, match=r"error_score: raise: fold \d: ValueError: not today"):
        found.optimize(cross_validated(Moody(), X, y, cv=FOLDS, error_score="raise"), trials=3)
    assert [trial.state for trial in found.trials] == [hpo.TrialState.WAITING]


def failing(y_true: Any, y_pred: Any) -> float:
    raise RuntimeError("no such score")


def test_a_scorer_that_fails() -> None:
    scoring = {"accuracy": "accuracy", "bad": make_scorer(failing)}
    found = run(cross_validated(SVC(), X, y, scoring=scoring, objective="bad"), 1)
    assert found.trials[0].error == "fold 0: RuntimeError: no such score"
    found = run(cross_validated(SVC(), X, y, scoring=scoring, objective="accuracy"), 1)
    assert found.best.value > 0.5
    assert all(math.isnan(metrics["test_bad"]) for metrics in found.best.metrics)
    found = run(cross_validated(SVC(), X, y, scoring=make_scorer(failing)), 1)
    assert found.trials[0].error.startswith("fold 0: RuntimeError: no such score")
    found = run(cross_validated(SVC(), X, y, scoring=make_scorer(failing), error_score=-1), 1)
    assert found.best.value == -1


def test_a_scorer_that_asks_for_what_the_estimator_has_not() -> None:
    scoring = ["accuracy", "neg_log_loss"]  # a support vector machine has no probabilities
    found = run(cross_validated(SVC(), X, y, scoring=scoring, objective="accuracy"), 1)
    expected = cross_validate(SVC(**found.best.params), X, y)["test_score"]
    assert [value for _, value in found.best.reports] == list(expected)
    assert all(math.isnan(metrics["test_neg_log_loss"]) for metrics in found.best.metrics)
    found = run(cross_validated(SVC(), X, y, scoring=scoring, objective="neg_log_loss"), 1)
    assert found.trials[0].error is not None
    assert "predict_proba" in found.trials[0].error
    assert "scoring.py" not in found.trials[0].error  # a line of ours is nothing to look for


def test_a_function_of_several_scores() -> None:
    def scores(model: Any, X: Any, y: Any) -> dict[str, float]:
        return {"right": float((model.predict(X) == y).mean()), "size": len(y)}

    found = run(cross_validated(SVC(), X, y, scoring=scores, objective="right"), 1)
    expected = cross_validate(SVC(**found.best.params), X, y)["test_score"]
    assert [value for _, value in found.best.reports] == pytest.approx(list(expected))
    assert found.best.metrics[0]["test_size"] == 30
    found = run(cross_validated(SVC(), X, y, scoring=scores), 1)
    assert found.trials[0].error == (
        "fold 0: scoring gave right, size, and no 'score': say which is the value by objective"
    )


def test_a_factory_that_fails_names_the_users_line() -> None:
    def make(params: dict[str, Any]) -> Any:
        if params["C"] < 0.5:
            raise ValueError("too small")
        return SVC(C=params["C"])

    found = study()
    found.enqueue({"C": 0.1})
    found.enqueue({"C": 1.0})
    found.optimize(cross_validated(make, X, y, error_score=0), trials=2)
    first, second = found.trials
    assert first.error is not None
    assert first.error.startswith("fold 0: ValueError: too small (test_objective.py:")
    assert second.state is hpo.TrialState.COMPLETE


def test_a_factory_that_makes_no_estimator() -> None:
    text = refusal(cross_validated(lambda params: 3, X, y))
    assert text.startswith("estimator: no estimator comes of the space's parameters: TypeError: ")
    assert "implementing 'fit' method, the function gave 3" in text


def test_it_is_an_objective_that_can_be_pickled() -> None:
    objective = cross_validated(lambda params: Ridge(alpha=params["C"]), X, y, fold_workers=3)
    assert isinstance(objective, Objective)
    assert isinstance(objective, BindsToStudy)
    assert isinstance(objective, UsesProcesses)
    assert objective.processes == 3
    again = pickle.loads(pickle.dumps(objective))
    assert again.describe() == objective.describe()
    assert again.prepared({"C": 1.0}).fold({"C": 1.0}, 0).values["value"] == pytest.approx(
        cross_validate(Ridge(), X, y)["test_score"][0]
    )
