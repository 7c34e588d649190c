"""A pseudo-terminal that runs a script and shows what a person would see."""

from __future__ import annotations

import codecs
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_SEQUENCE = re.compile(r"\x1b\[(\d*)([A-Za-z])")


@dataclass
class Emulator:
    """A terminal that knows what the display uses; anything else is an error."""

    width: int
    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0
    column: int = 0
    _rest: str = ""

    def feed(self, text: str) -> None:
        text, at = self._rest + text, 0
        self._rest = ""
        while at < len(text):
            char = text[at]
            if char == "\x1b":
                found = _SEQUENCE.match(text, at)
                if found is None:
                    assert len(text) - at < 8, text[at : at + 8]
                    self._rest = text[at:]
                    return
                self._control(found[2], int(found[1] or 1))
                at = found.end()
                continue
            at += 1
            if char == "\r":
                self.column = 0
            elif char == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            else:
                self._put(char)

    def _control(self, kind: str, number: int) -> None:
        if kind == "A":
            self.row -= number
            assert self.row >= 0
        elif kind == "J":
            del self.lines[self.row + 1 :]
            self.lines[self.row] = self.lines[self.row][: self.column]
        else:
            assert kind == "m"

    def _put(self, char: str) -> None:
        assert char >= " ", char
        if self.column == self.width:
            self.feed("\r\n")
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + char + line[self.column + 1 :]
        self.column += 1


@dataclass
class Seen:
    """What a person has seen.

    Attributes:
        frames: Every state of the screen, as text.
        raw: All that was written.
        returncode: The exit code.
    """

    frames: list[str]
    raw: str
    returncode: int

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.frames[-1].splitlines()]

    def ever(self, pattern: str) -> bool:
        return any(re.search(pattern, frame, re.MULTILINE) for frame in self.frames)


@pytest.fixture
def terminal(tmp_path: Path) -> Callable[..., Seen]:
    """Runs a script, or a command, with a terminal of its own."""

    def run(
        code: str | list[str],
        *,
        width: int = 100,
        height: int = 30,
        at: tuple[str, Callable[[subprocess.Popen[bytes]], Any]] | None = None,
        stdout: int | None = None,
        **environment: str,
    ) -> Seen:
        argv = code
        if isinstance(code, str):
            (tmp_path / "script.py").write_text(code)
            argv = [sys.executable, "script.py"]
        main, end = pty.openpty()
        termios.tcsetwinsize(end, (height, width))
        unset = ("COLUMNS", "LINES", "PYTHONUNBUFFERED", "NO_COLOR")
        variables = {name: v for name, v in os.environ.items() if name not in unset}
        process = subprocess.Popen(
            argv, cwd=tmp_path, env={**variables, "TERM": "xterm", **environment}, stdin=end,
            stdout=end if stdout is None else stdout, stderr=end, start_new_session=True,
        )  # fmt: skip
        os.close(end)
        screen, frames, raw = Emulator(width), [], ""
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while data := os.read(main, 65536):
                text = decoder.decode(data)
                raw += text
                screen.feed(text)
                frames.append("\n".join(screen.lines))
                if at is not None and re.search(at[0], frames[-1]):
                    at[1](process)
                    at = None
        except OSError:  # what Linux says at the end
            pass
        os.close(main)
        return Seen(frames, raw, process.wait(120))

    return run
