"""The conformance kit over every backend of DEAP."""

from __future__ import annotations

from hpo_bridge.testing import BackendConformance


class TestGa(BackendConformance):
    backend = "deap.ga"


class TestMuPlusLambda(BackendConformance):
    backend = "deap.mu_plus_lambda"


class TestMuCommaLambda(BackendConformance):
    backend = "deap.mu_comma_lambda"


class TestNsga2(BackendConformance):
    backend = "deap.nsga2"


class TestCmaes(BackendConformance):
    backend = "deap.cmaes"


class TestDe(BackendConformance):
    backend = "deap.de"


class TestPso(BackendConformance):
    backend = "deap.pso"
