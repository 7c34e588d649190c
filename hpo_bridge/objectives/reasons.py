"""Why an objective failed, in one line."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path
from types import TracebackType

_OWN = str(Path(__file__).resolve().parents[1]) + os.sep
_LIBRARIES = tuple(
    os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "purelib", "platlib")
)
_LIMIT = 1000  # of a message's characters: a store keeps one for each failed trial


class Failure(Exception):
    """An evaluation that failed for a reason which is complete as it stands.

    Args:
        reason: The text that the trial's record gets.
        retriable: Whether another attempt could end otherwise.
    """

    def __init__(self, reason: str, *, retriable: bool = True) -> None:
        self.retriable = retriable
        super().__init__(reason)


def explain(error: BaseException) -> str:
    """``error`` in one line: its type, its text, and the line of the user's that it left.

    >>> explain(ValueError("bad"))
    'ValueError: bad'
    """
    name = type(error).__name__
    try:
        text = " ".join(str(error).split())
    except KeyboardInterrupt:
        raise
    except BaseException as second:  # the user's __str__ may raise anything
        text = f"<its text cannot be read: __str__ raised {type(second).__name__}>"
    if len(text) > _LIMIT:
        text = text[: _LIMIT - 1] + "…"
    place = origin(error.__traceback__)
    return (f"{name}: {text}" if text else name) + (f" ({place})" if place else "")


def whole_traceback(error: BaseException) -> str:
    """Return the traceback of ``error`` as Python prints it, from the user's first frame on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None:
        if not frames.tb_frame.f_code.co_filename.startswith(_OWN):
            break
        frames = frames.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # no memory left for it, say
        return ""


def origin(frames: TracebackType | None) -> str:
    """The innermost frame in the user's own code, as ``file.py:12 in train``.

    Frames of installed libraries, of Python itself and of the bridge are passed over; the
    innermost frame of a library is named only where there is none of the user's.
    """
    user = library = None
    while frames is not None:
        path = frames.tb_frame.f_code.co_filename
        if not path.startswith(_OWN):
            library = frames
            if not path.startswith((*_LIBRARIES, "<frozen")):
                user = frames
        frames = frames.tb_next
    found = user or library
    if found is None:
        return ""
    code = found.tb_frame.f_code
    function = "" if code.co_name == "<module>" else f" in {code.co_name}"
    return f"{os.path.basename(code.co_filename)}:{found.tb_lineno}{function}"
