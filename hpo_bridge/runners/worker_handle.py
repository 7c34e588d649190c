"""The driver's side of one worker of runner ``processes``."""

from __future__ import annotations

import json
import os
import selectors
import threading
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from ..contracts.checkpoints import NOWHERE, Checkpoints
from ..contracts.gradients import NO_DIFFERENTIATION, Differentiation
from ..contracts.trial import Trial
from ..contracts.trial_output import NO_OUTPUT, OutputSink
from ..objectives.failure import explain, with_output
from ..objectives.main_module import MainModule
from ..objectives.output import Tail
from ..objectives.processgroup import ProcessGroup, ending
from .pool import WorkerContext
from .worker import Attempt, Setup, run_trial, start

_KEPT = 8192  # bytes of a worker's output
_SHOWN = 1500  # bytes of it in the reason of a trial that took its worker down
_DRAIN = 0.2  # seconds for the last words of a worker that has died
_PAUSE = 0.005  # seconds between two reads, so that what is printed word by word is read at once
_CHUNK = 1 << 16
_MOST_CHUNKS = 16  # more than a pipe holds
_LEAVE = 1.0  # seconds for an idle worker to leave by itself, so that its atexit hooks run


@dataclass(frozen=True)
class Settings:
    """What all workers of a run have in common.

    Attributes:
        objective: The pickled objective.
        main: The user's ``__main__``.
        timeout: Seconds for a trial, or ``None``.
        memory: Bytes of address space for a worker, or ``None``.
        capture: Whether what the workers print is read, and given to their trials' sinks.
        wake: Called from any thread when a trial's future is done.
        checkpoints: Where the trials keep checkpoints.
        carried: Whether each checkpoint is to be carried elsewhere before its trial goes
            on: the worker says ``checkpoint`` and waits for :meth:`Slot.confirm`.
        paced: Whether a trial waits after each ``report`` for :meth:`Slot.answer`: to go on, or to
            stop there by ``TrialPruned``.
        differentiation: Whether the trials' derivatives are wanted.
    """

    objective: bytes
    main: MainModule
    timeout: float | None
    memory: int | None
    capture: bool
    wake: Callable[[], None]
    checkpoints: Checkpoints = NOWHERE
    carried: bool = False
    paced: bool = False
    differentiation: Differentiation = NO_DIFFERENTIATION


class WorkerDied(Exception):
    """A worker has ended, by itself or for its trial's timeout; the text says how."""


class Slot:
    """One worker, and the trial that it runs.

    A worker is a Pebble pool of its own. When it dies, its slot is closed and a new one
    takes its place.

    Attributes:
        line: The driver's end of the second connection.
        trial: The trial it was given; ``None`` for an idle worker.
        future: Pebble's future of that trial.
        begun: Whether the worker has begun its trial.
        worked: Whether the worker has begun any trial.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.trial: Trial | None = None
        self.future: ProcessFuture[Attempt] | None = None
        self.begun = False
        self.worked = False
        self._group = ProcessGroup()
        self._context = WorkerContext(self._group)
        self.line, theirs = self._context.Pipe()
        self._output = _Drain(self._context) if settings.capture else None
        writer = self._output.writer if self._output else None
        setup = Setup(
            settings.objective, settings.main, theirs, writer, self._group.id, settings.memory,
            settings.checkpoints, settings.carried, settings.paced, settings.differentiation,
        )  # fmt: skip
        self._pool = ProcessPool(
            max_workers=1, initializer=start, initargs=(setup,), context=self._context
        )
        try:
            self._pool.active  # noqa: B018  asking starts the pool, and the pool its worker
        except BaseException:
            self._group.kill()
            self.line.close()
            raise
        finally:
            theirs.close()  # the worker's alone from here on
            if writer is not None:
                writer.close()

    def submit(self, trial: Trial, sink: OutputSink = NO_OUTPUT) -> None:
        """Hands a trial to the worker; it may still be loading the objective.

        Args:
            trial: The trial.
            sink: Takes what the trial prints, in a thread; of a worker's first trial also what
                loading the objective printed. No longer called once :meth:`result` is there.

        Raises:
            WorkerDied: If the worker is known to have died.
        """
        if self._output is not None:
            self._output.begin(sink)
        args = (trial.number, trial.params, trial.seed)
        try:
            future = self._pool.schedule(run_trial, args=args, timeout=self._settings.timeout)
        except RuntimeError as error:
            raise WorkerDied(self.epitaph()) from error
        self.trial = trial
        self.future = future
        self.begun = False
        future.add_done_callback(lambda _: self._settings.wake())

    def result(self) -> Attempt:
        """The outcome of the trial, once its future is done.

        Raises:
            WorkerDied: If there is none.
        """
        assert self.future is not None
        try:
            return self.future.result()
        except TimeoutError:
            raise WorkerDied(f"timed out after {self._settings.timeout:g} s") from None
        except (ProcessExpired, BrokenProcessPool):
            raise WorkerDied(self.epitaph()) from None
        except Exception as error:  # outside the objective: no memory left to go on, say
            raise WorkerDied(f"worker failed: {explain(error)}") from error
        finally:
            if self._output is not None:
                self._output.end()

    def read_output(self) -> None:
        """Give the trial's sink what the worker has written by now."""
        if self._output is not None:
            self._output.read()

    def receive(self) -> list[Any] | None:
        """The next message of the worker; ``None`` if there is none now.

        Raises:
            EOFError: If the worker has gone.
        """
        try:
            if self.line.closed or not self.line.poll():
                return None
            message: list[Any] = json.loads(self.line.recv_bytes())
        except (OSError, ValueError) as error:
            raise EOFError from error
        return message

    def answer(self, yes: bool) -> None:
        """Answers ``should_prune``, or whether to go on after a paced ``report``.

        A worker that has gone needs no answer.
        """
        self._send(yes)

    def confirm(self, problem: str | None) -> None:
        """Answers ``checkpoint``: it is where it should be, or why not."""
        self._send(problem)

    def _send(self, answer: Any) -> None:
        with suppress(OSError):
            self.line.send_bytes(json.dumps(answer).encode())

    def epitaph(self) -> str:
        """How the worker died, and the last that it wrote."""
        worker = self._context.worker
        code = worker.exitcode if worker is not None else None
        how = f"worker {ending(code)}" if code is not None else "worker was lost"
        said = self._output.last_words() if self._output is not None else ""
        return with_output(how, said)

    def kill(self) -> None:
        """Ends the worker, and all that it started, at once."""
        self._group.kill()

    def close(self) -> None:
        """Ends the worker, an idle one gently; takes a fraction of a second."""
        worker = self._context.worker
        if self.trial is None and worker is not None:
            worker.patience = _LEAVE
        else:
            self.kill()
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
        self.kill()  # what the worker left behind
        self.line.close()
        if self._output is not None:
            self._output.close()


class _Drain:
    """Reads what a worker writes, so that it never waits for a reader.

    The last of it is kept for the reason of a failure, and all of it goes to the sink of the
    trial that runs. A thread reads while the trial runs; whoever begins or ends a trial reads
    what is in the pipe at that moment, so that each byte belongs to the right one.
    """

    def __init__(self, context: WorkerContext) -> None:
        self._reader: Connection[bytes, bytes]
        self._reader, self.writer = context.Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)
        self.tail = Tail(_KEPT)
        self._sink: OutputSink = NO_OUTPUT
        self._fresh = True  # no trial yet: what comes is of loading the objective
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="worker output", daemon=True)
        self._thread.start()

    def begin(self, sink: OutputSink) -> None:
        """Give what comes from here on to ``sink``."""
        with self._lock:
            self._read()
            if not self._fresh:  # the rest is of threads and processes that a trial left behind
                self.tail.clear()
            elif self.tail.data:
                sink.write(self.tail.data)
            self._fresh, self._sink = False, sink

    def read(self) -> None:
        """Give the sink what the pipe has now."""
        with self._lock:
            self._read()

    def end(self) -> None:
        """Give the sink what is still in the pipe, and nothing any more after that."""
        with self._lock:
            self._read()
            self._sink = NO_OUTPUT

    def last_words(self) -> str:
        """The last lines of a worker that has died."""
        self._thread.join(_DRAIN)
        return self.tail.text(_SHOWN)

    def close(self) -> None:
        """Ends the reading, once the last writer has gone."""
        self._thread.join(_DRAIN)
        self.end()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            while selector.select():
                with self._lock:
                    if not self._read():
                        break
                time.sleep(_PAUSE)
            with self._lock:
                self._reader.close()

    def _read(self) -> bool:
        """Read what the pipe has now; ``False`` once the last writer has gone."""
        for _ in range(_MOST_CHUNKS):
            if self._reader.closed:
                return False
            try:
                data = os.read(self._reader.fileno(), _CHUNK)
            except BlockingIOError:
                break
            if not data:
                return False
            self.tail.add(data)
            self._sink.write(data)
        return True
