"""Vectors: floats with a shape, whose values are lists of numbers."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from hpo_bridge.errors import SpaceError
from hpo_bridge.space import Categorical, Float, Int, Space

SPACE = Space(
    n=Int(1, 3),
    w=Float(-1, 1, shape=(3,)),
    kind=Categorical(["a", "b"]),
    d=Float(1e-4, 1, log=True, shape=[2], when={"kind": "b"}),
    x=Float(0, 8),
)


def test_decode_and_encode_go_component_by_component() -> None:
    w = Float(-1, 1, shape=(3,))
    assert w.decode([0.0, 0.5, 2.0]) == [-1.0, 0.0, 1.0]
    assert w.encode([-1.0, 0.0, 1.0]) == [0.0, 0.5, 1.0]
    log, one = Float(1e-4, 1, log=True, shape=(2,)), Float(1e-4, 1, log=True)
    units = [0.123, 0.9]
    assert log.decode(units) == [one.decode(u) for u in units]
    assert log.encode(log.decode(units)) == [one.encode(one.decode(u)) for u in units]
    assert log.derivative([0.1, 0.2]) == [one.derivative(0.1), one.derivative(0.2)]


@pytest.mark.parametrize("parameter", [Float(-3, 5), Float(1e-4, 10, log=True)])
def test_the_derivative_is_that_of_decode(parameter: Float) -> None:
    for u in (0.1, 0.5, 0.83):
        slope = (parameter.decode(u + 1e-6) - parameter.decode(u - 1e-6)) / 2e-6
        assert parameter.derivative(parameter.decode(u)) == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("parameter", [Float(0, 1, step=0.5), Float(1, 1)])
def test_single_values_have_none(parameter: Float) -> None:
    with pytest.raises(SpaceError, match="have no derivative"):
        parameter.derivative(1.0)


def test_a_space_has_a_coordinate_for_each_component() -> None:
    assert SPACE.dimension == 8
    assert Space(x=Float(0, 1), n=Int(1, 2)).dimension == 2
    assert SPACE.vectors == ("w", "d")
    unit = [0.5, 0.0, 0.5, 1.0, 0.75, 1.0, 0.0, 0.25]
    point = SPACE.decode(unit)
    assert point == {"n": 2, "w": [-1.0, 0.0, 1.0], "kind": "b", "d": [1.0, 1e-4], "x": 2.0}
    assert SPACE.encode(point) == [0.5, 0.0, 0.5, 1.0, 0.75, 1.0, 0.0, 0.25]
    inactive = SPACE.decode([*unit[:4], 0.25, *unit[5:]])
    assert "d" not in inactive
    assert SPACE.encode(inactive, inactive=0.7)[5:7] == [0.7, 0.7]
    with pytest.raises(SpaceError, match="found 5 coordinates, expected 8"):
        SPACE.decode([0.5] * 5)


def test_points_are_checked_and_made_plain() -> None:
    point = {"n": 1, "w": np.array([0.5, -1.0, 1.0], dtype=np.float32), "kind": "a", "x": 1}
    checked = SPACE.check(point)
    assert checked["w"] == [0.5, -1.0, 1.0]
    assert all(type(component) is float for component in checked["w"])
    assert SPACE.check({**point, "w": (0, 0, 0)})["w"] == [0.0, 0.0, 0.0]
    near = [1.0 + 1e-12, 0.0, 0.0]
    assert SPACE.check({**point, "w": near})["w"] == [1.0, 0.0, 0.0]


WRONG = [
    (0.5, "w: found 0.5, expected a list of 3 numbers"),
    ([0.5], "w: found 1, expected a list of 3 numbers"),
    ("abc", "w: found 'abc', expected a list of 3 numbers"),
    ([0.0, 2.0, 0.0], "w.1: 2.0 is outside [-1.0, 1.0]"),
    ([0.0, 0.0, math.nan], "w.2: found nan, expected a finite number"),
    ([0.0, None, 0.0], "w.1: found None, expected a number"),
    ([[0.0], [0.0], [0.0]], "w.0: found [0.0], expected a number"),
    (np.zeros((3, 1)), "w.0: found [0.0], expected a number"),
]


@pytest.mark.parametrize(("value", "words"), WRONG)
def test_what_is_no_such_list_is_refused(value: Any, words: str) -> None:
    with pytest.raises(SpaceError) as caught:
        SPACE.check({"n": 1, "w": value, "kind": "a", "x": 1.0})
    assert str(caught.value) == words


DECLARED = [
    ({"shape": 3}, "shape: found 3, expected a list of one number, such as [100]"),
    ({"shape": []}, "shape: found [], expected a list of one number"),
    ({"shape": [2, 3]}, "shape: found [2, 3], expected a list of one number"),
    ({"shape": ["a"]}, "shape: found 'a', expected an integer"),
    ({"shape": [0]}, "shape: found 0, expected from 1 to 1048576"),
    ({"shape": [2**21]}, "shape: found 2097152, expected from 1 to 1048576"),
    ({"shape": [2], "step": 0.5}, "step: step and shape cannot be combined"),
    ({"shape": [2], "high": 0}, "high: found 0.0, expected more than low for a vector"),
]


@pytest.mark.parametrize(("declared", "words"), DECLARED)
def test_wrong_declarations_are_refused(declared: dict[str, Any], words: str) -> None:
    plain = {"type": "float", "low": 0, "high": 1, **declared}
    with pytest.raises(SpaceError) as caught:
        Space.from_plain({"w": plain})
    assert str(caught.value).startswith(f"w.{words}")


def test_plain_data_and_back() -> None:
    plain = SPACE.to_plain()["space"]
    assert plain["w"] == {"type": "float", "low": -1.0, "high": 1.0, "log": False, "shape": [3]}
    assert Space.from_plain(plain) == SPACE
    assert Space(w=Float(0, 1, shape=(2,))) != Space(w=Float(0, 1, shape=(3,)))
    assert Space(w=Float(0, 1, shape=(1,))) != Space(w=Float(0, 1))
    assert SPACE.indexed()["w"] == SPACE["w"]
    assert SPACE.indexed(flat=True).vectors == SPACE.vectors


def test_a_scalar_is_declared_as_before() -> None:
    assert "shape" not in Space(x=Float(0, 1)).to_plain()["space"]["x"]


def test_constraints_are_over_numbers() -> None:
    declared = {"w": Float(0, 1, shape=(2,)), "x": Float(0, 1)}
    Space(declared, constraints=["x <= 0.5"])
    with pytest.raises(SpaceError) as caught:
        Space(declared, constraints=["x <= 0.5", "w <= 0.5"])
    assert str(caught.value) == (
        "constraints.1: 'w <= 0.5' names 'w', which is a vector: constraints are over single "
        "numbers"
    )


def test_random_points_are_points() -> None:
    space = Space(dict(SPACE), constraints=["x >= 4"])
    for seed in range(20):
        point = space.sample(random.Random(seed))
        assert space.check(point) == point
        assert point["x"] >= 4
    assert len(set(SPACE.sample(random.Random(1))["w"])) == 3


def test_a_vector_is_no_parent_and_has_no_grid() -> None:
    with pytest.raises(SpaceError, match="is continuous"):
        Space(w=Float(0, 1, shape=(2,)), x=Float(0, 1, when={"w": [0.0, 1.0]}))
    with pytest.raises(SpaceError, match="is continuous"):
        next(Space(w=Float(0, 1, shape=(2,))).points())
    assert SPACE.cardinality is None
