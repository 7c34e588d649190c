"""Nested cross-validation and the test set, with scikit-learn's estimators."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hpo_bridge_sklearn import cross_validated
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, make_scorer, roc_auc_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.tree import DecisionTreeClassifier

import hpo_bridge as hpo
from hpo_bridge import analysis
from hpo_bridge.cli import main
from hpo_bridge.errors import ObjectiveError
from hpo_bridge.objectives.scoring_function import resolve_test

X, y = load_breast_cancer(return_X_y=True)
X, y = X[:150], y[:150]
TREES = hpo.Space(max_depth=hpo.Int(1, 6), min_samples_leaf=hpo.Int(1, 20))
TREE = DecisionTreeClassifier(random_state=0)


def study(space: Any = TREES, **more: Any) -> hpo.Study:
    return hpo.Study(space, **{"direction": "maximize", "seed": 0, **more})


def test_the_outer_scores_are_those_of_the_chosen_trees_fitted_by_hand() -> None:
    inner = StratifiedKFold(4, shuffle=True, random_state=5)
    whole = study(backend="optuna.tpe", pruner="folds")
    objective = cross_validated(TREE, X, y, cv=inner, scoring=["accuracy", "roc_auc"],
                                objective="accuracy")  # fmt: skip
    found = analysis.nested_cv(whole, objective, 3, trials=6)
    outer = StratifiedKFold(3, shuffle=True, random_state=0)  # the study's seed
    assert found.complete
    for split, (train, test) in zip(found.outer, outer.split(X, y), strict=True):
        tree = DecisionTreeClassifier(random_state=0, **split.params)
        inside = cross_val_score(tree, X[train], y[train], cv=inner, scoring="accuracy")
        assert split.best == pytest.approx(inside.mean())
        tree.fit(X[train], y[train])
        assert split.score == accuracy_score(y[test], tree.predict(X[test]))
        auc = roc_auc_score(y[test], tree.predict_proba(X[test])[:, 1])
        assert split.scores == {"value": split.score, "roc_auc": pytest.approx(auc)}


@pytest.mark.parametrize("cv", [{"cv": 3, "seed": 8}, KFold(3, shuffle=True, random_state=8)])
def test_regressions_and_seeds_and_splitters(cv: Any) -> None:
    features, targets = load_diabetes(return_X_y=True)
    features, targets = features[:90], targets[:90]
    space = hpo.Space(alpha=hpo.Float(0.001, 10, log=True))
    found = analysis.nested_cv(
        study(space), cross_validated(Ridge(), features, targets, cv=3), cv, trials=2
    )
    splits = KFold(3, shuffle=True, random_state=8).split(features)
    for split, (train, test) in zip(found.outer, splits, strict=True):
        ridge = Ridge(**split.params).fit(features[train], targets[train])
        assert split.score == pytest.approx(ridge.score(features[test], targets[test]))


@pytest.mark.parametrize("made", [pd.DataFrame, csr_matrix, list])
def test_data_of_any_kind(made: Any) -> None:
    space = hpo.Space(max_depth=hpo.Int(1, 6))
    labels = np.array(["benign", "malign"])[y]
    plain, other = (
        analysis.nested_cv(study(space), cross_validated(TREE, data, labels, cv=3), 2, trials=2)
        for data in (X, made(X))
    )
    assert other.mean == plain.mean


class Recording(ClassifierMixin, BaseEstimator):
    """Guesses, and says what it was fitted on."""

    SEEN: list[tuple[Any, Any]] = []

    def __init__(self, knob: int = 0) -> None:
        self.knob = knob

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Recording:
        self.classes_ = np.unique(y)
        self.SEEN.append((X[:, 0], sample_weight))
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


@pytest.mark.parametrize("outer", [3, LeaveOneGroupOut()])
def test_groups_and_weights_go_along(outer: Any) -> None:
    rows = np.arange(36)
    groups, weights, labels = rows % 6, rows * 10.0, (rows // 6) % 2
    Recording.SEEN.clear()
    objective = cross_validated(
        Recording(), rows[:, None], labels, cv=GroupKFold(2), groups=groups,
        fit_params={"sample_weight": weights},
    )  # fmt: skip
    found = analysis.nested_cv(study(hpo.Space(knob=hpo.Int(0, 3))), objective, outer, trials=1)
    assert len(found.outer) == (3 if outer == 3 else 6)
    assert all(np.array_equal(weight, seen * 10) for seen, weight in Recording.SEEN)
    # In each split: some checks and 2 inner fits on the outer training part, and the last fit on
    # all of it. No group is in an outer training part and in its test part.
    sizes = {len(seen) for seen, _ in Recording.SEEN}
    assert max(sizes) == 36 - 36 // len(found.outer)
    for seen, _ in Recording.SEEN:
        own = set(groups[seen])
        assert sum(group in own for group in groups) == len(seen)


def test_a_class_that_an_outer_split_would_lose() -> None:
    labels = y.copy()
    labels[:1] = 7
    whole = study()
    with (
        pytest.warns(UserWarning, match="least populated class"),
        pytest.raises(ObjectiveError, match=r"outer split \d has no sample of class 7 in its"),
    ):
        analysis.nested_cv(whole, cross_validated(TREE, X, labels, cv=KFold(2)), 3, trials=1)
    assert whole.store.names() == ["study"]


@pytest.mark.parametrize(
    ("cv", "outer", "text"),
    [
        (3, 1, "cv: found 1, expected a whole number from 2"),
        (3, {"cv": 3, "sed": 1}, r"sed: unknown key, accepted: cv, seed \(did you mean 'seed'"),
        (3, {"cv": 3, "seed": -1}, "seed: found -1, expected a whole number"),
        (3, {"cv": "KFolds"}, r"cv.name: found 'KFolds', .*\(did you mean 'KFold'\?\)"),
        (3, {"cv": {"name": "KFold", "n_splits": 3}, "seed": 1},
         "seed: is for a number of splits; of a splitter say random_state"),
        (3, KFold(400), "nested: Cannot have number of splits n_splits=400 greater"),
        (PredefinedSplit(y), 3, "PredefinedSplit as cv of the objective cannot be cut within"),
        ([([0, 1], [2, 3])], 3, "a list of splits as cv of the objective cannot be cut within"),
        (KFold(130), 3, "nested: outer split 1: cv: Cannot have number of splits n_splits=130"),
        (3, KFold(3, shuffle=True), "cuts other folds each time"),
    ],
)  # fmt: skip
def test_what_cannot_be_nested(cv: Any, outer: Any, text: str) -> None:
    whole = study()
    with pytest.raises(ObjectiveError, match=text):
        analysis.nested_cv(whole, cross_validated(TREE, X, y, cv=cv), outer, trials=1)
    assert whole.store.names() == ["study"]


@pytest.mark.slow
def test_on_noise_the_best_promises_too_much_and_the_nested_score_does_not() -> None:
    """Real features, shuffled labels; every trial is another random tree."""
    space = hpo.Space(random_state=hpo.Int(0, 10**6), max_depth=3, max_features=1)
    naive, nested = [], []
    for seed in range(6):
        labels = np.random.default_rng(seed).permutation(np.arange(80) % 2)
        objective = cross_validated(DecisionTreeClassifier(), X[:80], labels, cv=4)
        found = analysis.nested_cv(study(space, seed=seed), objective, 4, trials=25)
        naive.append(fmean(split.best for split in found.outer))
        nested.append(found.mean)
    assert min(naive) > 0.57
    assert fmean(naive) > 0.6
    # 480 rows in all: a standard error of 0.023.
    assert abs(fmean(nested) - 0.5) < 0.06


# -- in a study file -------------------------------------------------------------------------

MODEL = """\
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.tree import DecisionTreeClassifier

tree = DecisionTreeClassifier(random_state=0)
X, y = load_breast_cancer(return_X_y=True)

def train():
    return {"X": X[:150], "y": y[:150], "sample_weight": np.linspace(1, 2, 150)}

def test():
    return X[150:220], y[150:220]

def narrow():
    return X[150:220, :3], y[150:220]

def nothing():
    return None

def lonely():
    return X[:150], np.r_[7, y[1:150]]
"""
STUDY = """\
study: tree
objective:
  cross_validated:
    {estimator: model.py:tree, data: model.py:train, cv: 3, scoring: [accuracy, roc_auc],
     objective: accuracy}
directions: {accuracy: maximize}
space:
  max_depth: {type: int, low: 1, high: 6}
  min_samples_leaf: {type: int, low: 1, high: 20}
seed: 0
budget: {trials: 4}
selection:
  rule: one_standard_error
  simplest: [max_depth, -min_samples_leaf]
  nested: 2
  test: {data: model.py:test}
"""


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Any:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "study.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*words: str, code: int = 0) -> Any:
        monkeypatch.setattr(sys, "argv", ["hpo-bridge", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        assert (end.value.code or 0) == code, err
        return subprocess.CompletedProcess(words, code, out, err)

    yield run
    sys.modules.pop("model", None)


def test_one_run_does_all_of_it_and_a_second_one_nothing_more(command: Any) -> None:
    ran = command("run", "study.yaml")
    heads = re.findall(r"^(outer split \d of 2|tree\S*:)", ran.stderr, re.M)
    assert heads == ["outer split 1 of 2", "tree.outer-1:", "outer split 2 of 2", "tree.outer-2:",
                     "tree:"]  # fmt: skip
    result = json.loads(command("best", "study.yaml", "--json").stdout)
    assert result["counts"]["COMPLETE"] == 4
    nested = result["nested"]
    assert (nested["splits"], nested["done"], nested["objective"]) == (2, 2, "accuracy")
    assert nested["mean"] == pytest.approx(fmean(split["score"] for split in nested["outer"]))
    assert [split["study"] for split in nested["outer"]] == ["tree.outer-1", "tree.outer-2"]
    assert set(nested["outer"][0]["scores"]) == {"accuracy", "roc_auc"}
    assert nested["chosen"]["max_depth"] == [s["params"]["max_depth"] for s in nested["outer"]]
    again = json.loads(command("run", "study.yaml", "--json").stdout)
    assert {**again, "seconds": 0} == {**result, "seconds": 0}
    text = command("status", "study.yaml").stdout
    assert "accuracy" in text
    assert "on 2 of 2 outer splits; the best of their own trials promised" in text


def test_the_test_refits_on_all_data_with_their_weights(command: Any, tmp_path: Path) -> None:
    command("run", "study.yaml", "--set", "selection.nested=null")
    chosen = json.loads(command("best", "study.yaml", "--json").stdout)["selected"]
    result = json.loads(command("test", "study.yaml", "--json").stdout)
    data = load_breast_cancer()
    tree = DecisionTreeClassifier(random_state=0, **chosen["params"])
    tree.fit(data.data[:150], data.target[:150], sample_weight=np.linspace(1, 2, 150))
    wanted = accuracy_score(data.target[150:220], tree.predict(data.data[150:220]))
    auc = roc_auc_score(data.target[150:220], tree.predict_proba(data.data[150:220])[:, 1])
    assert result["values"] == {"accuracy": wanted, "roc_auc": pytest.approx(auc)}
    assert result["trial"] == chosen["number"]
    assert result["scored"] == "cross_validated(model.py:tree) on model.py:test"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (["selection.nested=1"], "--set: selection.nested: found 1, expected a whole number"),
        (["selection.nested={cv: KFolds}"], "--set: selection.nested.cv.name: found 'KFolds', "),
        (["selection.nested={cv: 2, sed: 1}"], "--set: selection.nested.sed: unknown key"),
        (["selection.nested=400"], "study.yaml: selection.nested: .*n_splits=400"),
        (["selection.nested={cv: model.py:nothing}", "selection.test=null"],
         "study.yaml: selection.nested: cv: found None, expected a whole number from 2"),
        (["selection.rule=one_standard_eror"],
         r"--set: selection.rule: found 'one_standard_eror', expected best or one_standard_error "
         r"\(did you mean"),
        (["selection.simplest=[max_dept]"],
         r"--set: selection.simplest.0: 'max_dept' names 'max_dept', which is no parameter "
         r"\(did you mean 'max_depth'\?\)"),
        (["selection.simplest=[3]"], "--set: selection.simplest.0: found 3, expected an expres"),
        (["selection.simplest=[]"], r"--set: selection.simplest: found \[\], expected a list"),
        (["selection.errors=-1"], "--set: selection.errors: found -1, expected a number from 0"),
        (["selection.paired=1"], "--set: selection.paired: found 1, expected true or false"),
        (["selection.rle=best"], r"selection.rle: unknown key, .*did you mean 'rule'"),
        (["selection=nested"], "--set: selection: found 'nested', expected a mapping such as"),
        (["selection.test={data: model.py:tets}"],
         r"--set: selection.test.data: model.py has no name 'tets' \(did you mean 'test'"),
        (["selection.test={dat: model.py:test}"], "--set: selection.test.dat: unknown key"),
        (["objective=model.py:train"],
         "study.yaml: selection.nested: objective model.py:train cannot be split once more"),
        (["directions={a: maximize, fit_time: minimize}"],
         "selection.nested: needs a single objective, the study has 2"),
        ([f"study={'s' * 95}"], "--set: study: found a name of 95 characters, expected 90"),
        (["objective.cross_validated.data=model.py:lonely",
          "objective.cross_validated.cv={name: KFold, n_splits: 2}"],
         "study.yaml: selection.nested: outer split . has no sample of class 7"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_wrong_files_create_nothing(
    command: Any, tmp_path: Path, changes: list[str], text: str
) -> None:
    words = [word for change in changes for word in ("--set", change)]
    done = command("run", "study.yaml", *words, code=2)
    lines = done.stderr.splitlines()
    assert any(re.search(text, line) for line in lines), lines
    assert done.stdout == ""
    assert not (tmp_path / "tree.db").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("narrow", "test: data: the test data have 3 columns, the data of the objective 30"),
        ("nothing", r"data: found None, expected \(X, y\)"),
    ],
)
def test_wrong_test_data_are_no_look(command: Any, name: str, text: str) -> None:
    command("run", "study.yaml", "--set", "selection.nested=null")
    change = f"selection.test={{data: model.py:{name}}}"
    done = command("test", "study.yaml", "--set", change, code=2)
    assert re.search(text, done.stderr)
    command("test", "study.yaml")


def test_a_score_that_fails_on_the_test_data_is_no_look(command: Any) -> None:
    def broken(tree: Any, X: Any, y: Any) -> float:
        if len(X) == 3:
            raise ValueError("three")
        return 1.0

    found = study()
    objective = cross_validated(TREE, X, y, cv=3, scoring=broken)
    found.optimize(objective, trials=1)
    tester = objective.bind(TREES, found.objectives.directions).test_scorer(
        {"data": "model.py:test"}
    )
    assert analysis.score_test(found, tester).values == {"value": 1.0}
    assert resolve_test(tester) is tester


def test_a_scorer_of_several_values_is_an_objective(command: Any) -> None:
    scorer = {"hits": make_scorer(accuracy_score), "rank": "roc_auc"}
    found = analysis.nested_cv(
        study(directions={"rank": "maximize"}, direction=None),
        cross_validated(TREE, X, y, cv=3, scoring=scorer),
        2,
        trials=1,
    )
    assert found.objective == "rank"
    assert set(found.outer[0].scores) == {"rank", "hits"}
