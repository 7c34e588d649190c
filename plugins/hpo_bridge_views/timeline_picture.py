"""The picture of the time in which each trial ran."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from matplotlib.patches import Patch

from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.contracts.study_history import StudyHistory

from .drawing import GREY, MANY, NothingToDraw, draw_each, legend, style
from .picture import Picture
from .trial_values import STATES

_LEAST_PAUSE = 0.1
"""A time without a trial is cut out if it takes more than this share of all."""


def draw_timeline(histories: Sequence[StudyHistory]) -> Picture:
    """Draw each trial from its start to its end, in as many lanes as there were at a time."""
    known = {id(history): _lanes(history) for history in histories}

    def draw(part: Any, history: StudyHistory) -> tuple[str, ...]:
        bars, lanes = known[id(history)]
        if not bars:
            raise NothingToDraw("No trial has started yet.")
        axes = part.subplots()
        style(axes)
        bars, pauses = _without_pauses(bars)
        end = max(each[1] for each in bars)
        scale, unit = (1.0, "seconds") if end < 180 else (60.0, "minutes")
        scale, unit = (3600.0, "hours") if end > 3 * 3600 else (scale, unit)
        for state, (_, colour) in STATES.items():
            some = [each for each in bars if each[3].state is state]
            axes.hlines(
                [each[2] for each in some], [each[0] / scale for each in some],
                [max(each[1], each[0] + end / 2000) / scale for each in some], color=colour,
                linewidth=max(1.0, min(9.0, 150 / lanes)), alpha=0.85,
                rasterized=len(bars) > MANY,
            )  # fmt: skip
        for at, _ in pauses:
            axes.axvline(at / scale, color=GREY, linestyle="--", linewidth=1)
        axes.set(xlabel=unit, ylabel="trials at a time", ylim=(lanes - 0.3, -0.7))
        axes.set_yticks(range(lanes), range(1, lanes + 1)) if lanes < 20 else None
        axes.grid(False, axis="y")
        present = [s for s in STATES if any(each[3].state is s for each in bars)]
        legend(
            axes, [Patch(color=STATES[s][1]) for s in present], [STATES[s][0] for s in present],
            loc="lower left", bbox_to_anchor=(0, 1), ncols=4,
        )  # fmt: skip
        if not pauses:
            return ()
        lost = sum(length for _, length in pauses)
        return (f"Cut out at dashed lines: {_duration(lost)} without a trial.",)

    def size(history: StudyHistory) -> tuple[float, float]:
        return 7.0, 1.5 + min(4.0, 0.25 * max(2, known[id(history)][1]))

    return draw_each(histories, draw, size)


_Bar = tuple[float, float, int, TrialRecord]  # start, end, lane, trial


def _lanes(history: StudyHistory) -> tuple[list[_Bar], int]:
    """Return the bars of all trials that ran, each in the first lane that is free, by start."""
    ran = [t for t in history.trials if t.started is not None and t.reused is None]
    ran.sort(key=lambda t: (t.started, t.number))
    now = max((max(t.started or 0.0, t.finished or 0.0) for t in ran), default=0.0)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    bars: list[_Bar] = []
    for trial in ran:
        start = trial.started or 0.0
        end = now if trial.finished is None else max(start, trial.finished)
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (end, lane))
        bars.append((start, end, lane, trial))
    return bars, 1 + max((each[2] for each in bars), default=0)


def _without_pauses(bars: Sequence[_Bar]) -> tuple[list[_Bar], list[tuple[float, float]]]:
    """Return the bars from 0 on without long pauses, and where these were and how long."""
    origin = end = bars[0][0]
    whole = max(each[1] for each in bars) - origin
    cut, moved, pauses = 0.0, [], []
    for start, stop, lane, trial in bars:
        if start - end > _LEAST_PAUSE * whole:
            pauses.append((end - origin - cut, start - end))
            cut += start - end
        end = max(end, stop)
        moved.append((start - origin - cut, stop - origin - cut, lane, trial))
    return moved, pauses


def _duration(seconds: float) -> str:
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} seconds"
