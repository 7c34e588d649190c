"""Mode ``trials``: a trial of Tune's that is one of the study's, so that Tune can judge it.

A worker as in mode ``slots`` runs beside it, in a thread, and talks to the study as always. Here
it goes at Tune's pace: each step of Tune's is one report of the objective, which waits in
``trial.report`` until Tune has said what becomes of it.
"""

from __future__ import annotations

import math
import queue
import threading
import uuid
from dataclasses import replace
from typing import Any

import ray

from hpo_bridge.runners import WorkerHandle, WorkerSettings

from .connected_worker import Message
from .hub import NAMESPACE
from .ray_worker import RayWorker, Setup
from .schedulers import LOSS, PARAMS, TIME
from .tune_actor import HUB, Role, TuneActor, plain_data_only

plain_data_only()

SIGN = "sign"
"""In a trial's config: what makes a loss of a reported value."""
OVER = "hpo_bridge_over"
"""In the last result of a trial that has ended by itself."""
_GRACE = 1.0  # seconds for an objective that is told to stop to do so
_JOINED = 60.0  # seconds for the hub to answer, where the cluster is slow
_KILLED = 10.0  # seconds for the end of a process that was killed


class PacedWorker(RayWorker):
    """A worker whose trials wait at each report to be told to go on.

    Args:
        hub: The hub's handle.
    """

    def __init__(self, hub: Any) -> None:
        super().__init__(hub, uuid.uuid4().hex)
        self.events: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._verdicts: queue.SimpleQueue[bool] = queue.SimpleQueue()  # whether to go on
        self._free = threading.Event()
        self._free.set()
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="worker", daemon=True)
        self._thread.start()

    def claim(self, name: str, params: dict[str, Any], source: str | None) -> None:
        """Asks for the trial of that name, to go on from where ``source`` is."""
        self._free.clear()
        self._ending = False
        self.events, self._verdicts = queue.SimpleQueue(), queue.SimpleQueue()
        self._joined.wait(_JOINED)  # the hub knows nobody before
        ray.get(self._hub.claim.remote(*self._me, name, params, source))

    def go_on(self) -> None:
        """Lets the objective return from its report."""
        self._verdicts.put(True)

    def end(self) -> None:
        """Ends the trial, if one runs: it may end itself, but has to be quick."""
        if self._free.is_set():
            return
        self._ending = True
        self._verdicts.put(False)
        if not self._free.wait(_GRACE) and self._process is not None:
            self._process.kill()
            self._free.wait(_KILLED)

    def leave(self) -> None:
        """Ends everything."""
        self.end()
        self.close()
        ray.get(self._hub.leave.remote(*self._me))

    def _serve(self) -> None:
        why = "the worker was told to leave"
        try:
            self.run()
        except Exception as error:  # the driver has gone, say
            why = str(error)
        self.events.put(("gone", why))  # to whoever waits
        self._free.set()

    def _local_settings(self, setup: Setup) -> WorkerSettings:
        return replace(super()._local_settings(setup), is_paced=True)

    def _attempt(
        self, number: int, params: dict[str, Any], seed: int, ticket: Any
    ) -> Message | None:
        done = super()._attempt(number, params, seed, ticket)
        assert done is not None
        self._send()  # what it has printed: the trial may be over for the driver from here on
        ended_by_tune = self._ending and not self._cut.is_set()
        self._free.set()
        self.events.put(("done", *done))
        return None if ended_by_tune else done

    def _handle(self, process: WorkerHandle, kind: str, *fields: Any) -> None:
        if kind == "should_prune" and self._ending:
            process.answer(True)
            return
        super()._handle(process, kind, *fields)
        if kind == "report":
            process.read_output()
            self._collect(fields[0])
            self._send()  # all of it, as Tune may end the trial here
            self.events.put((kind, *fields))
            process.answer(not self._ending and self._verdicts.get())

    def _beat(self) -> None:
        super()._beat()
        self._ending = True
        self._verdicts.put(False)  # whatever it waits for


class TrialActor(TuneActor):
    """The actor; it runs one trial at a time, for as long as Tune wants."""

    def made(self, config: dict[str, Any], name: str) -> Role:
        """A worker and its first trial."""
        return _Attempts(PacedWorker(ray.get_actor(config[HUB], NAMESPACE)), config, name)


class _Attempts:
    """Attempts at trials, one after another."""

    def __init__(self, worker: PacedWorker, config: dict[str, Any], name: str) -> None:
        self._worker = worker
        self.reset(config, name)

    def reset(self, config: dict[str, Any], name: str) -> None:
        """Ends the trial before, if it has not ended."""
        self._worker.end()
        self._config, self._name = config, name
        self._claimed = False
        self._source: str | None = None
        self._last: dict[str, Any] = {}

    def step(self) -> dict[str, Any]:
        """Until the objective reports, or ends."""
        if self._claimed:
            self._worker.go_on()
        else:
            self._worker.claim(self._name, dict(self._config[PARAMS]), self._source)
            self._claimed = True
        kind, *fields = self._worker.events.get()
        if kind == "gone":
            raise RuntimeError(fields[0])
        if kind == "report":
            _, step, value, *_ = fields
            loss = self._config[SIGN] * value if math.isfinite(value) else math.inf
            done = max(step + 1, self._last.get(TIME, 0))  # steps need not grow
            self._last = {TIME: done, LOSS: loss}
            return dict(self._last)
        return {TIME: 0, LOSS: math.inf, **self._last, "done": True, OVER: True}

    def go_on_from(self, name: str) -> None:
        """The study has the checkpoints, also of a trial that this one takes over."""
        self._source = None if name == self._name else name

    def end(self) -> None:
        """Ends the worker."""
        self._worker.leave()
