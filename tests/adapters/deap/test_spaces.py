"""What is proposed: odd spaces, ends, protocols, the translation."""

from __future__ import annotations

from collections import Counter

import pytest
from hpo_bridge_deap.cmaes import Cmaes
from hpo_bridge_deap.genetic import Ga, MuCommaLambda, MuPlusLambda
from hpo_bridge_deap.nsga2 import Nsga2

from hpo_bridge.contracts.optimizer import Explains, Problem, Snapshot
from hpo_bridge.errors import UnsupportedProblem
from hpo_bridge.space import Categorical, Float, Int, Space

GENETIC = [Ga, MuPlusLambda, MuCommaLambda, Nsga2]
CHOICES = Space({f"c{i}": Categorical(list(range(6))) for i in range(6)})


@pytest.mark.parametrize(
    "space",
    [
        Space(x=Float(0, 1)),
        Space(n=Int(1, 9)),
        Space(c=Categorical([0, 1])),
        Space(c=Categorical([0, 1, 2, 3, 4])),
        Space(one=Categorical([0])),
        Space(x=Float(0.5, 0.5), one=Int(3, 3)),
        CHOICES,
    ],
    ids=["float", "int", "two", "five", "single", "singles", "choices"],
)
def test_small_and_odd_spaces(kit, factory, space):
    operators = [{}]
    if factory in GENETIC:
        operators += [{"mate": name} for name in ("cxOnePoint", "cxTwoPoint", "cxUniform",
                      "cxBlend", "cxSimulatedBinaryBounded")]  # fmt: skip
        operators += [{"mutate": "mutPolynomialBounded"}]
    for options in operators:
        optimizer = factory(Problem(space, 1, 1), **options)
        for _ in range(60):
            [s] = optimizer.ask(1)
            assert space.check(s.params) == s.params
            assert {type(v) for v in s.params.values()} <= {int, float}
            optimizer.tell([kit.told(s, sum(map(float, s.params.values())))])


def test_ends_have_their_weight(kit, factory):
    """Of what is proposed while nothing is learnt: every value is equally likely."""
    space = Space(n=Int(1, 5), s=Float(0, 1, step=0.25), o=Categorical(range(5), ordered=True),
                  c=Categorical(range(5)), x=Float(0, 1))  # fmt: skip
    counts = {name: Counter() for name in space}
    for seed in range(60):
        optimizer = factory(Problem(space, 1, seed))
        for s in optimizer.ask(8):
            for name in "nsoc":
                counts[name][s.params[name]] += 1
    n = 480
    # CMA-ES starts with a normal distribution in the middle, reflected at the ends.
    low, high = (0.6, 1.6) if factory is Cmaes else (0.75, 1.25)
    for name in "nsoc":
        for i in range(5):
            share = counts[name][space[name].grid(i)] / n
            assert low / 5 < share < high / 5, (name, i)


@pytest.mark.parametrize("end", [0, 1])
def test_an_optimum_at_the_end_is_found(kit, factory, end):
    space = Space(x=Float(0, 1), n=Int(1, 20), y=Float(1e-3, 1.0, log=True))

    def objective(p):
        return sum(abs(space[name].encode(p[name]) - end) for name in p)

    assert min(kit.run(factory(Problem(space, 1, 2)), 250, objective)) < 0.12


def test_conformity_with_the_protocols(kit, factory):
    assert isinstance(factory(Problem(kit.CUBE)), Snapshot)
    assert isinstance(factory(Problem(kit.CUBE)), Explains)


def test_several_objectives_are_for_nsga2(kit, factory):
    if factory is Nsga2:
        assert len(factory(Problem(kit.CUBE, 3)).ask(2)) == 2
    else:
        with pytest.raises(UnsupportedProblem, match=r"deap\.nsga2"):
            factory(Problem(kit.CUBE, 2))


def test_explain(kit, factory):
    rows = {r.parameter: (r.how, r.detail) for r in factory(Problem(kit.MIXED)).explain()}
    assert list(rows) == list(kit.MIXED)
    assert {how for how, _ in rows.values()} == {"encoded"}
    details = {name: detail for name, (_, detail) in rows.items()}
    assert details["one"] == details["fixed"] == "no gene: a single value"
    assert details["lr"].endswith("in [0, 1], on the logarithmic scale")
    assert details["z"].endswith("in [0, 1], on the linear scale")
    assert details["batch"].endswith("in [0, 1], cut into 8 values by their probability")
    if factory in GENETIC:
        assert details["kind"] == "gene 6, the index 0 to 3"
        assert details["flag"] == "gene 7, the index 0 to 1"
    else:
        assert details["kind"] == "genes 0 to 3, scores in [0, 1] of which the largest wins"
        assert details["flag"] == "gene 6 in [0, 1], cut into 2 values by their probability"
