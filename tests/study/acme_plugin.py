"""A plugin for a library whose search changes with its version; its version alone is installed."""

from __future__ import annotations

import random
from importlib import metadata

import hpo_bridge as hpo


@hpo.hookimpl
def hpo_register_backends():
    able = frozenset({hpo.Capability.INJECT})
    specs = [
        ("acme.search", "Search", able),
        ("acme.kept", "Kept", able),
        ("acme.deaf", "Search", frozenset()),
    ]
    return [
        hpo.BackendSpec(
            name=name,
            technique="random",
            factory=f"acme_plugin:{cls}",
            requires=("acme-search>=1",),
            capabilities=able,
        )
        for name, cls, able in specs
    ]


class Search:
    """Up to version 1.9 one sequence; from 2 on another one after ten suggestions."""

    def __init__(self, problem):
        self.problem, self.asked, self.foreign = problem, 0, 0
        self.major = int(metadata.version("acme-search").split(".")[0])

    def ask(self, n):
        changed = self.major if self.asked >= 10 else 1
        rng = random.Random(f"{self.problem.seed}/{self.asked}/{changed}")
        self.asked += 1
        unit = [rng.random() for _ in self.problem.space]
        return [hpo.Suggestion(self.problem.space.decode(unit), self.asked)]

    def tell(self, observations):
        self.foreign += sum(seen.token is None for seen in observations)


class Kept(Search):
    """The same with snapshots, which it takes from any version."""

    def state(self):
        return self.asked

    def restore(self, state, observations):
        self.asked = state
        self.tell(observations)
