"""Every backend drives runner ``ray``: what a trial is, and who runs it, are not its concern."""

from __future__ import annotations

import pytest

import hpo_bridge as hpo
from hpo_bridge.contracts.optimizer import BackendSpec, Capability
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.plugins import manager
from hpo_bridge.study import exhaustion

TRIALS = 20
CHEAP = {
    "optuna.gp": {"n_startup_trials": 14},
    "optuna.nsga2": {"population_size": 8},
    "optuna.nsga3": {"population_size": 8},
    "hyperopt.tpe": {"n_startup_jobs": 8, "n_EI_candidates": 8},
    "skopt.lhs": {"n_samples": 8, "iterations": 10},
    "skopt.gp": {"n_initial_points": 14, "n_points": 50, "n_restarts_optimizer": 1},
    "skopt.extra_trees": {"n_initial_points": 14, "n_points": 50},
    "skopt.forest": {"n_initial_points": 14, "n_points": 50},
    "skopt.gbrt": {"n_initial_points": 14, "n_points": 50},
}
# Of each way to ask and to end; each study takes some seconds to start.
USUAL = {
    "optuna.tpe", "optuna.bruteforce", "optuna.cmaes", "hyperopt.tpe", "skopt.lhs", "deap.nsga2",
}  # fmt: skip
LIBRARIES = ("optuna", "hyperopt", "skopt", "deap")
BACKENDS = {
    offer.spec.name: offer.spec
    for offer in manager().offers("backend")
    if isinstance(offer.spec, BackendSpec)
    and offer.status == "active"
    and offer.spec.name.partition(".")[0] in LIBRARIES
}


def loss(trial):
    return (trial["x"] - 0.3) ** 2 + trial["n"] + (trial["kind"] == "b")


def test_all_four_libraries_are_here():
    assert {name.partition(".")[0] for name in BACKENDS} == set(LIBRARIES)
    assert set(CHEAP) | USUAL <= set(BACKENDS)
    assert len(BACKENDS) >= 26


@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.dear] * (name not in USUAL)) for name in BACKENDS],
)
def test_a_study_of_twenty_trials(name, tmp_path):
    spec = BACKENDS[name]
    finite = Capability.FINITE in spec.capabilities
    x = hpo.Categorical([0.0, 0.5, 1.0]) if finite else hpo.Float(0.0, 1.0)
    space = hpo.Space(x=x, n=hpo.Int(1, 3), kind=hpo.Categorical(["a", "b"]))
    backend = {"name": name, "options": CHEAP.get(name, {})}
    with hpo.Study(space, backend=backend, seed=2, store=f"sqlite:///{tmp_path}/s.db") as study:
        study.optimize(loss, trials=TRIALS, runner="ray", workers=2)
        trials, best, exhausted = study.trials, study.best, exhaustion(study)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * len(trials)
    assert (len(trials), exhausted is not None) == ((18, True) if finite else (TRIALS, False))
    for number, trial in enumerate(trials):
        assert trial.number == number
        space.check(trial.params)
        assert trial.values == {"value": loss(trial.params)}
    if finite:
        assert len({tuple(trial.params.values()) for trial in trials}) == 18
    assert best.value == min(trial.value for trial in trials)
