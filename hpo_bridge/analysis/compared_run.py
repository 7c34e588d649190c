"""One run of a comparison: a study of its own, whose trials run one at a time."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ..contracts.directions import Objectives
from ..contracts.objective import Objective
from ..contracts.record import Outcome, TrialState
from ..contracts.trial import Trial, trial_seed
from ..engine.driver import Driver
from ..engine.study_lookup import find_study
from ..errors import StoreError
from ..history.importing import hold_lease
from ..store import Store
from ..store.event_types import Asked, Resampled
from ..store.study_events import ComparisonJoined
from ..study import open_study
from ..study.driving import driven
from .variants import Variant


@dataclass(frozen=True)
class RunBudget:
    """The budget of every run of a comparison.

    Attributes:
        trials: The number of trials; ``None`` for a budget of time.
        seconds: The time of the optimizer and of the trials, in turn.
    """

    trials: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class RunResult:
    """The result of one run of a comparison, trial by trial.

    Attributes:
        losses: The loss of each trial that has ended, by number; ``None`` without a value.
        clock: The seconds of optimizer and trials at the end of each.
        optimizer_seconds: The seconds of the optimizer alone.
        failed: The number of failed trials.
    """

    losses: tuple[float | None, ...]
    clock: tuple[float, ...]
    optimizer_seconds: float
    failed: int = 0

    def best(self, share: float, budget: RunBudget) -> float:
        """Return the best loss after a share of the budget; infinite if there is none."""
        if budget.trials is not None:
            within = self.losses[: max(1, round(share * budget.trials))]
        else:
            limit = share * (budget.seconds or 0.0)
            within = tuple(
                loss for loss, at in zip(self.losses, self.clock, strict=True) if at <= limit
            )
        return min((loss for loss in within if loss is not None), default=math.inf)


class ComparedRun:
    """One run of a comparison.

    Args:
        variant: The variant.
        block: Its number among the runs of the variant, from 1.
        store: The store of all runs.
        study: The name of the study whose variants are compared.
        seed: The seed of that study.
        budget: The budget.

    Attributes:
        name: The name of its study.
        is_busy: Whether a trial of it runs.
    """

    def __init__(
        self, variant: Variant, block: int, store: Store, study: str, seed: int, budget: RunBudget
    ) -> None:
        self.variant, self.block, self.store, self.budget = variant, block, store, budget
        self.study, self.name = study, f"{study}.compare-{variant.label}.{block}"
        self._seed = trial_seed(seed, -block)
        self.is_busy = False
        self._opened = ExitStack()
        self._driver: Driver | None = None
        self._seconds = self._since = 0.0

    @property
    def is_over(self) -> bool:
        """True if the store has all trials of its budget."""
        trials = self.budget.trials
        if trials is None or self.store.study(self.name) is None:
            return False
        counts = self.store.counts(self.name)
        return sum(n for state, n in counts.items() if state.is_final) >= trials

    def open(self, objective: Objective, runner: str, retries: int) -> None:
        """Open its study, and drive it from where the store has it."""
        config = replace(self.variant.config, name=self.name, seed=self._seed, store=self.store)
        study = self._opened.enter_context(open_study(config))
        self._join()
        if self.budget.seconds is not None:
            self._seconds = max(run_result(self.store, self.name).clock, default=0.0)
        budget = self.budget.trials
        self._driver = self._opened.enter_context(
            driven(study, objective, runner, retries=retries, trials=budget)
        )

    def check(self) -> bool:
        """Check that a study of its name is this very run; ``False`` if there is none yet.

        Raises:
            StoreError: If it is another one.
        """
        joined = next(self.store.events_of(self.name, ComparisonJoined), None)
        if joined is not None and joined.settings == self.variant.lines:
            return True
        if joined is not None or any(self.store.counts(self.name).values()):
            what = "was run with other settings" if joined else "is no run of a comparison"
            raise StoreError(
                f"study {self.name!r} in {self.store.url} {what}",
                fix="give the variant another label, or compare in another store",
            )
        return False

    def _join(self) -> None:
        """Have the log say which run it is."""
        if self.check():
            return
        joined = ComparisonJoined(
            study=self.study, variant=self.variant.label, block=self.block,
            settings=self.variant.lines,
        )  # fmt: skip
        with hold_lease(self.store, self.name) as append:
            append([joined])

    @property
    def driver(self) -> Driver:
        """The driver of its study."""
        assert self._driver is not None
        return self._driver

    def next(self) -> Trial | None:
        """Start its next trial; ``None`` if it is over, or one of its trials runs."""
        limit = self.budget.seconds
        if self.is_busy or (limit is not None and self._seconds >= limit):
            return None
        self._since = time.perf_counter()
        trial = self.driver.next()
        self.is_busy = trial is not None
        return trial

    def finish(self, number: int, outcome: Outcome) -> TrialState:
        """End an attempt at a trial."""
        self._idle()
        return self.driver.finish(number, outcome)

    def give_back(self, number: int, reason: str) -> None:
        """End an attempt at a trial without an outcome."""
        self._idle()
        self.driver.give_back(number, reason)

    def _idle(self) -> None:
        self._seconds += time.perf_counter() - self._since
        self.is_busy = False

    def close(self) -> None:
        """Give its study free."""
        self._opened.close()
        self._driver = None


def run_result(store: Store, name: str) -> RunResult:
    """Return what the store has of a run."""
    row = find_study(store, name)
    sign = Objectives(row.definition["directions"]).sign
    thought = _optimizer_seconds(store, name)
    losses: list[float | None] = []
    clock: list[float] = []
    now, failed = 0.0, 0
    for trial in store.trials(name):
        if not trial.state.is_final:
            continue
        now += thought.get(trial.number, 0.0) + (trial.seconds or 0.0)
        clock.append(now)
        losses.append(None if trial.values is None else sign * next(iter(trial.values.values())))
        failed += trial.state is TrialState.FAILED
    return RunResult(tuple(losses), tuple(clock), sum(thought.values()), failed)


def _optimizer_seconds(store: Store, name: str) -> dict[int, float]:
    """Return the seconds that the optimizer took for each trial, by its number."""
    found: dict[int, float] = {}
    since = 0.0
    for event in store.events_of(name, Asked, Resampled):
        since += event.seconds or 0.0
        numbers = event.numbers if isinstance(event, Asked) else ()
        for number in numbers:
            found[number] = since / len(numbers)
        if numbers:
            since = 0.0
    return found
