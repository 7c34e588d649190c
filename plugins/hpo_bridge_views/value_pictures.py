"""Pictures of the values of a study's trials."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from hpo_bridge.contracts.study_history import StudyHistory

from .picture import Picture


def draw_history(histories: Sequence[StudyHistory]) -> Picture:
    """Draw the values of the trials in order."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for history in histories:
        name = next(iter(history.directions))
        complete = [(t.number, t.values[name]) for t in history.trials if t.values is not None]
        axes.plot(*zip(*complete, strict=True), "o", label=history.name)
    axes.set(xlabel="trial", ylabel="value")
    axes.legend()
    return Picture(figure)
