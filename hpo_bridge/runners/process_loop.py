"""The loop of runner ``processes``: the only thread that talks to the study."""

from __future__ import annotations

import os
import selectors
import threading
from contextlib import suppress
from typing import Any

from ..contracts.interrupts import CtrlC
from ..contracts.record import Outcome, TrialState
from ..contracts.runner import Work
from ..contracts.trial import Trial
from ..errors import ObjectiveError
from .shutdown import Ending
from .worker_handle import Settings, Slot, WorkerDied

_STILLBORN = 3  # workers in a row that may die before they begin a trial


class Bell:
    """Wakes the driver's loop, from any thread and from a signal handler."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def __enter__(self) -> Bell:
        return self

    def __exit__(self, *_: object) -> None:
        ends = self._reader, self._writer
        self._reader = self._writer = -1  # a late ring must not reach somebody else's file
        for end in ends:
            os.close(end)

    def fileno(self) -> int:
        """What the loop waits for."""
        return self._reader

    def ring(self) -> None:
        """Wakes the loop; a full pipe has woken it already."""
        with suppress(OSError):
            os.write(self._writer, b"!")

    def quiet(self) -> None:
        """Makes ready for the next ring."""
        with suppress(BlockingIOError):
            os.read(self._reader, 4096)


class Driver:
    """One run.

    Args:
        work: The study.
        settings: What all workers have in common.
        workers: How many there may be.
        grace: Seconds for running trials once the run is to stop.
        bell: What the workers' futures and Ctrl-C ring.
        ctrl_c: Counts Ctrl-C.
    """

    def __init__(
        self,
        work: Work,
        settings: Settings,
        workers: int,
        grace: float,
        bell: Bell,
        ctrl_c: CtrlC,
    ) -> None:
        self._work = work
        self._settings = settings
        self._workers = workers
        self._bell = bell
        self._ending = Ending(work, ctrl_c, grace)
        self._slots: list[Slot] = []
        self._closing: list[threading.Thread] = []
        self._again: list[Trial] = []  # given to workers that died before they began them
        self._dry = False  # no trial to be had until a running one ends
        self._stillborn = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(bell, selectors.EVENT_READ)

    def loop(self) -> None:
        """Runs trials until nothing is left, or until it is time to cut them."""
        while True:
            self._ending.look()
            started = not self._ending.begun and not self._dry and self._start()
            running = any(slot.trial is not None for slot in self._slots)
            if not running and (self._dry or self._ending.begun):
                return
            if self._ending.over:
                return
            self._serve(0.0 if started else self._ending.patience)

    def close(self) -> None:
        """Cuts what still runs, gives it back, and ends all workers."""
        cut = [slot for slot in self._slots if slot.trial is not None]
        for slot in cut:
            slot.kill()
        try:
            for trial in (*(slot.trial for slot in cut), *self._again):
                if trial is not None:
                    self._work.give_back(trial.number, self._ending.reason)
        finally:
            for slot in tuple(self._slots):
                self._retire(slot)
            for thread in self._closing:
                thread.join()
            self._selector.close()

    def _start(self) -> bool:
        """Starts one trial if a worker is free; whether there may be another to start."""
        if not self._again and self._work.exhausted:
            self._dry = True
            return False
        slot = next((slot for slot in self._slots if slot.trial is None), None)
        if slot is None:
            if len(self._slots) >= self._workers:
                return False
            slot = self._hire()  # comes up while the study thinks
        trial = self._again.pop(0) if self._again else self._work.next()
        if trial is None:
            self._dry = True
            return False
        try:
            slot.submit(trial, self._work.output(trial.number))
        except WorkerDied:  # while it was idle
            self._again.append(trial)
            self._replace(slot)
        return True

    def _hire(self) -> Slot:
        slot = Slot(self._settings)
        self._slots.append(slot)
        self._selector.register(slot.line, selectors.EVENT_READ, slot)
        return slot

    def _replace(self, slot: Slot) -> None:
        """Dismisses a worker that has died; the next is hired when there is a trial."""
        if not slot.worked:
            self._stillborn += 1
            if self._stillborn >= _STILLBORN:
                raise ObjectiveError(
                    f"objective {self._work.objective.describe()}: {_STILLBORN} workers in a row "
                    f"ended before they began a trial, as one does that crashes in an import; "
                    f"the last: {slot.epitaph()}"
                )
        self._retire(slot)

    def _retire(self, slot: Slot) -> None:
        self._slots.remove(slot)
        self._unlisten(slot)
        self._closing = [thread for thread in self._closing if thread.is_alive()]
        thread = threading.Thread(target=slot.close, name="worker's end")
        thread.start()  # the other workers are not kept waiting
        self._closing.append(thread)

    def _unlisten(self, slot: Slot) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(slot.line)

    def _serve(self, patience: float) -> None:
        """Waits for messages and for ends of trials, and passes them on."""
        for key, _ in self._selector.select(patience):
            if key.data is None:
                self._bell.quiet()
            else:
                self._listen(key.data)
        for slot in tuple(self._slots):
            if slot.future is not None and slot.future.done():
                self._listen(slot)  # all that it said before the end
                self._finish(slot)

    def _listen(self, slot: Slot) -> None:
        try:
            while message := slot.receive():
                self._hear(slot, *message)
        except EOFError:
            self._unlisten(slot)
            if slot.trial is None:
                self._replace(slot)

    def _hear(self, slot: Slot, kind: str, *said: Any) -> None:
        current = slot.trial.number if slot.trial is not None else None
        if kind == "begun":
            slot.begun = slot.worked = True
            self._stillborn = 0
        elif kind == "broken":
            raise ObjectiveError(said[0])
        elif kind == "report" and said[0] == current:  # else a thread that was left behind
            self._work.report(*said)
        elif kind == "resumed" and said[0] == current:
            self._work.resumed(*said)
        elif kind == "should_prune":
            slot.answer(self._work.should_prune(said[0]) if said[0] == current else True)

    def _finish(self, slot: Slot) -> None:
        """Takes the outcome of a trial, or the death of its worker."""
        trial = slot.trial
        if trial is None:  # already dealt with
            return
        outcome: Outcome | None
        try:
            state, *rest = slot.result()
            outcome = Outcome(TrialState(state), *rest)
            died = False
        except WorkerDied as death:
            outcome = Outcome.failed(str(death)) if slot.begun else None
            died = True
        slot.trial = slot.future = None
        self._dry = False
        if outcome is not None:
            self._work.finish(trial.number, outcome)
        else:
            self._again.append(trial)
        if died:
            self._replace(slot)
