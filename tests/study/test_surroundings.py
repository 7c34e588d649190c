"""A study under whatever the caller has set for numpy, torch and Python."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

import numpy
import pytest
import torch

from hpo_bridge import Float, Int, Space, Study, TrialPruned

SPACE = Space(x=Float(0, 1), y=Float(1e-5, 1, log=True), n=Int(1, 9))
BACKENDS = {
    "optuna.tpe": {"n_startup_trials": 3},
    "optuna.gp": {"n_startup_trials": 3},
    "skopt.gp": {"n_initial_points": 3, "n_points": 100, "n_restarts_optimizer": 1},
}


@contextmanager
def default_type(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


SETTINGS = {
    "seterr": lambda: numpy.errstate(all="raise"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "float64": lambda: default_type(torch.float64),
    "float16": lambda: default_type(torch.float16),
}


def proposals(backend):
    """Some trials, and what the caller had set before and after."""
    study = Study(SPACE, backend={"name": backend, "options": BACKENDS[backend]}, seed=3)
    before = settings()
    for number in range(8):
        trial = study.ask()
        study.tell(trial, trial["x"] ** 2 + trial["y"] + number % 3)
    assert settings() == before
    study.close()
    return [dict(trial.params) for trial in study.trials]


def settings():
    modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    return numpy.geterr(), modes, torch.get_default_dtype()


@pytest.fixture(scope="module")
def usual():
    return {name: proposals(name) for name in BACKENDS}


@pytest.mark.parametrize(
    ("backend", "setting"),
    [("optuna.tpe", "seterr"), ("skopt.gp", "seterr")]
    + [("optuna.gp", each) for each in SETTINGS],
)
def test_the_proposals_and_the_settings_are_the_same(backend, setting, usual):
    with SETTINGS[setting]():
        assert proposals(backend) == usual[backend]


@pytest.mark.parametrize("pruner", ["median", "wilcoxon"])
def test_a_pruner_meets_numpy_as_it_is(pruner):
    def objective(trial):
        for step in range(8):
            trial.report(trial["x"] * 1e-200 * (-1) ** step, step=step)
            if trial.should_prune():
                raise TrialPruned
        return trial["x"]

    study = Study(SPACE, seed=0, pruner=pruner)
    with numpy.errstate(all="raise"):
        study.optimize(objective, trials=15)
    assert [trial.error for trial in study.trials] == [None] * 15


def test_the_objective_keeps_what_the_caller_has_set():
    def objective(trial):
        assert not torch.is_grad_enabled()
        return float(numpy.exp(numpy.float64(-1000.0)))

    study = Study(SPACE, seed=0, backend="optuna.tpe")
    with numpy.errstate(all="raise"), torch.no_grad():
        study.optimize(objective, trials=1)
    assert "FloatingPointError" in str(study.trials[0].error)


FIRST_USE = """
import multiprocessing, random
import hpo_bridge as hpo
random.seed(0)
before = random.getstate()
options = {"n_initial_points": 2, "n_points": 50}
study = hpo.Study(
    hpo.Space(x=hpo.Float(0, 1)), backend={"name": "skopt.forest", "options": options}
)
for _ in range(3):
    trial = study.ask()
    study.tell(trial, trial["x"])
print(random.getstate() == before, multiprocessing.get_start_method(allow_none=True))
"""


def test_the_first_use_of_a_library_leaves_nothing_behind():
    """Rich draws a random number at its import, joblib fixes the start method."""
    done = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True)
    assert done.stdout == "True None\n", done.stderr
