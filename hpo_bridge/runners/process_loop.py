"""The loop of runner ``processes``: the only thread that talks to the study."""

from __future__ import annotations

import threading
from multiprocessing.connection import wait
from typing import Any

from ..contracts.record import Outcome, TrialState
from ..contracts.runner import Work
from ..contracts.trial import Trial
from ..errors import ObjectiveError
from .stop_policy import StopPolicy
from .waker import Waker
from .worker import WorkerSettings
from .worker_handle import WorkerDied, WorkerHandle

_STILLBORN = 3  # workers in a row that may die before they begin a trial


class ProcessLoop:
    """One run.

    Args:
        work: The study.
        settings: What all workers have in common.
        limit: How many workers there may be.
        stop: Says when to stop.
        waker: Wakes the loop at Ctrl-C.
    """

    def __init__(
        self, work: Work, settings: WorkerSettings, limit: int, stop: StopPolicy, waker: Waker
    ) -> None:
        self._work = work
        self._settings = settings
        self._limit = limit
        self._stop = stop
        self._waker = waker
        self._workers: list[WorkerHandle] = []
        self._closing: list[threading.Thread] = []
        self._again: list[Trial] = []  # given to workers that died before they began them
        self._is_dry = False  # no trial to be had until a running one ends
        self._stillborn = 0

    def run(self) -> None:
        """Run trials until nothing is left, or until it is time to cut them."""
        while True:
            self._stop.update()
            started = not self._stop.is_stopping and not self._is_dry and self._start()
            is_running = any(worker.trial is not None for worker in self._workers)
            if not is_running and (self._is_dry or self._stop.is_stopping):
                return
            if self._stop.is_over:
                return
            self._serve(0.0 if started else self._stop.seconds_to_wait)

    def close(self) -> None:
        """Cut what still runs, give it back, and end all workers."""
        cut = [worker for worker in self._workers if worker.trial is not None]
        for worker in cut:
            worker.kill()
        try:
            for trial in (*(worker.trial for worker in cut), *self._again):
                if trial is not None:
                    self._work.give_back(trial.number, self._stop.reason)
        finally:
            for worker in tuple(self._workers):
                self._retire(worker)
            for thread in self._closing:
                thread.join()

    def _start(self) -> bool:
        """Start one trial if a worker is free; ``True`` if there may be another to start."""
        if not self._again and self._work.exhausted:
            self._is_dry = True
            return False
        worker = next((worker for worker in self._workers if worker.trial is None), None)
        if worker is None:
            if len(self._workers) >= self._limit:
                return False
            worker = WorkerHandle(self._settings)  # comes up while the study thinks
            self._workers.append(worker)
        trial = self._again.pop(0) if self._again else self._work.next()
        if trial is None:
            self._is_dry = True
            return False
        try:
            worker.submit(trial, self._work.output(trial.number))
        except WorkerDied as death:  # while it was idle
            self._again.append(trial)
            self._dismiss(worker, death)
        return True

    def _dismiss(self, worker: WorkerHandle, death: WorkerDied) -> None:
        """Dismiss a worker that has died; the next is started when there is a trial."""
        if not worker.has_worked:
            self._stillborn += 1
            if self._stillborn >= _STILLBORN:
                raise ObjectiveError(
                    f"objective {self._work.objective.describe()}: {_STILLBORN} workers in a row "
                    f"ended before they began a trial, as one does that crashes in an import; "
                    f"the last: {death}"
                )
        self._retire(worker)

    def _retire(self, worker: WorkerHandle) -> None:
        self._workers.remove(worker)
        self._closing = [thread for thread in self._closing if thread.is_alive()]
        thread = threading.Thread(target=worker.close, name="worker's end")
        thread.start()  # the other workers are not kept waiting
        self._closing.append(thread)

    def _serve(self, seconds: float) -> None:
        """Wait for messages and for the ends of workers, and pass them on."""
        seconds = min([seconds, *(worker.seconds_left for worker in self._workers)])
        waker = self._waker.fileno()
        ready = wait([waker, *(worker.line for worker in self._workers)], seconds)
        if waker in ready:
            self._waker.clear()
        for worker in tuple(self._workers):
            if worker.line in ready or worker.seconds_left <= 0 or not ready:
                self._listen(worker)

    def _listen(self, worker: WorkerHandle) -> None:
        while True:
            trial = worker.trial
            try:
                message = worker.receive()
            except WorkerDied as death:
                self._lose(worker, trial, death)
                return
            if message is None:
                return
            self._handle(worker, trial, *message)

    def _lose(self, worker: WorkerHandle, trial: Trial | None, death: WorkerDied) -> None:
        worker.trial = None
        if trial is not None:
            self._is_dry = False
            if worker.has_begun:
                self._work.finish(trial.number, Outcome.failed(str(death)))
            else:
                self._again.append(trial)
        self._dismiss(worker, death)

    def _handle(self, worker: WorkerHandle, trial: Trial | None, kind: str, *fields: Any) -> None:
        number = trial.number if trial is not None else None
        match kind:
            case "begun":
                self._stillborn = 0
            case "broken":
                raise ObjectiveError(fields[0])
            case "report" if fields[0] == number:  # else of a thread that was left behind
                self._work.report(*fields)
            case "resumed" if fields[0] == number:
                self._work.resumed(*fields)
            case "should_prune":
                is_current = fields[0] == number
                worker.answer(self._work.should_prune(fields[0]) if is_current else True)
            case "done" if number is not None:
                state, *rest = fields
                self._is_dry = False
                self._work.finish(number, Outcome(TrialState(state), *rest))
