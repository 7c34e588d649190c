"""The conformance kit over every backend of Hyperopt."""

from __future__ import annotations

from hpo_bridge.testing import BackendConformance


class TestRandom(BackendConformance):
    backend = "hyperopt.random"
    startup = 5
    trials = 8


class TestNativeSpace(BackendConformance):
    """The library's own mapping: half a share for the ends of a rounded range."""

    backend = "hyperopt.random"
    options = {"native_space": True}
    startup = 5
    trials = 8
    expected_failures = dict.fromkeys(
        ("due[int]", "due[int_step]", "due[float_step]", "due[int_log]"),
        "hp.quniform and hp.qloguniform give their first and last value half a share",
    )


class TestTpe(BackendConformance):
    backend = "hyperopt.tpe"
    options = {"n_startup_jobs": 8, "n_EI_candidates": 8}
    startup = 8
    trials = 20


class TestAnneal(BackendConformance):
    backend = "hyperopt.anneal"
    startup = 5
    trials = 30
