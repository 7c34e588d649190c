"""Spaces: structure, membership, constraints, plain data, views, enumeration."""

from __future__ import annotations

import itertools
import json
import random
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo_bridge.errors import SpaceError
from hpo_bridge.space import Categorical, Constant, Float, Int, Space


def refused(*args: Any, match: str, path: str | None = None, **kwargs: Any) -> None:
    with pytest.raises(SpaceError, match=match) as caught:
        Space(*args, **kwargs)
    assert "\n" not in str(caught.value)
    if path is not None:
        assert ".".join(caught.value.path) == path


def nested() -> Space:
    """Conditions five deep, on ints, steps, lists and list-valued choices."""
    return Space(
        e=Int(0, 3, when={"d": [[1, 2], "x"]}),
        a=Categorical(["p", "q", None]),
        b=Int(1, 4, when={"a": ["p", None]}),
        c=Float(0, 0.9, step=0.3, when={"b": 2}),
        d=Categorical([[1, 2], [3], "x", True], when={"c": [0.3, 0.6], "a": "p"}),
        f=Float(0, 1, when={"e": 3}),
        k="constant",
    )


# -- order and conditions ---------------------------------------------------------------


def test_parents_come_first() -> None:
    space = nested()
    assert list(space) == ["a", "b", "c", "d", "e", "f"]
    assert space.constants == {"k": "constant"}
    assert space.is_conditional
    assert not Space(x=Int(0, 1)).is_conditional


def test_five_conditions_deep() -> None:
    space = nested()
    point = {"a": "p", "b": 2, "c": 0.3, "d": [1, 2], "e": 3, "f": 0.5}
    assert space.check(point) == {**point, "k": "constant"}
    for name, value in [("a", "q"), ("b", 1), ("c", 0.9), ("d", [3]), ("e", 0)]:
        with pytest.raises(SpaceError, match="is not active here"):
            space.check({**point, name: value})
        names = list(point)
        short = {n: v for n, v in point.items() if names.index(n) < names.index(name)}
        assert space.check({**short, name: value})[name] == value
    # All conditions of a parameter must hold: b may be 2 for a = None, where d is inactive.
    assert set(space.check({"a": None, "b": 2, "c": 0.3})) == {"a", "b", "c", "k"}


@settings(max_examples=200)
@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_decoded_points_are_points(unit: list[float]) -> None:
    space = nested()
    point = space.decode(unit)
    assert space.check(point) == point
    assert list(space.check(dict(reversed(point.items())))) == list(point)
    assert point in space
    assert space.decode(space.encode(point)) == point
    for name in space:
        conditions = space[name].when or {}
        holds = all(
            parent in point
            and (point[parent] == value or (isinstance(value, list) and point[parent] in value))
            for parent, value in conditions.items()
        )
        assert (name in point) == holds == space.is_active(name, point)


@pytest.mark.parametrize(
    ("parameters", "match", "path"),
    [
        ({"a": Int(0, 1, when={"b": 1}), "b": Int(0, 1, when={"a": 1})}, "a -> b -> a", "a.when"),
        ({"a": Int(0, 1, when={"a": 1})}, "cycle: a -> a", "a.when"),
        (
            {"x": Int(0, 1, when={"c": 1}), "a": Int(0, 1, when={"c": 1}),
             "b": Int(0, 1, when={"a": 1}), "c": Int(0, 1, when={"b": 1})},
            "c -> b -> a -> c", "c.when",
        ),
        ({"a": Int(0, 1, when={"optimiser": 1}), "optimizer": Int(0, 1)},
         "did you mean 'optimizer'", "a.when.optimiser"),
        ({"a": Int(0, 1, when={"k": 1}), "k": 1}, "is a constant", "a.when.k"),
        ({"a": Int(0, 1, when={"b": 2}), "b": Int(0, 1)}, "outside", "a.when.b"),
        ({"a": Int(0, 1, when={"b": [0, 2]}), "b": Int(0, 1)}, "outside", "a.when.b"),
        ({"a": Int(0, 1, when={"b": []}), "b": Int(0, 1)}, "expected an integer", "a.when.b"),
        ({"a": Int(0, 1, when={"b": "adm"}), "b": Categorical(["adam"])}, "did you mean 'adam'",
         "a.when.b"),
        ({"a": Int(0, 1, when={"b": 1}), "b": Categorical([True, "1"])}, "not one of", "a.when.b"),
        ({"a": Int(0, 1, when={"b": 0.5}), "b": Float(0, 1)}, "is continuous", "a.when.b"),
        ({"a": Int(0, 1, when={}), "b": Float(0, 1)}, "expected a mapping", "a.when"),
        ({"a": Int(0, 1, when="b"), "b": Float(0, 1)}, "expected a mapping", "a.when"),
        ({"a": Int(0, 1, when={3: 1})}, "is no parameter", "a.when.3"),
        (
            {"a": Categorical(["p", "q"]), "b": Int(0, 1, when={"a": "p"}),
             "c": Int(0, 1, when={"b": 1, "a": "q"})},
            "can never be active.*leave no value for 'a'", "c.when",
        ),
        (
            {"a": Categorical(list("pqr")), "b": Int(0, 1, when={"a": ["p", "q"]}),
             "c": Int(0, 1, when={"a": ["q", "r"]}), "d": Int(0, 1, when={"b": 1, "c": 1}),
             "e": Int(0, 1, when={"d": 1, "a": ["p", "r"]})},
            "leave no value for 'a'", "e.when",
        ),
    ],
)  # fmt: skip
def test_wrong_conditions(parameters: dict[str, Any], match: str, path: str) -> None:
    refused(parameters, match=match, path=path)


def test_a_list_as_a_choice_or_as_several_values() -> None:
    a = Categorical([1, 2, [1, 2], [1], [[1]]])
    for when, expected in [
        (1, [1]), ([2, 1], [2, 1]), ([1, 2], [[1, 2]]), ([[1, 2]], [[1, 2]]), ([1], [[1]]),
        ([[1]], [[[1]]]), ([1, [1]], [1, [1]]),
    ]:  # fmt: skip
        space = Space(a=a, b=Int(0, 1, when={"a": when}))
        active = [v for v in a.choices if space.is_active("b", {"a": v})]
        assert sorted(map(repr, active)) == sorted(map(repr, expected)), when
        again = Space.from_plain(**json.loads(json.dumps(space.to_plain())))
        assert [v for v in a.choices if again.is_active("b", {"a": v})] == active
        assert again == space


# -- names, constants, membership ---------------------------------------------------------


def test_any_string_is_a_name() -> None:
    names = ["learning-rate", "a b", "é", "constraints", "class", "self", "0", "a.b"]
    space = Space({name: Int(0, 1) for name in names})
    assert list(space.decode([0.0] * len(names))) == names
    refused({}, match="is empty")
    refused({"k": 1}, match="at least one parameter")
    refused({"": Int(0, 1)}, match="expected a string")
    refused({1: Int(0, 1)}, match="expected a string")
    refused([Int(0, 1)], match="expected a mapping")


def test_constants() -> None:
    layers = [1, [2]]
    space = Space(x=Int(0, 1), layers=Constant(layers), none=None, flag=True)
    layers.append(3)
    point = space.decode([0.0])
    assert point == {"x": 0, "layers": [1, [2]], "none": None, "flag": True}
    point["layers"][1].append(9)  # an objective's doing
    assert space.check({"x": 1})["layers"] == [1, [2]]
    assert next(space.points())["layers"] == [1, [2]]
    assert space.check({"x": 1, "flag": True})["x"] == 1
    for wrong in (1, "yes", None, {"a": 1}, float("nan")):
        with pytest.raises(SpaceError, match="is the constant True"):
            space.check({"x": 1, "flag": wrong})
    refused(x=Int(0, 1), k={"a": 1}, match="expected a string", path="k")
    refused(x=Int(0, 1), k=(1, 2), match="did you mean hpo\\.Int", path="k")
    refused(x=Int(0, 1), k=float("nan"), match="JSON", path="k")


def test_membership() -> None:
    space = Space(x=Float(0, 1), c=Categorical([1, "1", True]), k=5)
    assert {"x": 0.5, "c": 1} in space
    assert {"x": np.float32(0.5), "c": True, "k": 5} in space
    assert [space.check({"x": 0, "c": c})["c"] for c in (np.int8(1), np.str_("1"), np.True_)] == [
        1, "1", True
    ]  # fmt: skip
    assert "x" in space
    assert "k" not in space
    for wrong in (
        {}, {"x": 0.5}, {"x": 2, "c": 1}, {"x": 0.5, "c": 1.0}, {"x": 0.5, "c": "2"},
        {"x": 0.5, "c": 1, "y": 0}, {"x": "0.5", "c": 1}, {"x": 0.5, "c": np.int64(2)},
        {"x": 0.5, "c": 1, 3: 4}, {"x": 0.5, "c": np.float64(1)},
    ):  # fmt: skip
        assert wrong not in space
    with pytest.raises(SpaceError, match=r"^xx: is no parameter of the space .did you mean 'x'"):
        Space(xyz=Int(0, 1), x=Int(0, 1)).check({"x": 0, "xyz": 0, "xx": 0})
    for no_mapping in (None, [0.5, 1], "x", 3):
        with pytest.raises(SpaceError, match="expected a mapping"):
            space.check(no_mapping)  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match="found 3 coordinates, expected 2"):
        space.decode([0.1, 0.2, 0.3])


# -- constraints --------------------------------------------------------------------------


def test_constraints_apply_where_their_parameters_are() -> None:
    space = Space(
        a=Int(0, 9), o=Categorical(["s", "t"]), m=Int(0, 9, when={"o": "s"}), k=4,
        constraints=["a + m <= k", "10 / a >= 2"],
    )  # fmt: skip
    assert {"a": 1, "o": "s", "m": 3} in space
    with pytest.raises(SpaceError, match=r"violates the constraint 'a \+ m <= k'"):
        space.check({"a": 2, "o": "s", "m": 3})
    assert {"a": 5, "o": "t"} in space  # m is not there
    assert {"a": 6, "o": "t"} not in space
    assert {"a": 0, "o": "t"} not in space  # a division by zero
    assert space.check({"a": 6, "o": "t"}, feasible=False)["a"] == 6


@pytest.mark.parametrize(
    ("constraints", "match", "path"),
    [
        (["x <"], "is not an expression", "constraints.0"),
        (["x < 1", "y < 1"], "names 'y'", "constraints.1"),
        (["x < 1", 5], "expected an expression", "constraints.1"),
        ("x < 1", "expected a list", "constraints"), ({"x": 1}, "expected a list", "constraints"),
        (["x < 'a'"], "cannot be computed.*not supported", "constraints.0"),
        (["x < 1", "c * 2 < 5"], "cannot be computed", "constraints.1"),
        (["x < 1", "x < 2 or c < 5", "c < 1"], "cannot be computed", "constraints.2"),
        (["x * 2"], "expected true or false", "constraints.0"),
        (["x if x > 1 else c"], "expected true or false", "constraints.0"),
        (["x > 5"], "unsatisfiable: none of 20000", "constraints"),
        (["x <= 2", "x == z - 1"], "almost never true", "constraints.1"),
        (["0 <= x == z"], "almost never true", "constraints.0"),
        (["not x != z"], "almost never true", "constraints.0"),
        (["x == n"], "almost never true", "constraints.0"),
        (["x == z or c == 'a'", "x > 5"], "unsatisfiable", "constraints"),
        (["x > 1", "x < 0.9"], "unsatisfiable", "constraints"),
        (["False"], "unsatisfiable", "constraints"),
        (["1 / 0 > 1"], "unsatisfiable", "constraints"),
        (["x < 1.9", "x == 0.5"], r"almost never true.*abs\(a - b\) < 0.01", "constraints.1"),
        (["x * 2 == 1 or x > 3"], "almost never true", "constraints.0"),
        (["x in [0.5, 1.5]"], "almost never true", "constraints.0"),
        (["c == 'b'"], "unsatisfiable", "constraints"),
    ],
)  # fmt: skip
def test_wrong_constraints(constraints: Any, match: str, path: str) -> None:
    refused(
        x=Float(0, 2), c=Categorical(["a", None]), z=Float(0, 2), n=Int(0, 5000),
        constraints=constraints, match=match, path=path,
    )  # fmt: skip


def test_equal_floats() -> None:
    grid = Float(0, 1, step=0.1)
    assert all(p["a"] == p["b"] for p in Space(a=grid, b=grid, constraints=["a == b"]).points())
    Space(n=Int(0, 3), a=Float(0, 1), constraints=["n == 2 or a == 0.5"])
    refused(a=Float(0, 1), b=Float(0, 1), constraints=["a + b == 1"],
            match="almost never true", path="constraints.0")  # fmt: skip


def test_finite_spaces_are_searched_to_the_last_point() -> None:
    tight = Space(a=Int(1, 300), b=Int(1, 300), constraints=["a * b == 300 * 299", "a > b"])
    assert list(tight.points()) == [{"a": 300, "b": 299}]
    refused(a=Int(1, 300), b=Int(1, 300), constraints=["a * b == 300 * 300 + 1"],
            match="no point is left", path="constraints")  # fmt: skip
    begin = time.perf_counter()
    Space(a=Int(1, 10**6), constraints=["a > 1"])
    assert time.perf_counter() - begin < 20


def test_sampling_keeps_to_the_constraints() -> None:
    space = Space(a=Int(1, 64), b=Float(0, 1), constraints=["a * b <= 4"])
    rng = random.Random(0)
    for _ in range(200):
        assert space.sample(rng) in space


def test_a_constraint_that_fails_late_says_so() -> None:
    space = Space(a=Int(0, 10**9), c=Categorical([1, 2]), constraints=["a > 0 or c < 'x'"])
    with pytest.raises(SpaceError, match="cannot be computed"):
        space.check({"a": 0, "c": 1})


# -- enumeration --------------------------------------------------------------------------


def brute_force(space: Space) -> list[dict[str, Any]]:
    """Every point, by trying every combination of every parameter or its absence."""
    absent = object()
    domains = [
        [*(parameter.grid(i) for i in range(parameter.size or 0)), absent]
        for parameter in space.values()
    ]
    found = []
    for values in itertools.product(*domains):
        point = {n: v for n, v in zip(space, values, strict=True) if v is not absent}
        if point in space:
            found.append({**point, **space.constants})
    return found


@pytest.mark.parametrize(
    "space",
    [
        Space(a=Int(1, 3), b=Categorical(["x", "y"]), k=Constant([1])),
        Space(a=Categorical(["p", "q", None]), b=Int(1, 4, when={"a": ["p", None]}),
              c=Float(0, 0.9, step=0.3, when={"b": [2, 3]}),
              d=Int(1, 2, log=True, when={"c": 0.3})),
        Space(a=Int(0, 9), b=Int(0, 9), c=Int(0, 1, when={"b": 5}),
              constraints=["a * b == 20", "a + c < 5"]),
        Space(x=Float(2, 2), a=Int(0, 1)),
    ],
)  # fmt: skip
def test_points_are_all_points(space: Space) -> None:
    points = list(space.points())
    expected = brute_force(space)
    assert len(points) == len(expected)
    assert sorted(map(repr, points)) == sorted(map(repr, expected))
    assert space.cardinality is not None
    assert space.cardinality >= len(points)


def test_the_last_parameter_varies_fastest() -> None:
    space = Space(a=Int(0, 1), b=Categorical(["x", "y"]))
    assert [tuple(p.values()) for p in space.points()] == [(0, "x"), (0, "y"), (1, "x"), (1, "y")]
    with pytest.raises(SpaceError, match=r"^f: is continuous"):
        next(Space(f=Float(0, 1)).points())
    assert Space(f=Float(0, 1), a=Int(0, 1)).cardinality is None


# -- plain data, fingerprints, views ------------------------------------------------------


def test_plain_data_come_back() -> None:
    space = Space(
        lr=Float(1e-4, 1e-1, log=True), m=Float(0, 0.9, step=0.3, when={"o": "s"}),
        n=Int(1, 9, step=2), w=Int(1, 99, log=True), o=Categorical(["s", None, 1, True, [2]]),
        p=Categorical([3, 5], ordered=True, when={"o": [1, True], "n": 3}), flag=True,
        k=Constant([1, None]),
        constraints=["n * w <= 500"],
    )  # fmt: skip
    plain = json.loads(json.dumps(space.to_plain()))
    again = Space.from_plain(**plain)
    assert again == space
    assert again.fingerprint == space.fingerprint
    assert again.to_plain() == space.to_plain() == plain
    assert list(again) == list(space)
    rng = random.Random(1)
    for _ in range(20):
        assert space.sample(rng) in again


@pytest.mark.parametrize(
    ("plain", "match", "path"),
    [
        ([], "expected a mapping of parameters", ""), ({"x": {}}, "'type' is missing", "x"),
        ({"x": {"type": "flot"}}, "did you mean 'float'", "x.type"),
        ({"x": {"type": ["int"]}}, "expected one of", "x.type"),
        ({"x": {"type": "int", "low": 1}}, "'high' is missing", "x"),
        ({"x": {"type": "int", "low": 1, "high": 2, "hihg": 2}}, "did you mean 'high'", "x.hihg"),
        ({"x": {"type": "int", "low": 1, "high": 2, 5: 1}}, "unknown key", "x.5"),
        ({"x": {"type": "categorical", "choices": [1], "log": True}}, "unknown key", "x.log"),
        ({"x": {"type": "int", "low": 3, "high": 2}}, "above high", "x.low"),
        ({5: {"type": "int", "low": 1, "high": 2}}, "expected a string", ""),
        ({"x": {"type": "int", "low": 1, "high": 2, "when": {"y": 1}}}, "is no parameter",
         "x.when.y"),
        ({"x": {"type": "int", "low": "1", "high": 2}}, "expected an integer", "x.low"),
    ],
)  # fmt: skip
def test_wrong_plain_data(plain: Any, match: str, path: str) -> None:
    with pytest.raises(SpaceError, match=match) as caught:
        Space.from_plain(plain)
    assert ".".join(caught.value.path) == path


def test_fingerprints_tell_meanings_apart() -> None:
    def make(**changes: Any) -> str:
        declared: dict[str, Any] = {
            "o": Categorical(["s", "t"]), "x": Float(0, 1), "m": Int(0, 4, when={"o": "s"}),
            "k": 1,
        }  # fmt: skip
        return Space({**declared, **changes}).fingerprint

    same = [
        make(), make(m=Int(0, 4, when={"o": ["s"]})), make(x=Float(0.0, 1.0)),
        make(m=Int(0, 4, step=1, when={"o": "s"})),
    ]  # fmt: skip
    assert len(set(same)) == 1
    either, p = {"o": ["s", "t"], "n": [1, 3]}, Int(0, 3)
    turned = {"n": [3, 1], "o": ["t", "s"]}
    assert make(n=p, m=Int(0, 4, when=either)) == make(n=p, m=Int(0, 4, when=turned))
    other = [
        make(k=True), make(k=1.0), make(k="1"), make(k=Constant([1])),
        make(x=Float(0, 1, step=0.5)),
        make(x=Float(0, 2)), make(x=Int(0, 1)), make(m=Int(0, 4)),
        make(m=Int(0, 4, when={"o": "t"})),
        make(m=Int(0, 4, when={"o": ["s", "t"]})), make(o=Categorical(["t", "s"]), m=Int(0, 4)),
        make(o=Categorical(["s", "t"], ordered=True)), make(z=2), make(z=Int(0, 1)),
        Space(x=Float(0, 1), o=Categorical(["s", "t"]), m=Int(0, 4, when={"o": "s"}),
              k=1).fingerprint,
        Space(o=Categorical(["s", "t"]), x=Float(0, 1), m=Int(0, 4, when={"o": "s"}), k=1,
              constraints=["x < 1"]).fingerprint,
    ]  # fmt: skip
    assert len({*same, *other}) == 1 + len(other)
    assert Space(x=Int(0, 1)) == Space({"x": Int(0, 1)})
    assert len({Space(x=Int(0, 1)), Space(x=Int(0, 1)), Space(y=Int(0, 1))}) == 2
    assert Space(x=Int(0, 1)) != "x"


def test_indexed_views() -> None:
    space = nested()
    view = space.indexed()
    assert list(view) == list(space)
    assert (dict(view.constants), view.constraints) == ({}, ())
    assert isinstance(view["d"], Categorical)
    assert view["d"].choices == (0, 1, 2, 3)
    assert view.is_active("e", {"d": 2, "a": 0, "c": 0.3})
    flat = space.indexed(flat=True)
    assert not flat.is_conditional
    rng = random.Random(2)
    for _ in range(300):
        unit = [rng.random() for _ in space]
        point, indices, all_ = space.decode(unit), view.decode(unit), flat.decode(unit)
        assert list(indices) == [n for n in point if n != "k"]
        for name, value in indices.items():
            parameter = space[name]
            choice = parameter.grid(value) if isinstance(parameter, Categorical) else value
            assert (choice, all_[name]) == (point[name], value)
        assert list(all_) == list(space)
    ordered = Space(c=Categorical([3, 5], ordered=True)).indexed()["c"]
    assert isinstance(ordered, Categorical)
    assert ordered.ordered
