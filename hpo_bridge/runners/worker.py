"""The worker's side of runner ``processes``: loads the objective, then runs trials.

One connection carries all. The driver sends trials, pickled, and answers, as JSON; the worker
sends messages as JSON: ``begun``, ``report``, ``resumed``, ``should_prune``, ``checkpoint``,
``done`` and ``broken``, each with its fields.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contracts.checkpoints import NOWHERE, Checkpoints
from ..contracts.gradients import NO_DIFFERENTIATION, Differentiation
from ..contracts.objective import Function, Objective
from ..contracts.record import Outcome
from ..contracts.runner import Work
from ..contracts.trial import Trial
from ..errors import NoCheckpoints, ObjectiveError, StopStudy, TrialPruned
from ..objectives.failure import explain
from ..objectives.main_module import MainModule
from ..objectives.objective import evaluate
from .worker_process import Line


@dataclass(frozen=True)
class WorkerSettings:
    """The settings that all workers of a run have in common; they travel to each.

    Attributes:
        objective: The pickled objective: unpickling it may fail, and that is to be told.
        main: The user's ``__main__``.
        timeout: Seconds for a trial, or ``None``.
        memory: Bytes of address space for a worker, or ``None``.
        capture: Whether what the workers print is read, and given to their trials' sinks.
        checkpoints: Where the trials keep checkpoints.
        confirms_checkpoints: Whether a trial waits at each checkpoint until the driver has
            answered ``checkpoint``: it is to be carried elsewhere.
        is_paced: Whether a trial waits after each ``report`` for the answer: to go on, or to
            stop there by ``TrialPruned``.
        differentiation: The derivatives that are wanted of the trials.
    """

    objective: bytes
    main: MainModule
    timeout: float | None
    memory: int | None
    capture: bool
    checkpoints: Checkpoints = NOWHERE
    confirms_checkpoints: bool = False
    is_paced: bool = False
    differentiation: Differentiation = NO_DIFFERENTIATION

    @classmethod
    def of(
        cls, work: Work, *, timeout: float | None, memory: int | None, capture: bool
    ) -> WorkerSettings:
        """Return the settings for the trials of a study.

        Raises:
            ObjectiveError: If its objective cannot be sent to a worker.
        """
        try:
            objective = pickle.dumps(work.objective)
        except ObjectiveError:
            raise
        except Exception as error:
            raise ObjectiveError(
                f"objective {work.objective.describe()} cannot be sent to a worker: "
                f"{explain(error)}"
            ) from error
        return cls(
            objective, MainModule.here(), timeout, memory, capture, work.checkpoints,
            differentiation=work.differentiation,
        )  # fmt: skip


class DriverChannel:
    """The way to the driver; a trial's ``Channel``. Any thread of the objective may use it.

    Args:
        line: This worker's end of the connection.
        is_paced: Whether a report waits until the driver lets the trial go on, or stops it.
    """

    def __init__(self, line: Line, is_paced: bool) -> None:
        self._line = line
        self._is_paced = is_paced
        self._sending = threading.Lock()
        self._receiving = threading.Lock()  # held from a question to its answer

    def send(self, *message: Any) -> None:
        """Send a message, and do not wait."""
        data = json.dumps(message).encode()
        with self._sending:
            self._line.send_bytes(data)

    def next_trial(self) -> tuple[int, dict[str, Any], int] | None:
        """Wait for a trial; return its number, parameters and seed, or ``None`` at the end."""
        with self._receiving, suppress(EOFError):
            order: tuple[int, dict[str, Any], int] = pickle.loads(self._line.recv_bytes())
            return order
        return None

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Send an intermediate value; wait only where trials are paced.

        Raises:
            TrialPruned: If the trial is told to stop there.
        """
        fields = (number, step, value, metrics) if metrics else (number, step, value)
        if not self._is_paced:
            self.send("report", *fields)
        elif self._ask("report", *fields) is not True:
            raise TrialPruned

    def should_prune(self, number: int) -> bool:
        """Ask the driver, and wait for its answer."""
        return self._ask("should_prune", number) is True

    def resumed(self, number: int) -> None:
        """Tell the driver that the trial goes on from a checkpoint, and do not wait."""
        self.send("resumed", number)

    def confirm_checkpoint(self, number: int) -> None:
        """Have the driver carry a checkpoint to where it is safe, and wait until it is.

        Raises:
            OSError: If the driver could not.
        """
        problem = self._ask("checkpoint", number)
        if problem is not None:
            raise OSError(problem)

    def _ask(self, *question: Any) -> Any:
        with self._receiving:
            self.send(*question)
            return json.loads(self._line.recv_bytes())


@dataclass(frozen=True)
class _ConfirmedCheckpoints:
    """Checkpoints that are not safe before the driver has carried them elsewhere."""

    here: Checkpoints
    channel: DriverChannel

    def save(self, number: int, directory: Path, keep: Path | None = None) -> None:
        self.here.save(number, directory, keep)
        self.channel.confirm_checkpoint(number)

    def load(self, number: int) -> Path | None:
        return self.here.load(number)

    def find(self, number: int) -> Path | None:
        return self.here.find(number)


class _StdoutSink:
    """The sink of a trial in a worker: what the worker itself prints is kept by its driver."""

    def write(self, data: bytes, left_out: int = 0) -> None:
        _flush()
        rest = memoryview(data)
        with suppress(OSError):
            while rest:
                rest = rest[os.write(1, rest) :]


def main(line: Line, settings: WorkerSettings) -> None:
    """Run the trials that come over ``line`` until its other end is closed.

    Where no trial can run the driver gets the message ``broken``, with the reason.
    """
    if settings.memory is not None:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (settings.memory, hard))
    channel = DriverChannel(line, settings.is_paced)
    checkpoints = settings.checkpoints
    if settings.confirms_checkpoints:
        checkpoints = _ConfirmedCheckpoints(checkpoints, channel)
    function = _load(settings, channel)
    folder = os.getcwd()
    while (order := channel.next_trial()) is not None:
        if function is None:
            continue
        os.chdir(folder)
        channel.send("begun", order[0], time.monotonic())
        more = settings.differentiation, _StdoutSink()
        outcome = _evaluate(function, Trial(*order, channel, checkpoints, *more), channel)
        _flush()
        channel.send(
            "done", outcome.state.value, outcome.result, outcome.error, outcome.retriable,
            outcome.gradients, outcome.ungraded, outcome.standard_errors, time.monotonic(),
        )  # fmt: skip


def _load(settings: WorkerSettings, channel: DriverChannel) -> Function | None:
    try:
        settings.main.install()
        objective: Objective = pickle.loads(settings.objective)  # the driver's own, in transit
        return objective.load()
    except ObjectiveError as error:
        channel.send("broken", str(error))
    except BaseException as error:
        channel.send("broken", f"the objective cannot be loaded in a worker: {explain(error)}")
    return None


def _evaluate(function: Function, trial: Trial, channel: DriverChannel) -> Outcome:
    """Run one trial; nothing that the objective does escapes as such."""
    try:
        return evaluate(function, trial)
    except (NoCheckpoints, StopStudy) as error:  # no trial of it can go on: the run has to end
        channel.send("broken", str(error))
        return Outcome.failed(str(error))
    except BaseException as error:  # KeyboardInterrupt: Ctrl-C does not come here
        return Outcome.failed(explain(error))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the objective may have closed or replaced them
            stream.flush()
