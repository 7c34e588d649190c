"""Runs of a comparison as the work of one runner, whose workers they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..contracts.checkpoint_folder import CheckpointFolder
from ..contracts.gradients import Differentiation
from ..contracts.objective import Objective
from ..contracts.record import Outcome, TrialState
from ..contracts.trial import Trial
from ..contracts.trial_output import OutputSink
from ..engine.duplicates import configuration_key
from ..space import Space
from .compared_run import ComparedRun

Key = tuple[str, int]
"""The name of a run's study, and a trial's number in it."""


class SharedRuns:
    """The trials of several runs, numbered anew (:class:`hpo_bridge.contracts.runner.Work`).

    Each run has one trial at a time; a worker that is free begins the next run.

    Args:
        runs: The runs, in order; each is opened when a worker is free for it.
        objective: The objective of all.
        space: The space of all.
        sign: The factor that makes a value a loss.
        checkpoints: The place of the trials' checkpoints.
        differentiation: What trials are told of derivatives.
        open_run: Opens a run.
        ended: Called with each run that is over.
        is_dropped: Return ``True`` for a run that is not to go on.
        known: Results that equal parameters take over; ``None`` to evaluate every trial.
    """

    pruner = None
    seconds_left = None

    def __init__(
        self, runs: Iterator[ComparedRun], objective: Objective, space: Space, sign: float,
        checkpoints: CheckpointFolder, differentiation: Differentiation, *,
        open_run: Callable[[ComparedRun], None], ended: Callable[[ComparedRun], None],
        is_dropped: Callable[[ComparedRun], bool], known: dict[bytes, Outcome] | None = None,
    ) -> None:  # fmt: skip
        self.objective, self.space, self.sign = objective, space, sign
        self.checkpoints, self.differentiation = checkpoints, differentiation
        self.stopping, self.waiting_for = False, ""
        self._runs, self._open_run, self._ended = runs, open_run, ended
        self._is_dropped, self._known = is_dropped, known
        self._open: list[ComparedRun] = []
        self._are_all_begun = False
        self._numbers: dict[Key, int] = {}
        self._running: dict[int, tuple[ComparedRun, Trial]] = {}

    @property
    def exhausted(self) -> bool:
        """True if nothing is left to start, unless a running trial is given back."""
        return self._are_all_begun and not self._open

    def next(self) -> Trial | None:
        """Start the next trial of the first run that has none running."""
        if self.stopping:
            return None
        for run in [run for run in self._open if not run.is_busy]:
            trial = self._next_of(run)
            if trial is not None:
                return trial
        for run in self._runs:
            self._open.append(run)
            self._open_run(run)
            trial = self._next_of(run)
            if trial is not None:
                return trial
        self._are_all_begun = True
        return None

    def _next_of(self, run: ComparedRun) -> Trial | None:
        """Start the next trial of a run; close the run if it has none."""
        while not self._is_dropped(run) and (trial := run.next()) is not None:
            known = (
                None if self._known is None else self._known.get(configuration_key(dict(trial)))
            )
            if known is None:
                return self._started(run, trial)
            run.finish(trial.number, known)
        self._open.remove(run)
        run.close()
        self._ended(run)
        return None

    def _started(self, run: ComparedRun, trial: Trial) -> Trial:
        key = run.name, trial.number
        number = self._numbers.setdefault(key, len(self._numbers))
        self._running[number] = run, trial
        return Trial(
            number, trial, trial.seed, self, self.checkpoints, self.differentiation,
            self.output(number),
        )  # fmt: skip

    def output(self, number: int) -> OutputSink:
        """Return the sink for what a running trial prints: in the study of its run."""
        run, trial = self._running[number]
        return run.driver.output(trial.number)

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Commit an intermediate value."""
        run, trial = self._running[number]
        run.driver.report(trial.number, step, value, metrics)

    def change(self, number: int, params: Mapping[str, Any], source: int | None) -> None:
        """Give a running trial other parameters from here on."""
        run, trial = self._running[number]
        run.driver.change(trial.number, params, None)

    def should_prune(self, number: int) -> bool:
        """Return the pruner's verdict."""
        run, trial = self._running[number]
        return run.driver.should_prune(trial.number)

    def resumed(self, number: int) -> None:
        """Commit that a trial has loaded a checkpoint."""
        run, trial = self._running[number]
        run.driver.resumed(trial.number)

    def finish(self, number: int, outcome: Outcome) -> None:
        """End an attempt at a trial."""
        run, trial = self._running.pop(number)
        state = run.finish(trial.number, outcome)
        if state.is_final:
            self.checkpoints.end(number, keep=False)
        if self._known is not None and state is TrialState.COMPLETE:
            self._known.setdefault(configuration_key(dict(trial)), outcome)

    def give_back(self, number: int, reason: str) -> None:
        """End an attempt at a trial without an outcome."""
        run, trial = self._running.pop(number)
        run.give_back(trial.number, reason)

    def close(self) -> None:
        """Give all runs free that are open."""
        for run in self._open:
            run.close()
