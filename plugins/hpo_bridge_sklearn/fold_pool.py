"""Processes that evaluate folds of one trial beside each other.

They belong to the process that runs the trial, and end with it, however that happens: each is in a
process group whose warden kills it then. They live for as long as the objective is loaded, so that
only the first trial waits until they have started; each loads the objective by itself, and has the
functions and classes of the user's ``__main__``.

Folds begin in order. What is not needed any more, because the trial was pruned or has failed, is
cancelled: a fit that runs is told to stop, and its process is killed where it does not
within a second and another fold waits for its place.
"""

from __future__ import annotations

import os
import pickle
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait

from hpo_bridge.contracts.objective import Objective
from hpo_bridge.errors import TrialPruned
from hpo_bridge.objectives import Failure, MainModule
from hpo_bridge.runners import Line, WorkerProcess, usable_cpus

from .fold_worker import STOP, main
from .prepared import FoldOutcome, Params

_GRACE = 1.0  # seconds that it then has
_LOOK = 0.25  # seconds between two looks at what has not stopped
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


class FoldPool:
    """The processes, and the one trial at a time that they work on.

    Args:
        objective: What each loads; evaluates folds by its ``prepared().fold(params, fold)``.
        workers: How many there are at most.
    """

    def __init__(self, objective: Objective, workers: int) -> None:
        self._setup = MainModule.here(), pickle.dumps(objective)
        self._workers = workers
        self._hired: list[_Worker] = []
        weakref.finalize(self, _close_all, self._hired)

    @contextmanager
    def evaluating(self, params: Params, folds: int) -> Iterator[Callable[[int], FoldOutcome]]:
        """Evaluates the folds of a trial; gives what waits for the outcome of one.

        Args:
            params: The trial's.
            folds: How many there are.
        """
        batch = _Batch(self, params, folds)
        try:
            yield batch.outcome
        except (TrialPruned, Failure):
            raise
        except KeyboardInterrupt:  # the run has ended
            for worker in tuple(self._hired):
                self._dismiss(worker)
            raise
        except BaseException:  # a timeout, say, perhaps in the middle of a message
            for worker in self._busy():
                self._dismiss(worker)
            raise
        finally:  # also where the trial ended well: one value that is no number ends its folds
            for worker in self._busy():
                worker.stop()

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._hired if worker.fold is not None]

    def free(self) -> _Worker | None:
        """A worker that has nothing to do; a new one, if there may be another."""
        for worker in tuple(self._hired):
            if worker.fold is None and worker.is_alive:
                return worker
            if worker.fold is None:  # it has died while it was idle
                self._dismiss(worker)
        for worker in self._busy():
            if worker.is_overdue:
                self._dismiss(worker)
        if len(self._hired) >= self._workers:
            return None
        worker = _Worker(self._setup, self._workers)
        self._hired.append(worker)
        return worker

    def listen(self, patience: float) -> Iterator[tuple[int, FoldOutcome]]:
        """Yield folds that have ended, as soon as one has; none if that takes too long."""
        busy = {worker.line: worker for worker in self._busy()}
        for line in wait(list(busy), patience):
            worker = busy[line]  # type: ignore[index]
            fold, stopping = worker.fold, worker.stopping
            assert fold is not None
            try:
                outcome = worker.receive()
            except (EOFError, OSError):
                outcome = FoldOutcome(failure=worker.exit_reason(), whole=True)
                self._dismiss(worker)
            if not stopping and outcome is not None:
                yield fold, outcome

    def _dismiss(self, worker: _Worker) -> None:
        self._hired.remove(worker)
        worker.close()


class _Batch:
    """The folds of one trial."""

    def __init__(self, pool: FoldPool, params: Params, folds: int) -> None:
        self._pool = pool
        self._params = dict(params)
        self._waiting = list(range(folds))
        self._ended: dict[int, FoldOutcome] = {}

    def outcome(self, fold: int) -> FoldOutcome:
        """Waits for the outcome of a fold."""
        while fold not in self._ended:
            self._hand_out()
            self._ended.update(self._pool.listen(_LOOK))
        self._hand_out()  # so that nobody idles while the study thinks
        return self._ended.pop(fold)

    def _hand_out(self) -> None:
        while self._waiting and (worker := self._pool.free()) is not None:
            worker.give(self._params, self._waiting.pop(0))


class _Worker:
    """One process.

    Attributes:
        fold: The fold that it evaluates.
        stopping: Whether that is not needed any more.
    """

    def __init__(self, setup: tuple[MainModule, bytes], workers: int) -> None:
        self.fold: int | None = None
        self.stopping = False
        self._deadline = 0.0
        threads = str(max(1, usable_cpus() // workers))
        environ = {**dict.fromkeys(_THREADS, threads), **os.environ}
        self._process = WorkerProcess(main, *setup, blocked=(STOP,), environ=environ)

    @property
    def line(self) -> Line:
        """The connection to it."""
        return self._process.line

    @property
    def is_alive(self) -> bool:
        """True if it runs."""
        return self._process.is_alive

    @property
    def is_overdue(self) -> bool:
        """True if it was told to stop and has not within its time."""
        return self.stopping and time.monotonic() > self._deadline

    def give(self, params: Params, fold: int) -> None:
        """Hand it a fold."""
        self.fold = fold
        with suppress(OSError):  # it has gone: the next message will say so
            self.line.send_bytes(pickle.dumps((params, fold)))

    def receive(self) -> FoldOutcome | None:
        """Return the outcome of its fold; ``None`` if it was stopped.

        Raises:
            EOFError: If it has gone.
        """
        outcome: FoldOutcome | None = pickle.loads(self.line.recv_bytes())  # our own, in transit
        self.fold, self.stopping = None, False
        return outcome

    def stop(self) -> None:
        """Tell it that its fold is not needed any more."""
        if not self.stopping:
            self.stopping, self._deadline = True, time.monotonic() + _GRACE
            self._process.send_signal(STOP)

    def close(self) -> None:
        """End it, and all that it started, at once."""
        self._process.close()

    def exit_reason(self) -> str:
        """Return how it ended, once its end of the line has closed."""
        return f"the fold's process {self._process.exit_reason()}"


def _close_all(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.close()
