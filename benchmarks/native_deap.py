"""DEAP's loops, with genes and operators as `hpo_bridge_deap` says.

``eaSimple``, ``eaMuPlusLambda``, ``eaMuCommaLambda`` and ``eaGenerateUpdate`` from the library,
NSGA-II, differential evolution and particle swarm from its examples. DEAP has no sizes,
probabilities or operators by default: they are the defaults of the backend's options. The
objective remembers its results: a point that comes again costs no trial.
"""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from deap import algorithms, base, cma, tools
from native import Objective, declared

import hpo_bridge as hpo
from hpo_bridge.plugins import manager
from hpo_bridge.plugins.offers import load_factory

MOST_GENERATIONS = 2_000
INDICES = ("ga", "mu_plus_lambda", "mu_comma_lambda", "nsga2")
"""Where an unordered choice is one gene, its index; elsewhere it is a score for each."""


class Fitness(base.Fitness):
    weights = (-1.0,)


class Individual(list):
    def __init__(self, genes: Any) -> None:
        super().__init__(genes)
        self.fitness = Fitness()


class Spent(Exception):
    """The budget is spent."""


def optimize(name: str, space: hpo.Space, objective: Objective, trials: int, seed: int) -> None:
    """``trials`` evaluations of new points by the loop behind ``deap.{name}``."""
    genome = _genome(space.indexed(flat=True), indices=name in INDICES)
    known: dict[tuple[Any, ...], tuple[float]] = {}

    def evaluate(individual: Individual) -> tuple[float]:
        point = genome.decode(individual)
        key = tuple(point.values())
        if key not in known:
            if len(known) == trials:
                raise Spent
            known[key] = (objective(declared(space, point)),)
        return known[key]

    toolbox = base.Toolbox()
    toolbox.register("clone", _clone)
    toolbox.register("evaluate", evaluate)
    random.seed(seed)
    np.random.seed(seed)
    try:
        LOOPS[name](toolbox, genome, _options(f"deap.{name}"))
    except Spent:
        pass


def _options(backend: str) -> SimpleNamespace:
    factory = load_factory("backend", manager().find("backend", backend))
    parameters = inspect.signature(factory).parameters.values()
    return SimpleNamespace(**{p.name: p.default for p in parameters if p.default is not p.empty})


def _clone(individual: Individual) -> Individual:
    copy = Individual(individual)
    copy.fitness.values = individual.fitness.values
    return copy


# -- genes ----------------------------------------------------------------------------


def _genome(flat: hpo.Space, *, indices: bool) -> SimpleNamespace:
    """Numbers in [0, 1] and behind them indices, and what they stand for."""
    places: dict[str, Callable[[Any], Any]] = {}
    highest, numbers = [], 0
    unordered = [
        name for name, p in flat.items() if isinstance(p, hpo.Categorical) and not p.ordered
    ]
    for name, p in flat.items():
        if name in unordered and indices:
            continue
        width = p.size if name in unordered and p.size > 2 else 1
        places[name] = _score(numbers, width) if width > 1 else _number(numbers, p.decode)
        numbers += width
    for name in unordered if indices else ():
        places[name] = _number(numbers + len(highest), int)
        highest.append(flat[name].size - 1)

    def draw() -> Individual:
        values = [random.random() for _ in range(numbers)]
        return Individual(values + [random.randint(0, top) for top in highest])

    def decode(genes: list[Any]) -> dict[str, Any]:
        return {name: places[name](genes) for name in flat}

    return SimpleNamespace(numbers=numbers, highest=highest, draw=draw, decode=decode)


def _number(at: int, decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda genes: decode(genes[at])


def _score(at: int, width: int) -> Callable[[Any], Any]:
    return lambda genes: int(np.argmax(genes[at : at + width]))


def reflected(numbers: Any) -> list[float]:
    """Numbers outside of [0, 1] reflected at its ends."""
    return [float(u) if 0.0 <= u <= 1.0 else _reflected(float(u)) for u in numbers]


def _reflected(u: float) -> float:
    u = abs(u) % 2.0
    return 2.0 - u if u > 1.0 else u


def _breeding(toolbox: base.Toolbox, genome: SimpleNamespace, o: SimpleNamespace) -> None:
    """Registers ``mate``, ``mutate`` and ``select``; knows the operators that are defaults."""
    end = genome.numbers
    share = 1.0 / (end + len(genome.highest)) if o.indpb is None else o.indpb

    def blend(one: Individual, other: Individual) -> tuple[Individual, Individual]:
        numbers = one[:end], other[:end]
        tools.cxSimulatedBinaryBounded(*numbers, o.eta, 0.0, 1.0)
        indices = tools.cxUniform(one[end:], other[end:], o.mate_indpb)
        for individual, changed, rest in zip((one, other), numbers, indices, strict=True):
            individual[:] = reflected(changed) + rest
        return one, other

    def exchange(one: Individual, other: Individual) -> tuple[Individual, Individual]:
        return tools.cxTwoPoint(one, other) if len(one) > 1 else (one, other)

    def mutate(individual: Individual) -> tuple[Individual]:
        numbers = individual[:end]
        if o.mutate == "mutGaussian":
            tools.mutGaussian(numbers, 0.0, o.sigma, share)
        else:
            tools.mutPolynomialBounded(numbers, o.eta, 0.0, 1.0, share)
        [indices] = tools.mutUniformInt(individual[end:], 0, genome.highest, share)
        individual[:] = reflected(numbers) + indices
        return (individual,)

    mates = {"cxTwoPoint": exchange, "cxSimulatedBinaryBounded": blend}
    toolbox.register("mate", mates[o.mate])
    toolbox.register("mutate", mutate)
    if getattr(o, "select", None) == "selBest":
        toolbox.register("select", tools.selBest)
    elif hasattr(o, "tournsize"):
        toolbox.register("select", tools.selTournament, tournsize=o.tournsize)


# -- loops ----------------------------------------------------------------------------


def _simple(toolbox: base.Toolbox, genome: SimpleNamespace, o: SimpleNamespace) -> None:
    _breeding(toolbox, genome, o)
    population = [genome.draw() for _ in range(o.population_size)]
    algorithms.eaSimple(population, toolbox, o.cxpb, o.mutpb, MOST_GENERATIONS, verbose=False)


def _mu(loop: Any) -> Any:
    def run(toolbox: base.Toolbox, genome: SimpleNamespace, o: SimpleNamespace) -> None:
        _breeding(toolbox, genome, o)
        population = [genome.draw() for _ in range(o.mu)]
        rest = o.mu, o.lambda_, o.cxpb, o.mutpb, MOST_GENERATIONS
        loop(population, toolbox, *rest, verbose=False)

    return run


def _cmaes(toolbox: base.Toolbox, genome: SimpleNamespace, o: SimpleNamespace) -> None:
    strategy = cma.Strategy([o.centroid] * genome.numbers, o.sigma, weights=o.weights)
    toolbox.register("generate", strategy.generate, lambda row: Individual(reflected(row)))
    toolbox.register("update", strategy.update)
    algorithms.eaGenerateUpdate(toolbox, MOST_GENERATIONS, verbose=False)


def _nsga2(toolbox: base.Toolbox, genome: SimpleNamespace, o: SimpleNamespace) -> None:
    _breeding(toolbox, genome, o)
    population = [genome.draw() for _ in range(o.population_size)]
    for individual in population:
        individual.fitness.values = toolbox.evaluate(individual)
    population = tools.selNSGA2(population, len(population))
    for _ in range(MOST_GENERATIONS):
        chosen = tools.selTournamentDCD(population, len(population))
        offspring = [toolbox.clone(one) for one in chosen]
        for one, other in zip(offspring[::2], offspring[1::2], strict=True):
            if random.random() <= o.cxpb:
                toolbox.mate(one, other)
            toolbox.mutate(one)
            toolbox.mutate(other)
        for individual in offspring:
            individual.fitness.values = toolbox.evaluate(individual)
        population = tools.selNSGA2(population + offspring, len(population))


def _de(toolbox: base.Toolbox, genome: SimpleNamespace, o: SimpleNamespace) -> None:
    agents = [genome.draw() for _ in range(o.population_size)]
    for agent in agents:
        agent.fitness.values = toolbox.evaluate(agent)
    for _ in range(MOST_GENERATIONS):
        for k, agent in enumerate(agents):
            a, b, c = tools.selRandom(agents, 3)
            rival = toolbox.clone(agent)
            index = random.randrange(len(agent))
            for i in range(len(agent)):
                if i == index or random.random() < o.CR:
                    rival[i] = a[i] + o.F * (b[i] - c[i])
            rival[:] = reflected(rival)
            rival.fitness.values = toolbox.evaluate(rival)
            if rival.fitness > agent.fitness:
                agents[k] = rival


def _pso(toolbox: base.Toolbox, genome: SimpleNamespace, o: SimpleNamespace) -> None:
    particles, speeds = [], []
    for _ in range(o.population_size):
        particles.append(genome.draw())
        speeds.append([random.uniform(o.smin, o.smax) for _ in range(genome.numbers)])
    bests: list[Any] = [None] * len(particles)
    leader: Any = None
    for _ in range(MOST_GENERATIONS):
        for k, particle in enumerate(particles):
            particle.fitness.values = toolbox.evaluate(particle)
            if bests[k] is None or bests[k].fitness < particle.fitness:
                bests[k] = particle
            if leader is None or leader.fitness < particle.fitness:
                leader = particle
        for k, particle in enumerate(particles):
            particles[k] = _moved(particle, speeds[k], bests[k], leader, o)


def _moved(place: Any, speed: list[float], best: Any, leader: Any, o: SimpleNamespace) -> Any:
    for i, u in enumerate(place):
        pull = random.uniform(0, o.phi1) * (best[i] - u)
        pull += random.uniform(0, o.phi2) * (leader[i] - u)
        speed[i] += pull
        if abs(speed[i]) < o.smin:
            speed[i] = math.copysign(o.smin, speed[i])
        elif abs(speed[i]) > o.smax:
            speed[i] = math.copysign(o.smax, speed[i])
    moved = [u + s for u, s in zip(place, speed, strict=True)]
    speed[:] = [s if 0.0 <= u <= 1.0 else -s for u, s in zip(moved, speed, strict=True)]
    return Individual(reflected(moved))


LOOPS = {
    "ga": _simple,
    "mu_plus_lambda": _mu(algorithms.eaMuPlusLambda),
    "mu_comma_lambda": _mu(algorithms.eaMuCommaLambda),
    "cmaes": _cmaes,
    "nsga2": _nsga2,
    "de": _de,
    "pso": _pso,
}
