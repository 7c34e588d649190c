"""Importance of parameters: planted ones are found, chance is not, and nothing is made up."""

import math
from dataclasses import replace
from random import Random

import pytest
from hpo_bridge_views.importance import FEWEST, importance

import hpo_bridge as hpo
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import HpoBridgeError

EIGHT = hpo.Space(
    lr=hpo.Float(1e-5, 1e-1, log=True),
    momentum=hpo.Float(0, 1),
    depth=hpo.Int(1, 12),
    units=hpo.Int(8, 512, log=True),
    kind=hpo.Categorical(["a", "b", "c"]),
    level=hpo.Categorical([1, 2, 4], ordered=True),
    flag=hpo.Categorical([True, False, None]),
    rest=hpo.Float(0, 1, step=0.25),
    constant=3,
)


def bowl(params):
    return (math.log10(params["lr"]) + 3) ** 2 / 4 + 0.4 * "abc".index(params["kind"])


def first_two(found):
    return {each.name for each in found.parameters[:2]}


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_two_planted_parameters_come_first_in_a_study_of_a_real_backend(history_of, direction):
    sign = 1 if direction == "minimize" else -1
    with hpo.Study(EIGHT, backend="optuna.tpe", seed=1, direction=direction) as study:
        study.optimize(lambda trial: sign * bowl(trial), trials=60)
        found = importance(history_of(EIGHT, study.trials, directions={"value": direction}))
    assert first_two(found) == {"lr", "kind"}
    assert found.reason is None
    assert set(found.values) == set(EIGHT)  # and no constant
    assert sum(found.values.values()) == pytest.approx(1, abs=1e-3)
    for each in found.parameters:
        assert 0 <= each.low <= each.value <= each.high <= 1
        assert each.trials == 60


def test_the_figures_are_the_same_on_each_call(made_study):
    study = made_study(EIGHT, bowl, 40)
    assert importance(study) == importance(study)


def test_chance_is_not_taken_for_importance(made_study):
    rng = Random(0)
    for trials in (20, 60):
        found = importance(made_study(EIGHT, lambda _: rng.random(), trials))
        assert found.reason is not None
        assert "too few trials to say" in found.reason
        assert not found.values


@pytest.mark.parametrize("trials", [0, 1, FEWEST - 1])
def test_too_few_trials_are_said_to_be_too_few(made_study, trials):
    found = importance(made_study(EIGHT, bowl, trials))
    assert found.reason is not None
    assert found.reason.startswith(f"too few trials to say: {trials} ")


def test_a_conditional_parameter_rests_on_the_trials_in_which_it_is_active(made_study):
    space = hpo.Space(
        optimizer=hpo.Categorical(["adam", "sgd"]),
        momentum=hpo.Float(0, 1, when={"optimizer": "sgd"}),
        schedule=hpo.Categorical(["flat", "step"], when={"optimizer": "adam"}),
        x=hpo.Float(0, 1),
    )

    def value(params):
        return (params["momentum"] - 0.2) ** 2 if params["optimizer"] == "sgd" else 0.4

    study = made_study(space, value)
    found = importance(study)
    assert first_two(found) == {"momentum", "optimizer"}
    resting = {each.name: each.trials for each in found.parameters}
    for name in ("momentum", "schedule"):
        assert resting[name] == sum(name in trial.params for trial in study.trials)
    assert resting["x"] == 60
    assert found.values["schedule"] < 0.05


def test_the_objective_is_chosen_by_name(made_study):
    space = hpo.Space({f"p{i}": hpo.Float(0, 1) for i in range(4)})
    study = made_study(
        space,
        lambda p: {"loss": p["p0"], "time": p["p1"] ** 2},
        directions={"loss": "minimize", "time": "minimize"},
    )
    assert next(iter(importance(study).values)) == "p0"
    assert next(iter(importance(study, "time").values)) == "p1"
    with pytest.raises(HpoBridgeError, match=r"objective: found 'tme', .*did you mean 'time'"):
        importance(study, "tme")


def test_pruned_failed_and_repeated_trials_are_left_out(made_study, history_of):
    study = made_study(EIGHT, bowl, 30)
    more = [
        replace(each, number=each.number + 30, state=state, values=None)
        for each, state in zip(
            study.trials, [TrialState.PRUNED, TrialState.FAILED] * 15, strict=True
        )
    ]
    again = [replace(each, number=each.number + 60, reused=each.number) for each in study.trials]
    assert importance(history_of(EIGHT, [*study.trials, *more, *again])) == importance(study)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (lambda p: 1.0, "all complete trials have the same value"),
        (lambda p: 0.0, "all complete trials have the same value"),
        (lambda p: 1e300 * (1 if p["depth"] > 6 else -1) * p["momentum"], None),
        (lambda p: 10 ** (300 * (p["momentum"] + p["depth"] / 12) - 300), None),
        (lambda p: 5e-324 * round(9 * p["momentum"]), None),
    ],
)
def test_values_of_any_size(made_study, value, reason):
    found = importance(made_study(EIGHT, value))
    assert found.reason == reason
    if reason is None:
        assert next(iter(found.values)) in ("momentum", "depth")


def test_vectors_single_values_and_names_of_any_kind(made_study):
    space = hpo.Space({
        "<script>": hpo.Float(0, 1, shape=(5,)),
        "$x_1": hpo.Float(0, 1),
        "only one": hpo.Categorical(["a"]),
    })  # fmt: skip
    found = importance(made_study(space, lambda p: sum(p["<script>"]) + 0.1 * p["$x_1"]))
    assert list(found.values) == ["<script>", "$x_1"]


def test_a_parameter_that_never_varied_is_named(made_study, history_of):
    study = made_study(EIGHT, bowl, 40)
    trials = [replace(t, params={**t.params, "flag": True}) for t in study.trials]
    found = importance(history_of(EIGHT, trials))
    assert "flag" not in found.values
    assert "flag" in found.notes[0]


def test_values_of_an_earlier_space_are_no_error(made_study, history_of):
    study = made_study(EIGHT, bowl, 40)
    trials = [replace(t, params={**t.params, "kind": "gone", "lr": 5.0}) for t in study.trials[:9]]
    assert importance(history_of(EIGHT, [*trials, *study.trials[9:]])).reason is None


def test_many_trials_and_many_parameters_are_thinned_out(made_study):
    space = hpo.Space({f"p{i}": hpo.Float(0, 1) for i in range(200)})
    found = importance(made_study(space, lambda p: p["p7"] + p["p150"], 300))
    assert first_two(found) == {"p7", "p150"}
    assert "of 300 trials" in found.notes[0]
