"""Why a fold failed, in one line."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import TracebackType

from hpo_bridge.objectives import explain

_OWN = str(Path(__file__).resolve().parent) + os.sep
_FRAME = re.compile(r'  File ".*", line \d+')


def explained(error: BaseException) -> str:
    """``error`` in one line, with the line of the user's code that it left; never one of ours.

    >>> explained(ValueError("bad"))
    'ValueError: bad'
    """
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_OWN):
            frames.append(traceback)
        traceback = traceback.tb_next
    kept: TracebackType | None = None
    for each in reversed(frames):
        kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return explain(error.with_traceback(kept))


def last_words(traceback: str) -> str:
    r"""The exception of a traceback's text, in one line.

    >>> last_words("Traceback (most recent call last):\n  File …\nValueError: bad\n")
    'ValueError: bad'
    """
    lines = traceback.rstrip().splitlines()
    frames = [number for number, line in enumerate(lines) if _FRAME.match(line)]
    first = frames[-1] + 1 if frames else 0
    while first < len(lines) and lines[first].startswith("    "):  # the frame's source
        first += 1
    return " ".join(" ".join(lines[first:] or lines).split())
