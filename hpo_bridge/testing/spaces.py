"""The spaces that backends are tried on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..space import Categorical, Float, Int, Space


def _indices(count: int, **options: Any) -> Categorical:
    return Categorical(list(range(count)), **options)


SPACES: dict[str, tuple[Space, str]] = {
    "float": (
        Space(x=Float(-2.0, 3.0), tiny=Float(1e-9, 2e-9), huge=Float(-1e9, 1e9)),
        "values outside of the bounds, clipped bounds such as 1e-10, `numpy.float64`, NaN",
    ),
    "float_log": (
        Space(x=Float(1e-6, 1.0, log=True), wide=Float(1e-30, 1e30, log=True)),
        "bounds that are missed by the way to logarithms and back",
    ),
    "float_step": (
        Space(x=Float(0.0, 2.0, step=0.25), y=Float(0.5, 3.5, step=1.0)),
        "a step that is lost; a grid that starts at 0 instead of the lower bound",
    ),
    "float_step_awkward": (
        Space(
            x=Float(-1.0, 1.0, step=0.1),
            y=Float(0.0, 0.9, step=0.3),
            z=Float(0.001, 0.007, step=0.003),
        ),
        "grids of numbers that binary fractions cannot hold: points lost, or outside, at the top",
    ),
    "int": (
        Space(x=Int(-3, 4), y=Int(0, 1), wide=Int(-100, 100)),
        "floats and `numpy.int64` for integers, booleans for 0 and 1",
    ),
    "int_log": (
        Space(x=Int(1, 8, log=True)),
        "a bound rounded out of a small range",
    ),
    "int_log_wide": (
        Space(x=Int(1, 1000, log=True)),
        "bounds taken for logarithms, or logarithms for bounds",
    ),
    "int_step": (
        Space(x=Int(16, 128, step=16), y=Int(-5, 4, step=3)),
        "the position on the grid in place of the value",
    ),
    "categorical": (
        Space(two=_indices(2), three=_indices(3), seven=_indices(7)),
        "booleans and `numpy.int64` for indices, texts for numbers",
    ),
    "ordered": (
        Space(two=_indices(2, ordered=True), five=_indices(5, ordered=True)),
        "a position between two choices",
    ),
    "single": (
        Space(
            choice=_indices(1),
            number=Int(7, 7),
            real=Float(0.5, 0.5),
            stepped=Float(2.0, 2.0, step=1.0),
            x=Int(1, 3),
        ),
        "libraries that do not take a range of one value",
    ),
    "nested": (
        Space(
            kind=_indices(3),
            level=Float(0.0, 0.9, step=0.3),
            depth=Int(1, 4, when={"kind": [1, 2]}),
            inner=_indices(2, when={"depth": [3, 4]}),
            power=Int(1, 100, log=True, when={"inner": 1, "level": [0.3, 0.9]}),
            free=Int(0, 5),
        ),
        "inactive parameters that are there, active ones that are not",
    ),
    "vector": (
        Space(
            w=Float(-1.0, 1.0, shape=(3,)), v=Float(1e-3, 1.0, log=True, shape=(1,)), x=Float(0, 1)
        ),
        "tuples and arrays for lists, a vector of one taken for a number",
    ),
    "mix": (
        Space(
            {
                "learning rate": Float(1e-5, 1e-1, log=True),
                "x.y/z": Float(-1.0, 1.0),
                "ünïts": Int(1, 30, log=True),
                "0": Float(0.0, 0.9, step=0.3),
                "lambda": _indices(3),
                "self": _indices(1),
                "__class__": _indices(2, ordered=True),
            }
        ),
        "names that are keywords, attributes, numbers; parameters taken for one another",
    ),
}
"""Name to a space and what real faults it has caught; every space comes as adapters see it."""

MIXED = Space(
    rate=Float(1e-4, 1.0, log=True),
    mixing=Float(-1.0, 1.0),
    units=Int(1, 64, log=True),
    layers=Int(1, 5),
    drop=Float(0.0, 0.9, step=0.3),
    kind=_indices(3),
)
"""A simple mixed problem: what a study looks like."""

DUE = Space(
    low=Float(0.0, 1.0),
    middle=Float(0.0, 1.0),
    high=Float(0.0, 1.0),
    int=Int(1, 5),
    int_step=Int(-4, 4, step=4),
    float_step=Float(0.1, 0.5, step=0.1),
    ordered=_indices(4, ordered=True),
    int_log=Int(1, 8, log=True),
    categorical=_indices(3),
)
"""Every kind of discrete parameter, beside three continuous ones that show the backend's own
distribution."""
TWINS = ("low", "middle", "high")
"""The continuous ones of :data:`DUE`."""

ENDS = Space(
    int=Int(1, 6),
    int_log=Int(1, 1000, log=True),
    float_step=Float(0.1, 0.5, step=0.1),
    ordered=_indices(4, ordered=True),
)
"""Ranges whose ends must be reached."""

SCALES = Space(
    linear=Float(1e-4, 1.0),
    log=Float(1e-4, 1.0, log=True),
    int=Int(1, 1000),
    int_log=Int(1, 1000, log=True),
)
"""The same ranges, linear and on a log scale."""

SMALL = Space(a=Int(1, 3), b=_indices(2), c=Float(0.0, 0.3, step=0.3))
"""Twelve points."""


def without(space: Space, name: str) -> Space | None:
    """The space without one parameter and what depends on it; ``None`` if nothing is left."""
    gone = {name}
    for other, conditions in space.conditions.items():
        if gone & set(conditions):
            gone.add(other)
    plain = {n: p for n, p in space.to_plain()["space"].items() if n not in gone}
    kept = [c.text for c in space.constraints if not gone & set(c.names)]
    if not set(plain) - set(space.constants):
        return None
    return Space.from_plain(plain, kept)


def describe(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return ", ".join(repr(name) for name in names)
