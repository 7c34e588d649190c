"""The rules step as torch's own optimizers do, and as their papers say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hpo_bridge_torch import rules
from hpo_bridge_torch.gradient import Adam, Rprop, Sgd
from hpo_bridge_torch.rules import Memory, Rule, without
from hpo_bridge_torch.spsa import Spsa

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.errors import InvalidOptions
from hpo_bridge.plugins import manager
from hpo_bridge.space import Float, Space

CURVES = torch.tensor([1.0, 30.0, 0.01], dtype=torch.float64)
START = [0.4, -0.3, 0.2]


def slope(u: Any) -> Any:
    """Of a bowl, and of something that makes signs flip."""
    return CURVES * u + 0.3 * torch.sin(7 * u)


def ours(rule: Rule, steps: int = 25) -> list[list[float]]:
    u, memory = np.array(START), rule.begin(3)
    seen = []
    for _ in range(steps):
        step, memory = rule.step(slope(torch.from_numpy(u)).numpy(), memory)
        u = u + step
        memory = Memory.from_plain(memory.to_plain())
        seen.append(u.tolist())
    return seen


def theirs(make: Callable[[Any], Any], steps: int = 25) -> list[list[float]]:
    u = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make([u])
    seen = []
    for _ in range(steps):
        u.grad = slope(u.detach())
        optimizer.step()
        seen.append(u.tolist())
    return seen


def test_adam_is_torchs() -> None:
    found = ours(rules.Adam(0.08, 0.7, 0.95))
    wanted = theirs(lambda u: torch.optim.Adam(u, lr=0.08, betas=(0.7, 0.95), eps=1e-15))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)


def test_rprop_is_torchs() -> None:
    found = ours(rules.Rprop(0.05, 1.2, 0.5, 0.11))
    wanted = theirs(
        lambda u: torch.optim.Rprop(u, lr=0.05, etas=(0.5, 1.2), step_sizes=(0.0, 0.11))
    )
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_sgd_is_torchs_at_the_rate_of_the_first_gradient() -> None:
    rate = 0.01 / float(slope(torch.tensor(START, dtype=torch.float64)).abs().max())
    found = ours(rules.Sgd(0.01, 0.6, 1.0))
    wanted = theirs(lambda u: torch.optim.SGD(u, lr=rate, momentum=0.6))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize(
    "rule",
    [rules.Adam(0.08, 0.5, 0.9), rules.Sgd(0.08, 0.5, 0.2), rules.Rprop(0.08, 1.2, 0.5, 0.2)],
)
def test_the_unit_of_the_loss_does_not_matter(rule: Rule, unit: float) -> None:
    paths = []
    for factor in (1.0, unit):
        u, memory = np.array(START), rule.begin(3)
        for _ in range(10):
            step, memory = rule.step(factor * slope(torch.from_numpy(u)).numpy(), memory)
            u = u + step
        paths.append(u)
    np.testing.assert_allclose(paths[0], paths[1], rtol=1e-6)


def test_the_first_step_is_as_long_as_asked_for() -> None:
    gradient = np.array([3.0, -0.5, 0.0])
    steps = {
        name: rule.step(gradient, rule.begin(3))[0]
        for name, rule in {
            "adam": rules.Adam(0.08, 0.5, 0.9),
            "sgd": rules.Sgd(0.08, 0.5, 0.2),
            "rprop": rules.Rprop(0.08, 1.2, 0.5, 0.2),
        }.items()
    }
    np.testing.assert_allclose(steps["adam"], [-0.08, 0.08, 0.0], atol=1e-12)
    np.testing.assert_allclose(steps["sgd"], [-0.08, 0.08 / 6, 0.0], atol=1e-12)
    np.testing.assert_allclose(steps["rprop"], [-0.08, 0.08, 0.0], atol=1e-12)


def test_no_step_is_longer_than_the_longest() -> None:
    rule = rules.Sgd(0.08, 0.9, 0.1)
    memory = rule.begin(2)
    for size in (1.0, 50.0, 50.0):
        step, memory = rule.step(np.array([size, 0.1]), memory)
    assert np.abs(step).max() == pytest.approx(0.1)


@pytest.mark.parametrize(
    "rule",
    [rules.Adam(0.08, 0.5, 0.9), rules.Sgd(0.08, 0.5, 0.2), rules.Rprop(0.08, 1.2, 0.5, 0.2)],
)
def test_a_gradient_of_zero_is_no_step_and_no_number_that_is_none(rule: Rule) -> None:
    memory = rule.begin(2)
    for _ in range(3):
        step, memory = rule.step(np.zeros(2), memory)
        assert step.tolist() == [0.0, 0.0]
    step, memory = rule.step(np.array([1.0, 0.0]), memory)
    assert step[0] < 0.0
    assert step[1] == 0.0


def test_what_is_blocked_is_forgotten() -> None:
    rule = rules.Adam(0.08, 0.9, 0.9)
    _, memory = rule.step(np.array([1.0, 1.0]), rule.begin(2))
    left = without(memory, np.array([True, False]))
    assert left.first[0] == 0.0
    assert left.first[1] == memory.first[1]
    assert left.second.tolist() == memory.second.tolist()


WRONG = [
    ("torch.adam", {"step": 0}, "step: found 0, expected a finite number, more than 0"),
    ("torch.adam", {"beta1": 1}, "beta1: found 1, expected less than 1"),
    ("torch.adam", {"beta2": -0.1}, "beta2: found -0.1"),
    ("torch.adam", {"n_starts": 0}, "n_starts: found 0, expected at least 1"),
    ("torch.adam", {"start": 1.5}, "start: found 1.5"),
    ("torch.adam", {"explode": 0}, "explode: found 0"),
    ("torch.adam", {"backtrack": -1}, "backtrack: found -1"),
    ("torch.adam", {"estimator": "spas"}, "did you mean 'spsa'?"),
    ("torch.adam", {"init": {"y": 1}}, "init: found 'y', expected one of x"),
    ("torch.adam", {"init": {"x": 9.0}}, "init: x: 9.0 is outside [0.0, 1.0]"),
    ("torch.adam", {"init": 3}, "init: found 3, expected a mapping"),
    ("torch.adam", {"momentum": 0.5}, "momentum: unknown option"),
    ("torch.sgd", {"momentum": 1.0}, "momentum: found 1.0, expected less than 1"),
    ("torch.sgd", {"longest": 0.0}, "longest: found 0.0"),
    ("torch.rprop", {"grow": 0.5}, "grow: found 0.5, expected a finite number, at least 1"),
    ("torch.rprop", {"shrink": 0}, "shrink: found 0"),
    ("torch.spsa", {"perturbation": 0.6}, "perturbation: found 0.6"),
    ("torch.spsa", {"estimator": "spsa"}, "estimator: unknown option"),
]


@pytest.mark.parametrize(("name", "options", "words"), WRONG)
def test_wrong_options_are_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOptions) as caught:
        manager().build("backend", name, options, Problem(Space(x=Float(0, 1))))
    assert words in str(caught.value)


@pytest.mark.parametrize("make", [Adam, Sgd, Rprop, Spsa])
def test_the_defaults_are_accepted(make: Any) -> None:
    assert make(Problem(Space(x=Float(0, 1)))).ask(1)
