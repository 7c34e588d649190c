"""The conformance kit over every backend of Hyperopt."""

from __future__ import annotations

from hpo_bridge.testing import BackendConformance


class TestRandom(BackendConformance):
    backend = "hyperopt.random"


class TestTpe(BackendConformance):
    backend = "hyperopt.tpe"


class TestAnneal(BackendConformance):
    backend = "hyperopt.anneal"
