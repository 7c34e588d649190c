"""Pictures of the values of a study's trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory

from .drawing import (
    COLOURS,
    COMPLETE,
    FAILED,
    GREY,
    INK,
    MANY,
    PRUNED,
    RUNNING,
    NothingToDraw,
    draw_each,
    escaped,
    finished,
    legend,
    set_value_scale,
    style,
    value_label,
    whole_numbers,
    write_sentence,
)  # fmt: skip
from .importance import objective_named, objectives_shown
from .picture import Picture
from .thinning import thinned
from .trial_values import (
    best_so_far,
    drawable,
    no_complete,
    stopped_value,
    thinning_note,
    value_of,
)  # fmt: skip

_MOST_CURVES = 100
_MOST_STEPS = 300
_OTHERS = "other backends"


def draw_history(histories: Sequence[StudyHistory], *, objective: str | None = None) -> Picture:
    """Draw the values of the trials in order, and the best so far.

    Args:
        histories: The studies.
        objective: The objective; all of them by default, a panel each.
    """

    def shown(history: StudyHistory) -> list[str]:
        return objectives_shown(history, objective)

    def draw(part: Any, history: StudyHistory) -> tuple[str, ...]:
        if not tuple(history.trials):
            raise NothingToDraw(no_complete(history))
        panels = part.subplots(len(shown(history)), 1, squeeze=False, sharex=True)[:, 0]
        notes: tuple[str, ...] = ()
        for axes, name in zip(panels, shown(history), strict=True):
            notes += _history_panel(axes, history, name, is_first=axes is panels[0])
        panels[-1].set_xlabel("trial")
        return notes

    return draw_each(histories, draw, lambda each: (7.0, 1.0 + 2.8 * len(shown(each))))


def _history_panel(
    axes: Axes, history: StudyHistory, objective: str, *, is_first: bool
) -> tuple[str, ...]:
    style(axes)
    whole_numbers(axes.xaxis)
    axes.set_ylabel(value_label(history, objective))
    trials = tuple(history.trials)
    complete = [t for t in trials if t.values is not None]
    handles: list[Any] = []
    names: list[str] = []
    drawn: list[float] = []
    for backend, colour, group in _by_backend(complete):
        values = [value_of(t, objective) for t in group]
        drawn += values
        handles.append(draw_points(axes, [t.number for t in group], values, colour, len(complete)))
        names.append(backend)
    pruned = [
        (t.number, value)
        for t in trials
        if t.state is TrialState.PRUNED
        and (value := stopped_value(history, t, objective)) is not None
    ]
    notes: tuple[str, ...] = ()
    if pruned:
        at, values = [n for n, _ in pruned], [v for _, v in pruned]
        drawn += values
        handles.append(draw_points(axes, at, values, PRUNED, len(trials), marker="x"))
        names.append("pruned")
        notes += ("Pruned trials are drawn at their estimate, or else their last report.",)
    steps = best_so_far(history, objective)
    if steps:
        numbers = [t.number for t, _ in steps] + [trials[-1].number]
        values = [v for _, v in steps] + [steps[-1][1]]
        (line,) = axes.plot(numbers, values, drawstyle="steps-post", color=INK, linewidth=1.4)
        handles.append(line)
        names.append("best so far")
    marks = _states_at_the_edges(axes, trials)
    handles += marks.values()
    names += marks
    if not drawn:
        text = escaped(no_complete(history))
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=INK)
        axes.set_yticks([])
    if is_first:
        legend(
            axes, handles, names, loc="lower left", bbox_to_anchor=(0, 1),
            ncols=min(5, len(names)), borderaxespad=0.2, columnspacing=1.2, handletextpad=0.4,
        )  # fmt: skip
    return notes + set_value_scale(axes.yaxis, drawn)


def _states_at_the_edges(axes: Axes, trials: Sequence[TrialRecord]) -> dict[str, Any]:
    """Mark trials without a value at the edges; return the marks of each state by its word."""
    found = {}
    for state, colour, word, height in (
        (TrialState.FAILED, FAILED, "failed", 0.0),
        (TrialState.RUNNING, RUNNING, "running", 1.0),
        (TrialState.WAITING, GREY, "waiting", 1.0),
    ):
        at = [t.number for t in trials if t.state is state]
        if at:
            found[word] = _edge_marks(axes, at, height, colour)
    return found


def _edge_marks(axes: Axes, at: Sequence[int], height: float, colour: str) -> Any:
    """Mark trials without a value at the lower or the upper edge."""
    (marks,) = axes.plot(
        at, [height] * len(at), "|", color=colour, markersize=9, clip_on=False,
        transform=axes.get_xaxis_transform(), rasterized=len(at) > MANY,
    )  # fmt: skip
    return marks


def draw_points(
    axes: Axes, x: Sequence[float], y: Sequence[float], colour: str, many: int, marker: str = "o"
) -> Any:
    """Draw points, the smaller the more there are."""
    size = 5.0 if many <= 200 else 3.0 if many <= MANY else 1.5
    (points,) = axes.plot(
        x, y, marker, color=colour, markersize=size, alpha=0.75 if many <= 200 else 0.5,
        markeredgewidth=0 if marker == "o" else 1.2, rasterized=many > MANY,
    )  # fmt: skip
    return points


def _by_backend(trials: Sequence[TrialRecord]) -> list[tuple[str, str, list[TrialRecord]]]:
    """Return name, colour and trials of each backend, by first trial; enqueued points last."""
    groups: dict[str, list[TrialRecord]] = {}
    names = list(dict.fromkeys(t.backend for t in trials if t.backend is not None))
    kept = set(names if len(names) <= len(COLOURS) else names[: len(COLOURS) - 1])
    for name in names:
        groups.setdefault(name if name in kept else _OTHERS, [])
    for trial in trials:
        if trial.backend is None:
            groups.setdefault("enqueued", []).append(trial)
        else:
            groups[trial.backend if trial.backend in kept else _OTHERS].append(trial)
    colours = iter(COLOURS)
    return [
        (name, "#000000" if name == "enqueued" else next(colours), group)
        for name, group in groups.items()
    ]


def draw_intermediate(histories: Sequence[StudyHistory]) -> Picture:
    """Draw the reports of each trial by step."""

    def draw(part: Any, history: StudyHistory) -> tuple[str, ...]:
        reporting = [t for t in history.trials if any(drawable(v) for _, v in t.reports)]
        if not reporting:
            raise NothingToDraw("No trial has reported intermediate values.")
        axes = part.subplots()
        style(axes)
        whole_numbers(axes.xaxis)
        objective = next(iter(history.directions))
        axes.set(xlabel="step", ylabel=value_label(history, objective))
        best = {t.number for t, _ in best_so_far(history, objective)[-1:]}
        curves = thinned(reporting, _MOST_CURVES)
        curves += [t for t in reporting if t.number in best and t not in curves]
        values: list[float] = []
        kinds: dict[str, Any] = {}
        for trial in sorted(curves, key=lambda t: t.number in best):
            points = sorted(trial.reports)
            points = thinned([p for p in points if drawable(p[1])], _MOST_STEPS)
            values += [v for _, v in points]
            kind, colour, width = _curve_kind(trial, trial.number in best)
            (kinds[kind],) = axes.plot(
                *zip(*points, strict=True), color=colour, linewidth=width,
                alpha=1.0 if width > 1 else 0.5, marker="." if len(points) == 1 else None,
            )  # fmt: skip
            if kind == "pruned":
                axes.plot(*points[-1], "x", color=colour, markersize=4)
        legend(axes, list(kinds.values()), list(kinds))
        notes = thinning_note(len(curves), len(reporting), "learning curve")
        if any(not drawable(v) for t in curves for _, v in t.reports):
            notes += ("Reports that are not finite, or too large to draw, are left out.",)
        return notes + set_value_scale(axes.yaxis, values)

    return draw_each(histories, draw, lambda _: (7.0, 4.0))


def _curve_kind(trial: TrialRecord, is_best: bool) -> tuple[str, str, float]:
    if is_best:
        return f"best (trial {trial.number})", INK, 2.0
    return {
        TrialState.COMPLETE: ("complete", COMPLETE, 0.9),
        TrialState.PRUNED: ("pruned", PRUNED, 0.9),
        TrialState.FAILED: ("failed", FAILED, 0.9),
    }.get(trial.state, ("running", RUNNING, 1.2))


def draw_edf(histories: Sequence[StudyHistory], *, objective: str | None = None) -> Picture:
    """Draw the share of complete trials up to each value, a line per study.

    Args:
        histories: The studies.
        objective: The objective; the first one by default.
    """
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    found: list[tuple[str, list[float]]] = []
    notes: tuple[str, ...] = ()
    axis_label = ""
    for history in histories:
        name = objective_named(history, objective)
        values = sorted(value_of(t, name) for t in history.trials if t.values is not None)
        if values:
            found.append((history.name, values))
            axis_label = axis_label or value_label(history, name)
        else:
            notes += (f"{history.name}: {no_complete(history)}",)
    if not found:
        write_sentence(
            figure, " ".join(notes) if len(histories) > 1 else no_complete(histories[0])
        )
        return finished(figure)
    axes = figure.subplots()
    style(axes)
    lines = []
    for i, (_, values) in enumerate(found):
        shares = np.arange(1, len(values) + 1) / len(values)
        points = thinned(list(zip(values, shares, strict=True)), 1000)
        (line,) = axes.plot(
            *zip(*points, strict=True), drawstyle="steps-post", color=COLOURS[i % len(COLOURS)],
            linestyle=("-", "--", ":")[i // len(COLOURS) % 3],
            marker="o" if len(points) == 1 else None,
        )  # fmt: skip
        lines.append(line)
    axes.set(xlabel=axis_label, ylabel="share of complete trials", ylim=(0, 1.02))
    legend(axes, lines, [name for name, _ in found])
    notes += set_value_scale(axes.xaxis, [v for _, values in found for v in values])
    return finished(figure, notes)
