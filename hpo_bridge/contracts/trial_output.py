"""The end of what each trial prints, kept in a text file beside the store.

Each study has a folder, each of its trials that has printed anything a file in it::

    study.db.logs/digits-cnn-3f0c1d2e4b5a6978/12.log

Before the output of each attempt stands a line of ours, ``--- attempt 2, 2026-11-29 23:44:12
---``. A file that grows beyond twice :data:`KEPT` is cut to its last :data:`KEPT` bytes, and says
so in its first line. What is written is with the operating system at once, so that it outlives
a kill of any process. Nothing of it is ever run.
"""

from __future__ import annotations

import logging
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .checkpoint_folder import identity_of

KEPT = 1 << 16
"""Bytes of a trial's output that are kept at least; up to twice as many while it grows."""
_LINE = 4096  # bytes within which a cut is moved to the next line
_CUT = re.compile(rb"--- (\d+) bytes before this are not kept ---\n")

log = logging.getLogger("hpo_bridge")


class OutputSink(Protocol):
    """Takes what one attempt at a trial prints."""

    def write(self, data: bytes, left_out: int = 0) -> None:
        """Take the next bytes; callable from any thread, and never raises.

        Args:
            data: As the trial wrote them to standard output or standard error.
            left_out: Number of bytes before them that were dropped on the way.
        """
        ...


class NoOutput:
    """A sink that keeps nothing."""

    def write(self, data: bytes, left_out: int = 0) -> None:
        """Drop the bytes."""


NO_OUTPUT = NoOutput()


@dataclass(frozen=True, slots=True)
class KeptOutput:
    """The end of a trial's output.

    Attributes:
        data: The bytes, with a line of ours before each attempt.
        left_out: Number of bytes before them that are not kept any more.
    """

    data: bytes
    left_out: int = 0

    @classmethod
    def parsed(cls, content: bytes) -> KeptOutput:
        r"""Read the content of a file.

        >>> KeptOutput.parsed(b"--- 12 bytes before this are not kept ---\nend\n")
        KeptOutput(data=b'end\n', left_out=12)
        """
        cut = _CUT.match(content)
        return cls(content) if cut is None else cls(content[cut.end() :], int(cut[1]))

    @property
    def end(self) -> int:
        """Number of bytes up to here, kept or not."""
        return self.left_out + len(self.data)

    def text(self) -> str:
        """The output as text, with a first line that says how much is missing, if any is."""
        missing = _cut_line(self.left_out).decode() if self.left_out else ""
        return missing + self.data.decode("utf-8", "replace")


@dataclass(slots=True)
class OutputFolder:
    """The output of one study's trials on a disk.

    Args:
        path: The study's folder; created when the first trial prints something.
        private: Whether only this user may look inside.
    """

    path: Path
    private: bool = False
    _failed: bool = field(default=False, init=False, repr=False)  # said so once

    @classmethod
    def of(cls, root: Path, study: str, created: float, *, private: bool = False) -> OutputFolder:
        """The folder of a study below ``root``, named like that of its checkpoints."""
        return cls(root / identity_of(study, created), private)

    def file(self, number: int) -> Path:
        """The path of the file of trial ``number``; there is none before it prints."""
        return self.path / f"{number}.log"

    def sink(self, number: int, attempt: int) -> OutputSink:
        """A sink for one attempt at a trial, counted from 1; creates nothing by itself."""
        return _AttemptFile(self, number, attempt)

    def read(self, number: int) -> KeptOutput | None:
        """The output of trial ``number``, also while it runs; ``None`` if it has none."""
        try:
            return KeptOutput.parsed(self.file(number).read_bytes())
        except FileNotFoundError:
            return None


@dataclass(slots=True)
class _AttemptFile:
    """Appends to a trial's file; holds nothing open.

    One attempt is written by one thread at a time.
    """

    folder: OutputFolder
    number: int
    attempt: int
    _begun: bool = field(default=False, init=False)

    def write(self, data: bytes, left_out: int = 0) -> None:
        """Append the bytes; a disk that does not take them harms no trial."""
        try:
            self._append(data, left_out)
        except OSError as error:
            if not self.folder._failed:
                self.folder._failed = True
                log.warning("the output of trial %d cannot be kept: %s", self.number, error)

    def _append(self, data: bytes, left_out: int) -> None:
        if left_out:
            data = _gap_line(left_out) + data
        path = self.folder.file(self.number)
        if not self._begun:
            self.folder.path.mkdir(
                0o700 if self.folder.private else 0o777, parents=True, exist_ok=True
            )
            data = self._first_line(path) + data
        with path.open("ab", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            size = file.tell()
        self._begun = True
        if size > 2 * KEPT:
            _cut(path)

    def _first_line(self, path: Path) -> bytes:
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        line = f"--- attempt {self.attempt}, {now} ---\n".encode()
        with suppress(FileNotFoundError), path.open("rb") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                return line if file.read(1) == b"\n" else b"\n" + line
        return line


def _cut(path: Path) -> None:
    """Leave the last :data:`KEPT` bytes, from the beginning of a line if there is one near."""
    kept = KeptOutput.parsed(path.read_bytes())
    begin = len(kept.data) - KEPT
    line = kept.data.find(b"\n", begin - 1, begin + _LINE) + 1
    begin = line or begin
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(_cut_line(kept.left_out + begin) + kept.data[begin:])
    new.replace(path)


def _cut_line(count: int) -> bytes:
    return b"--- %d bytes before this are not kept ---\n" % count


def _gap_line(count: int) -> bytes:
    return b"\n--- %d bytes were dropped here ---\n" % count
