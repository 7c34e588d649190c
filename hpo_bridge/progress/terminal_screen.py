"""The bottom lines of a terminal, drawn anew; whatever is printed comes out whole above them.

The cursor rests on an empty line above the display. So even what is written past Python, by a
C library or another process, stands there, and is not overwritten.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TextIO

from .screen_lines import DisplayStyle

CLEAR = "\r\x1b[J"
"""Clears from the cursor's line on."""
_MOST_HELD = 10_000  # characters of an unfinished line; of a bar drawn with \r the end is enough


class TerminalScreen:
    """The display on a terminal.

    Args:
        stream: The terminal that shows it.
        beside: Other streams; what is written to those that are the same terminal, and to
            ``stream`` itself, is put above the display.
    """

    interval = 0.25
    """Seconds between two drawings."""

    def __init__(self, stream: TextIO, *beside: TextIO | None) -> None:
        self._stream, self._process = stream, os.getpid()
        self._lock = threading.RLock()  # a signal handler may print, too
        self._region = ""
        self._held: dict[TextIO, str] = {}
        self._writes: dict[TextIO, Callable[[str], Any]] = {}
        self._write = stream.write
        same = [each for each in beside if each is not None and _is_same(each, stream)]
        self._streams = [stream, *same]
        self._has_colours = "NO_COLOR" not in os.environ

    @property
    def style(self) -> DisplayStyle:
        """The room that the terminal has now, and its characters."""
        width, height = 0, 0
        with suppress(OSError, ValueError):
            width, height = os.get_terminal_size(self._stream.fileno())
        try:
            "▁█░…·→".encode(self._stream.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            ascii_only = True
        else:
            ascii_only = False
        # The last column stays empty: some terminals wrap after a character there.
        return DisplayStyle((width or 80) - 1, max((height or 24) - 2, 1), ascii_only)

    def begin(self) -> None:
        """Put what is printed above the display from now on."""
        for stream in self._streams:
            with suppress(AttributeError):  # an object that is no file of Python's own
                self._writes[stream] = stream.write
                put_above: Any = self._writer(stream, stream.write)
                stream.write = put_above  # type: ignore[method-assign]

    def draw(self, lines: Sequence[str]) -> None:
        """Draw these lines in place of those before."""
        if self._has_colours:
            lines = [f"\x1b[2m{line}\x1b[0m" if line[:1] == " " else line for line in lines]
        with self._lock:
            self._region = "".join(f"\n{line}" for line in lines) + f"\x1b[{len(lines)}A\r"
            self._put(self._write, "")

    def print(self, text: str, *, is_error: bool = False) -> None:
        """Print a text above the display."""
        if is_error and self._has_colours:
            text = f"\x1b[31m{text}\x1b[0m"
        with self._lock:
            self._put(self._write, f"{text}\n")

    def end(self, lines: Sequence[str]) -> None:
        """Draw no more; these lines stay."""
        with self._lock:
            self._region = ""
            for stream, write in self._writes.items():
                del stream.write
                if held := self._held.get(stream):
                    write(f"{CLEAR}{held}\n")
            self._put(self._write, "".join(f"{line}\n" for line in lines))

    def _put(self, write: Callable[[str], Any], text: str) -> None:
        write(CLEAR + text + self._region)
        self._stream.flush()

    def _writer(self, stream: TextIO, write: Callable[[str], Any]) -> Callable[[str], int]:
        def put_above(text: str) -> int:
            if os.getpid() != self._process:  # a forked child has no display, and no say in it
                return len(text) if write(f"\x1b[J{text}") else 0
            with self._lock:
                whole, end, held = (self._held.get(stream, "") + text).rpartition("\n")
                self._held[stream] = held[-_MOST_HELD:]
                if end:
                    self._put(write, whole + end)
                    stream.flush()
            return len(text)

        return put_above


def _is_same(one: TextIO, other: TextIO) -> bool:
    """Return whether a stream is another one on the same terminal."""
    if one is other:
        return False
    with suppress(Exception):  # a stream of somebody's own may lack any of this
        devices = [os.fstat(each.fileno()).st_rdev for each in (one, other)]
        return one.isatty() and devices[0] == devices[1]
    return False
