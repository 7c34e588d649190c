"""Forward mode: against reverse mode and differences of values."""

from __future__ import annotations

from typing import Any

import pytest

KINDS = ["Logistic", "Network", "Adam", "BatchNorm", "Attention"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_agrees_with_reverse_mode_and_differences(trainings: Any, kind: str) -> None:
    training = getattr(trainings, kind)()
    found = training.differentiate(training.params, method="forward")
    reverse = training.differentiate(training.params, method="reverse")
    assert found.method == "forward"
    assert found.value == pytest.approx(reverse.value, rel=1e-12)
    assert trainings.apart(found.gradients, reverse.gradients) <= 1e-9
    expected = trainings.differences(training, training.params)
    assert trainings.apart(found.gradients, expected) <= 1e-6


def test_vectors_and_numbers_at_once(trainings: Any) -> None:
    class Vector(trainings.Logistic):  # type: ignore[misc, name-defined]
        def train_loss(self, params: Any, hp: Any, t: Any) -> Any:
            parts = dict(zip(trainings.DECAYS, hp["decays"], strict=True))
            return super().train_loss(params, {**hp, **parts}, t)

    training, usual = Vector(), trainings.Logistic()
    decays = [usual.params[name] for name in trainings.DECAYS]
    found = training.differentiate({"lr": 0.1, "decays": decays}, method="forward").gradients
    expected = usual.differentiate(usual.params, method="reverse").gradients
    flat = {"lr": found["lr"], **dict(zip(trainings.DECAYS, found["decays"], strict=True))}
    assert trainings.apart(flat, expected) <= 1e-9


def test_single_precision(trainings: Any) -> None:
    import torch

    class Single(trainings.Network):  # type: ignore[misc, name-defined]
        dtype = torch.float32

    training = Single()
    found = training.differentiate(training.params, method="forward")
    reverse = training.differentiate(training.params, method="reverse")
    assert trainings.apart(found.gradients, reverse.gradients) <= 1e-3
    assert found.value == pytest.approx(training.value(training.params), rel=1e-5)


def test_steps_are_reported_once(trainings: Any) -> None:
    training = trainings.Logistic()
    training.steps = 10
    for method in ("reverse", "forward"):
        seen: list[int] = []
        made = training._training(0, lambda params, t, seen=seen: seen.append(t))
        hyper = {**training.params}
        names = list(hyper)
        from hpo_bridge_torch.bilevel import as_hyper

        training._differentiate(made, as_hyper(hyper), names, method)
        assert seen == list(range(10))
