"""Every value at its due weight, both ways, and told to the library inside of its bounds."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hpo_bridge_skopt.designs import Balanced, initial_point_generator
from hpo_bridge_skopt.models import ExtraTrees, Gp
from hpo_bridge_skopt.quiet import quietly
from hpo_bridge_skopt.samplers import Lhs, Random, Sobol
from hpo_bridge_skopt.translation import Table
from skopt.sampler import Hammersly
from skopt.space import Space as Dimensions
from skopt.utils import check_x_in_space, normalize_dimensions

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.space import Categorical, Float, Int, Space

FAMILIES = ["normalized", "plain", "design"]
ODD = Space(
    tiny=Float(0.1, 0.1 + 1e-9),
    wide=Float(-1e300, 1e300),
    close=Float(1e6, 1e6 + 1.0),
    twins=Float(1.0, math.nextafter(1.0, 2.0)),
    twin_logs=Float(1e5, math.nextafter(1e5, 2e5), log=True),
    narrow_log=Float(1.0, 1.0 + 1e-7, log=True),
    small=Float(1e-300, 1e-290, log=True),
    huge=Int(-(2**53), -(2**53) + 3),
    many=Int(0, 2**47),
    steps=Int(-(2**40), 2**40, step=2**20),
    far=Int(10**9, 10**9 + 4),
    logs=Int(1, 2**40, log=True),
    third=Float(0.0, 0.9, step=0.3),
    kind=Categorical([0, 1]),
    order=Categorical([0, 1, 2], ordered=True),
)
DISCRETE = {
    "int": Int(3, 7),
    "two": Int(0, 1),
    "step": Float(-0.4, 0.8, step=0.4),
    "by": Int(10, 40, step=10),
    "order": Categorical([0, 1, 2, 3], ordered=True),
    "kind": Categorical([0, 1, 2]),
}


def drawn(space, family, n=4000, **options):
    """What the library draws, and what becomes of it."""
    table = Table(space, family, **options)
    with quietly():
        if family == "design":
            xs = Hammersly().generate(table.dimensions, n)
        else:
            dimensions = Dimensions(table.dimensions)
            if family == "normalized":
                dimensions = normalize_dimensions(table.dimensions)
            xs = dimensions.rvs(n, random_state=np.random.RandomState(0))
    return table, xs


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("space", ["mixed", "odd"])
def test_there_and_back(kit, family, space):
    space = {"mixed": kit.MIXED, "odd": ODD}[space]
    table, xs = drawn(space, family, 200)
    ends = [space.decode([u] * len(space)) for u in (0.0, 0.5, 1.0)]
    for params in [*(table.decode(x) for x in xs), *ends]:
        assert space.check(params) == params
        assert all(type(v) in (int, float) for v in params.values())
        again = table.encode(params)
        check_x_in_space(again, Dimensions(table.dimensions))
        back = table.decode(again)
        for name, parameter in space.items():
            if parameter.size is not None:
                assert back[name] == params[name], name
            else:  # a place in the unit interval, where the parameter is an odd one
                width = parameter.high - parameter.low
                assert abs(back[name] - params[name]) <= 1e-9 * width * (space is ODD), name


@pytest.mark.parametrize("family", FAMILIES)
def test_discrete_values_have_equal_weights(family):
    table, xs = drawn(Space(DISCRETE), family)
    for name, parameter in DISCRETE.items():
        counts = Counter(table.decode(x)[name] for x in xs)
        p = 1 / parameter.size
        assert set(counts) == {parameter.grid(i) for i in range(parameter.size)}
        for value, count in counts.items():
            assert abs(count / len(xs) - p) < 5 * math.sqrt(p * (1 - p) / len(xs)), (name, value)


@pytest.mark.parametrize("family", FAMILIES)
def test_log_integers_follow_the_declared_law(family):
    table, xs = drawn(Space(k=Int(1, 8, log=True), other=Float(0, 1)), family, 8000)
    counts = Counter(table.decode(x)["k"] for x in xs)
    for k in range(1, 9):
        p = math.log((k + 0.5) / (k - 0.5)) / math.log(17)
        assert abs(counts[k] / 8000 - p) < 5 * math.sqrt(p * (1 - p) / 8000), k


def test_the_librarys_own_dimensions_are_biased():
    """Why there is a default: half weights under a Gaussian process and in designs."""
    for family, names in (("normalized", ["int"]), ("design", ["int", "kind", "order", "by"])):
        table, xs = drawn(Space(DISCRETE), family, native_space=True)
        for name in names:
            parameter = DISCRETE[name]
            counts = Counter(table.decode(x)[name] for x in xs)
            ends = counts[parameter.grid(0)] + counts[parameter.grid(parameter.size - 1)]
            assert abs(ends / len(xs) - 1 / (parameter.size - 1)) < 0.05


def test_trees_never_propose_small_log_integers_natively(kit):
    def smallest(native_space):
        problem = Problem(Space(k=Int(1, 1000, log=True), x=Float(0, 1)), 1, 0)
        optimizer = kit.thin(ExtraTrees(problem, native_space=native_space, **kit.FAST))
        points = kit.run(optimizer, 22, lambda p: math.log(p["k"]) + p["x"])
        return min(p["k"] for p in points[6:])

    assert smallest(True) >= 10
    assert smallest(False) <= 2


@pytest.mark.parametrize("name", ["lhs", "sobol", "halton", "hammersly"])
def test_initial_designs_are_balanced(name):
    table = Table(Space(DISCRETE), "plain")
    balanced = initial_point_generator(name, table.dimensions, native=False)
    assert isinstance(balanced, Balanced)
    with quietly():
        if name == "lhs":
            balanced.inner.iterations = 1
        xs = balanced.generate(table.dimensions, 600, np.random.RandomState(0))
    for name, parameter in DISCRETE.items():
        counts = Counter(table.decode(x)[name] for x in xs)
        assert set(counts) == {parameter.grid(i) for i in range(parameter.size)}
        assert all(abs(c * parameter.size / 600 - 1) < 0.1 for c in counts.values()), name


@pytest.mark.parametrize("name", ["lhs", "sobol", "halton", "grid"])
@pytest.mark.parametrize("backend", [Gp, ExtraTrees])
def test_initial_points_lie_in_the_space(kit, backend, name):
    optimizer = backend(
        Problem(kit.MIXED, 1, 0), initial_point_generator=name, n_initial_points=16
    )
    found = [s.params for s in optimizer.ask(16)]
    assert all(kit.MIXED.check(p) == p for p in found)
    assert len({p["z"] for p in found}) > (1 if name == "grid" else 15)


def test_a_range_below_the_librarys_tolerance_is_searched(kit):
    """All its points are closer than 1e-8: natively each of them is replaced by a random one."""

    def found(width, native_space):
        problem = Problem(Space(x=Float(0.0, width)), 1, 0)
        optimizer = Gp(problem, native_space=native_space, acq_func="EI", **kit.FAST)
        points = kit.run(optimizer, 10, lambda p: (p["x"] / width - 0.7) ** 2)
        return [p["x"] / width for p in points]

    usual = found(1.0, True)
    assert found(1e-8, False) == pytest.approx(usual, abs=0.05)
    assert found(1e-8, True)[7:] != pytest.approx(usual[7:], abs=0.05)


def test_trees_take_what_single_precision_cannot_hold(kit):
    space = Space(wide=Float(-1e300, 1e300), close=Float(1e9, 1e9 + 1))
    optimizer = ExtraTrees(Problem(space, 1, 0), **kit.FAST)
    points = kit.run(optimizer, 12, lambda p: abs(p["wide"] / 1e300 - 0.5) + p["close"] - 1e9)
    assert all(space.check(p) == p for p in points)


def test_explain(kit):
    space = kit.MIXED
    rows = {r.parameter: (r.how, r.detail) for r in Gp(Problem(space)).explain()}
    assert rows == {
        "z": ("native", "Real(-2.0, 3.0)"),
        "lr": ("native", "Real(0.0001, 0.1, 'log-uniform')"),
        "step": ("encoded", "Real(-0.5, 20.5), rounded to the index"),
        "units": ("encoded", "Real(0.5, 300.5, 'log-uniform'), rounded"),
        "depth": ("encoded", "Real(1.5, 9.5), rounded"),
        "batch": ("encoded", "Real(-0.5, 7.5), rounded to the index"),
        "kind": ("native", "Categorical(3 choices)"),
        "size": ("encoded", "Real(-0.5, 3.5), rounded to the index"),
        "one": ("encoded", "left out: always 0"),
        "fixed": ("encoded", "left out: always 0.5"),
    }
    rows = {r.parameter: r.detail for r in ExtraTrees(Problem(space)).explain()}
    assert rows["step"] == "Integer(0, 20), the index"
    assert rows["depth"] == "Integer(2, 9)"
    native = ExtraTrees(Problem(space), native_space=True)
    rows = {r.parameter: (r.how, r.detail) for r in native.explain()}
    assert rows["units"] == (
        "native",
        "Integer(1, 300, 'log-uniform'); the ends get about half the weight, and a model of "
        "trees never proposes less than 10",
    )
    assert rows["size"] == ("native", "Categorical(4 choices); the order is lost")
    rows = {r.parameter: r.detail for r in Gp(Problem(space), native_space=True).explain()}
    assert rows["depth"] == "Integer(2, 9); the ends get half the weight"
    for sampler in (Random, Sobol, Lhs):
        rows = {r.parameter: r.detail for r in sampler(Problem(space)).explain()}
        assert list(rows) == list(space)
    assert rows["kind"] == "Real(0.0, 1.0), a place in 3 choices"
    assert rows["units"] == "Real(0.0, 1.0), a place in the logarithm of the range"


@pytest.mark.parametrize("backend", [Gp, ExtraTrees, Random, Sobol, Lhs])
def test_a_space_of_one_point(kit, backend):
    space = Space(one=Categorical([0]), fixed=Float(0.5, 0.5), three=Int(3, 3, log=True))
    optimizer = backend(Problem(space))
    expected = [{"one": 0, "fixed": 0.5, "three": 3}] * 12
    assert kit.run(optimizer, 12) == expected
    state = optimizer.state()
    assert next(r.detail for r in optimizer.explain()) == "left out: always 0"
    again = backend(Problem(space))
    again.restore(state, [kit.told(s, 0.0) for s in backend(Problem(space)).ask(1)] * 12)
    assert kit.run(again, 2) == expected[:2]
