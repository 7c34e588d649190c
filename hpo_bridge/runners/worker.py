"""The worker's side of runner ``processes``: loads the objective, then runs trials.

Pebble brings trials and takes outcomes. All else goes over a second connection, as JSON:
what the worker has to say, and the driver's answers to ``should_prune`` and ``checkpoint``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import pickle
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TextIO

from ..contracts.checkpoints import Checkpoints
from ..contracts.gradients import Differentiation, Slope
from ..contracts.objective import Function, Objective
from ..contracts.record import Outcome
from ..contracts.trial import Trial
from ..errors import NoCheckpoints, ObjectiveError, StopStudy, TrialPruned
from ..objectives.failure import explain
from ..objectives.main_module import MainModule
from ..objectives.objective import evaluate

Attempt = tuple[str, Any, str | None, bool, Mapping[str, Slope] | None, bool, Any]
"""An outcome as plain data: state, result, error, retriable, gradients, ungraded,
standard_errors."""

_FIRST_TO_GO = "500"
"""Out of memory, the kernel should end a worker and not the driver."""


@dataclass(frozen=True)
class Setup:
    """What a new worker gets. Pickled once, at its start.

    Attributes:
        objective: The pickled objective: unpickling it may fail, and that is to be told.
        main: The user's ``__main__``.
        line: The worker's end of the second connection.
        output: Where its stdout and stderr go; ``None`` to inherit the driver's stderr.
        group: The process group to join.
        memory: Bytes of address space, or ``None``.
        checkpoints: Where trials keep checkpoints.
        carried: Whether the driver is told of each, and carries it elsewhere.
        paced: Whether a trial waits after each report until it is told to go on, or to stop.
        differentiation: Whether the trials' derivatives are wanted.
    """

    objective: bytes
    main: MainModule
    line: Connection[bytes, bytes]
    output: Connection[bytes, bytes] | None
    group: int
    memory: int | None
    checkpoints: Checkpoints
    carried: bool
    paced: bool
    differentiation: Differentiation


class Line:
    """The way to the driver; a trial's ``Channel``. Any thread of the objective may use it.

    Args:
        connection: This worker's end.
        paced: Whether a report waits until the driver lets the trial go on, or stops it.
    """

    def __init__(self, connection: Connection[bytes, bytes], paced: bool = False) -> None:
        self._connection = connection
        self._paced = paced
        self._lock = threading.Lock()

    def say(self, *message: Any) -> None:
        """Sends a message, and does not wait."""
        data = json.dumps(message).encode()
        with self._lock:
            self._connection.send_bytes(data)

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Sends an intermediate value; waits only where trials are paced.

        Raises:
            TrialPruned: If it is told to stop there.
        """
        said = (number, step, value, metrics) if metrics else (number, step, value)
        if self._paced:
            if self._ask("report", *said) is not True:
                raise TrialPruned
        else:
            self.say("report", *said)

    def should_prune(self, number: int) -> bool:
        """Asks the driver, and waits for its answer."""
        return self._ask("should_prune", number) is True

    def resumed(self, number: int) -> None:
        """Tells the driver that the trial goes on from a checkpoint, and does not wait."""
        self.say("resumed", number)

    def carry(self, number: int) -> None:
        """Has the driver carry a checkpoint to where it is safe, and waits until it is.

        Raises:
            OSError: If the driver could not.
        """
        problem = self._ask("checkpoint", number)
        if problem is not None:
            raise OSError(problem)

    def _ask(self, *question: Any) -> Any:
        data = json.dumps(question).encode()
        with self._lock:
            self._connection.send_bytes(data)
            return json.loads(self._connection.recv_bytes())


@dataclass(frozen=True)
class _Carried:
    """Checkpoints that are not safe before the driver has carried them elsewhere."""

    here: Checkpoints
    line: Line

    def save(self, number: int, directory: Path, keep: Path | None = None) -> None:
        self.here.save(number, directory, keep)
        self.line.carry(number)

    def load(self, number: int) -> Path | None:
        return self.here.load(number)

    def find(self, number: int) -> Path | None:
        return self.here.find(number)


class _Printed:
    """The sink of a trial in a worker: what the worker itself prints is kept by its driver."""

    def write(self, data: bytes, left_out: int = 0) -> None:
        _flush()
        rest = memoryview(data)
        with suppress(OSError):
            while rest:
                rest = rest[os.write(1, rest) :]


@dataclass(frozen=True)
class _Worker:
    function: Function
    line: Line
    folder: str
    checkpoints: Checkpoints
    differentiation: Differentiation


_worker: _Worker | None = None  # Pebble calls two functions, and keeps nothing between them


def start(setup: Setup) -> None:
    """Makes this process a worker; Pebble's initializer.

    Where no trial can run it tells the driver ``broken``, with the reason.
    """
    global _worker
    _settle(setup)
    line = Line(setup.line, setup.paced)
    try:
        setup.main.install()
        objective: Objective = pickle.loads(setup.objective)  # the driver's own, in transit
        function = objective.load()
    except ObjectiveError as error:
        line.say("broken", str(error))
    except BaseException as error:
        line.say("broken", f"the objective cannot be loaded in a worker: {explain(error)}")
    else:
        checkpoints = _Carried(setup.checkpoints, line) if setup.carried else setup.checkpoints
        _worker = _Worker(function, line, os.getcwd(), checkpoints, setup.differentiation)


def run_trial(number: int, params: dict[str, Any], seed: int) -> Attempt:
    """Runs one trial; Pebble's task. Nothing that the objective does escapes as such."""
    if _worker is None:
        raise RuntimeError("the objective is not loaded")
    os.chdir(_worker.folder)
    _worker.line.say("begun", number)
    trial = Trial(
        number,
        params,
        seed,
        _worker.line,
        _worker.checkpoints,
        _worker.differentiation,
        _Printed(),
    )
    try:
        outcome = evaluate(_worker.function, trial)
    except (NoCheckpoints, StopStudy) as error:  # no trial of it can go on: the run has to end
        _worker.line.say("broken", str(error))
        outcome = Outcome.failed(str(error))
    except BaseException as error:  # KeyboardInterrupt: Ctrl-C does not come here
        outcome = Outcome.failed(explain(error))
    _flush()
    return (
        outcome.state.value, outcome.result, outcome.error, outcome.retriable, outcome.gradients,
        outcome.ungraded, outcome.standard_errors,
    )  # fmt: skip


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the objective may have closed or replaced them
            stream.flush()


def _settle(setup: Setup) -> None:
    try:
        os.setpgid(0, setup.group)
    except OSError:  # killed already: the driver has gone, or wants no more of this worker
        os._exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Pebble's would turn it into an exit code
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # Pebble ignores it by now
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(_FIRST_TO_GO)
    _redirect(setup.output)
    faulthandler.enable(all_threads=False)
    if setup.memory is not None:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (setup.memory, hard))


def _redirect(output: Connection[bytes, bytes] | None) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if output is not None:
        os.dup2(output.fileno(), 2)
        output.close()
    os.dup2(2, 1)  # the driver's stdout is for results
    streams: tuple[TextIO, ...] = (sys.stdout, sys.stderr)
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)  # a crash should not swallow last words
