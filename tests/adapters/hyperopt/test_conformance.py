"""The conformance kit over every backend of Hyperopt."""

from __future__ import annotations

from hpo_bridge.testing import BackendConformance


class TestRandom(BackendConformance):
    backend = "hyperopt.random"
    startup = 5
    trials = 30


class TestTpe(BackendConformance):
    backend = "hyperopt.tpe"
    options = {"n_startup_jobs": 8, "n_EI_candidates": 8}
    startup = 8
    trials = 20


class TestAnneal(BackendConformance):
    backend = "hyperopt.anneal"
    startup = 5
    trials = 30


class TestNativeSpace(BackendConformance):
    """What a user of Hyperopt would write has its biases."""

    backend = "hyperopt.random"
    options = {"native_space": True}
    startup = 5
    trials = 30
    expected_failures = {
        "due[int]": "hp.uniformint gives both ends half their due",
        "due[int_log]": "hp.qloguniform gives both ends too little",
    }
