"""Cross-validations on Ray: their folds beside each other, in workers that asked for the CPUs."""

from __future__ import annotations

import pytest
from hpo_bridge_sklearn import cross_validated
from sklearn.datasets import load_iris
from sklearn.svm import SVC

import hpo_bridge as hpo
from hpo_bridge.errors import InvalidOptions

X, y = load_iris(return_X_y=True)


def study():
    return hpo.Study(hpo.Space(C=hpo.Float(0.1, 10, log=True)), direction="maximize", seed=0)


def objective(fold_workers):
    return cross_validated(SVC(), X, y, cv=3, scoring=["accuracy", "f1_macro"],
                           objective="accuracy", fold_workers=fold_workers)  # fmt: skip


def test_the_same_values_as_one_after_the_other(ray_here):
    here, there = study(), study()
    here.optimize(objective(None), trials=2)
    there.optimize(objective(2), trials=2, runner="ray", workers=1, cpu=2)
    for one, other in zip(here.trials, there.trials, strict=True):
        assert (one.params, one.values, one.reports) == (other.params, other.values, other.reports)
        assert one.standard_errors == other.standard_errors
        assert one.metrics[0]["test_f1_macro"] == other.metrics[0]["test_f1_macro"]


def test_a_worker_must_ask_for_as_many_cpus():
    found = study()
    with pytest.raises(InvalidOptions, match=r"cpu: found 1, expected 2 or more: cross_validated"):
        found.optimize(objective(2), trials=1, runner="ray", workers=1)
    assert not found.trials
