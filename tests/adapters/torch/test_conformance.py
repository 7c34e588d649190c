"""The conformance kit over every backend that steps along gradients."""

from __future__ import annotations

from hpo_bridge.testing import BackendConformance


class TestAdam(BackendConformance):
    backend = "torch.adam"


class TestAdamOfFourChains(BackendConformance):
    backend = "torch.adam"
    options = {"n_starts": 4}


class TestSgd(BackendConformance):
    backend = "torch.sgd"


class TestRprop(BackendConformance):
    backend = "torch.rprop"
    options = {"n_starts": 3}


class TestSpsa(BackendConformance):
    backend = "torch.spsa"


class TestRpropWithoutGradients(BackendConformance):
    backend = "torch.rprop"
    options = {"estimator": "spsa", "n_starts": 2}
