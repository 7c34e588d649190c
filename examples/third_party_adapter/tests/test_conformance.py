from hpo_bridge.testing import BackendConformance


class TestTBPSA(BackendConformance):
    backend = "nevergrad.tbpsa"
    startup = 30  # a generation is 4 for each parameter
