"""Trainings as objectives: under any backend, from files, in worker processes."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hpo_bridge_torch.bilevel import Bilevel
from hpo_bridge_torch.choice import reverse_memory, step_memory
from hpo_bridge_torch.inner import SGD, AdamW, PerStep

import hpo_bridge as hpo

FILE = """\
import torch
from hpo_bridge_torch.bilevel import Bilevel
from hpo_bridge_torch.inner import SGD


class Mean(Bilevel):
    steps = 20
    inner = SGD(lr="lr", momentum=0.5)

    def init(self, seed):
        return {"w": torch.zeros(3, dtype=torch.float64)}

    def train_loss(self, params, hp, t):
        return ((params["w"] - torch.arange(3.0)) ** 2).sum() * hp["scale"]

    def val_loss(self, params, hp):
        return ((params["w"] - 1.0) ** 2).sum()


MEAN = Mean()
"""
STUDY = """\
study: mean
objective: {objective}
space:
  lr: {{type: float, low: 1.0e-3, high: 0.2, log: true}}
  scale: {{type: float, low: 0.1, high: 1.0}}
backend: {backend}
budget: {{trials: 5}}
runner: {runner}
seed: 1
"""


def space(trainings: Any) -> hpo.Space:
    decays = {name: hpo.Float(-8, 0) for name in trainings.DECAYS}
    return hpo.Space({"lr": hpo.Float(1e-3, 0.5, log=True), **decays})


class Recorded:
    """A trial, as far as an objective sees one."""

    def __init__(self, wanted: bool, prune_at: int | None = None, **params: Any) -> None:
        self.params, self.wants_gradients, self.number, self.seed = params, wanted, 3, 7
        self.tensors = {
            name: torch.tensor(value, dtype=torch.float64, requires_grad=wanted)
            for name, value in params.items()
            if isinstance(value, float)
        }
        self.reports: list[tuple[int, float]] = []
        self.prune_at = prune_at

    def report(self, value: float, step: int) -> None:
        self.reports.append((step, value))

    def should_prune(self) -> bool:
        return self.reports[-1][0] == self.prune_at


def test_names_come_from_the_package_which_loads_torch_for_none_of_them() -> None:
    import subprocess
    import sys

    code = (
        "import sys, hpo_bridge_torch as package\n"
        "assert 'torch' not in sys.modules\n"
        "assert all(getattr(package, name) for name in package.__all__)\n"
        "assert 'torch' in sys.modules\n"
        "try:\n    package.Bilevle\n"
        "except AttributeError as error:\n    print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "module 'hpo_bridge_torch' has no attribute 'Bilevle'\n"


# --- values and gradients


def test_the_value_is_that_of_torch_itself(trainings: Any) -> None:
    """A training by ``torch.optim``, written as people write it."""
    made = {
        "SGD": (SGD(lr=0.1, momentum=0.9, weight_decay=0.01), torch.optim.SGD,
                {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
        "nesterov": (SGD(lr=0.1, momentum=0.9, nesterov=True), torch.optim.SGD,
                     {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        "AdamW": (AdamW(lr=0.01, beta1=0.8, beta2=0.95, weight_decay=0.1), torch.optim.AdamW,
                  {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    }  # fmt: skip
    training = trainings.Logistic()
    hp = {name: torch.tensor(training.params[name]).double() for name in trainings.DECAYS}
    for inner, optimizer, settings in made.values():
        training.inner = inner
        w = torch.zeros(trainings.FEATURES, dtype=torch.float64, requires_grad=True)
        native = optimizer([w], **settings)
        for t in range(training.steps):
            native.zero_grad()
            training.train_loss({"w": w}, hp, t).backward()
            native.step()
        expected = float(training.val_loss({"w": w}, hp).detach())
        assert training.value(training.params) == pytest.approx(expected, rel=1e-12)
        trained = training.train(training.params)["w"]
        assert torch.allclose(trained, w.detach(), rtol=1e-11, atol=1e-14)


def test_without_wanted_gradients_there_is_no_history(trainings: Any) -> None:
    training = trainings.Network()
    seen = []
    original = training.train_loss

    def train_loss(params: Any, hp: Any, t: Any) -> Any:
        seen.append([value.requires_grad for value in hp.values()])
        seen.append([value._base.is_leaf for value in params.values()])
        return original(params, hp, t)

    training.train_loss = train_loss
    value = training(Recorded(False, **training.params))
    assert isinstance(value, float)
    assert len(seen) == 2 * training.steps
    assert not any(any(row) for row in seen[::2])
    assert all(all(row) for row in seen[1::2])
    assert value == training.value(training.params, seed=7)


def test_with_wanted_gradients_it_gives_them(trainings: Any) -> None:
    training = trainings.Network()
    found = training(Recorded(True, **training.params, layers=3))
    assert isinstance(found, hpo.Differentiated)
    expected = training.differentiate(training.params, seed=7)
    assert (found.value, found.gradients) == (expected.value, expected.gradients)
    assert found.value == pytest.approx(training.value(training.params, seed=7), rel=1e-12)


def test_what_the_losses_get(trainings: Any) -> None:
    seen: dict[str, Any] = {}

    class Curious(trainings.Logistic):  # type: ignore[misc, name-defined]
        def init(self, seed: int, hp: Any) -> Any:
            seen["init"] = dict(hp)
            return {"w": torch.zeros(trainings.FEATURES, dtype=torch.float32)}

        def train_loss(self, params: Any, hp: Any, t: Any) -> Any:
            seen["train"] = dict(hp)
            return (params["w"] ** 2).sum() * hp["weights"].sum()

        def val_loss(self, params: Any, hp: Any) -> Any:
            return params["w"].sum()

    params = {"lr": 0.1, "weights": [1.0, 2.0], "layers": 3, "kind": "a", "on": True}
    Curious().differentiate(params)
    assert {n: v for n, v in seen["train"].items() if n in ("layers", "kind", "on")} == {
        "layers": 3, "kind": "a", "on": True,
    }  # fmt: skip
    assert (seen["init"]["lr"].dtype, seen["train"]["lr"].dtype) == (torch.float64, torch.float32)
    assert seen["train"]["lr"].shape == ()
    assert seen["train"]["weights"].shape == (2,)


def test_a_hyperparameter_that_the_optimizer_names_and_nobody_has(trainings: Any) -> None:
    training = trainings.Logistic()
    params = {**training.params, "rl": 0.1}
    del params["lr"]
    with pytest.raises(hpo.HpoBridgeError, match=r"SGD: lr is hyperparameter 'lr', which this "):
        training.value(params)
    training.inner = SGD(lr=PerStep("rl"))
    with pytest.raises(hpo.HpoBridgeError, match=r"a component of 'rl' at each step"):
        training.value(params)


def test_no_gradients_to_take(trainings: Any) -> None:
    training = trainings.Logistic()
    found = training.differentiate(training.params, names=[])
    assert (found.value, found.gradients) == (training.value(training.params), {})


# --- reports


@pytest.mark.parametrize("wanted", [False, True])
def test_reports_and_pruning(trainings: Any, wanted: bool) -> None:
    class Reporting(trainings.Logistic):  # type: ignore[misc, name-defined]
        steps = 10

        def report(self, params: Any, t: int) -> float | None:
            assert not params["w"].requires_grad
            return float(params["w"].norm()) if t % 3 == 0 else None

    trial = Recorded(wanted, **Reporting.params)
    Reporting()(trial)
    assert [step for step, _ in trial.reports] == [0, 3, 6, 9]
    assert len({value for _, value in trial.reports}) == 4
    trial = Recorded(wanted, prune_at=6, **Reporting.params)
    with pytest.raises(hpo.TrialPruned):
        Reporting()(trial)
    assert [step for step, _ in trial.reports] == [0, 3, 6]


# --- the choice of a method


def chosen(training: Bilevel, params: Any) -> tuple[str, str]:
    found = training.differentiate(params)
    return found.method, found.reason


def test_auto_takes_reverse_where_there_is_room(trainings: Any) -> None:
    training = trainings.Network()
    method, reason = chosen(training, training.params)
    assert method == "reverse"
    assert reason.startswith("exact for any number of hyperparameters, and takes ")
    assert reason.endswith(" MiB, of 2048 allowed")


def test_auto_without_room(trainings: Any) -> None:
    training = trainings.Logistic()
    training.memory = 100
    two = {"lr": 0.1, "momentum": 0.5}
    training.inner = SGD(lr="lr", momentum="momentum")
    training.train_loss = lambda params, hp, t: ((params["w"] - 1.0) ** 2).sum()
    method, reason = chosen(training, two)
    assert method == "forward"
    assert reason.startswith("reverse mode would take 0.0")
    training = trainings.Logistic()
    training.memory, training.inner, training.steps = 100, SGD(lr=0.3, momentum=0.9), 300
    params = {name: training.params[name] for name in trainings.DECAYS}
    assert chosen(training, params)[0] == "implicit"
    training.inner = SGD(lr="lr", momentum=0.9)
    method, reason = chosen(training, training.params)
    assert method == "reverse"
    assert "implicit mode cannot tune 'lr', and forward mode is slow for 7 numbers" in reason


def test_the_choice_is_logged(trainings: Any, caplog: pytest.LogCaptureFixture) -> None:
    training = trainings.Logistic()
    with caplog.at_level(logging.INFO, "hpo_bridge_torch"):
        training(Recorded(True, **training.params))
    assert "trial 3: method reverse: exact for any number" in caplog.text


def test_the_memory_of_a_step_leaves_out_what_all_steps_share(trainings: Any) -> None:
    from hpo_bridge_torch.bilevel import as_hyper
    from hpo_bridge_torch.training import running

    sizes = []
    for n in (60, 6000):
        training = trainings.Logistic(n)
        hyper = as_hyper(training.params)
        with running(training._training(0), hyper, differentiable=True) as run:
            sizes.append(step_memory(run, list(hyper)))
            whole = reverse_memory(run, list(hyper), 60)
            assert whole == 60 * sizes[-1] + 2 * 6 * 8
    per_row = (sizes[1] - sizes[0]) / 5940
    assert 0 < per_row <= 8 * 8  # outputs and their like, and not the six features


# --- what is wrong with a class


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", 0, "steps: found 0, expected at least 1"),
        ("method", "revers", r"method: found 'revers', .* \(did you mean 'reverse'\?\)"),
        ("segment", 0, "segment: found 0, expected at least 1"),
    ],
)
def test_attributes_are_checked(trainings: Any, name: str, value: Any, message: str) -> None:
    training = trainings.Logistic()
    setattr(training, name, value)
    with pytest.raises(ValueError, match=message):
        training.value(training.params)


def test_what_is_missing_is_named() -> None:
    class Without(Bilevel):
        def init(self, seed: int) -> Any: ...
        def train_loss(self, params: Any, hp: Any, t: Any) -> Any: ...
        def val_loss(self, params: Any, hp: Any) -> Any: ...

    with pytest.raises(TypeError, match="Without: has no steps; every Bilevel needs one"):
        Without().value({})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(lr=-1.0), "SGD: lr: found -1.0, expected a finite number, at least 0"),
        (lambda: SGD(momentum=1.0), "SGD: momentum: found 1.0, expected less than 1"),
        (lambda: SGD(nesterov=True), "SGD: nesterov needs a momentum"),
        (lambda: AdamW(beta1=1.0), "AdamW: beta1: found 1.0, expected less than 1"),
        (lambda: AdamW(lr=math.nan), "AdamW: lr: found nan, expected a finite number"),
    ],
)
def test_settings_of_the_optimizer_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# --- in studies


@pytest.mark.parametrize("backend", ["core.random", "optuna.tpe", "torch.adam"])
def test_any_backend_takes_it(trainings: Any, backend: str) -> None:
    if backend == "optuna.tpe":
        pytest.importorskip("optuna")
    study = hpo.Study(space(trainings), backend=backend, seed=1)
    study.optimize(trainings.Logistic(), trials=4)
    assert [trial.state.value for trial in study.trials] == ["COMPLETE"] * 4
    training = trainings.Logistic()
    for trial in study.trials:
        assert trial.value == pytest.approx(training.value(trial.params), rel=1e-12)


def test_gradient_steps_go_down(trainings: Any) -> None:
    study = hpo.Study(space(trainings), backend="torch.adam", seed=1)
    study.optimize(trainings.Logistic(), trials=12)
    values = [trial.value for trial in study.trials]
    assert study.best.value < min(values[:2])
    assert study.best.number >= 6


@pytest.mark.parametrize(
    ("runner", "name", "backend"),
    [
        ("inline", "MEAN", "core.random"),
        ("inline", "Mean", "torch.adam"),
        ("processes", "MEAN", "torch.adam"),
    ],
)
def test_from_a_study_file(
    tmp_path: Path, backend: str, name: str, runner: str, command: Any
) -> None:
    import json

    (tmp_path / "objective.py").write_text(FILE)
    file = tmp_path / "study.yaml"
    file.write_text(STUDY.format(objective=f"objective.py:{name}", backend=backend, runner=runner))
    ran = command("run", str(file))
    assert ran.returncode == 0, ran.stderr
    trials = json.loads(command("trials", str(file), "--json").stdout)
    assert [trial["state"] for trial in trials] == ["COMPLETE"] * 5
    assert len({trial["values"]["value"] for trial in trials}) == 5


@pytest.mark.parametrize("as_class", [True, False])
def test_in_worker_processes(trainings: Any, as_class: bool) -> None:
    kind = trainings.Logistic
    study = hpo.Study(space(trainings), backend="torch.adam", seed=1)
    study.optimize(kind if as_class else kind(), trials=2, runner="processes")
    beside = hpo.Study(space(trainings), backend="torch.adam", seed=1)
    beside.optimize(kind(), trials=2)
    assert [t.value for t in study.trials] == [t.value for t in beside.trials]
