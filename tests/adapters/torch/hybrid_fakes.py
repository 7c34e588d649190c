"""An outer and an inner backend that keep what they are told; loaded as an unpackaged plugin."""

from __future__ import annotations

from typing import Any

from hpo_bridge import BackendSpec, Capability, SearchExhausted, Suggestion, hookimpl

OUTER: list[Any] = []
INNER: list[Any] = []
"""Every fake that was built, in order; a test clears them."""


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    caps = frozenset({Capability.INJECT})
    return [
        BackendSpec(
            name="fake.outer", technique="fake", factory="hybrid_fakes:Outer",
            capabilities=caps | {Capability.CONDITIONAL},
        ),
        BackendSpec(
            name="fake.flat", technique="fake", factory="hybrid_fakes:Outer", capabilities=caps
        ),
        BackendSpec(
            name="fake.inner", technique="fake", factory="hybrid_fakes:Inner",
            capabilities=caps | {Capability.GRADIENT},
        ),
    ]  # fmt: skip


class Outer:
    """Proposes the points it is given, ``most`` at once."""

    def __init__(self, problem: Any, *, points: Any, most: int = 99, once: bool = False) -> None:
        self.problem, self.points, self.most, self.once = problem, points, most, once
        self.told: list[Any] = []
        self.asked = self.open = 0
        OUTER.append(self)

    def ask(self, n: int) -> list[Suggestion]:
        if self.once and self.asked == len(self.points):
            raise SearchExhausted("the script is over")
        if self.open >= self.most:
            return []
        point = self.points[self.asked % len(self.points)]
        self.asked, self.open = self.asked + 1, self.open + 1
        return [Suggestion(point, f"outer {self.asked - 1}")]

    def tell(self, observations: Any) -> None:
        self.open -= sum(seen.token is not None for seen in observations)
        self.told += observations


class Inner:
    """Proposes 0.1, 0.2, 0.3 and so on for every parameter; waits for each."""

    def __init__(self, problem: Any, *, gradients: bool = True) -> None:
        self.problem, self.wants_gradients = problem, gradients
        self.told: list[Any] = []
        self.asked = 0
        self.waits = False
        INNER.append(self)

    def ask(self, n: int) -> list[Suggestion]:
        if self.waits:
            return []
        self.asked, self.waits = self.asked + 1, True
        unit = [self.asked / 10] * len(self.problem.space)
        return [Suggestion(self.problem.space.decode(unit), f"inner {self.asked - 1}")]

    def tell(self, observations: Any) -> None:
        self.waits = self.waits and all(seen.token is None for seen in observations)
        self.told += observations
