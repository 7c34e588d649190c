"""The holder of a study, and the test that its process still lives.

A holder on this machine is judged by its process: no waiting after a crash. Any other is
judged by its heartbeat, on the database's clock. A holder that was alive after all (its
machine slept, say) can do no harm: it fails at its next write.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

HEARTBEAT = 5.0
"""Seconds between two heartbeats."""
STALE = 60.0
"""Seconds without a heartbeat after which a driver on another machine is dead."""
STALE_HERE = 15.0
"""The same for this host's name, started anew: short, but not zero, as two machines (two
containers, two ``localhost``) can share a name."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A driver process.

    Attributes:
        host: The host's name.
        pid: The process.
        start: When it started, in the kernel's words; tells it from a later one of its pid.
        boot: Which start of the machine, and which process namespace, ``pid`` belongs to;
            empty where the system does not say.
        since: When it took the lease, seconds since the epoch.
    """

    host: str
    pid: int
    start: str | None
    boot: str
    since: float

    @classmethod
    def here(cls) -> Holder:
        """This process."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, _start(pid), _boot(), time.time())

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Holder:
        """Rebuilds one from :meth:`dump`."""
        return cls(data["host"], data["pid"], data["start"], data["boot"], data["since"])

    def dump(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)

    def alive(self, silence: float) -> bool:
        """Return whether the process lives, its last heartbeat being ``silence`` seconds old."""
        if self.host != socket.gethostname():
            return silence < STALE
        if self.boot != _boot():
            return silence < STALE_HERE
        if os.name != "posix":  # no harmless question to a process: os.kill would end it
            return silence < STALE_HERE
        if _boot():
            start = _start(self.pid)
            return start is not None and start == self.start
        return _exists(self.pid)

    def is_here(self) -> bool:
        """Return whether it is this very process."""
        here = Holder.here()
        return (here.host, here.boot, here.pid) == (self.host, self.boot, self.pid)

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).strftime("%Y-%m-%d %H:%M:%S")
        return f"pid {self.pid} on host {self.host} since {since}"


def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _start(pid: int) -> str | None:
    """The start time of a running process (a zombie runs no more), where /proc is."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before may hold spaces and brackets
    return None if fields[0] in "ZX" else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
