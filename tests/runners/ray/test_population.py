"""Population based training: trials that take over one another, with other parameters."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hpo_bridge_ray.mutation import mutable, perturbed
from hpo_bridge_ray.population import Pb2, Pbt

import hpo_bridge as hpo
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import InvalidOptions, ObjectiveError

EPOCHS = 12
SPACE = hpo.Space(
    lr=hpo.Float(1e-4, 1e-1, log=True),
    drop=hpo.Float(0, 0.9, step=0.1),
    batch=hpo.Int(16, 64, step=16),
    act=hpo.Categorical(["relu", "tanh", "silu"]),
    opt=hpo.Categorical(["adam", "sgd"]),
    momentum=hpo.Float(0, 0.99, when={"opt": "sgd"}),
    kind="cnn",
    constraints=["batch * lr <= 3.2"],
)
POINT = {"lr": 0.05, "drop": 0.3, "batch": 48, "act": "tanh", "opt": "adam", "kind": "cnn"}


def train(trial):
    """A perceptron for the digits, epoch by epoch; goes on from the checkpoint it finds."""
    import json
    import tempfile

    import numpy as np

    def softmax(z):
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    digits = np.load(trial["digits"])
    x, y = digits["x"] / 16, digits["y"]
    weights, begin, loss = np.zeros((64, 10)), 0, 0.0
    found = trial.load_checkpoint()
    if found is not None:
        weights = np.load(found / "weights.npy", allow_pickle=False)
        begin, loss = json.loads((found / "epoch").read_text())  # perhaps nothing is left to do
    for epoch in range(begin, EPOCHS):
        shares = softmax(x[:1200] @ weights)
        shares[np.arange(1200), y[:1200]] -= 1
        weights = weights - trial["lr"] * x[:1200].T @ shares / 1200
        right = softmax(x[1200:] @ weights)[np.arange(len(y) - 1200), y[1200:]]
        loss = float(-np.log(np.maximum(right, 1e-16)).mean())
        if trial["log"]:
            with tempfile.TemporaryDirectory() as folder:
                np.save(Path(folder, "weights.npy"), weights)
                Path(folder, "epoch").write_text(json.dumps([epoch + 1, loss]))
                trial.checkpoint(folder)
            with open(trial["log"], "a") as log:
                log.write(json.dumps([trial.number, epoch, trial["lr"]]) + "\n")
        trial.report(loss, step=epoch)
    return loss


@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize("synch", [False, True], ids=["free", "synch"])
@pytest.mark.parametrize("name", ["ray.pbt", "ray.pb2"])
def test_on_a_real_training(name, synch, tmp_path, digits):
    import json

    log = str(tmp_path / "log")
    space = hpo.Space(lr=hpo.Float(1e-3, 10.0, log=True), log=log, digits=digits)
    options = {"population_size": 4, "perturbation_interval": 2, "synch": synch}
    pruner = {"name": name, "options": options}
    url = f"sqlite:///{tmp_path / 'study.db'}"
    with hpo.Study(space, seed=1, pruner=pruner, store=url) as study:
        study.optimize(train, trials=4, runner="ray")
        trials, best = study.trials, study.best
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    assert len(complete) >= 2
    changes = [(trial, change) for trial in trials for change in trial.changes]
    assert changes
    run = [json.loads(line) for line in Path(log).read_text().splitlines()]
    for trial in trials:
        schedule = [change.params["lr"] for change in trial.changes] + [trial.params["lr"]]
        used = [lr for number, _, lr in run if number == trial.number]
        assert list(dict.fromkeys(used)) == list(dict.fromkeys(schedule)), (
            "what was run is recorded"
        )
        assert [step for step, _ in trial.reports] == sorted({step for step, _ in trial.reports})
    assert all(trial.reports[-1][0] == EPOCHS - 1 for trial in complete)
    assert all(trial.value == trial.reports[-1][1] for trial in complete if not trial.changes)
    for trial, change in changes:
        assert change.source != trial.number
        assert 1e-3 <= trial.params["lr"] <= 10.0
        assert change.step is not None
    asked = [trial.changes[0].params if trial.changes else trial.params for trial in trials]
    losses = {trial.number: dict(trial.reports)[1] for trial in trials}
    worst = max(losses, key=losses.get)
    assert asked[worst] != trials[worst].params or trials[worst] not in complete
    assert best in complete
    assert best.value < 2.0  # 2.3 before any training


@pytest.mark.usefixtures("ray_here")
def test_it_needs_checkpoints(digits):
    space = hpo.Space(lr=hpo.Float(1e-3, 10.0, log=True), log="", digits=digits)
    options = {"population_size": 4, "perturbation_interval": 2}
    with hpo.Study(space, seed=1, pruner={"name": "ray.pbt", "options": options}) as study:
        with pytest.raises(ObjectiveError, match=r"has kept no checkpoint; call trial.checkpoint"):
            study.optimize(train, trials=4, runner="ray")
        assert all(trial.state is not TrialState.RUNNING for trial in study.trials)


def test_what_is_made_of_the_parameters():
    rng = random.Random(0)
    names = ["lr", "drop", "batch", "act", "momentum"]
    points = [perturbed(SPACE, POINT, names, 0.25, (1.2, 0.8), rng) for _ in range(300)]
    for point in points:
        assert SPACE.check(point) == point
        assert point["opt"] == "adam"
        assert "momentum" not in point
    moved = [perturbed(SPACE, POINT, names, 0.0, (1.2, 0.8), rng) for _ in range(100)]
    assert {point["lr"] for point in moved} <= {0.05 * 1.2, 0.05 * 0.8}
    assert {point["drop"] for point in moved} <= {0.2, 0.3, 0.4}
    assert {point["batch"] for point in moved} <= {32, 48, 64}
    assert {point["act"] for point in moved} == {"relu", "silu"}
    drawn = [perturbed(SPACE, POINT, ["lr"], 1.0, (1.2, 0.8), rng)["lr"] for _ in range(400)]
    assert 0.35 < sum(lr < 1e-2**1.25 for lr in drawn) / 400 < 0.65, "drawn on a log scale"


def test_a_constraint_that_allows_nothing_else():
    space = hpo.Space(x=hpo.Float(0, 1), y=hpo.Float(0, 1), constraints=["x + y <= 0.3"])
    point = {"x": 0.15, "y": 0.15}
    assert perturbed(space, point, ["x", "y"], 0.0, (5.0, 6.0), random.Random(0)) == point


def test_which_may_change():
    assert mutable(SPACE, None, "o") == ("lr", "drop", "momentum")
    with pytest.raises(InvalidOptions, match="o: 'opt' cannot change while a trial runs"):
        mutable(SPACE, ["lr", "opt"], "o")
    with pytest.raises(InvalidOptions, match=r"o: 'lrr' is no parameter.*lr"):
        mutable(SPACE, ["lrr"], "o")
    with pytest.raises(InvalidOptions, match="o: the space has no float; name"):
        mutable(hpo.Space(n=hpo.Int(1, 3)), None, "o")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"population_size": 1}, "population_size: found 1, expected an integer of at least 2"),
        (
            {"perturbation_interval": 0},
            "perturbation_interval: found 0, expected a number above",
        ),
        ({"quantile_fraction": 0.6}, "quantile_fraction: found 0.6, expected at most 0.5"),
        ({"resample_probability": 2}, "resample_probability: found 2, expected at most 1"),
        (
            {"perturbation_factors": [2]},
            r"perturbation_factors: found \[2\], expected two",
        ),
        ({"hyperparam_mutations": "lr"}, "hyperparam_mutations: found 'lr', expected a list of"),
        ({"synch": 1}, "synch: found 1, expected true or false"),
    ],
)
def test_options(options, said):
    with pytest.raises(InvalidOptions, match=said):
        Pbt(**options)


@pytest.mark.usefixtures("ray_here")
def test_a_wrong_name_is_said_before_the_first_trial():
    pruner = {"name": "ray.pb2", "options": {"hyperparam_bounds": ["act"]}}
    with hpo.Study(SPACE, seed=1, pruner=pruner) as study:
        with pytest.raises(InvalidOptions, match=r"'act' is categorical, and ray.pb2 changes"):
            study.optimize(train, trials=4, runner="ray")
        assert not study.trials
    with pytest.raises(InvalidOptions, match="hyperparam_bounds: 'opt' cannot change"):
        Pb2(hyperparam_bounds=["opt"]).check(SPACE)
