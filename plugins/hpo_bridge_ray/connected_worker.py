"""A worker as the hub knows it, with the messages for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

Message = tuple[Any, ...]


@dataclass
class ConnectedWorker:
    """A worker in one of its lives, as the hub knows it.

    Attributes:
        worker: Its name.
        life: Which of its lives.
        heard: Time of its last sign of life.
        orders: Messages for it.
        answers: Answers to its questions whether to stop a trial.
        cut: Set when it is to leave at once.
        ticket: That of its last transfer.
    """

    worker: str
    life: str
    heard: float
    orders: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    answers: asyncio.Queue[bool] = field(default_factory=asyncio.Queue)
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    ticket: str = ""

    @property
    def handle(self) -> str:
        """The name by which the driver calls it."""
        return f"{self.worker}/{self.life}"

    def give_up(self) -> None:
        """Whatever the worker waits for, it is to leave."""
        self.orders.put_nowait(("stop",))
        self.answers.put_nowait(True)
        self.cut.set()
