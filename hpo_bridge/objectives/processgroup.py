"""Process groups that end when their owner does, however that happens."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

_WARDEN = ("/bin/sh", "-c", "read _; kill -KILL 0")


class ProcessGroup:
    """A process group led by a warden, which kills it when this process ends.

    The warden is a shell that reads a pipe whose other end only this process holds. When
    this process ends, were it by ``SIGKILL``, the pipe closes, and the warden kills its
    own group: itself, whoever joined, and all that those started. A death signal of the
    kernel (``PR_SET_PDEATHSIG``) would reach the children only, and comes when a *thread*
    ends; a thread that watches, in the child, needs an interpreter that is not stuck.

    ``subprocess.Popen(…, process_group=group.id)`` joins from the first instant.

    Attributes:
        id: The group's number; not given to others before ``kill``, as the warden is not
            reaped before.
    """

    def __init__(self) -> None:
        self._warden = subprocess.Popen(
            _WARDEN,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
            cwd="/",
        )
        self.id = self._warden.pid

    def kill(self) -> None:
        """Kills every process of the group; may be called again."""
        if self._warden.returncode is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.id, signal.SIGKILL)
        self._warden.wait()
        if self._warden.stdin is not None:
            self._warden.stdin.close()


def ending(returncode: int) -> str:
    """Return in words how a process ended, from its return code.

    >>> ending(3), ending(-11)
    ('exited with code 3', 'was killed by SIGSEGV')
    """
    if returncode >= 0:
        return f"exited with code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    hint = " (out of memory?)" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"
