"""Members that do what real ones seldom do; loaded as an unpackaged plugin."""

from __future__ import annotations

from typing import Any

from hpo_bridge import BackendSpec, Capability, SearchExhausted, Suggestion, hookimpl

MADE: list[Any] = []
"""Every fake that was built, in order; a test clears them."""


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    caps = frozenset({Capability.INJECT})
    more: dict[str, Any] = {"technique": "fake", "factory": "portfolio_fakes:Scripted"}
    return [
        BackendSpec(name="fake.script", capabilities=caps, **more),
        BackendSpec(name="fake.alone", **more),
        BackendSpec(name="fake.slow_start", capabilities=caps, startup=("starts", 3), **more),
    ]


class Scripted:
    """Proposes numbers for the first parameter.

    Args:
        problem: Its first parameter is set, to what the script says, all others to the middle.
        points: The numbers, in the unit interval; over and over.
        most: How many may be pending.
        once: Whether it ends after them.
        asks: Raises at the ask after so many.
        tells: Raises at the tell after so many observations.
        starts: Its start-up.
    """

    def __init__(
        self, problem: Any, *, points: Any = (0.1, 0.2, 0.3), most: int = 99, once: bool = False,
        asks: int = 99, tells: int = 99, starts: int = 3,
    ) -> None:  # fmt: skip
        self.problem, self.points, self.most, self.once = problem, points, most, once
        self.asks, self.tells = asks, tells
        self.told: list[Any] = []
        self.asked = self.open = 0
        MADE.append(self)

    def ask(self, n: int) -> list[Suggestion]:
        if self.asked == self.asks:
            raise ZeroDivisionError("no pivot")
        if self.once and self.asked == len(self.points):
            raise SearchExhausted("the script is over")
        if self.open >= self.most:
            return []
        rest = [0.5] * (self.problem.space.dimension - 1)
        unit = [self.points[self.asked % len(self.points)], *rest]
        self.asked, self.open = self.asked + 1, self.open + 1
        return [Suggestion(self.problem.space.decode(unit), f"own {self.asked - 1}")]

    def tell(self, observations: Any) -> None:
        self.told += observations
        self.open -= sum(seen.token is not None for seen in observations)
        if len(self.told) > self.tells:
            raise ZeroDivisionError("no such matrix")
