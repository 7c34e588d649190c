"""A worker: a Ray Tune trial that runs one of the study's trials after another.

The objective runs in a process of its own beside Ray's, as on runner ``processes``: what
crashes, hangs, leaks or exits takes that process down, and neither Ray's worker nor its
place in the cluster. It sees the GPUs that Ray gave to the worker.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from hpo_bridge.contracts.objective import Objective
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.runners import Waker, WorkerDied, WorkerHandle, WorkerSettings

from .code_upload import CodeFolder, moved
from .connected_worker import Message
from .output_buffer import OutputBuffer
from .worker_checkpoints import WorkerCheckpoints

_POLL = 1.0  # seconds after which a trial is looked at in any case
_HOLD = 0.02  # seconds that messages wait for others, and for the trial's end
_STILLBORN = 3  # processes in a row that may die before they begin a trial


@dataclass(frozen=True)
class Setup:
    """The setup that every worker gets when it joins.

    Attributes:
        settings: Those of the objective's processes.
        folder: The objective's folder; ``None`` for one that has none.
        work_dir: The driver's working directory.
        path: The driver's ``sys.path``.
        home: The names of the machine that sees the study's checkpoints; from others they are
            sent there.
    """

    settings: WorkerSettings
    folder: CodeFolder | None
    work_dir: str
    path: tuple[str, ...]
    home: frozenset[str]


def serve(hub: Any, name: str) -> None:
    """Run trials until the hub says stop, or is no more."""
    worker = RayWorker(hub, name)
    try:
        worker.run()
    except RayError:  # the driver has gone, and the hub with it
        pass
    finally:
        worker.close()


class RayWorker:
    """Runs the trials that the hub gives it.

    Args:
        hub: The hub's handle.
        name: The worker's name.
    """

    def __init__(self, hub: Any, name: str) -> None:
        self._hub = hub
        self._me = name, uuid.uuid4().hex
        self._waker = Waker()
        self._output = OutputBuffer(self._waker.wake)
        self._process: WorkerHandle | None = None
        self._settings: Any = None
        self._checkpoints: WorkerCheckpoints | None = None  # where the driver's disks are not seen
        self._messages: list[Message] = []  # not sent yet
        self._held = 0.0  # since when
        self._joined = threading.Event()
        self._gone = threading.Event()
        self._cut = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heart", daemon=True)

    def run(self) -> None:
        """Run trials until the hub says stop."""
        where = f"{socket.gethostname()}:{os.getpid()}"
        setup: Setup | None = ray.get(self._hub.join.remote(*self._me, where))
        if setup is None:  # the run has ended meanwhile
            return
        self._joined.set()
        self._heart.start()
        if socket.gethostname() not in setup.home:
            self._checkpoints = WorkerCheckpoints(self._hub, self._me)
        self._settings = self._local_settings(setup)
        self._process = WorkerHandle(self._settings)  # loads while a trial is on its way
        while True:
            messages, self._messages = self._messages, []
            kind, *order = ray.get(self._hub.next.remote(*self._me, messages))
            if kind == "stop":
                self._clear()  # first: the driver does not wait for more than this word
                ray.get(self._hub.leave.remote(*self._me))
                return
            done = self._attempt(*order)  # which sends the messages
            if done is not None:
                self._messages.append(("done", *done))

    def close(self) -> None:
        """End the process and the heartbeat."""
        self._gone.set()
        if self._process is not None:
            self._process.close()
        self._clear()
        self._waker.close()

    def _clear(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.close()
            self._checkpoints = None

    def _local_settings(self, setup: Setup) -> WorkerSettings:
        """Return the settings with paths of this machine."""
        settings, work_dir = setup.settings, setup.work_dir
        if setup.folder is not None:
            after = setup.folder.here(Path.cwd() / "code")
            if after != setup.folder.path:
                loaded: Objective = pickle.loads(settings.objective)  # the driver's, in transit
                packed = pickle.dumps(moved(loaded, setup.folder.path, after))
                settings, work_dir = replace(settings, objective=packed), after
        with suppress(OSError):  # another machine need not have it
            os.chdir(work_dir)
        sys.path += [place for place in setup.path if place not in sys.path]
        if self._checkpoints is None:
            return settings
        return replace(settings, checkpoints=self._checkpoints.kept, confirms_checkpoints=True)

    def _attempt(
        self, number: int, params: dict[str, Any], seed: int, ticket: Any
    ) -> Message | None:
        """Run one trial, on from its last checkpoint.

        Returns:
            Its number and how it ended; ``None`` if that is not for the study to know.
        """
        if self._checkpoints is None:
            return self._run_trial(number, params, seed)
        try:
            problem = self._checkpoints.download(number, ticket) if ticket is not None else None
            if problem is not None:
                return (number, "FAILED", None, problem, True)
            return self._run_trial(number, params, seed)
        finally:
            self._checkpoints.end(number)

    def _run_trial(self, number: int, params: dict[str, Any], seed: int) -> Message:
        """Run one trial; return its number and how it ended."""
        assert self._process is not None
        no_channel: Any = None  # the process has one of its own
        trial = Trial(number, params, seed, no_channel)
        for _ in range(_STILLBORN):
            try:
                self._process.submit(trial, self._output)
                outcome = self._follow(self._process)
                self._collect(number)
                return (number, *outcome)
            except WorkerDied as error:
                death = str(error)
            self._collect(number)
            has_begun, self._process.trial = self._process.has_begun, None
            if self._cut.is_set():
                return (number, "FAILED", None, death, True)
            self._process.close()
            self._process = WorkerHandle(self._settings)
            if has_begun:
                return (number, "FAILED", None, death, True)
        why = f"the objective's process ends before it begins a trial: {death}"
        self._messages.append(("broken", why))
        return (number, "FAILED", None, death, True)

    def _follow(self, process: WorkerHandle) -> list[Any]:
        """Pass on what the trial says, until it has ended; return how.

        Raises:
            WorkerDied: If its process has ended.
        """
        number = process.trial.number if process.trial is not None else 0
        waker = self._waker.fileno()
        while True:
            seconds = [_HOLD if self._messages else _POLL, process.seconds_left]
            if self._output.seconds_left is not None:
                seconds.append(self._output.seconds_left)
            ready = wait([waker, process.line], min(seconds))
            self._waker.clear()
            while message := process.receive():
                kind, *fields = message
                if kind == "done":
                    return fields
                self._handle(process, kind, *fields)
            if self._output.seconds_left == 0.0:
                self._collect(number)
                self._send()
            if not ready or time.monotonic() > self._held + _HOLD:
                self._send()

    def _collect(self, number: int) -> None:
        """Add what the trial has printed to what is to be sent."""
        data, left_out = self._output.take()
        if data:
            self._messages.append(("output", number, data, left_out))

    def _handle(self, process: WorkerHandle, kind: str, *fields: Any) -> None:
        if kind == "should_prune":
            before, self._messages = self._messages, []
            process.answer(ray.get(self._hub.should_prune.remote(*self._me, *fields, before)))
        elif kind == "checkpoint":
            self._send()
            process.answer(self._upload(process, *fields))
        else:
            if not self._messages:
                self._held = time.monotonic()
            self._messages.append((kind, *fields))

    def _upload(self, process: WorkerHandle, number: int) -> str | None:
        """Have the driver save a checkpoint; return the problem, if there is one."""
        trial = process.trial
        if self._checkpoints is None or trial is None or trial.number != number:
            return "the trial has ended"  # a thread that it left behind
        return self._checkpoints.upload(number)

    def _send(self) -> None:
        """Send the messages; wait, as Ray may let a later call to the hub go first."""
        if self._messages:
            messages, self._messages = self._messages, []
            ray.get(self._hub.say.remote(*self._me, messages))

    def _beat(self) -> None:
        """Show that the worker lives; end its trial when it is told to leave at once."""
        with suppress(RayError):
            while not self._gone.is_set():
                if ray.get(self._hub.watch.remote(*self._me)):
                    self._cut.set()
                    if self._process is not None:
                        self._process.kill()
                    return
