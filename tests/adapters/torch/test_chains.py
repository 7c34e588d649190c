"""Chains: where they begin, when they go back, that they stay in the cube, and wait."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hpo_bridge_torch.chains import Places
from hpo_bridge_torch.gradient import Adam, Rprop, Sgd

from hpo_bridge.contracts.optimizer import Observation, Optimizer, Problem, Suggestion
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError, UnsupportedProblem
from hpo_bridge.space import Categorical, Float, Int, Space

LINE = Problem(Space(x=Float(0, 1)))


class Hand:
    """Asks an optimizer for one point at a time, and tells it what became of it."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    def ask(self) -> Suggestion:
        (suggestion,) = self.optimizer.ask(1)
        return suggestion

    def tell(self, point: Suggestion, loss: float | None, **gradients: float) -> None:
        losses = None if loss is None else (loss,)
        slopes = None if loss is None else gradients
        self.optimizer.tell([Observation(point.params, losses, point.token, gradients=slopes)])

    def at(self, loss: float | None, slope: float = 0.0) -> float:
        """Where it was on the only parameter, ``x``, which had this loss and derivative."""
        point = self.ask()
        self.tell(point, loss, x=slope)
        return float(point.params["x"])


def xs(suggestions: Sequence[Suggestion]) -> list[float]:
    """The only parameter of each."""
    return [suggestion.params["x"] for suggestion in suggestions]


def hand(problem: Problem = LINE, **options: Any) -> Hand:
    return Hand(Adam(problem, **{"init": {"x": 0.5}, "step": 0.1, **options}))


# -- steps -------------------------------------------------------------------------------


def test_it_goes_down_and_stops_at_the_bound() -> None:
    one = hand()
    seen = [one.at(10.0 - i, 1.0) for i in range(6)]
    np.testing.assert_allclose(seen, [0.5, 0.4, 0.3, 0.2, 0.1, 0.0], atol=1e-9)
    seen = [one.at(3.0, -1.0), one.at(2.9, -1.0)]  # against the bound it has gathered no speed
    assert seen[1] > 0.02


def test_a_bound_that_the_gradient_points_to_is_not_evaluated_again() -> None:
    one = hand(init={"x": 0.0})
    assert one.at(1.0, 1.0) == 0.0
    assert one.at(1.0, 1.0) != 0.0  # it has begun elsewhere


def test_steps_are_in_the_logarithm_on_a_log_scale() -> None:
    problem = Problem(Space(x=Float(1e-4, 1.0, log=True)))
    one = hand(problem, init={"x": 1e-2}, step=0.25)
    assert one.at(1.0, 5.0) == pytest.approx(1e-2)
    assert one.at(0.9, 5.0) == pytest.approx(1e-3)


def test_the_chain_rule_scales_derivatives() -> None:
    space = Space(a=Float(0, 10), b=Float(0, 1), c=Float(1e-2, 1, log=True))
    start = {"a": 5.0, "b": 0.5, "c": 0.1}
    one = Hand(Sgd(Problem(space), init=start, step=0.1, longest=1.0))
    point = one.ask()
    one.tell(point, 1.0, a=0.2, b=1.0, c=1.0)
    after = one.ask().params
    moves = [space[name].encode(after[name]) - space[name].encode(start[name]) for name in space]
    # 0.2 * 10 is the largest; 1.0 * 1 is half of it, and 1.0 * 0.1 ln(100) is 0.46.
    expected = [-0.1, -0.05, -0.1 * 0.1 * math.log(100) / 2]
    np.testing.assert_allclose(moves, expected, atol=1e-12)


def test_it_reaches_the_minimum_of_a_bowl() -> None:
    space = Space(x=Float(-4, 4), rate=Float(1e-5, 1, log=True))

    def loss(params: Any) -> tuple[float, dict[str, float]]:
        away = (params["x"] - 1.5), math.log(params["rate"] / 1e-3)
        slopes = {"x": 2 * away[0], "rate": 2 * away[1] / params["rate"]}
        return away[0] ** 2 + away[1] ** 2, slopes

    for make, trials in ((Adam, 60), (Sgd, 60), (Rprop, 60)):
        one = Hand(make(Problem(space, seed=3)))
        best = math.inf
        for _ in range(trials):
            point = one.ask()
            value, slopes = loss(point.params)
            one.tell(point, value, **slopes)
            best = min(best, value)
        assert best < 0.01, make


# -- going back --------------------------------------------------------------------------


def test_after_a_failure_it_goes_half_way_back_and_makes_shorter_steps() -> None:
    one = hand()
    assert one.at(1.0, 1.0) == 0.5
    assert one.at(None) == pytest.approx(0.4)
    assert one.at(None) == pytest.approx(0.45)
    assert one.at(0.9, 1.0) == pytest.approx(0.475)
    assert one.at(0.8, 1.0) == pytest.approx(0.475 - 0.1 / 4, abs=2e-3)


def test_a_point_that_is_clearly_worse_is_left_for_the_best_one() -> None:
    one = hand(backtrack=0.1)
    assert one.at(2.0, 1.0) == 0.5
    assert one.at(1.0, 1.0) == pytest.approx(0.4)  # the scale is 1: the best loss, and the gain
    assert one.at(1.09, 1.0) == pytest.approx(0.3)  # a little worse: it goes on
    assert one.at(1.2, 1.0) == pytest.approx(0.2)  # clearly worse: half-way back to 0.4
    assert one.at(0.9, 1.0) == pytest.approx(0.3)


def test_an_exploded_gradient_is_not_followed() -> None:
    one = hand(explode=15.0)
    assert one.at(1.0, 2.0) == 0.5
    assert one.at(0.9, -29.0) == pytest.approx(0.4)  # 15 times the steepest of the best is 30
    far = one.ask()
    assert far.params["x"] > 0.4  # it was followed
    one.tell(far, 0.8, x=-1e6)
    assert one.at(0.7, 1.0) == pytest.approx((far.params["x"] + 0.4) / 2)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_what_is_bad_does_not_depend_on_the_unit_of_the_loss(unit: float) -> None:
    story = [(2.0, 1.0), (1.0, 1.0), (1.2, 1.0), (0.9, 400.0), (0.8, -1.0), (0.1, 1.0)]
    one, other = hand(), hand()
    for loss, slope in story:
        assert other.at(unit * loss, unit * slope) == pytest.approx(one.at(loss, slope), abs=1e-9)


def test_pruned_trials_and_infeasible_points_are_unusable_too() -> None:
    for state, infeasible in ((TrialState.PRUNED, False), (TrialState.FAILED, True)):
        one = hand()
        one.at(1.0, 1.0)
        point = one.ask()
        assert point.params["x"] == pytest.approx(0.4)
        seen = Observation(
            point.params, None, point.token, state, ((1, 0.1),), infeasible=infeasible
        )
        one.optimizer.tell([seen])
        assert one.ask().params["x"] == pytest.approx(0.45)


def test_a_start_that_fails_is_left_for_a_lower_one() -> None:
    one = hand(init={"x": 0.95})
    seen = [one.at(None) for _ in range(6)]
    assert seen[0] == 0.95
    assert seen[1] == pytest.approx((0.95 + 0.25) / 2)
    assert seen[:5] == sorted(seen[:5], reverse=True)


def test_it_never_leaves_the_cube_nor_proposes_what_is_no_number() -> None:
    rng = random.Random(5)
    space = Space(x=Float(0, 1), y=Float(1e-6, 1e6, log=True), z=Float(-1e9, 1e9))
    for make in (Adam, Sgd, Rprop):
        one = Hand(make(Problem(space), init={"x": 1.0}))
        for i in range(300):
            point = one.ask()
            assert space.check(point.params) == point.params
            if i % 4 == 1:
                one.tell(point, None)
            else:
                slopes = {name: 10 ** rng.uniform(-30, 30) * rng.choice([-1, 1]) for name in space}
                one.tell(point, 10 ** rng.uniform(-30, 30) * rng.choice([-1, 1]), **slopes)


def test_chaos_beyond_some_rate_does_no_harm() -> None:
    """Up to 0.1 a loss with a minimum at 0.03; beyond, derivatives of any size and sign."""
    space = Space(lr=Float(1e-4, 1, log=True))
    rng = random.Random(1)
    for start in (1e-3, 0.5, 1.0):
        one = Hand(Adam(Problem(space), init={"lr": start}))
        best = math.inf
        for _ in range(30):
            point = one.ask()
            lr = point.params["lr"]
            away = math.log(lr / 0.03)
            if lr > 0.1:
                one.tell(point, 10 + 5 * rng.random(), lr=10 ** rng.uniform(2, 9))
            else:
                one.tell(point, 1 + away**2, lr=2 * away / lr)
                best = min(best, 1 + away**2)
        assert best < 1.5, start  # it is 2.4 at the edge of chaos


# -- starts ------------------------------------------------------------------------------


def test_the_first_chain_begins_low_and_others_low_on_a_log_scale_alone() -> None:
    space = Space(lr=Float(1e-4, 1, log=True), dropout=Float(0, 1))
    units: list[Any] = []
    for seed in range(100):
        points = Adam(Problem(space, seed=seed), n_starts=3).ask(9)
        assert len(points) == 3
        units.append([space.encode(point.params) for point in points])
    first, others = np.array(units)[:, 0], np.array(units)[:, 1:].reshape(-1, 2)
    assert 0.22 < first.min() <= first.max() < 0.28
    assert others[:, 0].max() < 0.5
    assert others[:, 1].min() < 0.1
    assert others[:, 1].max() > 0.9


def test_init_is_where_the_first_chain_begins_and_others_near_it() -> None:
    space = Space(lr=Float(1e-4, 1, log=True), dropout=Float(0, 1))
    for seed in range(20):
        first, *others = Adam(Problem(space, seed=seed), n_starts=4, init={"lr": 0.01}).ask(4)
        assert first.params["lr"] == pytest.approx(0.01, rel=1e-12)
        for other in others:
            assert abs(space["lr"].encode(other.params["lr"]) - 0.5) <= 0.1
    assert len({point.params["lr"] for point in others}) == 3


def test_every_life_of_a_chain_begins_elsewhere() -> None:
    places = Places(0.25, np.full(2, np.nan), np.array([True, False]), 7)
    starts = {tuple(places.start(number, life)) for number in range(4) for life in range(5)}
    assert len(starts) == 20


def test_a_chain_at_rest_begins_anew() -> None:
    one = hand()
    seen = [one.at(1.0, 0.0) for _ in range(5)]
    assert len(set(seen)) == 5


# -- waiting, and results in any order ---------------------------------------------------


def test_a_chain_waits_for_its_trial_and_others_go_on() -> None:
    adam = Adam(LINE, n_starts=3)
    points = adam.ask(2)
    assert len(points) == 2
    points += adam.ask(5)
    assert len(points) == 3
    assert adam.ask(4) == []
    adam.tell([Observation(points[1].params, (1.0,), points[1].token, gradients={"x": 1.0})])
    (after,) = adam.ask(4)
    assert after.params["x"] < points[1].params["x"] or points[1].params["x"] == 0.0
    assert adam.ask(1) == []


def test_chains_do_not_depend_on_the_order_of_results() -> None:
    paths = []
    for order in ([0, 1, 2], [2, 0, 1]):
        adam = Adam(LINE, n_starts=3)
        for _ in range(4):
            points = adam.ask(3)
            told = [
                Observation(p.params, (p.params["x"] ** 2,), p.token, gradients={"x": 2 * x})
                for p, x in zip(points, xs(points), strict=True)
            ]
            for place in order:
                adam.tell([told[place]])
        paths.append(sorted(xs(adam.ask(3))))
    assert paths[0] == paths[1]


def test_a_result_that_nobody_waits_for_is_an_error() -> None:
    adam = Adam(LINE)
    (point,) = adam.ask(1)
    seen = Observation(point.params, (1.0,), point.token, gradients={"x": 1.0})
    adam.tell([seen])
    with pytest.raises(BackendError, match="no result is awaited for the token 0"):
        adam.tell([seen])


# -- points from elsewhere ---------------------------------------------------------------


def foreign(x: float, loss: float | None, slope: float | None = None) -> Observation:
    slopes = None if slope is None else {"x": slope}
    state = TrialState.FAILED if loss is None else TrialState.COMPLETE
    return Observation({"x": x}, None if loss is None else (loss,), None, state, gradients=slopes)


def test_the_best_foreign_points_are_starts() -> None:
    adam = Adam(LINE, n_starts=2)
    adam.tell([foreign(0.1, 3.0), foreign(0.7, 1.0), foreign(0.9, 2.0), foreign(0.2, None)])
    assert sorted(xs(adam.ask(9))) == [0.7, 0.9]


def test_a_foreign_point_with_a_gradient_is_gone_on_from() -> None:
    one = hand()
    one.optimizer.tell([foreign(0.7, 1.0, slope=1.0)])
    assert one.ask().params["x"] == pytest.approx(0.6)


def test_a_better_foreign_point_moves_the_worst_chain_when_its_trial_is_told() -> None:
    one = hand()
    one.at(5.0, 1.0)
    point = one.ask()
    one.optimizer.tell([foreign(0.9, 1.0), foreign(0.2, 9.0)])
    assert one.optimizer.ask(1) == []
    one.tell(point, 4.0, x=1.0)
    assert one.at(1.0, 1.0) == 0.9
    assert one.at(0.9, 1.0) == pytest.approx(0.8)


def test_a_foreign_point_that_is_worse_moves_nothing() -> None:
    one, other = hand(), hand()
    for each in (one, other):
        each.at(5.0, 1.0)
    one.optimizer.tell([foreign(0.9, 6.0)])
    assert one.ask().params == other.ask().params


# -- what has no gradient ----------------------------------------------------------------

REFUSED = [
    (Int(1, 4), "parameter 'p': is an integer, which has no gradient"),
    (Categorical(["a", "b"]), "parameter 'p': is categorical, which has no gradient"),
    (Categorical([1, 2], ordered=True), "parameter 'p': is categorical"),
    (Float(0, 1, step=0.5), "parameter 'p': is stepped, which has no gradient"),
]


@pytest.mark.parametrize(("parameter", "words"), REFUSED)
@pytest.mark.parametrize("options", [{}, {"estimator": "spsa"}])
def test_it_is_refused_by_name_with_the_ways_out(
    parameter: Any, words: str, options: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedProblem) as caught:
        Adam(Problem(Space(x=Float(0, 1), p=parameter)), **options)
    assert words in str(caught.value)
    assert caught.value.parameter == "p"
    assert "hybrid" in caught.value.text
    assert "relaxation" in caught.value.text
    assert "\n" not in str(caught.value)


def test_what_takes_a_single_value_is_a_constant() -> None:
    space = Space(x=Float(0, 1), n=Int(7, 7), c=Categorical(["a"]), f=Float(0.5, 0.5)).indexed()
    (point,) = Adam(Problem(space)).ask(1)
    assert {name: point.params[name] for name in "ncf"} == {"n": 7, "c": 0, "f": 0.5}


def test_nothing_to_step_in_and_several_objectives_are_refused() -> None:
    with pytest.raises(UnsupportedProblem, match="there is no continuous parameter"):
        Adam(Problem(Space(f=Float(0.5, 0.5))))
    with pytest.raises(UnsupportedProblem, match="takes one objective, found 2"):
        Adam(Problem(Space(x=Float(0, 1)), 2))
