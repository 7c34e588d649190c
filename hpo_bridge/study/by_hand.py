"""A study whose trials are asked for and told by hand."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ..contracts.argument_checks import optional_text
from ..contracts.record import Outcome, TrialState
from ..contracts.trial import Trial
from ..engine.driver import Driver
from ..engine.lease import ASK
from ..engine.queued_trials import enqueue
from ..errors import GradientRequired
from .arguments import final_state, told_outcome, trial_number
from .opened import OpenedStudy
from .stored import StoredStudy


class StudyByHand(StoredStudy):
    """A stored study that is driven by :meth:`ask` and :meth:`tell`."""

    def _open(self, opened: OpenedStudy) -> None:
        self._lock = threading.RLock()
        self._opened, config = opened, opened.config
        self.config, self.store, self.name = config, opened.store, config.name
        self.seed, self.space, self.objectives = opened.seed, opened.space, opened.objectives
        self._lease = opened.lease

    def _drive(self, runner: str = ASK) -> Driver:
        """Return the driver, with the lease."""
        return self._lease.take(self._opened.driver_setup, runner)

    def ask(self) -> Trial:
        """Return the next trial, to be evaluated by hand and then told.

        Raises:
            SearchExhausted: If the backend has nothing left.
            WaitingForResults: If it needs results of running trials first.
        """
        with self._lock:
            return self._drive().ask(channel=_Channel(self))

    def tell(
        self, trial: Trial | int, value: Any = None, *,
        state: TrialState | str = TrialState.COMPLETE, error: str | None = None,
        gradients: Mapping[str, Any] | None = None,
    ) -> TrialState:  # fmt: skip
        """End a trial that was asked for.

        Args:
            trial: The trial, or its number.
            value: What an objective would return: a number, ``{name: number}``, a tensor that
                depends on ``trial.tensors``, or a :class:`hpo_bridge.Differentiated`. A value
                that is no finite number ends the trial as failed, with the reason, as it would
                in ``optimize``.
            state: ``COMPLETE``, ``PRUNED`` or ``FAILED``.
            error: Why it failed.
            gradients: Name of a continuous parameter to the derivative of the objective with
                respect to it, in natural units.

        Returns:
            The state that the trial has now.

        Raises:
            HpoBridgeError: If the trial does not run, or ``state`` is not one of the three.
            GradientRequired: If the backend needs derivatives that are not there; the trial
                runs on, and can be told again.
        """
        number = trial_number(trial)
        error = optional_text("error", error, "a text")
        outcome = Outcome(final_state(state), error=error)
        state = outcome.state
        if state is TrialState.COMPLETE:
            outcome = told_outcome(value, gradients, trial)
        with self._lock:
            driver = self._drive()
            missing = driver.missing_gradients(number, outcome)
            if missing is not None:
                raise GradientRequired(f"trial {number}: {missing}")
            return driver.finish(number, outcome)

    def enqueue(self, params: Mapping[str, Any]) -> int:
        """Add a point to be evaluated before the backend is asked again.

        Args:
            params: The active parameters; constants may be left out.

        Returns:
            The number of its trial.

        Raises:
            SpaceError: If it is no point of the space.
        """
        point = self.space.check(params)
        with self._lock:
            return enqueue(self._drive().steps, point)


class _Channel:
    """The channel of a trial that was asked for by hand to its study, from any thread."""

    def __init__(self, study: StudyByHand) -> None:
        self._study = study

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        with self._study._lock:
            self._study._drive().report(number, step, value, metrics)

    def should_prune(self, number: int) -> bool:
        with self._study._lock:
            return self._study._drive().should_prune(number)

    def resumed(self, number: int) -> None:
        with self._study._lock:
            self._study._drive().resumed(number)
