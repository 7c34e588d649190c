"""With the same seed and options: what ``study.optimize`` proposes, to the last bit."""

from __future__ import annotations

import json
import warnings

import optuna
import pytest
from hpo_bridge_optuna.independent import Random
from hpo_bridge_optuna.tpe import Tpe
from optuna.samplers import RandomSampler, TPESampler

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.space import Categorical, Float, Int, Space

TPE_OPTIONS = [
    {},
    {"multivariate": False, "constant_liar": False},
    {"multivariate": True, "constant_liar": False, "n_startup_trials": 5},
    {"n_ei_candidates": 8, "n_startup_trials": 3},
    {"multivariate": True, "group": True},
]


def sampler(options, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=seed, **options)


@pytest.mark.parametrize("space", ["flat", "nested"])
@pytest.mark.parametrize("seed", [0, 7])
def test_random(kit, space, seed):
    space = kit.SPACES[space]
    expected = kit.native(space, RandomSampler(seed=seed), 60)
    assert kit.bridged(Random(kit.Problem(space, 1, seed)), space, 60) == expected


@pytest.mark.parametrize("options", TPE_OPTIONS, ids=json.dumps)
@pytest.mark.parametrize(("space", "seed"), [("flat", 0), ("nested", 7), ("nested", 8)])
def test_tpe(kit, space, options, seed):
    space = kit.SPACES[space]
    expected = kit.native(space, sampler(options, seed), 60)
    found = kit.bridged(Tpe(kit.Problem(space, 1, seed), **options), space, 60)
    assert found == expected


@pytest.mark.parametrize("options", [{}, {"multivariate": True}], ids=json.dumps)
@pytest.mark.parametrize("space", ["flat", "nested"])
def test_tpe_with_several_objectives(kit, space, options):
    space = kit.SPACES[space]
    expected = kit.native(space, sampler(options, 3), 60, 3)
    assert kit.bridged(Tpe(kit.Problem(space, 3, 3), **options), space, 60, 3) == expected


def test_random_with_several_objectives(kit):
    expected = kit.native(kit.FLAT, RandomSampler(seed=5), 60, 2)
    assert kit.bridged(Random(kit.Problem(kit.FLAT, 2, 5)), kit.FLAT, 60, 2) == expected


def test_group_with_several_objectives_does_not_warn(kit):
    expected = kit.native(kit.NESTED, sampler({"multivariate": True, "group": True}, 1), 60, 2)
    optimizer = Tpe(kit.Problem(kit.NESTED, 2, 1), group=True)
    assert kit.bridged(optimizer, kit.NESTED, 60, 2) == expected


@pytest.mark.parametrize("native_space", [True, False])
def test_ordered_categories(kit, native_space):
    space = Space(size=Categorical([3, 5, 7, 9], ordered=True), x=Float(0, 1)).indexed()
    as_int = Space(size=Int(0, 3), x=Float(0, 1))
    view = Space(size=Categorical([0, 1, 2, 3]), x=Float(0, 1)) if native_space else as_int
    expected = kit.native(view, TPESampler(seed=2), 60)
    optimizer = Tpe(kit.Problem(space, 1, 2), native_space=native_space)
    assert kit.bridged(optimizer, space, 60) == expected


def test_indices_give_the_sequence_of_the_choices():
    def objective(trial):
        kinds.append(trial.suggest_categorical("kind", ["sgd", "adam", "rmsprop"]))
        return (trial.suggest_float("x", 0, 1) - 0.4) ** 2 + (kinds[-1] == "sgd")

    kinds = []
    study = optuna.create_study(sampler=TPESampler(seed=4))
    study.optimize(objective, n_trials=60)
    space = Space(kind=Categorical(["sgd", "adam", "rmsprop"]), x=Float(0, 1))
    optimizer = Tpe(Problem(space.indexed(), 1, 4))
    found = []
    for _ in range(60):
        [point] = optimizer.ask(1)
        found.append(space["kind"].grid(point.params["kind"]))
        loss = (point.params["x"] - 0.4) ** 2 + (found[-1] == "sgd")
        optimizer.tell([Observation(point.params, (loss,), point.token)])
    assert found == kinds


def test_batches_told_out_of_order(kit):
    """Against Optuna's own ask and tell, four trials at a time, told backwards."""
    study = optuna.create_study(sampler=TPESampler(seed=6))
    optimizer = Tpe(kit.Problem(kit.NESTED, 1, 6))
    for batch in range(16):
        points = optimizer.ask(4)
        trials = []
        for point in points:
            trials.append(study.ask())
            params = kit.suggest(trials[-1], kit.NESTED)
            assert kit.NESTED.check(point.params) == params
            assert point.token == trials[-1].number
        results = [kit.outcome(0, p.params, rough=False) for p in points]
        for trial, result in reversed(list(zip(trials, results, strict=True))):
            study.tell(trial.number, result.losses)
        told = [r.observation(p) for r, p in zip(results, points, strict=True)]
        if batch % 2:
            optimizer.tell(told[::-1])
        else:
            for one in told[::-1]:
                optimizer.tell([one])


def test_the_order_of_the_parameters_matters(kit):
    def points(*names):
        space = Space({name: Float(0, 1) for name in names})
        return [p["a"] for p in kit.bridged(Tpe(kit.Problem(space, 1, 0)), space, 15)]

    assert points("a", "b") != points("b", "a")


def test_defaults_are_those_of_optuna_5(kit):
    new = kit.native(kit.FLAT, TPESampler(seed=0), 30)
    pinned = TPESampler(seed=0, multivariate=True, constant_liar=True)
    old = TPESampler(seed=0, multivariate=False, constant_liar=False)
    assert new == kit.native(kit.FLAT, pinned, 30)
    assert new != kit.native(kit.FLAT, old, 30)


def test_a_deprecated_option_reaches_optuna(kit):
    with pytest.warns(FutureWarning, match="prior_weight"):
        Tpe(kit.Problem(kit.FLAT), prior_weight=2.0)


def test_a_choice_that_json_cannot_hold_ends_a_native_study():
    study = optuna.create_study(sampler=TPESampler(seed=0))

    def objective(trial):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial.suggest_categorical("f", [abs, len])
        return trial.suggest_float("x", 0, 1)

    with pytest.raises(TypeError, match="JSON"):
        study.optimize(objective, n_trials=20)
    assert len(study.trials) == 11
