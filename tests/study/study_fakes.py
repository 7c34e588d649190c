"""Backends and pruners that do as they are told; loaded as an unpackaged plugin."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from hpo_bridge import (
    BackendSpec,
    Capability,
    PrunerSpec,
    RunnerSpec,
    SearchExhausted,
    Suggestion,
    TrialState,
    hookimpl,
)
from hpo_bridge.contracts.record import Outcome
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.objectives.objective import evaluate

MADE: list[Any] = []
"""Every backend that was built, in order; a test clears it."""

C = Capability


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    specs = [
        ("script", "Script", {C.MULTI_OBJECTIVE}),
        ("script_conditional", "Script", {C.CONDITIONAL}),
        ("script_inject", "Script", {C.INJECT}),
        ("script_finite", "Script", {C.FINITE}),
        ("script_gradient", "Script", {C.GRADIENT, C.CONDITIONAL, C.INJECT}),
        ("modest", "Modest", {C.GRADIENT}),
        ("generation", "Generation", {C.CONDITIONAL, C.INJECT}),
        ("generation_deaf", "Generation", {C.CONDITIONAL}),
        ("generation_flat", "Generation", set()),
        ("fickle", "Fickle", {C.INJECT}),
        ("naughty", "Naughty", set()),
        ("snapshots", "Snapshots", {C.INJECT}),
        ("picky", "Picky", set()),
    ]
    return [
        BackendSpec(
            name=f"fake.{name}", technique="fake", factory=f"study_fakes:{cls}",
            capabilities=frozenset(caps),
        )
        for name, cls, caps in specs
    ]  # fmt: skip


@hookimpl
def hpo_register_pruners() -> PrunerSpec:
    return PrunerSpec(name="fake", factory="study_fakes:Pruner")


@hookimpl
def hpo_register_runners() -> list[RunnerSpec]:
    return [
        RunnerSpec(name="fake.changes", factory="study_fakes:Changes"),
        RunnerSpec(name="fake.shuffled", factory="study_fakes:Shuffled"),
    ]


class Changes:
    """A runner that changes the second of three trials: as the first one, then to ``last``."""

    def __init__(self, ends: bool = True, last: Any = None) -> None:
        self.ends, self.last, self.retries = ends, {"x": 0.75, "n": 9, **(last or {})}, 0

    def run(self, work: Any) -> None:
        running = [work.next(), work.next()]
        first, second = (trial.number for trial in running)
        try:
            work.report(first, 0, 1.0)
            work.report(second, 0, 3.0)
            work.report(second, 1, 2.0)
            work.change(second, {**running[0].params, "x": 0.25}, first)
            work.report(second, 2, 0.5)
            work.change(second, self.last, None)
            if self.ends:
                for number in (second, first):
                    running = [trial for trial in running if trial.number != number]
                    work.finish(number, Outcome(TrialState.COMPLETE, float(number)))
                third = work.next().number
                work.finish(third, Outcome(TrialState.COMPLETE, 2.0))
        finally:
            for trial in running:
                work.give_back(trial.number, "cut")


class Shuffled:
    """Several workers at once, in this process: which trial ends next is drawn at random.

    All that a trial says is committed at that moment, up to its end.
    """

    def __init__(
        self, workers: int = 3, order: str = "free", draws: int = 0, retries: int = 0
    ) -> None:
        self.workers, self.order, self.retries = workers, order, retries
        self.rng = random.Random(draws)

    def run(self, work: Any) -> None:
        function, running = work.objective.load(), []
        while True:
            while len(running) < self.workers and (trial := work.next()) is not None:
                running.append(trial)
            if not running:
                return
            trial = running.pop(self.rng.randrange(len(running)))
            own = Trial(
                trial.number, trial.params, trial.seed, work, work.checkpoints,
                work.differentiation,
            )  # fmt: skip
            work.finish(trial.number, evaluate(function, own))


class Recorder:
    """What all have in common: they keep what they are told."""

    def __init__(self, problem: Any) -> None:
        self.problem = problem
        self.told: list[Any] = []
        self.asked = 0
        MADE.append(self)

    def tell(self, observations: Any) -> None:
        self.told += observations


class Script(Recorder):
    """Proposes the points it is given, in the space's own terms, over and over."""

    def __init__(self, problem: Any, *, points: Any, once: bool = False) -> None:
        super().__init__(problem)
        self.points, self.once = points, once

    def ask(self, n: int) -> list[Suggestion]:
        if self.once and self.asked == len(self.points):
            raise SearchExhausted("the script is over")
        point = self.points[self.asked % len(self.points)]
        self.asked += 1
        return [Suggestion(point, self.asked - 1)]


class Modest(Script):
    """Declares that it needs gradients, and does without."""

    wants_gradients = False


class Generation(Recorder):
    """Proposes ``size`` points, waits for all of them, and goes on from the best."""

    def __init__(self, problem: Any, *, size: int = 4) -> None:
        super().__init__(problem)
        self.size = size
        self.rng = random.Random(problem.seed)
        self.center = [0.5] * len(problem.space)
        self.queue = self.generation()
        self.open = 0
        self.results: list[Any] = []

    def generation(self) -> list[list[float]]:
        return [[(c + self.rng.random()) / 2 for c in self.center] for _ in range(self.size)]

    def ask(self, n: int) -> list[Suggestion]:
        taken, self.queue = self.queue[:n], self.queue[n:]
        self.open += len(taken)
        self.asked += len(taken)
        return [Suggestion(self.problem.space.decode(u), {"unit": u}) for u in taken]

    def tell(self, observations: Any) -> None:
        super().tell(observations)
        for seen in observations:
            if seen.token is None:
                continue
            self.open -= 1
            self.results.append((seen.losses or (9e9,), seen.token["unit"]))
        if self.open == 0 and not self.queue:
            self.center = min(self.results)[1]
            self.results = []
            self.queue = self.generation()


class Fickle(Recorder):
    """Proposes other points each time it is built."""

    def ask(self, n: int) -> list[Suggestion]:
        rng = random.Random(f"{len(MADE)}/{self.asked}")
        self.asked += 1
        return [Suggestion(self.problem.space.decode([rng.random() for _ in self.problem.space]))]


class Picky(Recorder):
    """Refuses the problem or its options, each in its way."""

    def __init__(self, problem: Any, *, mode: str = "fine", size: int = 3) -> None:
        super().__init__(problem)
        if mode == "value":
            raise ValueError("size: must be even")
        if mode == "runtime":
            raise RuntimeError("no licence")
        if not isinstance(size, int):
            raise TypeError("size: expected an int")

    def ask(self, n: int) -> list[Suggestion]:
        raise SearchExhausted("nothing here")


class Naughty(Recorder):
    """Breaks the contract in the way that ``mode`` says, at its second ask."""

    def __init__(self, problem: Any, *, mode: str) -> None:
        super().__init__(problem)
        self.mode = mode

    def ask(self, n: int) -> Any:
        self.asked += 1
        if self.asked == 1:
            return [Suggestion({"x": 0.5, "n": 2, "c": 0})]
        answers: dict[str, Any] = {
            "outside": [Suggestion({"x": 1.5, "n": 2, "c": 0})],
            "off_grid": [Suggestion({"x": 0.5, "n": 2.5, "c": 0})],
            "choice": [Suggestion({"x": 0.5, "n": 2, "c": "a"})],
            "index": [Suggestion({"x": 0.5, "n": 2, "c": 7})],
            "nan": [Suggestion({"x": float("nan"), "n": 2, "c": 0})],
            "text": [Suggestion({"x": "0.5", "n": 2, "c": 0})],
            "missing": [Suggestion({"x": 0.5, "n": 2})],
            "extra": [Suggestion({"x": 0.5, "n": 2, "c": 0, "y": 1})],
            "list": [Suggestion([0.5, 2, 0])],  # type: ignore[arg-type]
            "dict": [{"x": 0.5, "n": 2, "c": 0}],
            "none": None,
            "many": [Suggestion({"x": 0.5, "n": 2, "c": 0})] * 2,
            "token": [Suggestion({"x": 0.5, "n": 2, "c": 0}, object())],
            "nan_token": [Suggestion({"x": 0.5, "n": 2, "c": 0}, float("nan"))],
            "no_token": [Suggestion({"x": 0.5, "n": 2, "c": 0}, None)],
            "waits": [],
            "numpy": [
                Suggestion({"x": np.float32(0.25), "n": np.int64(3), "c": np.int32(1)}, (1, "t"))
            ],
            "tell": [Suggestion({"x": 0.5, "n": 2, "c": 0})],
        }
        if self.mode == "raises":
            raise RuntimeError("out of ideas\nsecond line")
        return answers[self.mode]

    def tell(self, observations: Any) -> None:
        super().tell(observations)
        if self.mode == "tell":
            raise ZeroDivisionError("oops")


class Snapshots(Recorder):
    """Random points by number; its state is that number, and what it was told."""

    def __init__(self, problem: Any, *, broken: str = "") -> None:
        super().__init__(problem)
        self.broken = broken
        self.restored: Any = None

    def ask(self, n: int) -> list[Suggestion]:
        rng = random.Random(f"{self.problem.seed}/{self.asked}/{len(self.told)}")
        self.asked += 1
        unit = [rng.random() for _ in self.problem.space]
        return [Suggestion(self.problem.space.decode(unit), self.asked)]

    def state(self) -> Any:
        if self.broken == "state":
            raise RuntimeError("no state today")
        return None if self.broken == "none" else {"asked": self.asked}

    def restore(self, state: Any, observations: Any) -> None:
        if self.broken == "restore":
            raise AttributeError("no such thing")
        self.restored = state["asked"]
        self.asked = state["asked"] + (self.broken == "wrong")
        self.told = list(observations)


class Pruner:
    """Prunes what reports more than 5, and keeps what it learns."""

    def __init__(self) -> None:
        self.ended: list[Any] = []
        MADE.append(self)

    def should_prune(self, number: int, reports: Any) -> bool:
        return reports[-1][1] > 5

    def finished(self, number: int, state: Any, loss: Any, reports: Any) -> None:
        self.ended.append((number, state.value, loss, [tuple(r) for r in reports]))
