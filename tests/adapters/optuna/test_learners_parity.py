"""Gaussian process, evolution, quasi-random and brute force: what ``study.optimize`` proposes."""

from __future__ import annotations

import json
import warnings

import optuna
import pytest
from hpo_bridge_optuna.bruteforce import BruteForce
from hpo_bridge_optuna.cma_es import CmaEs
from hpo_bridge_optuna.evolutionary import Nsga2, Nsga3
from hpo_bridge_optuna.gaussian import Gp
from hpo_bridge_optuna.quasirandom import Qmc
from optuna.samplers import (
    BruteForceSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    QMCSampler,
)

from hpo_bridge.errors import SearchExhausted
from hpo_bridge.space import Categorical, Float, Int, Space

QUIET = {"warn_independent_sampling": False}
CASES = [
    (Qmc, QMCSampler, {}, QUIET, 60),
    (Qmc, QMCSampler, {"qmc_type": "halton", "scramble": True}, QUIET, 60),
    (Nsga2, NSGAIISampler, {"population_size": 8}, {}, 80),
    (Nsga2, NSGAIISampler, {"population_size": 6, "mutation_prob": 0.4}, {}, 60),
    (Nsga3, NSGAIIISampler, {"population_size": 8}, {}, 80),
    (CmaEs, CmaEsSampler, {}, QUIET, 80),
    (CmaEs, CmaEsSampler, {"n_startup_trials": 5, "popsize": 6}, QUIET, 60),
    (CmaEs, CmaEsSampler, {"consider_pruned_trials": True}, QUIET, 60),
    (CmaEs, CmaEsSampler, {"use_separable_cma": True}, QUIET, 60),
    (Gp, GPSampler, {"n_startup_trials": 10}, QUIET, 15),  # half a second each
]


def native_sampler(kind, seed, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return kind(seed=seed, **options)


@pytest.mark.parametrize("space", ["flat", "nested"])
@pytest.mark.parametrize(
    ("ours", "theirs", "options", "quiet", "n"),
    CASES,
    ids=[f"{c[0].__name__} {json.dumps(c[2])}" for c in CASES],
)
def test_the_sequence_of_study_optimize(kit, space, ours, theirs, options, quiet, n):
    found = kit.SPACES[space]
    expected = kit.native(found, native_sampler(theirs, 3, **options, **quiet), n)
    optimizer = ours(kit.Problem(found, 1, 3), native_space=True, **options)
    assert kit.bridged(optimizer, found, n) == expected


@pytest.mark.parametrize(("ours", "theirs"), [(Nsga2, NSGAIISampler), (Nsga3, NSGAIIISampler)])
def test_several_objectives(kit, ours, theirs):
    sampler = native_sampler(theirs, 5, population_size=10)
    expected = kit.native(kit.FLAT, sampler, 80, 3)
    optimizer = ours(kit.Problem(kit.FLAT, 3, 5), population_size=10)
    assert kit.bridged(optimizer, kit.FLAT, 80, 3) == expected


FINITE = Space(
    kind=Categorical(["a", "b", "c"]),
    level=Float(0.0, 0.9, step=0.3),
    n=Int(1, 5, when={"kind": "a"}),
    deep=Int(2, 8, step=3, when={"kind": ["b", "c"]}),
).indexed()


@pytest.mark.parametrize("seed", [0, 4])
def test_brute_force(kit, seed):
    sampler = native_sampler(BruteForceSampler, seed)
    expected = kit.native(FINITE, sampler, 200)
    optimizer = BruteForce(kit.Problem(FINITE, 1, seed))
    found = kit.bridged(optimizer, FINITE, len(expected))
    assert found == expected
    assert len(found) == 4 * (5 + 3 + 3)
    with pytest.raises(SearchExhausted, match="all 44 points"):
        optimizer.ask(1)


def test_brute_force_with_a_resolution(kit):
    space = Space(x=Float(1e-3, 1e-1, log=True), n=Int(0, 1)).indexed()
    optimizer = BruteForce(kit.Problem(space, 1, 0), resolution=3)
    found = [tuple(s.params.values()) for s in optimizer.ask(99)]
    assert sorted(found) == sorted(
        (x, n) for x in (1e-3, space["x"].decode(0.5), 1e-1) for n in (0, 1)
    )
    with pytest.raises(SearchExhausted):
        optimizer.ask(1)
