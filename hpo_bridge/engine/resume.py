"""Taking a study over: the backend is rebuilt from the log, whatever it is.

In this order of preference: from the last snapshot and the log after it; by replaying every
ask and tell since the backend began, each ask checked against the log; else as a new
beginning, with the whole history handed over as points that the backend did not propose.
The last is also what happens when a stored study gets another backend.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..contracts.checkpoints import NOWHERE
from ..contracts.directions import Objectives
from ..contracts.interrupts import call_backend
from ..contracts.optimizer import Capability, Observation, Snapshot
from ..contracts.trial import trial_seed
from ..errors import StoreError
from ..plugins import located_error, neutral_surroundings
from ..store import Event, Store, Writer
from ..store.study_events import Adopted, SessionStarted, SpaceChanged
from .backend_segment import BackendSegment, ReplayMismatch, plain
from .checked_optimizer import infeasible
from .distinct_optimizer import DistinctOptimizer, TrialNumbers
from .driver import Driver
from .feasible_optimizer import ConstrainedOptimizer
from .handover import has_history, tell_history, unfinished
from .kept_checkpoints import Kept, sweep
from .logged_optimizer import LoggedOptimizer, Proposer
from .pruning import StudyPruner, pruner_of_log
from .queued_trials import adopt
from .reuse import RepeatLimit, ReusableResults
from .schedule_cursor import backend_identity, locate
from .scheduled_optimizer import ScheduledOptimizer
from .stages import StageBuilder
from .study_log import StudyLog
from .tell_order import TellOrder
from .trial_steps import TrialSteps
from .untold import UntoldTrials

log = logging.getLogger("hpo_bridge")


@dataclass(frozen=True)
class Setup:
    """The parts that a driver is made of, besides the store.

    Attributes:
        stages: Builds the optimizers of the backend, or of a schedule of several.
        pruner: Makes a pruner, if there is one.
        objectives: What is measured.
        seed: The study's seed.
        begin: Tells the observers that the driver has the study.
        checkpoints: Where trials keep checkpoints.
        duplicates: What is done with configurations that are there already.
        adopted: The trials of earlier studies, as events that a new study begins with.
        space: Makes the event with which the study gets another space, if it is to.
    """

    stages: StageBuilder
    pruner: Callable[[], StudyPruner] | None
    objectives: Objectives
    seed: int
    begin: Callable[[Driver], None] = lambda driver: None
    checkpoints: Kept = NOWHERE
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
        setup.begin(driver)
        adopt(driver.steps, pending, runner)
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
        places = range(len(setup.stages.schedule))
        identities = [setup.stages.identity(at) for at in places]
        limits = [stage.trials for stage in setup.stages.schedule]
        self.cursor = locate(store, name, list(zip(identities, limits, strict=True)))
        self.backend = identities[self.cursor.at]
        self.begin, self.seed = self._streak()

    def _streak(self) -> tuple[int | None, int]:
        """Return where this backend took over, and with which seed; ``None``: it has yet to."""
        begin: int | None = None
        seed = self.setup.seed
        wanted = backend_identity(self.backend)
        for event in self.store.events_of(self.name, SessionStarted, SpaceChanged):
            if not isinstance(event, SessionStarted) or backend_identity(event.proposer) != wanted:
                begin = None
            elif begin is None or event.fresh:
                begin, seed = event.seq, event.seed
        if begin is None and self.cursor.at > 0:
            seed = self.cursor.seed(seed, self.cursor.at, self.writer.seq)
        elif begin is None:
            # A backend that takes over must not repeat what the same seed gave before.
            fresh = self.writer.seq == 0 or not any(self.store.counts(self.name).values())
            seed = self.setup.seed if fresh else trial_seed(self.setup.seed, -self.writer.seq)
        return begin, seed

    def driver(self, runner: str) -> Driver:
        """Return the driver, once the log has its session."""
        optimizer, untold = self._restored()
        setup, log = self.setup, StudyLog(self.store, self.name, self.writer, untold)
        order = TellOrder(log)
        identity = {**self.backend, "seed": self.seed, "begin": self.begin}
        member = LoggedOptimizer(optimizer, log, order, setup.objectives, identity)
        proposer = self._wrapped(member, log, order, runner)
        reuse = ReusableResults(log, proposer) if setup.duplicates == "reuse" else None
        pruner = setup.pruner and pruner_of_log(setup.pruner(), log, setup.objectives)
        fresh = self.begin is None
        # First of all, so that a later replay finds the same trials finished at this point.
        log.write(
            SessionStarted(
                seed=self.seed, runner=runner, fresh=fresh, **self.backend,
                **self.cursor.session_data(),
            )
        )  # fmt: skip
        if fresh:
            member.begin()
        steps = TrialSteps(log, proposer, pruner, setup.objectives, reuse, setup.checkpoints)
        differentiation = setup.stages.common_differentiation(setup.seed)
        return Driver(steps, order, setup.seed, differentiation)

    def _wrapped(
        self, member: LoggedOptimizer, log: StudyLog, order: TellOrder, runner: str
    ) -> Proposer:
        """Return the optimizer in the wrappers that the study asks for."""
        duplicates, setup = self.setup.duplicates, self.setup
        numbers = TrialNumbers(log, member) if duplicates == "resample" else None

        def wrap(inner: LoggedOptimizer) -> Proposer:
            if numbers is not None:
                return DistinctOptimizer(inner, log, numbers)
            return RepeatLimit(inner, log) if duplicates == "reuse" else inner

        if not self.cursor.is_schedule:
            return wrap(member)
        return ScheduledOptimizer(
            member, wrap, setup.stages, self.cursor, log, order, setup.objectives, setup.seed,
            runner,
        )  # fmt: skip

    def _restored(self) -> tuple[ConstrainedOptimizer, UntoldTrials]:
        if self.begin is None:
            if has_history(self.store, self.name):
                what = f"the trials of study {self.name!r}"
                self.setup.stages.require_inject(self.cursor.at, what)
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
                        self.name, self.backend["backend"], _reason(problem),
                    )  # fmt: skip
                return restored
        assert problem is not None  # a replay gives something, or raises
        return self._begun_anew(problem)

    def _begun_anew(self, problem: Exception) -> tuple[ConstrainedOptimizer, UntoldTrials]:
        """The same backend as if it took over from another: it proposes other trials now."""
        *_, last = self.store.events_of(self.name, SessionStarted)
        then, here = last.library, self.backend["library"]
        self.begin = None
        self.seed = trial_seed(self.setup.seed, -self.writer.seq)
        proposer, untold = self._told()
        learns = Capability.INJECT in proposer.checked.capabilities
        log.warning(
            "study %s: backend %s cannot be continued exactly (%s): %s; it begins anew, %s",
            self.name, proposer.checked.name, here if then == here else f"{then} then, {here} now",
            _reason(problem),
            "and is told the trials that are there" if learns
            else "and does not learn from the trials that are there",
        )  # fmt: skip
        return proposer, untold

    def _built(self) -> ConstrainedOptimizer:
        return self.setup.stages.build(self.cursor.at, self.seed)

    def _from_snapshot(self) -> tuple[ConstrainedOptimizer, UntoldTrials] | None:
        stored = self.store.snapshot(self.name)
        if stored is None:
            return None
        seq, data = stored
        wanted = {**self.backend, "seed": self.seed, "begin": self.begin}
        proposer = self._built()
        built = proposer.checked.built
        if not isinstance(built, Snapshot) or any(
            plain(data.get(key)) != plain(value) for key, value in wanted.items()
        ):
            return None
        told = self._told_until(seq, proposer)
        with neutral_surroundings():
            call_backend(proposer.checked.name, built.restore, data["state"], told)
        untold = UntoldTrials.from_plain(data["untold"])
        self._segment(proposer, untold).check(self.store.events(self.name, after=seq))
        return proposer, untold

    def _told_until(self, seq: int, proposer: ConstrainedOptimizer) -> Iterator[Observation]:
        """Everything that the backend had been told at position ``seq``."""
        events = (e for e in self.store.events(self.name) if e.seq <= seq)
        for told, asked in self._segment(proposer, UntoldTrials()).steps(events):
            yield from proposer.checked.own_observations(told)
            if asked is None:
                continue
            if len(asked.forbidden) != asked.rejected:
                raise ReplayMismatch("the log does not list the points that constraints forbade")
            for point in asked.forbidden:
                yield infeasible(point.params, point.token)

    def _replayed(self) -> tuple[ConstrainedOptimizer, UntoldTrials]:
        proposer, untold = self._built(), UntoldTrials()
        self._segment(proposer, untold).check(self.store.events(self.name))
        return proposer, untold

    def _segment(self, proposer: ConstrainedOptimizer, untold: UntoldTrials) -> BackendSegment:
        assert self.begin is not None
        return BackendSegment(self.begin, proposer, untold, self.setup.objectives)

    def _handed_over(self) -> tuple[ConstrainedOptimizer, UntoldTrials]:
        """A new backend, told the history as points that it did not propose."""
        proposer, untold = self._told()
        learns = Capability.INJECT in proposer.checked.capabilities
        if has_history(self.store, self.name) and not learns:
            log.warning(
                "study %s: backend %s does not learn from the trials that are there",
                self.name, proposer.checked.name,
            )  # fmt: skip
        return proposer, untold

    def _told(self) -> tuple[ConstrainedOptimizer, UntoldTrials]:
        proposer = self._built()
        tell_history(self.store, self.name, proposer.checked, self.setup.objectives)
        return proposer, unfinished(self.store, self.name)


def _reason(error: Exception) -> str:
    """Why a backend cannot be continued, in one line."""
    return str(error) if isinstance(error, ReplayMismatch) else located_error(error)
