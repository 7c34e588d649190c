"""Gradients from differences: two trials for a step, with both names, and what it can do."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hpo_bridge_torch import rules
from hpo_bridge_torch.chains import Limits, Places, Walk
from hpo_bridge_torch.estimators import SpsaEstimator as Estimator
from hpo_bridge_torch.gradient import Adam, Rprop, Sgd
from hpo_bridge_torch.spsa import Spsa

from hpo_bridge import Float, Space, Study
from hpo_bridge.contracts.optimizer import Observation, Problem, WantsGradients

BOX = Space(x=Float(-4, 4), rate=Float(1e-5, 1, log=True), y=Float(0, 1))


def bowl(params: Any) -> float:
    away = params["x"] - 1.5, math.log(params["rate"] / 1e-3), 5 * (params["y"] - 0.2)
    return sum(a**2 for a in away)


def told(optimizer: Any, loss: Any, trials: int) -> float:
    best = math.inf
    for _ in range(trials):
        (point,) = optimizer.ask(1)
        value = loss(point.params)
        optimizer.tell([Observation(point.params, (value,), point.token)])
        best = min(best, value)
    return best


def test_the_two_points_lie_on_either_side() -> None:
    optimizer = Spsa(Problem(BOX), perturbation=0.1, start=0.5)
    above, below = (BOX.encode(point.params) for point in optimizer.ask(9))
    middle = (np.array(above) + below) / 2
    np.testing.assert_allclose(np.abs(np.array(above) - middle), 0.1, atol=1e-12)
    assert optimizer.ask(1) == []


def test_a_chain_waits_for_both() -> None:
    optimizer = Spsa(Problem(BOX))
    points = optimizer.ask(2)
    for point in reversed(points):
        assert optimizer.ask(1) == []
        optimizer.tell([Observation(point.params, (bowl(point.params),), point.token)])
    assert len(optimizer.ask(5)) == 2


def test_the_estimate_is_the_slope_along_a_random_direction() -> None:
    """Its mean over directions is the gradient; each single one is exact along its own."""
    slope = np.array([2.0, -1.0, 0.5])
    start = Places(0.5, np.full(3, 0.5), np.zeros(3, dtype=bool), 0).start
    walk = Walk(rules.Adam(0.08, 0.5, 0.9), Limits(15.0, 0.05), start, np.full(3, 0.5))
    estimates = []
    for seed in range(4000):
        estimator = Estimator(0.05, seed)
        probes = estimator.probes(walk.begin(0))
        loss, gradient = estimator.estimate(probes, [(float(slope @ p), None) for p in probes])
        assert loss == pytest.approx(float(slope @ np.full(3, 0.5)))
        assert gradient is not None
        apart = probes[0] - probes[1]
        assert gradient @ apart / 3 == pytest.approx(float(slope @ apart))
        estimates.append(gradient)
    # The standard deviation of a component is at most sqrt(5) here.
    np.testing.assert_allclose(np.mean(estimates, axis=0), slope, atol=4 * math.sqrt(5 / 4000))


def test_at_a_bound_the_difference_is_the_one_that_there_is() -> None:
    start = Places(0.5, np.zeros(2), np.zeros(2, dtype=bool), 0).start
    walk = Walk(rules.Adam(0.08, 0.5, 0.9), Limits(15.0, 0.05), start, np.zeros(2))
    estimator = Estimator(0.1, 3)
    probes = estimator.probes(walk.begin(0))
    assert min(p.min() for p in probes) == 0.0
    _, gradient = estimator.estimate(probes, [(float(p[0]), None) for p in probes])
    assert gradient is not None
    assert gradient[0] == pytest.approx(1.0)


def test_a_failure_of_one_of_the_two_is_a_failure_of_the_step() -> None:
    optimizer = Spsa(Problem(Space(x=Float(0, 1))), init={"x": 0.5}, step=0.2, perturbation=0.05)
    places = []
    for losses in ((1.0, 1.1), (1.0, None), (1.0, 1.0)):
        points = optimizer.ask(2)
        places.append(sum(p.params["x"] for p in points) / 2)
        optimizer.tell(
            [
                Observation(p.params, None if loss is None else (loss,), p.token)
                for p, loss in zip(points, losses, strict=True)
            ]
        )
    assert abs(places[1] - places[0]) == pytest.approx(0.2)
    assert places[2] == pytest.approx((places[0] + places[1]) / 2)


@pytest.mark.parametrize("make", [Spsa, Adam, Sgd, Rprop])
def test_it_comes_near_the_minimum_without_a_gradient(make: Any) -> None:
    options = {} if make is Spsa else {"estimator": "spsa"}
    rng = random.Random(0)
    randoms = [bowl(BOX.decode([rng.random() for _ in BOX])) for _ in range(100_000)]
    best = [told(make(Problem(BOX, seed=s), **options), bowl, 120) for s in range(5)]
    # What 120 random points find, at its median.
    usual = sorted(min(rng.sample(randoms, 120)) for _ in range(500))[250]
    assert sorted(best)[2] < usual / 2


def test_the_two_names_are_one_method() -> None:
    one, other = Spsa(Problem(BOX, seed=4)), Adam(Problem(BOX, seed=4), estimator="spsa")
    for _ in range(10):
        points = one.ask(2)
        assert points == other.ask(2)
        for each in (one, other):
            each.tell([Observation(p.params, (bowl(p.params),), p.token) for p in points])


def test_it_looks_past_roughness_of_which_a_derivative_knows_nothing_else() -> None:
    """A bowl with ripples so steep that every derivative points anywhere."""

    def loss(params: Any) -> float:
        return bowl(params) + 0.3 * math.sin(1e4 * params["x"])

    best = sorted(told(Spsa(Problem(BOX, seed=s)), loss, 120) for s in range(5))
    assert best[2] < 3.0


def test_it_wants_no_gradients_by_either_name() -> None:
    for optimizer in (Spsa(Problem(BOX)), Adam(Problem(BOX), estimator="spsa")):
        assert isinstance(optimizer, WantsGradients)
        assert not optimizer.wants_gradients
    assert Adam(Problem(BOX)).wants_gradients


@pytest.mark.parametrize(
    "backend", ["torch.spsa", {"name": "torch.rprop", "options": {"estimator": "spsa"}}]
)
def test_a_study_of_a_black_box(backend: Any) -> None:
    with Study(BOX, backend=backend, seed=2) as study:
        study.optimize(lambda trial: bowl(trial), trials=60, runner="processes", workers=2)
        assert {t.state.value for t in study.trials} == {"COMPLETE"}
        assert study.best.value < study.trials[0].value
