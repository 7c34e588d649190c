"""Processes of ours that end with their owner, and the one connection to each."""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Any, TextIO, TypeAlias

from ..objectives.main_module import hidden_main
from ..objectives.processgroup import ProcessGroup, ending

_FIRST_TO_GO = "500"
"""Out of memory, the kernel should end a worker and not the driver."""
_LEAVE = 1.0  # seconds for a process to leave by itself, so that its atexit hooks run
_POLL = 0.002  # seconds between two checks of a process that is about to end

Line: TypeAlias = "Connection[Any, Any]"


class WorkerProcess:
    """A spawned process, in a process group that is killed when this process ends.

    It does not run the user's ``__main__``, does not see Ctrl-C, and prints nothing to this
    process's stdout, which is for results.

    Args:
        target: A function of a module; called there with the other end of :attr:`line` and
            ``args``, before which nothing of its module is imported.
        args: What ``target`` gets, pickled.
        output: Takes its stdout and stderr; ``None`` for this process's stderr.
        environ: Environment variables that it has besides this process's.
        blocked: Signals that it begins with blocked.

    Attributes:
        line: This process's end of the connection. It is at its end once the process has gone,
            unless a process that the other has forked outlives it.
    """

    def __init__(
        self,
        target: Callable[..., None],
        *args: Any,
        output: Line | None = None,
        environ: Mapping[str, str] | None = None,
        blocked: tuple[signal.Signals, ...] = (),
    ) -> None:
        code = pickle.dumps((target, args))
        context = get_context("spawn")
        self._group = ProcessGroup()
        self.line, theirs = context.Pipe()
        self._process = context.Process(
            target=_enter, args=(theirs, output, self._group.id, dict(environ or {}), code)
        )
        resource_tracker.ensure_running()  # which unblocks SIGINT where it has to be started
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, *blocked])
        try:
            with hidden_main():
                self._process.start()
        except BaseException:
            self._group.kill()
            self.line.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()  # the process's alone from here on

    @property
    def is_alive(self) -> bool:
        """True if it has not ended."""
        return self._process.is_alive()

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def exit_reason(self) -> str:
        """Return how it ended, such as ``exited with code 1``; waits a moment for its end."""
        self._wait(_LEAVE)
        code = self._process.exitcode
        return "was lost" if code is None else ending(code)

    def kill(self) -> None:
        """End it, and all that it started, at once."""
        self._group.kill()
        if self._process.is_alive():  # it had not joined its group yet
            self._process.kill()

    def close(self, gently: bool = False) -> None:
        """End it, and all that it started; takes a fraction of a second.

        Args:
            gently: Let it leave by itself first: its end of the line is closed.
        """
        if gently:
            self.line.close()
            self._wait(_LEAVE)
        self.kill()
        self._process.join()
        self.line.close()

    def _wait(self, seconds: float) -> None:
        """Wait for its end; not for its sentinel, which processes that it forked may hold."""
        end = time.monotonic() + seconds
        while self._process.is_alive() and time.monotonic() < end:
            time.sleep(_POLL)


def _enter(
    line: Line, output: Line | None, group: int, environ: dict[str, str], code: bytes
) -> None:
    """Make this process a worker, and call what it is for."""
    try:
        os.setpgid(0, group)
    except OSError:  # killed already: the owner has gone, or wants no more of this process
        os._exit(1)
    os.environ.update(environ)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner's matter
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # for the processes started here
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(_FIRST_TO_GO)
    _redirect(output)
    faulthandler.enable(all_threads=False)
    target, args = pickle.loads(code)  # the owner's own, in transit
    target(line, *args)


def _redirect(output: Line | None) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if output is not None:
        os.dup2(output.fileno(), 2)
        output.close()
    os.dup2(2, 1)
    streams: tuple[TextIO, ...] = (sys.stdout, sys.stderr)
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)  # a crash should not swallow last words
