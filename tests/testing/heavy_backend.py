"""A plugin whose hooks import a library that only its optimizer needs."""

from __future__ import annotations

import numpy as np

from hpo_bridge import BackendSpec, Suggestion, hookimpl


@hookimpl
def hpo_register_backends() -> BackendSpec:
    return BackendSpec(name="fake.heavy", technique="random", factory="heavy_backend:Heavy")


class Heavy:
    def __init__(self, problem):
        self.space = problem.space
        self.rng = np.random.default_rng(problem.seed)

    def ask(self, n):
        return [Suggestion(self.space.decode(self.rng.random(len(self.space)))) for _ in range(n)]

    def tell(self, observations):
        pass
