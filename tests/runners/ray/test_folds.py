"""Cross-validations on Ray: their folds beside each other, in workers that asked for the CPUs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest
from hpo_bridge_sklearn import cross_validated
from sklearn.base import BaseEstimator
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


class Slow(BaseEstimator):
    """Writes down its process, and takes its time."""

    def __init__(self, folder="", C=1.0):
        self.folder, self.C = folder, C

    def fit(self, X, y):
        (Path(self.folder) / str(os.getpid())).touch()
        time.sleep(60)

    def score(self, X, y):
        return 0.0


@pytest.mark.slow
def test_a_trial_that_takes_too_long_takes_its_folds_along(ray_here, tmp_path):
    found = study()
    slow = cross_validated(Slow(str(tmp_path)), X, y, cv=3, fold_workers=2)
    found.optimize(slow, trials=1, runner="ray", workers=1, cpu=2, trial_timeout=12)
    assert found.trials[0].error == "timed out after 12 s"
    processes = [int(path.name) for path in tmp_path.iterdir()]
    assert processes
    end = time.monotonic() + 40
    while any(map(runs, processes)):
        assert time.monotonic() < end
        time.sleep(0.05)


def runs(pid):
    """Whether a process is there, and is not one that nobody has waited for."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_worker_must_ask_for_as_many_cpus():
    found = study()
    with pytest.raises(InvalidOptions, match=r"cpu: found 1, expected 2 or more: cross_validated"):
        found.optimize(objective(2), trials=1, runner="ray", workers=1)
    assert not found.trials
