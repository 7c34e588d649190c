"""The same on a CUDA device, where there is one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("kind", ["Logistic", "Network", "Adam", "BatchNorm", "Attention"])
@pytest.mark.parametrize("method", ["reverse", "forward"])
def test_gradients_agree_with_differences(trainings: Any, kind: str, method: str) -> None:
    training = getattr(trainings, kind)(device="cuda")
    found = training.differentiate(training.params, method=method)
    expected = trainings.differences(training, training.params)
    assert trainings.apart(found.gradients, expected) <= 1e-5
    again = training.differentiate(training.params, method=method)
    assert again.gradients == found.gradients


def test_the_logistic_regression_agrees_with_the_processor(trainings: Any) -> None:
    here, there = trainings.Logistic(), trainings.Logistic(device="cuda")
    found = [training.differentiate(training.params) for training in (here, there)]
    assert found[0].value == pytest.approx(found[1].value, rel=1e-10)
    assert trainings.apart(found[0].gradients, found[1].gradients) <= 1e-9


def test_the_implicit_method(trainings: Any) -> None:
    from hpo_bridge_torch.inner import SGD

    training = trainings.Logistic(device="cuda")
    training.steps, training.inner = 600, SGD(lr=0.3, momentum=0.9)
    params = {name: training.params[name] for name in trainings.DECAYS}
    found = [training.differentiate(params, method=m).gradients for m in ("implicit", "reverse")]
    assert trainings.apart(*found) <= 1e-9


def test_the_generators_of_the_device_are_left_as_they_were(trainings: Any) -> None:
    training = trainings.Network(device="cuda")
    torch.cuda.manual_seed(5)
    expected = torch.rand(3, device="cuda")
    torch.cuda.manual_seed(5)
    training.differentiate(training.params)
    assert torch.equal(torch.rand(3, device="cuda"), expected)


def test_trainings_are_repeated_exactly(trainings: Any) -> None:
    training = trainings.Network(device="cuda")
    first, again = (training.differentiate(training.params, seed=3) for _ in range(2))
    assert (first.value, first.gradients) == (again.value, again.gradients)
    assert first.value == pytest.approx(training.value(training.params, seed=3), rel=1e-9)
