"""The picture of a comparison: the best so far, of several runs of each variant."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
from matplotlib.figure import Figure

from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.errors import InvalidOptions

from .drawing import COLOURS, finished, legend, set_value_scale, style, value_label, write_sentence
from .importance import objective_named
from .picture import Picture
from .trial_values import no_complete, value_of

_RUN = re.compile(r"(?:.*\.compare-)?(.+)\.\d+")


def draw_runs(
    histories: Sequence[StudyHistory],
    *,
    labels: Sequence[str] | None = None,
    objective: str | None = None,
) -> Picture:
    """Draw the best value so far: the median of the runs of a label, and their quartiles.

    Args:
        histories: The runs.
        labels: The label of each run; by default its name without the number at its end.
        objective: The objective; the first one by default.
    """
    if labels is not None and len(labels) != len(histories):
        raise InvalidOptions(f"found {len(labels)}, expected {len(histories)}", "labels")
    name = objective_named(histories[0], objective)
    sign = histories[0].directions[name].sign
    curves: dict[str, list[list[float]]] = {}
    for place, history in enumerate(histories):
        label = _label(history.name) if labels is None else labels[place]
        curve = _best_so_far(history, name)
        if curve:
            curves.setdefault(label, []).append(curve)
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    if not curves:
        write_sentence(figure, no_complete(histories[0]))
        return finished(figure)
    notes = _draw(figure, curves, value_label(histories[0], name), sign)
    return finished(figure, notes)


def _draw(
    figure: Figure, curves: Mapping[str, list[list[float]]], axis: str, sign: float
) -> list[str]:
    axes = figure.subplots()
    style(axes)
    lines, notes, drawn = [], [], []
    for place, (_, runs) in enumerate(curves.items()):
        length = min(map(len, runs))
        losses = np.percentile(
            [run[:length] for run in runs], (25, 50, 75), axis=0, method="nearest"
        )
        low, middle, high = sign * np.where(np.isinf(losses), np.nan, losses)  # no value, no line
        steps = np.arange(1, length + 1)
        colour = COLOURS[place % len(COLOURS)]
        (line,) = axes.plot(
            steps, middle, color=colour, drawstyle="steps-post",
            linestyle=("-", "--", ":")[place // len(COLOURS) % 3],
        )  # fmt: skip
        axes.fill_between(steps, low, high, color=colour, alpha=0.15, step="post", linewidth=0)
        lines.append(line)
        drawn += [*low[np.isfinite(low)], *high[np.isfinite(high)]]
    counts = sorted({len(runs) for runs in curves.values()})
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    notes.append(f"Medians and quartiles of the best value so far, over {many} runs of each.")
    axes.set(xlabel="trials", ylabel=f"best {axis} so far")
    legend(axes, lines, list(curves))
    return [*notes, *set_value_scale(axes.yaxis, drawn)]


def _best_so_far(history: StudyHistory, objective: str) -> list[float]:
    """Return the best loss after each trial, infinite before the first value; empty for none."""
    sign = history.directions[objective].sign
    losses = [
        math.inf if trial.values is None else sign * value_of(trial, objective)
        for trial in history.trials
        if trial.state.is_final
    ]
    best = list(accumulate(losses, min))
    return best if best and math.isfinite(best[-1]) else []


def _label(study: str) -> str:
    """Return the label of a run's study.

    >>> _label("digits.compare-optuna.tpe.3")
    'optuna.tpe'
    """
    found = _RUN.fullmatch(study)
    return study if found is None else found[1]
