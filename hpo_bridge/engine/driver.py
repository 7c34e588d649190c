"""The driver of a study: what a runner, or a user who asks by hand, has trials from.

A driver's memory is bounded by the trials that are open, not by the study's length; the store has
the rest. Nothing here runs an objective.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..contracts.gradients import Differentiation
from ..contracts.objective import Objective
from ..contracts.record import Outcome, TrialState
from ..contracts.trial import Channel, Trial, trial_seed
from ..contracts.trial_output import OutputSink
from ..errors import (
    BudgetSpent,
    GradientRequired,
    HpoBridgeError,
    SearchExhausted,
    WaitingForResults,
)
from ..space import Space
from .loop import trial_life
from .run_bounds import RunBounds
from .running_trial import Report, RunningTrial
from .tell_order import TellOrder
from .trial_steps import TrialSteps


class Driver:
    """A study that is being driven; made by :func:`hpo_bridge.engine.resume.take_over`.

    It is what a runner sees of the study (:class:`hpo_bridge.contracts.runner.Work`).

    Args:
        steps: The study's trials.
        order: The order in which the optimizer is told.
        seed: The study's seed.
        differentiation: What trials are told of derivatives; by default what the optimizer at
            work wants.

    Attributes:
        stopping: Whether no further trial is to be started in this run.
        waiting_for: The runner's own words for what it waits for; empty for nothing.
        needs_results: Whether the next trial waits for the results of those that run.
    """

    def __init__(
        self,
        steps: TrialSteps,
        order: TellOrder,
        seed: int,
        differentiation: Differentiation | None = None,
    ) -> None:
        self.steps, self.log, self.proposer = steps, steps.log, steps.proposer
        self.sign, self.checkpoints = steps.objectives.sign, steps.checkpoints
        self.stopping, self.waiting_for, self.needs_results = False, "", False
        self._order, self._seed, self._differentiation = order, seed, differentiation
        self._run = RunBounds()

    # -- a run ------------------------------------------------------------------------

    def begin_run(self, run: RunBounds, window: int | None = None) -> None:
        """Drive the study for a runner.

        Args:
            run: The objective, the budget and the rules of the run.
            window: In deterministic order the number of trials that may be open at once.
        """
        self._run, self.stopping = run, False
        self.waiting_for, self.needs_results = "", False
        self.steps.retries, self._order.window = run.retries, window

    def end_run(self) -> None:
        """Drive the study by hand again."""
        self.begin_run(RunBounds())

    @property
    def objective(self) -> Objective:
        """The objective of this run."""
        assert self._run.objective is not None
        return self._run.objective

    @property
    def differentiation(self) -> Differentiation:
        """True if trials are asked for derivatives, and with what."""
        return self._differentiation or self.proposer.member.checked.differentiation

    @property
    def pruner(self) -> object | None:
        """The plugin's pruner, if the study has one."""
        pruner = self.steps.pruner
        return None if pruner is None else pruner.built

    @property
    def space(self) -> Space:
        """The study's space."""
        return self.proposer.member.checked.space

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the time budget ends; ``None`` without one; never negative."""
        return self._run.budget.seconds_left

    @property
    def exhausted(self) -> bool:
        """True if nothing is left to start, unless a running trial is given back."""
        if self._run.is_spent(self.steps.begun):
            return True
        return self.proposer.exhausted is not None and not self.steps.waiting

    def output(self, number: int) -> OutputSink:
        """Return the sink for what the running attempt at a trial prints."""
        running = self._get(number)
        if running.output is None:
            running.output = self._run.output(number, running.record.attempts)
        return running.output

    # -- trials -----------------------------------------------------------------------

    def next(self) -> Trial | None:
        """Start the next trial, if the run may have one more and one can start now."""
        if not self._may_start():
            return None
        try:
            trial = self.ask(self._may_start)
        except (WaitingForResults, SearchExhausted, BudgetSpent) as reason:
            self.needs_results = isinstance(reason, WaitingForResults)
            return None
        self.needs_results = False
        if self._run.failures is not None:
            self._run.failures.started(trial.number)
        return trial

    def _may_start(self) -> bool:
        if self.stopping or self._run.budget.is_timed_out:
            return False
        return not self._run.is_spent(self.steps.begun)

    def ask(
        self, is_allowed: Callable[[], bool] | None = None, channel: Channel | None = None
    ) -> Trial:
        """Start the next trial: one that waits, else a new one.

        Args:
            is_allowed: Return whether there may be one more; asked after each trial that took an
                earlier one's result, and so was over before it began.
            channel: The trial's way back; the driver itself by default.

        Raises:
            WaitingForResults: If the optimizer needs a running trial to end first.
            SearchExhausted: If nothing is left.
            BudgetSpent: If no further trial is allowed.
            BackendError: If the backend breaks its contract.
        """
        try:
            while (running := self._begin_life()) is None:
                if is_allowed is not None and not is_allowed():
                    raise BudgetSpent("the budget allows no further trial")
        except (WaitingForResults, SearchExhausted, BudgetSpent):
            raise
        except BaseException:
            self.log.broken = True
            raise
        number = running.record.number
        return Trial(
            number, running.record.params, trial_seed(self._seed, number), channel or self,
            self.checkpoints, self.differentiation, self.output(number),
        )  # fmt: skip

    def _begin_life(self) -> RunningTrial | None:
        life = trial_life(self.steps)
        running = next(life, None)
        if running is not None:
            running.life = life
        return running

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Commit an intermediate value, if it is finite and the step new (see Trial)."""
        self._go_on(number, Report(step, value, metrics))

    def should_prune(self, number: int) -> bool:
        """Return the pruner's verdict after the trial's last report."""
        return self._get(number).prune

    def resumed(self, number: int) -> None:
        """Follow a running trial that has loaded a checkpoint, to go on from there."""
        self._get(number).curve.resume()

    def change(self, number: int, params: Mapping[str, Any], source: int | None) -> None:
        """Give a running trial other parameters from here on.

        Raises:
            SpaceError: If they are no point of the space.
        """
        self.steps.change(self._get(number), params, source)

    def finish(self, number: int, outcome: Outcome) -> TrialState:
        """End an attempt; a failure that may be retried puts the trial back in the queue.

        Raises:
            GradientRequired: If the backend needs derivatives, and no trial has given any; this
                one has failed by then.
        """
        state = self._go_on(number, outcome)
        assert state is not None
        if self._run.failures is not None:
            self._run.failures.ended(number, state)
        return state

    def give_back(self, number: int, reason: str) -> None:
        """End an attempt without outcome: the trial waits again, first in the queue."""
        self.steps.requeue(self._get(number), reason, "cut")

    def missing_gradients(self, number: int, outcome: Outcome) -> str | None:
        """Return the derivatives that an outcome lacks, in words, if it lacks any."""
        running, settled = self._get(number), self.steps.objectives.settle(outcome)
        return self.steps.missing_gradients(running, settled)

    def _go_on(self, number: int, message: Report | Outcome) -> TrialState | None:
        """Take a trial one step further in its life; return its state at the end of that."""
        running = self._get(number)
        assert running.life is not None
        try:
            running.life.send(message)
        except StopIteration as end:
            state: TrialState | None = end.value
            return state
        except GradientRequired:
            raise
        except BaseException:
            self.log.broken = True
            raise
        return None

    def _get(self, number: int) -> RunningTrial:
        try:
            return self.steps.running[number]
        except KeyError:
            raise HpoBridgeError(f"trial {number} is not running in this study") from None
