"""One worker of runner ``processes``, as its driver holds it."""

from __future__ import annotations

import json
import math
import pickle
import time
from typing import Any

from ..contracts.trial import Trial
from ..contracts.trial_output import NO_OUTPUT, OutputSink
from ..objectives.failure import with_output
from .worker import WorkerSettings, main
from .worker_output import WorkerOutput
from .worker_process import Line, WorkerProcess


class WorkerDied(Exception):
    """A worker has ended, by itself or for its trial's timeout; the text says how."""


class WorkerHandle:
    """One worker, and the trial that it runs.

    Args:
        settings: What all workers of the run have in common.

    Attributes:
        trial: The trial that it was given; ``None`` for an idle worker.
        has_begun: Whether it has begun that trial.
        has_worked: Whether it has begun any trial.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self.trial: Trial | None = None
        self.has_begun = False
        self.has_worked = False
        self._timeout = settings.timeout
        self._deadline = math.inf
        self._output = WorkerOutput() if settings.capture else None
        writer = self._output.writer if self._output is not None else None
        try:
            self._process = WorkerProcess(main, settings, output=writer)
        finally:
            if writer is not None:
                writer.close()

    @property
    def line(self) -> Line:
        """The connection that is readable once :meth:`receive` has something to say."""
        return self._process.line

    @property
    def seconds_left(self) -> float:
        """Seconds until the trial's time is over, and :meth:`receive` ends it."""
        return max(0.0, self._deadline - time.monotonic())

    def submit(self, trial: Trial, sink: OutputSink = NO_OUTPUT) -> None:
        """Hand a trial to the worker, which may still be loading the objective.

        Args:
            trial: The trial.
            sink: Takes what the trial prints, in a thread; of a worker's first trial also what
                loading the objective printed. No longer called once the trial has ended.

        Raises:
            WorkerDied: If the worker is known to have died.
        """
        if self._output is not None:
            self._output.begin(sink)
        try:
            self.line.send_bytes(pickle.dumps((trial.number, dict(trial.params), trial.seed)))
        except OSError as error:
            raise WorkerDied(self.exit_reason()) from error
        self.trial = trial
        self.has_begun = False

    def receive(self) -> list[Any] | None:
        """Return the worker's next message, or ``None`` if there is none now.

        After ``done``, which comes with the fields of an outcome, the worker is idle.

        Raises:
            WorkerDied: If it has ended, or was ended for its trial's timeout.
        """
        is_alive = self._process.is_alive  # first: all that it said comes before its end
        try:
            message: list[Any] | None = None
            if self.line.poll():
                message = json.loads(self.line.recv_bytes())
        except (EOFError, OSError, ValueError):
            is_alive = False
        now = time.monotonic()
        if message is not None and message[0] in ("begun", "done"):
            now = message.pop()  # the driver may be late
        if now > self._deadline:
            self.kill()
            self._end()
            raise WorkerDied(f"timed out after {self._timeout:g} s")
        if message is None:
            if not is_alive:
                reason = self.exit_reason()
                self._end()
                raise WorkerDied(reason)
        elif message[0] == "begun":
            self.has_begun = self.has_worked = True
            self._deadline = now + (self._timeout or math.inf)
        elif message[0] == "done":
            self._end()
            self.trial = None
        return message

    def _end(self) -> None:
        self._deadline = math.inf
        if self._output is not None:
            self._output.end()

    def read_output(self) -> None:
        """Give the trial's sink what the worker has written by now."""
        if self._output is not None:
            self._output.read()

    def answer(self, answer: Any) -> None:
        """Answer the worker's last question; one that has gone needs no answer.

        To ``should_prune`` that is a truth value, to a paced ``report`` whether to go on, and to
        ``checkpoint`` the problem, or ``None`` if it is where it should be.
        """
        try:
            self.line.send_bytes(json.dumps(answer).encode())
        except OSError:
            pass

    def exit_reason(self) -> str:
        """Return how the worker died, and the last that it wrote."""
        how = f"worker {self._process.exit_reason()}"
        said = self._output.last_words() if self._output is not None else ""
        return with_output(how, said)

    def kill(self) -> None:
        """End the worker, and all that it started, at once."""
        self._process.kill()

    def close(self) -> None:
        """End the worker, an idle one gently; takes a fraction of a second."""
        self._process.close(gently=self.trial is None)
        if self._output is not None:
            self._output.close()
