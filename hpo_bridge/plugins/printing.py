"""Keeps what plugins print while they are imported off standard output, and tells who printed.

The file descriptor is what is turned round, not ``sys.stdout``: a plugin may keep a reference to
that object, and C code and programs that it starts print, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STDOUT, STDERR = 1, 2
LONGEST = 10_000
"""Most bytes of what one plugin printed that are read."""


@contextmanager
def kept_off_stdout() -> Iterator[Callable[[], str]]:
    """Takes what is printed in its body; the function that it gives has what came since.

    Where ``sys.stdout`` is not this process's standard output (a notebook's, a test's) nothing
    is taken: no program reads it.
    """
    if not _is_ours():
        yield lambda: ""
        return
    sys.stdout.flush()
    kept = os.dup(STDOUT)
    taken = _file()
    os.dup2(taken, STDOUT)
    try:
        yield lambda: _read(taken)
    finally:
        sys.stdout.flush()
        os.dup2(kept, STDOUT)
        os.close(kept)
        os.close(taken)


def _is_ours() -> bool:
    try:
        return sys.stdout.fileno() == STDOUT
    except (AttributeError, OSError, ValueError):  # none, closed, or not a file
        return False


def _file() -> int:
    """A descriptor to print to: a file in memory, or standard error where there is none."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("hpo-bridge-plugins")
    return os.dup(STDERR)


def _read(taken: int) -> str:
    """What was printed since the last call."""
    sys.stdout.flush()
    try:
        size = os.lseek(taken, 0, os.SEEK_CUR)
        if not size:
            return ""
        os.lseek(taken, 0, os.SEEK_SET)
        text = os.read(taken, min(size, LONGEST))
        os.lseek(taken, 0, os.SEEK_SET)
        os.ftruncate(taken, 0)
    except OSError:  # standard error, which has shown it already
        return ""
    return text.decode(errors="replace")
