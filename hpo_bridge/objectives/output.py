"""What a program writes, read as it comes and kept within bounds."""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Callable, Iterator
from types import TracebackType

_CHUNK = 1 << 16
_LONGEST = 1 << 20  # bytes of a line; what is longer is no result of ours
_IDLE = 0.1  # seconds between two looks at a program that has closed nothing yet


class Tail:
    """The last bytes of a stream.

    Args:
        limit: How many bytes are kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.data = b""

    def add(self, data: bytes) -> None:
        """Takes the next bytes."""
        self.data = (self.data + data)[-self._limit :]

    def clear(self) -> None:
        """Forgets everything."""
        self.data = b""

    def text(self, limit: int | None = None) -> str:
        """The bytes kept, or the last ``limit`` of them, as text without blank ends."""
        data = self.data if limit is None else self.data[-limit:]
        return data.decode("utf-8", "replace").strip()


class Output:
    """Both output streams of a running program, drained by the one thread that waits.

    Args:
        process: Started with unbuffered pipes for stdout and stderr.
        ended: Called once when the program has ended but others still hold its pipes;
            should kill those.
        keep: Called with the bytes of both streams, as they come.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        ended: Callable[[], None],
        keep: Callable[[bytes], None],
    ) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._ended = ended
        self._keep = keep
        self._out = process.stdout.fileno()
        self._tails = {self._out: Tail(8192), process.stderr.fileno(): Tail(8192)}
        self._selector = selectors.DefaultSelector()
        for stream in self._tails:
            self._selector.register(stream, selectors.EVENT_READ)

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._selector.close()

    def tail(self, limit: int) -> str:
        """The last of stderr; of stdout, if there is none."""
        out, err = (tail.text(limit) for tail in self._tails.values())
        return err or out

    def lines(self) -> Iterator[bytes]:
        """The lines of stdout, as they come, until the program has ended."""
        rest = b""
        skipping = False
        for chunk in self._chunks():
            *complete, rest = (rest + chunk).split(b"\n")
            if complete and skipping:
                del complete[0]
                skipping = False
            yield from complete
            if len(rest) > _LONGEST:
                rest, skipping = b"", True
        if rest and not skipping:
            yield rest

    def _chunks(self) -> Iterator[bytes]:
        over = False
        while self._selector.get_map():
            ready = self._selector.select(_IDLE)
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    self._selector.unregister(key.fd)
                    continue
                self._tails[key.fd].add(chunk)
                self._keep(chunk)
                if key.fd == self._out:
                    yield chunk
            if over and not ready:
                return  # one that left the group holds the pipe; it will say nothing more
            if not over and self._process.poll() is not None:
                over = True
                self._ended()
