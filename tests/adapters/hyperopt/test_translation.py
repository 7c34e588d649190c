"""What the parameters become, and that they mean the same."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest
from hpo_bridge_hyperopt.algorithms import Anneal, Random, Tpe
from hpo_bridge_hyperopt.translation import NARROW, WIDE, Table, drawn
from hyperopt import Domain, Trials, hp, rand

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.errors import SpaceError, UnsupportedProblem
from hpo_bridge.space import Categorical, Float, Int, Space

EVERY = {
    "float": Float(-0.7, 3.3),
    "log": Float(3e-4, 0.7, log=True),
    "narrow": Float(5.0, 5.0 + 1e-12),
    "tiny": Float(0.0, 5e-324),
    "wide": Float(-3e200, 8e200),
    "huge": Float(1e308, 1.7e308),
    "step": Float(-1.3, 2.0, step=0.1),
    "int": Int(-3, 9),
    "many": Int(0, 2**48 - 2),
    "beyond": Int(2**53 - 100, 2**53),
    "stepped": Int(16, 128, step=16),
    "log int": Int(1, 300, log=True),
    "wide log int": Int(1, 2**40, log=True),
    "kind": Categorical(list("abcd")),
    "ordered": Categorical([3, 5, 7], ordered=True),
    "one": Categorical(["x"]),
    "self": Float(0, 1),
}


def hyperopts_own(node, n):
    """What Hyperopt draws for one of its parameters."""
    domain, found = Domain(None, node), []
    for seed in range(n):
        [doc] = rand.suggest([0], domain, Trials(), seed)
        found += drawn(doc).values()
    return found


def test_explain():
    space = Space(
        x=Float(0, 1),
        lr=Float(0.1, 1.0, log=True),
        k=Int(2, 8, step=2),
        n=Int(-1, 3),
        u=Int(1, 8, log=True),
        s=Float(0, 1, step=0.5),
        t=Float(0, 1e-12),
        kind=Categorical(["a", "b"]),
        size=Categorical([3, 5, 7], ordered=True),
        one=Int(4, 4),
    ).indexed()
    rows = {row.parameter: (row.how, row.detail) for row in Tpe(Problem(space)).explain()}
    assert rows == {
        "x": ("native", "hp.uniform(0.0, 1.0)"),
        "lr": ("native", "hp.loguniform(log(0.1), log(1.0))"),
        "k": ("encoded", "hp.quniform(-0.5, 3.5, 1), the index"),
        "n": ("encoded", "hp.quniform(-0.5, 4.5, 1), the index"),
        "u": ("encoded", "hp.qloguniform(log(0.5), log(8.5), 1)"),
        "s": ("encoded", "hp.quniform(-0.5, 2.5, 1), the index"),
        "t": ("encoded", f"hp.uniform(0.0, {1e-12 * 2**40}), in units of {2.0**-40}"),
        "kind": ("native", "hp.choice(2 options)"),
        "size": ("encoded", "hp.quniform(-0.5, 2.5, 1), the index"),
        "one": ("encoded", "not passed on: there is a single value"),
    }
    rows = {r.parameter: r.detail for r in Random(Problem(space), native_space=True).explain()}
    assert rows["k"] == "hp.quniform(2, 8, 2)"
    assert rows["n"] == "hp.uniformint(-1, 3)"
    assert rows["u"] == "hp.qloguniform(log(1), log(8), 1)"
    assert rows["s"] == "hp.quniform(0.0, 1.0, 0.5)"
    assert rows["size"] == "hp.choice(3 options)"


@pytest.mark.parametrize("native_space", [False, True])
def test_what_is_stored_follows_from_the_value_to_the_last_bit(native_space):
    space = Space(EVERY).indexed()
    optimizer = Anneal(Problem(space, 1, 3), native_space=native_space)
    for _ in range(60):
        [point] = optimizer.ask(1)
        params = space.check(point.params)
        assert params == point.params
        assert {type(v) for v in params.values()} <= {int, float}
        vals = optimizer._table.vals(params)
        assert optimizer._table.params(vals) == params
        doc = list(optimizer._record)[-1]
        assert drawn(doc) == vals
        optimizer.tell([Observation(params, (params["float"] ** 2,), point.token)])


def test_every_value_there_and_back():
    space = Space(EVERY).indexed()
    rng = random.Random(0)
    for native_space in (False, True):
        table = Table(space, native_space=native_space)
        for _ in range(300):
            params = space.sample(rng)
            assert table.params(table.vals(params)) == params
        for name, encoding in table.encodings.items():
            size = space[name].size
            for index in range(size) if size and size < 400 else ():
                value = space[name].grid(index)
                assert encoding.index(value) == index
                assert encoding.value(encoding.stored(value)) == value


@pytest.mark.parametrize(
    ("parameter", "law"),
    [
        (Int(1, 5), lambda k: 0.2),
        (Int(-4, 4, step=4), lambda k: 1 / 3),
        (Float(0.1, 0.5, step=0.1), lambda k: 0.2),
        (Categorical(list("abc")), lambda k: 1 / 3),
        (Categorical(list("abcd"), ordered=True), lambda k: 0.25),
        (Int(1, 8, log=True), lambda k: math.log((k + 0.5) / (k - 0.5)) / math.log(17)),
    ],
    ids=lambda value: "law" if callable(value) else str(value),
)
def test_every_value_has_its_due(parameter, law):
    space, n = Space(p=parameter).indexed(), 3000
    counts = Counter(s.params["p"] for s in Random(Problem(space, 1, 0)).ask(n))
    values = [space["p"].grid(i) for i in range(parameter.size)]
    assert set(counts) == set(values)
    for value in values:
        p = law(value)
        assert abs(counts[value] / n - p) < 4.5 * math.sqrt(p * (1 - p) / n), value


def test_native_ends_have_half_their_due():
    space = Space(p=Int(1, 5)).indexed()
    points = Random(Problem(space, 1, 0), native_space=True).ask(4000)
    counts = Counter(s.params["p"] for s in points)
    own = Counter(map(int, hyperopts_own(hp.uniformint("p", 1, 5), 4000)))
    for found in (counts, own):
        assert 0.10 < found[1] / 4000 < 0.15
        assert 0.10 < found[5] / 4000 < 0.15
        assert 0.22 < found[3] / 4000 < 0.28


def test_hyperopts_grid_starts_at_0_and_leaves_the_bounds():
    assert set(hyperopts_own(hp.quniform("p", 0.5, 3.2, 1), 200)) == {0.0, 1.0, 2.0, 3.0} - {0.0}
    assert max(hyperopts_own(hp.quniform("p", 0, 2.7, 1), 200)) == 3.0


@pytest.mark.parametrize("parameter", [Float(0.5, 2.5, step=1), Int(3, 11, step=4)], ids=str)
def test_a_grid_that_hyperopt_has_not_is_refused(parameter):
    space = Space(a=Float(0, 1), b=parameter)
    with pytest.raises(UnsupportedProblem, match="multiples") as caught:
        Tpe(Problem(space), native_space=True)
    assert caught.value.parameter == "b"
    Tpe(Problem(space)).ask(1)


def test_logarithmic_floats_are_logarithmic_and_others_are_not():
    space = Space(line=Float(1e-4, 1.0), log=Float(1e-4, 1.0, log=True))
    points = [s.params for s in Random(Problem(space)).ask(400)]
    assert 0.4 < sorted(p["line"] for p in points)[200] < 0.6
    assert 0.005 < sorted(p["log"] for p in points)[200] < 0.02


@pytest.mark.parametrize(
    "parameter", [Float(0, 1e-13), Float(0, 1e200), Float(-8e307, 8e307)], ids=str
)
def test_extreme_ranges_are_modelled_as_any_other(parameter):
    """In units of a power of two the points are those of a range from 0 to 1, or 1 to 2."""

    def medians(parameter):
        found = []
        for seed in range(3):
            space = Space(p=parameter)
            optimizer, seen = Tpe(Problem(space, 1, seed)), []
            for _ in range(50):
                [point] = optimizer.ask(1)
                seen.append(abs(parameter.encode(point.params["p"]) - 0.3))
                optimizer.tell([Observation(point.params, (seen[-1],), point.token)])
            found.append(sorted(seen[25:])[12])
        return found

    width = parameter.high - parameter.low
    assert not NARROW <= width <= WIDE
    assert medians(parameter) == pytest.approx(medians(Float(0, 1)), rel=1e-6)


def test_hyperopt_takes_small_deviations_for_larger_ones():
    """Which is why narrow ranges are scaled."""
    from hyperopt.tpe import EPS, normal_cdf

    assert normal_cdf(1e-13, 0.0, np.array([1e-13])) == normal_cdf(
        1e-13, 0.0, np.array([EPS / math.sqrt(2)])
    )


def test_a_space_of_single_values():
    space = Space(a=Int(3, 3), b=Categorical(["x"])).indexed()
    for build in (Random, Tpe, Anneal):
        optimizer = build(Problem(space))
        for _ in range(25):
            [point] = optimizer.ask(1)
            assert point.params == {"a": 3, "b": 0}
            optimizer.tell([Observation(point.params, (0.0,), point.token)])


def test_any_name_will_do():
    space = Space({name: Float(0, 1) for name in ("self", "a b", "size", "rng", "é", "0", "args")})
    for build in (Random, Tpe, Anneal):
        [point] = build(Problem(space)).ask(1)
        assert list(point.params) == list(space)


@pytest.mark.parametrize("build", [Random, Tpe, Anneal])
def test_native_space_must_be_a_bool(build):
    with pytest.raises(TypeError, match="native_space"):
        build(Problem(Space(x=Float(0, 1))), native_space="yes")


# -- conditions -----------------------------------------------------------------------


def parameter(rng, when):
    kind = rng.randrange(7)
    choices = list(range(rng.choice([1, 2, 3, 4])))
    return (
        Float(-1, 2, when=when),
        Float(1e-3, 1, log=True, when=when),
        Float(-0.3, 1.2, step=0.3, when=when),
        Int(3, 9, when=when),
        Int(1, 6, log=True, when=when),
        Int(2, 10, step=2, when=when),
        Categorical(choices, ordered=rng.random() < 0.4, when=when),
    )[kind]


def conditional_space(seed):
    """A random space whose conditions have several parents and values, on several levels."""
    rng = random.Random(seed)
    declared = {}
    for number in range(rng.randrange(4, 10)):
        parents = [name for name, p in declared.items() if p.size]
        when = None
        if parents and rng.random() < 0.75:
            when = {}
            for parent in rng.sample(parents, min(len(parents), rng.choice([1, 1, 2, 3]))):
                size = declared[parent].size
                indices = rng.sample(range(size), rng.randrange(1, size + 1))
                when[parent] = [declared[parent].grid(i) for i in indices]
        declared[f"{rng.choice('abcxyz')}{number}"] = parameter(rng, when)
    try:
        return Space(declared).indexed()
    except SpaceError:  # a condition that can never hold
        return None


@pytest.mark.parametrize("native_space", [False, True])
def test_hyperopt_draws_a_parameter_where_it_is_active_and_nowhere_else(native_space):
    tried = 0
    for seed in range(native_space, 44, 2):
        space = conditional_space(seed)
        if space is None or not space.is_conditional:
            continue
        tried += 1
        for build in (Tpe, Anneal):
            options = {"n_startup_jobs": 4, "n_EI_candidates": 3} if build is Tpe else {}
            try:
                optimizer = build(Problem(space, 1, seed), native_space=native_space, **options)
            except UnsupportedProblem:
                continue
            suggest = optimizer._suggest

            def checked(*args, suggest=suggest, optimizer=optimizer):
                [doc] = suggest(*args)
                table = optimizer._table
                assert drawn(doc).keys() == table.vals(table.params(drawn(doc))).keys()
                return [doc]

            optimizer._suggest = checked
            for number in range(8):
                [point] = optimizer.ask(1)
                params = space.check(point.params)
                assert params == point.params
                if number % 4:
                    loss = sum(map(float, params.values()))
                    optimizer.tell([Observation(params, (loss,), point.token)])
    assert tried > 12


def test_a_parameter_under_two_choices_is_learnt_from_where_it_was_active():
    """With one label under two options Hyperopt itself raises."""
    from hyperopt.exceptions import DuplicateLabel

    with pytest.raises(DuplicateLabel):
        Domain(None, hp.choice("k", [hp.uniform("x", 0, 1), 0, hp.uniform("x", 0, 1)]))
    space = Space(k=Categorical([0, 1, 2]), x=Float(0, 1, when={"k": [0, 2]}))
    optimizer = Tpe(Problem(space, 1, 0))
    for _ in range(30):
        [point] = optimizer.ask(1)
        optimizer.tell([Observation(point.params, (point.params.get("x", 1.0),), point.token)])
    for doc in optimizer._record:
        active = drawn(doc)["k"] != 1
        assert doc["misc"]["idxs"]["x"] == ([doc["tid"]] if active else [])
