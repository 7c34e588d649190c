"""What trials teach, how generations wait, and what is proposed."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from statistics import median

import pytest
from hpo_bridge_deap.cmaes import Cmaes
from hpo_bridge_deap.de import De
from hpo_bridge_deap.genetic import Ga, MuCommaLambda, MuPlusLambda
from hpo_bridge_deap.individuals import Fitness, lesson
from hpo_bridge_deap.nsga2 import Nsga2
from hpo_bridge_deap.pso import Pso

from hpo_bridge.errors import BackendError, SpaceError, UnsupportedProblem
from hpo_bridge.optimizer import Explains, Observation, Problem, Snapshot
from hpo_bridge.space import Categorical, Float, Int, Space
from hpo_bridge.trial import TrialState

INJECTING = [Ga, MuPlusLambda, MuCommaLambda, Nsga2, De, Pso]
GENETIC = [Ga, MuPlusLambda, MuCommaLambda, Nsga2]
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


def told(suggestion, loss=None, **changes):
    losses = None if loss is None else (loss,)
    state = TrialState.FAILED if loss is None else TrialState.COMPLETE
    fields = {"losses": losses, "state": state, "token": suggestion.token, **changes}
    return Observation(suggestion.params, **fields)


def random_best(space, objective, n, seed):
    generator = random.Random(seed)
    return min(
        objective(space.decode([generator.random() for _ in space])) for _ in range(n)
    )


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
            optimizer.tell([told(s, state=TrialState.PRUNED, reports=reports)])
        else:
            complete.append(value)
            optimizer.tell([told(s, value)])
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
    assert all(a > b for a, b in zip(fitness, fitness[1:], strict=False))
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
            optimizer.tell([told(s, state=TrialState.PRUNED, reports=((3, report),))])
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
            optimizer.tell([told(s, state=state, reports=((1, 0.1),))])
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
        optimizer.tell([told(s, infeasible=True)])
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
        optimizer.tell([told(pending.pop(), 1.0 * len(pending))])
        state = json.dumps(optimizer.state())
        assert optimizer.ask(5) == []
        assert json.dumps(optimizer.state()) == state
    optimizer.tell([told(pending.pop())])
    assert len(optimizer.ask(1000)) > 1


def test_de_never_waits_while_an_agent_is_free(kit):
    optimizer = De(Problem(kit.MIXED, 1, 4), population_size=8)
    lost = list(optimizer.ask(5))
    for _ in range(100):
        [s] = optimizer.ask(1)
        optimizer.tell([told(s, kit.loss(s.params))])
    pending = list(optimizer.ask(100))
    assert len(pending) == 3
    state = json.dumps(optimizer.state())
    assert optimizer.ask(1) == []
    assert json.dumps(optimizer.state()) == state
    optimizer.tell([told(lost[0], 0.1)])
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
                optimizer.tell([told(pending.pop(point), sum(map(float, point)))])


@pytest.mark.parametrize("width", [1, 4])
def test_no_point_twice_before_all_were_evaluated(kit, factory, width):
    space = Space(a=Int(1, 4), b=Categorical([0, 1, 2]), c=Float(0, 1, step=0.25))
    optimizer = factory(Problem(space, 1, 1))
    points = []
    while len(points) < 60:
        batch = optimizer.ask(min(width, 60 - len(points)))
        points += [tuple(s.params.values()) for s in batch]
        optimizer.tell([told(s, kit.loss(s.params)) for s in batch])
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
    optimizer.tell([told(s, 1.0)])
    with pytest.raises(BackendError, match="token 0"):
        optimizer.tell([told(s, 1.0)])


def test_nothing_asked_changes_nothing(kit, factory):
    optimizer = factory(Problem(kit.CUBE))
    before = json.dumps(optimizer.state())
    assert optimizer.ask(0) == []
    assert json.dumps(optimizer.state()) == before


# -- foreign points ---------------------------------------------------------------------


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
        optimizer.tell([told(s, 1.0)])
    assert sorted(p["b"] for p in found) == [2, 2, 2]


@pytest.mark.parametrize("factory", INJECTING)
def test_failed_foreign_points_join_nothing(kit, factory):
    optimizer = factory(Problem(kit.CUBE, 1, 1))
    point = kit.CUBE.decode([0.5] * 4)
    optimizer.tell([Observation(point, None, state=TrialState.FAILED)])
    assert kit.bridged(optimizer, 40) == kit.bridged(factory(Problem(kit.CUBE, 1, 1)), 40)


@pytest.mark.parametrize("params", [{"x0": 0.1}, {f"x{i}": 7.0 for i in range(4)}])
def test_foreign_points_are_checked(kit, factory, params):
    with pytest.raises(SpaceError):
        factory(Problem(kit.CUBE)).tell([Observation(params, (0.1,))])


# -- spaces -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "space",
    [
        Space(x=Float(0, 1)),
        Space(n=Int(1, 9)),
        Space(c=Categorical([0, 1])),
        Space(c=Categorical([0, 1, 2, 3, 4])),
        Space(one=Categorical([0])),
        Space(x=Float(0.5, 0.5), one=Int(3, 3)),
        CHOICES,
    ],
    ids=["float", "int", "two", "five", "single", "singles", "choices"],
)
def test_small_and_odd_spaces(kit, factory, space):
    operators = [{}]
    if factory in GENETIC:
        operators += [{"mate": name} for name in ("cxOnePoint", "cxTwoPoint", "cxUniform",
                      "cxBlend", "cxSimulatedBinaryBounded")]  # fmt: skip
        operators += [{"mutate": "mutPolynomialBounded"}]
    for options in operators:
        optimizer = factory(Problem(space, 1, 1), **options)
        for _ in range(60):
            [s] = optimizer.ask(1)
            assert space.check(s.params) == s.params
            assert {type(v) for v in s.params.values()} <= {int, float}
            optimizer.tell([told(s, sum(map(float, s.params.values())))])


def test_ends_have_their_weight(kit, factory):
    """Of what is proposed while nothing is learnt: every value is equally likely."""
    space = Space(n=Int(1, 5), s=Float(0, 1, step=0.25), o=Categorical(range(5), ordered=True),
                  c=Categorical(range(5)), x=Float(0, 1))  # fmt: skip
    counts = {name: Counter() for name in space}
    for seed in range(60):
        optimizer = factory(Problem(space, 1, seed))
        for s in optimizer.ask(8):
            for name in "nsoc":
                counts[name][s.params[name]] += 1
    n = 480
    # CMA-ES starts with a normal distribution in the middle, reflected at the ends.
    low, high = (0.6, 1.6) if factory is Cmaes else (0.75, 1.25)
    for name in "nsoc":
        for i in range(5):
            share = counts[name][space[name].grid(i)] / n
            assert low / 5 < share < high / 5, (name, i)


@pytest.mark.parametrize("end", [0, 1])
def test_an_optimum_at_the_end_is_found(kit, factory, end):
    space = Space(x=Float(0, 1), n=Int(1, 20), y=Float(1e-3, 1.0, log=True))

    def objective(p):
        return sum(abs(space[name].encode(p[name]) - end) for name in p)

    assert min(kit.run(factory(Problem(space, 1, 2)), 250, objective)) < 0.12


def test_conformity_with_the_protocols(kit, factory):
    assert isinstance(factory(Problem(kit.CUBE)), Snapshot)
    assert isinstance(factory(Problem(kit.CUBE)), Explains)


def test_several_objectives_are_for_nsga2(kit, factory):
    if factory is Nsga2:
        assert len(factory(Problem(kit.CUBE, 3)).ask(2)) == 2
    else:
        with pytest.raises(UnsupportedProblem, match=r"deap\.nsga2"):
            factory(Problem(kit.CUBE, 2))


def test_explain(kit, factory):
    rows = {r.parameter: (r.how, r.detail) for r in factory(Problem(kit.MIXED)).explain()}
    assert list(rows) == list(kit.MIXED)
    assert {how for how, _ in rows.values()} == {"encoded"}
    details = {name: detail for name, (_, detail) in rows.items()}
    assert details["one"] == details["fixed"] == "no gene: a single value"
    assert details["lr"].endswith("in [0, 1], on the logarithmic scale")
    assert details["z"].endswith("in [0, 1], on the linear scale")
    assert details["batch"].endswith("in [0, 1], cut into 8 values by their probability")
    if factory in GENETIC:
        assert details["kind"] == "gene 6, the index 0 to 3"
        assert details["flag"] == "gene 7, the index 0 to 1"
    else:
        assert details["kind"] == "genes 0 to 3, scores in [0, 1] of which the largest wins"
        assert details["flag"] == "gene 6 in [0, 1], cut into 2 values by their probability"
