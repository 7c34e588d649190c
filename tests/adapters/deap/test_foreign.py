"""Points that a backend did not propose: history, other backends' points."""

from __future__ import annotations

import random
from statistics import median

import pytest
from hpo_bridge_deap.de import De
from hpo_bridge_deap.genetic import Ga, MuCommaLambda, MuPlusLambda
from hpo_bridge_deap.nsga2 import Nsga2
from hpo_bridge_deap.pso import Pso

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import SpaceError

INJECTING = [Ga, MuPlusLambda, MuCommaLambda, Nsga2, De, Pso]


def near_and_far(kit):
    generator = random.Random(3)
    far = [kit.CUBE.decode([generator.random() for _ in kit.CUBE]) for _ in range(30)]
    near = [{n: 0.7 + 0.02 * generator.random() for n in kit.CUBE} for _ in range(15)]
    return [foreign(p) for p in far + near]


def foreign(params):
    return Observation(params, (corner(params),))


def corner(p):
    return sum((v - 0.7) ** 2 for v in p.values())


def distance(optimizer, kit, n):
    """Of the next ``n`` proposals, which are evaluated."""
    found = []
    for _ in range(n):
        [s] = optimizer.ask(1)
        found.append(corner(s.params))
        losses = (found[-1],) if not isinstance(optimizer, Nsga2) else (found[-1], found[-1])
        optimizer.tell([Observation(s.params, losses[: optimizer_n(optimizer)], s.token)])
    return median(found)


def optimizer_n(optimizer):
    return getattr(optimizer, "_n_objectives", 1)


@pytest.mark.parametrize("factory", INJECTING)
@pytest.mark.parametrize("after", [0, 25])
def test_foreign_points_draw_the_proposals(kit, factory, after):
    """Told before the first ask, and in the middle of a generation."""
    cold, warm = (factory(Problem(kit.CUBE, 1, 1)) for _ in range(2))
    for optimizer in (cold, warm):
        if after:
            distance(optimizer, kit, after)
    warm.tell(near_and_far(kit))
    if after:
        for optimizer in (cold, warm):
            distance(optimizer, kit, 15)
    assert distance(warm, kit, 20) < 0.5 * distance(cold, kit, 20)


@pytest.mark.parametrize("factory", INJECTING)
def test_foreign_points_are_not_evaluated_again(kit, factory):
    optimizer = factory(Problem(kit.SMALL, 1, 1))
    known = [{"a": 1 + i % 3, "b": i // 3} for i in range(6)]
    optimizer.tell([foreign(p) for p in known])
    found = []
    for _ in range(3):
        [s] = optimizer.ask(1)
        found.append(dict(s.params))
        optimizer.tell([kit.told(s, 1.0)])
    assert sorted(p["b"] for p in found) == [2, 2, 2]


@pytest.mark.parametrize("reports", [(), ((0, 0.3), (1, 0.2))])
@pytest.mark.parametrize("factory", INJECTING)
def test_failed_foreign_points_join_nothing(kit, factory, reports):
    optimizer = factory(Problem(kit.CUBE, 1, 1))
    point = kit.CUBE.decode([0.5] * 4)
    optimizer.tell([Observation(point, None, state=TrialState.FAILED, reports=reports)])
    assert kit.bridged(optimizer, 40) == kit.bridged(factory(Problem(kit.CUBE, 1, 1)), 40)


@pytest.mark.parametrize("params", [{"x0": 0.1}, {f"x{i}": 7.0 for i in range(4)}])
def test_foreign_points_are_checked(kit, factory, params):
    with pytest.raises(SpaceError):
        factory(Problem(kit.CUBE)).tell([Observation(params, (0.1,))])
