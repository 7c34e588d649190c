"""The picture of several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hpo_bridge.contracts.directions import Objectives
from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.contracts.study_history import StudyHistory

from .drawing import (
    FAILED,
    GREY,
    NothingToDraw,
    draw_each,
    legend,
    set_value_scale,
    style,
    value_label,
)  # fmt: skip
from .importance import MOST_PANELS, objective_named
from .picture import Picture
from .trial_values import completed, value_of
from .value_pictures import draw_points


def draw_pareto(
    histories: Sequence[StudyHistory], *, objectives: Sequence[str] | None = None
) -> Picture:
    """Draw the values of two objectives against each other, and the front; pairs of more.

    Args:
        histories: The studies.
        objectives: Names of the objectives; all of them by default.
    """

    def size(history: StudyHistory) -> tuple[float, float]:
        n = max(1, len(_pairs(history, objectives)))
        columns = min(3, n)
        return (5.5 if n == 1 else 3.6 * columns), 4.2 if n == 1 else 0.4 + 3.1 * -(-n // columns)

    return draw_each(histories, partial(_draw_front, objectives=objectives), size)


def _pairs(history: StudyHistory, objectives: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return the pairs of objectives that are drawn."""
    chosen = list(history.directions) if objectives is None else _listed(objectives)
    names = [objective_named(history, name) for name in chosen][:MOST_PANELS]
    return list(combinations(names, 2))


def _draw_front(
    part: Any, history: StudyHistory, *, objectives: Sequence[str] | None
) -> tuple[str, ...]:
    """Draw a study, and return what is to be said of it."""
    pairs = _pairs(history, objectives)
    if not pairs:
        raise NothingToDraw("The study has one objective; the history shows its values.")
    complete = completed(history)
    front = Objectives(history.directions).front(complete)
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    grid = part.subplots(rows, columns, squeeze=False).ravel()
    notes: tuple[str, ...] = ()
    for axes in grid[len(pairs) :]:
        axes.set_axis_off()
    for axes, (x, y) in zip(grid, pairs, strict=False):
        notes += _pareto_panel(axes, history, complete, front, (x, y))
    marks = [Line2D([], [], marker="o", linestyle="", color=colour) for colour in (GREY, FAILED)]
    legend(grid[0], marks, ["dominated", f"front ({len(front):,})"])
    if len(history.directions) > MOST_PANELS and objectives is None:
        notes += (f"The first {MOST_PANELS} of {len(history.directions)} objectives.",)
    return notes


def _pareto_panel(
    axes: Axes, history: StudyHistory, complete: Sequence[TrialRecord],
    front: Sequence[TrialRecord], pair: tuple[str, str],
) -> tuple[str, ...]:  # fmt: skip
    style(axes)
    x, y = ([value_of(t, name) for t in complete] for name in pair)
    draw_points(axes, x, y, GREY, len(complete))
    points = sorted(tuple(value_of(t, name) for name in pair) for t in front)
    if len(history.directions) == 2:
        axes.plot(*zip(*points, strict=True), color=FAILED, linewidth=0.8, alpha=0.5)
    axes.plot(*zip(*points, strict=True), "o", color=FAILED, markersize=4.5)
    axes.set(xlabel=value_label(history, pair[0]), ylabel=value_label(history, pair[1]))
    return set_value_scale(axes.xaxis, x) + set_value_scale(axes.yaxis, y)


def _listed(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else [str(each) for each in given]
