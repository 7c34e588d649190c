"""The numbers of trials that pictures show."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory

from .drawing import COMPLETE, FAILED, LARGEST, PRUNED, RUNNING, NothingToDraw
from .wording import counted

STATES = {
    TrialState.COMPLETE: ("complete", COMPLETE),
    TrialState.PRUNED: ("pruned", PRUNED),
    TrialState.FAILED: ("failed", FAILED),
    TrialState.RUNNING: ("running", RUNNING),
}
"""Each state of a trial that has begun, with its word and colour."""


def value_of(trial: TrialRecord, objective: str) -> float:
    """Return a complete trial's value, within what can be drawn.

    The sums and quotients that scales are made of have to be finite as well.
    """
    value = (trial.values or {})[objective]
    return 0.0 if abs(value) < 1 / LARGEST else max(-LARGEST, min(LARGEST, value))


def completed(history: StudyHistory) -> list[TrialRecord]:
    """Return the complete trials.

    Raises:
        NothingToDraw: If there are none; the sentence says what there is.
    """
    found = [trial for trial in history.trials if trial.values is not None]
    if not found:
        raise NothingToDraw(no_complete(history))
    return found


def no_complete(history: StudyHistory) -> str:
    """Return a sentence on a study without a complete trial."""
    trials = tuple(history.trials)
    if not trials:
        return "The study has no trials yet."
    counts = {state: sum(1 for t in trials if t.state is state) for state in TrialState}
    ends = ", ".join(f"{n:,} {state.value.lower()}" for state, n in counts.items() if n)
    return f"No trial is complete: {ends}."


def stopped_value(history: StudyHistory, trial: TrialRecord, objective: str) -> float | None:
    """Return a pruned trial's estimate, or its last finite report; of the first objective only."""
    if objective != next(iter(history.directions)):
        return None
    if trial.estimate is not None and drawable(trial.estimate):
        return trial.estimate
    return next((v for _, v in reversed(trial.reports) if drawable(v)), None)


def drawable(value: float) -> bool:
    """Return True if a number can be drawn: it is finite, and not as large as can be."""
    return abs(value) <= LARGEST


def best_so_far(history: StudyHistory, objective: str) -> list[tuple[TrialRecord, float]]:
    """Return the complete trials that were better than all before, by number, with the value."""
    sign = history.directions[objective].sign
    best, found = math.inf, []
    for trial in history.trials:
        if trial.values is not None and sign * value_of(trial, objective) < best:
            best = sign * value_of(trial, objective)
            found.append((trial, value_of(trial, objective)))
    return found


def proposer(trial: TrialRecord) -> str:
    """Return the backend that proposed a trial, or ``enqueued``."""
    return "enqueued" if trial.backend is None else trial.backend


def improvements(history: StudyHistory, objective: str) -> tuple[Counter[str], dict[str, float]]:
    """Return how often each backend had the best so far, and its share of the improvement."""
    steps = best_so_far(history, objective)
    improved = Counter(proposer(trial) for trial, _ in steps[1:])
    largest = max((abs(value) for _, value in steps), default=0.0) or 1.0
    gains: dict[str, float] = dict.fromkeys(map(proposer, history.trials), 0.0)
    for (_, before), (trial, value) in pairwise(steps):
        gains[proposer(trial)] += abs(before / largest - value / largest)
    whole = sum(gains.values()) or 1.0
    return improved, {name: gain / whole for name, gain in gains.items()}


def best_trials(
    history: StudyHistory, trials: Sequence[TrialRecord], objective: str, most: int
) -> list[TrialRecord]:
    """Return the best of complete trials, the best first."""
    sign = history.directions[objective].sign
    ranked = sorted(trials, key=lambda t: (sign * (t.values or {})[objective], t.number))
    return ranked[:most]


def thinning_note(drawn: int, of: int, noun: str) -> tuple[str, ...]:
    """Return a sentence that says that not all are drawn, if so."""
    if drawn == of:
        return ()
    return (f"{drawn:,} of {counted(of, noun)} are drawn, evenly spread.",)
