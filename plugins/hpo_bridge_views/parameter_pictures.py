"""Pictures of the values by parameter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory

from .drawing import (
    COMPLETE,
    FAILED,
    INK,
    draw_each,
    label,
    set_value_scale,
    style,
    value_label,
)  # fmt: skip
from .importance import Importance, Importances, objective_named, objectives_shown
from .parameter_axes import ParameterAxis, names_shown, shown_parameters
from .picture import Picture
from .thinning import thinned
from .trial_values import best_trials, completed, thinning_note, value_of

_MOST_BARS = 20
_MOST_MARKS, _MOST_BEST, _MOST_FAILED = 400, 100, 100  # of each panel of a slice
_AGES = 8  # colours from early to late trials


def draw_importance(
    histories: Sequence[StudyHistory],
    importances: Importances | None = None,
    /,
    *,
    objective: str | None = None,
) -> Picture:
    """Draw the importance of each parameter with its interval.

    Args:
        histories: The studies.
        importances: The importance of their parameters, where a report has computed it.
        objective: The objective; all of them by default, a panel each.
    """
    known = importances or Importances()

    def shown(history: StudyHistory) -> list[str]:
        return objectives_shown(history, objective)

    def draw(part: Any, history: StudyHistory) -> tuple[str, ...]:
        panels = part.subplots(1, len(shown(history)), squeeze=False)[0]
        notes: list[str] = []
        for axes, name in zip(panels, shown(history), strict=True):
            found = known.of(history, name)
            notes += _importance_panel(axes, history, found, titled=len(panels) > 1)
        return list(dict.fromkeys(notes))  # type: ignore[return-value]

    def size(history: StudyHistory) -> tuple[float, float]:
        bars = min(_MOST_BARS, len(history.space))
        return max(6.0, 4.2 * len(shown(history))), 1.3 + 0.28 * max(4, bars)

    return draw_each(histories, draw, size)


def _importance_panel(
    axes: Any, history: StudyHistory, found: Importance, *, titled: bool
) -> list[str]:
    if titled:
        axes.set_title(label(found.objective))
    if found.reason is not None:
        axes.set_axis_off()
        sentence = found.reason[0].upper() + found.reason[1:].replace(", ", ",\n") + "."
        axes.text(
            0.5, 0.5, sentence, ha="center", va="center", transform=axes.transAxes, color=INK
        )
        return list(found.notes)
    style(axes)
    bars = found.parameters[:_MOST_BARS]
    places = np.arange(len(bars))[::-1]
    axes.barh(places, [each.value for each in bars], color=COMPLETE, height=0.62)
    axes.hlines(places, [each.low for each in bars], [each.high for each in bars], color=INK,
                linewidth=1.3)  # fmt: skip
    names = [
        label(each.name) + (f" ({each.trials})" if each.name in history.space.conditions else "")
        for each in bars
    ]
    axes.set_yticks(places, names)
    axes.grid(False, axis="y")
    axes.set(xlim=(0, 1), xlabel="share of the effect on the values, with 90 % interval")
    notes = list(found.notes)
    if any(each.name in history.space.conditions for each in bars):
        notes.append("In brackets: the trials in which a conditional parameter is active.")
    if len(found.parameters) > len(bars):
        notes.append(f"The first {len(bars)} of {len(found.parameters)} parameters.")
    return notes


def draw_slice(
    histories: Sequence[StudyHistory],
    importances: Importances | None = None,
    /,
    *,
    params: Sequence[str] | None = None,
    objective: str | None = None,
) -> Picture:
    """Draw the values against each parameter; the colour tells early from late trials.

    Args:
        histories: The studies.
        importances: See :func:`draw_importance`.
        params: Names of the parameters; by default all, or the 12 most important ones.
        objective: The objective; the first one by default.
    """

    def size(history: StudyHistory) -> tuple[float, float]:
        n = len(names_shown(history, params))
        return 1.2 + 2.3 * min(4, n), 0.5 + 2.4 * -(-n // 4)

    known = importances or Importances()
    draw = partial(_draw_panels, importances=known, params=params, objective=objective)
    return draw_each(histories, draw, size)


def _draw_panels(
    part: Any, history: StudyHistory, *, importances: Importances,
    params: Sequence[str] | None, objective: str | None,
) -> tuple[str, ...]:  # fmt: skip
    """Draw a study, and return what is to be said of it."""
    name = objective_named(history, objective)
    complete = completed(history)
    shown, notes = shown_parameters(history, params, name, importances)
    columns = min(4, len(shown))
    grid = part.subplots(-(-len(shown) // columns), columns, squeeze=False, sharey=True)
    failed = [t for t in history.trials if t.state is TrialState.FAILED]
    some = _some_of(history, complete, name)
    notes += thinning_note(len(some), len(complete), "trial")
    complete, failed = some, thinned(failed, _MOST_FAILED)
    values = np.array([value_of(t, name) for t in complete])
    for axes in grid.ravel()[len(shown) :]:
        axes.set_axis_off()
    ages = ScalarMappable(
        Normalize(complete[0].number, max(complete[-1].number, complete[0].number + 1)),
        colormaps["viridis"].resampled(_AGES),
    )
    groups = np.array_split(np.arange(len(complete)), _AGES)
    marks = [(g, ages.to_rgba(complete[g[0]].number)) for g in groups if len(g)]
    for axes, parameter in zip(grid.ravel(), shown, strict=False):
        _slice_panel(axes, parameter, complete, values, marks)
        _failed_marks(axes, parameter, failed)
        parameter.apply(axes.xaxis)
    for axes in grid[:, 0]:
        axes.set_ylabel(value_label(history, name))
    notes += set_value_scale(grid[0, 0].yaxis, values)
    bar = part.colorbar(ages, ax=grid, pad=0.01, aspect=30)
    bar.set_label("trial", size=8)
    bar.ax.tick_params(labelsize=7)
    if failed:
        notes += ("Marks at the lower edge: failed trials.",)
    return notes


def _some_of(
    history: StudyHistory, complete: Sequence[TrialRecord], objective: str
) -> list[TrialRecord]:
    """Return trials evenly spread, and all of the best, by number."""
    some = thinned(complete, _MOST_MARKS)
    if len(some) < len(complete):
        best = best_trials(history, complete, objective, _MOST_BEST)
        some = list({t.number: t for t in [*some, *best]}.values())
    return sorted(some, key=lambda t: t.number)


def _slice_panel(
    axes: Any, parameter: ParameterAxis, complete: Sequence[TrialRecord], values: Any,
    marks: Sequence[tuple[Any, Any]],
) -> None:  # fmt: skip
    """Draw the trials in groups of one colour, which a page has room for."""
    style(axes)
    places = parameter.spread(parameter.places(complete))
    active = ~np.isnan(places)
    for group, colour in marks:
        here = group[active[group]]
        if not len(here):  # an empty line has an extent at the figure's corner
            continue
        axes.plot(
            places[here], values[here], "o", color=colour, markeredgewidth=0,
            markersize=4 if len(complete) <= 200 else 2.6,
        )  # fmt: skip


def _failed_marks(axes: Any, parameter: ParameterAxis, failed: Sequence[TrialRecord]) -> None:
    """Mark failed trials at the lower edge."""
    places = parameter.spread(parameter.places(failed))
    places = places[~np.isnan(places)]
    if not len(places):  # see above
        return
    axes.plot(
        places, np.zeros(len(places)), "|", color=FAILED,
        transform=axes.get_xaxis_transform(), markersize=7, clip_on=False,
    )  # fmt: skip
