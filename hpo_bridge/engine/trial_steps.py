"""The steps of a trial's life, each committed to the log as it is taken.

The order in which they follow each other is in :mod:`.loop`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..contracts.checkpoints import NOWHERE
from ..contracts.directions import Objectives
from ..contracts.record import Change, Outcome, TrialRecord, TrialState
from ..errors import GradientRequired
from ..store import Event, Pending
from ..store.event_types import Asked, Changed, Finished, Reported, Requeued, Started, Withdrawn
from .derivatives_given import has_gradients, invalid_gradients, missing_gradients
from .kept_checkpoints import Kept
from .learning_curve import ReportWarnings
from .logged_optimizer import Proposer
from .pruning import StudyPruner
from .reuse import AwaitResult, ReusableResults, ReuseResult
from .running_trial import Report, RunningTrial, started_again
from .snapshots import Snapshots
from .study_log import StudyLog

Notify = Callable[..., None]


class TrialSteps:
    """The trials of a study that is being driven: those that wait, and those that run.

    Args:
        log: The study's log, with the lease.
        proposer: The optimizer, brought to where the log says.
        pruner: The pruner, brought to where the log says; or ``None``.
        objectives: The study's objectives.
        reuse: The results that trials with equal parameters take over, if they do.
        checkpoints: The place of the trials' checkpoints.

    Attributes:
        running: The trials that run, by number.
        waiting: The trials to be started before the optimizer is asked.
        retries: Number of failed attempts of a trial that are followed by another one.
        observers: Hook name to functions.
    """

    def __init__(
        self,
        log: StudyLog,
        proposer: Proposer,
        pruner: StudyPruner | None,
        objectives: Objectives,
        reuse: ReusableResults | None = None,
        checkpoints: Kept = NOWHERE,
    ) -> None:
        self.log, self.proposer, self.pruner, self.reuse = log, proposer, pruner, reuse
        self.objectives, self.checkpoints = objectives, checkpoints
        self.running: dict[int, RunningTrial] = {}
        self.waiting: deque[Pending] = deque()
        self.retries = 0
        self.observers: Mapping[str, list[Notify]] = {}
        self._sign = objectives.sign
        self._snapshots = Snapshots(log, proposer)
        self._warnings = ReportWarnings(log.name)

    @property
    def begun(self) -> int:
        """Number of trials that count for the budget: all but those that wait to be run."""
        # A trial that waits for another one's result has begun: it will not run.
        begun = self.log.created - self.log.counts[TrialState.WAITING]
        return begun if self.reuse is None else begun + self.reuse.waiting

    def observe(self, observers: Mapping[str, list[Notify]]) -> None:
        """Notify these from now on, and no others: hook name to functions."""
        self.observers = observers

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call the plugins that observe; they cannot disturb the study."""
        for observer in self.observers.get(hook, ()):
            observer(**arguments)

    # -- from a proposal to its start -----------------------------------------------------

    def propose(self) -> tuple[Pending, Asked | None]:
        """Return the next trial, and the event that makes it one if it is new."""
        if self.waiting:
            return self.waiting.popleft(), None
        answer, number = self.proposer.ask(), self.log.created
        proposal = answer.proposal
        assert proposal is not None
        trial = Pending(
            number, TrialState.WAITING, proposal.params, proposal.raw, proposal.token,
            proposal.member or answer.backend,
        )  # fmt: skip
        return trial, answer.asked(time.time(), number)

    def start(self, trial: Pending, asked: Asked | None) -> RunningTrial | None:
        """Begin an attempt; ``None`` if an equal trial's result will do, or is waited for."""
        now = time.time()
        decision = None if self.reuse is None else self.reuse.decide(trial)
        events: list[Event] = [] if asked is None else [asked]
        if decision is None:
            events.append(Started(trial.number, trial.attempts + 1, time=now))
        elif isinstance(decision, ReuseResult):
            events.append(decision.finished(trial.number, now))
        self.log.write(*events)
        if asked is not None:
            self._snapshots.save_if_due()
        if decision is None:
            return self._started(trial, now)
        assert self.reuse is not None
        if isinstance(decision, AwaitResult):
            self.reuse.wait(trial, decision)
        else:
            self._follow_reuse(trial, decision, now)
        return None

    def _started(self, trial: Pending, now: float) -> RunningTrial:
        if trial.attempts:
            running = started_again(trial, self.log, self._sign)
        else:
            record = TrialRecord(
                trial.number, TrialState.RUNNING, trial.params, None, trial.backend, now,
                attempts=1,
            )  # fmt: skip
            running = RunningTrial(record, trial.failures, trial.losses)
        self.running[trial.number] = running
        if self.observers:
            self.notify("hpo_trial_started", trial=running.record)
        return running

    def _follow_reuse(self, trial: Pending, decision: ReuseResult, now: float) -> None:
        """Follow the end of a trial that was not run."""
        loss = self.objectives.first_loss(decision.result["values"])
        if self.pruner is not None and loss is not None:
            self.pruner.finished(trial.number, TrialState.COMPLETE, loss, [])
        if self.observers:
            record = TrialRecord(
                trial.number, TrialState.RUNNING, trial.params, None, trial.backend,
                attempts=trial.attempts,
            )  # fmt: skip
            self.notify("hpo_trial_started", trial=record)
            state, reused = TrialState.COMPLETE, decision.number
            ended = replace(record, state=state, finished=now, reused=reused, **decision.result)
            self.notify("hpo_trial_finished", trial=ended)

    # -- while it runs --------------------------------------------------------------------

    def keep_report(self, running: RunningTrial, report: Report) -> None:
        """Commit an intermediate value, if it is finite and the step new, and ask the pruner."""
        number, curve, value = running.record.number, running.curve, report.value
        if not math.isfinite(value):
            running.prune = self.pruner is not None
            self._warnings.not_finite(number, report.step, value)
            return
        room = curve.room_for(report.step)
        if room is None:
            if not curve.is_fixed(report.step):
                self._warnings.repeated(number, report.step)
            return
        found = dict(report.metrics) if report.metrics else None
        event = Reported(number, report.step, value, found)
        if room == len(curve.reports):
            self.log.write(event)
        else:
            self.log.write(Withdrawn(number, room, time=event.time), event)
        loss = self._sign * value
        curve.add_after(room, report.step, loss, found if self.observers else None)
        if self.pruner is not None:
            running.prune = self.pruner.should_prune(number, curve.reports)
        if self.observers:
            self.notify(
                "hpo_trial_reported", trial=running.record, step=report.step, value=value,
                metrics=dict(report.metrics or {}),
            )  # fmt: skip

    def change(self, running: RunningTrial, params: Mapping[str, Any], source: int | None) -> None:
        """Give a running trial other parameters from here on.

        Raises:
            SpaceError: If they are no point of the space.
        """
        point = self.proposer.member.checked.space.check(params)
        before, reports = running.record.params, running.curve.reports
        step = reports[-1][0] if reports else None
        self.log.write(Changed(running.number, point, before, step, source))
        running.curve.fix()
        change = Change(step, before, source)
        running.record = replace(
            running.record, params=point, changes=(*running.record.changes, change)
        )
        self.notify("hpo_trial_changed", trial=running.record, change=change)

    def judge(self, running: RunningTrial, outcome: Outcome) -> Outcome:
        """Return the outcome as the study sees it: a result that is none is a failure."""
        outcome = self.objectives.settle(outcome)
        asked = self.proposer.member.checked.differentiation
        if not (asked.wanted or outcome.gradients):
            return outcome
        missing = self.missing_gradients(running, outcome)
        problem = missing or invalid_gradients(outcome.gradients, running.record.params, asked)
        if problem is None:
            return outcome
        return Outcome.failed(problem, retriable=False, ungraded=missing is not None)

    def missing_gradients(self, running: RunningTrial, outcome: Outcome) -> str | None:
        """Return the derivatives that the backend needs and an outcome has not, in words."""
        if outcome.state is not TrialState.COMPLETE:
            return None
        own = self.log.untold.open[running.number].token is not None
        if running.record.backend is not None and not own:  # of a backend before this one
            return None
        checked, params = self.proposer.member.checked, running.record.params
        return missing_gradients(outcome.gradients, params, checked.differentiation, checked.name)

    def may_retry(self, running: RunningTrial, outcome: Outcome) -> bool:
        """Return whether a failed attempt is followed by another one."""
        failed = outcome.state is TrialState.FAILED and outcome.retriable
        return failed and running.failures < self.retries

    def requeue(self, running: RunningTrial, reason: str, kind: str) -> None:
        """End an attempt without a result: the trial waits for another one.

        Args:
            running: The trial.
            reason: Why there is no result.
            kind: ``failure``, or ``cut``: then it is the first to be started again.
        """
        number = running.number
        self.log.write(Requeued(number, reason, kind))
        del self.running[number]
        untold = self.log.untold.open[number]
        pending = running.pending(
            untold.raw, untold.token, untold.backend, failed=kind == "failure"
        )
        if kind == "cut":
            self.waiting.appendleft(pending)
        else:
            self.waiting.append(pending)
        self._release(number)
        if self.observers:
            record = replace(running.record, state=TrialState.WAITING)
            self.notify("hpo_trial_requeued", trial=record, reason=reason, kind=kind)

    def _release(self, number: int) -> None:
        """Queue the trials that waited for the result of one that runs no more."""
        if self.reuse is not None:
            self.waiting.extend(self.reuse.released(number))

    def end(self, running: RunningTrial, outcome: Outcome) -> None:
        """Commit a trial's end.

        Raises:
            GradientRequired: If it failed as it has no derivatives, and no trial has given any.
        """
        number, curve, now = running.number, running.curve, time.time()
        withdrawn: list[Withdrawn] = []
        again = running.record.attempts > 1 and outcome.state is not TrialState.FAILED
        if again and curve.is_unclaimed:
            withdrawn.append(Withdrawn(number, curve.fixed, time=now))
            curve.keep(curve.fixed)
        estimate = None
        if outcome.state is TrialState.PRUNED and self.pruner and not running.record.changes:
            loss = self.pruner.estimate(number, curve.reports)
            estimate = None if loss is None else self._sign * loss
        finished = Finished(
            number, outcome.state, outcome.result, outcome.error, outcome.gradients,
            outcome.standard_errors, estimate, time=now,
        )  # fmt: skip
        self.log.write(*withdrawn, finished)
        del self.running[number]
        self._release(number)
        self.checkpoints.end(number, keep=outcome.state is TrialState.COMPLETE)
        if self.pruner is not None:
            loss = self.objectives.first_loss(outcome.result)
            self.pruner.finished(number, outcome.state, loss, curve.reports)
        if self.observers:
            record = running.ended(outcome, now, self._sign, estimate)
            self.notify("hpo_trial_finished", trial=record)
        wanted = outcome.ungraded and self.proposer.member.checked.differentiation.wanted
        if wanted and not has_gradients(self.log.store, self.log.name):
            raise GradientRequired(outcome.error or "the objective gave no gradients")

    def leave(self) -> None:
        """Give the study free, with a last snapshot."""
        self._snapshots.save_and_release()
