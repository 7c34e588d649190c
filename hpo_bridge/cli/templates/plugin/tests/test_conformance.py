from hpo_bridge.testing import BackendConformance


class TestClimb(BackendConformance):
    backend = "acme.climb"
