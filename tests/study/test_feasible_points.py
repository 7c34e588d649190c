"""Spaces of which constraints leave little: the study proposes again, waits, or ends."""

from __future__ import annotations

import pytest

from hpo_bridge import Float, Int, SearchExhausted, Space, Study, UnsupportedProblem
from hpo_bridge.errors import WaitingForResults
from hpo_bridge.plugins import manager
from hpo_bridge.store.event_types import Asked

OPTIONS = {
    "optuna.gp": {"n_startup_trials": 4},
    "skopt.gp": {"n_initial_points": 3, "n_points": 50, "n_restarts_optimizer": 1},
    "skopt.forest": {"n_initial_points": 3, "n_points": 50},
    "skopt.gbrt": {"n_initial_points": 3, "n_points": 50},
    "skopt.extra_trees": {"n_initial_points": 3, "n_points": 50},
}
ONE = Space({"p": Int(2, 3)}, constraints=["p > 2"])
FEW = Space({"p": Int(1, 100), "q": Int(1, 100)}, constraints=["p * q == 99 and p < 10"])
SLIVER = Space(x=Float(0, 1), y=Float(0, 1), constraints=["abs(x - y) < 0.001"])
BACKENDS = sorted(
    offer.spec.name for offer in manager().offers("backend") if offer.status == "active"
)


def new_study(space, backend, **more):
    chosen = {"name": backend, "options": OPTIONS.get(backend, {})}
    return Study(space, backend=chosen, seed=1, **more)


def asked(study, count, workers=3):
    """The points of some asks, and how each of the others ended; the oldest trial is told."""
    found, running = [], []
    for _ in range(count):
        try:
            trial = study.ask()
            found.append(tuple(trial.params.values()))
            running.append(trial)
        except (WaitingForResults, SearchExhausted) as error:
            found.append(type(error))
        if len(running) >= workers or (running and found[-1] is WaitingForResults):
            trial = running.pop(0)
            slopes = dict.fromkeys(trial.params, 1.0) if trial.wants_gradients else None
            study.tell(trial, float(trial.number), gradients=slopes)
    return found


def most_rejected(study):
    return max(event.rejected for event in study.store.events_of("study", Asked))


@pytest.mark.parametrize("duplicates", ["evaluate", "resample"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_repeats_a_point_waits_or_ends(backend, duplicates):
    try:
        one = new_study(ONE, backend, duplicates=duplicates)
    except UnsupportedProblem:  # takes continuous parameters only
        one = new_study(SLIVER, backend, duplicates=duplicates)
    spec = manager().find("backend", backend).spec
    found = asked(one, 5)
    assert len(found) == 5
    assert found[0] not in (WaitingForResults, SearchExhausted)
    assert most_rejected(one) <= spec.most_rejected


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_few_points_of_many_are_found(backend):
    try:
        study = new_study(FEW, backend, duplicates="resample")
    except UnsupportedProblem as refusal:
        pytest.skip(str(refusal))
    found = asked(study, 4)
    assert set(found) - {SearchExhausted} == {(1, 99), (3, 33), (9, 11)}
    assert most_rejected(study) <= manager().find("backend", backend).spec.most_rejected


@pytest.mark.parametrize("backend", ["core.grid", "optuna.grid", "optuna.bruteforce"])
def test_a_finite_search_ends_when_every_allowed_point_was_proposed(backend):
    study = new_study(FEW, backend)
    study.optimize(lambda trial: trial["p"])
    points = [tuple(trial.params.values()) for trial in study.trials]
    assert sorted(points) == [(1, 99), (3, 33), (9, 11)]


@pytest.mark.parametrize("space", [FEW, SLIVER])
@pytest.mark.parametrize("backend", ["core.random", "optuna.tpe", "deap.ga", "hyperopt.random"])
def test_a_study_that_is_left_goes_on_as_one_that_is_not(backend, space, url):
    whole = new_study(space, backend, duplicates="resample")
    expected = asked(whole, 8, workers=1)
    found = []
    for _ in range(4):
        with new_study(space, backend, store=url, duplicates="resample") as part:
            found += asked(part, 2, workers=1)
    assert found == expected
    assert most_rejected(whole) > 0


def test_the_study_says_once_that_it_draws_points_itself(caplog):
    study = new_study(FEW, "optuna.tpe")
    with caplog.at_level("INFO", "hpo_bridge"):
        asked(study, 4)
    assert caplog.text.count("20 points in a row that the constraints forbid") == 1
