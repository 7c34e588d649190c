"""The actor between the driver and its workers: passes messages on, and keeps nothing.

Workers call it and wait for their next trial; the driver calls it and waits for news. All
messages are plain tuples, their first item says what they are. To the driver a worker that has
died and is up again under its name is another one: what was meant for the first never reaches
the second.

========================  =====================================================
to the driver
``joined, worker, where``   a worker is up, on this machine
``idle, worker``            it waits for a trial
``begun, worker, n``        it has begun trial ``n``
``report, worker, n, …``    step, value and, where there are any, metrics of trial ``n``
``resumed, worker, n``      trial ``n`` has loaded a checkpoint
``prune, worker, n``        trial ``n`` asks whether to stop, and waits
``output, worker, n, …``    what trial ``n`` has printed, and how many bytes before that were
                          dropped on the way
``done, worker, n, …``      how trial ``n`` ended: state, result, error, retriable
``checkpoint, worker, n, …`` it sends a checkpoint of trial ``n``, by this ticket
``broken, worker, why``     it cannot load the objective, or not keep checkpoints
``lost, worker``            it has died, or is not heard of any more
``left, worker``            it went, as it was told to
``claimed, worker, name, …`` it is to run the trial of that name, with these parameters, having
                          taken over that other one (mode ``trials``, as what follows)
``want, , n``               Tune could run more: ``n`` trials, counted from the run's begin
``stopped, name``           Tune has stopped that trial
``unplaced, name``          Tune could not start it
to a worker
``run, worker, …``          number, parameters and seed of a trial, and a ticket if the
                          driver sends its last checkpoint
``answer, worker, stop``    to a ``prune``
``place, name, …``          to Tune: a trial's parameters and resources
``stop, worker``            no further trial: leave
``cut, worker``             leave at once; its trial is not waited for
========================  =====================================================
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from hpo_bridge.contracts.trial_output import KEPT

from .checkpoint_transfer import Transfer
from .connected_worker import ConnectedWorker, Message

BEAT = 2.0
"""Seconds between two signs of life of a worker."""
LOST_AFTER = 30.0
"""Seconds without one after which a worker counts as lost, if Ray has not said so before."""

NAMESPACE = "hpo_bridge"
"""Where the names of hubs hold."""

_GIVEN_UP = "the worker has been given up"


class Hub:
    """Made an actor by :mod:`hpo_bridge_ray.runner`.

    Args:
        setup: What every worker gets when it joins.
    """

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._workers: dict[str, ConnectedWorker] = {}
        self._transfers: dict[str, Transfer] = {}  # by ticket
        self._trials: asyncio.Queue[Message] = asyncio.Queue()  # to be placed by Tune
        self._placed = 0  # how many ever were
        self._claims: dict[str, str] = {}  # a trial's name for Tune: its worker
        self._news: list[Message] = []
        self._printed: dict[str, tuple[int, bytes, int]] = {}  # trial, bytes, left out; by worker
        self._bell = asyncio.Event()
        self._over = False

    # -- the driver's side ------------------------------------------------------------

    async def exchange(self, orders: list[Message], patience: float) -> list[Message]:
        """Delivers orders; gives all news, after at most ``patience`` seconds."""
        for kind, worker, *rest in orders:
            if kind == "place":
                self._placed += 1
                self._trials.put_nowait((worker, *rest))
                continue
            state = self._called(worker)
            if state is None:
                continue  # lost: the driver knows, or is about to
            if kind == "answer":
                state.answers.put_nowait(*rest)
            elif kind == "cut":
                self._give_up(self._workers.pop(state.worker))
            else:
                state.orders.put_nowait((kind, *rest))
        self._look_for_silence()
        if not (self._news or self._printed) and patience > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), patience)
        self._bell.clear()
        news: list[Message] = [("output", name, *kept) for name, kept in self._printed.items()]
        self._printed = {}
        news, self._news = news + self._news, []
        return news

    async def finish(self) -> None:
        """No worker gets a trial any more, nor one that comes up only now."""
        self._over = True
        for state in self._workers.values():
            state.orders.put_nowait(("stop",))

    async def open(self, worker: str, ticket: str) -> None:
        """Makes way for a checkpoint to a worker, before its trial."""
        state = self._called(worker)
        if state is not None:
            self._open(state, ticket)

    async def broken(self, worker: str, why: str) -> None:
        """A checkpoint has come to the driver, and the study cannot keep any."""
        self._tell("broken", worker, why)

    def _look_for_silence(self) -> None:
        now = time.monotonic()
        for worker, state in list(self._workers.items()):
            if now - state.heard > LOST_AFTER:
                self._lose(worker)

    # -- a worker's side --------------------------------------------------------------

    async def join(self, worker: str, life: str, where: str) -> Any:
        """A worker is up, perhaps again; gives it the setup, or ``None``: it is to leave."""
        self._lose(worker)
        if self._over:
            return None
        state = self._workers[worker] = ConnectedWorker(worker, life, time.monotonic())
        self._tell("joined", state.handle, where)
        return self._setup

    async def next(self, worker: str, life: str, said: list[Message]) -> Message:
        """Takes the last words on a trial; gives the worker its next order."""
        await self.say(worker, life, [*said, ("idle",)])
        state = self._state(worker, life)
        return ("stop",) if state is None else await state.orders.get()

    async def say(self, worker: str, life: str, said: list[Message]) -> None:
        """Messages for the driver, without the worker's name; they need no answer."""
        state = self._state(worker, life)
        if state is not None:
            for kind, *rest in said:
                if kind == "output":
                    self._print(state.handle, *rest)
                else:
                    self._tell(kind, state.handle, *rest)

    async def should_prune(self, worker: str, life: str, number: int, said: list[Message]) -> bool:
        """The driver's answer, after what was said before; one that was given up should stop."""
        await self.say(worker, life, said)
        state = self._state(worker, life)
        if state is None:
            return True
        self._tell("prune", state.handle, number)
        return await state.answers.get()

    async def offer(self, worker: str, life: str, number: int, ticket: str) -> bool:
        """Makes way for a checkpoint from a worker; whether it may be sent."""
        state = self._state(worker, life)
        if state is None:
            return False
        self._open(state, ticket)
        self._tell("checkpoint", state.handle, number, ticket)
        return True

    async def watch(self, worker: str, life: str) -> bool:
        """A sign of life; whether the worker is to leave, known after some time at most."""
        state = self._state(worker, life)
        if state is None:
            return True
        try:
            await asyncio.wait_for(state.cut.wait(), BEAT)
        except TimeoutError:
            return False
        return True

    async def leave(self, worker: str, life: str) -> None:
        """A worker goes, having been told to."""
        state = self._state(worker, life)
        if state is not None:
            del self._workers[worker]
            self._tell("left", state.handle)

    async def lose(self, worker: str) -> None:
        """Ray says that a worker has died."""
        self._lose(worker)

    # -- mode ``trials`` ------------------------------------------------------------------

    async def take(self, free: int, patience: float) -> Message | None:
        """Tune asks for a trial, having room for ``free``; name, parameters and resources."""
        if self._trials.empty():
            self._tell("want", "", self._placed + free)
        try:
            return await asyncio.wait_for(self._trials.get(), patience)
        except TimeoutError:
            return None

    async def claim(
        self, worker: str, life: str, name: str, params: dict[str, Any], source: str | None
    ) -> None:
        """A worker is to run a trial, with these parameters, having taken over another one."""
        state = self._state(worker, life)
        if state is not None:
            self._claims[name] = worker
            self._tell("claimed", state.handle, name, params, source)

    async def stopped(self, name: str) -> None:
        """Tune has stopped a trial."""
        self._claims.pop(name, None)
        self._tell("stopped", name)

    async def failed(self, name: str) -> None:
        """Tune has lost a trial, with its worker if it had one."""
        worker = self._claims.pop(name, None)
        if worker in self._workers:
            self._lose(worker)
        self._tell("unplaced", name)

    # -- either side, with a checkpoint: see :mod:`hpo_bridge_ray.checkpoint_transfer` -----

    async def send(self, ticket: str, part: Any) -> bool:
        """Takes a part when there is room; whether it was still wanted."""
        transfer = self._transfers.get(ticket)
        return transfer is not None and await transfer.send(part)

    async def receive(self, ticket: str) -> Any:
        """Gives the next part; ``None`` if there is none to come."""
        transfer = self._transfers.get(ticket)
        return None if transfer is None else await transfer.receive()

    async def settle(self, ticket: str, problem: str | None) -> None:
        """It is where it should be, or will not be."""
        transfer = self._transfers.get(ticket)
        if transfer is not None:
            transfer.close(problem)

    async def settled(self, ticket: str) -> str | None:
        """Once it is known: why it is not where it should be."""
        transfer = self._transfers.get(ticket)
        return _GIVEN_UP if transfer is None else await transfer.settled()

    def _open(self, state: ConnectedWorker, ticket: str) -> None:
        """A worker has one transfer at a time."""
        self._close(state)
        state.ticket = ticket
        self._transfers[ticket] = Transfer()

    def _close(self, state: ConnectedWorker) -> None:
        transfer = self._transfers.pop(state.ticket, None)
        if transfer is not None:
            transfer.close(_GIVEN_UP)

    def _state(self, worker: str, life: str) -> ConnectedWorker | None:
        """The worker's state; ``None`` if that life of it was given up."""
        state = self._workers.get(worker)
        if state is None or state.life != life:
            return None
        state.heard = time.monotonic()
        return state

    def _called(self, handle: str) -> ConnectedWorker | None:
        """The state that the driver means; ``None`` if that life of the worker is over."""
        state = self._workers.get(handle.rpartition("/")[0])
        return state if state is not None and state.handle == handle else None

    def _give_up(self, state: ConnectedWorker) -> None:
        self._close(state)
        state.give_up()

    def _lose(self, worker: str) -> None:
        state = self._workers.pop(worker, None)
        if state is not None:
            self._tell("lost", state.handle)
            self._give_up(state)

    def _print(self, handle: str, number: int, data: bytes, left_out: int) -> None:
        """Keep output for the driver, bounded: it may be busy for long.

        A worker has one trial between two exchanges, and no news of it is older.
        """
        same = self._printed.get(handle, (number, b"", 0))
        joined = same[1] + data
        self._printed[handle] = (
            number, joined[-KEPT:], same[2] + left_out + max(0, len(joined) - KEPT),
        )  # fmt: skip
        self._bell.set()

    def _tell(self, *message: Any) -> None:
        self._news.append(message)
        self._bell.set()
