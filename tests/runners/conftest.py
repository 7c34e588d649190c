"""A stand-in for a study: hands out trials, and remembers what a runner did with them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study, analysis
from hpo_bridge.contracts.checkpoints import Nowhere
from hpo_bridge.contracts.gradients import NO_DIFFERENTIATION
from hpo_bridge.contracts.record import Outcome
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.contracts.trial_output import NO_OUTPUT, OutputFolder, OutputSink
from hpo_bridge.objectives.objective import objective_from
from hpo_bridge.store.event_types import Asked

HERE = Path(__file__).parent


class FakeWork:
    """Gives ``params`` out one after another; given back, they come again."""

    def __init__(
        self,
        objective: Any,
        params: list[dict[str, Any]],
        *,
        seconds: float | None = None,
        prune: Callable[[int, float], bool] | None = None,
        again: bool = False,
    ) -> None:
        self.objective = objective_from(objective)
        self.stopping = False
        self.pruner: Any = None
        self.sign = 1.0
        self.space: Any = None
        self.changes: list[tuple[int, Any, int | None]] = []
        self.checkpoints: Any = Nowhere("nowhere to keep checkpoints")
        self.differentiation = NO_DIFFERENTIATION
        self.logs: OutputFolder | None = None
        self.sinks: dict[int, OutputSink] = {}
        self.waiting = deque(enumerate(params))
        self.params = params
        self.running: dict[int, float] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.reports: dict[int, list[tuple[int, float]]] = {}
        self.resumptions: list[int] = []
        self.given_back: dict[int, str] = {}
        self.finished = threading.Event()
        self.prune = prune
        self.again = again
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.thread = threading.get_ident()

    def output(self, number: int) -> OutputSink:
        self._check()
        assert number in self.running
        if number not in self.sinks:
            self.sinks[number] = NO_OUTPUT if self.logs is None else self.logs.sink(number, 1)
        return self.sinks[number]

    def _check(self) -> None:
        assert threading.get_ident() == self.thread, "all calls come from one thread"

    def next(self) -> Trial | None:
        self._check()
        if not self.waiting:
            return None
        number, params = self.waiting.popleft()
        self.running[number] = time.monotonic()
        return Trial(number, params, number + 1000, self)

    @property
    def exhausted(self) -> bool:
        return not self.waiting

    @property
    def seconds_left(self) -> float | None:
        self._check()
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        self._check()
        assert number in self.running
        self.reports.setdefault(number, []).append((step, value))

    def resumed(self, number: int) -> None:
        self._check()
        assert number in self.running
        self.resumptions.append(number)

    def change(self, number: int, params: Any, source: int | None) -> None:
        self._check()
        assert number in self.running
        self.changes.append((number, params, source))

    def should_prune(self, number: int) -> bool:
        self._check()
        assert number in self.running
        return self.prune is not None and self.prune(*self.reports[number][-1])

    def finish(self, number: int, outcome: Outcome) -> None:
        self._check()
        del self.running[number]
        assert number not in self.outcomes
        self.outcomes[number] = outcome
        self.finished.set()

    def give_back(self, number: int, reason: str) -> None:
        self._check()
        del self.running[number]
        self.given_back[number] = reason
        if self.again:
            self.waiting.append((number, self.params[number]))

    @property
    def errors(self) -> list[str | None]:
        return [self.outcomes[number].error for number in sorted(self.outcomes)]

    @property
    def results(self) -> list[Any]:
        return [self.outcomes[number].result for number in sorted(self.outcomes)]


@pytest.fixture
def make_work() -> type[FakeWork]:
    return FakeWork


@pytest.fixture
def restless(tmp_path: Path) -> Callable[..., list[Any]]:
    """Runs a study in deterministic order; what of its trials must not depend on timing."""
    opened = iter(range(100))

    def run(runner: str, nap: int, **options: Any) -> list[Any]:
        folder = tmp_path / str(next(opened))
        folder.mkdir()
        space = Space(
            x=Float(0.05, 1, log=True), o=Categorical(["s", None]), n=Int(0, 9, when={"o": "s"}),
            nap=nap, folder=str(folder), constraints=["x * n <= 1", "x <= 0.7"],
        )  # fmt: skip
        backend = {"name": "optuna.tpe", "options": {"n_startup_trials": 4}}
        with Study(space, backend=backend, seed=4) as study:
            study.optimize(
                f"{HERE}/restless.py:loss", trials=14, runner=runner, order="deterministic",
                retries=1, **options,
            )  # fmt: skip
            assert analysis.verify(study).reproducible
            asked = study.store.events_of("study", Asked)
            assert sum(event.rejected for event in asked) > 0
            trials = study.trials
        assert sum(trial.attempts for trial in trials) >= 14 + 5 + 2
        return [
            [trial.params.get(name) for name in ("x", "o", "n")] + [trial.values, trial.state]
            for trial in trials
        ]

    return run
