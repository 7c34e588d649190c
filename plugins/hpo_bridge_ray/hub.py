"""The actor between the driver and its workers: passes messages on, and keeps nothing.

Workers call it and wait for their next trial; the driver calls it and waits for news. All
messages are plain tuples, their first item says what they are:

========================  =====================================================
to the driver
``joined, worker, where``   a worker is up, on this machine
``idle, worker``            it waits for a trial
``begun, worker, n``        it has begun trial ``n``
``report, worker, n, …``    step and value of trial ``n``
``prune, worker, n``        trial ``n`` asks whether to stop, and waits
``done, worker, n, …``      how trial ``n`` ended: state, result, error, retriable
``broken, worker, why``     it cannot load the objective
``lost, worker``            it has died, or is not heard of any more
``left, worker``            it went, as it was told to
to a worker
``run, worker, …``          number, parameters and seed of a trial
``answer, worker, stop``    to a ``prune``
``stop, worker``            no further trial: leave
``cut, worker``             leave at once; its trial is not waited for
========================  =====================================================
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

BEAT = 2.0
"""Seconds between two signs of life of a worker."""
SILENCE = 30.0
"""Seconds without one after which a worker counts as lost, if Ray has not said so before."""

Message = tuple[Any, ...]


@dataclass
class _Seat:
    """One worker, in one of its lives."""

    life: str
    heard: float
    orders: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    answers: asyncio.Queue[bool] = field(default_factory=asyncio.Queue)
    cut: asyncio.Event = field(default_factory=asyncio.Event)

    def give_up(self) -> None:
        """Whatever the worker waits for, it is to leave."""
        self.orders.put_nowait(("stop",))
        self.answers.put_nowait(True)
        self.cut.set()


class Hub:
    """Made an actor by :mod:`hpo_bridge_ray.runner`.

    Args:
        setup: What every worker gets when it joins.
    """

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._seats: dict[str, _Seat] = {}
        self._news: list[Message] = []
        self._bell = asyncio.Event()

    # -- the driver's side ------------------------------------------------------------

    async def exchange(self, orders: list[Message], patience: float) -> list[Message]:
        """Delivers orders; gives all news, after at most ``patience`` seconds."""
        for kind, worker, *rest in orders:
            seat = self._seats.get(worker)
            if seat is None:
                continue  # lost: the driver knows, or is about to
            if kind == "answer":
                seat.answers.put_nowait(*rest)
            elif kind == "cut":
                self._seats.pop(worker).give_up()
            else:
                seat.orders.put_nowait((kind, *rest))
        self._look_for_silence()
        if not self._news and patience > 0:
            try:
                await asyncio.wait_for(self._bell.wait(), patience)
            except TimeoutError:
                pass
        self._bell.clear()
        news, self._news = self._news, []
        return news

    def _look_for_silence(self) -> None:
        now = time.monotonic()
        for worker, seat in list(self._seats.items()):
            if now - seat.heard > SILENCE:
                self._lose(worker)

    # -- a worker's side --------------------------------------------------------------

    async def join(self, worker: str, life: str, where: str) -> Any:
        """A worker is up, perhaps again; gives it the setup."""
        self._lose(worker)
        self._seats[worker] = _Seat(life, time.monotonic())
        self._tell("joined", worker, where)
        return self._setup

    async def next(self, worker: str, life: str, said: list[Message]) -> Message:
        """Takes the last words on a trial; gives the worker its next order."""
        await self.say(worker, life, [*said, ("idle",)])
        seat = self._seat(worker, life)
        return ("stop",) if seat is None else await seat.orders.get()

    async def say(self, worker: str, life: str, said: list[Message]) -> None:
        """Messages for the driver, without the worker's name; they need no answer."""
        if self._seat(worker, life) is not None:
            for kind, *rest in said:
                self._tell(kind, worker, *rest)

    async def should_prune(self, worker: str, life: str, number: int) -> bool:
        """The driver's answer; a worker that was given up should stop."""
        seat = self._seat(worker, life)
        if seat is None:
            return True
        self._tell("prune", worker, number)
        return await seat.answers.get()

    async def watch(self, worker: str, life: str) -> bool:
        """A sign of life; whether the worker is to leave, known after some time at most."""
        seat = self._seat(worker, life)
        if seat is None:
            return True
        try:
            await asyncio.wait_for(seat.cut.wait(), BEAT)
        except TimeoutError:
            return False
        return True

    async def leave(self, worker: str, life: str) -> None:
        """A worker goes, having been told to."""
        if self._seat(worker, life) is not None:
            del self._seats[worker]
            self._tell("left", worker)

    async def lose(self, worker: str) -> None:
        """Ray says that a worker has died."""
        self._lose(worker)

    def _seat(self, worker: str, life: str) -> _Seat | None:
        """The worker's seat; ``None`` if that life of it was given up."""
        seat = self._seats.get(worker)
        if seat is None or seat.life != life:
            return None
        seat.heard = time.monotonic()
        return seat

    def _lose(self, worker: str) -> None:
        seat = self._seats.pop(worker, None)
        if seat is not None:
            self._tell("lost", worker)
            seat.give_up()

    def _tell(self, *message: Any) -> None:
        self._news.append(message)
        self._bell.set()
