"""``objective: {cross_validated: {…}}`` in a study file, by the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hpo_bridge.cli.app import app
from hpo_bridge.config import load_study_file
from hpo_bridge.errors import ConfigError, HpoBridgeError, ObjectiveError
from hpo_bridge.plugins import manager

MODEL = """
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, accuracy_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

pipe = make_pipeline(StandardScaler(), SVC())


def build(params):
    return pipe


mine = make_scorer(accuracy_score)
folds = KFold(3, shuffle=True, random_state=0)
random_folds = KFold(3, shuffle=True)


def cut():
    return [(list(range(100)), list(range(100, 150))), (list(range(50, 150)), list(range(50)))]
"""
SPACE = {"svc__C": {"type": "float", "low": 0.1, "high": 10, "log": True}, "svc__kernel": "rbf"}
CV = {"name": "RepeatedStratifiedKFold", "n_splits": 3, "n_repeats": 2, "random_state": 1}
OPTIONS = {"estimator": "model.py:pipe", "data": "sklearn.datasets:load_iris", "cv": CV}
X, y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def _same_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


Study = Callable[..., Path]


@pytest.fixture
def study(folder: Path) -> Study:
    """Writes a study file; its path. ``None`` leaves an option out."""

    def write(more: dict[str, Any] | None = None, **options: Any) -> Path:
        given = {k: v for k, v in {**OPTIONS, **options}.items() if v is not None}
        content = {
            "objective": {"cross_validated": given}, "space": SPACE, "budget": {"trials": 2},
            "seed": 0, **(more or {}),
        }  # fmt: skip
        path = folder / "study.yaml"
        path.write_text(json.dumps(content))
        return path

    return write


def run(path: Path, *words: str) -> int:
    """What ``hpo-bridge`` does, in this process; the exit code of what ends well."""
    found = app([words[0], str(path), *words[1:]], standalone_mode=False)
    return int(found or 0)


def trials(path: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    run(path, "trials", "--json")
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_study_of_a_pipeline(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    path = study(scoring=["accuracy", "f1_macro"], objective="f1_macro", return_train_score=True)
    assert run(path, "run") == 0
    model = make_pipeline(StandardScaler(), SVC())
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=1)
    found = trials(path, capsys)
    assert len(found) == 2
    for trial in found:
        assert trial["params"]["svc__kernel"] == "rbf"  # a constant is set, too
        model.set_params(**trial["params"])
        expected = cross_validate(model, X, y, cv=cv, scoring="f1_macro")["test_score"]
        assert trial["values"]["value"] == pytest.approx(expected.mean())
        assert trial["standard_errors"]["value"] > 0
    stored = run(path, "best", "--json")
    assert stored == 0
    best = json.loads(capsys.readouterr().out)["best"]
    assert best["values"]["value"] == max(t["values"]["value"] for t in found)  # maximised


@pytest.mark.parametrize(
    ("options", "folds"),
    [
        ({"estimator": "model.py:build"}, 6),
        ({"scoring": "model.py:mine", "cv": 4}, 4),
        ({"scoring": {"a": "model.py:mine", "b": "f1_macro"}, "objective": "a"}, 6),
        ({"cv": "model.py:folds", "scoring": "accuracy"}, 3),
        ({"cv": "model.py:cut"}, 2),
        ({"cv": "KFold"}, 5),
        ({"cv": None}, 5),
    ],
)
def test_what_can_be_named(study: Study, options: dict[str, Any], folds: int) -> None:
    file = load_study_file(study(**options), plugins=manager())
    assert file.directions == {"value": "maximize"}
    assert file.objective.load()._prepared.folds == folds  # type: ignore[attr-defined]


AT = "objective.cross_validated"
WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"cv": 1}, {}, f"{AT}.cv: found 1, expected a whole number from 2, the name of a splitter"),
    ({"cv": True}, {}, f"{AT}.cv: found True, expected a whole number"),
    ({"cv": [1, 2]}, {}, f"{AT}.cv: found [1, 2], expected a whole number from 2"),
    ({"cv": {"n_splits": 3}}, {}, f"{AT}.cv: found {{'n_splits': 3}}, expected a whole number"),
    ({"cv": {"name": "KFlod"}}, {}, f"{AT}.cv.name: found 'KFlod', expected one of GroupKFold"),
    ({"cv": {"name": "os.system"}}, {}, f"{AT}.cv.name: found 'os.system', expected one of"),
    ({"cv": {"name": "KFold", "splits": 3}}, {}, f"{AT}.cv.splits: KFold has no such option, "
     "accepted: n_splits, shuffle, random_state (did you mean 'n_splits'?)"),
    ({"cv": {"name": "KFold", "n_splits": 1}}, {}, f"{AT}.cv: KFold: k-fold cross-validation "
     "requires at least one train/test split by setting n_splits=2 or more, got n_splits=1."),
    ({"cv": {"name": "ShuffleSplit"}}, {}, f"{AT}.cv.random_state: is missing, expected a whole"),
    ({"cv": {"name": "KFold", "shuffle": True}}, {}, f"{AT}.cv.random_state: is missing"),
    ({"cv": "model.py:fold"}, {}, f"{AT}.cv: model.py has no name 'fold' (did you mean 'folds'?)"),
    ({"estimator": None}, {}, f"{AT}.estimator: is missing, expected 'FILE.py:NAME' or"),
    ({"estimator": "SVC"}, {}, f"{AT}.estimator: found 'SVC'; expected 'FILE.py:NAME' or"),
    ({"estimator": "model.py:bild"}, {}, f"{AT}.estimator: model.py has no name 'bild' (did you"),
    ({"estimator": {"name": "SVC"}}, {}, f"{AT}.estimator: found {{'name': 'SVC'}}, expected"),
    ({"data": None}, {}, f"{AT}.data: is missing, expected 'FILE.py:NAME' or"),
    ({"data": "absent.py:load"}, {}, f"{AT}.data: there is no file "),
    ({"data": "no_such_module:load"}, {}, f"{AT}.data: there is no module 'no_such_module'"),
    ({"scoring": "acuracy"}, {}, f"{AT}.scoring: 'acuracy' is not a valid scoring value (did you "
     "mean 'accuracy'?); expected one of accuracy, "),
    ({"scoring": ["accuracy", "model.py:mine"]}, {}, f"{AT}.scoring.1: found 'model.py:mine', "
     "expected the name of a scorer; give one of your own a name: scoring: {my_score: model.py:"),
    ({"scoring": ["accuracy", "accuracy"]}, {}, f"{AT}.scoring.1: 'accuracy' is there twice"),
    ({"scoring": {"a": 3}}, {}, f"{AT}.scoring.a: found 3, expected the name of a scorer or"),
    ({"scoring": {"a": "model.py:mime"}}, {}, f"{AT}.scoring.a: model.py has no name 'mime'"),
    ({"scoring": 3}, {}, f"{AT}.scoring: found 3, expected the name of a scorer"),
    ({"scoring": []}, {}, f"{AT}.scoring: found none, expected the name of a scorer"),
    ({"scoring": ["accuracy", "f1_macro"]}, {}, f"{AT}.objective: is missing: of several scorers"),
    ({"scoring": "accuracy", "objective": "f1"}, {}, f"{AT}.objective: found 'f1', expected one"),
    ({"error_score": "rais"}, {}, f"{AT}.error_score: found 'rais', expected nan, raise or a"),
    ({"return_train_score": 1}, {}, f"{AT}.return_train_score: found 1, expected true or false"),
    ({"fold_workers": 0}, {}, f"{AT}.fold_workers: found 0, expected a whole number from 1"),
    ({"folds": 3}, {}, f"{AT}.folds: unknown option of objective 'cross_validated', accepted: "
     "estimator, data, cv, scoring, objective, error_score, return_train_score, fold_workers"),
    ({"fold_workers": 4}, {"runner": {"name": "ray", "cpu": 2}},
     "runner.cpu: found 2, expected 4 or more: cross_validated(model.py:pipe) runs 4 processes "
     "for each trial"),
    ({}, {"direction": "minimize"}, "direction: found minimize, expected maximize: of scikit-"),
    ({"scoring": ["accuracy"]}, {"directions": {"accuracy": "maximize", "f1": "maximize"}},
     "directions: found 'f1', expected one of accuracy, fit_time, score_time"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "more", "line"), WRONG)
def test_what_is_wrong_is_said_at_its_place_before_anything_is_created(
    study: Study, folder: Path, options: dict[str, Any], more: dict[str, Any], line: str
) -> None:
    (folder / "model.py").write_text(f"raise RuntimeError('imported')\n{MODEL}")
    path = study(more, **options)
    with pytest.raises(ConfigError) as raised:
        run(path, "run")
    assert len(raised.value.problems) == 1
    assert raised.value.problems[0].startswith(f"study.yaml: {line}")
    assert sorted(p.name for p in folder.iterdir()) == ["model.py", "study.yaml"]


@pytest.mark.parametrize(
    ("options", "more", "text"),
    [
        ({}, {"space": {"svc__c": SPACE["svc__C"]}},
         "space.svc__c: Invalid parameter 'svc__c' for estimator Pipeline (did you mean 'svc__C'"),
        ({"data": "sklearn.datasets:get_data_home"}, {},
         "data: found "),
        ({"cv": "model.py:random_folds"}, {}, "cv: KFold(n_splits=3, random_state=None, "
         "shuffle=True) cuts other folds each time"),
        ({"cv": 60}, {}, "cv: n_splits=60 cannot be greater than the number of members in each"),
    ],
)  # fmt: skip
def test_what_only_the_users_code_shows_stops_the_study(
    study: Study, options: dict[str, Any], more: dict[str, Any], text: str
) -> None:
    path = study(more, **options)
    with pytest.raises(ObjectiveError) as raised:
        run(path, "run")
    assert str(raised.value).startswith("objective cross_validated(model.py:pipe): " + text)


def test_in_worker_processes_too(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    path = study({"runner": {"name": "processes", "workers": 1}}, cv=3)
    assert run(path, "run") == 0
    assert len(trials(path, capsys)) == 2
    with pytest.raises(HpoBridgeError, match="cannot be greater than the number of members"):
        run(path, "run", "--trials", "3", "--set", "objective.cross_validated.cv=60")
    assert [trial["state"] for trial in trials(path, capsys)] == ["COMPLETE"] * 2 + ["WAITING"]
