"""The conformance kit over every backend of scikit-optimize."""

from __future__ import annotations

import pytest

from hpo_bridge.testing import BackendConformance

FEW = {"n_initial_points": 5, "n_points": 150}


class TestRandom(BackendConformance):
    backend = "skopt.random"


class TestSobol(BackendConformance):
    backend = "skopt.sobol"


class TestLhs(BackendConformance):
    backend = "skopt.lhs"
    options = {"n_samples": 8, "iterations": 10}


@pytest.mark.dear
class TestGp(BackendConformance):
    backend = "skopt.gp"
    options = {**FEW, "n_restarts_optimizer": 1}
    startup = 5
    trials = 4


@pytest.mark.dear
class TestExtraTrees(BackendConformance):
    backend = "skopt.extra_trees"
    options = FEW
    startup = 5
    trials = 4


@pytest.mark.dear
class TestForest(BackendConformance):
    backend = "skopt.forest"
    options = FEW
    startup = 5
    trials = 4


@pytest.mark.dear
class TestGbrt(BackendConformance):
    backend = "skopt.gbrt"
    options = {**FEW, "n_initial_points": 10}  # five, half of them failed, are no ground for trees
    startup = 10
    trials = 4
