"""What DEAP does that one might not expect, as the docstrings say; and what is done about it."""

from __future__ import annotations

import math
import random
import warnings

import numpy as np
import pytest
from deap import algorithms, base, cma, creator, tools
from hpo_bridge_deap.cmaes import Cmaes
from hpo_bridge_deap.genome import reflected

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.space import Categorical, Float, Int, Space


def population(kit, losses):
    found = []
    for loss in losses:
        found.append(kit.Point([loss]))
        found[-1].fitness.values = (loss,)
    return found


def share(kit, odd):
    """Of the winners of tournaments, when 35 in 100 have the loss ``odd``."""
    random.seed(1)
    everyone = population(kit, [odd] * 35 + [random.random() for _ in range(65)])
    random.shuffle(everyone)
    chosen = tools.selTournament(everyone, 4000, tournsize=3)
    return sum(not math.isfinite(one.fitness.values[0]) for one in chosen) / 4000


def test_nan_wins_tournaments(kit):
    assert share(kit, math.nan) > 0.3
    assert share(kit, math.inf) < 0.07


def test_half_of_the_evaluations_of_ea_simple_are_repeated(kit):
    coding = kit.Coding(kit.CUBE, indices=True)
    mutate = tools.mutGaussian
    toolbox = kit.native_toolbox(
        coding, tools.cxTwoPoint, lambda one, indpb: mutate(one, 0.0, 0.2, indpb),
        lambda everyone, k: tools.selTournament(everyone, k, tournsize=3),
    )  # fmt: skip
    recorder = kit.Recorder(coding, False, most=10_000)
    toolbox.register("evaluate", recorder)
    random.seed(1)
    algorithms.eaSimple(toolbox.population(20), toolbox, 0.5, 0.2, 40, verbose=False)
    different = len({tuple(p.values()) for p in recorder.points})
    assert different < 0.6 * len(recorder.points)


def test_crossovers_by_points_cannot_take_a_single_gene():
    for cross in (tools.cxOnePoint, tools.cxTwoPoint):
        with pytest.raises(ValueError, match="empty range"):
            cross([0.1], [0.2])


def test_roulette_prefers_what_is_worse(kit):
    """Silently: the losses are taken for merits."""
    random.seed(1)
    chosen = tools.selRoulette(population(kit, [1.0, 9.0]), 1000)
    assert sum(one.fitness.values[0] == 9.0 for one in chosen) > 800


def test_blending_leaves_the_range():
    """And reflection heaps nothing on the ends, as clipping would."""
    random.seed(1)
    genes = []
    for _ in range(4000):
        one, other = [random.random()], [random.random()]
        tools.cxBlend(one, other, 0.5)
        genes += one + other
    outside = sum(not 0.0 <= u <= 1.0 for u in genes) / len(genes)
    assert 0.08 < outside < 0.11
    ends = sum(not 0.02 < u < 0.98 for u in reflected(genes)) / len(genes)
    clipped = sum(not 0.02 < min(max(u, 0.0), 1.0) < 0.98 for u in genes) / len(genes)
    assert ends < 0.05 < 0.1 < clipped


def test_a_strategy_leaves_the_range():
    np.random.seed(1)
    strategy = cma.Strategy([0.5] * 5, 0.3, lambda_=2000)
    genes = np.array(strategy.generate(list))
    assert 0.08 < np.mean((genes < 0) | (genes > 1)) < 0.11


def test_reflection_is_between_the_ends():
    there_and_back = {
        -7.25: 0.75, -1.0: 1.0, -1e-300: 1e-300, 0.0: 0.0, 0.5: 0.5, 1.0: 1.0, 1.25: 0.75,
        2.0: 0.0, 3.25: 0.75, 2**40 + 0.25: 0.25,
    }  # fmt: skip
    assert reflected(there_and_back) == list(there_and_back.values())


def test_a_strategy_converges_to_one_point_for_ever(kit):
    np.random.seed(1)
    strategy = cma.Strategy([0.5, 0.5], 0.3)
    for _ in range(400):
        with np.errstate(all="ignore"):
            generation = strategy.generate(kit.Point)
            for one in generation:
                one.fitness.values = (float((one[0] - 0.3) ** 2 + (one[1] - 0.4) ** 2),)
            strategy.update(generation)
    assert len({tuple(map(float, one)) for one in generation}) == 1


@pytest.mark.parametrize(
    "space",
    [
        Space(x=Float(0, 1), y=Float(0, 1)),
        Space(n=Int(1, 200), c=Categorical(range(9)), d=Categorical(range(9))),
    ],
    ids=["continuous", "discrete"],
)
def test_here_it_starts_anew(space):
    """With new points, far from those of before, and without a warning."""
    optimizer = Cmaes(Problem(space, 1, 1))
    points = []
    for _ in range(2000):
        [s] = optimizer.ask(1)
        points.append(space.encode(s.params))
        loss = sum((u - 0.3) ** 2 for u in points[-1])
        optimizer.tell([Observation(s.params, (loss,), s.token)])
    assert len(set(map(tuple, points))) == 2000
    far = [max(abs(u - 0.3) for u in point) > 0.2 for point in points]
    assert any(far[1000:])


def test_a_flat_loss_does_no_harm():
    optimizer = Cmaes(Problem(Space(x=Float(0, 1), y=Float(0, 1)), 1, 1))
    for _ in range(3000):
        [s] = optimizer.ask(1)
        optimizer.tell([Observation(s.params, (1.0,), s.token)])
    assert optimizer._strategy.sigma < 100.0


def test_a_generation_of_failures_moves_nothing():
    optimizer = Cmaes(Problem(Space(x=Float(0, 1), y=Float(0, 1)), 1, 1))
    before = optimizer._strategy.centroid.tolist(), optimizer._strategy.sigma
    for _ in range(100):
        [s] = optimizer.ask(1)
        optimizer.tell([Observation(s.params, None, s.token, TrialState.FAILED)])
    assert (optimizer._strategy.centroid.tolist(), optimizer._strategy.sigma) == before


def test_update_wants_mu_individuals(kit):
    strategy = cma.Strategy([0.5] * 3, 0.3, lambda_=12)
    few = strategy.generate(kit.Point)[:4]
    for one in few:
        one.fitness.values = (1.0,)
    with pytest.raises(ValueError, match="shapes"):
        strategy.update(few)


def test_selection_by_crowding_wants_a_multiple_of_four(kit):
    everyone = population(kit, [1.0] * 6)
    tools.selNSGA2(everyone, 6)
    with pytest.raises(ValueError, match="divisible by four"):
        tools.selTournamentDCD(everyone, 6)


def test_sorting_by_log_fails_with_one_objective(kit):
    with pytest.raises(IndexError):
        tools.selNSGA2(population(kit, [3.0, 1.0, 2.0, 4.0]), 2, nd="log")


def test_infinite_losses_make_crowding_distances_nan(kit):
    front = []
    for losses in ((0.0, math.inf), (1.0, 2.0), (2.0, 1.0), (3.0, 0.0)):
        front.append(kit.Point([0.0], n=2))
        front[-1].fitness.values = losses
    tools.emo.assignCrowdingDist(front)
    assert any(math.isnan(one.fitness.crowding_dist) for one in front)


def test_creator_warns_of_a_second_study():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(2):
            creator.create("OfATest", base.Fitness, weights=(-1.0,))
    del creator.OfATest
    assert [w.category for w in seen] == [RuntimeWarning]
