"""Spaces, outcomes that depend on nothing but the point, and DEAP's own loops."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
from deap import base, tools
from hpo_bridge_deap.cmaes import Cmaes
from hpo_bridge_deap.de import De
from hpo_bridge_deap.genetic import Ga, MuCommaLambda, MuPlusLambda
from hpo_bridge_deap.nsga2 import Nsga2
from hpo_bridge_deap.pso import Pso

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.space import Categorical, Float, Int, Space

MIXED = Space(
    kind=Categorical([0, 1, 2, 3]),
    z=Float(-2.0, 3.0),
    lr=Float(1e-4, 1e-1, log=True),
    flag=Categorical([0, 1]),
    step=Float(-1.0, 1.0, step=0.1),
    units=Int(1, 300, log=True),
    one=Categorical([0]),
    size=Categorical([0, 1, 2, 3, 4], ordered=True),
    fixed=Float(0.5, 0.5),
    batch=Int(16, 128, step=16),
)
CUBE = Space({f"x{i}": Float(-1.0, 1.0) for i in range(4)})
SMALL = Space(a=Int(1, 3), b=Categorical([0, 1, 2]))
BACKENDS = {
    "ga": Ga, "mu_plus_lambda": MuPlusLambda, "mu_comma_lambda": MuCommaLambda, "nsga2": Nsga2,
    "cmaes": Cmaes, "de": De, "pso": Pso,
}  # fmt: skip


def loss(params) -> float:
    """Smallest where every value is a third of the way up, roughly."""
    return sum((i + 1) * (float(v) - 0.3) ** 2 for i, v in enumerate(params.values())) % 97.0


def fails(params) -> bool:
    """About every seventh point."""
    return int(loss(params) * 1e6) % 7 == 3


class Point(list):
    """An individual as a user of DEAP writes it, but for ``creator``."""

    def __init__(self, genes=(), n=1):
        super().__init__(genes)
        self.fitness = type("Minimised", (base.Fitness,), {"weights": (-1.0,) * n})()


class Coding:
    """The genes of a space, written down a second time: numbers first, then indices."""

    def __init__(self, space, *, indices):
        self.space = space
        varying = [n for n, p in space.items() if p.size != 1]
        loose = [n for n in varying if isinstance(space[n], Categorical) and not space[n].ordered]
        self.indexed = loose if indices else []
        self.scored = [] if indices else [n for n in loose if space[n].size > 2]
        self.numbers = [n for n in varying if n not in self.indexed]
        self.widths = {n: space[n].size if n in self.scored else 1 for n in self.numbers}
        self.n = sum(self.widths.values())
        self.tops = [space[n].size - 1 for n in self.indexed]

    def genes(self):
        """Of the generator of the whole process, as DEAP's tutorial has it."""
        numbers = [random.random() for _ in range(self.n)]
        return numbers + [random.randint(0, top) for top in self.tops]

    def params(self, genes):
        found, at = {}, 0
        for name in self.numbers:
            width = self.widths[name]
            if width > 1:
                found[name] = int(np.argmax(genes[at : at + width]))
            else:
                found[name] = self.space[name].decode(genes[at])
            at += width
        found.update(zip(self.indexed, genes[at:], strict=True))
        return {n: found[n] if n in found else p.grid(0) for n, p in self.space.items()}


def folded(u):
    """Reflected at 0 and 1."""
    while not 0.0 <= u <= 1.0:
        u = -u if u < 0.0 else 2.0 - u
    return u


def native_toolbox(coding, mate, mutate, select, *, n_objectives=1):
    """A toolbox as one would write it, operators given as functions of lists."""

    def crossed(one, other):
        if mate in (tools.cxOnePoint, tools.cxTwoPoint):
            return mate(one, other)
        numbers = one[: coding.n], other[: coding.n]
        mate(*numbers)
        rest = tools.cxUniform(one[coding.n :], other[coding.n :], 0.5)
        one[:] = [folded(u) for u in numbers[0]] + rest[0]
        other[:] = [folded(u) for u in numbers[1]] + rest[1]
        return one, other

    def mutated(one):
        size = coding.n + len(coding.tops)
        [numbers] = mutate(one[: coding.n], indpb=1.0 / size)
        [rest] = tools.mutUniformInt(one[coding.n :], 0, coding.tops, 1.0 / size)
        one[:] = [folded(u) for u in numbers] + rest
        return (one,)

    toolbox = base.Toolbox()
    toolbox.register("individual", lambda: Point(coding.genes(), n_objectives))
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", crossed)
    toolbox.register("mutate", mutated)
    if select is not None:
        toolbox.register("select", select)
    return toolbox


class Enough(Exception):
    """Ends a loop of DEAP's."""


class Recorder:
    """An objective that notes the points it is asked for; ``remembers``: each once."""

    def __init__(self, coding, remembers, n_objectives=1, most=500):
        self.coding, self.n_objectives, self.most = coding, n_objectives, most
        self.points = []
        self.memory = {} if remembers else None

    def __call__(self, individual):
        params = self.coding.params(individual)
        key = tuple(params.values())
        if self.memory is not None and key in self.memory:
            return self.memory[key]
        if len(self.points) == self.most:
            raise Enough
        self.points.append(params)
        losses = losses_of(params, self.n_objectives)
        result = (float("inf"),) * self.n_objectives if losses is None else losses
        if self.memory is not None:
            self.memory[key] = result
        return result


def losses_of(params, n_objectives=1):
    """One number per objective, or ``None`` for a failure."""
    if fails(params):
        return None
    value = loss(params)
    return tuple(value if i == 0 else (value * (i + 2.5)) % 11.0 for i in range(n_objectives))


def bridged(optimizer, n, n_objectives=1):
    """The points of the adapter, one at a time."""
    points = []
    for _ in range(n):
        [suggestion] = optimizer.ask(1)
        points.append(dict(suggestion.params))
        losses = losses_of(suggestion.params, n_objectives)
        state = TrialState.FAILED if losses is None else TrialState.COMPLETE
        optimizer.tell([Observation(suggestion.params, losses, suggestion.token, state)])
    return points


def run(optimizer, n, objective=loss):
    """The losses of ``n`` trials, one at a time; ``None``: the trial fails."""
    found = []
    while len(found) < n:
        for s in optimizer.ask(1):
            value = objective(s.params)
            losses = None if value is None else (value,)
            state = TrialState.FAILED if value is None else TrialState.COMPLETE
            optimizer.tell([Observation(s.params, losses, s.token, state)])
            found.append(value)
    return found


def told(suggestion, loss=None, **changes):
    losses = None if loss is None else (loss,)
    state = TrialState.FAILED if loss is None else TrialState.COMPLETE
    fields = {"losses": losses, "state": state, "token": suggestion.token, **changes}
    return Observation(suggestion.params, **fields)


@pytest.fixture(autouse=True)
def _process_generators():
    """The native side of a comparison seeds the generators of the whole process."""
    before, numpy_before = random.getstate(), np.random.get_state()
    yield
    random.setstate(before)
    np.random.set_state(numpy_before)


@pytest.fixture(params=list(BACKENDS))
def factory(request):
    """Each backend's class."""
    return BACKENDS[request.param]


@pytest.fixture
def kit():
    """What the tests of this folder share."""
    return SimpleNamespace(
        MIXED=MIXED, CUBE=CUBE, SMALL=SMALL, BACKENDS=BACKENDS, Problem=Problem, Point=Point,
        Coding=Coding, Recorder=Recorder, Enough=Enough, folded=folded,
        native_toolbox=native_toolbox, bridged=bridged, run=run, loss=loss,
        losses_of=losses_of, told=told,
    )  # fmt: skip
