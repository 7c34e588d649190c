"""The lines of a display: a bar, figures, the curve of the best so far, what runs and waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..contracts.formatting import format_duration, format_value, params_text, without_constants
from .tally import RunningRow, Tally

MOST_RUNNING = 8
"""Number of running trials that are shown."""
MOST_CURVES = 3
"""Number of objectives whose curves are shown."""
BAR = 40
"""Characters of the bar and of a curve."""
LEAST_PARAMS = 8
"""Characters that are needed to show any parameters."""
_PLAIN = str.maketrans({"·": "-", "…": "...", "→": "->"})


@dataclass(frozen=True)
class DisplayStyle:
    """The room and the characters of a place that shows a display.

    Attributes:
        width: Characters of a line.
        height: Number of lines.
        ascii_only: Whether it shows nothing but ASCII.
    """

    width: int = 80
    height: int = 24
    ascii_only: bool = False


class DisplayLines:
    """The lines of a display.

    Args:
        tally: The figures.
        waiting: Return what waits and why, in words.
        constants: Names of parameters that never vary, and are not shown.
        title: Begins the line with the figures.
    """

    def __init__(
        self,
        tally: Tally,
        waiting: Callable[[], Sequence[str]] = tuple,
        constants: Collection[str] = (),
        title: str = "",
    ) -> None:
        self.tally = tally
        self._waiting, self._constants = waiting, constants
        self._title = f"{title}: " if title else ""

    def now(self, style: DisplayStyle) -> list[str]:
        """Return the lines of a study that runs."""
        tally, lines = self.tally, []
        if tally.share is not None:
            lines.append(_bar(tally.share, min(BAR, style.width), style.ascii_only))
        lines.append(self._title + tally.line(running=False))
        lines += self._curves(style)
        waiting = list(self._waiting())
        room = style.height - len(lines) - bool(waiting)
        lines += self._running(style, max(1, min(MOST_RUNNING, room)))
        if waiting:
            lines.append(f"  waiting: {', '.join(waiting)}")
        return [fitted(line, style) for line in lines[: max(1, style.height)]]

    def last(self, style: DisplayStyle) -> list[str]:
        """Return the lines that stay: the curves, and one that sums up."""
        lines = [*self._curves(style), self.summary]
        return [fitted(line, style) for line in lines]

    @property
    def summary(self) -> str:
        """The figures at the end, in one line."""
        return self._title + self.tally.line(is_over=True)

    def _curves(self, style: DisplayStyle) -> list[str]:
        lines = []
        curves = self.tally.curves
        for name, curve in list(curves.items())[:MOST_CURVES]:
            ends = curve.ends
            text = curve.text(min(BAR, max(style.width - 30, 8)), ascii_only=style.ascii_only)
            if text and ends is not None:
                first, last = (format_value(value, 4) for value in ends)
                label = "best" if len(curves) == 1 else f"best {name}"
                lines.append(f"{label} {text} {first} → {last}")
        return lines

    def _running(self, style: DisplayStyle, most: int) -> list[str]:
        running = list(self.tally.running.values())
        if len(running) > most:
            shown = most - 1
            more = [f"  … and {len(running) - shown} more"]
        else:
            shown, more = most, []
        return [*(self._row(row, style) for row in running[:shown]), *more]

    def _row(self, row: RunningRow, style: DisplayStyle) -> str:
        trial, parts = row.trial, []
        if row.last is not None:
            parts.append(f"step {row.last[0]}: {format_value(row.last[1], 4)}")
        if trial.started is not None:
            parts.append(format_duration(max(0.0, time.time() - trial.started)))
        begin, end = f"  trial {trial.number}  ", "  ".join(parts)
        params = params_text(without_constants(trial.params, self._constants), 3)
        room = style.width - len(begin) - len(end) - 2
        if room < LEAST_PARAMS:
            return begin + end
        return f"{begin}{fitted(params, DisplayStyle(room, 1, style.ascii_only))}  {end}"


def _bar(share: float, width: int, ascii_only: bool) -> str:
    full, rest = ("#", ".") if ascii_only else ("█", "░")
    done = int(share * width)
    return full * done + rest * (width - done)


def fitted(text: str, style: DisplayStyle) -> str:
    """Return one line of text that fits, without anything that would move the cursor."""
    from rich.cells import cell_len, set_cell_size

    text = "".join(char if char.isprintable() else " " for char in text)
    if style.ascii_only:
        text = text.translate(_PLAIN).encode("ascii", "replace").decode()
    if cell_len(text) <= style.width:
        return text
    mark = "..." if style.ascii_only else "…"
    return set_cell_size(text, max(style.width - len(mark), 0)).rstrip() + mark[: style.width]
