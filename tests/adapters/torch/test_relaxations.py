"""Continuous stand-ins: a dropout rate, a choice."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hpo_bridge_torch.bilevel import as_hyper
from hpo_bridge_torch.relaxations import RelaxedChoice, relaxed_dropout

import hpo_bridge as hpo

CHOICES = ("tanh", "square", "identity")


@pytest.mark.parametrize("p", [0.05, 0.3, 0.8])
def test_noise_has_the_moments_of_dropout(p: float) -> None:
    torch.manual_seed(0)
    x = torch.full((400_000,), 2.0, dtype=torch.float64)
    ours, plain = relaxed_dropout(x, p), torch.nn.functional.dropout(x, p)
    assert float(ours.mean()) == pytest.approx(2.0, abs=0.03)
    assert float(ours.std()) == pytest.approx(float(plain.std()), rel=0.02)
    assert float(ours.std()) == pytest.approx(2 * math.sqrt(p / (1 - p)), rel=0.01)


def test_no_noise_at_zero_or_outside_of_training() -> None:
    x = torch.arange(5.0)
    assert torch.equal(relaxed_dropout(x, 0.0), x)
    assert relaxed_dropout(x, 0.5, training=False) is x


@pytest.mark.parametrize("p", [0.0, 1e-4, 9.98e-4, 1e-3, 0.2, 0.9])
def test_the_derivative_is_exact_and_finite_at_zero(p: float) -> None:
    def value(p: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return (relaxed_dropout(torch.ones(7, dtype=torch.float64), p) ** 3).sum()

    at = torch.tensor(p, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(value(at), at)
    size = 1e-8
    sides = (p + size, p) if p == 0.0 else (p + size, p - size)
    up, down = (value(torch.tensor(s, dtype=torch.float64)) for s in sides)
    assert math.isfinite(slope)
    assert float(slope) == pytest.approx(float(up - down) / (sides[0] - sides[1]), rel=1e-4)


def test_the_deviation_is_smooth_where_the_parabola_begins() -> None:
    from hpo_bridge_torch.relaxations import NEAR_ZERO, _deviation

    edge = NEAR_ZERO / (1 + NEAR_ZERO)
    found = []
    for p in (edge * (1 - 1e-9), edge * (1 + 1e-9)):
        at = torch.tensor(p, dtype=torch.float64, requires_grad=True)
        deviation = _deviation(at)
        found.append((float(deviation.detach()), float(torch.autograd.grad(deviation, at)[0])))
    assert found[0] == pytest.approx(found[1], rel=1e-6)


# --- choices


def branches(x: torch.Tensor, seen: list[str]) -> dict[str, Any]:
    functions = {"tanh": torch.tanh, "square": torch.square, "identity": torch.clone}

    def run(name: str) -> torch.Tensor:
        seen.append(name)
        return functions[name](x)

    return {name: lambda name=name: run(name) for name in CHOICES}


def test_a_blend_is_weighted() -> None:
    act = RelaxedChoice("act", CHOICES, temperature=0.5)
    logits = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64, requires_grad=True)
    x = torch.linspace(-1, 1, 5).double()
    weights = torch.softmax(logits / 0.5, 0)
    expected = weights[0] * x.tanh() + weights[1] * x**2 + weights[2] * x
    found = act.mixed({"act": logits}, branches(x, []))
    assert torch.allclose(found, expected)
    slopes = [
        torch.autograd.grad(y.sum(), logits, retain_graph=True)[0] for y in (found, expected)
    ]
    assert torch.allclose(slopes[0], slopes[1])
    assert float(slopes[0].norm()) > 0.01


@pytest.mark.parametrize("gumbel", [False, True])
def test_hardened_logits_are_the_choice_itself(gumbel: bool) -> None:
    act = RelaxedChoice("act", CHOICES, gumbel=gumbel)
    params = {"act": [0.1, 0.4, 0.2], "lr": 0.1}
    hard = act.hardened(params)
    assert act.chosen(params) == act.chosen(hard) == "square"
    assert hard["lr"] == 0.1
    hp, seen = as_hyper(hard), list[str]()
    assert act.weights(hp).tolist() == [0.0, 1.0, 0.0]
    x = torch.linspace(-1, 1, 5)
    assert torch.equal(act.mixed(hp, branches(x, seen)), x**2)
    assert seen == ["square"]  # the others are not run


def test_gumbel_noise_draws_by_the_weights() -> None:
    torch.manual_seed(0)
    act = RelaxedChoice("act", CHOICES, temperature=0.01, gumbel=True)
    logits = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    drawn = torch.stack([act.weights({"act": logits}) for _ in range(4000)])
    assert drawn.mean(dim=0).tolist() == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    assert float(drawn.max(dim=1).values.mean()) > 0.95


@pytest.mark.parametrize("method", ["reverse", "forward"])
@pytest.mark.parametrize("gumbel", [False, True])
def test_a_training_tunes_logits(trainings: Any, method: str, gumbel: bool) -> None:
    act = RelaxedChoice("act", CHOICES, gumbel=gumbel)

    class Chosen(trainings.Logistic):  # type: ignore[misc, name-defined]
        steps = 15

        def train_loss(self, params: Any, hp: Any, t: Any) -> Any:
            scores = act.mixed(hp, branches(self.train_x @ params["w"], []))
            entropy = torch.nn.functional.binary_cross_entropy_with_logits
            return entropy(scores, self.train_y) + 0.01 * (params["w"] ** 2).sum()

        def init(self, seed: int) -> Any:
            return {"w": torch.ones_like(self.train_x[0])}

    training = Chosen()
    params = {"lr": 0.1, "act": [0.2, -0.1, 0.3]}
    found = training.differentiate(params, method=method).gradients
    for i in range(3):
        ends = []
        for sign in (1, -1):
            logits = [*params["act"]]
            logits[i] += sign * 1e-6
            ends.append(training.value({**params, "act": logits}))
        assert found["act"][i] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-9)
    hard = training.value(act.hardened(params))
    assert hard != pytest.approx(training.value(params), rel=1e-6)


@pytest.mark.parametrize("choices", [(), ("a",), ("a", "a")])
def test_choices_are_checked(choices: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected at least two different ones"):
        RelaxedChoice("act", choices)


def test_logits_and_branches_must_fit() -> None:
    act = RelaxedChoice("act", CHOICES)
    with pytest.raises(hpo.HpoBridgeError, match=r"found 2 logits for 3 choices"):
        act.weights({"act": torch.zeros(2)})
    with pytest.raises(hpo.HpoBridgeError, match="found branches tanh; expected tanh, square"):
        act.mixed({"act": torch.zeros(3)}, {"tanh": lambda: torch.zeros(1)})
    with pytest.raises(ValueError, match="temperature: found 0"):
        RelaxedChoice("act", CHOICES, temperature=0)
