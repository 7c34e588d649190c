"""The lease of a study, from the first need of a driver until the study is given free.

The lease is taken when it is needed, and the driver is rebuilt from the log only where somebody
else has written to it meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from ..contracts.objective import Objective
from ..plugins import guarded
from ..store import Store
from .budget import Budget, NothingToDo, spent_budget
from .budget import log as budget_log
from .driver import Driver
from .failures import FailureWatch, StopRule, retry_events
from .kept_output import output_folder
from .observers import Observers, study_info
from .queued_trials import run_again
from .resume import Setup, take_over
from .run_bounds import RunBounds

ASK = "ask"
"""The name in place of a runner's where a study is asked by hand."""


class DriverLease:
    """The driver of a study, if this process has one, and its lease on the study.

    Args:
        store: The study's store.
        name: Its name.
        observers: Told when a driver begins, and when it ends.
        pruner: The pruner's name, for them.

    Attributes:
        driver: The driver, also of a study that was given free: nothing has to be rebuilt if
            nobody else drives it meanwhile. ``None`` before the first, or once it is broken.
        holding: Whether it has the lease.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        observers: Observers,
        pruner: str | None,
    ) -> None:
        self._store, self._name = store, name
        self._observers, self._pruner = observers, pruner
        self.driver: Driver | None = None
        self.holding = False

    @property
    def held(self) -> Driver | None:
        """The driver, if it has the lease."""
        return self.driver if self.holding else None

    def sound(self) -> Driver | None:
        """The driver, if it has the lease; one that is out of step with the log is left first."""
        if self.driver is not None and self.driver.log.broken:
            self.leave(broken=True)
        return self.held

    def take(self, setup: Callable[[], Setup], runner: str = ASK) -> Driver:
        """The driver, with the lease; rebuilt if the study has moved on meanwhile.

        Args:
            setup: Gives what a driver is made of, where one has to be made. (Not kept: it
                knows the study, which is to go when its user drops it.)
            runner: Who evaluates the trials.

        Raises:
            StudyLocked: If another driver works on the study.
            BackendError: If the backend fails.
        """
        held = self.sound()
        if held is not None:
            if runner != ASK:
                self._observers.end(None)  # who watched the asking by hand
            if not self._observers.begun:
                self._begin(runner, held)
            return held
        if self.driver is not None:
            writer = self._store.acquire(self._name)
            if writer.seq == self.driver.log.writer.seq:
                self.driver.log.renew(writer)
                self.holding = True
                self._begin(runner, self.driver)
                return self.driver
            writer.release()
        made = replace(setup(), begin=partial(self._begin, runner))
        try:
            self.driver = take_over(self._store, self._name, made, runner)
        except BaseException as error:
            self._observers.end(error)
            raise
        self.holding = True
        return self.driver

    @contextmanager
    def watched(self, observers: Sequence[object]) -> Iterator[None]:
        """Have these told of the runs in the body, at once and in the driver's thread."""
        added = [guarded(observer, "the display of the progress") for observer in observers]
        self._observers.at_once += added
        try:
            yield
        finally:
            for observer in added:
                self._observers.at_once.remove(observer)

    def _begin(self, runner: str, driver: Driver) -> None:
        info = study_info(
            self._store, self._name, driver.proposer.member.identity, runner, self._pruner
        )
        self._observers.begin(driver.steps, info)

    @contextmanager
    def running(
        self, setup: Callable[[], Setup], runner: str, source: Objective, *, retries: int,
        trials: int | None, seconds: float | None, window: int | None, stop: StopRule,
        retry_failed: bool,
    ) -> Iterator[Driver]:  # fmt: skip
        """Have trials evaluated in the body; leave the study free afterwards, if it was before.

        Args:
            setup: As :meth:`take` needs it.
            runner: The name of the runner that the driver is given to.
            source: The objective.
            retries: Number of failed attempts of a trial that are followed by another one.
            trials: The study's budget of trials.
            seconds: The study's budget of time.
            window: How many trials may be open in deterministic order; ``None`` in free order.
            stop: When failures stop the run, by ``TooManyFailures``.
            retry_failed: Whether the failed trials run again.
        """
        was_held, driver = self.holding, self.take(setup, runner)
        by_hand = set(driver.steps.running)
        spent = driver.log.seconds
        failures = FailureWatch(self._store, self._name, stop, window)
        error: BaseException | None = None
        try:
            folder = output_folder(self._store, self._name)
            budget = Budget(trials, seconds, spent)
            driver.begin_run(RunBounds(source, budget, failures, retries, folder), window)
            if retry_failed:
                run_again(driver.steps, retry_events(self._store, self._name, driver.space))
            nothing = spent_budget(driver.log.counts, spent, trials, seconds)
            yield driver
            self._say_nothing(nothing, driver, failures)
            failures.check()
        except BaseException as raised:
            error = raised
            raise
        finally:
            driver.end_run()
            failures.tell_count()
            self._end_run(driver, error, by_hand, keep=was_held)

    def _say_nothing(
        self, nothing: NothingToDo | None, driver: Driver, failures: FailureWatch
    ) -> None:
        exhausted = driver.proposer.exhausted
        if nothing is None and exhausted is not None and not failures.began:
            nothing = NothingToDo("backend", exhausted, "", driver.log.counts)
        if nothing is not None:
            budget_log.warning("study %r: %s", self._name, nothing)

    def _end_run(
        self, driver: Driver, error: BaseException | None, by_hand: set[int], *, keep: bool
    ) -> None:
        try:
            self._observers.end(error)
        finally:
            # Out of step with the log, or with trials that its runner left running: what takes
            # over next starts from the log.
            if driver.log.broken or not by_hand.issuperset(driver.steps.running):
                self.leave(broken=True)
            elif not keep:
                self.leave()

    def leave(self, *, broken: bool = False) -> None:
        """Gives the study free for other drivers; ``broken`` ones are not used again."""
        driver = self.held
        if driver is None:
            return
        try:
            self._observers.end(None)
        finally:
            self.holding = False
            if broken or driver.log.broken:
                self.driver = None
                driver.log.writer.release()
            else:
                driver.steps.leave()

    def drop(self) -> None:
        """Gives the lease free at once, and forgets the observers."""
        if self.held is not None:
            self.held.log.writer.release()
            self._observers.forget()
