"""Checkpoints on their way between the driver and machines that do not see its disks.

A trial keeps its checkpoint on its worker's disk. From there the worker sends it to the driver,
which saves it where the study keeps it, and only then does the trial go on. Before an attempt
that has something to go on from, the driver sends that to the worker.

What travels are parts of some megabytes, each with the contents of some files, or a piece of
one. Parts lie in Ray's object store and go from there to whoever wants them; the hub sees
nothing but their references. The sender waits until a part is taken, so that a checkpoint of any
size needs the room of a few parts. The receiver collects them in a folder of its own: a
checkpoint whose sender is lost was never there.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import uuid
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from hpo_bridge.contracts.checkpoints import Checkpoints, contents
from hpo_bridge.errors import NoCheckpoints
from hpo_bridge.objectives import explain

from .locked_folder import LockedFolder

PART = 16 * 2**20
"""Bytes of files that travel at once."""
_AT_ONCE = 8  # checkpoints that the driver sends or receives; others wait

Entry = tuple[bytes, int | None]
"""A file's name and the size of its piece; a folder's name and ``None``."""


def pack(directory: Path, part: int = PART) -> Iterator[tuple[list[Entry], bytes]]:
    """The files and folders of ``directory``, in parts of at most ``part`` bytes.

    Raises:
        ValueError: If it has no files, or something that is none.
        OSError: If it cannot be read.
    """
    found = contents(directory)
    entries: list[Entry] = [(os.fsencode(name), None) for name in found.folders]
    pieces: list[bytes] = []
    room = part
    for name in found.files:
        with (directory / name).open("rb", buffering=0) as file:
            begun = False
            while (piece := file.read(room)) or not begun:  # an empty file is a file, too
                begun = True
                entries.append((os.fsencode(name), len(piece)))
                pieces.append(piece)
                room -= len(piece)
                if not room:
                    yield entries, b"".join(pieces)
                    entries, pieces, room = [], [], part
    if entries:
        yield entries, b"".join(pieces)


def unpack(entries: list[Entry], data: bytes, directory: Path) -> None:
    """Adds one part to what ``directory`` has of a checkpoint by now.

    Raises:
        ValueError: If a name leads out of it.
        OSError: If it cannot be written.
    """
    rest = memoryview(data)
    for name, size in entries:
        path = _inside(directory, os.fsdecode(name))
        if size is None:
            path.mkdir()
            continue
        with path.open("ab", buffering=0) as file:
            piece, rest = rest[:size], rest[size:]
            while piece:
                piece = piece[file.write(piece) :]


def _inside(directory: Path, name: str) -> Path:
    pure = PurePath(name)
    if not pure.parts or pure.anchor or ".." in pure.parts:
        raise ValueError(f"checkpoint: the name {name!r} leads out of its folder")
    return directory / pure


def new_ticket() -> str:
    """Names one passage of one checkpoint."""
    return uuid.uuid4().hex


@dataclass
class Transfer:
    """One checkpoint's passage through the hub, in either direction."""

    _parts: asyncio.Queue[Any] = field(default_factory=lambda: asyncio.Queue(1))
    _closed: asyncio.Event = field(default_factory=asyncio.Event)
    _problem: str | None = None

    async def send(self, part: Any) -> bool:
        """Waits until there is room; whether the part is still wanted."""
        if not self._closed.is_set():
            await self._parts.put(part)
        return not self._closed.is_set()

    async def receive(self) -> Any:
        """The next part; ``None`` if none is to come any more."""
        part = None if self._closed.is_set() else await self._parts.get()
        return None if self._closed.is_set() else part

    async def settled(self) -> str | None:
        """Once one side has closed it: what the problem was, if any."""
        await self._closed.wait()
        return self._problem

    def close(self, problem: str | None) -> None:
        """Nobody waits any more; the first word is the one that counts."""
        if self._closed.is_set():
            return
        self._problem = problem
        self._closed.set()
        if self._parts.full():
            self._parts.get_nowait()  # lets a sender go
        else:
            self._parts.put_nowait(None)  # lets a receiver go


def send(ray: Any, hub: Any, ticket: str, directory: Path) -> None:
    """Sends the files of ``directory``, as long as they are wanted."""
    for entries, data in pack(directory):
        if not ray.get(hub.send.remote(ticket, (entries, [ray.put(data)]))):
            return
    ray.get(hub.send.remote(ticket, ([], [])))


def receive(ray: Any, hub: Any, ticket: str, directory: Path) -> bool:
    """Collects files in ``directory``; whether all have come."""
    while (part := ray.get(hub.receive.remote(ticket))) is not None:
        entries, reference = part
        if not entries:
            return True
        unpack(entries, ray.get(reference[0]), directory)
    return False


class CheckpointTransfer:
    """The driver's side. Sends and receives in threads, so that its loop goes on.

    Args:
        ray: The module.
        hub: The hub's handle.
        checkpoints: The study's.
        home: The names of the machine whose disks the driver sees.
    """

    def __init__(
        self, ray: Any, hub: Any, checkpoints: Checkpoints, home: Collection[str]
    ) -> None:
        self._ray = ray
        self._hub = hub
        self._checkpoints = checkpoints
        self._home = home
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="checkpoint")
        self._under_way: dict[str, tuple[str, Future[None]]] = {}
        self._folder: LockedFolder | None = None  # of what comes in

    def bring(self, worker: str, where: str, number: int) -> str | None:
        """Sends a worker the last checkpoint of the trial that it is about to get.

        Args:
            worker: Its name.
            where: The machine and the process.
            number: The trial.

        Returns:
            The ticket; ``None`` if there is nothing to be sent.
        """
        if where.rpartition(":")[0] in self._home:
            return None
        last: Path | OSError | None
        try:
            last = self._checkpoints.load(number)
        except OSError as error:
            last = error
        if last is None:
            return None
        ticket = new_ticket()
        self._ray.get(self._hub.open.remote(worker, ticket))
        self._start(worker, ticket, self._send, last)
        return ticket

    def fetch(self, worker: str, number: int, ticket: str) -> None:
        """Receives what a worker sends, and saves it."""
        try:
            self._folder = self._folder or LockedFolder()
        except OSError as error:
            self.refuse(ticket, f"on the driver's machine: {error}")
            return
        self._start(worker, ticket, self._receive, self._folder.path, worker, number)

    def refuse(self, ticket: str, problem: str) -> None:
        """Refuse what is sent, and say why."""
        self._hub.settle.remote(ticket, problem)

    def end(self, worker: str) -> None:
        """Sees to it that nothing more is saved for the worker's trial: it has ended.

        Waits for what is being saved at this moment.
        """
        ticket, future = self._under_way.pop(worker, (None, None))
        if future is not None and not future.done():
            self._hub.settle.remote(ticket, "the trial has ended")
            future.cancel()
            wait([future])

    def close(self) -> None:
        """Ends all that is under way."""
        for worker in tuple(self._under_way):
            self.end(worker)
        self._pool.shutdown()
        if self._folder is not None:
            self._folder.close()

    def _start(self, worker: str, ticket: str, *task: Any) -> None:
        self.end(worker)
        call, *args = task
        self._under_way[worker] = ticket, self._pool.submit(call, ticket, *args)

    def _send(self, ticket: str, last: Path | OSError) -> None:
        problem: str | None = None
        try:
            if isinstance(last, OSError):
                raise last
            send(self._ray, self._hub, ticket, last)
        except Exception as error:
            problem = explain(error)
        if problem is not None:
            self._settle(ticket, problem)

    def _receive(self, ticket: str, place: Path, worker: str, number: int) -> None:
        problem = None
        try:
            with tempfile.TemporaryDirectory(dir=place) as folder:
                if receive(self._ray, self._hub, ticket, Path(folder)):
                    self._checkpoints.save(number, Path(folder))
                else:
                    problem = "it has not come to the driver"
        except NoCheckpoints as error:  # no trial of this study can go on: the run has to end
            problem = str(error)
            with suppress(Exception):
                self._ray.get(self._hub.broken.remote(worker, problem))
        except OSError as error:
            problem = f"on the driver's machine: {error}"
        except Exception as error:
            problem = f"on the driver's machine: {explain(error)}"
        self._settle(ticket, problem)

    def _settle(self, ticket: str, problem: str | None) -> None:
        with suppress(Exception):  # the cluster may be gone: the driver's loop will find out
            self._ray.get(self._hub.settle.remote(ticket, problem))
