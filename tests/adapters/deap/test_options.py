"""Options: DEAP's names and defaults, refused when they are wrong; and what is registered."""

from __future__ import annotations

import inspect
import math
import re
from importlib import import_module

import hpo_bridge_deap
import pytest
from deap import cma, tools
from hpo_bridge_deap.cmaes import Cmaes
from hpo_bridge_deap.de import De
from hpo_bridge_deap.genetic import Ga, MuCommaLambda, MuPlusLambda
from hpo_bridge_deap.nsga2 import Nsga2
from hpo_bridge_deap.operators import CROSSOVERS, MUTATIONS, SELECTIONS
from hpo_bridge_deap.pso import Pso

from hpo_bridge.contracts.optimizer import Capability, Problem
from hpo_bridge.errors import InvalidOptions
from hpo_bridge.plugins import PluginManager
from hpo_bridge.space import Float, Space

POPULATIONS = [Ga, MuPlusLambda, MuCommaLambda, Nsga2]


def options(factory):
    parameters = inspect.signature(factory).parameters
    assert all(p.kind is p.KEYWORD_ONLY for n, p in parameters.items() if n != "problem")
    return {name: p.default for name, p in parameters.items() if name != "problem"}


def test_strategy_has_the_options_of_cma_strategy():
    theirs = set(re.findall(r"^    \| ``(\w+)``", cma.Strategy.__doc__, re.M))
    assert set(options(Cmaes)) == theirs - {"cmatrix"} | {"centroid", "sigma", "reevaluate"}


@pytest.mark.parametrize("dimension", [1, 2, 5, 20])
def test_strategy_has_the_defaults_of_cma_strategy(dimension):
    ours = Cmaes(Problem(Space({f"x{i}": Float(0, 1) for i in range(dimension)})))._strategy
    theirs = cma.Strategy([0.5] * dimension, 0.3)
    for name in ("lambda_", "mu", "mueff", "cc", "cs", "ccov1", "ccovmu", "damps", "sigma"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert list(ours.weights) == list(theirs.weights)
    assert list(ours.centroid) == list(theirs.centroid)


def test_strategy_options_reach_it():
    given = {"lambda_": 9, "mu": 3, "weights": "equal", "cs": 0.4, "damps": 2.0, "ccum": 0.3,
             "ccov1": 0.2, "ccovmu": 0.1, "centroid": 0.25, "sigma": 0.125}  # fmt: skip
    strategy = Cmaes(Problem(Space(x=Float(0, 1))), **given)._strategy
    found = {name: getattr(strategy, {"ccum": "cc"}.get(name, name)) for name in given}
    found["weights"], found["centroid"] = "equal", float(strategy.centroid[0])
    assert found == given
    assert list(strategy.weights) == [1 / 3] * 3


@pytest.mark.parametrize("factory", POPULATIONS)
def test_operators_have_the_names_of_deap(factory):
    ours = options(factory)
    assert ours["mate"] in CROSSOVERS
    assert ours["mutate"] in MUTATIONS
    for name in (*CROSSOVERS, *MUTATIONS, *SELECTIONS):
        arguments = inspect.signature(getattr(tools, name)).parameters
        taken = set(arguments) - {"ind1", "ind2", "individual", "individuals", "k", "fit_attr",
                                  "low", "up", "mu"}  # fmt: skip
        if factory is not Nsga2 or name not in SELECTIONS:
            assert taken <= set(ours), name


def test_loops_have_the_names_of_deap():
    from deap import algorithms

    for factory, loop in (
        (Ga, algorithms.eaSimple),
        (MuPlusLambda, algorithms.eaMuPlusLambda),
        (MuCommaLambda, algorithms.eaMuCommaLambda),
    ):
        theirs = set(inspect.signature(loop).parameters)
        left_out = {"population", "toolbox", "ngen", "stats", "halloffame", "verbose"}
        assert theirs - left_out <= set(options(factory))


BAD = [
    ("mate", "cxPartialyMatched", ValueError),
    ("mate", 3, TypeError),
    ("mutate", "mutFlipBit", ValueError),
    ("mate_indpb", 1.5, ValueError),
    ("alpha", -0.1, ValueError),
    ("sigma", 0, ValueError),
    ("sigma", 1e300, ValueError),
    ("sigma", "0.1", TypeError),
    ("eta", -1, ValueError),
    ("eta", math.nan, ValueError),
    ("indpb", -0.5, ValueError),
    ("cxpb", 1.1, ValueError),
    ("cxpb", True, TypeError),
    ("reevaluate", 1, TypeError),
]
SIZED = [("population_size", 2.0, TypeError), ("population_size", 1, ValueError)]
SELECTED = [("select", "selRoulette", ValueError), ("tournsize", 0, ValueError)]
MU_LAMBDA = [*BAD, *SELECTED, ("mu", 1, ValueError), ("mu", None, TypeError),
             ("lambda_", 0, ValueError), ("mutpb", 0.5, ValueError)]  # fmt: skip
WRONG = {
    Ga: [*BAD, *SIZED, *SELECTED, ("mutpb", math.inf, ValueError)],
    MuPlusLambda: MU_LAMBDA,
    MuCommaLambda: [*MU_LAMBDA, ("lambda_", 9, ValueError)],
    Nsga2: [
        *BAD,
        *SIZED,
        ("population_size", 22, ValueError),
        ("nd", "linear", ValueError),
        ("nd", "log", ValueError),
    ],
    Cmaes: [
        ("centroid", 1.5, ValueError),
        ("sigma", 0.0, ValueError),
        ("lambda_", 1, ValueError),
        ("mu", 0, ValueError),
        ("mu", 99, ValueError),
        ("weights", "cubic", ValueError),
        ("weights", None, TypeError),
        ("cs", 0, ValueError),
        ("damps", 0, ValueError),
        ("ccum", 2, ValueError),
        ("ccov1", "a", TypeError),
        ("ccovmu", -1, ValueError),
        ("lambda_", 8.0, TypeError),
        ("reevaluate", None, TypeError),
    ],
    De: [
        ("population_size", 3, ValueError),
        ("CR", 2, ValueError),
        ("F", 0, ValueError),
        ("F", "1", TypeError),
        ("reevaluate", "no", TypeError),
    ],
    Pso: [
        ("population_size", 0, ValueError),
        ("phi1", -1, ValueError),
        ("phi2", None, TypeError),
        ("smin", 0.5, ValueError),
        ("smax", 0, ValueError),
        ("reevaluate", 0, TypeError),
    ],
}


@pytest.mark.parametrize(
    ("factory", "name", "value", "error"),
    [(f, *case) for f, cases in WRONG.items() for case in cases],
)
def test_wrong_options_are_refused_at_once(kit, factory, name, value, error):
    with pytest.raises(error, match=name):
        factory(Problem(kit.CUBE), **{name: value})


@pytest.mark.parametrize("factory", [Ga, MuPlusLambda, MuCommaLambda])
def test_nothing_would_ever_change(kit, factory):
    with pytest.raises(ValueError, match="together"):
        factory(Problem(kit.CUBE), cxpb=0.0, mutpb=0)


def test_every_combination_of_operators_runs(kit):
    for mate in CROSSOVERS:
        for mutate in MUTATIONS:
            for select in SELECTIONS:
                optimizer = Ga(Problem(kit.MIXED), mate=mate, mutate=mutate, select=select)
                for params in kit.bridged(optimizer, 40):
                    assert kit.MIXED.check(params) == params


def test_specs():
    specs = {spec.name: spec for spec in hpo_bridge_deap.hpo_register_backends()}
    assert [(s.technique, s.rank) for s in specs.values()] == [
        ("genetic", 100), ("genetic", 90), ("genetic", 80), ("genetic", 70),
        ("evolutionary", 70), ("evolutionary", 60), ("evolutionary", 50),
    ]  # fmt: skip
    for spec in specs.values():
        module, _, name = spec.factory.partition(":")
        assert callable(getattr(import_module(module), name))
        assert all((spec.summary, spec.url, spec.suits, spec.limits))
        assert "deap>=1.4.4,<2" in spec.requires
    multi = [n for n, s in specs.items() if Capability.MULTI_OBJECTIVE in s.capabilities]
    assert multi == ["deap.nsga2"]
    without = [n for n, s in specs.items() if Capability.INJECT not in s.capabilities]
    assert without == ["deap.cmaes"]


def test_a_wrong_option_is_named():
    problem = Problem(Space(x=Float(0, 1)))
    with pytest.raises(InvalidOptions, match="found 'many', expected an integer") as caught:
        PluginManager().build("backend", "deap.ga", {"population_size": "many"}, problem)
    assert caught.value.path == ("population_size",)
