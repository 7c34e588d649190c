"""Reverse mode: against differences of values, in segments of any length, and its complaints."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hpo_bridge_torch.errors import Diverged, NoInfluence, NotRepeatable
from hpo_bridge_torch.inner import SGD, AdamW, PerStep

from hpo_bridge.errors import GradientRequired

KINDS = ["Logistic", "Network", "Adam", "BatchNorm", "Attention"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_agrees_with_differences(trainings: Any, kind: str) -> None:
    training = getattr(trainings, kind)()
    found = training.differentiate(training.params, method="reverse")
    expected = trainings.differences(training, training.params)
    assert found.value == pytest.approx(training.value(training.params), rel=1e-12)
    assert set(found.gradients) == set(training.params)
    assert trainings.apart(found.gradients, expected) <= 1e-6
    for name, slope in found.gradients.items():  # each alone, however small beside the others
        assert slope == pytest.approx(expected[name], rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("kind", ["Logistic", "Network", "Adam"])
def test_segments_of_any_length_give_the_same(trainings: Any, kind: str) -> None:
    training = getattr(trainings, kind)()
    usual = training.differentiate(training.params, method="reverse")
    assert usual.facts["segment"] == math.ceil(math.sqrt(training.steps))
    for segment in (1, 5, training.steps, 10 * training.steps):
        training.segment = segment
        found = training.differentiate(training.params, method="reverse")
        assert found.facts["segment"] == min(segment, training.steps)
        assert found.value == pytest.approx(usual.value, rel=1e-13)
        assert trainings.apart(found.gradients, usual.gradients) <= 1e-12


@pytest.mark.parametrize(
    "inner",
    [
        SGD(lr="lr"),
        SGD(lr="lr", weight_decay="wd"),
        SGD(lr="lr", momentum="momentum", nesterov=True),
        AdamW(lr="lr", weight_decay=0.0),
    ],
    ids=str,
)
def test_optimizers_with_other_settings(trainings: Any, inner: Any) -> None:
    training = trainings.Logistic()
    training.inner, training.steps = inner, 25
    params = {**training.params, **{name: 0.05 for name in inner.tuned().values()}}
    found = training.differentiate(params, method="reverse")
    assert trainings.apart(found.gradients, trainings.differences(training, params)) <= 1e-6


def test_a_schedule_has_a_derivative_for_each_step(trainings: Any) -> None:
    training = trainings.Logistic()
    training.steps, training.inner = 5, SGD(lr=PerStep("rates"), momentum=0.5)
    params = {**training.params, "rates": [0.1, 0.2, 0.3, 0.2, 0.1]}
    slopes = training.differentiate(params, names=["rates"]).gradients["rates"]
    for t in range(5):
        ends = []
        for sign in (1, -1):
            rates = [*params["rates"]]
            rates[t] += sign * 1e-6
            ends.append(training.value({**params, "rates": rates}))
        assert slopes[t] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-9)


def test_the_start_may_depend_on_hyperparameters(trainings: Any) -> None:
    class Scaled(trainings.Network):  # type: ignore[misc, name-defined]
        params = {**trainings.Network.params, "scale": 0.7}

        def init(self, seed: int, hp: Any) -> Any:
            return {name: hp["scale"] * value for name, value in super().init(seed).items()}

    training = Scaled()
    expected = trainings.differences(training, training.params)
    for method in ("reverse", "forward"):
        found = training.differentiate(training.params, method=method)
        assert found.gradients["scale"] == pytest.approx(expected["scale"], rel=1e-6)
        assert trainings.apart(found.gradients, expected) <= 1e-6


def test_the_generators_are_left_as_they_were(trainings: Any) -> None:
    training = trainings.Network()
    torch.manual_seed(5)
    expected = torch.rand(3)
    for method in ("reverse", "forward"):
        torch.manual_seed(5)
        training.differentiate(training.params, method=method)
        assert torch.equal(torch.rand(3), expected)


def test_a_seed_is_a_training(trainings: Any) -> None:
    training = trainings.Network()
    values = [training.differentiate(training.params, seed=s).value for s in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def test_plain_dropout_is_repeated_exactly(trainings: Any) -> None:
    class Dropped(trainings.Network):  # type: ignore[misc, name-defined]
        def train_loss(self, params: Any, hp: Any, t: Any) -> Any:
            kept = torch.nn.functional.dropout(self.images[:40], 0.3)
            return torch.nn.functional.cross_entropy(self.outputs(params, kept), self.labels[:40])

    training = Dropped()
    params = {name: training.params[name] for name in ("lr", "momentum", "wd")}
    found = training.differentiate(params, method="reverse")
    assert trainings.apart(found.gradients, trainings.differences(training, params)) <= 1e-6


def test_steps_that_cannot_be_repeated_are_refused(trainings: Any) -> None:
    class Impure(trainings.Logistic):  # type: ignore[misc, name-defined]
        calls = 0

        def train_loss(self, params: Any, hp: Any, t: Any) -> Any:
            self.calls += 1
            return super().train_loss(params, hp, t) * (1 + 0.01 * self.calls)

    with pytest.raises(NotRepeatable, match="train_loss at step 48 is 0"):
        Impure().differentiate(Impure.params, method="reverse")


# --- what has no gradient


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True")
@pytest.mark.parametrize("method", ["reverse", "forward", "implicit"])
def test_a_number_taken_out_of_its_tensor_is_named(trainings: Any, method: str) -> None:
    class Cut(trainings.Logistic):  # type: ignore[misc, name-defined]
        inner = SGD(lr=0.1, momentum=0.9)

        def train_loss(self, params: Any, hp: Any, t: Any) -> Any:
            return super().train_loss(params, {**hp, "decay2": hp["decay2"].detach()}, t)

    training = Cut()
    params = {name: training.params[name] for name in trainings.DECAYS}
    training.steps = 300 if method == "implicit" else 10
    with pytest.raises(NoInfluence, match=r"no gradient of 'decay2'.*\.item\(\).*allow_unused"):
        training.differentiate(params, method=method)
    training.allow_unused = ["decay2"]
    found = training.differentiate(params, method=method).gradients
    assert found["decay2"] == 0.0
    assert all(found[name] != 0.0 for name in params if name != "decay2")


@pytest.mark.parametrize("method", ["reverse", "forward"])
def test_a_derivative_that_is_zero_is_no_missing_one(trainings: Any, method: str) -> None:
    class Clamped(trainings.Logistic):  # type: ignore[misc, name-defined]
        def train_loss(self, params: Any, hp: Any, t: Any) -> Any:
            return super().train_loss(params, hp, t) * hp["floor"].clamp(min=1.0)

    training = Clamped()
    params = {**training.params, "floor": 0.5}
    assert training.differentiate(params, method=method).gradients["floor"] == 0.0


@pytest.mark.parametrize("method", ["reverse", "forward", "implicit"])
@pytest.mark.parametrize("which", ["train_loss", "val_loss"])
def test_a_loss_without_a_history_is_refused(trainings: Any, method: str, which: str) -> None:
    training = trainings.Logistic()
    training.inner = SGD(lr=0.1)
    params = {name: training.params[name] for name in trainings.DECAYS}
    setattr(training, which, lambda *_: 3.0)
    with pytest.raises(GradientRequired, match=f"{which} gave 3.0, expected a tensor"):
        training.differentiate(params, method=method)


def test_a_training_loss_that_was_detached_is_refused(trainings: Any) -> None:
    training = trainings.Logistic()
    training.train_loss = lambda params, hp, t: params["w"].detach().sum()
    with pytest.raises(GradientRequired, match="train_loss gave a tensor without a history"):
        training.differentiate(training.params, method="reverse")


def test_a_value_that_was_detached_is_refused(trainings: Any) -> None:
    training = trainings.Logistic()
    training.val_loss = lambda params, hp: params["w"].detach().sum()
    with pytest.raises(GradientRequired, match="val_loss gave a tensor without a history"):
        training.differentiate(training.params, method="reverse")


@pytest.mark.parametrize("method", ["reverse", "forward"])
def test_a_training_that_diverges_says_where(trainings: Any, method: str) -> None:
    training = trainings.Logistic()
    training.train_loss = lambda params, hp, t: ((params["w"] - 1.0) ** 4).sum()
    with pytest.raises(Diverged, match=r"train_loss is (nan|inf) at step [0-9]+: "):
        training.differentiate({"lr": 1e3}, method=method)
    with pytest.raises(Diverged, match=r"train_loss is (nan|inf)"):
        training.value({"lr": 1e3})


def test_a_value_that_is_no_number_is_refused(trainings: Any) -> None:
    training = trainings.Logistic()
    training.val_loss = lambda params, hp: params["w"].sum() / 0.0
    with pytest.raises(Diverged, match=r"val_loss is -?(inf|nan) after 60 steps"):
        training.differentiate(training.params, method="reverse")


@pytest.mark.parametrize("found", [{}, None, {"w": 1.0}, {"w": torch.zeros(2, dtype=torch.int64)}])
def test_a_start_that_is_no_tensors_is_refused(trainings: Any, found: Any) -> None:
    training = trainings.Logistic()
    training.init = lambda seed: found
    with pytest.raises(TypeError, match="expected"):
        training.differentiate(training.params, method="reverse")
