"""The picture of trials as lines through their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.contracts.study_history import StudyHistory

from .drawing import GREY, INK, draw_each, label
from .importance import Importances, objective_named
from .parameter_axes import ParameterAxis, names_shown, shown_parameters
from .picture import Picture
from .thinning import thinned
from .trial_values import best_trials, completed, value_of
from .wording import counted

_MOST_LINES = 300
_INACTIVE = -0.14


def draw_parallel(
    histories: Sequence[StudyHistory],
    importances: Importances | None = None,
    /,
    *,
    params: Sequence[str] | None = None,
    objective: str | None = None,
) -> Picture:
    """Draw each trial as a line through its parameters to its rank; dark lines are the best.

    Args:
        histories: The studies.
        importances: The importance of their parameters, where a report has computed it.
        params: Names of the parameters; by default all, or the 12 most important ones.
        objective: The objective; the first one by default.
    """

    def size(history: StudyHistory) -> tuple[float, float]:
        return max(6.0, 1.6 + 1.15 * len(names_shown(history, params))), 4.2

    known = importances or Importances()
    draw = partial(_draw_lines, importances=known, params=params, objective=objective)
    return draw_each(histories, draw, size)


def _draw_lines(
    part: Any, history: StudyHistory, *, importances: Importances,
    params: Sequence[str] | None, objective: str | None,
) -> tuple[str, ...]:  # fmt: skip
    """Draw a study, and return what is to be said of it."""
    name = objective_named(history, objective)
    complete = completed(history)
    shown, notes = shown_parameters(history, params, name, importances)
    ranked = best_trials(history, complete, name, len(complete))
    ranks = {t.number: i / max(1, len(ranked) - 1) for i, t in enumerate(ranked)}
    some = _some_of(ranked)
    if len(some) < len(ranked):
        notes += (f"{len(some)} of {counted(len(ranked), 'trial')}: the best, and some others.",)
    rank = np.array([ranks[t.number] for t in some])
    shares = [np.nan_to_num(p.share(p.places(some)), nan=_INACTIVE) for p in shown]
    heights = np.column_stack([*shares, 1.0 - rank])
    axes = part.subplots()
    lines = LineCollection(
        [list(enumerate(row)) for row in heights[::-1]], array=rank[::-1], cmap="cividis",
        norm=Normalize(0, 1.15), alpha=0.75 if len(some) <= 100 else 0.5,
        linewidths=np.where(rank[::-1] < 0.1, 1.6, 0.7),
    )  # fmt: skip
    axes.add_collection(lines)
    _parallel_axes(axes, shown, history, name, [value_of(t, name) for t in ranked])
    return notes


def _some_of(ranked: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the best trials and some of the others, evenly spread over the ranks."""
    if len(ranked) <= _MOST_LINES:
        return list(ranked)
    best = _MOST_LINES // 3
    return [*ranked[:best], *thinned(ranked[best:], _MOST_LINES - best)]


def _parallel_axes(
    axes: Any, shown: Sequence[ParameterAxis], history: StudyHistory, objective: str,
    values: Sequence[float],
) -> None:  # fmt: skip
    """Draw a vertical axis per parameter with its ticks, and one for the value."""
    end = len(shown)
    axes.set(xlim=(-0.25, end + 0.4), ylim=(_INACTIVE - 0.05, 1.05), yticks=[])
    axes.set_xticks(
        range(end + 1), [*(p.title for p in shown), label(objective)],
        rotation=25, ha="right", fontsize=8,
    )  # fmt: skip
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.vlines(range(end + 1), 0, 1, color="#555555", linewidth=0.9)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.6}
    for x, parameter in enumerate(shown):
        ticks = [(float(parameter.share(place)), text) for place, text in parameter.ticks(8)]
        if parameter.is_conditional:
            ticks.append((_INACTIVE, "inactive"))
        for height, text in ticks:
            axes.text(x + 0.03, height, text, fontsize=6.5, va="center", color=INK, bbox=box)
    for height, value in ((1.0, values[0]), (0.5, values[len(values) // 2]), (0.0, values[-1])):
        axes.text(end + 0.03, height, f"{value:.3g}", fontsize=6.5, va="center", bbox=box)
    axes.text(end + 0.03, 1.06, "best", fontsize=6.5, color=GREY)
