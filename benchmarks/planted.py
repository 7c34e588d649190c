"""Made functions of eight parameters of which two matter, to measure importance with.

Each kind is a function of a random generator: optimum, weights and the places of the two
parameters among the eight differ from study to study.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import hpo_bridge as hpo

Point = Mapping[str, Any]


@dataclass(frozen=True)
class Planted:
    """A space, its objective, and the two parameters that matter."""

    space: hpo.Space
    objective: Callable[[Point], float]
    important: frozenset[str]
    direction: str = "minimize"


def _unit() -> hpo.Float:
    return hpo.Float(0.0, 1.0)


def _log() -> hpo.Float:
    return hpo.Float(1e-5, 1e-1, log=True)


def _order(value: float) -> float:
    """The place of a value of `_log` in its range, from 0 to 1."""
    return (math.log10(value) + 5) / 4


def _study(rng: Random, two: dict[str, Any], objective: Callable[[Point], float],
           direction: str = "minimize") -> Planted:  # fmt: skip
    fillers = [_unit(), _unit(), _log(), hpo.Int(1, 16), hpo.Int(8, 512, log=True),
               hpo.Categorical(["red", "green", "blue"])]  # fmt: skip
    rng.shuffle(fillers)
    named = {**two, **{f"f{i}": each for i, each in enumerate(fillers[: 8 - len(two)])}}
    order = list(named)
    rng.shuffle(order)
    space = hpo.Space({name: named[name] for name in order})
    return Planted(space, objective, frozenset(two), direction)


def quadratic(rng: Random) -> Planted:
    """Two floats, alike in weight."""
    a, b = rng.random(), rng.random()
    return _study(rng, {"x": _unit(), "y": _unit()},
                  lambda p: (p["x"] - a) ** 2 + (p["y"] - b) ** 2)  # fmt: skip


def uneven(rng: Random) -> Planted:
    """Two floats, one with a quarter of the other's weight."""
    a, b = rng.random(), rng.random()
    return _study(rng, {"x": _unit(), "y": _unit()},
                  lambda p: (p["x"] - a) ** 2 + 0.25 * (p["y"] - b) ** 2)  # fmt: skip


def product(rng: Random) -> Planted:
    """The product of two."""
    a, b = rng.random(), rng.random()
    return _study(rng, {"x": _unit(), "y": _unit()},
                  lambda p: (0.2 + abs(p["x"] - a)) * (0.2 + abs(p["y"] - b)))  # fmt: skip


def linear(rng: Random) -> Planted:
    """Two slopes, so that the best lies in a corner."""
    weight = rng.uniform(0.4, 1.0)
    return _study(rng, {"x": _unit(), "y": _unit()}, lambda p: p["x"] - weight * p["y"])


def chosen(rng: Random) -> Planted:
    """A choice of four and a float."""
    a, level = rng.random(), [0.0, 0.15, 0.3, 0.5]
    rng.shuffle(level)
    choices = ["a", "b", "c", "d"]
    return _study(rng, {"x": _unit(), "kind": hpo.Categorical(choices)},
                  lambda p: (p["x"] - a) ** 2 + level[choices.index(p["kind"])])  # fmt: skip


def two_choices(rng: Random) -> Planted:
    """Two choices, of which some pairs suit each other."""
    first, second = [0.0, 0.3, 0.5], [0.0, 0.2, 0.4, 0.6]
    rng.shuffle(first)
    rng.shuffle(second)
    choices = ["a", "b", "c", "d"]
    return _study(rng, {"x": hpo.Categorical(choices[:3]), "y": hpo.Categorical(choices)},
                  lambda p: first[choices.index(p["x"])] + second[choices.index(p["y"])]
                  + 0.05 * rng.gauss(0, 1))  # fmt: skip


def logarithmic(rng: Random) -> Planted:
    """A learning rate and a momentum."""
    a, b = rng.random(), rng.random()
    return _study(rng, {"lr": _log(), "momentum": _unit()},
                  lambda p: abs(_order(p["lr"]) - a) + 0.5 * (p["momentum"] - b) ** 2)  # fmt: skip


def whole(rng: Random) -> Planted:
    """Two integers, one of them logarithmic."""
    a, b = rng.random(), rng.random()
    return _study(rng, {"depth": hpo.Int(1, 12), "units": hpo.Int(4, 1024, log=True)},
                  lambda p: (p["depth"] / 12 - a) ** 2
                  + (math.log2(p["units"] / 4) / 8 - b) ** 2)  # fmt: skip


def plateau(rng: Random) -> Planted:
    """Flat near the optimum, and flat far away."""
    a, b = rng.random(), rng.random()

    def part(distance: float) -> float:
        return min(max(distance - 0.1, 0.0), 0.4)

    return _study(rng, {"x": _unit(), "y": _unit()},
                  lambda p: part(abs(p["x"] - a)) + part(abs(p["y"] - b)))  # fmt: skip


def noisy(rng: Random) -> Planted:
    """Two floats below noise of a quarter of the standard deviation."""
    a, b = rng.random(), rng.random()
    return _study(rng, {"x": _unit(), "y": _unit()},
                  lambda p: (p["x"] - a) ** 2 + (p["y"] - b) ** 2
                  + rng.gauss(0, 0.05))  # fmt: skip


def accuracy(rng: Random) -> Planted:
    """An accuracy to be maximised, which is near its best in most places."""
    a, b = rng.random(), rng.random()
    return _study(rng, {"lr": _log(), "x": _unit()},
                  lambda p: 0.95 * math.exp(-3 * (_order(p["lr"]) - a) ** 2
                                            - 2 * (p["x"] - b) ** 2) + rng.gauss(0, 0.005),
                  "maximize")  # fmt: skip


def growth(rng: Random) -> Planted:
    """Values over many orders of magnitude."""
    a, b = rng.random(), rng.random()
    return _study(rng, {"x": _unit(), "y": _unit()},
                  lambda p: 10 ** (6 * abs(p["x"] - a) + 4 * abs(p["y"] - b)))  # fmt: skip


def valley(rng: Random) -> Planted:
    """A bent valley (Rosenbrock's function), where the two go together."""
    return _study(rng, {"x": hpo.Float(-2, 2), "y": hpo.Float(-1, 3)},
                  lambda p: (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2)  # fmt: skip


def waves(rng: Random) -> Planted:
    """A bowl with ripples (Rastrigin's function, weak ripples)."""
    a, b = rng.random(), rng.random()

    def part(distance: float) -> float:
        return distance**2 + 0.03 * (1 - math.cos(6 * math.pi * distance))

    return _study(rng, {"x": _unit(), "y": _unit()},
                  lambda p: part(p["x"] - a) + part(p["y"] - b))  # fmt: skip


def switched(rng: Random) -> Planted:
    """A float that matters much under one choice, and little under the other."""
    a, b = rng.random(), rng.random()
    return _study(rng, {"x": _unit(), "kind": hpo.Categorical(["on", "off"])},
                  lambda p: (p["x"] - a) ** 2 if p["kind"] == "on"
                  else 0.15 + 0.3 * (p["x"] - b) ** 2)  # fmt: skip


def conditional(rng: Random) -> Planted:
    """A choice, and a float that is there under one choice only."""
    a = rng.random()
    two = {"opt": hpo.Categorical(["sgd", "adam"]),
           "momentum": hpo.Float(0.0, 1.0, when={"opt": "sgd"})}  # fmt: skip
    return _study(rng, two, lambda p: (p["momentum"] - a) ** 2 if p["opt"] == "sgd" else 0.4)


KINDS = {
    # Every other kind is for choosing a method, the rest for reporting it.
    "choose": (quadratic, product, chosen, whole, noisy, growth, waves, conditional),
    "report": (uneven, linear, two_choices, logarithmic, plateau, accuracy, valley, switched),
}
