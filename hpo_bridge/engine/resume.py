"""Taking a study over: the backend is rebuilt from the log, whatever it is.

In this order of preference: from the last snapshot and the log after it; by replaying every
ask and tell since the backend began, each ask checked against the log; else as a new
beginning, with the whole history handed over as points that the backend did not propose.
The last is also what happens when a stored study gets another backend.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..contracts.checkpoints import NOWHERE
from ..contracts.directions import Objectives
from ..contracts.gradients import Differentiation
from ..contracts.interrupts import call_backend
from ..contracts.optimizer import Capability, Observation, Snapshot
from ..contracts.record import Outcome, TrialRecord, TrialState
from ..contracts.trial import trial_seed
from ..errors import StoreError
from ..plugins import located_error, neutral_surroundings
from ..store import Event, Pending, Store, Writer
from ..store.event_types import (
    Adopted,
    Finished,
    Imported,
    Reported,
    Requeued,
    SessionStarted,
    SpaceChanged,
    Started,
    Withdrawn,
)
from .driver import MOST_LOSSES, Driver
from .duplicates import Duplicates
from .failures import log as failures_log
from .handover import has_history, tell_history, unfinished
from .kept_checkpoints import Kept, sweep
from .proposer import Proposer, infeasible
from .pruning import StudyPruner, learn_imported
from .relay import Phase, identity, located
from .replay import Diverged, Streak, plain
from .untold import Ledger

log = logging.getLogger("hpo_bridge")


@dataclass(frozen=True)
class Setup:
    """What a driver is made of, besides the store.

    Attributes:
        phases: The backend, or the entries of a schedule of several.
        pruner: Makes a pruner, if there is one.
        objectives: What is measured.
        seed: The study's seed.
        begin: Tells the observers that the driver has the study.
        checkpoints: Where trials keep checkpoints.
        differentiation: What trials are told of derivatives; ``None``: what the backend at work
            wants.
        duplicates: What is done with configurations that are there already.
        adopted: The trials of earlier studies, as events that a new study begins with.
        space: Makes the event with which the study gets another space, if it is to.
    """

    phases: Sequence[Phase]
    pruner: Callable[[], StudyPruner] | None
    objectives: Objectives
    seed: int
    begin: Callable[[Driver], None] = lambda driver: None
    checkpoints: Kept = NOWHERE
    differentiation: Differentiation | None = None
    duplicates: str = "evaluate"
    adopted: Sequence[Event] = ()
    space: Callable[[], Event] | None = None


def take_over(store: Store, name: str, setup: Setup, runner: str) -> Driver:
    """Takes the lease, and brings backend and pruner to where the log says.

    Args:
        store: Where the study is.
        name: Its name.
        setup: What to rebuild.
        runner: The runner's name, for the log; ``inline`` shares its fate with its trials.

    Raises:
        StudyLocked: If somebody else drives it.
        BackendError: If the backend fails.
        UnsupportedProblem: If it would ignore the trials that are there.
    """
    writer = store.acquire(name)
    try:
        _begin_with(store, name, writer, setup.adopted)
        if setup.space is not None:
            writer.append([setup.space()])
        pending = store.pending(name)
        driver = _Restoring(store, name, setup, writer).driver(runner)
        relay = driver.relay
        fresh = driver.identity["begin"] is None
        if fresh:
            driver.identity = {**driver.identity, "begin": writer.seq + 1}
        # First of all, so that a later replay finds the same trials finished at this point.
        session = SessionStarted(
            seed=driver.identity["seed"], runner=runner, fresh=fresh, **relay.phase.backend,
            **relay.entry(),
        )  # fmt: skip
        driver.write(session)
        driver.checkpoints = setup.checkpoints
        setup.begin(driver)
        _adopt(driver, pending, runner)
        sweep(setup.checkpoints, store, name)
    except BaseException:
        writer.release()
        raise
    return driver


def _begin_with(store: Store, name: str, writer: Writer, adopted: Sequence[Event]) -> None:
    """Writes what a study begins with, all or nothing, before its first session."""
    if adopted and next(store.events_of(name, SessionStarted, Adopted), None) is None:
        writer.append(adopted)


class _Restoring:
    """The steps of taking over, with what they share."""

    def __init__(self, store: Store, name: str, setup: Setup, writer: Writer) -> None:
        self.store, self.name, self.setup, self.writer = store, name, setup, writer
        self.relay = located(store, name, setup.phases, setup.differentiation)
        self.phase = self.relay.phase
        self.begin, self.seed = self._streak()

    def _streak(self) -> tuple[int | None, int]:
        """Where this backend took over, and with which seed; ``None``: it has yet to."""
        begin: int | None = None
        seed = self.setup.seed
        wanted = identity(self.phase.backend)
        for event in self.store.events_of(self.name, SessionStarted, SpaceChanged):
            if not isinstance(event, SessionStarted) or identity(event.proposer) != wanted:
                begin = None
            elif begin is None or event.fresh:
                begin, seed = event.seq, event.seed
        if begin is None and self.relay.at > 0:
            seed = self.relay.seed(seed, self.relay.at, self.writer.seq)
        elif begin is None:
            # A backend that takes over must not repeat what the same seed gave before.
            fresh = self.writer.seq == 0 or not any(self.store.counts(self.name).values())
            seed = self.setup.seed if fresh else trial_seed(self.setup.seed, -self.writer.seq)
        return begin, seed

    def driver(self, runner: str) -> Driver:
        proposer, ledger = self._restored()
        return Driver(
            store=self.store,
            name=self.name,
            writer=self.writer,
            proposer=proposer,
            ledger=ledger,
            pruner=self._pruner(),
            objectives=self.setup.objectives,
            seed=self.setup.seed,
            identity={**self.phase.backend, "seed": self.seed, "begin": self.begin},
            relay=self.relay,
            runner=runner,
            duplicates=Duplicates(
                self.setup.duplicates, self.store, self.name, proposer.completed
            ),
        )

    def _restored(self) -> tuple[Proposer, Ledger]:
        if self.begin is None:
            if has_history(self.store, self.name):
                self.phase.check(f"the trials of study {self.name!r}")
            return self._handed_over()
        problem: Exception | None = None
        for attempt in (self._from_snapshot, self._replayed):
            try:
                restored = attempt()
            except StoreError:
                raise
            except Exception as error:  # whatever an adapter makes of what it is given
                problem = error
                continue
            if restored is not None:
                if problem is not None:
                    log.warning(
                        "study %s: the snapshot of backend %s cannot be used (%s); the log was "
                        "replayed instead, and nothing is lost",
                        self.name, self.phase.backend["backend"], _reason(problem),
                    )  # fmt: skip
                return restored
        assert problem is not None  # a replay gives something, or raises
        return self._begun_anew(problem)

    def _begun_anew(self, problem: Exception) -> tuple[Proposer, Ledger]:
        """The same backend as if it took over from another: it proposes other trials now."""
        *_, last = self.store.events_of(self.name, SessionStarted)
        then, here = last.library, self.phase.backend["library"]
        self.begin = None
        self.seed = trial_seed(self.setup.seed, -self.writer.seq)
        proposer, ledger = self._told()
        learns = Capability.INJECT in proposer.capabilities
        log.warning(
            "study %s: backend %s cannot be continued exactly (%s): %s; it begins anew, %s",
            self.name, proposer.name, here if then == here else f"{then} then, {here} now",
            _reason(problem),
            "and is told the trials that are there" if learns
            else "and does not learn from the trials that are there",
        )  # fmt: skip
        return proposer, ledger

    def _from_snapshot(self) -> tuple[Proposer, Ledger] | None:
        stored = self.store.snapshot(self.name)
        if stored is None:
            return None
        seq, data = stored
        wanted = {**self.phase.backend, "seed": self.seed, "begin": self.begin}
        proposer = self.phase.build(self.seed)
        if not isinstance(proposer.optimizer, Snapshot) or any(
            plain(data.get(key)) != plain(value) for key, value in wanted.items()
        ):
            return None
        told = self._told_until(seq, proposer)
        with neutral_surroundings():
            call_backend(proposer.name, proposer.optimizer.restore, data["state"], told)
        ledger = Ledger.from_plain(data["ledger"])
        self._streak_of(proposer, ledger).check(self.store.events(self.name, after=seq))
        return proposer, ledger

    def _told_until(self, seq: int, proposer: Proposer) -> Iterator[Observation]:
        """Everything that the backend had been told at position ``seq``."""
        events = (e for e in self.store.events(self.name) if e.seq <= seq)
        for told, asked in self._streak_of(proposer, Ledger()).steps(events):
            yield from proposer.heard(told)
            if asked is None:
                continue
            if len(asked.forbidden) != asked.rejected:
                raise Diverged("the log does not list the points that constraints forbade")
            for point in asked.forbidden:
                yield infeasible(point.params, point.token)

    def _replayed(self) -> tuple[Proposer, Ledger]:
        proposer, ledger = self.phase.build(self.seed), Ledger()
        self._streak_of(proposer, ledger).check(self.store.events(self.name))
        return proposer, ledger

    def _streak_of(self, proposer: Proposer, ledger: Ledger) -> Streak:
        assert self.begin is not None
        return Streak(self.begin, proposer, ledger, self.setup.objectives)

    def _handed_over(self) -> tuple[Proposer, Ledger]:
        """A new backend, told the history as points that it did not propose."""
        proposer, ledger = self._told()
        if has_history(self.store, self.name) and Capability.INJECT not in proposer.capabilities:
            log.warning(
                "study %s: backend %s does not learn from the trials that are there",
                self.name, proposer.name,
            )  # fmt: skip
        return proposer, ledger

    def _told(self) -> tuple[Proposer, Ledger]:
        proposer = self.phase.build(self.seed)
        tell_history(self.store, self.name, proposer, self.setup.objectives)
        return proposer, unfinished(self.store, self.name)

    def _pruner(self) -> StudyPruner | None:
        """The pruner, after every report and end in the order of the log."""
        if self.setup.pruner is None:
            return None
        pruner = self.setup.pruner()
        sign = self.setup.objectives.sign
        reports: dict[int, list[tuple[int, float]]] = {}
        kinds = (Started, Reported, Withdrawn, Finished, Imported)
        for event in self.store.events_of(self.name, *kinds):
            number = event.trial
            match event:
                case Started():
                    reports.setdefault(number, [])
                case Withdrawn():
                    del reports[number][event.reports :]
                case Reported():
                    reports[number].append((event.step, sign * event.value))
                    pruner.should_prune(number, reports[number])
                case Imported():
                    learn_imported(pruner, event, self.setup.objectives)
                case Finished():
                    losses = self.setup.objectives.losses(event.values)
                    loss = losses[0] if losses else None
                    pruner.finished(number, event.state, loss, reports.pop(number, []))
        return pruner


def _adopt(driver: Driver, pending: list[Pending], runner: str) -> None:
    """Puts the unfinished trials in the queue; those that ran have lost their driver."""
    for trial in pending:
        if trial.state is TrialState.WAITING:
            driver.waiting.append(trial)
            continue
        if runner == "inline" and trial.losses + 1 >= MOST_LOSSES:
            _give_up(driver, trial)
            continue
        reason = "its driver ended while it was running"
        driver.write(Requeued(trial.number, reason, "lost"))
        if driver.observers:
            record = _record(trial, TrialState.WAITING)
            driver.notify("hpo_trial_requeued", trial=record, reason=reason, kind="lost")
        driver.moved(TrialState.RUNNING, TrialState.WAITING)
        driver.waiting.append(replace(trial, state=TrialState.WAITING, losses=trial.losses + 1))


def _give_up(driver: Driver, trial: Pending) -> None:
    """A trial that took down one driver after another fails, and the study goes on."""
    driver.running[trial.number] = driver.again(trial)
    reason = (
        f"the driver's process ended {trial.losses + 1} times while this trial ran in it; "
        "run the study with the runner 'processes' to isolate its trials"
    )
    driver.finish(trial.number, Outcome.failed(reason, retriable=False))
    failures_log.warning("study %r: trial %d failed: %s", driver.name, trial.number, reason)


def _reason(error: Exception) -> str:
    """Why a backend cannot be continued, in one line."""
    return str(error) if isinstance(error, Diverged) else located_error(error)


def _record(trial: Pending, state: TrialState) -> TrialRecord:
    return TrialRecord(
        trial.number, state, trial.params, None, trial.backend, None, attempts=trial.attempts
    )
