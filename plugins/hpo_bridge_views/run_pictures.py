"""Pictures of how a study ran: workers, steps and backends."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from hpo_bridge.contracts.record import TrialState
from hpo_bridge.contracts.study_history import StudyHistory

from .drawing import (
    COLOURS,
    COMPLETE,
    INK,
    NothingToDraw,
    draw_each,
    label,
    legend,
    style,
    whole_numbers,
)  # fmt: skip
from .importance import objective_named
from .picture import Picture
from .trial_values import (
    STATES,
    best_trials,
    drawable,
    improvements,
    no_complete,
    proposer,
    value_of,
)

_MOST_BARS = 30
_MOST_BACKENDS = 15


def draw_rungs(histories: Sequence[StudyHistory]) -> Picture:
    """Draw how many trials came to each step, and what became of them there."""
    return draw_each(histories, _draw_bars, lambda _: (7.0, 3.6))


def _draw_bars(part: Any, history: StudyHistory) -> tuple[str, ...]:
    """Draw a study, and return what is to be said of it."""
    last = [(max(step for step, _ in t.reports), t) for t in history.trials if t.reports]
    if not last:
        raise NothingToDraw("No trial has reported intermediate values.")
    steps = sorted({step for trial in history.trials for step, _ in trial.reports})
    groups = np.array_split(steps, min(len(steps), _MOST_BARS))
    firsts = [int(group[0]) for group in groups]
    places = range(len(groups))
    axes = part.subplots()
    style(axes)
    whole_numbers(axes.yaxis)
    where = np.searchsorted(firsts, [step for step, _ in last], side="right") - 1
    ends = np.bincount(where, minlength=len(groups))
    reached = ends[::-1].cumsum()[::-1]
    below = np.zeros(len(groups))
    handles, names = [], []
    kinds: list[Any] = [*STATES.items(), (None, ("went on", "#C9D6E2"))]
    for state, (word, colour) in kinds:
        ended: Any = reached - below
        if state is not None:
            mine = [t.state is state for _, t in last]
            ended = np.bincount(where[mine], minlength=len(groups))
        if ended.any():
            handles.append(axes.bar(places, ended, bottom=below, color=colour, width=0.8))
            names.append(word if state is None else f"{word} here")
        below = below + ended
    if len(groups) <= 15:
        for place, number in zip(places, reached, strict=True):
            axes.text(place, number, f"{number:,}", ha="center", va="bottom", fontsize=7)
    every = -(-len(groups) // 15)
    axes.set_xticks(list(places)[::every], [str(each) for each in firsts[::every]])
    axes.grid(False, axis="x")
    axes.set(xlabel="step", ylabel="trials that came to it")
    axes.margins(y=0.1)
    legend(axes, handles, names, loc="lower left", bbox_to_anchor=(0, 1), ncols=5)
    if len(steps) == len(groups):
        return ()
    return (f"Each bar is up to {max(map(len, groups))} steps, named by the first.",)


def draw_folds(histories: Sequence[StudyHistory], *, trials: int = 10) -> Picture:
    """Draw the folds of the best trials, with the mean and its standard error.

    Args:
        histories: The studies.
        trials: The number of trials.
    """
    return draw_each(histories, partial(_draw_best_folds, trials=trials), lambda _: (7.0, 3.8))


def _draw_best_folds(part: Any, history: StudyHistory, *, trials: int) -> tuple[str, ...]:
    """Draw a study, and return what is to be said of it."""
    objective = next(iter(history.directions))
    folded = [t for t in history.trials if t.values is not None and t.standard_errors
              and len(t.reports) > 1]  # fmt: skip
    if not folded:
        raise NothingToDraw("No complete trial has reported folds.")
    best = best_trials(history, folded, objective, max(1, trials))
    axes = part.subplots()
    style(axes)
    colours = {
        fold: COLOURS[i % len(COLOURS)]
        for i, fold in enumerate(sorted({step for t in best for step, _ in t.reports}))
    }
    for fold, colour in colours.items():
        found = [(x, dict(t.reports)[fold]) for x, t in enumerate(best)
                 if drawable(dict(t.reports).get(fold, math.nan))]  # fmt: skip
        if found:
            points = list(zip(*found, strict=True))
            axes.plot(*points, color=colour, linewidth=0.6, alpha=0.4)
            axes.plot(*points, "o", color=colour, markersize=4, alpha=0.8)
    for x, trial in enumerate(best):
        mean = value_of(trial, objective)
        error = (trial.standard_errors or {}).get(objective, 0.0)
        axes.errorbar(x, mean, error, color=INK, marker="_", markersize=14, capsize=3)
    names = [f"trial {t.number}" for t in best]
    axes.set_xticks(range(len(best)), names, rotation=35 if len(best) > 5 else 0)
    axes.set_ylabel(label(objective))
    axes.margins(x=0.06)
    return ("A colour per fold; black: the mean and its standard error. The best is left.",)


def draw_backends(histories: Sequence[StudyHistory], *, objective: str | None = None) -> Picture:
    """Draw the trials of each backend, and the share of all improvement that it brought.

    Args:
        histories: The studies.
        objective: The objective; the first one by default.
    """

    def size(history: StudyHistory) -> tuple[float, float]:
        n = len({proposer(t) for t in history.trials})
        return 8.5, 1.6 + 0.35 * min(_MOST_BACKENDS, max(2, n))

    return draw_each(histories, partial(_draw_shares, objective=objective), size)


def _draw_shares(part: Any, history: StudyHistory, *, objective: str | None) -> tuple[str, ...]:
    """Draw a study, and return what is to be said of it."""
    name = objective_named(history, objective)
    trials = [t for t in history.trials if t.state is not TrialState.WAITING]
    if not trials:
        raise NothingToDraw(no_complete(history))
    counts = Counter(proposer(t) for t in trials)
    names = [each for each, _ in counts.most_common(_MOST_BACKENDS)]
    places = np.arange(len(names))[::-1]
    left, middle, right = part.subplots(1, 3, sharey=True)
    below = np.zeros(len(names))
    handles = []
    present = [s for s in STATES if any(t.state is s for t in trials)]
    for kind in present:
        found = Counter(proposer(t) for t in trials if t.state is kind)
        widths = np.array([found[each] for each in names])
        handles.append(left.barh(places, widths, left=below, color=STATES[kind][1], height=0.6))
        below = below + widths
    improved, gains = improvements(history, name)
    middle.barh(places, [improved[each] for each in names], color=COMPLETE, height=0.6)
    right.barh(places, [gains[each] for each in names], color=COMPLETE, height=0.6)
    left.set_yticks(places, [label(each) for each in names])
    words = ("trials", "times the best so far", "share of the improvement")
    for axes, word in zip((left, middle, right), words, strict=True):
        style(axes)
        axes.set_xlabel(word)
        axes.grid(False, axis="y")
    whole_numbers(left.xaxis)
    whole_numbers(middle.xaxis)
    right.set_xlim(0, 1)
    legend(
        left, handles, [STATES[kind][0] for kind in present], loc="lower left",
        bbox_to_anchor=(0, 1), ncols=2, fontsize=7, handlelength=1, columnspacing=0.8,
    )  # fmt: skip
    notes: tuple[str, ...] = ("The first complete trial is the start, and no improvement.",)
    if len(counts) > len(names):
        notes += (f"The {len(names)} backends with most trials of {len(counts)}.",)
    return notes
