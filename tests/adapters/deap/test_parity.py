"""With the same seed and operators: the points of DEAP's own loops, to the last bit.

``reevaluate=True`` against the loop as it is; the default against the loop around an objective
that remembers its results. A seventh of all points fails, which is an infinite loss to DEAP.
"""

from __future__ import annotations

import math
import random
from contextlib import suppress
from functools import partial

import numpy as np
import pytest
from deap import algorithms, cma, tools
from hpo_bridge_deap.cmaes import Cmaes
from hpo_bridge_deap.de import De
from hpo_bridge_deap.genetic import Ga, MuCommaLambda, MuPlusLambda
from hpo_bridge_deap.nsga2 import Nsga2
from hpo_bridge_deap.pso import Pso

GENERATIONS = 10_000
GAUSSIAN = partial(tools.mutGaussian, mu=0.0, sigma=0.2)
POLYNOMIAL = partial(tools.mutPolynomialBounded, eta=20.0, low=0.0, up=1.0)
SBX = partial(tools.cxSimulatedBinaryBounded, eta=20.0, low=0.0, up=1.0)
TOURNAMENT = partial(tools.selTournament, tournsize=3)

reevaluate = pytest.mark.parametrize("reevaluate", [True, False])


def compare(recorder, kit, native, optimizer):
    """Runs ``native`` until the recorder has enough, and the adapter for as many trials."""
    with suppress(kit.Enough):
        native()
    assert len(recorder.points) == recorder.most
    found = kit.bridged(optimizer, recorder.most, recorder.n_objectives)
    assert found == recorder.points


@reevaluate
@pytest.mark.parametrize(
    ("options", "mate", "mutate"),
    [
        ({}, tools.cxTwoPoint, GAUSSIAN),
        ({"mate": "cxOnePoint"}, tools.cxOnePoint, GAUSSIAN),
        ({"mate": "cxUniform"}, partial(tools.cxUniform, indpb=0.5), GAUSSIAN),
        (
            {"mate": "cxBlend", "mutate": "mutPolynomialBounded", "cxpb": 0.8},
            partial(tools.cxBlend, alpha=0.5),
            POLYNOMIAL,
        ),
        ({"mate": "cxSimulatedBinaryBounded", "population_size": 31}, SBX, GAUSSIAN),
    ],
)
def test_ea_simple(kit, options, mate, mutate, reevaluate):
    coding = kit.Coding(kit.MIXED, indices=True)
    toolbox = kit.native_toolbox(coding, mate, mutate, TOURNAMENT)
    recorder = kit.Recorder(coding, not reevaluate)
    if options.get("mate") == "cxUniform":  # of all genes, indices too
        toolbox.register("mate", mate)
    toolbox.register("evaluate", recorder)
    random.seed(11)
    population = toolbox.population(options.get("population_size", 20))
    cxpb = options.get("cxpb", 0.5)

    def native():
        algorithms.eaSimple(population, toolbox, cxpb, 0.2, GENERATIONS, verbose=False)

    optimizer = Ga(kit.Problem(kit.MIXED, 1, 11), reevaluate=reevaluate, **options)
    compare(recorder, kit, native, optimizer)


@reevaluate
@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize(
    ("ours", "theirs", "select", "options"),
    [
        (MuPlusLambda, algorithms.eaMuPlusLambda, tools.selBest, {}),
        (
            MuPlusLambda,
            algorithms.eaMuPlusLambda,
            TOURNAMENT,
            {"select": "selTournament", "mu": 7, "lambda_": 5},
        ),
        (MuCommaLambda, algorithms.eaMuCommaLambda, TOURNAMENT, {}),
        (MuCommaLambda, algorithms.eaMuCommaLambda, tools.selBest, {"select": "selBest"}),
    ],
)
def test_mu_and_lambda(kit, ours, theirs, select, options, seed, reevaluate):
    coding = kit.Coding(kit.MIXED, indices=True)
    toolbox = kit.native_toolbox(coding, tools.cxTwoPoint, GAUSSIAN, select)
    recorder = kit.Recorder(coding, not reevaluate)
    toolbox.register("evaluate", recorder)
    mu, lambda_ = options.get("mu", 10), options.get("lambda_", 20)
    random.seed(seed)
    population = toolbox.population(mu)

    def native():
        theirs(population, toolbox, mu, lambda_, 0.6, 0.3, GENERATIONS, verbose=False)

    problem = kit.Problem(kit.MIXED, 1, seed)
    compare(recorder, kit, native, ours(problem, reevaluate=reevaluate, **options))


@reevaluate
@pytest.mark.parametrize("nd", ["standard", "log"])
@pytest.mark.parametrize("n_objectives", [2, 3])
def test_nsga2(kit, nd, n_objectives, reevaluate):
    """The loop of ``examples/ga/nsga2.py``."""
    coding = kit.Coding(kit.MIXED, indices=True)
    select = partial(tools.selNSGA2, nd=nd)
    toolbox = kit.native_toolbox(coding, SBX, POLYNOMIAL, select, n_objectives=n_objectives)
    recorder = kit.Recorder(coding, not reevaluate, n_objectives)
    random.seed(3)

    def native():
        population = toolbox.population(20)
        for one in population:
            one.fitness.values = recorder(one)
        population = toolbox.select(population, len(population))
        for _ in range(GENERATIONS):
            offspring = [toolbox.clone(o) for o in tools.selTournamentDCD(population, 20)]
            for one, other in zip(offspring[::2], offspring[1::2], strict=True):
                if random.random() <= 0.9:
                    toolbox.mate(one, other)
                toolbox.mutate(one)
                toolbox.mutate(other)
                del one.fitness.values, other.fitness.values
            for one in offspring:
                one.fitness.values = recorder(one)
            population = toolbox.select(population + offspring, 20)

    optimizer = Nsga2(kit.Problem(kit.MIXED, n_objectives, 3), nd=nd, reevaluate=reevaluate)
    compare(recorder, kit, native, optimizer)


@reevaluate
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sigma": 0.5, "lambda_": 16, "mu": 5, "weights": "linear"},
        {"centroid": 0.2, "weights": "equal", "cs": 0.3, "damps": 1.5, "ccum": 0.4,
         "ccov1": 0.1, "ccovmu": 0.05},
    ],
)  # fmt: skip
@pytest.mark.parametrize("space", ["MIXED", "CUBE"])
def test_ea_generate_update(kit, space, options, reevaluate):
    space = getattr(kit, space)
    coding = kit.Coding(space, indices=False)
    recorder = kit.Recorder(coding, not reevaluate)
    params = {"weights": "superlinear", **options}
    centroid, sigma = params.pop("centroid", 0.5), params.pop("sigma", 0.3)
    strategy = cma.Strategy([centroid] * coding.n, sigma, **params)

    def within(generate):
        def decorated(*args):
            population = generate(*args)
            for one in population:
                one[:] = [kit.folded(u) for u in one]
            return population

        return decorated

    np.random.seed(9)
    toolbox = kit.native_toolbox(coding, None, None, None)
    toolbox.register("generate", strategy.generate, kit.Point)
    toolbox.decorate("generate", within)
    toolbox.register("update", strategy.update)
    toolbox.register("evaluate", recorder)

    def native():
        algorithms.eaGenerateUpdate(toolbox, GENERATIONS, verbose=False)

    optimizer = Cmaes(kit.Problem(space, 1, 9), reevaluate=reevaluate, **options)
    compare(recorder, kit, native, optimizer)


@reevaluate
@pytest.mark.parametrize("options", [{}, {"CR": 0.9, "F": 0.5, "population_size": 25}])
def test_de(kit, options, reevaluate):
    """The loop of ``examples/de/basic.py``."""
    coding = kit.Coding(kit.MIXED, indices=False)
    recorder = kit.Recorder(coding, not reevaluate)
    toolbox = kit.native_toolbox(coding, None, None, partial(tools.selRandom, k=3))
    cr, f = options.get("CR", 0.25), options.get("F", 1.0)
    random.seed(4)
    population = toolbox.population(options.get("population_size", 10))

    def native():
        for one in population:
            one.fitness.values = recorder(one)
        for _ in range(GENERATIONS):
            for k, agent in enumerate(population):
                a, b, c = toolbox.select(population)
                y = toolbox.clone(agent)
                index = random.randrange(coding.n)
                for i in range(coding.n):
                    if i == index or random.random() < cr:
                        y[i] = a[i] + f * (b[i] - c[i])
                y[:] = [kit.folded(u) for u in y]
                y.fitness.values = recorder(y)
                if y.fitness > agent.fitness:
                    population[k] = y

    optimizer = De(kit.Problem(kit.MIXED, 1, 4), reevaluate=reevaluate, **options)
    compare(recorder, kit, native, optimizer)


@reevaluate
@pytest.mark.parametrize(
    "options", [{}, {"phi1": 1.5, "phi2": 1.2, "smin": 0.01, "smax": 0.1, "population_size": 5}]
)
def test_pso(kit, options, reevaluate):
    """The loop of ``examples/pso/basic.py``, with particles that bounce."""
    coding = kit.Coding(kit.MIXED, indices=False)
    recorder = kit.Recorder(coding, not reevaluate)
    smin, smax = options.get("smin", -0.15), options.get("smax", 0.15)
    phi1, phi2 = options.get("phi1", 2.0), options.get("phi2", 2.0)

    def generate():
        particle = kit.Point([random.uniform(0, 1) for _ in range(coding.n)])
        particle.speed = [random.uniform(smin, smax) for _ in range(coding.n)]
        particle.best = None
        return particle

    def update(particle, leader):
        u1 = (random.uniform(0, phi1) for _ in particle)
        u2 = (random.uniform(0, phi2) for _ in particle)
        v1 = (u * (b - x) for u, b, x in zip(u1, particle.best, particle, strict=True))
        v2 = (u * (b - x) for u, b, x in zip(u2, leader, particle, strict=True))
        pulls = (a + b for a, b in zip(v1, v2, strict=True))
        particle.speed = [s + p for s, p in zip(particle.speed, pulls, strict=True)]
        for i, speed in enumerate(particle.speed):
            if abs(speed) < smin:
                particle.speed[i] = math.copysign(smin, speed)
            elif abs(speed) > smax:
                particle.speed[i] = math.copysign(smax, speed)
        particle[:] = [x + s for x, s in zip(particle, particle.speed, strict=True)]
        for i, u in enumerate(particle):
            if not 0.0 <= u <= 1.0:
                particle[i], particle.speed[i] = kit.folded(u), -particle.speed[i]

    def better(one, other):
        if other is not None and not other.fitness < one.fitness:
            return other
        copy = kit.Point(one)
        copy.fitness.values = one.fitness.values
        return copy

    random.seed(8)
    swarm = [generate() for _ in range(options.get("population_size", 10))]

    def native():
        leader = None
        for _ in range(GENERATIONS):
            for particle in swarm:
                particle.fitness.values = recorder(particle)
                particle.best = better(particle, particle.best)
                leader = better(particle, leader)
            for particle in swarm:
                update(particle, leader)

    optimizer = Pso(kit.Problem(kit.MIXED, 1, 8), reevaluate=reevaluate, **options)
    compare(recorder, kit, native, optimizer)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_whole_generation_at_once_in_any_order(kit, shuffled):
    def points(optimizer, n):
        found = []
        while len(found) < 300:
            batch = list(optimizer.ask(n))
            found += [dict(s.params) for s in batch]
            if shuffled:
                random.Random(len(found)).shuffle(batch)
            for s in batch:
                optimizer.tell([observation(kit, s)])
        return found

    problem = kit.Problem(kit.MIXED, 1, 2)
    assert points(Ga(problem), 1)[:300] == points(Ga(problem), 50)[:300]


def observation(kit, suggestion):
    from hpo_bridge.contracts.optimizer import Observation

    return Observation(suggestion.params, (kit.loss(suggestion.params),), suggestion.token)
