"""The driver of a study: holds the lease, asks, tells, and writes every event.

A driver's memory is bounded by the trials that are open, not by the study's length; the
store has the rest. Nothing here runs an objective.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ..contracts.checkpoints import NOWHERE
from ..contracts.directions import Objectives
from ..contracts.gradients import Differentiation
from ..contracts.interrupts import call_backend
from ..contracts.optimizer import Capability, Observation, Snapshot
from ..contracts.record import Change, Outcome, TrialRecord, TrialState
from ..contracts.trial import Trial, trial_seed
from ..errors import (
    BackendError,
    BudgetSpent,
    GradientRequired,
    HpoBridgeError,
    LeaseLost,
    SearchExhausted,
    WaitingForResults,
)
from ..plugins import neutral_surroundings
from ..store import Event, MemoryStore, Pending, Store, Writer
from ..store.contract import metrics_of
from ..store.event_types import (
    Asked,
    Changed,
    Enqueued,
    Finished,
    Imported,
    ProposedPoint,
    Reported,
    Requeued,
    SessionStarted,
    Withdrawn,
)
from .derivatives_given import any_given, lacking, wrong
from .duplicates import Duplicates
from .kept_checkpoints import Kept
from .learning_curve import LearningCurve, ReportWarnings
from .proposer import Proposal, Proposer
from .pruning import StudyPruner, learn_imported
from .relay import Relay
from .repeats import end_of_reuse, release, resamples, settle
from .untold import Ledger, observation

MOST_LOSSES = 3
"""How many drivers one trial may take down with it before it is not run inline any more."""
SNAPSHOT_EVERY = 2.0
"""Least number of seconds between two snapshots."""
SNAPSHOT_SHARE = 0.02
"""Largest share of the time that snapshots may take."""

log = logging.getLogger("hpo_bridge")

Notify = Callable[..., None]
T = TypeVar("T")


@dataclass(slots=True)
class Running:
    """A trial that runs now."""

    record: TrialRecord
    failures: int
    losses: int
    curve: LearningCurve = field(default_factory=LearningCurve)
    prune: bool = False


class Driver:
    """What it takes to drive one study; made by :func:`hpo_bridge.engine.resume.take_over`.

    Args:
        store: Where the study is.
        name: Its name.
        writer: The lease.
        proposer: The backend, brought to where the log says.
        ledger: The trials that the backend was not told of.
        pruner: The pruner, brought to where the log says; or ``None``.
        objectives: What is measured.
        seed: The study's seed.
        identity: The backend, its options, versions and seed, and where it took over.
        relay: Where the study is in its schedule of backends.
        runner: The runner's name, for the log.
        duplicates: What is done with configurations that are there already.

    Attributes:
        retries: How many failed attempts of one trial are tried again.
        window: With ``order: deterministic``, how many trials may be open at once.
        observers: Hook name to implementations.
        checkpoints: Where trials keep checkpoints.
        exhausted: Why nothing is left to propose, once that is so.
        broken: Whether an error may have left it out of step with the log; it must then be
            rebuilt from there.
    """

    def __init__(
        self,
        *,
        store: Store,
        name: str,
        writer: Writer,
        proposer: Proposer,
        ledger: Ledger,
        pruner: StudyPruner | None,
        objectives: Objectives,
        seed: int,
        identity: Mapping[str, Any],
        relay: Relay,
        runner: str,
        duplicates: Duplicates,
    ) -> None:
        self.store, self.name, self.writer = store, name, writer
        self.proposer, self.ledger, self.pruner = proposer, ledger, pruner
        self.objectives, self.seed, self.identity = objectives, seed, identity
        self.relay, self.runner, self.duplicates = relay, runner, duplicates
        self.counts = store.counts(name)
        self.running: dict[int, Running] = {}
        self.waiting: deque[Pending] = deque()
        self.exhausted: str | None = None
        self.broken = False
        self.retries = 0
        self.window: int | None = None
        self.observers: Mapping[str, list[Notify]] = {}
        self.checkpoints: Kept = NOWHERE
        self._sign = objectives.sign
        self._report_warnings = ReportWarnings(name)
        self._told: list[int] = []
        self._echoed = False
        self._snapshots = self._lists_forbidden = self._can_snapshot()
        self._snapshot_due = time.monotonic() + SNAPSHOT_EVERY

    def _can_snapshot(self) -> bool:
        # A snapshot's history is read from the log. That lists the points which constraints
        # forbid too, but for a backend that ends by itself: it may leave out millions, and
        # is replayed at no cost.
        proposer = self.proposer
        finite = Capability.FINITE in proposer.capabilities
        return (
            isinstance(proposer.optimizer, Snapshot)
            and not isinstance(self.store, MemoryStore)
            and not (proposer.constrained and finite)
        )

    @property
    def differentiation(self) -> Differentiation:
        """Whether trials are asked for derivatives, and with what."""
        return self.relay.differentiation or self.proposer.differentiation

    @property
    def created(self) -> int:
        """Number of trials that the study has, in any state."""
        return sum(self.counts.values())

    def moved(self, before: TrialState, after: TrialState) -> None:
        """Counts a trial that has changed its state."""
        self.counts[before] -= 1
        self.counts[after] += 1

    # -- beginning trials -------------------------------------------------------------

    def next(self, allowed: Callable[[], bool] = lambda: True) -> Trial:
        """Starts the next trial: one that waits, else a new one.

        Args:
            allowed: Whether there may be one more; asked again after each trial that took an
                earlier one's result, and so was over before it began.

        Raises:
            WaitingForResults: If the backend needs a running trial to end first.
            SearchExhausted: If nothing is left.
            BudgetSpent: If no further trial is allowed.
            BackendError: If the backend breaks its contract.
        """
        try:
            while True:
                trial = self._next(time.time())
                if trial is not None:
                    return trial
                if not allowed():
                    raise BudgetSpent("the budget allows no further trial")
        except (WaitingForResults, SearchExhausted, BudgetSpent):
            raise
        except BaseException:
            self.broken = True
            raise

    def _next(self, now: float) -> Trial | None:
        """The next trial; ``None`` if it has an earlier one's result, or waits for it."""
        if self.waiting:
            return settle(self, self.waiting.popleft(), (), now)
        asked = self._ask(now)
        trial = asked.trials[0]
        pending = Pending(
            self.created, TrialState.WAITING, trial.params, trial.raw, trial.token,
            self.proposer.name,
        )  # fmt: skip
        return settle(self, pending, (asked,), now)

    def added(self, pending: Pending) -> None:
        """Counts a new trial, which is in the log by now."""
        self.counts[TrialState.WAITING] += 1
        self.relay.proposed += 1
        self.duplicates.add(pending.number, pending.params)
        if self._snapshots and time.monotonic() >= self._snapshot_due:
            self.save_snapshot()

    def _ask(self, now: float) -> Asked:
        """Asks for one point; the ``asked`` event, not yet written."""
        if self.exhausted is not None:
            raise SearchExhausted(self.exhausted)
        self.relay.turn(self)
        end_of_reuse(self)
        self._tell_due()
        while True:
            try:
                proposals, rejected = self.proposer.ask(1, self._taken)
            except SearchExhausted as end:
                if self.proposer.constrained:  # it may have been told what the log never has
                    self._snapshots = False
                if not self.relay.is_last:
                    self.relay.hand_over(self)
                    continue
                self.exhausted = str(end)
                raise
            if proposals and not resamples(self, now, proposals[0], rejected):
                return self._asked(now, proposals, rejected)
            if proposals:
                self._tell_due()
                continue
            if rejected:  # the backend was told of them, which the log must know
                self.write(self._asked(now, [], rejected))
            if not self._tell_next():
                if self.running:
                    raise WaitingForResults("the backend waits for running trials")
                raise BackendError(
                    f"backend {self.proposer.name!r} waits for results, but no trial is running"
                )

    def _taken(self, point: Mapping[str, Any]) -> bool:
        return self.duplicates.repeated(point) is not None

    def _asked(self, now: float, proposals: list[Proposal], rejected: list[Observation]) -> Asked:
        trials = tuple(
            ProposedPoint(p.params, p.raw, p.token, number)
            for number, p in enumerate(proposals, self.created)
        )
        return Asked(time=now, trials=trials, **self.answered(rejected))

    def answered(self, rejected: list[Observation]) -> dict[str, Any]:
        """The fields of an ``AskEvent``, whatever became of the suggestion."""
        told, self._told, self._echoed = self._told, [], False
        data: dict[str, Any] = {
            "n": 1, "backend": self.proposer.name, "told": tuple(told), "rejected": len(rejected),
        }  # fmt: skip
        if rejected and self._lists_forbidden:
            data["forbidden"] = tuple(ProposedPoint(o.params, token=o.token) for o in rejected)
        return data

    def _tell_due(self) -> None:
        """Tells the backend what it should know before the next ask.

        In free order that is every result so far. In deterministic order it is every result
        up to ``window`` trials ago, by number, whatever has finished since.
        """
        self._tell(list(self.ledger.finished) if self.window is None else self._due(self.window))

    def _due(self, window: int) -> list[int]:
        due = [n for n in self.ledger.open if n <= self.created - window]
        if any(number not in self.ledger.finished for number in due):
            raise WaitingForResults("the trials are taken in order, and an earlier one runs")
        return sorted(due)

    def agreed(self) -> int | None:
        """The first trial that a backend which takes over now must not know yet.

        In deterministic order that does not depend on what has finished; in free order it is
        ``None``: it is told of all that has.

        Raises:
            WaitingForResults: If a trial that it must know runs.
        """
        if self.window is None:
            return None
        due = set(self._due(self.window))
        return min((n for n in self.ledger.open if n not in due), default=self.created)

    def take_on(
        self, proposer: Proposer, identity: Mapping[str, Any], session: SessionStarted
    ) -> None:
        """Goes on with another backend, which has been told the history.

        Args:
            proposer: The backend.
            identity: What it is.
            session: The event in which it takes over, not yet written.
        """
        self.ledger.hand_over(session.known)
        self.proposer, self._told, self._echoed, self.exhausted = proposer, [], False, None
        self.write(session)
        self.identity = {**identity, "begin": self.writer.seq}
        self._snapshots = self._lists_forbidden = self._can_snapshot()

    def _tell_next(self) -> bool:
        """In deterministic order, tells one result more to a backend that waits."""
        if self.window is None:
            return False
        first = min(self.ledger.open, default=None)
        if first not in self.ledger.finished:
            return False
        self._tell([first])
        return True

    def _tell(self, numbers: list[int]) -> None:
        if numbers or self.ledger.due:
            self._echoed = self._echoed or bool(self.ledger.due)
            taken = self.ledger.take(numbers)
            self._told += numbers
            self.proposer.tell(
                [observation(trial, self.proposer, self.objectives) for _, trial in taken]
            )

    def begin(self, pending: Pending, now: float) -> Trial:
        """Follows the start of a trial."""
        if pending.attempts:
            running = self.again(pending)
        else:
            record = TrialRecord(
                pending.number, TrialState.RUNNING, pending.params, None, pending.backend, now,
                attempts=1,
            )  # fmt: skip
            running = Running(record, pending.failures, pending.losses)
        self.running[pending.number] = running
        self.duplicates.started(pending.number, self.ledger.open[pending.number].params)
        self.moved(TrialState.WAITING, TrialState.RUNNING)
        self.notify("hpo_trial_started", trial=running.record)
        seed = trial_seed(self.seed, pending.number)
        return Trial(
            pending.number, pending.params, seed, self, self.checkpoints,
            self.differentiation,
        )  # fmt: skip

    def again(self, pending: Pending) -> Running:
        """Return a trial that was started before, with the reports of its attempts."""
        stored = self.store.trial(self.name, pending.number)
        curve = LearningCurve.of(stored, self._sign)
        record = replace(stored, reports=(), metrics=())
        return Running(record, pending.failures, pending.losses, curve)

    # -- while trials run -------------------------------------------------------------

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Commits an intermediate value, if it is finite and the step new (see Trial)."""
        running = self._get(number)
        curve, now = running.curve, time.time()
        if not math.isfinite(value):
            running.prune = self.pruner is not None
            self._report_warnings.not_finite(number, step, value)
            return
        room = curve.room_for(step)
        if room is None:
            if not curve.is_fixed(step):
                self._report_warnings.repeated(number, step)
            return
        found = dict(metrics) if metrics else None
        reported = Reported(number, step, value, found, time=now)
        self.write(*_withdrawn(number, curve, room, now), reported)
        curve.add(step, self._sign * value, found if self.observers else None)
        if self.pruner is not None:
            running.prune = self._call_pruner(self.pruner.should_prune, number, curve.reports)
        if self.observers:
            self.notify(
                "hpo_trial_reported", trial=running.record, step=step, value=value,
                metrics=dict(metrics or {}),
            )  # fmt: skip

    def should_prune(self, number: int) -> bool:
        """The pruner's verdict after the trial's last report."""
        return self._get(number).prune

    def resumed(self, number: int) -> None:
        """Follows a running trial that has loaded a checkpoint, to go on from there."""
        self._get(number).curve.resume()

    def _get(self, number: int) -> Running:
        try:
            return self.running[number]
        except KeyError:
            raise HpoBridgeError(f"trial {number} is not running in this study") from None

    # -- ending trials ----------------------------------------------------------------

    def finish(self, number: int, outcome: Outcome) -> TrialState:
        """Ends an attempt; a failure that may be retried puts the trial back in the queue.

        Raises:
            GradientRequired: If the backend needs derivatives, and no trial has given any; this
                one has failed by then.
        """
        running = self._get(number)
        outcome = self.objectives.settle(outcome)
        missing = self.lacking(number, outcome)
        asked, params = self.proposer.differentiation, running.record.params
        problem = missing or wrong(outcome.gradients, params, asked)
        if problem is not None:
            outcome = Outcome.failed(problem, retriable=False)
        failed = outcome.state is TrialState.FAILED
        if failed and outcome.retriable and running.failures < self.retries:
            self._requeue(number, outcome.error or "", "failure")
            return TrialState.WAITING
        curve, now = running.curve, time.time()
        withdrawn: list[Event] = []
        if curve.is_unclaimed and outcome.state is not TrialState.FAILED:
            withdrawn = _withdrawn(number, curve, curve.fixed, now)
            curve.keep(curve.fixed)
        estimate = self._estimate(number, outcome, running)
        finished = Finished(
            number, outcome.state, outcome.result, outcome.error, outcome.gradients,
            outcome.standard_errors, estimate, time=now,
        )  # fmt: skip
        self.write(*withdrawn, finished)
        del self.running[number]
        release(self, number, finished if outcome.state is TrialState.COMPLETE else None)
        self.moved(TrialState.RUNNING, outcome.state)
        self.checkpoints.end(number, keep=outcome.state is TrialState.COMPLETE)
        if self.pruner is not None:
            losses = self.objectives.losses(outcome.result)
            loss = losses[0] if losses else None
            self._call_pruner(self.pruner.finished, number, outcome.state, loss, curve.reports)
        if self.observers:
            reports = tuple((step, self._sign * loss) for step, loss in curve.reports)
            record = replace(
                running.record, state=outcome.state, values=outcome.result,
                finished=now, error=outcome.error, reports=reports,
                gradients=outcome.gradients, metrics=metrics_of(len(reports), curve.metrics),
                standard_errors=outcome.standard_errors, estimate=estimate,
            )  # fmt: skip
            self.notify("hpo_trial_finished", trial=record)
        ungraded = missing is not None or (outcome.ungraded and asked.wanted)
        if ungraded and not any_given(self.store, self.name):
            raise GradientRequired(outcome.error or "the objective gave no gradients")
        return outcome.state

    def _estimate(self, number: int, outcome: Outcome, running: Running) -> float | None:
        """The value that a pruned trial is expected to have had, where its pruner can say."""
        reports = running.curve.reports
        pruned = outcome.state is TrialState.PRUNED and reports
        if not pruned or self.pruner is None or running.record.changes:
            return None
        loss = self._call_pruner(self.pruner.estimate, number, reports)
        if loss is None or not math.isfinite(loss):
            return None
        return self._sign * loss

    def _call_pruner(self, function: Callable[..., T], *args: Any) -> T:
        """Call a method of the pruner; one that did not return may have lost count of trials."""
        try:
            return function(*args)
        except BaseException:
            self.broken = True
            raise

    def lacking(self, number: int, outcome: Outcome) -> str | None:
        """Why an outcome has not all the derivatives that the backend needs, if so."""
        running, own = self._get(number), self.ledger.open[number].token is not None
        if outcome.state is not TrialState.COMPLETE:
            return None
        if running.record.backend is not None and not own:  # of a backend before this one
            return None
        proposer, params = self.proposer, running.record.params
        return lacking(outcome.gradients, params, proposer.differentiation, proposer.name)

    def give_back(self, number: int, reason: str) -> None:
        """Ends an attempt without outcome: the trial waits again, first in the queue."""
        self._requeue(number, reason, "cut")

    def change(self, number: int, params: Mapping[str, Any], source: int | None) -> None:
        """Gives a running trial other parameters from here on.

        Raises:
            SpaceError: If they are no point of the space.
        """
        running = self._get(number)
        point = self.proposer.space.check(params)
        before, reports = running.record.params, running.curve.reports
        step = reports[-1][0] if reports else None
        self.write(Changed(number, point, before, step, source))
        running.curve.fix()
        change = Change(step, before, source)
        running.record = replace(
            running.record, params=point, changes=(*running.record.changes, change)
        )
        self.notify("hpo_trial_changed", trial=running.record, change=change)

    def _requeue(self, number: int, reason: str, kind: str) -> None:
        running = self._get(number)
        self.write(Requeued(number, reason, kind))
        del self.running[number]
        trial, params = self.ledger.open[number], running.record.params
        pending = Pending(
            number, TrialState.WAITING, params, trial.raw, trial.token, trial.backend,
            running.record.attempts, running.failures + (kind == "failure"), running.losses,
        )  # fmt: skip
        if kind == "cut":
            self.waiting.appendleft(pending)
        else:
            self.waiting.append(pending)
        release(self, number, None)
        self.moved(TrialState.RUNNING, TrialState.WAITING)
        if self.observers:
            record = replace(running.record, state=TrialState.WAITING)
            self.notify("hpo_trial_requeued", trial=record, reason=reason, kind=kind)

    def enqueue(self, params: Mapping[str, Any]) -> int:
        """Adds a point that no backend proposed; its trial's number."""
        number = self.created
        self.write(Enqueued(number, params))
        self.waiting.append(Pending(number, TrialState.WAITING, params, None, None, None))
        self.duplicates.add(number, params)
        self.counts[TrialState.WAITING] += 1
        return number

    def take_in(self, events: Sequence[Imported]) -> None:
        """Adds trials of another tool: events ``imported``, numbered from here on."""
        self.write(*events)
        for event in events:
            self.counts[event.state] += 1
            self.duplicates.learn(event.trial)
            if self.pruner is not None:
                learn_imported(self.pruner, event, self.objectives)

    # -- writing ----------------------------------------------------------------------

    def write(self, *events: Event) -> None:
        """Commits events, then follows them."""
        try:
            self.writer.append(events)
        except BaseException:  # it may be in the log, or not
            self.broken = True
            raise
        for event in events:
            self.ledger.apply(event)

    def save_snapshot(self) -> None:
        """Keeps the optimizer's state, so that continuing need not replay the whole log."""
        if not self._snapshots or self._told or self._echoed:
            return  # what the backend was told must be in the log first
        begin = time.monotonic()
        optimizer = self.proposer.optimizer
        assert isinstance(optimizer, Snapshot)
        try:
            with neutral_surroundings():
                state = call_backend(self.proposer.name, optimizer.state)
        except Exception:
            self._snapshots = False
            log.exception("backend %s gives no snapshot: replayed instead", self.proposer.name)
            return
        if state is not None:
            self.writer.save_snapshot(
                {**self.identity, "state": state, "ledger": self.ledger.to_plain()}
            )
        end = time.monotonic()
        self._snapshot_due = end + max(SNAPSHOT_EVERY, (end - begin) / SNAPSHOT_SHARE)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Calls the plugins that observe; they cannot disturb the study."""
        for observer in self.observers.get(hook, ()):
            observer(**arguments)

    def leave(self) -> None:
        """Gives the study free, with a last snapshot."""
        try:
            self.save_snapshot()
        except LeaseLost:  # another driver goes on: it needs nothing of this one
            pass
        finally:
            self.writer.release()


def _withdrawn(number: int, curve: LearningCurve, kept: int, now: float) -> list[Event]:
    """The event by which all reports but the first ``kept`` are taken back, if there are any."""
    if kept == len(curve.reports):
        return []
    return [Withdrawn(number, kept, time=now)]
