"""A worker: a Ray Tune trial that runs one of the study's trials after another.

The objective runs in a process of its own beside Ray's, as on runner ``processes``: what
crashes, hangs, leaks or exits takes that process down, and neither Ray's worker nor its
place in the cluster. It sees the GPUs that Ray gave to the worker.
"""

from __future__ import annotations

import os
import pickle
import selectors
import socket
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from hpo_bridge.contracts.checkpoints import Checkpoints
from hpo_bridge.contracts.gradients import Differentiation
from hpo_bridge.contracts.objective import Objective
from hpo_bridge.contracts.trial import Channel, Trial
from hpo_bridge.objectives.main_module import MainModule
from hpo_bridge.runners.process_loop import Bell
from hpo_bridge.runners.worker_handle import Settings, Slot, WorkerDied

from .code import Folder, moved
from .hub import Message
from .luggage import Luggage
from .recent_output import RecentOutput

_LOOK = 1.0  # seconds after which a trial is looked at in any case
_HOLD = 0.02  # seconds that messages wait for others, and for the trial's end
_STILLBORN = 3  # processes in a row that may die before they begin a trial


@dataclass(frozen=True)
class Setup:
    """What every worker gets when it joins.

    Attributes:
        objective: The pickled objective.
        main: The user's ``__main__``.
        folder: The objective's folder; ``None`` for one that has none.
        work_dir: The driver's working directory.
        path: The driver's ``sys.path``.
        timeout: Seconds for a trial, or ``None``.
        memory: Bytes of address space for a worker, or ``None``.
        capture: Whether the workers' output is kept back.
        checkpoints: Where the study's trials keep checkpoints, on the driver's disks.
        home: The names of the machine that sees them; from others they are carried there.
        differentiation: Whether the trials' derivatives are wanted.
    """

    objective: bytes
    main: MainModule
    folder: Folder | None
    work_dir: str
    path: tuple[str, ...]
    timeout: float | None
    memory: int | None
    capture: bool
    checkpoints: Checkpoints
    home: frozenset[str]
    differentiation: Differentiation


def serve(hub: Any, name: str) -> None:
    """Runs trials until the hub says stop, or is no more."""
    worker = Worker(hub, name)
    try:
        worker.run()
    except RayError:  # the driver has gone, and the hub with it
        pass
    finally:
        worker.close()


class _NoChannel(Channel):
    """A trial's way back; the process that runs it has one of its own."""

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        raise NotImplementedError

    def should_prune(self, number: int) -> bool:
        raise NotImplementedError

    def resumed(self, number: int) -> None:
        raise NotImplementedError


class Worker:
    """Runs the trials that the hub gives it.

    Args:
        hub: The hub's handle.
        name: The worker's name.
    """

    def __init__(self, hub: Any, name: str) -> None:
        self._hub = hub
        self._me = name, uuid.uuid4().hex
        self._bell = Bell()
        self._output = RecentOutput(self._bell.ring)
        self._slot: Slot | None = None
        self._settings: Any = None
        self._luggage: Luggage | None = None  # where the driver's disks are not seen
        self._said: list[Message] = []  # not sent yet
        self._held = 0.0  # since when
        self._joined = threading.Event()
        self._gone = threading.Event()
        self._cut = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heart", daemon=True)

    def run(self) -> None:
        """Until the hub says stop."""
        where = f"{socket.gethostname()}:{os.getpid()}"
        setup: Setup | None = ray.get(self._hub.join.remote(*self._me, where))
        if setup is None:  # the run has ended meanwhile
            return
        self._joined.set()
        self._heart.start()
        if socket.gethostname() not in setup.home:
            self._luggage = Luggage(self._hub, self._me)
        self._settings = self._prepared(setup)
        self._slot = Slot(self._settings)  # loads the objective while a trial is on its way
        while True:
            said, self._said = self._said, []
            kind, *order = ray.get(self._hub.next.remote(*self._me, said))
            if kind == "stop":
                self._clear()  # first: the driver does not wait for more than this word
                ray.get(self._hub.leave.remote(*self._me))
                return
            done = self._attempt(*order)  # which sends what is said
            if done is not None:
                self._said.append(("done", *done))

    def close(self) -> None:
        """Ends the process and the heartbeat."""
        self._gone.set()
        if self._slot is not None:
            self._slot.close()
        self._clear()
        self._bell.__exit__()

    def _clear(self) -> None:
        if self._luggage is not None:
            self._luggage.close()
            self._luggage = None

    def _prepared(self, setup: Setup) -> Settings:
        """Settings for a process of the objective, with paths of this machine."""
        objective, work_dir = setup.objective, setup.work_dir
        if setup.folder is not None:
            after = setup.folder.here(Path.cwd() / "code")
            if after != setup.folder.path:
                loaded: Objective = pickle.loads(objective)  # the driver's own, in transit
                objective = pickle.dumps(moved(loaded, setup.folder.path, after))
                work_dir = after
        with suppress(OSError):  # another machine need not have it
            os.chdir(work_dir)
        sys.path += [place for place in setup.path if place not in sys.path]
        return Settings(
            objective, setup.main, setup.timeout, setup.memory, setup.capture, self._bell.ring,
            setup.checkpoints if self._luggage is None else self._luggage.kept,
            carried=self._luggage is not None, differentiation=setup.differentiation,
        )  # fmt: skip

    def _attempt(
        self, number: int, params: dict[str, Any], seed: int, ticket: Any
    ) -> Message | None:
        """Runs one trial, on from its last checkpoint; its number, and how it ended.

        ``None`` if that is not for the study to know.
        """
        if self._luggage is None:
            return self._trial(number, params, seed)
        try:
            problem = self._luggage.take_in(number, ticket) if ticket is not None else None
            if problem is not None:
                return (number, "FAILED", None, problem, True)
            return self._trial(number, params, seed)
        finally:
            self._luggage.end(number)

    def _trial(self, number: int, params: dict[str, Any], seed: int) -> Message:
        """Runs one trial; its number, and how it ended."""
        assert self._slot is not None
        trial = Trial(number, params, seed, _NoChannel())
        for _ in range(_STILLBORN):
            death = ""
            try:
                self._slot.submit(trial, self._output)
                self._follow(self._slot)
                result = self._slot.result()
            except WorkerDied as error:
                death = str(error)
            self._collect(number)
            begun, self._slot.trial, self._slot.future = self._slot.begun, None, None
            if not death or self._cut.is_set():
                return (number, *(result if not death else ("FAILED", None, death, True)))
            self._slot.close()
            self._slot = Slot(self._settings)
            if begun:
                return (number, "FAILED", None, death, True)
        why = f"the objective's process ends before it begins a trial: {death}"
        self._said.append(("broken", why))
        return (number, "FAILED", None, death, True)

    def _follow(self, slot: Slot) -> None:
        """Passes on what the trial says, until it has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(slot.line, selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while True:
                wait, due = _HOLD if self._said else _LOOK, self._output.wait
                happened = selector.select(wait if due is None else min(wait, due))
                self._bell.quiet()
                ended = slot.future is not None and slot.future.done()
                if not self._listen(slot) and not ended:
                    with suppress(KeyError, ValueError):
                        selector.unregister(slot.line)
                if ended:
                    return
                if self._output.wait == 0.0 and slot.trial is not None:
                    self._collect(slot.trial.number)
                    self._send()
                if not happened or time.monotonic() > self._held + _HOLD:
                    self._send()

    def _collect(self, number: int) -> None:
        """Add what the trial has printed to what is to be sent."""
        data, left_out = self._output.take()
        if data:
            self._said.append(("output", number, data, left_out))

    def _listen(self, slot: Slot) -> bool:
        """Passes on what the process says; whether it can still say more."""
        try:
            while message := slot.receive():
                self._hear(slot, *message)
        except EOFError:
            return False
        return True

    def _hear(self, slot: Slot, kind: str, *said: Any) -> None:
        if kind == "should_prune":
            before, self._said = self._said, []
            slot.answer(ray.get(self._hub.should_prune.remote(*self._me, *said, before)))
            return
        if kind == "checkpoint":
            self._send()
            slot.confirm(self._carried(slot, *said))
            return
        if kind == "begun":
            slot.begun = slot.worked = True
        if not self._said:
            self._held = time.monotonic()
        self._said.append((kind, *said))

    def _carried(self, slot: Slot, number: int) -> str | None:
        """Has the driver save a checkpoint; what the problem is, if any."""
        if self._luggage is None or slot.trial is None or slot.trial.number != number:
            return "the trial has ended"  # a thread that it left behind
        return self._luggage.hand_over(number)

    def _send(self) -> None:
        """Sends what was said; waits, as Ray may let a later call to the hub go first."""
        if self._said:
            said, self._said = self._said, []
            ray.get(self._hub.say.remote(*self._me, said))

    def _beat(self) -> None:
        """Shows that the worker lives; ends its trial when it is told to leave at once."""
        with suppress(RayError):
            while not self._gone.is_set():
                if ray.get(self._hub.watch.remote(*self._me)):
                    self._cut.set()
                    if self._slot is not None:
                        self._slot.kill()
                    return
