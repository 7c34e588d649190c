"""The choice of a display, and at most one at a time in a process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import Literal

from ..contracts.record import TrialRecord
from .line_view import LineView
from .live_view import LiveView, Screen
from .notebook_screen import NotebookScreen
from .screen_lines import DisplayLines
from .tally import Tally
from .terminal_screen import TerminalScreen

Kind = Literal["terminal", "notebook", "lines"]

_showing = threading.Lock()  # held by the study that shows; one within it shows nothing


def display_kind(wanted: bool | None) -> Kind | None:
    """Return the kind of display that fits where this process prints.

    Args:
        wanted: Whether the user wants one; ``None`` for one on a terminal and in a notebook.
    """
    if wanted is False:
        return None
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is not None:
        return "notebook"
    # A worker shares the terminal of its driver.
    if parent_process() is None and os.environ.get("TERM") != "dumb" and _is_terminal():
        return "terminal"
    return "lines" if wanted else None


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # None, or closed
        return False


@dataclass(frozen=True)
class DisplayText:
    """The texts of a display that depend on who shows it.

    Attributes:
        title: Begins the line with the figures.
        head: Printed once the study is ours to drive.
        failure: Return the text to be printed of a failed trial; ``None`` to print none.
    """

    title: str = ""
    head: str = ""
    failure: Callable[[TrialRecord], str] | None = None


@contextmanager
def shown(
    kind: Kind,
    tally: Tally,
    waiting: Callable[[], Sequence[str]],
    constants: Collection[str],
    text: DisplayText,
) -> Iterator[list[object]]:
    """Show a tally; yield the observers that have to be told. Show nothing within another one.

    Args:
        kind: The kind of display.
        tally: The figures.
        waiting: Return what waits and why, in words.
        constants: Names of parameters that never vary, and are not shown.
        text: Its texts.
    """
    if not _showing.acquire(blocking=False):
        yield []
        return
    try:
        view = _view(kind, tally, DisplayLines(tally, waiting, constants, text.title), text)
        try:
            yield [tally, view]
        finally:
            view.end()
    finally:
        _showing.release()


def _view(kind: Kind, tally: Tally, lines: DisplayLines, text: DisplayText) -> LineView | LiveView:
    if kind == "lines":
        return LineView(tally, text.head, text.failure, text.title)
    screen: Screen = NotebookScreen()
    if kind == "terminal":
        screen = TerminalScreen(sys.stderr, sys.stdout)
    return LiveView(lines, screen, text.head, text.failure)
