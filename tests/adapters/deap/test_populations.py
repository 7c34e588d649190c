"""What trials teach, and how generations wait."""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise
from statistics import median

import pytest
from hpo_bridge_deap.cmaes import Cmaes
from hpo_bridge_deap.de import De
from hpo_bridge_deap.genetic import Ga, MuCommaLambda, MuPlusLambda
from hpo_bridge_deap.individuals import Fitness, lesson
from hpo_bridge_deap.nsga2 import Nsga2
from hpo_bridge_deap.pso import Pso

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError
from hpo_bridge.space import Categorical, Float, Int, Space

WEIGHTS = Space(
    lr=Float(1e-5, 1.0, log=True),
    momentum=Float(0.0, 0.99),
    layers=Int(1, 8),
    units=Int(8, 512, log=True),
    optimizer=Categorical([0, 1, 2, 3, 4]),
    activation=Categorical([0, 1, 2]),
)
CHOICES = Space({f"c{i}": Categorical(list(range(6))) for i in range(6)})


def training(p):
    """Categories without an order: 2 is the best optimizer, then 1, 4, 0, 3."""
    rank = (3, 1, 0, 4, 2)[p["optimizer"]]
    return (
        (math.log10(p["lr"]) + 3.2) ** 2 / 2 + 2 * (p["momentum"] - 0.8) ** 2
        + abs(p["layers"] - 4) * 0.15 + 0.6 * rank + 0.5 * (p["activation"] != 1)
    )  # fmt: skip


def picking(p):
    rank = (3, 5, 0, 2, 4, 1)
    return float(sum((1 + i) * rank[v] for i, v in enumerate(p.values())))


def random_best(space, objective, n, seed):
    generator = random.Random(seed)
    return min(objective(space.decode([generator.random() for _ in space])) for _ in range(n))


# -- it optimizes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "objective"),
    [(WEIGHTS, training), (CHOICES, picking), ("CUBE", None)],
    ids=["mixed", "categorical", "continuous"],
)
def test_better_than_random_points(kit, factory, space, objective):
    space, objective = (kit.CUBE, sphere) if space == "CUBE" else (space, objective)
    seeds = range(7)
    found = [min(kit.run(factory(Problem(space, 1, s)), 150, objective)) for s in seeds]
    chance = [random_best(space, objective, 150, 100 + s) for s in seeds]
    assert median(found) < 0.9 * median(chance)


def sphere(p):
    return sum((v - 0.3) ** 2 for v in p.values())


def test_half_of_all_points_failing_is_no_obstacle(kit, factory):
    """A region that fails: every point whose first two parameters have one sign."""

    def objective(p):
        return None if p["x0"] * p["x1"] > 0 else sphere(p)

    found = kit.run(factory(Problem(kit.CUBE, 1, 3)), 200, objective)
    complete = [value for value in found if value is not None]
    assert len(complete) > 60
    assert min(complete[-60:]) < min(complete[:20])


def test_the_first_forty_failing_is_no_obstacle(kit, factory):
    numbers = iter(range(1000))
    found = kit.run(
        factory(Problem(kit.CUBE, 1, 3)), 240, lambda p: None if next(numbers) < 40 else sphere(p)
    )
    assert min(found[-60:]) < min(found[40:60])


def test_all_sorts_of_pruned_trials(kit, factory):
    """Two of three are pruned, with a last report or without any."""
    optimizer = factory(Problem(kit.CUBE, 1, 2))
    complete = []
    for number in range(400):
        [s] = optimizer.ask(1)
        value = sphere(s.params)
        if number % 3:
            reports = ((1, value + 9.0), (1 + number % 4, value)) if number % 3 == 1 else ()
            optimizer.tell([kit.told(s, state=TrialState.PRUNED, reports=reports)])
        else:
            complete.append(value)
            optimizer.tell([kit.told(s, value)])
    assert median(complete[-30:]) < 0.7 * median(complete[:30])


def test_the_order_of_outcomes():
    params = {"x": 0.5}
    reports = ((1, 0.2), (4, 0.3))
    pruned = TrialState.PRUNED
    ranked = [
        Observation(params, (0.5,)),
        Observation(params, (1e300,)),
        Observation(params, None, 0, pruned, ((5, 9.0),)),
        Observation(params, None, 0, pruned, reports),
        Observation(params, None, 0, pruned, ((4, 0.4),)),
        Observation(params, None, 0, pruned, ((1, -7.0),)),
        Observation(params, None, 0, TrialState.FAILED),
    ]
    fitness = [Fitness(lesson(seen)) for seen in ranked]
    assert sorted(fitness, reverse=True) == fitness
    assert all(a > b for a, b in pairwise(fitness))
    alike = [Observation(params, None, 0, pruned), Observation(params, None, 0, infeasible=True)]
    assert {lesson(seen) for seen in alike} == {lesson(ranked[-1])}


def test_pruned_trials_teach(kit):
    """Where nothing is complete, the last reports lead the way, however it ends."""

    def last(optimizer, teaches):
        found = []
        for _ in range(200):
            [s] = optimizer.ask(1)
            found.append(sphere(s.params))
            report = found[-1] if teaches else 0.0
            optimizer.tell([kit.told(s, state=TrialState.PRUNED, reports=((3, report),))])
        return median(found[-20:])

    for factory in (Ga, MuPlusLambda, MuCommaLambda, Cmaes, De, Pso):
        problem = Problem(kit.CUBE, 1, 1)
        assert last(factory(problem), True) < 0.6 * last(factory(problem), False), factory


@pytest.mark.parametrize("nd", ["standard", "log"])
def test_nsga2_is_indifferent_to_what_is_not_complete(kit, nd):
    """A failed trial is dominated by every complete one, and no distance is NaN."""
    optimizer = Nsga2(Problem(kit.CUBE, 2, 1), nd=nd)
    front = []
    for number in range(300):
        [s] = optimizer.ask(1)
        x, y = s.params["x0"], s.params["x1"]
        losses = ((x - 0.5) ** 2 + y**2, (x + 0.5) ** 2 + y**2)
        if number % 2:
            state = (TrialState.FAILED, TrialState.PRUNED)[number % 4 == 1]
            optimizer.tell([kit.told(s, state=state, reports=((1, 0.1),))])
        else:
            optimizer.tell([Observation(s.params, losses, s.token)])
            front.append(abs(y))
    for one in optimizer._parents:
        assert not math.isnan(one.fitness.crowding_dist)
        assert all(math.isfinite(v) for v in one.fitness.wvalues)
    assert median(front[-40:]) < 0.3 * median(front[:40])


def test_everything_failing_goes_on(kit, factory):
    optimizer = factory(Problem(kit.MIXED, 1, 1))
    points = []
    for _ in range(1000):
        [s] = optimizer.ask(1)
        points.append(tuple(s.params.values()))
        optimizer.tell([kit.told(s, infeasible=True)])
    assert len(set(points)) == 1000


# -- waiting ----------------------------------------------------------------------------


def test_a_generation_waits_for_its_last_result(kit, factory):
    if factory is De:
        return test_de_never_waits_while_an_agent_is_free(kit)
    optimizer = factory(Problem(kit.MIXED, 1, 4))
    pending = list(optimizer.ask(1000))
    first = len(pending)
    assert first in (8, 10, 20, 11)
    while len(pending) > 1:
        optimizer.tell([kit.told(pending.pop(), 1.0 * len(pending))])
        state = json.dumps(optimizer.state())
        assert optimizer.ask(5) == []
        assert json.dumps(optimizer.state()) == state
    optimizer.tell([kit.told(pending.pop())])
    assert len(optimizer.ask(1000)) > 1


def test_de_never_waits_while_an_agent_is_free(kit):
    optimizer = De(Problem(kit.MIXED, 1, 4), population_size=8)
    lost = list(optimizer.ask(5))
    for _ in range(100):
        [s] = optimizer.ask(1)
        optimizer.tell([kit.told(s, kit.loss(s.params))])
    pending = list(optimizer.ask(100))
    assert len(pending) == 3
    state = json.dumps(optimizer.state())
    assert optimizer.ask(1) == []
    assert json.dumps(optimizer.state()) == state
    optimizer.tell([kit.told(lost[0], 0.1)])
    assert len(optimizer.ask(9)) == 1


def test_pending_points_are_different(kit, factory):
    """Also where there are nine points only, in any number at a time."""
    for space in (kit.SMALL, kit.CUBE):
        optimizer = factory(Problem(space, 1, 5))
        pending = {}
        for turn in range(200):
            for s in optimizer.ask(1 + turn % 5):
                point = tuple(s.params.values())
                assert point not in pending
                pending[point] = s
            for point in list(pending)[turn % 3 :: 2] or list(pending):
                optimizer.tell([kit.told(pending.pop(point), sum(map(float, point)))])


@pytest.mark.parametrize("width", [1, 4])
def test_no_point_twice_before_all_were_evaluated(kit, factory, width):
    space = Space(a=Int(1, 4), b=Categorical([0, 1, 2]), c=Float(0, 1, step=0.25))
    optimizer = factory(Problem(space, 1, 1))
    points = []
    while len(points) < 60:
        batch = optimizer.ask(min(width, 60 - len(points)))
        points += [tuple(s.params.values()) for s in batch]
        optimizer.tell([kit.told(s, kit.loss(s.params)) for s in batch])
    assert len(set(points)) == 60
    [again] = optimizer.ask(1)
    assert tuple(again.params.values()) in points


def test_reevaluate_proposes_points_again(kit):
    def different(**options):
        optimizer = Ga(Problem(kit.MIXED, 1, 1), **options)
        return len({json.dumps(p) for p in kit.bridged(optimizer, 200)})

    assert different() == 200
    assert different(reevaluate=True) < 150


def test_an_unexpected_result_is_an_error(kit, factory):
    optimizer = factory(Problem(kit.CUBE))
    [s] = optimizer.ask(1)
    optimizer.tell([kit.told(s, 1.0)])
    with pytest.raises(BackendError, match="token 0"):
        optimizer.tell([kit.told(s, 1.0)])


def test_nothing_asked_changes_nothing(kit, factory):
    optimizer = factory(Problem(kit.CUBE))
    before = json.dumps(optimizer.state())
    assert optimizer.ask(0) == []
    assert json.dumps(optimizer.state()) == before
