"""Errors of plugins in words: their text, file and line, and a way to the traceback."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from enum import EnumMeta
from types import FrameType
from typing import Any

from ..errors import nearest

TRACEBACK = "HPO_BRIDGE_TRACEBACK"
"""Environment variable: set, it prints the whole traceback of every error of a plugin's."""
_OWN = (__name__.partition(".")[0], "importlib", "pluggy")


def one_line(error: BaseException) -> str:
    """Return an error of a plugin's in one line; its ``__str__`` may raise too."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its text cannot be read)"
    if isinstance(error, AttributeError) and isinstance(error.obj, EnumMeta):
        names: list[str] = list(error.obj.__members__)
        hint = nearest(str(error.name), names)
        text = f"{error.obj.__name__} has no {error.name}{hint}, it has {', '.join(names)}"
    name = type(error).__name__
    text = text if len(text) <= 240 else text[:239] + "…"
    return f"{name}: {text}" if text else name


def located_error(error: BaseException, package: str = "") -> str:
    """Return an error in one line, with the file and line that it comes from.

    Prints its traceback on standard error where :data:`TRACEBACK` is set.

    Args:
        error: As it was caught.
        package: The plugin's module: of the calls that led to the error, the last one in its
            package is named.
    """
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error, file=sys.stderr)
    place = _place(error, package.partition(".")[0])
    return one_line(error) + (f" ({place})" if place else "")


def fault_text(what: str, error: BaseException, package: str, note: str = "") -> str:
    """Return the message of an error: what failed, why, where, and how to see the traceback.

    Args:
        what: What failed, such as ``backend 'acme.walk' (hpo-acme 1.2) failed in ask``.
        error: As it was caught.
        package: See :func:`located_error`.
        note: What to add to the error.
    """
    why = located_error(error, package)
    return f"{what}: {why}{note} — {TRACEBACK}=1 prints the whole traceback"


def _place(error: BaseException, package: str) -> str:
    """The line of the plugin's, as ``hpo_acme/walk.py:12 in ask``; empty if there is none."""
    if isinstance(error, SyntaxError):  # its text says where
        return ""
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    for wanted in (_is_in(package), _is_foreign):
        for frame, line in reversed(frames):
            if wanted(frame):
                return _written(frame, line)
    return ""


def _is_in(package: str) -> Any:
    return lambda frame: bool(package) and _module(frame).partition(".")[0] == package


def _is_foreign(frame: FrameType) -> bool:
    """Return whether a frame is neither ours nor Python's."""
    standard = os.path.join(sysconfig.get_path("stdlib"), "")
    path = frame.f_code.co_filename
    packaged = "site-packages" in path
    ours = _module(frame).partition(".")[0] in _OWN or path.startswith("<frozen")
    return not ours and (packaged or not path.startswith(standard))


def _written(frame: FrameType, line: int) -> str:
    code = frame.f_code
    parts = code.co_filename.replace(os.sep, "/").split("/")
    depth = _module(frame).count(".") + 1 + (parts[-1] == "__init__.py")
    function = "" if code.co_name == "<module>" else f" in {code.co_name}"
    return f"{'/'.join(parts[-depth:])}:{line}{function}"


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
