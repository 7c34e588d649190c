"""The runner for cheap trials and for debugging: one after another, in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import ParamSpec, TypeVar

from ..contracts.interrupts import CtrlC
from ..contracts.objective import Function
from ..contracts.record import Outcome
from ..contracts.runner import Work
from ..contracts.runner_options import as_count, as_seconds
from ..contracts.trial import Trial
from ..errors import BackendError, InvalidOptions, StoreError
from ..objectives.objective import Cut, evaluate
from .deadline import Deadline, is_possible

P = ParamSpec("P")
T = TypeVar("T")


class Inline:
    """Runs trials one after another, in the driver's own process.

    What a trial does to the process (a crash, a leak, a changed working directory) it does
    to the driver: use ``processes`` for objectives that may. What it prints goes where the driver
    prints; only the output of commands is kept. A timeout cuts Python code;
    a call into a library that does not return is cut only when it does.

    Args:
        trial_timeout: Seconds a trial may take, or a text such as ``"5m"``. Needs the main
            thread.
        retries: How often a trial that failed is tried again; the study sees to it.
    """

    def __init__(self, trial_timeout: float | str | None = None, retries: int = 0) -> None:
        self.trial_timeout = as_seconds("trial_timeout", trial_timeout)
        self.retries = as_count("retries", retries, 0)

    def run(self, work: Work) -> None:
        """Evaluates trials until nothing is left or ``work.stopping`` is set."""
        if self.trial_timeout is not None and not is_possible():
            raise InvalidOptions(
                "trial_timeout needs the main thread of a POSIX system on runner 'inline'; "
                "use runner 'processes'"
            )
        function = work.objective.load()
        with CtrlC() as ctrl_c, Deadline(ctrl_c) as deadline:
            attempt = _Attempt(work, function, ctrl_c, self.trial_timeout, deadline)
            while not (work.stopping or ctrl_c.count or work.seconds_left == 0):
                trial = work.next()
                if trial is None:  # nothing runs here, so nothing can be waited for
                    break
                attempt.run(trial)
            ctrl_c.raise_pending()


class _Attempt:
    """One trial at a time; also the trial's way back to the study."""

    def __init__(
        self,
        work: Work,
        function: Function,
        ctrl_c: CtrlC,
        timeout: float | None,
        deadline: Deadline,
    ) -> None:
        self._work = work
        self._function = function
        self._ctrl_c = ctrl_c
        self._timeout = timeout
        self._deadline = deadline
        self._number = -1
        self._fault: BackendError | None = None

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Passes a report on, with signals held back until the study has kept it."""
        if number == self._number:  # else from a thread that a trial left behind
            self._held(self._work.report, number, step, value, metrics)

    def should_prune(self, number: int) -> bool:
        """Asks the study, with signals held back."""
        if number != self._number:
            return True
        return self._held(self._work.should_prune, number)

    def resumed(self, number: int) -> None:
        """Passes on that the trial goes on from a checkpoint."""
        if number == self._number:
            self._held(self._work.resumed, number)

    def _held(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._ctrl_c.open = False
        try:
            answer = call(*args, **kwargs)
        except BackendError as error:  # not the objective's, which may swallow it
            self._fault = error
            raise
        finally:
            self._ctrl_c.open = True
        self._ctrl_c.raise_pending()
        return answer

    def run(self, trial: Trial) -> None:
        """Run one trial, and tell the study how it ended."""
        number, work = trial.number, self._work
        self._number = number
        limit, in_budget = self._limit()
        trial = Trial(
            number, trial.params, trial.seed, self, work.checkpoints, work.differentiation,
            work.output(number),
        )  # fmt: skip
        outcome: Outcome | None = None
        try:
            outcome = self._evaluate(trial, limit)
            self._ctrl_c.open = False
            if self._fault is not None:
                raise self._fault
        except Cut:
            self._ctrl_c.open = False
            if not self._deadline.rang:  # of the study in whose trial this one runs
                self._work.give_back(number, "the run ended with an error")
                raise
        except KeyboardInterrupt:
            self._ctrl_c.open = False
            self._work.give_back(number, "interrupted")
            raise
        except BaseException:  # the study itself is in trouble
            self._ctrl_c.open = False
            with suppress(StoreError):
                self._work.give_back(number, "the run ended with an error")
            raise
        if self._deadline.rang and in_budget:
            self._work.give_back(number, "the time budget ended")
            return
        if self._deadline.rang or outcome is None:  # an objective may swallow the cut
            outcome = Outcome.failed(f"timed out after {self._timeout:g} s")
        self._work.finish(number, outcome)

    def _limit(self) -> tuple[float | None, bool]:
        """Seconds for this trial, and whether it is the study's time that ends first."""
        left = self._work.seconds_left if self._deadline.possible else None
        if left is None or (self._timeout is not None and self._timeout <= left):
            return self._timeout, False
        return left, True

    def _evaluate(self, trial: Trial, limit: float | None) -> Outcome:
        ctrl_c = self._ctrl_c
        ctrl_c.raise_pending()
        if limit is None:
            ctrl_c.open = True
            return evaluate(self._function, trial)
        self._deadline.set(limit)  # not open yet: an exception in here would leave its lock taken
        ctrl_c.open = True
        try:
            return evaluate(self._function, trial)
        finally:
            ctrl_c.open = False
            self._deadline.clear()
