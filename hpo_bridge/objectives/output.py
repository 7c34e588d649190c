"""The output of a program, read as it comes and kept within bounds."""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Callable, Iterator
from types import TracebackType

_CHUNK = 1 << 16
_LONGEST = 8 << 20  # bytes of a line; what is longer is no result of ours
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

    def lines(self) -> Iterator[tuple[bytes, bool]]:
        """Return the lines, as they come, until the program has ended.

        Each has whether it is of stdout. Now and then one is empty: the program may have done
        something else meanwhile.
        """
        lines = {stream: _Lines() for stream in self._tails}
        for stream, chunk in self._chunks():
            if stream is None:
                yield b"", True
                continue
            for line in lines[stream].add(chunk):
                yield line, stream == self._out
        for stream, unended in lines.items():
            for line in unended.add(b"\n"):
                yield line, stream == self._out

    def _chunks(self) -> Iterator[tuple[int | None, bytes]]:
        """Return what comes and from where; ``None`` where nothing has come for a while."""
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
                yield key.fd, chunk
            if not ready:
                yield None, b""
            if over and not ready:
                return  # one that left the group holds the pipe; it will say nothing more
            if not over and self._process.poll() is not None:
                over = True
                self._ended()


class _Lines:
    """Whole lines of a stream, without their ends; those that are too long are passed over."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False

    def add(self, data: bytes) -> Iterator[bytes]:
        """Return the lines that end in the next bytes."""
        *complete, rest = data.split(b"\n")
        for end in complete:
            if not self._skipping:
                yield bytes(self._rest + end)
            self._rest.clear()
            self._skipping = False
        if not self._skipping:
            self._rest += rest
        if len(self._rest) > _LONGEST:
            self._rest.clear()
            self._skipping = True
